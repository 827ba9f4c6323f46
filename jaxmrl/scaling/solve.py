"""Nonlinear least squares of many small problems at once: Levenberg and Marquardt's method, a row for each problem."""

from collections.abc import Callable

import numpy as np

_STEP = 1e-6
_FIRST_DAMPING, _MOST_DAMPING = 1e-2, 1e10
_CONVERGED, _NOTHING, _MOST_STEPS = 1e-9, 1e-16, 150


def least_squares(
    residuals: Callable[[np.ndarray, np.ndarray], np.ndarray],
    start: np.ndarray,
    free: np.ndarray | None = None,
    *,
    tolerance: float = _CONVERGED,
    alike: int = 1,
    enough: float = -np.inf,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Minimize the sum of squares of each row's residuals, by Marquardt's method (1963), scaled by the diagonal.

    Args:
        residuals: Those of the problems `rows`, (u [R, P], rows [R]) -> [R, N].
        start: [B, P].
        free: [P] or [B, P]: which parameters move; all by default.
        tolerance: The share of its sum of squares that a step gains at least; a row has converged after one of less.
        alike: How many rows each are starts of one problem.
        enough: The sum of squares below which no more is asked of a problem: its rows then stop.

    Returns:
        Solutions [B, P], sums of squares [B], infinite where even the start's is, and which rows have converged [B].
    """
    u = np.array(start, float)
    free = np.broadcast_to(np.ones(u.shape[1], bool) if free is None else free, u.shape)
    everything = np.arange(len(u))
    with np.errstate(all="ignore"):
        r = _finite(residuals(u, everything))
        cost = (r**2).sum(axis=1)
        damping, done = np.full(len(u), _FIRST_DAMPING), ~np.isfinite(cost)
        for _ in range(_MOST_STEPS):
            if enough > 0:
                done |= (cost.reshape(-1, alike) < enough).any(axis=1).repeat(alike)
            rows = np.flatnonzero(~done)
            if len(rows) == 0:
                break
            jacobian = _jacobian(residuals, u[rows], rows, r[rows], free[rows])
            step = _step(jacobian, r[rows], damping[rows])
            trial = u[rows] + np.where(free[rows], step, 0.0)
            r_trial = _finite(residuals(trial, rows))
            cost_trial = (r_trial**2).sum(axis=1)
            better = cost_trial <= cost[rows]
            gained = np.where(better, cost[rows] - cost_trial, np.inf)
            took = rows[better]
            u[took], r[took] = trial[better], r_trial[better]
            done[rows] = (gained <= tolerance * cost[rows] + _NOTHING) | (damping[rows] > _MOST_DAMPING)
            cost[took] = cost_trial[better]
            damping[rows] *= np.where(better, 0.2, 5.0)
            damping[rows] = np.maximum(damping[rows], 1e-12)
    return u, cost, done & np.isfinite(cost)


def _finite(r: np.ndarray) -> np.ndarray:
    """Return residuals in which a row with one that is not a number is infinitely bad."""
    return np.where(np.isfinite(r), r, np.inf)


def _jacobian(
    residuals: Callable[[np.ndarray, np.ndarray], np.ndarray],
    u: np.ndarray,
    rows: np.ndarray,
    r: np.ndarray,
    free: np.ndarray,
) -> np.ndarray:
    """Return the slopes of the residuals [R, N, P] by forward differences; 0 for parameters that do not move."""
    row, column = np.nonzero(free)
    moved = u[row]
    moved[np.arange(len(row)), column] += _STEP
    slope = (residuals(moved, rows[row]) - r[row]) / _STEP
    jacobian = np.zeros((*r.shape, u.shape[1]))
    jacobian[row, :, column] = np.where(np.isfinite(slope), slope, 0.0)
    return jacobian


def _step(jacobian: np.ndarray, r: np.ndarray, damping: np.ndarray) -> np.ndarray:
    normal = np.einsum("bnp,bnq->bpq", jacobian, jacobian)
    gradient = np.einsum("bnp,bn->bp", jacobian, r)
    diagonal = np.einsum("bpp->bp", normal)
    scale = np.maximum(diagonal, 1e-12 * np.maximum(diagonal.max(axis=1, keepdims=True), 1e-12))
    normal = normal + (damping[:, None] * scale)[:, :, None] * np.eye(normal.shape[1])
    return -np.linalg.solve(normal, gradient[:, :, None])[:, :, 0]
