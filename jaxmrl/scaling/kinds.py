"""The kinds of curves."""

from enum import StrEnum


class Kind(StrEnum):
    """What is known of the form of a curve; curves of the last four kinds have no law."""

    FALLING = "still improving"
    LEVEL = "leveled off"
    FLAT = "flat"
    PEAKED = "peaked"
    DROP = "plateau then drop"
    NOISY = "too noisy"
    FEW = "too few sizes"
    WORSE = "gets worse"
    SATURATED = "saturated"
    NOT_FITTED = "not fitted"
    REFERENCE = "reference"


UNCERTAIN = (Kind.FLAT, Kind.LEVEL, Kind.NOISY)
"""Kinds of curves whose last sizes do not certainly improve."""
