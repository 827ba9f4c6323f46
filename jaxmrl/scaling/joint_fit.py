"""Fits of joint laws to a grid of data and model sizes, with intervals of the exponents, and the choice of one."""

from dataclasses import dataclass, field

import numpy as np

from jaxmrl.scaling.joint_cells import Cells
from jaxmrl.scaling.joint_laws import ADDITIVE, EXPONENTS, FLOORED, JOINT_LAWS, NESTED, JointLaw
from jaxmrl.scaling.law_fit import LEVEL, SIGNIFICANT, noise
from jaxmrl.scaling.law_search import error_of, fit_many
from jaxmrl.scaling.profiles import profile_intervals
from jaxmrl.stats import f_ppf

Interval = tuple[float | None, float | None]

FLOOR_NAME = "e_inf"

_ASKED = (*EXPONENTS, FLOOR_NAME)
"""The parameters that have intervals: scales have no meaning of their own."""


@dataclass(frozen=True)
class JointFit:
    """A joint law, fitted.

    Attributes:
        law: The law.
        cells: What it is fitted to.
        u: [P] the unbounded values of its parameters.
        values: The values of its parameters, by name.
        intervals: Of exponents and floor, by name: (low, high) at LEVEL; None where the cells set no end. Empty where
            the noise is not known.
        chi2: The sum of squared residuals, in standard deviations of the means.
        goodness_of_fit_p: The probability that noise alone leaves that much or more; None where noise is not known.
        scale: The variance of a residual that intervals use; NaN where it is not known.
        dof: The degrees of freedom of that; 0 where it is not known.
    """

    law: JointLaw
    cells: Cells = field(repr=False)
    u: np.ndarray = field(repr=False)
    values: dict[str, float]
    intervals: dict[str, Interval]
    chi2: float
    goodness_of_fit_p: float | None
    scale: float
    dof: int

    @property
    def noise_known(self) -> bool:
        """Whether repeated runs, or enough residuals, say how large the noise is."""
        return self.dof > 0

    @property
    def rejected(self) -> bool:
        """Whether residuals exceed the noise."""
        return self.goodness_of_fit_p is not None and self.goodness_of_fit_p < SIGNIFICANT

    def error(self, n: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return the error [K] of models of p [K] parameters with n [K] molecules."""
        return error_of(self.law, self.cells, np.stack([n, p]), self.law.natural(self.u[None, :]))[0]


def fit_joint(law: JointLaw, cells: Cells, *, intervals: bool = True) -> JointFit | None:
    """Fit a joint law to cells; return None if numbers cannot represent it.

    Generalized least squares in log error, by the covariance of the means. An interval contains every value of a
    parameter with which the others can still fit the cells (profile likelihood). Its quantile is that of F, for the
    exponent of molecules with the degrees of freedom of the noise between data sizes, for that of parameters with those
    between model sizes (the strata of a split plot). Where the law misses the cells by more than noise does, or no cell
    has repeated runs, its residuals are the noise, as in `law_fit.fit_law`.
    """
    found, statistics, _ = fit_many(law, cells, cells.error[None, :])
    u, chi2 = found[0], float(statistics[0])
    if not np.isfinite(chi2):
        return None
    p, scale, dof = noise(chi2, len(cells.error) - len(law.parameters), cells.dof)
    if cells.dof > 0 and (p is None or p >= SIGNIFICANT):
        dof_of = {"a": cells.dof_by["n"], "b": cells.dof_by["p"]}
        dof = min(dof_of.values())
    else:
        dof_of = {}
    found_intervals: dict[str, Interval] = {}
    for name in (one for one in _ASKED if one in law.names and dof > 0 and intervals):
        reach = scale * float(f_ppf(LEVEL, 1, dof_of.get(name, dof)))
        found_intervals |= profile_intervals(law, cells, u, chi2, reach, np.zeros(len(u)), names=(name,))
    values = dict(zip(law.names, map(float, law.natural(u[None, :])[0]), strict=True))
    return JointFit(law, cells, u, values, found_intervals, chi2, p, scale, dof)


@dataclass(frozen=True)
class JointChoice:
    """The joint laws of a grid.

    Attributes:
        chosen: The law that exponents are of.
        candidates: The chosen law, then the others that noise does not reject, or all where it rejects all. Intervals
            of the metric cover them all.
        fits: Every law that was fitted.
        reason: Why that law was chosen.
    """

    chosen: JointFit
    candidates: tuple[JointFit, ...]
    fits: tuple[JointFit, ...]
    reason: str

    def interval_of(self, name: str) -> Interval | None:
        """Return the interval of a parameter: of the chosen law or, where a floor is not significant, also that
        with a floor. None where the noise is not known.
        """
        own = self.chosen.intervals.get(name)
        if own is None or self.chosen.law is not ADDITIVE:
            return own
        others = [one.intervals[name] for one in self.fits if one.law is FLOORED and one.intervals]
        lows, highs = zip(own, *others, strict=True)
        low = None if None in lows else min(one for one in lows if one is not None)
        return low, None if None in highs else max(one for one in highs if one is not None)


def choose_joint(cells: Cells) -> JointChoice | None:
    """Fit all joint laws and choose one; return None if none can be fitted.

    The floor is used if its interval excludes 0. The nested law is used where noise rejects the additive one but not
    the nested one: their exponents differ, and cells that both laws explain do not determine which is true.
    """
    fits = {law.name: fit for law in JOINT_LAWS if (fit := fit_joint(law, cells, intervals=law is not NESTED))}
    plain, floored, nested = (fits.get(law.name) for law in (ADDITIVE, FLOORED, NESTED))
    if plain is None:
        return None
    chosen, reason = plain, "the law has no floor, because a floor is not significantly above 0"
    if floored is not None and floored.intervals.get(FLOOR_NAME, (None, None))[0] is not None:
        chosen, reason = floored, "the law has a floor, which is significantly above 0"
    if chosen.rejected and nested is not None and not nested.rejected:
        fits[NESTED.name] = chosen = fit_joint(NESTED, cells) or nested
        reason = "residuals of the additive law exceed the noise, but those of this nested law do not"
    others = [one for one in fits.values() if one is not chosen and (chosen.rejected or not one.rejected)]
    known = [one for one in others if one.noise_known or not chosen.noise_known]
    return JointChoice(chosen, (chosen, *known), tuple(fits.values()), reason)
