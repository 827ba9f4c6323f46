"""Each modality by the same command; and another one, as the documentation shows it."""

import csv
import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem, RDConfig
from rdkit.Chem import Crippen

from jaxmrl import modalities
from jaxmrl.config import PredictConfig, ScoreConfig, SweepConfig
from jaxmrl.config.names import PRUNING_METHODS
from jaxmrl.errors import ConfigError
from jaxmrl.modalities import registry
from jaxmrl.predict import predict_molecules
from jaxmrl.score import score_molecules
from jaxmrl.sweep import run_sweep
from tests.support.tiny import TINY

EXAMPLE = Path(__file__).parents[2] / "docs" / "concepts" / "adding-a-modality.md"
MODALITIES = ("graph", "molgraph", "fingerprint", "smiles")


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


@pytest.mark.parametrize(
    "modalities",
    [
        pytest.param(("molgraph", "smiles"), marks=pytest.mark.nightly),
        pytest.param(MODALITIES, marks=pytest.mark.nightly),
    ],
)
def test_every_modality_learns_from_one_command(modalities, thousand, tmp_path, cache):
    config = SweepConfig(
        csv=thousand, modality=modalities, fractions=(1.0,), seeds=1, epochs=12, batch_size=64, out=tmp_path / "run",
        width=64, depth=2,
    )  # fmt: skip
    result = run_sweep(config)
    assert [curve.identity.modality for curve in result.curves] == list(modalities)
    for curve in result.curves:
        assert curve.points[-1].mean > 0.75, curve.identity.modality
    vocabulary = json.loads((tmp_path / "run" / "vocabulary.json").read_text())
    assert vocabulary[0] == ""
    assert {"C", "Cl", "(", "="} <= set(vocabulary)
    again = run_sweep(config)
    assert again.rows == result.rows


@pytest.mark.nightly
@pytest.mark.parametrize("modality", ["molgraph", "smiles", "fingerprint"])
def test_every_modality_can_be_scored(csv_file, tmp_path, cache, modality):
    settings = {"seeds": 2, "epochs": 2, "batch_size": 32, "width": 16, "depth": 2}
    config = ScoreConfig(
        csv=csv_file, target_columns=("greasy",), modality=modality, out=tmp_path / "s.npz", **settings
    )
    scores = score_molecules(config)
    assert set(scores.values) == set(PRUNING_METHODS)
    for name, values in scores.values.items():
        assert np.isfinite(values).all(), name
        assert len(np.unique(values)) > 5 or name == "forgetting"


@pytest.mark.nightly  # slow tests of spellings train models of each, and each has fast tests of its own
def test_graphs_of_both_kinds_in_one_sweep(csv_file, tmp_path, cache):
    models = {"modality": ("graph", "molgraph"), "model": ("gin", "dmpnn", "gine"), "descriptors": "on"}
    result = run_sweep(SweepConfig(csv=csv_file, **models, **TINY | {"seeds": 1}, out=tmp_path / "run"))
    assert [row.curve.model for row in result.rows] == ["gin"] * 2 + ["dmpnn"] * 2 + ["gine"] * 2
    assert {row.status for row in result.rows} == {"finished"}
    (tmp_path / "new.csv").write_text("smiles\nCCO\nF[S](F)(F)(F)(F)F\n[Xe]\n")
    for name in ("molgraph-dmpnn-8x2,random,random,none", "molgraph-gine-8x2,random,random,none"):
        files = {"csv": tmp_path / "new.csv", "out": tmp_path / "predictions.csv"}
        found = predict_molecules(PredictConfig(run=tmp_path / "run", curve=name, **files))
        assert np.isfinite(found.mean).all()
        assert "element Xe" in found.unseen[2]


@pytest.mark.nightly
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
            r"unknown modality 'image'; choose from graph, molgraph, geometry, fingerprint",
        ),
        ({"modality": ("smiles",), "width": (60,)}, r"multiple of its 8 heads; got 60"),
        ({"fingerprint_bits": 100}, r"multiple of 8; got 100"),
        ({"fingerprint_radius": -1}, r"--fingerprint-radius must be 0 or more"),
        ({"fingerprint_tokens": "some"}, r"choose from set, all"),
        ({"readout": "max"}, r"unknown readout 'max'; choose from sum, mean, attention"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**settings)


@pytest.fixture
def composition(tmp_path, monkeypatch):
    """The folder of docs/concepts/adding-a-modality.md as a module of the package, and its object registered."""
    files = re.findall(r"`composition/(\w+\.py)`[^`]*```python\n(.*?)```", EXAMPLE.read_text(), re.DOTALL)
    assert [name for name, _ in files] == ["modality.py", "network.py"]
    folder = tmp_path / "modalities" / "composition"
    folder.mkdir(parents=True)
    for name, code in files:
        (folder / name).write_text(code)
    monkeypatch.setattr(modalities, "__path__", [*modalities.__path__, str(folder.parent)])
    modality = importlib.import_module("jaxmrl.modalities.composition.modality").COMPOSITION
    registry.MODALITIES.append(modality)
    yield modality
    registry.MODALITIES.remove(modality)
    del modalities.composition
    for name in [name for name in sys.modules if name.startswith("jaxmrl.modalities.composition")]:
        del sys.modules[name]


def test_a_new_modality_is_a_folder_and_one_registration(composition, csv_file, tmp_path, cache):
    """It learns logP, much of which is a sum over atoms, and predicts it of molecules with a new element."""
    settings = {"target_columns": ("logp",), "fractions": (1.0,), "seeds": 1, "steps": 300, "evaluate_every": 20}
    config = SweepConfig(
        csv=csv_file, modality="composition", width=16, learning_rate=1e-2, out=tmp_path / "run", **settings
    )
    result = run_sweep(config)
    assert result.rows[0].curve.model == "perceptron"
    labels = [float(row["logp"]) for row in csv.DictReader(csv_file.open()) if row["logp"] != "much"]
    assert result.curves[0].points[-1].mean < 0.8 * np.std(labels)
    (tmp_path / "new.csv").write_text("smiles\nCCO\n[Xe]\n")
    found = predict_molecules(
        PredictConfig(run=tmp_path / "run", csv=tmp_path / "new.csv", out=tmp_path / "predictions.csv")
    )
    assert np.isfinite(found.mean).all()
    assert found.unseen == ["", "element Xe"]
    with pytest.raises(ConfigError, match=r"choose from graph, molgraph, .*, composition"):
        SweepConfig(modality="image")
    with pytest.raises(ConfigError, match="--model perceptron is for --modality composition"):
        SweepConfig(modality="graph", model="perceptron")
