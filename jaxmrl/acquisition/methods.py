"""Methods that choose the molecules to label next, and the mixture of them that is the default. NumPy and SciPy only.

Each method is a pure function of candidates, a number and random numbers, and returns rows in order of preference. It
sees the candidates in order of their identity, so that the order of a file decides nothing.

    greedy       the best predictions
    uncertainty  the largest spread between models
    ei           the largest expected improvement over the best label (Jones et al. 1998)
    ucb          the largest upper confidence bound: the prediction and twice its spread (Srinivas et al. 2010)
    diverse      k-means++ seeding (Arthur & Vassilvitskii 2007) that begins from the labeled molecules, as the core-set
                 approach does (Sener & Savarese 2018): each next molecule is drawn with a probability proportional to
                 the squared distance to the nearest molecule that is labeled or chosen
    badge        the same, with the probability multiplied by the variance between models: uncertain molecules that
                 differ from each other, as BADGE (Ash et al. 2020) chooses by gradients
    random       at random
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import erfcx, ndtr

from jaxmrl.acquisition.spaces import Space

MIXTURE = (("greedy", 0.3), ("ucb", 0.2), ("badge", 0.2), ("diverse", 0.2), ("random", 0.1))
"""The default: half of the batch for molecules that are likely to be good, 40% for those that the models know little
about, and a tenth at random, whose labels show without bias how good the predictions are."""

_KAPPA = 2.0
"""Spreads that `ucb` adds to a prediction."""

_FAR = -1e4
"""Standardized improvement below which the expected improvement has its asymptotic form."""


@dataclass(frozen=True)
class Candidates:
    """`n` molecules to choose from.

    mean [n]      predictions; higher is better
    spread [n]    standard deviations of the predictions between models, or of a posterior; NaN for a single model
    space         distances between the molecules
    novelty [n]   distance of each to the nearest labeled molecule
    identity [n]  a number of each molecule that no other one has, and that does not depend on its row
    best          the best label so far; None where nothing improves on it, as for classes, or where it is not known
    """

    mean: np.ndarray
    spread: np.ndarray
    space: Space
    novelty: np.ndarray
    identity: np.ndarray
    best: float | None = None

    def __len__(self) -> int:
        return len(self.mean)

    def take(self, rows: np.ndarray) -> "Candidates":
        """Return some of the candidates."""
        arrays = {name: getattr(self, name)[rows] for name in ("mean", "spread", "novelty", "identity")}
        return replace(self, **arrays, space=self.space.take(rows))

    def optimism(self) -> np.ndarray:
        """Return the upper confidence bound of each prediction, [n]."""
        return self.mean + _KAPPA * self.spread

    def log_improvement(self) -> np.ndarray:
        """Return the logarithm of each candidate's expected improvement over `best`, [n]."""
        if self.best is None:
            raise ValueError("there is no best label to improve on")
        spread = np.maximum(self.spread, 1e-12)
        return np.log(spread) + log_improvement((self.mean - self.best) / spread)


def log_improvement(u: np.ndarray) -> np.ndarray:
    """Return log(phi(u) + u Phi(u)): the log expected improvement of a standard normal variable of mean u over 0.

    By the formulas of Ament et al. (2023), which keep the order of candidates whose improvement is too small for a
    number in double precision.
    """
    near, middle = np.maximum(u, -1.0), np.clip(u, _FAR, -1.0)
    direct = np.log(np.exp(-0.5 * near**2) / np.sqrt(2 * np.pi) + near * ndtr(near))
    below = -0.5 * middle**2 - 0.5 * np.log(2 * np.pi)
    below = below + np.log1p(middle * np.sqrt(np.pi / 2) * erfcx(-middle / np.sqrt(2)))
    far = np.minimum(u, _FAR)
    asymptotic = -0.5 * far**2 - 0.5 * np.log(2 * np.pi) - 2 * np.log(-far)
    return np.where(u > -1, direct, np.where(u > _FAR, below, asymptotic))


def greedy(candidates: Candidates, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the `count` rows with the best predictions."""
    return _largest(candidates.mean, count, rng)


def uncertainty(candidates: Candidates, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the `count` rows with the largest spread."""
    return _largest(candidates.spread, count, rng)


def expected_improvement(candidates: Candidates, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the `count` rows with the largest expected improvement over the best label."""
    return _largest(candidates.log_improvement(), count, rng)


def confidence_bound(candidates: Candidates, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the `count` rows with the largest upper confidence bound."""
    return _largest(candidates.optimism(), count, rng)


def diverse(candidates: Candidates, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` rows far from the labeled molecules and from each other."""
    return _spread_out(candidates, np.ones(len(candidates)), count, rng)


def badge(candidates: Candidates, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` uncertain rows far from the labeled molecules and from each other."""
    return _spread_out(candidates, candidates.spread**2, count, rng)


def at_random(candidates: Candidates, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` rows at random."""
    return rng.permutation(len(candidates))[:count]


def _largest(score: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of the largest scores [n]; of equals, some at random."""
    return np.lexsort((rng.random(len(score)), -score))[:count]


def _spread_out(candidates: Candidates, weight: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows drawn in proportion to `weight` [n] and the squared distance to the nearest molecule so far."""
    nearest, chosen = candidates.novelty.astype(np.float64), np.empty(min(count, len(candidates)), np.int64)
    free = np.ones(len(candidates), bool)
    for k in range(len(chosen)):
        total = np.cumsum(np.where(free, weight * nearest**2, 0.0))
        if total[-1] > 0:
            row = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        else:  # all that are left equal a molecule that is labeled or chosen, or the models agree on them
            row = int(rng.choice(np.flatnonzero(free)))
        chosen[k], free[row] = row, False
        nearest = np.minimum(nearest, candidates.space.distances(row))
    return chosen


METHODS: dict[str, Callable[[Candidates, int, np.random.Generator], np.ndarray]] = {
    "greedy": greedy,
    "uncertainty": uncertainty,
    "ei": expected_improvement,
    "ucb": confidence_bound,
    "diverse": diverse,
    "badge": badge,
    "random": at_random,
}

NEED_SPREAD = ("uncertainty", "ei", "ucb", "badge")
"""Methods that need several models."""

NEED_BEST = ("ei",)
"""Methods that need a best label to improve on: not for classes."""


@dataclass(frozen=True)
class Picks:
    """The rows chosen, in order, and the method that chose each."""

    rows: np.ndarray
    methods: list[str]


def shares_of(names: tuple[str, ...]) -> dict[str, float]:
    """Return {method: share of the batch} of some methods in equal shares; "mixture" stands for those of MIXTURE."""
    shares: dict[str, float] = {}
    for name in names:
        for method, share in MIXTURE if name == "mixture" else ((name, 1.0),):
            shares[method] = shares.get(method, 0.0) + share / len(names)
    return shares


def choose(name: str, candidates: Candidates, count: int, seed: int) -> np.ndarray:
    """Return up to `count` rows in the order in which a method prefers them, whatever the order of the candidates.

    Args:
        name: The method.
        candidates: The molecules to choose from.
        count: How many to choose.
        seed: Of the random numbers, which differ between methods.
    """
    order = np.argsort(candidates.identity, kind="stable")
    rng = np.random.default_rng([seed, list(METHODS).index(name)])
    return order[METHODS[name](candidates.take(order), count, rng)]


def choose_batch(names: tuple[str, ...], candidates: Candidates, count: int, seed: int) -> Picks:
    """Return a batch in which each method has its share, each molecule once.

    The methods take turns: the next molecule comes from the method that is furthest behind its share. It is the one
    that this method prefers among those not taken yet.

    Args:
        names: The methods, in equal shares; "mixture" stands for those of MIXTURE.
        candidates: The molecules to choose from.
        count: How many to choose; all where there are fewer.
        seed: Of the random numbers.
    """
    shares = shares_of(names)
    many = min(count, len(candidates))
    orders = {name: iter(choose(name, candidates, many, seed)) for name in shares}
    taken: dict[int, str] = {}
    behind = dict.fromkeys(shares, 0.0)
    while len(taken) < many:
        behind = {name: lack + shares[name] for name, lack in behind.items()}
        name = max(behind, key=behind.__getitem__)
        behind[name] -= 1
        taken[next(int(row) for row in orders[name] if int(row) not in taken)] = name
    return Picks(np.array(list(taken), np.int64), list(taken.values()))
