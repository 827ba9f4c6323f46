"""Campaigns on a table with known labels: start with a few, buy a batch, fit a model, and repeat. No JAX."""

from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from jaxmrl.acquisition.methods import Candidates, choose_batch
from jaxmrl.acquisition.spaces import Kernel
from jaxmrl.acquisition.surrogates import SURROGATES, Knowledge
from jaxmrl.stats import average_ranks

TEST_SHARE = 0.2
"""The share of the molecules that are never bought, on which models are tested."""

HIT_SHARE = 0.05
"""The share of the other molecules that count as hits, those with the best labels."""

_TEST_STREAM, _START_STREAM = 0, 1


@dataclass(frozen=True)
class Labeled:
    """`N` molecules whose labels are known.

    similarity [N, N]  Tanimoto similarity of ECFP4 counts
    counts [N, C]      these counts
    labels [N]         higher ones are better; classes are 0 and 1
    identity [N]       a number of each molecule that no other one has
    classes            whether labels are classes
    """

    similarity: np.ndarray = field(repr=False)
    counts: np.ndarray = field(repr=False)
    labels: np.ndarray
    identity: np.ndarray
    classes: bool = False

    def parts(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the molecules that may be bought and those of the test set, by identity and not by row."""
        order = np.argsort(self.identity, kind="stable")
        drawn = order[np.random.default_rng([seed, _TEST_STREAM]).permutation(len(order))]
        test = max(1, round(TEST_SHARE * len(order)))
        return np.sort(drawn[test:]), np.sort(drawn[:test])

    def hits(self, pool: np.ndarray) -> np.ndarray:
        """Return which molecules [N] of a pool are hits: class 1, or the best labels, more of them where some equal."""
        found = np.zeros(len(self.labels), bool)
        labels = self.labels[pool]
        least = 1.0 if self.classes else np.sort(labels)[-max(1, round(HIT_SHARE * len(pool)))]
        found[pool] = labels >= least
        return found


@dataclass(frozen=True)
class Campaign:
    """The settings of a simulated campaign.

    start      labels at the beginning, drawn at random
    batch      labels that each round adds
    rounds     how often
    surrogate  the model, of SURROGATES
    test_seed  which molecules are for the test
    """

    start: int
    batch: int
    rounds: int
    surrogate: str = "gp"
    test_seed: int = 0

    def labels(self) -> np.ndarray:
        """Return the number of labels at the start and after each round, [rounds + 1]."""
        return self.start + self.batch * np.arange(self.rounds + 1)


@dataclass(frozen=True)
class Trace:
    """What one campaign found, at the start and after each round.

    hits [rounds + 1]      hits among the labeled molecules
    error [rounds + 1]     of the model on the test set: RMSE, or 1 less ROC-AUC for classes
    unlearned              the error of predicting the mean of the labels at the end, or 0.5 for classes
    bought [batch rounds]  the molecules that were bought, in order
    """

    method: str
    seed: int
    hits: np.ndarray
    error: np.ndarray
    unlearned: float
    bought: np.ndarray


def simulate(table: Labeled, campaign: Campaign, method: str, seed: int) -> Trace:
    """Return what a campaign finds. All methods of a seed begin with the same molecules and have the same test set.

    Args:
        table: The molecules and their labels.
        campaign: The settings.
        method: One of METHODS, or "mixture".
        seed: Of the molecules at the start, and of the random numbers of the method.
    """
    pool, test = table.parts(campaign.test_seed)
    hits = table.hits(pool)
    order = pool[np.argsort(table.identity[pool], kind="stable")]
    known = order[np.random.default_rng([seed, _START_STREAM]).permutation(len(order))[: campaign.start]]
    found, errors = [int(hits[known].sum())], []
    with threadpool_limits(limits=1):  # campaigns run side by side
        for step in range(campaign.rounds + 1):
            rest = pool[~np.isin(pool, known)]
            mean, spread = _predict(table, campaign, known, np.concatenate([test, rest]), seed)
            errors.append(_error(table, test, mean[: len(test)]))
            if step < campaign.rounds:
                candidates = _candidates(table, known, rest, mean[len(test) :], spread[len(test) :])
                picks = choose_batch((method,), candidates, campaign.batch, hash_seed(seed, step))
                known = np.concatenate([known, rest[picks.rows]])
                found.append(int(hits[known].sum()))
    unlearned = 0.5 if table.classes else _rmse(table.labels[test], table.labels[known].mean())
    return Trace(method, seed, np.array(found), np.array(errors), unlearned, known[campaign.start :])


def hash_seed(seed: int, step: int) -> int:
    """Return a seed for a round of a campaign."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def _predict(
    table: Labeled, campaign: Campaign, known: np.ndarray, asked: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and spread of the predictions of some molecules by a model of those that are known."""
    similarity, counts = table.similarity, table.counts
    return SURROGATES[campaign.surrogate](
        Knowledge(
            kernel=similarity[np.ix_(known, known)],
            cross=similarity[np.ix_(asked, known)],
            counts=counts[known],
            asked=counts[asked],
            labels=table.labels[known],
            seed=seed,
        )
    )


def _candidates(
    table: Labeled, known: np.ndarray, rest: np.ndarray, mean: np.ndarray, spread: np.ndarray
) -> Candidates:
    novelty = 1 - table.similarity[np.ix_(rest, known)].max(axis=1).astype(np.float64)
    best = None if table.classes else float(table.labels[known].max())
    space = Kernel(table.similarity).take(rest)
    return Candidates(mean, spread, space, novelty, table.identity[rest], best)


def _error(table: Labeled, test: np.ndarray, predicted: np.ndarray) -> float:
    labels = table.labels[test]
    return 1 - _roc_auc(labels, predicted) if table.classes else _rmse(labels, predicted)


def _rmse(labels: np.ndarray, predicted: np.ndarray | float) -> float:
    return float(np.sqrt(np.mean((labels - predicted) ** 2)))


def _roc_auc(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Return the probability that a random active is predicted above a random inactive, ties counting half."""
    active = labels == 1
    ranks, many = average_ranks(predicted), int(active.sum())
    return float((ranks[active].sum() - many * (many + 1) / 2) / (many * (len(labels) - many)))
