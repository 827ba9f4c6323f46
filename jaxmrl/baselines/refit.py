"""Predictions of new molecules by classical models of a run: each is fitted again to what it learned from."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.special import expit

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.saved import SavedBaseline, read_learned, software_of
from jaxmrl.baselines.workers import fit_side_by_side
from jaxmrl.data.bounds import Bounds, bounds_of
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.base import Vectors
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.modalities.registry import get_modality
from jaxmrl.progress import ProgressReporter
from jaxmrl.text import count
from jaxmrl.training.interrupts import Stop


@dataclass(frozen=True)
class Refitted:
    """The predictions of K models that were fitted again: probabilities, or values in the labels' unit.

    new      [K, n, T] of new molecules
    known    [K, m, T] of molecules of the run
    learned  of each model, the ids of the molecules that it learned from
    """

    new: np.ndarray
    known: np.ndarray
    learned: list[np.ndarray]


@dataclass(frozen=True)
class _Molecules:
    """Molecules by their canonical SMILES, as `modalities.base.Molecules`."""

    canonical_smiles: list[str]
    vectors: Vectors | None = None
    graphs: None = None
    conformers: None = None

    def __len__(self) -> int:
        return len(self.canonical_smiles)


def predict_refitted(
    models: list[SavedBaseline],
    known: dict[int, str],
    vectors: np.ndarray | None,
    new: ParsedMolecules,
    also: np.ndarray,
    reporter: ProgressReporter,
) -> Refitted:
    """Return what each model predicts, fitted again to what it learned from.

    Args:
        models: The models of one curve.
        known: {id: canonical SMILES} of the molecules of the run.
        vectors: Those of --embeddings of all `known` in their order, [N, D]; None for models that do not see them.
        new: The molecules to predict, n.
        also: Ids of molecules of the run to predict as well, [m].
        reporter: Gets a note if another version of scikit-learn fits the models now.

    Raises:
        ConfigError: If a model learned from a molecule that is not known.
    """
    one, learned = models[0], [read_learned(model) for model in models]
    if software_of(one.spec.model) != one.software:
        reporter.say(
            f"the sweep fitted {one.spec.name} with {one.software}, but {software_of(one.spec.model)} is installed: "
            "predictions may differ from those of the sweep"
        )
    parts = [arrays[part] for arrays in learned for part in ("train", "valid")]
    ids = np.unique(np.concatenate([*parts, also]).astype(np.int64))
    if not set(ids.tolist()) <= known.keys():
        raise ConfigError("molecules.csv of the run lacks molecules that its models learned from; sweep again")
    modality = get_modality(one.modality)
    molecules = _together(known, ids, vectors, new)
    features = modality.featurize(molecules, one.features, reporter)
    values = np.empty((len(models), len(also) + len(new), len(one.tasks)))
    labels, bounds = _labels(learned, ids, (len(molecules), len(one.tasks)))
    asked = np.concatenate([np.searchsorted(ids, also), len(ids) + np.arange(len(new))])
    work = [
        (one.modality, _assignment(model, arrays, ids, asked)) for model, arrays in zip(models, learned, strict=True)
    ]
    with reporter.progress(f"fitting {count(len(models), 'model')} again", len(models), "models") as progress:
        seen = {one.modality: cast(Descriptors, features)}
        for place, predicted in fit_side_by_side(work, seen, labels, Stop(), bounds):
            values[place] = expit(predicted) if one.task == "classification" else predicted
            progress.advance(1)
    return Refitted(values[:, len(also) :], values[:, : len(also)], [arrays["train"] for arrays in learned])


def _labels(
    learned: list[dict[str, np.ndarray]], ids: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, Bounds | None]:
    """Return the labels [N, T] of what models learned from, NaN for other molecules, and the bounds among them.

    learned: as of `read_learned`; ids: of the molecules, ascending, which come first among the `N`.
    """
    labels, limits, sides = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int8)
    for arrays in learned:  # models share molecules, whose labels are the same
        for part in ("train", "valid"):
            places = np.searchsorted(ids, arrays[part])
            labels[places] = arrays[f"{part}_labels"]
            if f"{part}_sides" in arrays:
                limits[places], sides[places] = arrays[f"{part}_bounds"], arrays[f"{part}_sides"]
    return labels, bounds_of(limits, sides)


def _together(known: dict[int, str], ids: np.ndarray, vectors: np.ndarray | None, new: ParsedMolecules) -> _Molecules:
    """Return the known molecules of some ids, and after them the new ones."""
    both = None
    if vectors is not None and new.vectors is not None:
        place = {one: k for k, one in enumerate(known)}
        learned = vectors[[place[int(k)] for k in ids]]
        both = Vectors(np.concatenate([learned, new.vectors.values]), new.vectors.columns)
    return _Molecules([known[int(k)] for k in ids] + new.canonical_smiles, both)


def _assignment(model: SavedBaseline, arrays: dict[str, np.ndarray], ids: np.ndarray, asked: np.ndarray) -> Assignment:
    """Return what a worker fits. Molecules are places in a table that begins with `ids`, ascending."""
    train, valid = (np.searchsorted(ids, arrays[part]) for part in ("train", "valid"))
    weights = arrays.get("train_weights")
    return Assignment(model.spec.model, model.task == "classification", train, valid, asked, model.seed, weights)
