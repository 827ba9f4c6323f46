"""Fast models for simulations: each predicts molecules with a spread, from a few hundred labeled ones. No JAX."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

NOISE = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Variances of the noise that are tried, in units of the kernel's."""

TREES = 100


@dataclass(frozen=True)
class Knowledge:
    """What a surrogate learns from, t molecules, and what it is asked, q molecules.

    kernel [t, t], cross [q, t]   Tanimoto similarity of ECFP4 counts
    counts [t, C], asked [q, C]   these counts
    labels [t]
    """

    kernel: np.ndarray
    cross: np.ndarray
    counts: np.ndarray
    asked: np.ndarray
    labels: np.ndarray
    seed: int


def gaussian_process(known: Knowledge) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation [q] of a Gaussian process with the Tanimoto kernel.

    The variance of the noise, of those in NOISE, and that of the kernel maximize the marginal likelihood (Rasmussen &
    Williams 2006, algorithm 2.1 and section 5.4). The standard deviation is that of the function, without noise.
    """
    center = known.labels.mean()
    target = known.labels - center
    factor, weights, scale = max((_factored(known.kernel, target, noise) for noise in NOISE), key=_evidence)
    explained = solve_triangular(factor, known.cross.T.astype(np.float64), lower=True)
    variance = np.maximum(1 - (explained**2).sum(axis=0), 0.0)
    return center + known.cross @ weights, np.sqrt(scale * variance)


def _factored(kernel: np.ndarray, target: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the Cholesky factor of kernel and noise, the weights [t], and the best variance of the kernel."""
    factor = cholesky(kernel.astype(np.float64) + noise * np.eye(len(kernel)), lower=True)
    weights = cho_solve((factor, True), target)
    return factor, weights, float(target @ weights) / len(target) or 1.0  # 1 where all labels are equal


def _evidence(fitted: tuple[np.ndarray, np.ndarray, float]) -> float:
    """Return the log marginal likelihood at the best variance of the kernel, up to a constant."""
    factor, _, scale = fitted
    return -0.5 * len(factor) * np.log(scale) - float(np.log(np.diag(factor)).sum())


def random_forest(known: Knowledge) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation [q] over the trees of a random forest on ECFP4 counts (Breiman 2001)."""
    from sklearn.ensemble import RandomForestRegressor

    varies = np.ptp(known.counts, axis=0) > 0
    if not varies.any():
        return np.full(len(known.asked), known.labels.mean()), np.zeros(len(known.asked))
    forest = RandomForestRegressor(TREES, max_features=1 / 3, random_state=known.seed)
    forest.fit(known.counts[:, varies], known.labels)
    asked = known.asked[:, varies].astype(np.float32)
    values = np.stack([tree.predict(asked) for tree in forest.estimators_])
    return values.mean(axis=0), values.std(axis=0, ddof=1)


SURROGATES: dict[str, Callable[[Knowledge], tuple[np.ndarray, np.ndarray]]] = {
    "gp": gaussian_process,
    "rf": random_forest,
}
