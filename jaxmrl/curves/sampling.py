"""Whether a curve is one of random samples: only then do laws describe it, and forecasts reach beyond its data."""

import re
from collections.abc import Iterable

from jaxmrl.config.names import DYNAMIC_PRUNINGS, PRUNING_METHODS
from jaxmrl.rows import NO_EXTRA

PRUNING = "pruning"
"""The column that names how a curve's molecules were chosen."""

RANDOM = "random"
"""The pruning that keeps molecules at random."""

NOT_RANDOM = (
    "a pruned subset of a fixed pool is not a random sample; its curve is compared with random subsets inside the "
    "measured range"
)
"""Why a pruned curve gets no law, exponent or forecast: it meets the random curve where the pool ends."""

WITH_EXTRA = (
    "a training set with an extra source is not a sample of the main source alone; its curve is compared with the one "
    "without the extra source inside the measured range"
)
"""Why a curve with an extra source gets no law: without main molecules, its error is not that of guessing."""

DYNAMIC = (
    "a dynamic pruning learns from all labels, from some of them in each epoch, so its molecules are no sample of the "
    "data; its curve is compared with random subsets inside the measured range"
)
"""Why a curve of a dynamic pruning gets no law: its size is that of an epoch."""

REASONS = (NOT_RANDOM, DYNAMIC, WITH_EXTRA)

_METHODS = {re.sub("[^a-z0-9]", "", name) for name in (*PRUNING_METHODS, *DYNAMIC_PRUNINGS)} | {
    "coreset",
    "kcenter",
    "margin",
}
_NO_PRUNING = {RANDOM, "", "none", "no"}


def are_prunings(texts: Iterable[str]) -> bool:
    """Return whether a column with these cells names how molecules were chosen: by a known method, or at random."""
    names = {text.strip().lower() for text in texts} - _NO_PRUNING
    return bool(names) and {re.sub("[^a-z0-9]", "", name) for name in names} <= _METHODS


def why_no_law(pruning: str, fraction: float | None = None, extra: str = NO_EXTRA) -> str:
    """Return why no law describes training molecules, one of REASONS; empty where they are a random sample of the data.

    Args:
        pruning: what the column pruning says; upper or lower case.
        fraction: the share of the pool that was kept, if known. The whole pool is the same whatever the pruning.
        extra: what the column extra of a sweep says.
    """
    name = pruning.strip().lower()
    if name not in _NO_PRUNING and fraction != 1:
        return DYNAMIC if name in DYNAMIC_PRUNINGS else NOT_RANDOM
    return "" if extra in ("", NO_EXTRA) else WITH_EXTRA
