"""Hyperparameters that differ between the lanes of one program."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmrl.modalities.layers import dropout
from jaxmrl.training.hyperparameters import Hyperparameters
from jaxmrl.training.losses import balanced_weights, weigh_positives
from jaxmrl.training.schedules import Optimization, constant

DEFAULT = Hyperparameters(1e-3, dropout=0.5)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.25, 0.5])
def test_a_traced_dropout_rate_drops_as_much_and_keeps_the_mean(rate):
    h = jnp.ones((400, 100))
    dropped = jax.jit(dropout)(h, jnp.float32(rate), jax.random.key(0))
    assert float((dropped == 0).mean()) == pytest.approx(rate, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1, abs=0.02)


def test_a_traced_dropout_rate_gives_the_masks_of_a_known_one():
    h, key = jax.random.normal(jax.random.key(1), (50, 30)), jax.random.key(2)
    known, traced = dropout(h, 0.25, key), jax.jit(dropout)(h, jnp.float32(0.25), key)
    np.testing.assert_allclose(known, traced, rtol=1e-6)


def test_the_weight_of_positives_multiplies_their_losses():
    losses, labels = jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(weigh_positives(losses, labels, 3.0), [[3, 2], [3, 12]])
    np.testing.assert_allclose(weigh_positives(losses, labels, 2.0, jnp.array([3.0, 1.0])), [[6, 2], [3, 8]])
    assert weigh_positives(losses, labels, 1.0, None) is losses


def test_balanced_weights_give_both_classes_the_same_weight_within_bounds():
    nan = float("nan")
    labels = np.array([[1, 0, 0, 1], [0, 0, 0, 1], [0, nan, 0, 1], [0, nan, nan, 0], [nan, 0, 0, nan]])
    np.testing.assert_allclose(balanced_weights(labels), [3, 1, 1, 1 / 3])
    rare = np.zeros((1000, 2))
    rare[0, 0], rare[:-1, 1] = 1, 1
    np.testing.assert_allclose(balanced_weights(rare), [100, 0.01])


def test_a_long_gradient_is_clipped_to_the_norm_and_a_short_one_stays():
    optimization = Optimization(optax.identity(), constant, clip_norm=1.0)
    clipped = lambda *numbers: optimization.update({"w": jnp.array(numbers)}, optax.EmptyState(), None)[0]["w"]
    np.testing.assert_allclose(clipped(3.0, 4.0), [0.6, 0.8], rtol=1e-6)
    np.testing.assert_array_equal(clipped(0.3, 0.4), jnp.array([0.3, 0.4]))


def test_numbers_go_to_the_device_as_float32():
    leaves = jax.tree.leaves(replace(DEFAULT, weight_decay=0.01).on_device())
    assert [leaf.dtype for leaf in leaves] == [jnp.float32] * 4
