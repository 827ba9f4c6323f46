import jax.numpy as jnp
import numpy as np

from jaxmrl.modalities.registry import MODALITIES
from jaxmrl.training.schedules import constant, optimization_of, warm_up


def test_factors_follow_the_replicas_own_steps(strict):
    progress = jnp.array([0.01, 0.05, 0.1, 0.5, 1.0])
    np.testing.assert_allclose(warm_up(progress), [0.1, 0.5, 1, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(constant(progress), 1)
    for modality in MODALITIES:
        assert 0 < float(optimization_of(modality).factor(jnp.float32(1 / 3))) <= 1
