"""Area under the margin and data maps, against sums in plain Python, and planted examples."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.pruning.dynamics import Dynamics, dynamics_scores
from jaxmrl.pruning.forgetting import Forgetting
from jaxmrl.pruning.records import Records, records_for


def after(outputs, labels):
    """The state after steps on molecules 1 and 0, with a place without a molecule: outputs [steps, 2, T]."""
    hook = Dynamics(3, outputs.shape[2])
    state = hook.start()
    present = jnp.asarray(~np.isnan(labels))
    padded = lambda rows: jnp.concatenate([jnp.asarray(rows), jnp.full((1, outputs.shape[2]), 9.0)])
    for step in outputs:
        known = jnp.concatenate([present, jnp.zeros((1, outputs.shape[2]), bool)])
        state = hook.update(state, jnp.array([1, 0, -1]), padded(step), padded(np.nan_to_num(labels)), known)
    return state


def test_scores_are_means_over_steps_and_labels_present():
    rng = np.random.default_rng(0)
    outputs, labels = rng.normal(size=(7, 2, 2)).astype(np.float32), np.array([[1.0, 0.0], [0.0, np.nan]])
    found = dynamics_scores(after(outputs, labels), jnp.array([1, 0]), jnp.asarray(~np.isnan(labels)))
    margins = np.where(labels == 1, outputs, -outputs)
    probabilities = 1 / (1 + np.exp(-margins))
    for name, values in (
        ("aum", -margins.mean(axis=0)),
        ("confidence", 1 - probabilities.mean(axis=0)),
        ("variability", probabilities.std(axis=0)),
    ):
        expected = [values[0].mean(), values[1, 0]]
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, err_msg=name)


def test_wrong_labels_are_hard_and_undecided_ones_vary():
    """Easy, wrong and ambiguous labels of positive molecules: always right, always wrong, and by turns."""
    by_turns = np.tile([2.0, -2.0], 5)
    outputs = np.stack([np.full(10, 3.0), np.full(10, -3.0), by_turns], axis=1)[:, None, :]
    outputs = np.concatenate([outputs, outputs], axis=1).astype(np.float32)
    state = after(outputs, np.ones((2, 3)))
    one = lambda task: dynamics_scores(state, jnp.array([0]), jnp.arange(3)[None] == task)
    easy, wrong, ambiguous = (one(task) for task in range(3))
    for name in ("aum", "confidence"):
        assert easy[name][0] < ambiguous[name][0] < wrong[name][0]
    assert ambiguous["variability"][0] > 10 * max(easy["variability"][0], wrong["variability"][0])


def test_a_molecule_without_labels_has_no_score():
    state = Dynamics(2, 1).start()
    scores = dynamics_scores(state, jnp.array([0, 1]), jnp.array([[True], [False]]))
    assert scores["aum"].tolist()[0] == 0.0
    assert np.isnan(scores["aum"][1])


@pytest.mark.parametrize(
    ("names", "hooks"),
    [
        (("el2n", "random"), []),
        (("forgetting",), [Forgetting]),
        (("variability", "aum"), [Dynamics]),
        (("aum", "forgetting"), [Forgetting, Dynamics]),
    ],
)
def test_only_what_is_needed_is_recorded(names, hooks):
    found = records_for(names, 4, 2)
    assert [type(hook) for _, hook in (found or Records(())).hooks] == hooks
