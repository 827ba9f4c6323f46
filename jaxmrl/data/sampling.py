"""Whether a curve is one of random samples: only then do laws describe it, and forecasts reach beyond its data."""

PRUNING = "pruning"
"""The column that names how a curve's molecules were chosen."""

RANDOM = "random"
"""The pruning that keeps molecules at random."""

NOT_RANDOM = (
    "a pruned subset of a fixed pool is not a random sample; its curve is compared with random subsets inside the "
    "measured range"
)
"""Why a pruned curve gets no law, exponent or forecast: it meets the random curve where the pool ends."""

_NO_PRUNING = {RANDOM, "", "none", "no"}


def is_random_sample(pruning: str, fraction: float | None = None) -> bool:
    """Return whether molecules kept by `pruning` are a random sample of the data.

    Args:
        pruning: what the column pruning says; upper or lower case.
        fraction: the share of the pool that was kept, if known. The whole pool is the same whatever the pruning.
    """
    return pruning.strip().lower() in _NO_PRUNING or fraction == 1
