"""One model's scores of the molecules: passes over them with its weights, and the methods that need no model.

Every score stands at its molecule's place, whatever batch it was computed in.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.data.splits import subset_order
from jaxmrl.data.task_data import TaskData
from jaxmrl.modalities.base import Features
from jaxmrl.pruning import coresets, gradients, kmeans, uncertainty
from jaxmrl.pruning.herding import herd
from jaxmrl.pruning.records import recorded_scores
from jaxmrl.training import batches
from jaxmrl.training.capacity import device_memory
from jaxmrl.training.compiled import program
from jaxmrl.training.replica import DeviceTable, TrainingSpec, batch_labels


def model_scores(
    names: tuple[str, ...],
    training_spec: TrainingSpec,
    table: DeviceTable,
    features: Features,
    weights: tuple,
    hook_state: dict[str, Any],
    molecules: np.ndarray,
    batch_size: int,
    seed: int,
    check: Callable[[], None] = lambda: None,
) -> dict[str, np.ndarray]:
    """Return {method: [n]} of `molecules` [n] by one model, for those of `names` that need a model and no checkpoints.

    With herding, also "embeddings" [n, d], for one herding over several models; with ccs, the "difficulty" [n].

    weights as of `predict`; hook_state of `Records`, empty where no method needs any; seed of the methods that draw.
    check() is called between device calls, and may raise to stop.
    """
    forward, embeddings = _forward(
        training_spec, table, features.resources(), weights, hook_state, molecules, batch_size, check
    )
    scores = {name: values for name, values in forward.items() if name in names}
    if "grand" in names:
        scores["grand"] = grand(training_spec, table, features, weights, molecules, check)
    if "herding" in names:
        check()
        scores["herding"] = herding_scores(embeddings)
        scores["embeddings"] = embeddings
    if "moderate" in names:
        labels, classes = np.asarray(table.labels)[molecules], training_spec.task == "classification"
        scores["moderate"] = coresets.moderate(embeddings, labels, classes)
    if "prototypicality" in names:
        scores["prototypicality"] = coresets.prototypicality(embeddings, seed)
    if "ccs" in names:
        scores |= {"ccs": coverage_scores(forward["el2n"], seed), "difficulty": forward["el2n"]}
    return scores


def tracin_scores(
    training_spec: TrainingSpec,
    table: DeviceTable,
    resources: np.ndarray,
    checkpoints: list[tuple[float, tuple]],
    molecules: np.ndarray,
    batch_size: int,
    check: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Return the influence of each of `molecules` [n] on its own loss, [n]: TracInCP by the last layer.

    Source: Pruthi et al., Estimating Training Data Influence by Tracing Gradient Descent (NeurIPS 2020). It is the sum
    over checkpoints of the learning rate times the squared norm of the molecule's gradient.

    Args:
        checkpoints: The learning rate and the weights, as of `predict`, at each.
    """
    total = np.zeros(len(molecules))
    for rate, weights in checkpoints:
        scores, _ = _forward(training_spec, table, resources, weights, {}, molecules, batch_size, check)
        total += rate * scores["grand-last"].astype(np.float64) ** 2
    return total.astype(np.float32)


@program(static_argnums=0)
def judge(
    training_spec: TrainingSpec, table: DeviceTable, weights: tuple, hook_state: Any, ids: jax.Array
) -> tuple[dict, jax.Array]:
    """Return the scores from one pass over the molecules `ids` [B], {method: [B]}, and their embeddings [B, d]."""
    params, stats, scaler = weights
    embeddings, outputs = training_spec.model.embed(params, stats, table.store.gather(ids))
    labels, present = batch_labels(table, ids)
    targets = scaler.transform(labels, table.composition_of(ids))
    scores = {
        "el2n": gradients.el2n(training_spec.task, outputs, targets, present),
        "grand-last": gradients.grand_last(training_spec.task, embeddings, outputs, targets, present),
    }
    if training_spec.task == "classification":
        scores["entropy"] = uncertainty.entropy(outputs, present)
        scores["least-confidence"] = uncertainty.least_confidence(outputs, present)
    return scores | recorded_scores(hook_state, jnp.maximum(ids, 0), present), embeddings


def _forward(
    training_spec: TrainingSpec,
    table: DeviceTable,
    resources: np.ndarray,
    weights: tuple,
    hook_state: Any,
    molecules: np.ndarray,
    batch_size: int,
    check: Callable[[], None],
) -> tuple[dict, np.ndarray]:
    """Return the result of `judge` for `molecules`: {method: [n]}, embeddings [n, d]."""
    limits = batches.budget([molecules], resources, batch_size)
    table = table.with_budget(limits)
    plan = batches.plan(molecules, resources, limits, batch_size, None)
    parts = []
    for ids in plan:
        parts.append(jax.tree.map(np.asarray, judge(training_spec, table, weights, hook_state, jnp.asarray(ids))))
        check()
    real = plan.reshape(-1) >= 0
    position = np.full(len(resources), -1)
    position[molecules] = np.arange(len(molecules))
    places = position[plan.reshape(-1)[real]]

    def at_their_places(*pieces: np.ndarray) -> np.ndarray:
        values = np.concatenate(pieces)[real]
        placed = np.empty_like(values)
        placed[places] = values
        return placed

    return jax.tree.map(at_their_places, *parts)


def grand(
    training_spec: TrainingSpec,
    table: DeviceTable,
    features: Features,
    weights: tuple,
    molecules: np.ndarray,
    check: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Return the norm of each molecule's gradient over all parameters, [n], in blocks of molecules of like size."""
    scores, resources = np.empty(len(molecules), np.float32), features.resources()
    for places in gradients.size_buckets(features.size[molecules]):
        bucket = table.with_budget(resources[molecules[places]].max(axis=0))
        size = gradients.block_size(training_spec, int(features.size[molecules[places]].max()), *device_memory())
        for start in range(0, len(places), size):
            block = places[start : start + size]
            ids = np.resize(molecules[block], size).astype(np.int32)
            norms = gradients.gradient_norms(training_spec, bucket, weights, jnp.asarray(ids))
            scores[block] = np.asarray(norms)[: len(block)]
            check()
    return scores


def random_scores(problem: TaskData, molecules: np.ndarray, seed: int) -> np.ndarray:
    """Return scores [n] from the shuffle that draws the seed's random subsets."""
    place = np.empty(len(problem.table), np.int64)
    order = subset_order(problem.split.train, seed)
    place[order] = np.arange(len(order))
    return from_order(np.argsort(place[molecules]))


def herding_scores(embeddings: np.ndarray) -> np.ndarray:
    """Return scores [n] from herding on `embeddings` [n, d]."""
    return from_order(np.asarray(herd(jnp.asarray(embeddings))))


def coverage_scores(difficulty: np.ndarray, seed: int) -> np.ndarray:
    """Return scores [n] from coverage-centric selection by `difficulty` [n]."""
    return from_order(coresets.coverage_order(difficulty, seed))


def joint_embeddings(embeddings: list[np.ndarray]) -> np.ndarray:
    """Return the embeddings of several models side by side [n, S d], each with the same mean square distance from its
    mean.
    """
    scales = [np.sqrt(np.mean(np.sum((one - one.mean(axis=0)) ** 2, axis=1))) or 1.0 for one in embeddings]
    return np.concatenate([one / scale for one, scale in zip(embeddings, scales, strict=True)], axis=1)


def kmeans_scores(packed: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Return scores [n] from k-means on `packed` fingerprints [n, bits / 8], and the clustering's inertia."""
    first = kmeans.first_centers(packed, kmeans.cluster_count(len(packed)), seed)
    _, cluster, similarity, inertia = kmeans.lloyd(jnp.asarray(packed), kmeans.unit_rows(jnp.asarray(first)))
    return from_order(kmeans.balanced_order(np.asarray(similarity), np.asarray(cluster))), float(inertia)


def from_order(order: np.ndarray) -> np.ndarray:
    """Return a score for each place of an order of `n` places: 1 for the first, falling evenly to 1 / n, [n]."""
    scores = np.empty(len(order), np.float32)
    scores[order] = 1 - np.arange(len(order)) / len(order)
    return scores
