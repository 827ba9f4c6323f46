"""Vectors of molecules that know the labels: a copy of the label, or predictions that are too good to be honest.

A warning, not a proof, and nothing else depends on it: it sees the labels of all molecules, test molecules included.
Each of the three tests compares vectors with what the structure alone says: its elements, and its ECFP4 fragments.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.modalities.base import Vectors
from jaxmrl.modalities.descriptors.features import ecfp_counts
from jaxmrl.modalities.graph.features import Graphs
from jaxmrl.progress import ProgressReporter
from jaxmrl.stats import average_ranks, normal_cdf, normal_ppf
from jaxmrl.text import count

COPY, COPY_AUC = 0.95, 0.99
"""Rank correlation at equal composition, and ROC-AUC, from which one column counts as a copy of the label."""

CLEARER_FEW, LEAST_FEW = 4 / 3, 2.0
CLEARER_ALL, LEAST_ALL = 2.0, 4.0
"""Predictions by few molecules, and by all, are too good where their signal is so many times that of the structure, by
all molecules, and at least so much."""

_MOST, _FEWEST, _FEW, _DRAWS, _EACH_CLASS = 600, 50, 50, 5, 10
"""Molecules that are looked at, and that it takes; those of a small training set; how many such sets are drawn;
molecules of each class that it takes."""

_MOST_TASKS = 10
_PENALTIES = np.geomspace(1e-4, 1e2, 13)
_FREE = 1e3
_LARGEST_SIGNAL = 1e3


@dataclass(frozen=True)
class _Task:
    """The molecules of a task that are looked at, n. vectors and composition are standardized.

    vectors [n, D], composition [n, E], structure [n, n] their similarity by elements and fragments, labels [n]
    """

    vectors: np.ndarray
    composition: np.ndarray
    structure: np.ndarray
    labels: np.ndarray
    classes: bool


def leak_text(prepared: ParsedMolecules, path: Path, reporter: ProgressReporter) -> str:
    """Return a warning if the vectors of molecules may contain their labels; empty if nothing says so.

    Looks at the tasks with the most labels, and at a random sample of the molecules of each.
    """
    table, vectors, graphs = prepared.table, prepared.vectors, prepared.graphs
    if vectors is None or graphs is None:
        return ""
    known = np.isfinite(table.labels).sum(axis=0)
    tasks = [int(task) for task in np.argsort(-known, kind="stable")[:_MOST_TASKS] if known[task] >= _FEWEST]
    composition, classes = _composition(graphs), table.task == "classification"
    found = []
    with reporter.progress("check for leaks", len(tasks), "tasks") as progress:
        for task in tasks:
            labels = table.labels[:, task].astype(np.float64)
            sample = _sample(labels, classes)
            if sample is not None:
                seen = _task(prepared, vectors, composition, labels, sample, classes)
                found.append(_evidence(seen, vectors, table.tasks[task]))
            progress.advance(1)
    found = [said for said in found if said]
    if not found:
        return ""
    more = f" (so for {len(found)} of {count(len(tasks), 'task')})" if len(found) > 1 else ""
    return (
        f"warning: the vectors in {path.name} may contain the labels: {found[0]}{more}. If they do, their curves say "
        "nothing about new molecules: use vectors that were made without these labels"
    )


def _sample(labels: np.ndarray, classes: bool) -> np.ndarray | None:
    """Return the places of the molecules to look at; None where too few have a label."""
    known = np.flatnonzero(np.isfinite(labels))
    if len(known) > _MOST:
        known = np.sort(np.random.default_rng(0).choice(known, _MOST, replace=False))
    if classes:
        active = int((labels[known] == 1).sum())
        enough = min(active, len(known) - active) >= _EACH_CLASS
    else:
        enough = len(known) > 0 and np.ptp(labels[known]) > 0
    return known if enough and len(known) >= _FEWEST else None


def _task(
    prepared: ParsedMolecules,
    vectors: Vectors,
    composition: np.ndarray,
    labels: np.ndarray,
    sample: np.ndarray,
    classes: bool,
) -> _Task:
    counts = ecfp_counts([prepared.canonical_smiles[k] for k in sample]).counts
    elements = _standard(composition[sample])
    structure = _tanimoto(counts) + elements @ elements.T / max(elements.shape[1], 1)
    return _Task(_standard(vectors.values[sample]), elements, structure, labels[sample], classes)


def _evidence(task: _Task, vectors: Vectors, name: str) -> str:
    """Return what says that the vectors know the labels of a task, in words; empty if nothing does."""
    likeness, column = _copy(task)
    called = vectors.columns[column] if vectors.columns else f"column {column}"
    if likeness >= (COPY_AUC if task.classes else COPY):
        if task.classes:
            return f"{called} alone ranks the molecules by {name} with a ROC-AUC of {likeness:.4f}"
        return f"{called} orders molecules of equal composition as {name} does (rank correlation {likeness:.3f})"
    structure = _signal(task, _left_out(task.structure, task.labels)[0])
    kernel = task.vectors @ task.vectors.T / task.vectors.shape[1]
    small = min(_FEW, len(task.labels) // 2)
    few, everyone = _by_few(task, kernel, small), _signal(task, _left_out(kernel, task.labels)[0])
    usual = f"the structure reaches {_quality(task, structure)} with all {len(task.labels)}"
    if few >= max(LEAST_FEW, CLEARER_FEW * structure):
        return f"{small} molecules are enough to predict {name} with {_quality(task, few)}, where {usual}"
    if everyone >= max(LEAST_ALL, CLEARER_ALL * structure):
        return f"a linear model predicts {name} with {_quality(task, everyone)}, where {usual}"
    return ""


def _quality(task: _Task, signal: float) -> str:
    """Return a signal in words, as R² or ROC-AUC."""
    if task.classes:
        return f"a ROC-AUC of {normal_cdf(signal / np.sqrt(2)):.3f}"
    return f"an R² of {max(1 - 1 / max(signal, 1e-9) ** 2, 0.0):.3f}"


def _copy(task: _Task) -> tuple[float, int]:
    """Return the similarity of the label and the column that is most similar to it, and the index of that column.

    In classification, it is the ROC-AUC in either direction. In regression, it is the correlation of the normal scores
    of ranks, which is 1 for any monotone copy, after a regression of both on the composition: many columns and labels
    grow with the size of a molecule.
    """
    ranks = average_ranks(task.vectors, axis=0)
    if task.classes:
        active, others = int(task.labels.sum()), int((1 - task.labels).sum())
        area = (ranks[task.labels == 1].sum(axis=0) - active * (active + 1) / 2) / (active * others)
        likeness = np.maximum(area, 1 - area)
    else:
        basis = _basis(task.composition)
        ours, label = (_residual(_normal_scores(some), basis) for some in (ranks, average_ranks(task.labels)[:, None]))
        likeness = np.abs(ours.T @ label)[:, 0]
    return float(likeness.max()), int(likeness.argmax())


def _normal_scores(ranks: np.ndarray) -> np.ndarray:
    """Return the normal quantiles of ranks [n, D], in units of length 1 and of mean 0 in each column."""
    scores = normal_ppf((ranks - 0.5) / len(ranks))
    return _unit(scores - scores.mean(axis=0))


def _residual(scores: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return what is orthogonal to a basis [n, E], of length 1; 0 where almost nothing is."""
    left = scores - basis @ (basis.T @ scores)
    return np.where(np.linalg.norm(left, axis=0) > 1e-3, _unit(left), 0.0)


def _unit(columns: np.ndarray) -> np.ndarray:
    return columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-12)


def _basis(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of columns [n, E] of mean 0."""
    left, scale, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, scale > 1e-6 * max(scale.max(initial=0), 1e-12)]


def _by_few(task: _Task, kernel: np.ndarray, small: int) -> float:
    """Return the signal that a few molecules give for all others, the median over draws.

    The better one of ridge regression on all columns and of the column that correlates best.
    """
    rng, ridge, best = np.random.default_rng(1), [], []
    for _ in range(_DRAWS):
        few = _draw(task, small, rng)
        others = np.setdiff1d(np.arange(len(task.labels)), few)
        mean, penalty = task.labels[few].mean(), _left_out(kernel[np.ix_(few, few)], task.labels[few])[1]
        inside = kernel[np.ix_(few, few)] + penalty * np.eye(len(few))
        weights = np.linalg.solve(inside, task.labels[few] - mean)
        ridge.append(_signal(task, mean + kernel[np.ix_(others, few)] @ weights, others))
        centered = task.vectors[few] - task.vectors[few].mean(axis=0)
        along = _unit(centered).T @ (task.labels[few] - mean)
        column = int(np.abs(along).argmax())
        slope = along[column] / max(float(np.linalg.norm(centered[:, column])), 1e-12)
        beyond = task.vectors[others, column] - task.vectors[few, column].mean()
        best.append(_signal(task, mean + slope * beyond, others))
    return float(max(np.median(ridge), np.median(best)))


def _draw(task: _Task, small: int, rng: np.random.Generator) -> np.ndarray:
    """Return the places of a small training set; of classes, with about as many actives as there are."""
    if not task.classes:
        return rng.permutation(len(task.labels))[:small]
    active, inactive = (rng.permutation(np.flatnonzero(task.labels == value)) for value in (1, 0))
    fewest = min(_EACH_CLASS, small // 2) // 2
    actives = int(np.clip(round(small * len(active) / len(task.labels)), fewest, small - fewest))
    return np.concatenate([active[: min(actives, len(active) // 2)], inactive[: small - actives]])


def _left_out(kernel: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Return what kernel ridge regression predicts of each molecule by all others, and the penalty that is best there.

    In closed form (Rasmussen & Williams 2006, section 5.4.2). A constant in the kernel makes the intercept free:
    columns and labels of mean 0 would otherwise give the left-out label away, which is minus the sum of the others.
    """
    scale = max(float(np.trace(kernel)) / len(kernel), 1e-12)
    values, vectors = np.linalg.eigh(kernel + _FREE * scale)
    values, centered = np.maximum(values, 0), labels - labels.mean()
    projected, squares, found = vectors.T @ centered, vectors**2, []
    for penalty in _PENALTIES * scale:
        inverse = 1 / (values + penalty)
        error = (vectors @ (inverse * projected)) / (squares @ inverse)
        found.append((float((error**2).mean()), float(penalty), labels - error))
    _, penalty, predicted = min(found, key=lambda one: one[0])
    return predicted, penalty


def _signal(task: _Task, predicted: np.ndarray, molecules: np.ndarray | None = None) -> float:
    """Return how clear predictions are: the standard deviation of the labels in RMSEs, or that distance between the
    classes, in standard deviations within them, which has the same ROC-AUC.
    """
    labels = task.labels if molecules is None else task.labels[molecules]
    if task.classes:
        active, ranks = int(labels.sum()), average_ranks(predicted)
        area = (ranks[labels == 1].sum() - active * (active + 1) / 2) / (active * (len(labels) - active))
        return float(np.sqrt(2) * normal_ppf(np.clip(area, 0.5, 1 - 1e-9)))
    rmse = np.sqrt(((labels - predicted) ** 2).mean())
    return float(min(labels.std() / max(rmse, 1e-300), _LARGEST_SIGNAL))


def _standard(values: np.ndarray) -> np.ndarray:
    """Return columns with mean 0 and standard deviation 1, [n, D] float64; 0 for one that does not vary."""
    values = values.astype(np.float64)
    varies = np.ptp(values, axis=0) > 0
    return np.where(varies, (values - values.mean(axis=0)) / np.where(varies, values.std(axis=0), 1.0), 0.0)


def _composition(graphs: Graphs) -> np.ndarray:
    """Return the atoms of each element in each molecule, [N, E]."""
    counts = np.zeros((len(graphs.size), int(graphs.atom.max(initial=0)) + 1), np.uint16)
    np.add.at(counts, (np.repeat(np.arange(len(graphs.size)), graphs.size), graphs.atom), 1)
    return counts


def _tanimoto(counts: np.ndarray) -> np.ndarray:
    """Return the Tanimoto similarity of the fragments of each two molecules, [n, n]."""
    there = (counts > 0).astype(np.float64)
    shared, many = there @ there.T, there.sum(axis=1)
    return shared / np.maximum(many[:, None] + many[None, :] - shared, 1)
