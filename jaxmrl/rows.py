"""The results of a sweep as typed rows, and the one codec between these and the texts of its CSV files.

A number that a file has with six digits is rounded when its row is made. So a row that a replica has just filled equals
the same row read from its file, and so does all that is computed from either.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Self, get_type_hints

from jaxmrl.io.files import number
from jaxmrl.text import exact

FINISHED, LATE, DIVERGED, UNDEFINED = "finished", "diverged late", "diverged", "undefined"
"""What becomes of a replica; `training.outcome.status_of` says when."""

COUNTED = (FINISHED, LATE)
"""Statuses of replicas that have a result."""

Rounded = Annotated[float | None, "six digits"]
"""A number that files have with six significant digits, and nothing for None. NaN becomes None."""

_TEST = "test_"
"""What the column of a task's test metric begins with."""


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(number(value))


class _Format(NamedTuple):
    """How a field of some type becomes a cell and comes back, and what a cell of it is called."""

    text: Callable[[Any], str]
    value: Callable[[str], Any]
    name: str


_FORMATS: dict[Any, _Format] = {
    str: _Format(str, str, "a text"),
    int: _Format(str, int, "a whole number"),
    float: _Format(exact, float, "a number"),
    Rounded: _Format(
        lambda value: "" if value is None else number(value),
        lambda cell: _rounded(float(cell)) if cell else None,
        "a number",
    ),
}


class Row:
    """A row of a CSV file. Its subclasses are dataclasses whose fields, in their order, are the columns of the file.

    A field is a str, an int, a float (written so that the same number is read again), `Rounded`, or a CurveIdentity,
    whose columns take its place. Fields of other types are left to the subclass.
    """

    def __post_init__(self) -> None:
        for name, form in _fields(type(self)):
            if form is _FORMATS[Rounded]:
                object.__setattr__(self, name, _rounded(getattr(self, name)))

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(c for name, form in _fields(cls) for c in (CurveIdentity.columns() if form is None else (name,)))

    def values(self) -> dict[str, Any]:
        """Return the value of each column, in order of the columns."""
        found: dict[str, Any] = {}
        for name, form in _fields(type(self)):
            value = getattr(self, name)
            found |= value.values() if form is None else {name: value}
        return found

    def cells(self) -> dict[str, str]:
        """Return the text of each column, in order of the columns."""
        found: dict[str, str] = {}
        for name, form in _fields(type(self)):
            value = getattr(self, name)
            found |= value.cells() if form is None else {name: form.text(value)}
        return found

    @classmethod
    def from_cells(cls, cells: Mapping[str, str]) -> Self:
        """Return the row that has these cells. Raises ValueError for a cell that is missing or not of its type."""
        values = {}
        for name, form in _fields(cls):
            values[name] = _curve(cells) if form is None else _value(name, form, cells)
        return cls(**values)


_KNOWN_FIELDS: dict[type[Row], tuple[tuple[str, _Format | None], ...]] = {}


def _fields(kind: type[Row]) -> tuple[tuple[str, _Format | None], ...]:
    """The fields of a kind of row that the codec knows, each with its format; None for a CurveIdentity."""
    if kind not in _KNOWN_FIELDS:
        hints = get_type_hints(kind, include_extras=True).items()
        known = [(name, _FORMATS.get(hint)) for name, hint in hints if hint in _FORMATS or hint is CurveIdentity]
        _KNOWN_FIELDS[kind] = tuple(known)
    return _KNOWN_FIELDS[kind]


def _value(name: str, form: _Format, cells: Mapping[str, str]) -> Any:
    if name not in cells:
        raise ValueError(f"there is no column {name}")
    try:
        return form.value(cells[name])
    except ValueError:
        raise ValueError(f"column {name}: {cells[name]!r:.40} is not {form.name}") from None


def _curve(cells: Mapping[str, str]) -> "CurveIdentity":
    return _curve_of(tuple((name, cells[name]) for name in CurveIdentity.columns() if name in cells))


@lru_cache(maxsize=4096)
def _curve_of(cells: tuple[tuple[str, str], ...]) -> "CurveIdentity":
    """The identity of these cells: many rows share one."""
    return CurveIdentity.from_cells(dict(cells))


@dataclass(frozen=True)
class CurveIdentity(Row):
    """What distinguishes learning curves, also those of several sweeps; other rows begin with these columns.

    model, width, depth, params  the model, its size, and how many numbers it trains
    pruning                      how training molecules are chosen, "random" or by a score
    init                         "none", or the pre-trained encoder that replicas begin from
    precision                    of the products
    """

    dataset: str
    modality: str
    model: str
    split: str
    pruning: str
    init: str
    width: int
    depth: int
    params: int
    precision: str
    learning_rate: float
    dropout: float
    batch_size: int
    split_seed: int


ReplicaKey = tuple[CurveIdentity, float, int]
"""Curve, fraction and seed: what identifies a replica's rows."""


@dataclass(frozen=True)
class ReplicaIdentity(Row):
    """A replica's place on its curve: the fraction of the training molecules, how many these are, and its seed."""

    curve: CurveIdentity
    fraction: float
    n_train: int
    seed: int

    @property
    def key(self) -> ReplicaKey:
        return self.curve, self.fraction, self.seed


@dataclass(frozen=True)
class ResultRow(ReplicaIdentity):
    """A row of results.csv: what a replica that has ended achieved at the best epoch by validation.

    status        one of FINISHED, LATE, DIVERGED and UNDEFINED
    metric        the name of the metric that `valid` and `test` are, means over tasks; None without a result
    epochs, steps  that it has trained for
    tests         the test metric of each task in the label's unit; None for one that the mean leaves out
    """

    status: str
    metric: str
    valid: Rounded
    test: Rounded
    best_epoch: int
    epochs: int
    steps: int
    tests: Mapping[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "tests", {task: _rounded(value) for task, value in self.tests.items()})

    @property
    def counts(self) -> bool:
        """Whether the replica has a result."""
        return self.status in COUNTED

    @classmethod
    def columns(cls, tasks: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the names of the columns; those of the tasks come last."""
        return (*super().columns(), *(_TEST + task for task in tasks))

    def values(self) -> dict[str, Any]:
        return super().values() | {_TEST + task: value for task, value in self.tests.items()}

    def cells(self) -> dict[str, str]:
        form = _FORMATS[Rounded]
        return super().cells() | {_TEST + task: form.text(value) for task, value in self.tests.items()}

    @classmethod
    def from_cells(cls, cells: Mapping[str, str]) -> Self:
        form = _FORMATS[Rounded]
        tests = {name.removeprefix(_TEST): _value(name, form, cells) for name in cells if name.startswith(_TEST)}
        row = replace(super().from_cells(cells), tests=tests)
        if row.counts and (row.valid is None or row.test is None):
            raise ValueError(f"column test: there is no number, and the status is {row.status}")
        return row


@dataclass(frozen=True)
class HistoryRow(ReplicaIdentity):
    """A row of history.csv: one validation of a replica, as `training.outcome.Validation`."""

    epoch: int
    step: int
    loss: Rounded
    valid: Rounded
