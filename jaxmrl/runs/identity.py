"""Whether the run in a directory is the one that a command asks for, and whether the same code can go on with it."""

import json
import tomllib
from pathlib import Path
from typing import Any

from jaxmrl.config.names import ADDABLE, CONTINUED_SPLITS
from jaxmrl.errors import ConfigError

FORMAT = 3
"""The format of a run directory's files. Raise it when a run of the version before could not be resumed."""

CODE_METADATA = ("software", "sources", "jax", "device")
"""The metadata that decide what is trained, beside settings and data."""

_LATER_SETTINGS: dict[str, Any] = {"split_seeds": 1}
"""Settings that runs of earlier versions lack, and what these did."""

_SAME_METADATA = ("data", "scores", "extra", "init")
_OF_DATA = ("data of", "features of")
"""How the names of the digests of a run's data begin."""

_MOST_SAID = 6
"""The most differences that an error names."""


def read_run(path: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the metadata of run.json and the settings of config.toml; None in a directory that has no run.

    Raises ConfigError where they are damaged, of another format, or missing beside other files of a run.
    """
    config, run = path / "config.toml", path / "run.json"
    if not config.exists() or not run.exists():
        foreign = [name for name in (config.name, "results.csv", "checkpoints") if (path / name).exists()]
        if foreign:
            raise ConfigError(f"{path} contains {foreign[0]}, but no run that can be resumed; choose another --out")
        return None
    try:
        metadata = json.loads(run.read_text(encoding="utf-8"))
        settings = tomllib.loads(config.read_text(encoding="utf-8"))
        if not isinstance(metadata, dict):
            raise ValueError(f"expected an object, got {metadata!r:.40}")
    except ValueError as error:
        raise ConfigError(f"{run} or config.toml beside it is damaged ({error}); choose another --out") from None
    if (theirs := metadata.get("format", 1)) != FORMAT:
        raise ConfigError(
            f"{path} has files of format {theirs}, and this version of jaxmrl reads and writes format {FORMAT}. "
            "Continue with the version that wrote them, or choose another --out; jaxmrl fit reads its learning curves"
        )
    return metadata, settings


def check_same_run(
    path: Path, saved: tuple[dict, dict], metadata: dict[str, Any], settings: dict[str, Any], extend: bool
) -> None:
    """Raise ConfigError, naming what differs, where the run there has other settings or data.

    extend: whether metadata may be added; the settings are then those of `extend.extended`, which has checked them
    """
    theirs = {name: value for name, value in _LATER_SETTINGS.items() if name in settings} | saved[1]
    apart = {name for name in {**theirs, **settings} if theirs.get(name) != settings.get(name)}
    differing = [] if extend else _differences(theirs, settings)
    for name in _SAME_METADATA:
        there, here = (_as_dict(name, side.get(name)) for side in (saved[0], metadata))
        if extend:
            there = {key: value for key, value in there.items() if value is not None}
            here = {key: here.get(key) for key in there}
        differing += _differences(there, here)
    if differing:
        more = [f"{len(differing) - _MOST_SAID} more"] if len(differing) > _MOST_SAID else []
        raise ConfigError(
            f"{path} contains another run, which differs in {', '.join(differing[:_MOST_SAID] + more)}. "
            f"Choose another --out{_other_remedy(path, apart, differing)}"
        )


def _other_remedy(path: Path, apart: set[str], differing: list[str]) -> str:
    """Return another remedy for the error message; apart: the settings that differ."""
    if all(one.startswith(_OF_DATA) for one in differing):
        splits = {one.split()[3] for one in differing if one.startswith(_OF_DATA[0])}
        if not splits <= set(CONTINUED_SPLITS):  # --previous keeps the parts of these alone
            return ""
        return f"; if rows were added to the file, give --previous {path} as well: test molecules then stay the same"
    may = ", add to it with --extend" if apart and apart <= set(ADDABLE) else ""
    return f"{may}, or give the settings in its config.toml"


def changed_code(saved: dict[str, Any], metadata: dict[str, Any]) -> str:
    """Return what decides numbers and has changed since the run began, such as `jax ("0.10.1" there, ...)`, or ""."""
    differing = []
    for name in CODE_METADATA:
        differing += _differences(_as_dict(name, saved.get(name)), _as_dict(name, metadata.get(name)))
    return ", ".join(differing[:_MOST_SAID])


def _as_dict(name: str, value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {name: value}


def _differences(saved: dict[str, Any], new: dict[str, Any]) -> list[str]:
    def change(key: str) -> str:
        there, here = (json.dumps(side[key]) if key in side else "not set" for side in (saved, new))
        return f"{key} ({there} there, {here} here)"

    return [change(key) for key in {**new, **saved} if saved.get(key) != new.get(key)]
