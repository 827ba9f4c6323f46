"""The pre-training command, and a sweep that begins from what it wrote."""

import csv

import jax
import numpy as np
import pytest

from jaxmrl.config import PretrainConfig, SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.errors import ConfigError, DivergedError
from jaxmrl.io.files import read_rows
from jaxmrl.pretrain import pretrain_encoder
from jaxmrl.reports.terminal import Reporter
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.grid import plan_grid
from jaxmrl.sweep.queue import unique_replicas
from jaxmrl.training import checkpoint
from jaxmrl.training.encoder import load_starts
from jaxmrl.training.engines import engine_for
from jaxmrl.training.interrupts import StopRequestedError
from jaxmrl.training.model_spec import ModelSpec, model_specs
from tests.support.compiled import init, predict

SMALL = {"width": 8, "depth": 2, "batch_size": 32}


@pytest.fixture(scope="module")
def pretrained(csv_file, tmp_path_factory):
    """The folder of an encoder of SMALL."""
    folder = tmp_path_factory.mktemp("pre") / "mae"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        pretrain_encoder(PretrainConfig(csv=csv_file, epochs=3, out=folder, **SMALL))
    return folder


def test_files_of_a_pre_training(pretrained):
    names = {path.name for path in pretrained.iterdir()}
    expected = {"config.toml", "run.json", "pretraining.csv", "pretraining.png", "rejected.csv", "encoder"}
    assert names == expected
    with (pretrained / "pretraining.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    rejected = (pretrained / "rejected.csv").read_text().splitlines()
    assert rejected == ["line,text,reason", "162,rubbish,not a valid SMILES"]


@pytest.mark.nightly
def test_stopped_at_every_moment_it_comes_to_the_same(pretrained, csv_file, tmp_path, cache, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    save, stops = checkpoint.save, []

    def save_and_stop(folder, work):
        save(folder, work)
        stops.append((work.step, len(work.history)))
        raise StopRequestedError

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    config = PretrainConfig(csv=csv_file, epochs=3, out=tmp_path / "mae", **SMALL)
    for _ in range(100):
        try:
            again = pretrain_encoder(config)
            break
        except StopRequestedError:
            pass
    assert len(stops) > 3
    assert stops == sorted(set(stops))
    whole = load_starts((str(pretrained),), [])["mae"]
    assert again.digest == whole.digest
    for name in ("pretraining.csv", "config.toml", "rejected.csv"):
        assert (tmp_path / "mae" / name).read_bytes() == (pretrained / name).read_bytes()
    assert not (tmp_path / "mae" / "checkpoints").exists()
    assert pretrain_encoder(config).digest == whole.digest, "there already"


def sweep_config(csv_file, init, **more):
    settings = {"target_columns": ("logp",), "fractions": (0.5, 1.0), "seeds": 2, "epochs": 2, "lanes": 3}
    return SweepConfig(csv=csv_file, init=init, **SMALL, **settings | more)


@pytest.fixture(scope="module")
def both(csv_file, pretrained, tmp_path_factory):
    """Rows of a sweep with and without the encoder, in the same lanes."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        run_sweep(sweep_config(csv_file, ("none", str(pretrained)), out=folder / "both"))
        run_sweep(sweep_config(csv_file, ("none",), out=folder / "alone"))
    return {name: read_rows(folder / name / "results.csv") for name in ("both", "alone")}


@pytest.mark.slow
def test_both_curves_of_one_sweep(both):
    assert [(row["init"], row["fraction"], row["seed"]) for row in both["both"]] == [
        (init, fraction, seed) for init in ("none", "mae") for fraction in ("0.5", "1") for seed in "01"
    ]
    assert both["both"][:4] == both["alone"], "what shares its lanes changes nothing"
    assert all(row["status"] == "finished" for row in both["both"])
    fresh, begun = ([row["test"] for row in both["both"] if row["init"] == init] for init in ("none", "mae"))
    assert not set(fresh) & set(begun)


def engine_of(config):
    problem = load_problem(config, Reporter(quiet=True))
    (shape,) = model_specs(config, problem)
    orders = {(shape, "random"): {}}
    starts = load_starts(config.init, [shape])
    replicas = unique_replicas(plan_grid(config, [problem], orders, starts, {})[shape])
    return engine_for(config, problem, shape, replicas, len(replicas)), starts


def named(tree):
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf) for path, leaf in leaves}


@pytest.mark.slow
def test_a_replica_begins_from_the_encoder(csv_file, pretrained, cache):
    engine, starts = engine_of(sweep_config(csv_file, ("none", str(pretrained))))
    engine.refill(iter(range(8)))
    state = engine.lanes.state
    for tree in ((state.params, state.stats), (engine.lanes.best_params, engine.lanes.best_stats)):
        found = {name: leaf for part in tree for name, leaf in named(part).items()}
        for name, weights in starts["mae"].weights.items():
            lanes = found[f"{name}.value"]
            for lane, replica in enumerate(engine.replicas):
                assert (lanes[lane] == np.asarray(weights)).all() == (replica.start is not None), name
    assert named(state.params)["head.kernel.value"].std() > 0


@pytest.mark.slow
def test_frozen_encoders_stay_and_heads_learn(csv_file, pretrained, cache):
    engine, starts = engine_of(sweep_config(csv_file, (str(pretrained),), freeze=True))
    engine.refill(iter(range(4)))
    before = named(engine.lanes.state.params)
    before = {name: leaf.copy() for name, leaf in before.items()}
    engine.train_chunk(1)
    after = named(engine.lanes.state.params) | named(engine.lanes.state.stats)
    for name, weights in starts["mae"].weights.items():
        np.testing.assert_array_equal(after[f"{name}.value"][0], weights)
    for name in ("head.kernel.value", "head.bias.value"):
        assert not np.array_equal(after[name], before[name])


@pytest.mark.slow
def test_frozen_encoders_work_as_in_evaluation(csv_file, pretrained, cache):
    engine, _ = engine_of(sweep_config(csv_file, (str(pretrained),), freeze=True))
    training_spec, key = engine.training_spec, jax.random.key(0)
    params, stats = init(training_spec.model, key)
    batch = engine.table.store.gather(np.arange(4, dtype=np.int32))
    outputs, after = jax.jit(training_spec.outputs)(params, stats, batch, key, 0.5)
    np.testing.assert_array_equal(outputs, predict(training_spec.model, params, stats, batch))
    jax.tree.map(np.testing.assert_array_equal, stats, after)


@pytest.mark.nightly
@pytest.mark.parametrize("model", ["dmpnn", "gine"])
def test_a_sweep_begins_from_the_encoder_of_another_model(model, csv_file, tmp_path, cache):
    encoder = pretrain_encoder(PretrainConfig(csv=csv_file, epochs=2, model=model, out=tmp_path / "mae", **SMALL))
    assert (encoder.model, encoder.width, encoder.depth) == (model, 8, 2)
    config = sweep_config(
        csv_file,
        ("none", str(tmp_path / "mae")),
        fractions=(1.0,),
        model=model,
        descriptors="off",
        out=tmp_path / "run",
    )
    run_sweep(config)
    rows = read_rows(tmp_path / "run" / "results.csv")
    assert [(row["model"], row["init"], row["status"]) for row in rows] == [
        (model, init, "finished") for init in ("none", "mae") for _ in range(2)
    ]
    assert len({row["test"] for row in rows}) == 4
    with pytest.raises(ConfigError, match=f"is a {model} of width 8 and depth 2; .*give --model {model} --width 8"):
        load_starts((str(tmp_path / "mae"),), [ModelSpec(width=8, depth=2, dropout=0.5, tasks=1, precision="float32")])


@pytest.mark.slow
def test_an_error_that_is_no_number_ends_it_without_an_encoder(csv_file, tmp_path, cache):
    config = PretrainConfig(csv=csv_file, epochs=1, learning_rate=1e30, out=tmp_path / "mae", **SMALL)
    with pytest.raises(DivergedError, match="a lower --learning-rate, and another --out"):
        pretrain_encoder(config)
    assert not (tmp_path / "mae" / "encoder").exists()


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("pretrain", ["--mask-rate", "1"], "--mask-rate must be above 0 and below 1; got 1"),
        ("pretrain", ["--model", "schnet"], "--model must be one of dmpnn, gin, gine; got 'schnet'"),
        ("pretrain", ["--seed", "5000000000"], "below 2^32; got 5000000000"),
        ("pretrain", ["--epochs", "0"], "--epochs must be 1 or more; got 0"),
        ("pretrain", ["--smiles-column", "mine"], "no column 'mine'"),
        ("pretrain", ["--npz", "x.npz"], "--npz"),
        ("sweep", ["--freeze"], "give its folder with --init"),
        ("sweep", ["--init", "nowhere", "--target-columns", "logp"], "no pre-trained encoder there"),
        (
            "sweep",
            ["--init", "nowhere", "--modality", "smiles"],
            "--init is for --modality graph or molgraph; got smiles",
        ),
    ],
)
def test_wrong_commands_end_with_one_clear_line(command, arguments, message, csv_file, refused):
    assert message in refused(command, "--csv", csv_file, *arguments)
