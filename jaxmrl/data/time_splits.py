"""Splits by time: models are trained on the past and tested on later molecules, at one or several dates."""

import numpy as np

from jaxmrl.data.group_splits import lots
from jaxmrl.data.splits import SHARES, Split
from jaxmrl.errors import DataError

FIRST_PAST = 0.3
"""The share of the molecules that are known at the first cut date of a rolling origin."""

_VALID_SHARE = 0.1


def time_split(dates: np.ndarray, shares: tuple[float, float] = SHARES) -> Split:
    """Return the split by time: the oldest 80% for training, the next 10% for validation, and the newest for testing.

    Molecules of one date stay together, so the shares are met as closely as the dates allow.

    Args:
        dates: The date of each molecule, [N] datetime64.
        shares: The shares of training and validation.

    Raises:
        DataError: With fewer than three different dates.
    """
    different, start = np.unique(np.sort(dates), return_index=True)
    if len(different) < 3:
        shown = " and ".join(str(date.astype("datetime64[D]")) for date in different)
        raise DataError(
            f"the time split needs at least three different dates, for training, validation and test; got {shown}"
        )
    first = 1 + int(np.argmin(np.abs(start[1:-1] - shares[0] * len(dates))))
    second = first + 1 + int(np.argmin(np.abs(start[first + 1 :] - sum(shares) * len(dates))))
    return Split(
        np.flatnonzero(dates < different[first]),
        np.flatnonzero((dates >= different[first]) & (dates < different[second])),
        np.flatnonzero(dates >= different[second]),
    )


def rolling_origins(dates: np.ndarray, canonical: np.ndarray, cuts: int, seed: int) -> list[Split]:
    """Return the splits at several cut dates: each trains on all before its date and is tested on the next block.

    30% of the molecules come before the first date; the others are divided into blocks of about the same size, at
    whole dates. A random tenth of the molecules before a date is for validation, so that training includes the latest
    ones. A validation molecule of one date is a validation molecule of all later dates.

    Args:
        dates: The date of each molecule, [N] datetime64.
        canonical: A hash of each molecule, [N] uint64.
        cuts: The number of cut dates.
        seed: The seed of the choice of validation molecules.

    Raises:
        DataError: With fewer than `cuts` + 1 different dates.
    """
    different, start = np.unique(np.sort(dates), return_index=True)
    if len(different) < cuts + 1:
        raise DataError(f"{cuts} cut dates need at least {cuts + 1} different dates; got {len(different)}")
    wanted = len(dates) * (FIRST_PAST + (1 - FIRST_PAST) * np.arange(cuts) / cuts)
    places: list[int] = []
    for k, at in enumerate(wanted):
        low = places[-1] + 1 if places else 1
        possible = np.arange(low, len(different) - (cuts - 1 - k))
        places.append(int(possible[np.argmin(np.abs(start[possible] - at))]))
    ends = [*(different[at] for at in places[1:]), None]
    validates = lots(canonical, seed) < np.uint64(_VALID_SHARE * 2.0**64)
    return [_origin(dates, validates, different[at], end) for at, end in zip(places, ends, strict=True)]


def _origin(dates: np.ndarray, validates: np.ndarray, date: np.datetime64, end: np.datetime64 | None) -> Split:
    past, later = dates < date, (dates >= date) & (True if end is None else dates < end)
    train, valid = np.flatnonzero(past & ~validates), np.flatnonzero(past & validates)
    if not (len(train) and len(valid)):
        shown = date.astype("datetime64[D]")
        raise DataError(
            f"{int(past.sum())} molecules before the cut date {shown} are too few for training and validation; use "
            "fewer cut dates, or a table with more molecules"
        )
    return Split(train, valid, np.flatnonzero(later), cut=str(date.astype("datetime64[D]")))
