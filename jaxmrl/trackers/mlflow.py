"""Records trainings with MLflow: a run with a nested run for each replica, in a local database by default."""

import os
import time
from pathlib import Path
from typing import Any

from jaxmrl.rows import HistoryRow, ReplicaIdentity, ReplicaKey, ResultRow
from jaxmrl.trackers.purposes import record_name

SERVER = "MLFLOW_TRACKING_URI"
"""The variable of the user's environment that names the place of MLflow's records."""

if SERVER not in os.environ:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported

from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

EXPERIMENT = "jaxmrl"
FLUSH_SECONDS = 5.0
"""A write to a database takes longer than many a validation: metrics are written together."""

MOST_AT_ONCE = 1000
"""The most metrics that MLflow takes in one call."""


class MlflowTracker:
    """A tracker that writes through MLflow's client.

    Args:
        client: The client.
        experiment: The identity of the experiment that its runs belong to.
        name: The name of the run that the others are nested in.
    """

    def __init__(self, client: MlflowClient, experiment: str, name: str):
        self.client, self.experiment = client, experiment
        self.parent = client.create_run(experiment, run_name=name).info.run_id
        self.runs: dict[ReplicaKey, str] = {}
        self.waiting: dict[str, list[Metric]] = {}
        self.flushed = time.monotonic()

    def on_validation(self, row: HistoryRow) -> None:
        """Keep the loss and the validation metric, and write what is kept now and then.

        Args:
            row: The validation.
        """
        self._add(self._run(row), {"loss": row.loss, "valid": row.valid}, row.step)
        if time.monotonic() - self.flushed >= FLUSH_SECONDS:
            self._flush()

    def on_result(self, row: ResultRow) -> None:
        """Write the test metric against the number of training molecules, and end the run of the replica.

        Args:
            row: The result.
        """
        run = self._run(row)
        self._add(run, {"test": row.test}, row.n_train)
        self._flush()
        self.client.log_batch(run, tags=[RunTag("status", row.status), RunTag("metric", row.metric)])
        self.client.set_terminated(run)
        del self.runs[row.key]

    def close(self) -> None:
        """End all runs; those of replicas that have not ended as killed ones."""
        self._flush()
        for run in self.runs.values():
            self.client.set_terminated(run, status="KILLED")
        self.client.set_terminated(self.parent, status="KILLED" if self.runs else "FINISHED")
        self.runs.clear()

    def _run(self, row: ReplicaIdentity) -> str:
        if row.key not in self.runs:
            tags = {"mlflow.parentRunId": self.parent}
            run = self.client.create_run(self.experiment, tags=tags, run_name=record_name(row)).info.run_id
            cells = row.cells()
            self.client.log_batch(run, params=[Param(name, cells[name]) for name in ReplicaIdentity.columns()])
            self.runs[row.key] = run
        return self.runs[row.key]

    def _add(self, run: str, values: dict[str, float | None], step: int) -> None:
        now = int(time.time() * 1000)
        known = [Metric(name, value, now, step) for name, value in values.items() if value is not None]
        self.waiting.setdefault(run, []).extend(known)

    def _flush(self) -> None:
        for run, metrics in self.waiting.items():
            for first in range(0, len(metrics), MOST_AT_ONCE):
                self.client.log_batch(run, metrics=metrics[first : first + MOST_AT_ONCE])
        self.waiting.clear()
        self.flushed = time.monotonic()


def opened(folder: Path, name: str) -> tuple[MlflowTracker, str]:
    """Return a tracker that writes to a local database, and in words where its records are.

    Args:
        folder: The folder of trackers in the run directory.
        name: The name of the run.
    """
    if server := os.environ.get(SERVER):
        client = MlflowClient(tracking_uri=server)
        return MlflowTracker(client, _experiment(client, {}), name), f"MLflow, at {SERVER} of your environment"
    place = f"sqlite:///{(folder / 'mlflow.db').resolve()}"
    client = MlflowClient(tracking_uri=place)
    artifacts = {"artifact_location": (folder / "mlflow-artifacts").resolve().as_uri()}
    said = f"MLflow database {folder / 'mlflow.db'}. Show it with mlflow ui --backend-store-uri {place}"
    return MlflowTracker(client, _experiment(client, artifacts), name), said


def _experiment(client: MlflowClient, place: dict[str, Any]) -> str:
    """Return the identity of the experiment of sweeps, which is made where there is none."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    if (found := client.get_experiment_by_name(name)) is not None:
        return found.experiment_id
    try:
        return client.create_experiment(name, **place)
    except MlflowException:  # another sweep has made it just now
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found.experiment_id
