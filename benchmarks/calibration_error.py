"""How far probabilities are from the share of actives: estimates for few molecules, NumPy only."""

import numpy as np

BINS = 10


def bins_of(probability: np.ndarray, bins: int = BINS) -> list[np.ndarray]:
    """Return the places of the molecules in each of some bins of equally many molecules, by their probability."""
    return np.array_split(np.argsort(probability, kind="stable"), bins)


def expected_error(probability: np.ndarray, labels: np.ndarray) -> float:
    """Return the expected calibration error: the mean difference of probability and share of actives over bins.

    Its expectation is above 0 for perfect probabilities, because a bin has few molecules.
    """
    parts = bins_of(probability)
    return float(sum(len(one) * abs(probability[one].mean() - labels[one].mean()) for one in parts) / len(labels))


def squared_error(probability: np.ndarray, labels: np.ndarray) -> float:
    """Return the debiased squared calibration error: its expectation is 0 for perfect probabilities.

    It is the mean over bins of (mean label - mean probability)^2 - variance, where the variance of the mean label of
    n molecules is label (1 - label) / (n - 1) (Kumar, Liang & Ma, Verified Uncertainty Calibration, NeurIPS 2019,
    definition 4.1). It may be below 0 by chance. Bins of fewer than two molecules do not count.
    """
    total = counted = 0.0
    for one in bins_of(probability):
        if len(one) > 1:
            share = labels[one].mean()
            total += len(one) * ((share - probability[one].mean()) ** 2 - share * (1 - share) / (len(one) - 1))
            counted += len(one)
    return float(total / counted) if counted else np.nan


def root_mean(squares: list[float]) -> tuple[float, float, float]:
    """Return the root of the mean of debiased squared errors, and of the ends of a 90% interval of that mean.

    The interval is 1.645 standard errors on either side (90% of a normal distribution). The root of less than 0 is 0.
    """
    mean = float(np.mean(squares))
    margin = 1.645 * float(np.std(squares, ddof=1)) / len(squares) ** 0.5 if len(squares) > 1 else np.nan
    root = lambda square: float(np.sqrt(max(square, 0.0))) if not np.isnan(square) else np.nan
    return root(mean), root(mean - margin), root(mean + margin)
