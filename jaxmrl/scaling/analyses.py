"""The analyses of the curves of a file, of many curves side by side in worker processes."""

from dataclasses import replace
from functools import partial
from typing import Any

from jaxmrl.curves.metric_names import plain_name
from jaxmrl.curves.table import CurveRows
from jaxmrl.data.splits import SHARES
from jaxmrl.io.limits import usable_cores
from jaxmrl.progress import ProgressReporter
from jaxmrl.scaling.analysis import Analysis, analyze, without_law
from jaxmrl.scaling.convergence import convergence_of, training_flags
from jaxmrl.scaling.points import points_of, points_of_means
from jaxmrl.scaling.prior import prior_of
from jaxmrl.scaling.scale import Scale

_OVERLAP = (1 - sum(SHARES)) / SHARES[0]
"""Test molecules per training molecule of the splits of a sweep, which its results.csv does not have."""

_MANY = 8
"""Curves from which worker processes are worth their start, which takes seconds."""


def analyze_all(
    curves: tuple[CurveRows, ...],
    scale: Scale,
    guess: float | None,
    reporter: ProgressReporter,
    *,
    with_prior: bool = True,
) -> list[Analysis]:
    """Return the analysis of each curve, as of `analyze_rows`; those of many are made on all cores."""
    if len(curves) < _MANY:
        return [analyze_rows(rows, scale, guess, with_prior=with_prior) for rows in curves]
    import joblib

    found = []
    with reporter.progress("fit laws", len(curves), "curves") as progress:
        run = joblib.Parallel(n_jobs=usable_cores(), return_as="generator")
        analyze_one = joblib.delayed(partial(analyze_rows, scale=scale, guess=guess, with_prior=with_prior))
        for analysis in run(analyze_one(rows) for rows in curves):
            found.append(analysis)
            progress.advance(1)
    return found


def analyze_rows(rows: CurveRows, scale: Scale, guess: float | None, *, with_prior: bool = True) -> Analysis:
    """Return the analysis of one curve, without a law if its training sets are not random samples.

    guess: the error of guessing, if it is known; with_prior: whether a curve of few sizes may be forecast by a prior.
    """
    if rows.no_law:
        return without_law(rows.no_law)
    prior = prior_of(plain_name(scale.metric).removeprefix("test_")) if with_prior else None
    settings: dict[str, Any] = {"higher_is_better": scale.higher, "best": scale.best, "guess": guess}
    settings |= {"noise_floor": rows.noise_floor, "unit": rows.unit}
    if rows.sd is not None:
        return analyze(points_of_means, rows.n, rows.value, rows.sd, rows.runs, prior=prior, **settings)
    analysis = analyze(
        points_of, rows.n, rows.value, run=rows.run, split=rows.split, overlap=_OVERLAP, prior=prior, **settings
    )
    if rows.epochs is None:
        return analysis
    return replace(analysis, training_flags=training_flags(convergence_of(rows.n, *rows.epochs.T)))
