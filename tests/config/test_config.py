from pathlib import Path

import pytest

from jaxmrl.config import (
    PredictConfig,
    PretrainConfig,
    SelectConfig,
    SweepConfig,
    default_directory,
    read_toml,
    to_toml,
)
from jaxmrl.errors import ConfigError

CONFIGS = sorted((Path(__file__).parents[2] / "configs").rglob("*.toml"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fractions": (0.0,)}, "fractions.*above 0.*got 0"),
        ({"fractions": (0.1, 1.5)}, "at most 1; got 1.5"),
        ({"fractions": ()}, "at least one"),
        ({"fractions": (0.1, 0.1)}, "value twice"),
        ({"seeds": 0}, "--seeds must be 1 or more; got 0"),
        ({"epochs": 0}, "--epochs"),
        ({"epochs": 3, "steps": 4}, "not both"),
        ({"steps": 4, "min_steps": 3}, "not both"),
        ({"min_steps": 0}, "must be 1 or more"),
        ({"width": (0,)}, "--width"),
        ({"depth": (2, 0)}, "--depth"),
        ({"batch_size": -1}, "--batch-size must be 1 or more; got -1"),
        ({"lanes": 0}, "--lanes"),
        ({"dropout": 1.0}, "below 1"),
        ({"learning_rate": float("nan")}, "positive"),
        ({"weight_decay": -0.1}, "--weight-decay must be 0 or a positive number; got -0.1"),
        ({"clip_norm": 0}, "--clip-norm must be a positive number; got 0"),
        ({"patience": 0}, "--patience must be 1 or more; got 0"),
        ({"class_weight": 0}, "--class-weight must be a positive number, balanced or none; got 0"),
        ({"class_weight": "rare"}, "--class-weight must be a number, balanced or none; got 'rare'"),
        ({"metric": "auc"}, "'auc'; choose from roc_auc"),
        ({"precision": "float16"}, "float16.*bfloat16"),
        ({"csv": Path("x.csv"), "task": "ranking"}, "'ranking'; choose from classification"),
        ({"smiles_column": "s"}, "--smiles-column.*--csv"),
        ({"split_seed": -1}, "--split-seed"),
        ({"tune": 1}, "--tune must be a number of settings from 2 to 10,000; got 1"),
        ({"tune": 1.5}, "--tune must be a whole number"),
        ({"tune_each_size": True}, "--tune-each-size needs --tune N"),
        ({"tune": 8, "model": ("rf",)}, "--tune is for neural networks"),
    ],
)
def test_bad_values_are_refused_with_what_is_expected(settings, message):
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**settings)


def test_no_class_weight_has_a_word():
    assert SweepConfig(class_weight="none") == SweepConfig()
    assert SweepConfig(class_weight=3).class_weight == 3.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "--batch-size must be 1 or more; got 0"),
        ({"out": "p.txt"}, "--out must end in .csv, .parquet, .xlsx or .sdf; got p.txt"),
        ({"out": "new.csv"}, "would replace --csv new.csv"),
        ({"out": "runs/x/results.csv"}, "would replace what the sweep has written; give another --out"),
        ({"out": "runs/y/../x/molecules.csv"}, "would replace what the sweep has written"),
        ({"curve": 3}, "--curve must be text; got 3"),
    ],
)
def test_bad_values_of_a_prediction(settings, message):
    with pytest.raises(ConfigError, match=message):
        PredictConfig(**{"run": "runs/x", "csv": "new.csv"} | settings)


def test_toml_round_trip(tmp_path):
    config = SweepConfig(
        csv=Path('a "b" ü.csv'), target_columns=("x", "y z"), fractions=(0.5, 1.0), width=(8, 16), lanes=3, steps=7
    )
    (tmp_path / "c.toml").write_text(to_toml(config), encoding="utf-8")
    assert SweepConfig(**read_toml(tmp_path / "c.toml")) == config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sedes = 3", "unknown setting 'sedes'.*seeds"),
        ("seeds = 'three'", "--seeds must be a whole number; got 'three'"),
        ("seeds = true", "a whole number; got True"),
        ("seeds = ", "not valid TOML"),
        ("lanes = 'many'", "a whole number or auto; got 'many'"),
        ("fractions = [0.1, 'x']", "a number; got 'x'"),
    ],
)
def test_bad_toml(tmp_path, content, message):
    (tmp_path / "c.toml").write_text(content)
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**read_toml(tmp_path / "c.toml"))


def test_python_values_are_put_into_their_types():
    config = SweepConfig(csv="a.csv", width=128, fractions=[1, 0.5], out="runs/x", target_columns="y")
    assert config == SweepConfig(
        csv=Path("a.csv"), width=(128,), fractions=(1.0, 0.5), out=Path("runs/x"), target_columns=("y",)
    )


def test_missing_toml(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_toml(tmp_path / "nothing.toml")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid_and_say_what_they_take(path):
    kind = PretrainConfig if "graphmae" in path.name else SweepConfig
    config = kind(**read_toml(path, kind))
    text = path.read_text()
    if path.parent.name == "paper":
        assert "# operations: " in text
    if path.parent.name == "paper" and kind is SweepConfig:
        models = [model for modality in config.modalities for model in config.models_of(modality)]
        others = [f for f in config.fractions if f < 1]
        cells = len(config.pruning) * len(others) + (1.0 in config.fractions)
        shapes = len(models) * len(config.width) * len(config.depth)
        replicas = shapes * len(config.splits) * len(config.init) * cells * config.seeds
        assert f"# replicas: {replicas}\n" in text


def test_default_configuration_is_shipped_as_a_file():
    assert SweepConfig(**read_toml(next(p for p in CONFIGS if p.stem == "default"))) == SweepConfig()


def test_default_directory_follows_the_settings():
    one, other = SweepConfig(), SweepConfig(seeds=4)
    assert default_directory(one) == default_directory(SweepConfig())
    assert default_directory(one) != default_directory(other)
    assert default_directory(one).parts[0] == "runs"


@pytest.mark.parametrize(("parent", "form"), [("true", "parent"), ("false", "none")])
def test_parent_of_earlier_versions_is_a_form(tmp_path, parent, form):
    (tmp_path / "config.toml").write_text(f"parent = {parent}\n")
    assert SweepConfig(**read_toml(tmp_path / "config.toml")).standardize == form


def test_a_selection_with_models_takes_the_form_of_their_run():
    with pytest.raises(ConfigError, match="--standardize cannot be used without --simulate"):
        SelectConfig(run=Path("run"), csv=Path("t.csv"), standardize="parent")
    with pytest.raises(ConfigError, match="--rounds cannot be used without --simulate"):
        SelectConfig(run=Path("run"), csv=Path("t.csv"), rounds=3)
    with pytest.raises(ConfigError, match="--repeats cannot be used without --simulate"):
        SelectConfig(run=Path("run"), csv=Path("t.csv"), repeats=2)
    with pytest.raises(ConfigError, match="--surrogate cannot be used without --simulate"):
        SelectConfig(run=Path("run"), csv=Path("t.csv"), surrogate="rf")
    assert SelectConfig(simulate=True, csv=Path("t.csv"), standardize="parent").standardize == "parent"


def test_the_learning_rate_is_lower_beside_descriptors():
    assert SweepConfig(dataset="esol").rate("dmpnn") == SweepConfig(dataset="esol").rate("gine") == 1e-3
    assert SweepConfig(dataset="esol", descriptors="off").rate("dmpnn") == 3e-3
    assert SweepConfig(dataset="nci").rate("dmpnn") == 3e-3, "its labels are among the descriptors, so none are given"
    assert SweepConfig(dataset="nci", descriptors="on").rate("dmpnn") == 1e-3
    assert SweepConfig(dataset="esol", learning_rate=0.5).rate("dmpnn") == 0.5
    assert SweepConfig(dataset="esol").rate("gin") == SweepConfig(dataset="esol", descriptors="off").rate("gin")
