"""How far new molecules are from what models learned from: similarity, nearest molecules, features never seen."""

from dataclasses import dataclass
from itertools import compress

import numpy as np

from jaxmrl.baselines.saved import KeptModel
from jaxmrl.chem.molecules import UnusableMoleculeError
from jaxmrl.data.novelty import find_unseen
from jaxmrl.data.similarity import nearest, nearest_several, similarity_prints
from jaxmrl.ensemble.choice import Curves
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.registry import get_modality
from jaxmrl.progress import ProgressReporter
from jaxmrl.runs import artifacts


@dataclass(frozen=True)
class Prints:
    """ECFP4 of the molecules of a run and of new ones.

    Attributes:
        ids: [N] ids of the run's molecules.
        packed: [N + n, 128] uint8, the run's molecules first.
    """

    ids: np.ndarray
    packed: np.ndarray

    @property
    def new(self) -> np.ndarray:
        """The places of the new molecules, [n]."""
        return np.arange(len(self.ids), len(self.packed))

    def places(self, ids: np.ndarray) -> np.ndarray:
        """Return the places of molecules of the run by their ids."""
        return np.flatnonzero(np.isin(self.ids, ids))


@dataclass(frozen=True)
class Neighbors:
    """The K training molecules most similar to each of n new ones, the most similar first.

    Attributes:
        ids: [n, K] their ids in the sweep.
        smiles: [n][K] their canonical SMILES.
        similarity: [n, K] ECFP4 Tanimoto similarity.
        labels: [n, K, T] their labels; NaN where there is none.
    """

    ids: np.ndarray
    smiles: list[list[str]]
    similarity: np.ndarray
    labels: np.ndarray


def fingerprints(known: dict[int, str], smiles: list[str], reporter: ProgressReporter) -> Prints:
    """Return the fingerprints of the `known` molecules of a run, {id: SMILES}, and of new ones.

    Raises ConfigError if a molecule of the run cannot be read.
    """
    # Of all molecules of the run, because the sweep stored these in the cache.
    try:
        with reporter.progress("similarity", len(known) + len(smiles), "molecules") as progress:
            both = [similarity_prints(some, progress.advance) for some in (list(known.values()), smiles)]
    except UnusableMoleculeError as error:
        raise ConfigError(
            f"{artifacts.MOLECULES} of the run has a molecule that cannot be read ({error}): it is damaged, or was "
            "written with another RDKit; sweep again"
        ) from None
    return Prints(np.fromiter(known, np.int64), np.concatenate(both))


def nearest_of_each(prints: Prints, molecules: np.ndarray, learned: list[np.ndarray]) -> np.ndarray:
    """Return the similarity of molecules to the nearest that each of K models has learned from, [K, n].

    Args:
        prints: Of all molecules.
        molecules: [n] places of molecules in `prints`.
        learned: Of each model, ids of the molecules that it has learned from.
    """
    sets = [ids.tobytes() for ids in map(np.sort, learned)]
    first = dict(zip(sets, learned, strict=True))
    found = {key: nearest(prints.packed, prints.places(ids), molecules) for key, ids in first.items()}
    return np.stack([found[key] for key in sets])


def nearest_training(
    known: dict[int, str], trained_on: np.ndarray, smiles: list[str], reporter: ProgressReporter
) -> np.ndarray:
    """Return the Tanimoto similarity [n] of each molecule to the nearest of those that are `known` by the ids
    `trained_on`.

    Raises ConfigError if one of these is not known, or if one that is known cannot be read.
    """
    check_known(trained_on, known)
    prints = fingerprints(known, smiles, reporter)
    return nearest(prints.packed, prints.places(trained_on), prints.new)


def check_known(ids: np.ndarray, known: dict[int, str]) -> None:
    """Raise ConfigError where the run does not know molecules that its models were trained or validated on."""
    if not set(ids.tolist()) <= known.keys():
        raise ConfigError(f"{artifacts.MOLECULES} of the run lacks molecules that its models learned from; sweep again")


def find_neighbors(
    prints: Prints, trained_on: np.ndarray, known: dict[int, str], labels: np.ndarray, most: int
) -> Neighbors:
    """Return the training molecules nearest to each new one.

    Args:
        prints: Of all molecules.
        trained_on: Ids of the training molecules.
        known: {id: canonical SMILES} of the run's molecules.
        labels: [N, T] of all molecules of the run, in order of `prints.ids`.
        most: How many; of fewer training molecules, all.
    """
    train = prints.places(trained_on)
    similarity, places = nearest_several(prints.packed, train, prints.new, min(most, len(train)))
    rows = train[places]
    ids = prints.ids[rows]
    smiles = [[known[one] for one in several] for several in ids.tolist()]
    return Neighbors(ids, smiles, similarity, labels[rows])


def find_novelties(
    curves: Curves, known: dict[int, str], trained_on: np.ndarray, smiles: list[str], reporter: ProgressReporter
) -> list[str]:
    """Return what each new molecule has that no training molecule has, of all that models see; empty for nothing."""
    found: list[dict[str, None]] = [{} for _ in smiles]
    for models in curves.values():
        one = models[0]
        texts = _seen_texts(known, trained_on, one, reporter)
        for traits, text in zip(found, find_unseen(smiles, texts, one.modality, one.features), strict=True):
            traits |= dict.fromkeys(text.split("; ") if text else ())
    return ["; ".join(traits) for traits in found]


def _seen_texts(
    known: dict[int, str], trained_on: np.ndarray, model: KeptModel, reporter: ProgressReporter
) -> list[str]:
    """Return the SMILES that models like this one saw in training: canonical ones and random variants."""
    seen = np.isin(list(known), trained_on)
    texts = list(compress(known.values(), seen))
    # For all molecules of the run, because the sweep stored these in the cache.
    others = get_modality(model.modality).spellings(list(known.values()), model.features, reporter)
    return texts + [text for several in compress(others, seen) for text in several]
