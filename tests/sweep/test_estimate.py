"""What a sweep would take, estimated in advance."""

import pytest

from jaxmrl.config import PretrainConfig, SweepConfig
from jaxmrl.pretrain import pretrain_encoder
from jaxmrl.pretrain.estimate import estimate_pretraining
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.estimate import estimate
from jaxmrl.training.lanes import Engine

SMALL = {"fractions": (0.5, 1.0), "seeds": 2, "epochs": 3, "batch_size": 32, "width": (8, 16), "depth": 1}


@pytest.fixture
def config(csv_file, tmp_path, cache):
    return SweepConfig(csv=csv_file, target_columns=("logp",), out=tmp_path / "run", **SMALL)


@pytest.mark.nightly
def test_it_expects_what_is_done_and_writes_nothing(config, tmp_path, monkeypatch):
    expected = estimate(config)
    assert not (tmp_path / "run").exists()
    evaluations, evaluate = [], Engine.evaluate
    monkeypatch.setattr(Engine, "evaluate", lambda self, *rest: (evaluations.extend(rest[2]), evaluate(self, *rest))[1])
    engines, work_off = [], Engine.work_off
    monkeypatch.setattr(Engine, "work_off", lambda self, *rest: (engines.append(self), work_off(self, *rest))[1])
    result = run_sweep(config)
    assert [curve.identity.width for curve in result.curves] == [8, 16], "one curve for each width"
    for one, width in zip(expected, (8, 16), strict=True):
        rows = [row for row in result.rows if row.curve.width == width]
        assert (one.replicas, one.steps) == (len(rows), sum(row.steps for row in rows))
        assert one.parameters == rows[0].curve.params
    assert [(one.lanes, one.devices) for one in expected] == [(len(engine.slots), 1) for engine in engines]
    assert len(evaluations) == sum(engine.evaluations() for engine in engines)
    assert 2 < expected[1].operations / expected[0].operations < 4.5


def test_operations_are_those_of_the_matrix_products(config):
    """The GIN's two products a layer, forwards and twice backwards, are most of a step."""
    (_, wide) = estimate(SweepConfig(**vars(config) | {"width": (8, 128)}))
    rows, d = 16 * 32, 128  # about: atoms of a batch
    products = 3 * 2 * rows * 2 * d * 2 * d
    assert 0.5 < wide.operations / wide.steps / products < 4


@pytest.mark.nightly
def test_timed(config):
    assert all(one.seconds > 0 for one in estimate(config, timed=True))


def test_pruning_counts_without_scores(config):
    pruned = estimate(SweepConfig(**vars(config) | {"pruning": ("random", "el2n"), "width": (8,)}))
    (plain,) = estimate(SweepConfig(**vars(config) | {"width": (8,)}))
    assert pruned[0].replicas == plain.replicas + 2


@pytest.mark.nightly
def test_pre_training(csv_file, tmp_path, cache):
    sizes = {"csv": csv_file, "width": 16, "depth": 2, "batch_size": 32, "epochs": 2, "out": tmp_path / "mae"}
    one = estimate_pretraining(PretrainConfig(**sizes), timed=True)
    assert not (tmp_path / "mae").exists()
    assert one.seconds > 0
    pretrain_encoder(PretrainConfig(**sizes))
    last = (tmp_path / "mae" / "pretraining.csv").read_text().splitlines()[-1]
    assert last.split(",")[1] == str(one.steps)
    wide = estimate_pretraining(PretrainConfig(**sizes | {"width": 128}))
    products = 3 * 2 * 16 * 32 * 2 * 128 * 2 * 128  # about: two layers' products, forwards and twice backwards
    assert 0.5 < wide.operations / wide.steps / products < 4
