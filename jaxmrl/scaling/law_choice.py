"""Which laws explain a curve: those that noise does not reject, with no more parameters than they need."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.law_fit import LEVEL, SIGNIFICANT, Fit
from jaxmrl.stats import f_ppf, f_sf

_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class Choice:
    """The laws that explain a curve.

    Attributes:
        chosen: The laws that are averaged.
        candidates: The chosen laws, then those with up to one parameter more that noise does not reject.
        reasons: Why these were chosen.
    """

    chosen: list[Fit]
    candidates: list[Fit]
    reasons: str


def choose_laws(fits: list[Fit]) -> Choice:
    """Return the laws that explain a curve. Raises ValueError without fits.

    A law is rejected where its residuals exceed the noise. Laws with as many parameters as points, which nothing could
    reject, are used only where there are no others, or where noise rejects all others. Of the rest, those with the
    fewest parameters are taken, or those with more that explain significantly more (F-test) than the best of them. Laws
    that explain a curve equally well part ways beyond it, and nothing in the curve tells which is right: their mean
    errs less than one of them (Bates & Granger 1969). Laws with one parameter more that are not rejected widen the
    interval, for any of them may be the true one. What was tried instead is in docs/scaling.md.
    """
    full = [fit for fit in fits if fit.left == 0 and _passes(fit)]
    fits = [fit for fit in fits if fit.left > 0] or fits
    adequate = [fit for fit in fits if _goodness_of_fit_p(fit, fits) >= SIGNIFICANT]
    if not adequate and full:
        return Choice(full, full, "as many parameters as sizes; every law with fewer is rejected")
    if not adequate:
        best = min(fits, key=lambda fit: (fit.held_out.rmse if fit.held_out else np.inf, fit.chi2))
        why = "rejected like every law: residuals exceed the noise between runs; predicts the largest sizes best"
        return Choice([best], [best], why)
    fewest = min(len(fit.law.parameters) for fit in adequate)
    simple = [fit for fit in adequate if len(fit.law.parameters) == fewest]
    least = min(fit.chi2 for fit in simple)
    better = [fit for fit in adequate if _explains_more(fit, least, fewest)]
    if better:
        more = f"more than {fewest} parameters; fits significantly better than any law with {fewest}"
        return Choice(better, _informed(better, [fit for fit in adequate if len(fit.law.parameters) > fewest]), more)
    if all(fit.left == 0 for fit in simple):
        return Choice(simple, simple, f"{fewest} parameters, as many as sizes, so no law can be rejected")
    why = "the noise is not known, so no law can be rejected"
    if simple[0].points.dof > 0:
        why = "residuals are consistent with noise"
    elif all(fit.noise_known for fit in simple):
        why = "the noise is estimated from their residuals"
    return Choice(simple, _informed(simple, adequate), f"{fewest} parameters each; {why}")


def _informed(chosen: list[Fit], candidates: list[Fit]) -> list[Fit]:
    """Return the candidates that intervals cover: with up to one parameter more than the chosen laws have.

    Where the chosen laws know the noise, only those that do, too.
    """
    most = 1 + max(len(fit.law.parameters) for fit in chosen)
    known = all(fit.noise_known for fit in chosen)
    near = [fit for fit in candidates if len(fit.law.parameters) <= most and (fit.noise_known or not known)]
    return [*chosen, *(fit for fit in near if not any(fit is one for one in chosen))]


def _passes(fit: Fit) -> bool:
    """Return whether a law with as many parameters as points comes within their noise; its form may not allow that."""
    dof = fit.points.dof
    return bool(dof > 0 and fit.chi2 <= f_ppf(LEVEL, 1, dof))


def _explains_more(fit: Fit, least: float, fewest: int) -> bool:
    """Return whether its parameters beyond the `fewest`, with which `least` is left, are worth it, by the F-test.

    The noise is that of the runs or, where no size was run twice, of what this law leaves.
    """
    more = len(fit.law.parameters) - fewest
    known = fit.points.dof > 0
    dof = fit.points.dof if known else fit.left
    if more <= 0 or dof <= 0:
        return False
    noise = 1.0 if known else max(fit.chi2 / dof, _LEAST_VARIANCE)
    return bool(f_sf((least - fit.chi2) / more / noise, more, dof) < SIGNIFICANT)


def _goodness_of_fit_p(fit: Fit, fits: list[Fit]) -> float:
    """Return the probability that noise leaves residuals as large as a law's.

    Where runs tell nothing of the noise, it is what the best law of as many parameters leaves.
    """
    if fit.goodness_of_fit_p is not None or fit.left <= 0:
        return 1.0 if fit.goodness_of_fit_p is None else fit.goodness_of_fit_p
    least = min(other.chi2 for other in fits if len(other.law.parameters) == len(fit.law.parameters))
    ratio = fit.chi2 / max(least, _LEAST_VARIANCE)
    return float(f_sf(ratio, fit.left, fit.left))
