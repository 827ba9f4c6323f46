"""Hyperparameters that differ between the lanes of one program."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.modalities.layers import dropout
from jaxmrl.training.hyperparameters import Hyperparameters
from jaxmrl.training.losses import weigh_positives

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
    assert weigh_positives(losses, labels, 1.0) is losses


def test_numbers_go_to_the_device_as_float32():
    leaves = jax.tree.leaves(replace(DEFAULT, weight_decay=0.01).on_device())
    assert [leaf.dtype for leaf in leaves] == [jnp.float32] * 4
