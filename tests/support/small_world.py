"""A folder in which the documents' commands find small files of their names, and functions that train little."""

import csv
import functools
import gzip
import re
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import fields, replace
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

from jaxmrl.data.datasets import DATASETS, Dataset
from tests.support.documents import ROOT
from tests.support.tables import nci_molecules

FUNCTIONS = (
    "jaxmrl.sweep.run_sweep",
    "jaxmrl.sweep.estimate.estimate",
    "jaxmrl.score.score_molecules",
    "jaxmrl.value.value_molecules",
    "jaxmrl.pretrain.pretrain_encoder",
    "jaxmrl.pretrain.estimate.estimate_pretraining",
    "jaxmrl.predict.predict_molecules",
    "jaxmrl.select.select_molecules",
    "jaxmrl.select.simulate.simulate_selection",
    "jaxmrl.fit.fit_curves",
    "jaxmrl.plan.plan_purchase",
    "jaxmrl.compare.compare_sweeps",
)
"""What the commands call, and the names of the package are."""

SMALL = {
    "epochs": 4,
    "steps": None,
    "min_steps": None,
    "score_epochs": 1,
    "evaluate_every": 1,
    "batch_size": 256,
    "fractions": (0.05, 0.07, 0.1),
    "seeds": 2,
    "score_seeds": 1,
    "lanes": 2,
    "methods": ("el2n", "forgetting"),
    "width": 8,
    "depth": 2,
    "save_predictions": True,
}
"""Settings that train in a second, by the programs of TINY."""


def small(settings: Any) -> Any:
    """Return settings of the same kind that train in a second, of at most two widths, depths and modalities."""
    given = {field.name: getattr(settings, field.name) for field in fields(settings)}
    if "epochs" not in given:
        return settings
    changed = {name: value for name, value in SMALL.items() if name in given}
    if given.get("split") == ("rolling",):  # its cut dates stand in the place of fractions
        del changed["fractions"]
    for name in ("width", "depth"):
        if isinstance(given[name], tuple):
            changed[name] = (SMALL[name], 2 * SMALL[name])[: max(len(given[name]), 1)]
    if "subsets" in given:
        changed |= {"methods": ("banzhaf", "oob"), "subsets": 10, "trees": 10}
    if given.get("tune"):
        changed["tune"] = 3
    if isinstance(splits := given.get("split_seeds"), int):  # each seed uses one
        changed["split_seeds"] = min(splits, SMALL["seeds"])
    if isinstance(given.get("modality"), tuple):
        changed["modality"] = given["modality"][:2]
    return replace(settings, **changed)


def with_each(monkeypatch: Any, change: Callable[[Callable], Callable]) -> None:
    """Replace what the commands call by what `change` makes of it."""
    for name in FUNCTIONS:
        module, _, function = name.rpartition(".")
        monkeypatch.setattr(import_module(module), function, change(getattr(import_module(module), function)))


def training_little(function: Callable) -> Callable:
    """Return a function of settings that trains by small ones."""
    return functools.wraps(function)(lambda settings, **more: function(small(settings), **more))


def doing_nothing(function: Callable) -> Callable:
    """Return a function of settings that does nothing with them."""
    return functools.wraps(function)(lambda settings, **more: None)


def write_data_sets(folder: Path) -> None:
    """Write a small table of every data set that jaxmrl knows, by the name and with the columns that it has."""
    for dataset in DATASETS.values():
        if not dataset.is_npz:
            names = [names[0] for names in dataset.targets] or [f"task_{k}" for k in range(dataset.tasks)]
            with gzip.open(folder / dataset.file, "wt", newline="") as file:
                csv.writer(file).writerows(_rows(dataset.smiles[0], names, _is_classification(dataset)))


def _is_classification(dataset: Dataset) -> bool:
    return dataset.task == "classification"


def _rows(smiles_column: str, names: list[str], classes: bool) -> list[list[Any]]:
    smiles, labels = nci_molecules()
    values = (labels > np.median(labels)).astype(int) if classes else labels
    rows = [[text, *([value] * len(names))] for text, (value,) in zip(smiles, values.tolist(), strict=True)]
    return [[smiles_column, *names], *rows]


def _with_dates(rows: list[list[Any]], name: str) -> list[list[Any]]:
    """Return rows with a column of dates."""
    first = np.datetime64("2020-01-01")
    return [[*rows[0], name], *([*row, str(first + 7 * k)] for k, row in enumerate(rows[1:]))]


def _new_rows() -> list[list[str]]:
    """Return molecules that no data set has."""
    return [["smiles"], *([f"{'C' * k}C(O)CN"] for k in range(1, 13))]


def furnish(folder: Path, words: list[str], run: Callable) -> None:
    """Write the files that a command reads and that no command before it has written.

    run: runs a command in the folder
    """
    for name in ("benchmarks", "configs"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    command, options = words[0], _options(words)
    if command in ("fit", "plan"):
        for name in takewhile(lambda word: not word.startswith("-"), words[1:]):
            if not Path(name).exists():
                shutil.copy(ROOT / "benchmarks" / "hiv_published.csv", name)
    runs = {"predict": 1, "select": 1, "compare": 2}.get(command, 0)
    for name in takewhile(lambda word: not word.startswith("-"), words[1 : 1 + runs]):
        if not Path(name).exists():
            assert run("sweep", "--dataset", "esol", "--out", name)[0] == 0
    smiles = options.get("smiles_column", ["smiles"])[0]
    configured = tomllib.loads(Path(options["config"][0]).read_text()) if "config" in options else {}
    targets = options.get("target_columns", configured.get("target_columns", ["label"]))
    classes = "active" in targets
    tables = {
        "csv": _new_rows() if command == "select" and "simulate" not in options else _rows(smiles, targets, classes),
        "extra": _rows(smiles, targets, classes),
        "scores": _rows("smiles", options.get("pruning", []), classes=False),
        "split_file": _split_rows(),
    }
    if "date_column" in options:
        tables["csv"] = _with_dates(tables["csv"], options["date_column"][0])
    for name, rows in tables.items():
        path = Path(options.get(name, [str(folder)])[0])
        if not path.exists():
            with path.open("w", newline="") as file:
                csv.writer(file).writerows(rows)
    if "previous" in options and not Path(previous := options["previous"][0]).exists():
        assert run("sweep", "--csv", options["csv"][0], "--out", previous)[0] == 0
    if "embeddings" in options:
        write_vectors(folder / Path(options["embeddings"][0]).name)
    if "npz" in options:
        write_geometries(folder / Path(options["npz"][0]).name, targets)


def furnish_example(text: str, run: Callable) -> None:
    """Sweep what an example in Python reads of runs/, and keep its predictions by the names that the example has."""
    for name in re.findall(r"\"(runs/[^\"]+)\"", text):
        directory = Path(*Path(name).parts[:2])
        if not directory.exists():
            assert run("sweep", "--dataset", "esol", "--out", directory)[0] == 0
        if not Path(name).exists():
            shutil.copy(next(Path(name).parent.iterdir()), name)


def _options(words: list[str]) -> dict[str, list[str]]:
    """Return {option: values} of a command."""
    options: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words:
        if word.startswith("--"):
            values = options.setdefault(word[2:].replace("-", "_"), [])
        else:
            values.append(word)
    return options


def _split_rows() -> list[list[str]]:
    smiles, _ = nci_molecules()
    parts = ["valid", "test", *["train"] * 8]
    return [["smiles", "split"], *([text, parts[k % len(parts)]] for k, text in enumerate(smiles))]


def write_vectors(path: Path) -> None:
    """Write random vectors of the molecules of every data set."""
    smiles, _ = nci_molecules()
    np.savez(path, smiles=np.array(smiles), embeddings=np.random.default_rng(0).normal(size=(len(smiles), 8)))


def write_geometries(path: Path, targets: list[str]) -> None:
    """Write small molecules in space, in the layout of qm9_eV.npz."""
    smiles, labels = nci_molecules()
    found = []
    for text, (label,) in zip(smiles, labels.tolist(), strict=True):
        molecule = Chem.AddHs(Chem.MolFromSmiles(text))
        if molecule.GetNumAtoms() <= 20 and AllChem.EmbedMolecule(molecule, randomSeed=1) == 0:
            atoms = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
            found.append((molecule.GetConformer().GetPositions(), atoms, label))
    positions, atoms, values = zip(*found, strict=True)
    np.savez(
        path,
        R=np.concatenate(positions).astype(np.float32),
        Z=np.concatenate(atoms).astype(np.int8),
        N=np.array([len(one) for one in atoms], np.int32),
        **{name: np.array(values) for name in targets},
    )
