"""Each modality by the same command; and a fifth one, as the documentation shows it."""

import csv
import json
import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from rdkit import Chem, RDConfig
from rdkit.Chem import Crippen

from jaxmrl.config import ScoreConfig, SweepConfig
from jaxmrl.data.label_scaling import no_standard
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.datasets import DATASETS
from jaxmrl.score import score_molecules
from jaxmrl.sweep import run_sweep
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import MODULES, ModelSpec
from jaxmrl.training.replica import DeviceTable, TrainingSpec
from jaxmrl.training.schedules import OPTIMISATIONS

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
MODALITIES = ("graph", "fingerprint", "smiles")


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    """The first thousand molecules of NCI first_5K, and whether Crippen's logP is above 1.5."""
    path = tmp_path_factory.mktemp("table") / "nci1000.csv"
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "greasy"])
        for line in lines[:1000]:
            molecule = Chem.MolFromSmiles(line.split()[0])
            writer.writerow([line.split()[0], int(Crippen.MolLogP(molecule) > 1.5) if molecule else ""])
    return path


@pytest.mark.slow
def test_every_modality_learns_from_one_command(thousand, tmp_path, cache):
    config = SweepConfig(
        csv=thousand, modality=MODALITIES, fractions=(1.0,), seeds=1, epochs=12, batch_size=64, out=tmp_path / "run"
    )
    result = run_sweep(config)
    assert [curve.identity.modality for curve in result.curves] == list(MODALITIES)
    for curve in result.curves:
        assert curve.points[-1].mean > 0.75, curve.identity.modality
    vocabulary = json.loads((tmp_path / "run" / "vocabulary.json").read_text())
    assert vocabulary[0] == ""
    assert {"C", "Cl", "(", "="} <= set(vocabulary)
    again = run_sweep(config)
    assert again.rows == result.rows


@pytest.mark.slow
@pytest.mark.parametrize("modality", ["fingerprint", "smiles"])
def test_every_modality_can_be_scored(csv_file, tmp_path, cache, modality):
    settings = {"seeds": 2, "epochs": 2, "batch_size": 32, "width": 16}
    config = ScoreConfig(
        csv=csv_file, target_columns=("greasy",), modality=modality, out=tmp_path / "s.npz", **settings
    )
    scores = score_molecules(config)
    assert len(scores.values) == 9
    for name, values in scores.values.items():
        assert np.isfinite(values).all(), name
        assert len(np.unique(values)) > 5 or name == "forgetting"


@pytest.mark.slow
def test_all_bits_as_tokens(csv_file, tmp_path, cache):
    settings = {"fractions": (1.0,), "seeds": 1, "epochs": 1, "batch_size": 32, "width": (16,)}
    more = {"fingerprint_bits": 64, "fingerprint_tokens": "all", "target_columns": ("greasy",)}
    result = run_sweep(SweepConfig(csv=csv_file, modality="fingerprint", out=tmp_path / "run", **settings, **more))
    assert result.rows[0].status == "finished"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"modality": ("graph", "image")},
            r"unknown modality 'image'; choose from graph, geometry, fingerprint, smi",
        ),
        ({"modality": ("smiles",), "width": (60,)}, r"multiple of its 8 heads; got 60"),
        ({"fingerprint_bits": 100}, r"multiple of 8; got 100"),
        ({"fingerprint_radius": -1}, r"--fingerprint-radius must be 0 or more"),
        ({"fingerprint_tokens": "some"}, r"choose from set, all"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**settings)


def test_a_fifth_modality_is_one_store_and_one_model(molecules):
    """The example of docs/architecture.md, run: it learns to count oxygen atoms."""
    (example,) = re.findall(r"```python\n(.*?class Composition.*?)```", ARCHITECTURE.read_text(), re.DOTALL)
    code = [line for line in example.splitlines() if line and not line.startswith(("from", "import"))]
    assert len(code) <= 35
    names = {}
    try:
        exec(example, names)
        elements = np.split(molecules.atom, np.cumsum(molecules.size)[:-1])
        features = names["Composition"](np.stack([np.bincount(one, minlength=120) for one in elements]))
        labels = jnp.asarray(features.counts[:, 8:9], jnp.float32)
        table = DeviceTable(DATASETS[type(features)].put(features), labels)
        shape = ModelSpec(16, 1, 0.0, 1, "float32", "perceptron", "composition")
        everyone = np.arange(12)
        replica = Replica("r", 0, everyone, everyone, everyone, 300, no_standard(1))
        found = []
        recipe = TrainingSpec(shape, "regression", "mae", 1e-2)
        Engine(recipe, table, features.resources(), [replica], 1, 4).run(set(), found.append)
        assert found[0].test < 0.3 < float(jnp.abs(labels - labels.mean()).mean())
    finally:
        for registry, name in (
            (MODULES, "perceptron"),
            (OPTIMISATIONS, "composition"),
            (DATASETS, names.get("Composition")),
        ):
            registry.pop(name, None)
