"""A score belongs to a molecule: not to its row, its batch, or its block."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.modalities.fingerprint.features import path_fingerprints
from jaxmrl.pruning import gradients, passes
from jaxmrl.pruning.dynamics import DynamicsState
from jaxmrl.pruning.forgetting import ForgettingState
from jaxmrl.pruning.methods import METHODS
from jaxmrl.pruning.select import canonical_order
from jaxmrl.training.replica import device_table

NAMES = tuple(name for name in METHODS if name != "random")
ORDER = np.random.default_rng(5).permutation(160)


def state_for(order):
    """Counts and sums that belong to the molecules, wherever their rows are."""
    rng = np.random.default_rng(0)
    counts = [rng.integers(9, size=(160, 2)), rng.random((160, 2)) < 0.5, rng.random((160, 2)) < 0.7]
    seen = np.full((160, 2), 20)
    margins = rng.normal(size=(160, 2))
    sums = DynamicsState(margins, 10 + margins, 6 + margins, np.full((160, 2), 20.0))
    state = {"forgetting": ForgettingState(counts[0], counts[1], counts[2], seen), "dynamics": sums}
    return jax.tree.map(lambda x: jnp.asarray(x[order]), state)


def all_scores(problem, training_spec, weights, order, batch_size=32):
    """{method: scores by molecule}, NaN for those that are not scored."""
    molecules = canonical_order(problem.split.train, problem.canonical)
    table, features = device_table(problem, "graph"), problem.features["graph"]
    scores = passes.model_scores(
        NAMES, training_spec, table, features, weights, state_for(order), molecules, batch_size, seed=0
    )
    checkpoints, resources = [(0.1, weights), (0.2, weights)], features.resources()
    scores["tracin"] = passes.tracin_scores(training_spec, table, resources, checkpoints, molecules, batch_size)
    np.testing.assert_allclose(scores["tracin"], 0.3 * scores["grand-last"] ** 2, rtol=1e-5)
    packed = path_fingerprints([problem.table.smiles[k] for k in molecules])
    scores["kmeans"], _ = passes.kmeans_scores(packed, seed=0)
    assert scores.pop("embeddings").shape == (120, 8)
    np.testing.assert_array_equal(scores.pop("difficulty"), scores["el2n"])
    assert scores.keys() == set(NAMES)
    placed = {}
    for name, values in scores.items():
        placed[name] = np.full(160, np.nan)
        placed[name][order[molecules]] = values
    return placed


@pytest.mark.slow
def test_permuted_rows_give_permuted_scores(problem_of, training_spec, weights):
    straight = all_scores(problem_of(), training_spec, weights, np.arange(160))
    permuted = all_scores(problem_of(ORDER), training_spec, weights, ORDER)
    for name in NAMES:
        np.testing.assert_allclose(permuted[name], straight[name], rtol=2e-5, err_msg=name)
        assert np.isnan(straight[name]).tolist() == [False] * 120 + [True] * 40
        assert len(np.unique(straight[name][:120])) > 5


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [7, 120])
def test_batches_and_blocks_change_no_score(problem, training_spec, weights, batch_size, monkeypatch):
    usual = all_scores(problem, training_spec, weights, np.arange(160))
    monkeypatch.setattr(gradients, "MOST_IN_BLOCK", {"cpu": batch_size})
    other = all_scores(problem, training_spec, weights, np.arange(160), batch_size)
    for name in NAMES:
        np.testing.assert_allclose(other[name], usual[name], rtol=2e-5, err_msg=name)


@pytest.mark.slow
def test_this_test_would_see_a_shift_by_one_row(problem, training_spec, weights):
    usual = all_scores(problem, training_spec, weights, np.arange(160))
    for name in NAMES:
        assert not np.allclose(np.roll(usual[name], 1)[1:120], usual[name][1:120], rtol=1e-2), name
