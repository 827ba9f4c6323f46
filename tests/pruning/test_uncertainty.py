import jax.numpy as jnp
import numpy as np

from jaxmrl.pruning.uncertainty import entropy, least_confidence


def test_scores_by_hand(strict):
    p = np.array([[0.5, 0.9], [0.2, 0.7], [0.3, 0.3]])
    logits = jnp.asarray(np.log(p / (1 - p)), jnp.float32)
    present = jnp.array([[True, True], [True, False], [False, False]])
    one = -p * np.log(p) - (1 - p) * np.log(1 - p)
    np.testing.assert_allclose(entropy(logits, present), [one[0].mean(), one[1, 0], np.nan], rtol=1e-5)
    np.testing.assert_allclose(least_confidence(logits, present), [0.3, 0.2, np.nan], rtol=1e-5)


def test_sure_predictions_are_finite(strict):
    logits = jnp.array([[1e4], [-1e4], [0.0]])
    present = jnp.ones((3, 1), jnp.bool)
    np.testing.assert_allclose(entropy(logits, present), [0, 0, np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(least_confidence(logits, present), [0, 0, 0.5])
