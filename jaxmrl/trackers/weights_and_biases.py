"""Records trainings with Weights & Biases, a run for each replica; offline unless the user chose otherwise."""

import os
from pathlib import Path
from typing import Any

from jaxmrl.rows import HistoryRow, ReplicaIdentity, ReplicaKey, ResultRow
from jaxmrl.runs.artifacts import curve_name
from jaxmrl.trackers.purposes import record_name

MODE, REPORTS = "WANDB_MODE", "WANDB_ERROR_REPORTING"
"""Variables of the user's environment: where runs go, and whether errors of the library are sent to its makers."""

if MODE not in os.environ:
    os.environ.setdefault(REPORTS, "false")  # read when wandb is imported

import wandb  # noqa: E402


class WandbTracker:
    """A tracker whose runs share a group, the name of the run directory.

    Args:
        folder: Where the files of the runs are written.
        group: The name of the group.
        mode: What becomes of the runs, such as `offline`; None for what the environment says.
    """

    def __init__(self, folder: Path, group: str, mode: Any):
        self.folder, self.group, self.mode = folder, group, mode
        self.runs: dict[ReplicaKey, Any] = {}

    def on_validation(self, row: HistoryRow) -> None:
        """Log the loss and the validation metric.

        Args:
            row: The validation.
        """
        self._run(row).log({"epoch": row.epoch, "step": row.step, "loss": row.loss, "valid": row.valid})

    def on_result(self, row: ResultRow) -> None:
        """Put the metrics in the run's summary, and finish the run.

        Args:
            row: The result.
        """
        run = self._run(row)
        run.summary.update({name: getattr(row, name) for name in ("test", "valid", "status", "metric", "best_epoch")})
        run.finish()
        del self.runs[row.key]

    def close(self) -> None:
        """Finish the runs of replicas that have not ended, as failed ones."""
        for run in self.runs.values():
            run.finish(exit_code=1)
        self.runs.clear()

    def _run(self, row: ReplicaIdentity) -> Any:
        if row.key not in self.runs:
            run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "jaxmrl"),
                group=self.group,
                job_type=curve_name(row),
                name=record_name(row),
                config={column: row.values()[column] for column in ReplicaIdentity.columns()},
                dir=self.folder,
                mode=self.mode,
                reinit="create_new",
                settings=wandb.Settings(silent=True, console="off", disable_git=True, x_disable_stats=True),
            )
            run.define_metric("*", step_metric="epoch")
            self.runs[row.key] = run
        return self.runs[row.key]


def opened(folder: Path, name: str) -> tuple[WandbTracker, str]:
    """Return a tracker that writes to a folder, and in words where its records are.

    Args:
        folder: The folder of trackers in the run directory.
        name: The name of the run.
    """
    if mode := os.environ.get(MODE):
        return WandbTracker(folder, name, None), f"Weights & Biases, with {MODE}={mode} of your environment"
    place = folder / "wandb"
    said = f"Weights & Biases offline in {place}. Nothing is sent; wandb sync {place}/offline-run-* sends it"
    return WandbTracker(folder, name, "offline"), said
