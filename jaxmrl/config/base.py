"""What the settings of every command have in common: values in their own types, checked where they enter."""

import math
import types
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from jaxmrl.config.names import PRECISIONS
from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.text import one_of

COUNTS = (
    "seeds",
    "epochs",
    "steps",
    "min_steps",
    "split_seeds",
    "cuts",
    "batch_size",
    "evaluate_every",
    "patience",
    "lanes",
    "score_seeds",
    "score_epochs",
    "trees",
)


class Config:
    """What the settings of all commands have in common: values are converted to their types and checked."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    dataset: str
    csv: Path | None
    npz: Path | None = None
    smiles_column: str | None
    sheet: str | None = None

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, typed(type(self), f.name, getattr(self, f.name)))
        for name in COUNTS:
            value = getattr(self, name, None)
            if value is not None and value != "auto" and value < 1:
                raise ConfigError(f"{flag(name)} must be 1 or more; got {value}")
        if self.csv is None and self.smiles_column:
            raise ConfigError("--smiles-column describes a file of your own: give --csv too")
        if self.csv is None and self.sheet:
            raise ConfigError("--sheet names a sheet of your own workbook: give --csv too")

    @property
    def name(self) -> str:
        """The name of the data set, or of the user's file."""
        return self.file.name.split(".")[0] if self.file else self.dataset

    @property
    def file(self) -> Path | None:
        """The user's own file; None for a data set."""
        return self.csv or self.npz


class TrainingConfig(Config):
    """What the settings of the commands that train have in common."""

    precision: str
    dropout: float | None
    learning_rate: float | None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width", "depth"):
            values = getattr(self, name, None) or ()
            if min(values if isinstance(values, tuple) else (values,), default=1) < 1:
                raise ConfigError(f"{flag(name)} must be 1 or more; got {values}")
        check_choice("precision", self.precision, PRECISIONS)
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ConfigError(f"--dropout must be at least 0 and below 1; got {self.dropout:g}")
        if self.learning_rate is not None and not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ConfigError(f"--learning-rate must be a positive number; got {self.learning_rate:g}")


def flag(name: str) -> str:
    """Return the flag of a setting, such as `--batch-size` of `batch_size`."""
    return "--" + name.replace("_", "-")


_ACCEPTED = {float: (int, float), Path: (str, Path)}

_IN_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path"}


class Kind(NamedTuple):
    """What values a setting takes: their type, whether there may be several, and words that may stand for one."""

    type: type
    several: bool = False
    words: tuple[str, ...] = ()


_KNOWN_KINDS: dict[type[Config], dict[str, Kind]] = {}


def setting_kinds(settings: type[Config]) -> dict[str, Kind]:
    """Return what values each setting takes, from its annotation."""
    if settings not in _KNOWN_KINDS:
        hints = get_type_hints(settings)
        _KNOWN_KINDS[settings] = {f.name: _kind(hints[f.name]) for f in fields(settings)}
    return _KNOWN_KINDS[settings]


def _kind(hint: Any) -> Kind:
    if get_origin(hint) is tuple:
        return Kind(get_args(hint)[0], several=True)
    if get_origin(hint) is Literal:
        return Kind(str)
    if get_origin(hint) in (Union, types.UnionType):
        first, *others = get_args(hint)
        words = (word for one in others if get_origin(one) is Literal for word in get_args(one))
        return _kind(first)._replace(words=tuple(words))
    return Kind(hint)


def typed(settings: type[Config], name: str, value: Any) -> Any:
    """Return the value of a setting in its own type.

    A list becomes a tuple, one value becomes a list of one, and a string becomes a path.
    """
    kind = setting_kinds(settings)[name]
    if value is None or value in kind.words or value == settings.__dataclass_fields__[name].default:
        return value
    if kind.several:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_scalar(name, item, kind) for item in items)
    return _scalar(name, value, kind)


def _scalar(name: str, value: Any, allowed: Kind) -> Any:
    kind = allowed.type
    if not isinstance(value, _ACCEPTED.get(kind, kind)) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{flag(name)} must be {one_of((_IN_WORDS[kind], *allowed.words))}; got {value!r}")
    if isinstance(value, int) and abs(value) >= 2**32:
        shown = value if value.bit_length() < 100 else f"a number of {value.bit_length()} bits"
        raise ConfigError(f"{flag(name)} must be below 2^32; got {shown}")
    if kind in (str, Path) and not _is_plain(str(value)):
        raise ConfigError(f"{flag(name)} must be text without NUL, in UTF-8; got {str(value)!r}")
    return kind(value)


def _is_plain(text: str) -> bool:
    """Return whether a text can be a file's name, and can be written to one."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
