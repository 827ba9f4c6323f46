"""What a joint law says: metrics with intervals, molecules for a metric by model size, the best use of a budget."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.scaling.joint_cells import Cells, GridRuns, cells_of
from jaxmrl.scaling.joint_fit import FLOOR_NAME, JointChoice, JointFit, choose_joint
from jaxmrl.scaling.joint_laws import EXPONENTS, FLOORED
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.scaling.law_search import fit_many, predict_many

DRAWS = 200
_ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
_NOTHING = 1e-300
_LARGEST = 1e15
"""Molecules and parameters beyond which an end of an interval says nothing."""

_WIDE = 5.0
"""The multiple of its lower end above which the interval of an exponent says little."""

VARIABLES = {"a": "molecules", "b": "parameters"}
"""What each exponent is of."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval at LEVEL; None for what is not known or has no end, and a value of None if there is
    none.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Optimum:
    """The best use of a compute budget.

    Attributes:
        compute: The budget: molecules times parameters, of one epoch.
        n: The molecules.
        p: The parameters of the model.
        metric: The metric that they give.
        outside: Which of both is outside its measured sizes: "molecules", "parameters", both or none.
    """

    compute: float
    n: Estimate
    p: Estimate
    metric: Estimate
    outside: tuple[str, ...]


@dataclass(frozen=True)
class JointForecast:
    """The joint laws of a grid, and fits to grids drawn as the runs might have been.

    Attributes:
        cells: What was measured.
        choice: The laws.
    """

    cells: Cells
    choice: JointChoice

    @cached_property
    def draws(self) -> tuple[np.ndarray, ...]:
        """For each candidate, unbounded parameters [DRAWS, P] of fits to drawn grids: the same each time."""
        rng = np.random.default_rng(0)
        return tuple(_draw(fit, rng) for fit in self.choice.candidates)

    @property
    def fit(self) -> JointFit:
        """The chosen law."""
        return self.choice.chosen

    @property
    def noise_known(self) -> bool:
        """Whether the noise is known, and with it intervals."""
        return self.fit.noise_known

    def exponent(self, name: str) -> Estimate:
        """Return an exponent, "a" of molecules or "b" of parameters, with its interval."""
        return Estimate(self.fit.values[name], *(self.choice.interval_of(name) or (None, None)))

    @property
    def floor(self) -> Estimate:
        """The error with unlimited molecules and parameters.

        Where it is not significantly above 0, it is 0, with an interval up to the highest that the cells allow.
        """
        if self.fit.law is FLOORED:
            return Estimate(self.fit.values[FLOOR_NAME], *self.fit.intervals.get(FLOOR_NAME, (None, None)))
        ends = [one.intervals[FLOOR_NAME] for one in self.choice.fits if one.law is FLOORED and one.intervals]
        return Estimate(0.0, 0.0, ends[0][1]) if ends and self.noise_known else Estimate(0.0)

    def metric(self, n: np.ndarray, p: np.ndarray) -> list[Estimate]:
        """Return the metric of models of p [K] parameters with n [K] molecules."""
        n, p = np.asarray(n, float), np.asarray(p, float)
        drawn = [predict_many(fit.law, self.cells, np.stack([n, p]), u) for fit, u in self._drawn]
        values = self.cells.metric_of(self.fit.error(n, p))
        low, high = self._ends([self.cells.metric_of(one) for one in drawn])
        return [Estimate(*one) for one in zip(values.tolist(), low, high, strict=True)]

    def molecules_for(self, metric: float, p: np.ndarray) -> list[Estimate]:
        """Return the molecules that models of p [K] parameters need to reach a metric; a value of None where the law
        never reaches it.
        """
        error, p = np.array([max(self.cells.error_of(metric), _NOTHING)]), np.asarray(p, float)
        drawn = [fit.law.molecules_for(fit.law.natural(u), error, p) for fit, u in self._drawn]
        values = self.fit.law.molecules_for(self.fit.law.natural(self.fit.u[None, :]), error, p)[0]
        low, high = self._ends(drawn)
        return [Estimate(_known(value), *ends) for value, *ends in zip(values, low, high, strict=True)]

    def best_split(self, budget: np.ndarray) -> list[Optimum]:
        """Return the molecules and parameters with the best metric for each budget [K] of molecules times
        parameters.
        """
        budget = np.asarray(budget, float)
        splits = [fit.law.best_split(fit.law.natural(u), budget) for fit, u in self._drawn]
        values = self.fit.law.best_split(self.fit.law.natural(self.fit.u[None, :]), budget)
        of_n, of_p = (
            [Estimate(_known(value), *ends) for value, *ends in zip(own[0], *self._ends(drawn), strict=True)]
            for own, drawn in zip(values, zip(*splits, strict=True), strict=True)
        )
        metrics = self.metric(values[0][0], values[1][0])
        return [
            Optimum(float(one), n, p, metric, self._outside(n.value, p.value))
            for one, n, p, metric in zip(budget, of_n, of_p, metrics, strict=True)
        ]

    def _outside(self, n: float | None, p: float | None) -> tuple[str, ...]:
        """Return which of the sizes are outside those that were measured."""
        pairs = (("molecules", n, self.cells.n), ("parameters", p, self.cells.p))
        return tuple(name for name, value, seen in pairs if value is None or not seen.min() <= value <= seen.max())

    @property
    def _drawn(self) -> list[tuple[JointFit, np.ndarray]]:
        return list(zip(self.choice.candidates, self.draws, strict=True))

    def _ends(self, drawn: list[np.ndarray]) -> tuple[list[float | None], list[float | None]]:
        """Return the ends [K] that cover the interval of each candidate, by its draws [DRAWS, K]."""
        ends = np.array(
            [
                np.quantile(np.nan_to_num(one, nan=np.inf, posinf=np.inf), _ENDS, axis=0, method="nearest")
                for one in drawn
            ]
        )
        low, high = ends[:, 0].min(axis=0), ends[:, 1].max(axis=0)
        if not self.noise_known:
            return [None] * len(low), [None] * len(low)
        return [_known(one) for one in low], [_known(one) for one in high]

    @property
    def flags(self) -> tuple[str, ...]:
        """Reasons not to trust the law."""
        flags = []
        if self.fit.rejected:
            flags.append(f"rejected: residuals exceed the noise between runs (p = {self.fit.goodness_of_fit_p:.2g})")
        if self.cells.dof == 0:
            why = "no pair of data and model size has repeated runs that differ"
            flags.append(
                f"{why}: the noise is estimated from the residuals of the law"
                if self.noise_known
                else f"{why}, so the noise is not known, and there is no interval: train each pair with several seeds"
            )
        return (*flags, *(text for name in EXPONENTS if (text := self._exponent_flag(name))))

    def _exponent_flag(self, name: str) -> str:
        """Return a warning about an exponent that the cells barely determine, or not at all; empty for others."""
        found, of = self.exponent(name), f"exponent {name} of {VARIABLES[name]}"
        if not self.noise_known:
            return f"{of}: its interval is not known"
        if found.low is None or found.high is None:
            return f"{of} is not identifiable: its interval is open on one side or both"
        if found.high > _WIDE * found.low:
            return f"{of} is known only to within a factor of {found.high / found.low:.0f}"
        return ""


@dataclass(frozen=True)
class JointAnalysis:
    """The joint law of a grid of data and model sizes.

    Attributes:
        forecast: The laws; None where none can be fitted.
        notes: Why that is, and what else to know of the cells.
    """

    forecast: JointForecast | None
    notes: tuple[str, ...]


def analyze_joint(rows: GridRuns, *, higher_is_better: bool, best: float | None = None) -> JointAnalysis:
    """Return the joint law of a grid, and why there is none where there is none; arguments as in `cells_of`."""
    try:
        cells = cells_of(rows, higher_is_better=higher_is_better, best=best)
    except DataError as error:
        return JointAnalysis(None, (str(error),))
    choice = choose_joint(cells)
    if choice is None:
        return JointAnalysis(None, (*cells.notes, "no joint law can be fitted: values exceed what numbers represent"))
    return JointAnalysis(JointForecast(cells, choice), cells.notes)


def _draw(fit: JointFit, rng: np.random.Generator) -> np.ndarray:
    """Return fits [DRAWS, P] to grids drawn around this fit with its noise and the uncertainty of that."""
    cells, dof = fit.cells, max(fit.dof, 1)
    spread = np.sqrt((fit.scale if fit.noise_known else 0.0) * dof / rng.chisquare(dof, (DRAWS, 1)))
    noise = np.clip(spread * (rng.normal(size=(DRAWS, len(cells.n))) @ cells.cholesky.T), -20, 20)
    drawn, _, _ = fit_many(fit.law, cells, fit.error(cells.n, cells.p) * np.exp(noise), fit.u[None, :])
    return drawn


def _known(value: float) -> float | None:
    return float(value) if abs(value) < _LARGEST else None
