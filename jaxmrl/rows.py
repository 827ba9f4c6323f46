"""The results of a sweep as typed rows, and the one codec between these and the texts of its CSV files.

A number that a file has with six digits is rounded when its row is made. So a row that a replica has just filled equals
the same row read from its file, and so does all that is computed from either.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, NamedTuple, Self, get_type_hints

from jaxmrl.io.files import number
from jaxmrl.text import exact

FINISHED, STOPPED, LATE, DIVERGED, UNDEFINED = "finished", "stopped early", "diverged late", "diverged", "undefined"
"""What becomes of a replica; `training.outcome.status_of` says when."""

COUNTED = (FINISHED, STOPPED, LATE)
"""Statuses of replicas that have a result."""

UNTUNED, AT_EACH_SIZE = "none", "at each size"
"""What the column tuning has where nothing was tuned, and the ending of what it has where each size was."""

NO_EXTRA = "none"
"""The value of the column extra for replicas that learn from the main source alone."""

TUNING = "tuning"
"""The column that says whether settings were tuned."""

TUNED_COLUMNS = ("learning_rate", "dropout", "weight_decay", "positive_weight")
"""The columns of what tuning chooses."""

Rounded = Annotated[float | None, "six digits"]
"""A number that files have with six significant digits, and nothing for None. NaN becomes None."""

OptionalNumber = Annotated[float | None, "exact"]
"""A number that is read again as it was written, and nothing for None."""

_TEST = "test_"
"""What the column of a task's test metric begins with."""


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(number(value))


class _Format(NamedTuple):
    """How a field of some type is written as a cell and read again, and what a cell of it is called."""

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
    OptionalNumber: _Format(
        lambda value: "" if value is None else exact(value),
        lambda cell: float(cell) if cell else None,
        "a number",
    ),
}


class Row:
    """A row of a CSV file. Its subclasses are dataclasses whose fields are the columns of the file, in the same order.

    A field is a str, an int, a float (written so that the same number is read again), `OptionalNumber`, `Rounded`, or a
    CurveIdentity, whose columns take its place. Fields of other types are left to the subclass. A field with a default
    is a column that older files lack.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __post_init__(self) -> None:
        for name, form in _fields(type(self)):
            if form is _FORMATS[Rounded]:
                object.__setattr__(self, name, _rounded(getattr(self, name)))

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of the columns, in order."""
        return tuple(c for name, form in _fields(cls) for c in (CurveIdentity.columns() if form is None else (name,)))

    def values(self) -> dict[str, Any]:
        """Return the value of each column by its name, in order."""
        found: dict[str, Any] = {}
        for name, form in _fields(type(self)):
            value = getattr(self, name)
            found |= value.values() if form is None else {name: value}
        return found

    def cells(self) -> dict[str, str]:
        """Return the text of each column by its name, in order."""
        found: dict[str, str] = {}
        for name, form in _fields(type(self)):
            value = getattr(self, name)
            found |= value.cells() if form is None else {name: form.text(value)}
        return found

    @classmethod
    def from_cells(cls, cells: Mapping[str, str]) -> Self:
        """Return the row that has these cells.

        Args:
            cells: The text of each column by its name. Other columns are ignored.

        Raises:
            ValueError: For a cell that is missing or not of its column's type.
        """
        values, later = {}, cls.later_columns()
        for name, form in _fields(cls):
            if name in cells or name not in later:
                values[name] = _curve(cells) if form is None else _value(name, form, cells)
        return cls(**values)

    @classmethod
    def later_columns(cls) -> tuple[str, ...]:
        """Return the names of the columns that files of earlier versions lack: those of fields with a default."""
        return _later_columns(cls)

    @classmethod
    def fits(cls, header: tuple[str, ...], columns: tuple[str, ...]) -> bool:
        """Return whether the header of a file is that of these columns, or of a version that lacks some later ones.

        Args:
            header: The names in the first line of the file.
            columns: The names of the columns, in order.
        """
        return header == tuple(name for name in columns if name in header or name not in cls.later_columns())


_KNOWN_FIELDS: dict[type[Row], tuple[tuple[str, _Format | None], ...]] = {}


def _fields(kind: type[Row]) -> tuple[tuple[str, _Format | None], ...]:
    """Return the fields of a kind of row that the codec knows, each with its format; None for a CurveIdentity."""
    if kind not in _KNOWN_FIELDS:
        hints = get_type_hints(kind, include_extras=True).items()
        known = [(name, _FORMATS.get(hint)) for name, hint in hints if hint in _FORMATS or hint is CurveIdentity]
        _KNOWN_FIELDS[kind] = tuple(known)
    return _KNOWN_FIELDS[kind]


_KNOWN_LATER: dict[type[Row], tuple[str, ...]] = {}


def _later_columns(kind: type[Row]) -> tuple[str, ...]:
    if kind not in _KNOWN_LATER:
        found: list[str] = []
        for name, form in _fields(kind):
            if form is None:
                found += CurveIdentity.later_columns()
            elif kind.__dataclass_fields__[name].default is not MISSING:
                found.append(name)
        _KNOWN_LATER[kind] = tuple(found)
    return _KNOWN_LATER[kind]


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
    """Return the identity of these cells; many rows share one."""
    return CurveIdentity.from_cells(dict(cells))


@dataclass(frozen=True)
class CurveIdentity(Row):
    """What distinguishes learning curves, also those of several sweeps. Other rows begin with these columns.

    Attributes:
        dataset: The name of the data set or of the user's file.
        modality: What the model sees of a molecule.
        model: The name of the model.
        split: How molecules are divided into training, validation and test.
        pruning: How training molecules are chosen: `random`, by a score, or anew for each epoch.
        init: `none`, or the pre-trained encoder that replicas start from.
        width: The width of the model.
        depth: Its number of layers.
        params: The number of parameters that are trained.
        precision: The precision of matrix products.
        learning_rate: The learning rate of the optimizer.
        dropout: The dropout rate.
        batch_size: The number of molecules per batch.
        weight_decay: The weight decay, if it was set or tuned; None for the model's own.
        positive_weight: The weight of the loss of positive labels that tuning chose; None for 1.
        tuning: `none`, the number of settings that tuning chose from, or that number and `at each size`.
        extra: `none`, or the name of the file whose molecules train besides those of the data.

    `learning_rate`, `dropout`, `weight_decay` and `positive_weight` are those of a replica. In the identity of a curve
    that was tuned at each size they are None.
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
    learning_rate: OptionalNumber
    dropout: OptionalNumber
    batch_size: int
    weight_decay: OptionalNumber = None
    positive_weight: OptionalNumber = None
    tuning: str = UNTUNED
    extra: str = NO_EXTRA

    @property
    def without_tuned(self) -> Self:
        """The identity without the values that tuning chose; itself for one that was not tuned."""
        if self.tuning == UNTUNED:
            return self
        return replace(self, learning_rate=None, dropout=None, weight_decay=None, positive_weight=None)

    @property
    def of_all_sizes(self) -> Self:
        """What the rows of a curve share: without the values that differ between its sizes."""
        return self.without_tuned if self.tuning.endswith(AT_EACH_SIZE) else self


ReplicaKey = tuple[CurveIdentity, float, int]
"""Curve, fraction and seed: what identifies a replica's rows."""


@dataclass(frozen=True)
class ReplicaIdentity(Row):
    """A replica's place on its curve.

    Attributes:
        curve: The curve.
        split_seed: The seed of the split that it learned from and was tested on; in a sweep, it follows from the seed.
        fraction: The fraction of the training molecules.
        n_train: The number of these molecules; with a dynamic pruning, those of an epoch.
        seed: The seed.
    """

    curve: CurveIdentity
    split_seed: int
    fraction: float
    n_train: int
    seed: int

    @property
    def key(self) -> ReplicaKey:
        """Curve, fraction and seed, which identify a replica."""
        return self.curve, self.fraction, self.seed


@dataclass(frozen=True)
class ResultRow(ReplicaIdentity):
    """A row of results.csv: the result of a replica that has ended, at its best epoch by the validation metric.

    Attributes:
        curve: The curve that the replica belongs to.
        split_seed: The seed of its split.
        fraction: The fraction of the training molecules.
        n_train: The number of these molecules; with a dynamic pruning, those of an epoch.
        seed: The seed.
        status: `finished`, `stopped early`, `diverged late`, `diverged` or `undefined`.
        metric: The name of the metric.
        valid: The validation metric, a mean over tasks; None without a result.
        test: The test metric, a mean over tasks; None without a result.
        best_epoch: The epoch with the best validation metric.
        epochs: The number of epochs that it trained for.
        steps: The number of optimizer steps that it trained for.
        tests: The test metric of each task, in the unit of its labels; None for a task that is not part of the mean.
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
        """Return the names of the columns, in order.

        Args:
            tasks: The names of the tasks, whose columns come last.
        """
        return (*super().columns(), *(_TEST + task for task in tasks))

    def values(self) -> dict[str, Any]:
        """Return the value of each column by its name, in order."""
        return super().values() | {_TEST + task: value for task, value in self.tests.items()}

    def cells(self) -> dict[str, str]:
        """Return the text of each column by its name, in order."""
        form = _FORMATS[Rounded]
        return super().cells() | {_TEST + task: form.text(value) for task, value in self.tests.items()}

    @classmethod
    def from_cells(cls, cells: Mapping[str, str]) -> Self:
        """Return the row that has these cells.

        Args:
            cells: The text of each column by its name.

        Raises:
            ValueError: For a cell that is missing or not of its column's type.
        """
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
