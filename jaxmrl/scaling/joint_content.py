"""The joint law of a grid in the form of JSON, with the sizes and budgets that tables and figures show."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from jaxmrl.scaling.analysis import known
from jaxmrl.scaling.joint import Estimate, JointAnalysis, JointForecast
from jaxmrl.scaling.joint_cells import Cells
from jaxmrl.scaling.joint_fit import JointFit
from jaxmrl.scaling.joint_laws import EXPONENTS
from jaxmrl.scaling.law_fit import LEVEL

BUDGETS = (0.01, 0.1, 1.0, 10.0)
"""The compute budgets that are tabulated, as multiples of the largest that was measured."""

COMPUTE_UNIT = "molecules times parameters, per epoch"
"""The unit of compute. Training takes about six floating-point operations each time that a molecule uses a parameter
(Kaplan et al. 2020, section 2.1): once an epoch in a perceptron, for every atom or bond in a graph network.
"""

_LEVELS = (0.2, 0.5, 0.8)
"""The metrics of iso-performance lines, as positions from the lowest to the highest mean error on a logarithmic scale.
"""


def budgets_of(cells: Cells) -> np.ndarray:
    """Return the compute budgets [K] of the table, none of them below the smallest that was measured."""
    compute = cells.n * cells.p
    budgets = np.array(BUDGETS) * compute.max()
    return budgets[budgets >= compute.min()]


def metrics_of(cells: Cells) -> list[float]:
    """Return the metrics of the iso-performance lines, rounded to a tenth of their range, the worst first."""
    low, high = np.log([cells.error.min(), cells.error.max()])
    metrics = cells.metric_of(np.exp(low + (high - low) * np.array(_LEVELS[::-1])))
    spread = float(np.ptp(metrics))
    decimals = 1 - math.floor(math.log10(spread)) if spread > 0 else 3
    return [round(one, decimals) for one in metrics.tolist()]


def joint_content(analysis: JointAnalysis, target: float | None = None) -> dict[str, Any]:
    """Return the joint law in the form of JSON. What is not known is null.

    target: a metric beside those of `metrics_of`; the molecules that each model size needs for it are added.
    """
    forecast = analysis.forecast
    if forecast is None:
        return {"law": None, "flags": [], "notes": list(analysis.notes)}
    cells, fit = forecast.cells, forecast.fit
    return {
        "law": fit.law.name,
        "reason": forecast.choice.reason,
        "level": LEVEL,
        "exponents": {name: asdict(forecast.exponent(name)) for name in EXPONENTS},
        "floor": asdict(forecast.floor),
        "laws": [_law_content(one, forecast) for one in forecast.choice.fits],
        "cells": [
            {"molecules": n, "parameters": p, "value": value, "runs": runs}
            for n, p, value, runs in zip(
                *(one.tolist() for one in (cells.n, cells.p, cells.metric_of(cells.error), cells.runs)), strict=True
            )
        ],
        "iso_performance": _iso_content(forecast, target),
        "compute_unit": COMPUTE_UNIT,
        "compute_optimal": [
            {
                "compute": one.compute,
                "molecules": _rounded(one.n),
                "parameters": _rounded(one.p),
                "metric": asdict(one.metric),
                "outside_measured": list(one.outside),
            }
            for one in forecast.best_split(budgets_of(cells))
        ],
        "flags": list(forecast.flags),
        "notes": list(analysis.notes),
    }


def _law_content(fit: JointFit, forecast: JointForecast) -> dict[str, Any]:
    return {
        "law": fit.law.name,
        "formula": fit.law.formula,
        "source": fit.law.source,
        "parameters": {name: known(value) for name, value in fit.values.items()},
        "intervals": {name: list(ends) for name, ends in fit.intervals.items()},
        "misfit": known(fit.goodness_of_fit_p),
        "in_intervals": any(one is fit for one in forecast.choice.candidates),
    }


def _iso_content(forecast: JointForecast, target: float | None) -> list[dict[str, Any]]:
    cells = forecast.cells
    sizes = np.unique(cells.p)
    metrics = [*metrics_of(cells), *([] if target is None else [target])]
    return [
        {"metric": metric, "parameters": float(p)}
        | {"molecules": _rounded(one), "outside_measured": is_outside(one.value, cells.n)}
        for metric in metrics
        for p, one in zip(sizes, forecast.molecules_for(metric, sizes), strict=True)
    ]


def is_outside(value: float | None, seen: np.ndarray) -> bool:
    """Return whether a size is none, or outside those that were measured [N]."""
    return value is None or not seen.min() <= value <= seen.max()


def _rounded(one: Estimate) -> dict[str, float | None]:
    """Return an estimate of molecules or parameters, to four digits."""
    return {name: None if value is None else float(f"{value:.4g}") for name, value in asdict(one).items()}
