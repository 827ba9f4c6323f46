"""tuning.csv: the settings that `--tune` tried, how they did on the validation molecules, and which it chose."""

from dataclasses import dataclass, replace
from pathlib import Path

from jaxmrl.config.names import RANDOM
from jaxmrl.errors import DataError
from jaxmrl.io.files import read_table
from jaxmrl.rows import TUNED_COLUMNS, CurveIdentity, ReplicaIdentity, Rounded
from jaxmrl.runs.tables import parse_rows
from jaxmrl.training.hyperparameters import Hyperparameters

TUNING_FILE = "tuning.csv"

YES, NO = "yes", "no"

DEFAULT_CANDIDATE = 0
"""The number of the setting that a run without `--tune` has."""

StudyKey = tuple[CurveIdentity, float]
"""What settings are chosen for: a curve of random subsets, without the values that are chosen, at a fraction."""

Choices = dict[StudyKey, Hyperparameters]
"""The settings that were chosen."""


def study_key(curve: CurveIdentity, fraction: float) -> StudyKey:
    """Return which choice a replica's settings come from: that of random subsets, whatever the pruning."""
    return replace(curve.without_tuned, pruning=RANDOM), fraction


@dataclass(frozen=True)
class TuningRow(ReplicaIdentity):
    """A row of tuning.csv: one setting, trained for the steps of one rung and evaluated on the validation molecules.

    Attributes:
        curve: The curve, with the learning rate, weight decay, dropout and weight of positive labels of the setting.
        fraction: The fraction of the training molecules.
        n_train: The number of these molecules.
        seed: The seed of initial weights and subset.
        rung: 1 for the shortest training, and so on.
        candidate: The number of the setting; 0 is the default.
        steps: The number of optimizer steps.
        status: As in results.csv.
        metric: The name of the metric.
        valid: The validation metric at the best epoch, a mean over tasks; None if the training diverged.
        best_epoch: The epoch with the best validation metric.
        rank: The rank among the settings of the rung, 1 for the best; 0 while the rung is under way.
        kept: Whether the setting goes on to the next rung, or is chosen in the last: yes or no.
        chosen: Whether the setting was chosen: yes or no.
    """

    rung: int
    candidate: int
    steps: int
    status: str
    metric: str
    valid: Rounded
    best_epoch: int
    rank: int
    kept: str
    chosen: str

    @property
    def study(self) -> StudyKey:
        """What the setting is a candidate for."""
        return study_key(self.curve, self.fraction)

    @property
    def trial(self) -> tuple[StudyKey, int, int]:
        """Study, rung and candidate, which identify a row."""
        return self.study, self.rung, self.candidate

    @property
    def settings(self) -> Hyperparameters:
        """The setting."""
        return Hyperparameters(**{name: getattr(self.curve, name) for name in TUNED_COLUMNS})


def with_settings(curve: CurveIdentity, settings: Hyperparameters) -> CurveIdentity:
    """Return the identity of a curve with these settings."""
    return replace(
        curve,
        learning_rate=float(settings.learning_rate),
        dropout=float(settings.dropout),
        weight_decay=float(settings.weight_decay),
        positive_weight=float(settings.positive_weight),
    )


def read_tuning(directory: Path) -> list[TuningRow]:
    """Return the rows of tuning.csv of a run; none if there is no file.

    A torn last line is left out, and its setting is trained again. Raises DataError for a damaged file.
    """
    path = directory / TUNING_FILE
    header, table = read_table(path) if path.exists() else ((), [])
    if header and not TuningRow.fits(header, TuningRow.columns()):
        raise DataError(f"{path} has other columns than this run writes; choose another --out")
    remedy = "Restore it, or delete the row: its setting is then trained again"
    return list({row.trial: row for row in parse_rows(path, table, _parse, remedy)}.values())


def _parse(cells: dict[str, str]) -> TuningRow:
    row = TuningRow.from_cells(cells)
    if empty := [name for name in TUNED_COLUMNS if getattr(row.curve, name) is None]:
        raise ValueError(f"column {empty[0]} is empty")
    return row


def chosen_rows(rows: list[TuningRow]) -> dict[StudyKey, TuningRow]:
    """Return the row of each setting that was chosen."""
    return {row.study: row for row in rows if row.chosen == YES}


def default_rows(rows: list[TuningRow]) -> dict[StudyKey, TuningRow]:
    """Return the row of the default setting in the longest training of each study."""
    ordered = sorted(rows, key=lambda row: row.rung)
    return {row.study: row for row in ordered if row.candidate == DEFAULT_CANDIDATE}
