import jax.numpy as jnp
import numpy as np

from jaxmrl.pruning.herding import ROUNDING, herd


def reference(rows):
    """Welling's herding as iCaRL writes it, in double precision."""
    rows = rows.astype(np.float64)
    mean, order = rows.mean(axis=0), []
    for step in range(1, len(rows) + 1):
        target = step * mean - rows[order].sum(axis=0)
        distance = {k: np.sum((rows[k] - target) ** 2) for k in range(len(rows)) if k not in order}
        equals = min(distance.values()) + ROUNDING * np.mean(np.sum((rows - mean) ** 2, axis=1))
        order.append(next(k for k, value in distance.items() if value <= equals))
    return order


def test_herding_is_the_reference(strict):
    rows = np.random.default_rng(0).normal(3.0, 1.0, (120, 5)).astype(np.float32)
    assert np.asarray(herd(jnp.asarray(rows))).tolist() == reference(rows)


def test_beginnings_have_nearly_the_mean_of_all():
    rows = np.random.default_rng(1).normal(size=(400, 6)).astype(np.float32)
    order = np.asarray(herd(jnp.asarray(rows)))
    assert sorted(order) == list(range(400))
    kept = np.linalg.norm(rows[order[:40]].mean(axis=0) - rows.mean(axis=0))
    lots = [np.linalg.norm(rows[np.random.default_rng(k).permutation(400)[:40]].mean(axis=0)) for k in range(20)]
    assert kept < 0.2 * np.mean(lots)


def test_of_equals_the_first():
    assert np.asarray(herd(jnp.zeros((4, 2)))).tolist() == [0, 1, 2, 3]
