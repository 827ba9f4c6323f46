"""From the words of a command line to its settings: flags over a TOML file, over the run that --extend extends."""

import contextlib
import io
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import tyro

from jaxmrl.cli.options import options_type, values_of
from jaxmrl.cli.usage_errors import usage_error
from jaxmrl.config import Config, SweepConfig, read_toml
from jaxmrl.config.names import DEDUPLICATE
from jaxmrl.errors import ConfigError
from jaxmrl.startup import USAGE
from jaxmrl.sweep.extend import saved_settings
from jaxmrl.text import one_line

_SOURCES = ("dataset", "csv", "npz")
_OF_TABLES = (
    "sheet",
    "smiles_column",
    "censored",
    "assay_column",
    "value_column",
    "pic50",
    "log10",
    "weight_column",
)
_DESCRIBED = {"dataset": ("task", *_OF_TABLES), "npz": _OF_TABLES, "csv": ()}
"""Settings about a file of another kind, which do not fit the source that a flag gives."""

SomeSettings = TypeVar("SomeSettings", bound=Config)


def end(message: str, code: int) -> NoReturn:
    """Print a message on standard error and end the process with an exit code."""
    print(message, file=sys.stderr)
    raise SystemExit(code)


def parse(kind: type[Config], flags_kind: type, program: str, description: str, arguments: list[str]) -> Any:
    """Return the settings: flags override the TOML file that --config names, and that overrides the defaults. Errors
    become one line and exit code 2.
    """
    arguments = _with_values(arguments)
    settings = _file_settings(kind, program, arguments)
    given = {one.name: getattr(settings, one.name) for one in fields(kind)}
    values = values_of(parse_flags(options_type((kind, flags_kind), given), program, description, arguments))
    return flags_kind(settings=kind(**{name: values.pop(name) for name in given}), **values)


def _with_values(arguments: list[str]) -> list[str]:
    """Return the arguments with the value that --deduplicate alone stands for; --no-deduplicate overrides a file's."""
    whole = []
    for word, following in zip(arguments, [*arguments, "-"][1:], strict=True):
        if word == "--deduplicate" and following.startswith("-"):
            whole += [word, DEDUPLICATE[0]]
        else:
            whole += ["--deduplicate", "None"] if word == "--no-deduplicate" else [word]
    return whole


def parse_flags(kind: type, program: str, description: str, arguments: list[str], **more: Any) -> Any:
    """Return a `kind` from its flags. Errors become one line and exit code 2."""
    captured = io.StringIO()
    try:
        with contextlib.redirect_stderr(captured):
            return tyro.cli(
                kind,
                prog=program,
                description=description,
                args=arguments,
                config=(tyro.conf.OmitArgPrefixes,),
                **more,
            )
    except SystemExit as ended:
        if ended.code:
            end(f"error: {one_line(usage_error(captured.getvalue()))}", USAGE)
        raise


@dataclass(frozen=True)
class _EarlyFlags:
    """Flags that decide which settings of a file count. They are read before all others."""

    config: str | None = None
    out: str | None = None
    dataset: str | None = None
    csv: str | None = None
    npz: str | None = None
    epochs: str | None = None
    steps: str | None = None
    min_steps: str | None = None
    scores: str | None = None
    embeddings: str | None = None
    extend: bool = False


def _file_settings(kind: type[SomeSettings], program: str, arguments: list[str]) -> SomeSettings:
    """Return the settings of the file that --config names, over those of the run that --extend extends.

    Settings that a flag here, or the file, rules out are left out.
    """
    flags, _ = parse_flags(_EarlyFlags, program, "", arguments, return_unknown_args=True, add_help=False)
    if len(sources := [name for name in _SOURCES if getattr(flags, name)]) > 1:
        raise ConfigError(f"give --{' or --'.join(sources)}, not both")
    values = read_toml(Path(flags.config), kind) if flags.config else {}
    out = flags.out or values.get("out")
    if flags.extend and out and kind is SweepConfig:
        values = _without_rivals(saved_settings(Path(out)), set(values)) | values
    values = _without_rivals(values, {name for name, value in vars(flags).items() if value})
    for name in ("csv", "npz", "scores", "embeddings"):
        if getattr(flags, name) and name in kind.__dataclass_fields__:
            values |= {name: getattr(flags, name)}
    return kind(**values)


def _without_rivals(values: dict[str, Any], given: set[str]) -> dict[str, Any]:
    """Return the settings without those that the names of others, which are `given`, rule out."""
    ruled_out = {
        name
        for rivals in (("epochs", "steps"), ("min_steps", "steps"), _SOURCES)
        for name in rivals
        if given & set(rivals) - {name}
    }
    for source in given & set(_SOURCES):
        ruled_out |= set(_DESCRIBED[source])
    return {name: value for name, value in values.items() if name not in ruled_out}
