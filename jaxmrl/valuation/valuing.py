"""Values of the training molecules by each method: draw subsets, train models on them, estimate."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from jaxmrl.errors import DataError, DivergedError, UserError
from jaxmrl.io.cache import load_arrays, save_arrays
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.progress import ProgressReporter
from jaxmrl.pruning.scoring_models import LaneRecord
from jaxmrl.text import count
from jaxmrl.training.interrupts import Stop
from jaxmrl.valuation.datamodels import fit_datamodels, linear_score
from jaxmrl.valuation.estimates import Values, banzhaf_reuse, half_subsets, shapley_reuse, shapley_subsets
from jaxmrl.valuation.methods import HALVES
from jaxmrl.valuation.out_of_bag import out_of_bag
from jaxmrl.valuation.subset_models import SubsetModels
from jaxmrl.valuation.utility import constant_utility, model_utilities, targets_of
from jaxmrl.valuation.value_files import DataValues

FEWEST_MOLECULES = 20
"""The fewest training molecules: subsets of fewer are often empty or of one molecule."""

WHOLE_MODELS = 10
"""Models of all training molecules, whose mean utility is the sum of the Shapley values and that of no molecule."""

FOLDS = 5
"""Parts of the models on halves; each judges the values that are estimated from the others."""

_HALVES_STREAM, _SHAPLEY_STREAM = 0, 1


@dataclass(frozen=True)
class Workplace:
    """Where a valuation keeps what is done and reports it.

    run       keeps the number of lanes
    folder    keeps what models predict
    """

    run: LaneRecord
    folder: Path
    reporter: ProgressReporter
    stop: Stop


def compute_values(models: SubsetModels, place: Workplace) -> DataValues:
    """Return the values of the training molecules by each method of the settings.

    Raises:
        DataError: For too few training molecules.
        DivergedError: Where models diverged, so that too few are left.
        StopRequestedError: When stopped.
    """
    many, names = len(models.molecules), models.settings.methods
    if many < FEWEST_MOLECULES:
        raise DataError(f"values need {FEWEST_MOLECULES} training molecules or more; the split has {many}")
    found: dict[str, Values] = {}
    facts: dict[str, Any] = {}
    if set(names) & set(HALVES):
        values, facts["halves"] = _of_halves(models, place)
        found |= values
    if "shapley" in names:
        found["shapley"], facts["shapley"] = _of_all_sizes(models, place)
    if "oob" in names:
        found["oob"] = _of_trees(models, place)
    return DataValues(models.molecules, {name: found[name] for name in names}, facts)


def _trained(models: SubsetModels, members: np.ndarray, design: str, place: Workplace) -> tuple[np.ndarray, np.ndarray]:
    """Return the subsets of the models that did not diverge, and what these predict, [m, q, T]."""
    outputs = models.outputs(members, design, place.run, place.folder, place.reporter, place.stop)
    sound = np.isfinite(outputs).all(axis=(1, 2))
    if (lost := int((~sound).sum())) > 0:
        place.reporter.say(f"{lost:,} of {count(len(members), 'model')} on {design} diverged and are left out")
    if lost > len(members) // 2:
        raise DivergedError(
            f"{lost:,} of {count(len(members), 'model')} on {design} diverged; give a lower --learning-rate, and "
            "another --out"
        )
    return members[sound], outputs[sound]


def _of_halves(models: SubsetModels, place: Workplace) -> tuple[dict[str, Values], dict[str, Any]]:
    """Return Banzhaf values and datamodels from models on random halves, and how well they predict unseen ones."""
    settings, many = models.settings, len(models.molecules)
    drawn = half_subsets(many, settings.subsets, np.random.default_rng([settings.seed, _HALVES_STREAM]))
    members, outputs = _trained(models, drawn, "halves", place)
    utilities = model_utilities(outputs, models.labels, models.spreads)
    targets = targets_of(outputs, models.labels, models.spreads)
    values = {"banzhaf": banzhaf_reuse(members, utilities), "datamodel": fit_datamodels(members, targets).means}
    facts = {"models": len(drawn), "diverged": len(drawn) - len(members), "utility": _mean_and_sd(utilities)}
    return values, facts | {"linear_datamodeling_score": unseen_scores(members, utilities, targets)}


def unseen_scores(members: np.ndarray, utilities: np.ndarray, targets: np.ndarray) -> dict[str, float | None]:
    """Return the linear datamodeling scores on subsets from which the values were not estimated: means over folds.

    Args:
        members: The subsets, [M, n] bool.
        utilities: Of the models, [M].
        targets: Outputs that datamodels predict, [M, q].

    Returns:
        outputs: the mean over outputs of the score of their datamodels; mean_output: that of the datamodel of the mean
        output; banzhaf: that of Banzhaf values for the utility. None where predictions or outputs are constant.
    """
    found = []
    for unseen in folds(len(members)):
        seen = ~unseen
        fitted = fit_datamodels(members[seen], targets[seen])
        actual = np.concatenate([targets[unseen], targets[unseen].mean(axis=1, keepdims=True)], axis=1)
        of_outputs = linear_score(fitted.predict(members[unseen]), actual)
        banzhaf = members[unseen] @ banzhaf_reuse(members[seen], utilities[seen]).value
        of_utility = linear_score(banzhaf[:, None], utilities[unseen, None])
        found.append((_mean_of_known(of_outputs[:-1]), of_outputs[-1], of_utility[0]))
    means = [_mean_of_known(np.array(scores)) for scores in zip(*found, strict=True)]
    names = ("outputs", "mean_output", "banzhaf")
    return {name: None if np.isnan(one) else round(float(one), 4) for name, one in zip(names, means, strict=True)}


def folds(models: int) -> list[np.ndarray]:
    """Return which of so many models are unseen in each fold, [M] bool each."""
    return [np.arange(models) % FOLDS == fold for fold in range(FOLDS)]


def _mean_of_known(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _of_all_sizes(models: SubsetModels, place: Workplace) -> tuple[Values, dict[str, Any]]:
    """Return Shapley values from models on random subsets of all sizes, and on all molecules."""
    settings, many = models.settings, len(models.molecules)
    drawn = shapley_subsets(many, settings.subsets, np.random.default_rng([settings.seed, _SHAPLEY_STREAM]))
    everyone = np.ones((WHOLE_MODELS, many), bool)
    members, outputs = _trained(models, np.concatenate([everyone, drawn]), "subsets of all sizes", place)
    utilities = model_utilities(outputs, models.labels, models.spreads)
    is_whole = members.all(axis=1)
    labels = models.problem.device_labels(models.spec.modality)[models.molecules].astype(np.float64)
    nothing = constant_utility(models.labels, models.spreads, _means(labels))
    whole = float(utilities[is_whole].mean())
    values = shapley_reuse(members[~is_whole], utilities[~is_whole], whole, nothing)
    facts = {"models": len(drawn) + WHOLE_MODELS, "diverged": len(drawn) + WHOLE_MODELS - len(members)}
    return values, facts | {"utility_of_all": round(whole, 4), "utility_of_none": round(nothing, 4)}


def _means(labels: np.ndarray) -> np.ndarray:
    """Return the mean of each task's labels [n, T]; 0 for a task that has none, [T]."""
    known = ~np.isnan(labels)
    return np.where(known, labels, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _of_trees(models: SubsetModels, place: Workplace) -> Values:
    """Return the Data-OOB values; from the folder if it has them."""
    settings, table, path = models.settings, models.problem.table, place.folder / "trees.npz"
    if (kept := load_arrays(path, {"value", "error"})) is not None:
        return Values(kept["value"], kept["error"])
    features = cast(Descriptors, models.problem.features[settings.tree_modality])
    chosen = Descriptors(features.counts[models.molecules], features.values[models.molecules])
    labels, classes = table.labels[models.molecules].astype(np.float64), table.task == "classification"
    total = settings.trees * int((~np.isnan(labels)).any(axis=0).sum())
    with place.reporter.progress("growing trees", total, "trees") as progress:
        grown = _then_check(progress.advance, place.stop)
        values = out_of_bag(chosen, labels, classes, settings.trees, settings.seed, grown)
    try:
        save_arrays(path, {"value": values.value, "error": values.error})
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; fix this and run the command again") from None
    return values


def _then_check(advance: Callable[[int], None], stop: Stop) -> Callable[[int], None]:
    def grown(trees: int) -> None:
        advance(trees)
        stop.check()

    return grown


def _mean_and_sd(values: np.ndarray) -> dict[str, float]:
    return {"mean": float(f"{values.mean():.4g}"), "sd": float(f"{values.std(ddof=1):.4g}")}
