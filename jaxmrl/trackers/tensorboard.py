"""Records trainings as event files of TensorBoard, one folder for each replica."""

from pathlib import Path

from tensorboardX import SummaryWriter

from jaxmrl.rows import HistoryRow, ReplicaIdentity, ReplicaKey, ResultRow
from jaxmrl.trackers.purposes import record_name


class TensorBoardTracker:
    """A tracker that writes scalars with tensorboardX, which needs no TensorFlow.

    Args:
        folder: Where the folders of the replicas are made.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.writers: dict[ReplicaKey, SummaryWriter] = {}

    def on_validation(self, row: HistoryRow) -> None:
        """Write the loss and the validation metric against the optimizer step.

        Args:
            row: The validation.
        """
        writer = self._writer(row)
        for tag, value in (("training_loss", row.loss), ("validation_metric", row.valid)):
            if value is not None:
                writer.add_scalar(tag, value, row.step)

    def on_result(self, row: ResultRow) -> None:
        """Write the test metric against the number of training molecules, and close the files of the replica.

        Args:
            row: The result.
        """
        writer = self._writer(row)
        if row.test is not None:
            writer.add_scalar(f"test_{row.metric}_by_molecules", row.test, row.n_train)
        writer.close()
        del self.writers[row.key]

    def close(self) -> None:
        """Close all files."""
        for writer in self.writers.values():
            writer.close()
        self.writers.clear()

    def _writer(self, row: ReplicaIdentity) -> SummaryWriter:
        if row.key not in self.writers:
            self.writers[row.key] = SummaryWriter(str(self.folder / record_name(row)))
        return self.writers[row.key]


def opened(folder: Path, name: str) -> tuple[TensorBoardTracker, str]:
    """Return a tracker that writes to a folder, and in words where its records are.

    Args:
        folder: The folder of trackers in the run directory.
        name: The name of the run, which TensorBoard does not need.
    """
    place = folder / "tensorboard"
    return TensorBoardTracker(place), f"TensorBoard files in {place}. Show them with tensorboard --logdir {place}"
