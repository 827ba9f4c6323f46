"""Datamodels: what a model predicts, as a linear function of which molecules it learned from.

Source: Ilyas et al., Datamodels: Predicting Predictions from Training Data (ICML 2022). There, the regression has an L1
penalty; here it has a squared one, because with fewer models than molecules most weights are far below their noise, and
a lasso would call them 0.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jaxmrl.stats import average_ranks
from jaxmrl.valuation.estimates import Values

PENALTIES = tuple(np.geomspace(1.0, 1e6, 13).tolist())
"""Squared penalties that are tried; leave-one-out errors choose among them."""


@dataclass(frozen=True)
class Datamodels:
    """Linear models of q outputs: output = members @ weights + intercept.

    weights    [n, q], what each of n training molecules adds to each output
    intercept  [q]
    penalty    that of the regression
    residual   [q] variance of the outputs around the linear models, degrees of freedom taken into account
    shrinkage  [n] sum over singular vectors by which the variance of a weight follows from `residual`
    """

    weights: np.ndarray
    intercept: np.ndarray
    penalty: float
    residual: np.ndarray
    shrinkage: np.ndarray

    def predict(self, members: np.ndarray) -> np.ndarray:
        """Return the outputs [M, q] of models that learn from these subsets, [M, n] bool."""
        return members @ self.weights + self.intercept

    @cached_property
    def means(self) -> Values:
        """The mean over outputs of the weights of each molecule; errors are those of the penalized estimate.

        Outputs of one model share the noise of its training. `residual` of their mean, the last output of
        `fit_datamodels`, has it.
        """
        return Values(self.weights[:, -1], np.sqrt(self.shrinkage * self.residual[-1]))


def fit_datamodels(members: np.ndarray, outputs: np.ndarray) -> Datamodels:
    """Fit a ridge regression of each output, and of their mean as one more, on membership.

    Args:
        members: The subsets that M models learned from, [M, n] bool, M at least 3.
        outputs: What they predict, [M, q].

    Returns:
        The datamodels of q + 1 outputs; the last one is the mean of the others.
    """
    from sklearn.linear_model import RidgeCV

    x = members.astype(np.float64)
    y = np.concatenate([outputs, outputs.mean(axis=1, keepdims=True)], axis=1).astype(np.float64)
    fitted = RidgeCV(PENALTIES).fit(x, y)
    weights, penalty = fitted.coef_.T, float(fitted.alpha_)
    _, singular, rows = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    kept = singular**2 / (singular**2 + penalty)
    rss = ((y - x @ weights - fitted.intercept_) ** 2).sum(axis=0)
    residual = rss / max(1.0, len(x) - 1 - kept.sum())
    factors = singular / (singular**2 + penalty)
    return Datamodels(weights, fitted.intercept_, penalty, residual, (factors**2) @ rows**2)


def linear_score(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Return the linear datamodeling score of each output, [q]: Spearman's rank correlation over subsets.

    Source: Park et al., TRAK: Attributing Model Behavior at Scale (ICML 2023).

    Args:
        predicted: The sum of what the molecules of each of m subsets add, [m, q].
        actual: The outputs of models that learned from these subsets, [m, q].

    Returns:
        [q]; NaN for an output or a prediction that is constant.
    """
    one, other = (average_ranks(values, axis=0) - (len(values) + 1) / 2 for values in (predicted, actual))
    scale = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    return np.divide((one * other).sum(axis=0), scale, out=np.full(one.shape[1], np.nan), where=scale > 0)
