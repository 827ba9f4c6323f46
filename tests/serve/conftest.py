"""A finished run of models that are fitted at once."""

import shutil
import threading

import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.serve.server import Server
from jaxmrl.sweep import run_sweep

EVIL = "<img src=x onerror=alert(1)>"
"""The name of the run's folder and of its table."""


@pytest.fixture(scope="session")
def swept(tmp_path_factory, csv_file):
    folder = tmp_path_factory.mktemp("served")
    table = shutil.copy(csv_file, folder / f"{EVIL}.csv")
    settings = {"target_columns": ("logp",), "fractions": (0.05, 0.1), "model": ("mean",), "baselines": ("ridge",)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        run_sweep(SweepConfig(csv=table, seeds=2, out=folder / "runs" / EVIL, **settings))
    return folder / "runs" / EVIL


@pytest.fixture
def run(swept, tmp_path):
    """A copy of the run, in a folder of its own."""
    return shutil.copytree(swept, tmp_path / "runs" / EVIL)


@pytest.fixture
def server(run):
    """A server of the folder of the run, and the run."""
    with Server(0, (run.parent,)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
