"""How many more molecules to buy: chances, expected costs and the next batch, from the forecast of one curve.

Molecules are bought batch by batch. After each batch the models are trained again, and buying ends when the target is
reached. A smaller batch therefore never costs more, and the chance to reach the target depends only on the limit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.forecast import Forecast
from jaxmrl.scaling.reaching import chances_of_reaching, error_quantiles

SHARES = (0.5, 0.8, 0.9)
"""Chances for which the number of molecules is given."""

MOST_TIMES = 10.0
"""The largest total number of molecules, as a multiple of the present number, if no limit is given."""

_SURE = 0.95
"""The chance at which a batch need not be larger."""

_LEAST_MISSED = 1e-6
"""The least probability that is divided by."""

_TARGETS = np.geomspace(1.0, 0.25, 240)
"""Errors of targets, relative to the present error."""

_MOST_SIZES = 500
"""Sizes at which chances are computed; those of more are interpolated."""

_HORIZON, _GRID = 100.0, 400
_SHARE_OF_PRESENT = 0.2
_MOST_BATCHES = 100_000
_QUANTILES = (np.arange(40) + 0.5) / 40

Chance = Callable[[np.ndarray], np.ndarray]
"""Probabilities [K] of reaching the target with at most these total numbers of molecules [K]."""


@dataclass(frozen=True)
class Terms:
    """The terms on which molecules can be bought.

    Attributes:
        cost: The cost of one molecule.
        budget: The most that can be spent; None sets no limit.
        batch: The molecules of a batch; None chooses it.
        deadline: The most batches; None sets no limit.
        least_chance: Stop below this chance of reaching the target.
    """

    cost: float = 1.0
    budget: float | None = None
    batch: float | None = None
    deadline: int | None = None
    least_chance: float = 0.2

    def limit(self, present: float) -> float:
        """Return how many molecules one can have in all, with `present` ones at hand."""
        limits = [] if self.budget is None else [self.budget / self.cost]
        if self.batch is not None and self.deadline is not None:
            limits.append(self.batch * self.deadline)
        return present + min(limits, default=(MOST_TIMES - 1) * present)


@dataclass(frozen=True)
class Purchase:
    """What to buy to reach a target, according to one curve.

    Attributes:
        present: The molecules at hand.
        limit: The molecules that one can have in all.
        cost: The cost of one molecule.
        chance: The probability of reaching the target within the limit.
        needed: For each of SHARES, the molecules in all with which the target is reached with that probability; None
            where even 100 times the present ones do not suffice.
        expected: The molecules that are bought on average until the target or the limit is reached.
        batch: The molecules of the next batch; 0 where the advice is to stop.
    """

    present: float
    limit: float
    cost: float
    chance: float
    needed: dict[float, float | None]
    expected: float
    batch: float

    @property
    def expected_cost(self) -> float:
        """The cost of the expected molecules."""
        return self.cost * self.expected

    @property
    def next(self) -> float:
        """The molecules in all after the next batch."""
        return self.present + self.batch


def purchase(chance: Chance, present: float, terms: Terms) -> Purchase:
    """Return what to buy to reach a target.

    Args:
        chance: The probability of reaching the target by a size, as of `chance_of_reaching`.
        present: The molecules at hand, which do not reach it.
        terms: What molecules cost, and how many can be bought.
    """
    limit = terms.limit(present)
    grid = np.geomspace(present, _HORIZON * present, _GRID)
    chances = chance(grid)
    needed = {share: _first(grid, chances, share) for share in SHARES}
    batch = terms.batch or _usual_batch(present, limit, needed, terms.deadline)
    limit = limit if terms.deadline is None else min(limit, present + batch * terms.deadline)
    reached = float(chance(np.array([limit]))[0])
    sure = _first(grid, chances, _SURE)
    following = min(batch, limit - present, math.inf if sure is None else max(sure - present, 0.0))
    following = _whole(following, present)
    stop = reached < terms.least_chance
    expected = _expected(chance, present, limit, following, terms.deadline)
    return Purchase(present, limit, terms.cost, reached, needed, expected, 0.0 if stop else following)


def reach_target(forecast: Forecast, metric: float, terms: Terms) -> Purchase:
    """Return what to buy so that the curve of a forecast reaches a metric, which its largest size does not."""
    return purchase(chance_to_come(forecast, metric), float(forecast.points.n[-1]), terms)


def chance_to_come(forecast: Forecast, metric: float) -> Chance:
    """Return the function of the chance to reach a metric that the present molecules do not reach.

    That they do not is known, so chances are under this condition. A stricter target implies this one, so the chance is
    at least that of any stricter one.
    """
    target = forecast.points.error_of(metric)
    # Chances of fixed errors, between which the target's is interpolated: no target then has less than a stricter one.
    errors = forecast.points.error[-1] * _TARGETS
    place = 0.0
    if target >= errors[-1]:
        place = float(np.interp(-np.log(target), -np.log(errors), np.arange(len(errors))))
    else:
        errors = np.array([target])
    easier, stricter = math.floor(place), math.ceil(place)
    already = chances_of_reaching(forecast, errors, forecast.points.n[-1:])
    missed = np.maximum(1 - already, _LEAST_MISSED)

    def chance(n: np.ndarray) -> np.ndarray:
        if len(n) > _MOST_SIZES:
            some = np.geomspace(n.min(), n.max(), _MOST_SIZES)
            return np.interp(np.log(n), np.log(some), chance(some))
        chances = np.clip((chances_of_reaching(forecast, errors, n) - already) / missed, 0.0, 1.0)
        at_least = np.maximum.accumulate(chances[::-1])[::-1]
        return at_least[easier] + (place - easier) * (at_least[stricter] - at_least[easier])

    return chance


def _usual_batch(present: float, limit: float, needed: dict[float, float | None], deadline: int | None) -> float:
    """Return the molecules of a batch where none is given: few, but enough that so many batches suffice."""
    batch = _SHARE_OF_PRESENT * present
    if deadline is not None:
        end = min(limit, needed[max(SHARES)] or limit)
        batch = max(batch, (end - present) / deadline)
    step = 10.0 ** (math.floor(math.log10(batch)) - 1)  # two digits, rounded up
    return math.ceil(round(batch / step, 6)) * step


def _whole(batch: float, present: float) -> float:
    """Return a whole number of molecules, at least one, if the present number is whole."""
    return max(1.0, float(math.floor(batch))) if present == round(present) else batch


def _first(grid: np.ndarray, chances: np.ndarray, share: float) -> float | None:
    """Return the first of grid [K] at which chances [K], which do not fall, come to `share`; None where none does."""
    reached = np.flatnonzero(chances >= share)
    if len(reached) == 0:
        return None
    k = int(reached[0])
    if k == 0:
        return float(grid[0])
    part = (share - chances[k - 1]) / (chances[k] - chances[k - 1])
    return float(np.exp(np.log(grid[k - 1]) + part * np.log(grid[k] / grid[k - 1])))


def _expected(chance: Chance, present: float, limit: float, batch: float, deadline: int | None) -> float:
    """Return the molecules bought on average: each batch counts by the chance that those before it did not suffice."""
    batches = min(math.ceil((limit - present) / batch), deadline or _MOST_BATCHES, _MOST_BATCHES)
    end = limit if deadline is None else min(limit, present + batch * batches)
    edges = np.append(present + batch * np.arange(batches), end)
    missed = np.append(1.0, 1 - chance(edges[1:-1])) if batches > 1 else np.ones(1)
    return float((np.diff(edges) * missed).sum())


@dataclass(frozen=True)
class Worth:
    """What to buy if an improvement of the metric has a value, according to one curve.

    Attributes:
        present: The molecules at hand.
        limit: The molecules that one can have in all.
        cost: The cost of one molecule.
        best: The molecules in all with which the expected value, less the cost, is highest; `present` to buy none.
        gain: The expected value at `best` less the cost.
        chance: The probability that the improvement at `best` is worth its cost; None where none is bought.
        batch: The molecules of the next batch; 0 where the advice is to stop.
        n: [K] molecules in all.
        net: [K] the expected value less the cost with these.
    """

    present: float
    limit: float
    cost: float
    best: float
    gain: float
    chance: float | None
    batch: float
    n: np.ndarray
    net: np.ndarray


def worth_buying(forecast: Forecast, value: float, terms: Terms) -> Worth:
    """Return how many molecules to buy where an improvement of the metric by 1 is worth `value`."""
    present = float(forecast.points.n[-1])
    limit = terms.limit(present)
    n = np.unique(np.append(np.geomspace(present, limit, _GRID), present))
    errors = error_quantiles(forecast, n, _QUANTILES)
    # What the metric is now counts as known: the distribution is that of the change from here, where the forecast
    # starts. The last mean may be off that by noise, which no purchase gains.
    now = float(np.exp(forecast.trend.start))
    gains = value * (now - errors) - terms.cost * (n - present)
    net = gains.mean(axis=0)
    net[0] = 0.0
    k = int(np.argmax(net))
    best = float(n[k])
    batch = min(
        terms.batch or _usual_batch(present, limit, dict.fromkeys(SHARES, best), terms.deadline), best - present
    )
    return Worth(
        *(present, limit, terms.cost, best, float(net[k])),
        chance=float((gains[:, k] > 0).mean()) if k else None,
        batch=_whole(batch, present) if k else 0.0,
        n=n,
        net=net,
    )
