"""ensembles.csv of a run directory: what the mean prediction of several seeds achieves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxmrl.errors import DataError
from jaxmrl.io.files import read_table
from jaxmrl.rows import CurveIdentity, Rounded, Row
from jaxmrl.runs.curves import MeasuredCurve, Point

ENSEMBLES = "ensembles.csv"


@dataclass(frozen=True)
class EnsembleRow(Row):
    """A row of ensembles.csv: the models of one curve, size and split, which differ in their seeds.

    Attributes:
        curve: The curve.
        split_seed: The seed of the split that all models share.
        fraction: The fraction of the training molecules.
        n_train: The number of training molecules of each model.
        metric: The name of the metric, a mean over tasks.
        ensemble: The test metric of the mean prediction of all models.
        single: The mean test metric of the single models.
        n_seeds: The number of models.
    """

    curve: CurveIdentity
    split_seed: int
    fraction: float
    n_train: int
    metric: str
    ensemble: Rounded
    single: Rounded
    n_seeds: int


def read_ensembles(folder: Path) -> list[EnsembleRow]:
    """Return the rows of the ensembles.csv of a run directory; none where it has no such file.

    Raises DataError where the file is damaged.
    """
    path = folder / ENSEMBLES
    if not path.exists():
        return []
    try:
        return [EnsembleRow.from_cells(cells) for cells in read_table(path)[1]]
    except ValueError as error:
        raise DataError(f"{path}, {error}: the file is damaged. Delete it, and run the sweep's command again") from None


def ensemble_at(rows: Sequence[EnsembleRow], curve: MeasuredCurve, point: Point) -> float | None:
    """Return the test metric of the ensemble at a point of a curve, a mean over splits; None where it is not known."""
    found = [
        row.ensemble
        for row in rows
        if row.curve == curve.identity and row.n_train == point.n_train and row.ensemble is not None
    ]
    return sum(found) / len(found) if found else None
