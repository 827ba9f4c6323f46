"""Least-squares fits of laws to a curve's seed means."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from jaxmrl.scaling.laws import Law

_STARTING_EXPONENTS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0)


@dataclass(frozen=True)
class Fit:
    """A fitted law: values and standard errors by parameter name (errors NaN where they cannot be told).

    rmse is that of the residuals, in the unit of what was fitted; flags say what not to trust.
    """

    law: Law
    values: dict[str, float]
    errors: dict[str, float]
    rmse: float
    flags: tuple[str, ...]

    def __call__(self, n: np.ndarray) -> np.ndarray:
        return self.law.function(np.asarray(n, float), *self.values.values())


def fit_law(law: Law, n: np.ndarray, metric: np.ndarray, *, higher_is_better: bool) -> Fit | None:
    """`law` fitted to the points (n, metric), which are seed means; None where it cannot be.

    Least squares in the metric (or error), each point weighing the same, as in the study. Standard errors come from
    the residuals, scaled by their degrees of freedom.
    """
    n, metric = np.asarray(n, float), np.asarray(metric, float)
    y = 1 - metric if law.on == "error" and higher_is_better else metric
    if len(np.unique(n)) < len(law.parameters) or np.any(y <= 0):
        return None
    candidates = [found for start in _starts(law, n, y) if (found := _least_squares(law, n, y, start))]
    if not candidates:
        return None
    values, covariance, residual = min(candidates, key=lambda found: found[2])
    errors = np.sqrt(np.diag(covariance))
    errors = np.where(np.isfinite(errors), errors, np.nan)
    return Fit(
        law=law,
        values=dict(zip(law.parameters, map(float, values), strict=True)),
        errors=dict(zip(law.parameters, map(float, errors), strict=True)),
        rmse=float(np.sqrt(residual / len(n))),
        flags=_flags(law, n, y, values, errors, higher_is_better),
    )


def _starts(law: Law, n: np.ndarray, y: np.ndarray) -> list[tuple[float, ...]]:
    if law.name == "power":
        slope, intercept = np.polyfit(np.log(n), np.log(y), 1)
        return [(float(np.exp(intercept)), float(slope))]
    starts = []
    for exponent in _STARTING_EXPONENTS:
        design = np.stack([np.ones_like(n), n**-exponent], axis=1)
        floor, beta = np.linalg.lstsq(design, y, rcond=None)[0]
        starts.append((max(float(floor), 1e-6), max(float(beta), 1e-6), exponent))
    return starts


def _least_squares(law: Law, n, y, start) -> tuple[np.ndarray, np.ndarray, float] | None:
    bounds = (law.lower, law.upper)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # No covariance at all: its entries are infinite, and the fit says so in its flags.
            warnings.simplefilter("ignore", OptimizeWarning)
            values, covariance = curve_fit(law.function, n, y, p0=start, bounds=bounds, x_scale="jac", max_nfev=5000)
    except (RuntimeError, ValueError):
        return None
    return values, covariance, float(((law.function(n, *values) - y) ** 2).sum())


def _flags(law, n, y, values, errors, higher_is_better: bool) -> tuple[str, ...]:
    flags = []
    if len(n) == len(values):
        flags.append("as many parameters as points: no standard errors")
    order = np.argsort(n)
    improving = np.diff(y[order]) * (1 if law.on == "metric" and higher_is_better else -1)
    if np.any(improving < 0):
        flags.append("the curve does not improve at every step")
    if "e_inf" in law.parameters and not values[0] > max(2 * errors[0], 1e-3 * y.min()):
        flags.append("irreducible error not told apart from 0")
    return tuple(flags)
