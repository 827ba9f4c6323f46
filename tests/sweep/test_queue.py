"""Where a device has not the memory for the lanes, a sweep goes on with fewer, and loses nothing that was finished."""

import json

import jax
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.errors import UserError
from jaxmrl.sweep import run_sweep
from jaxmrl.training import programs
from tests.sweep.test_sweep import SMALL


@pytest.fixture
def limited(monkeypatch):
    """A function that gives the device memory for so many lanes, by how often `train` was called before."""
    train = programs.train

    def limit(most):
        calls = []

        def within_memory(training_spec, table, lanes, *others):
            calls.append(len(lanes.best_metric))
            if calls[-1] > most(len(calls) - 1):
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")
            return train(training_spec, table, lanes, *others)

        monkeypatch.setattr(programs, "train", within_memory)
        return calls

    return limit


@pytest.fixture
def config(csv_file, tmp_path, cache):
    return SweepConfig(csv=csv_file, target_columns=("logp",), out=tmp_path / "run", lanes=6, **SMALL)


@pytest.mark.nightly
def test_fewer_lanes_until_there_is_memory(config, limited, capsys):
    calls = limited(lambda before: 3 if before < 4 else 1)
    result = run_sweep(config, quiet=False)
    assert [row.status for row in result.rows] == ["finished"] * 6
    assert (calls[:5], set(calls[5:])) == ([6, 3, 3, 3, 3], {1})
    said = capsys.readouterr().out
    assert "not enough memory for 6 lanes; continuing with 3" in said
    assert "not enough memory for 3 lanes; continuing with 1" in said
    assert json.loads((config.out / "run.json").read_text())["lanes of graph-gin-8x2"] == 1
    assert not (config.out / "checkpoints").exists()


@pytest.mark.slow
def test_one_lane_too_many_is_a_clear_error(config, limited):
    limited(lambda before: 0)
    with pytest.raises(UserError, match="smaller --batch-size"):
        run_sweep(config)


def test_other_faults_of_the_device_are_not_hidden(config, monkeypatch):
    def fail(*_):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    monkeypatch.setattr(programs, "train", fail)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        run_sweep(config)
