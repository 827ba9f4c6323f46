"""Joint scaling laws: the error as a function of the number n of training molecules and the number p of parameters.

Each law is a sum of a term of n and a term of p, after a transformation of the error, so that the molecules for a
metric and the best use of a compute budget have closed forms. The exponents mean the same in all laws: above the floor,
the error falls as n^-a with unlimited parameters, and as p^-b with unlimited molecules.
"""

from dataclasses import dataclass, replace

import numpy as np

from jaxmrl.scaling.laws import FLOOR, RATE, Law, positive

EXPONENTS = ("a", "b")
"""The exponents of molecules and of parameters, of every joint law."""


@dataclass(frozen=True)
class JointLaw(Law):
    """A joint law.

    Attributes:
        nested: Whether the terms of both variables are added inside a power, as Kaplan et al. do.
    """

    nested: bool = False

    def terms(self, values: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return ln A, x, ln B and y of the sum A n^-x + B p^-y for parameters [B, P], each [B, 1]."""
        log_a, a, log_b, b = (
            np.log(values[:, -4, None]),
            values[:, -3, None],
            np.log(values[:, -2, None]),
            values[:, -1, None],
        )
        return (log_a / a, np.ones_like(a), log_b / a, b / a) if self.nested else (log_a, a, log_b, b)

    def log_sum(self, values: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Return the log of the sum of the terms that gives an error [K], [B, K]; -inf below the floor."""
        with np.errstate(divide="ignore"):
            if self.nested:
                return np.log(error) / values[:, -3, None]
            return np.log(np.maximum(error - self.floor_of(values), 0.0))

    def floor_of(self, values: np.ndarray) -> np.ndarray:
        """Return the error with unlimited molecules and parameters, [B, 1]."""
        return values[:, 0, None] if self.floor else np.zeros((len(values), 1))

    def molecules_for(self, values: np.ndarray, error: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return the molecules that models of p [K] parameters need for an error [K], [B, K]; infinite where they never
        reach it.
        """
        log_a, x, log_b, y = self.terms(values)
        total, of_p = self.log_sum(values, error), log_b - y * np.log(p)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            left = total + np.log1p(-np.exp(np.minimum(of_p - total, 0.0)))
            return np.where(of_p < total, np.exp((log_a - left) / x), np.inf)

    def best_split(self, values: np.ndarray, budget: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the molecules n and the parameters p with the smallest error where n p = budget [K], [B, K] each.

        At the minimum of A n^-x + B (budget / n)^-y, x A n^-x = y B p^-y (Hoffmann et al. 2022, equation 4).
        """
        log_a, x, log_b, y = self.terms(values)
        with np.errstate(over="ignore"):
            log_n = (np.log(x / y) + log_a - log_b + y * np.log(budget)) / (x + y)
            return np.exp(log_n), np.exp(np.log(budget) - log_n)


def _additive(x: np.ndarray, a0: np.ndarray, a: np.ndarray, b0: np.ndarray, b: np.ndarray, *_: object) -> np.ndarray:
    n, p = x
    return a0 * n**-a + b0 * p**-b


def _with_floor(
    x: np.ndarray, e_inf: np.ndarray, a0: np.ndarray, a: np.ndarray, b0: np.ndarray, b: np.ndarray, *_: object
) -> np.ndarray:
    return e_inf + _additive(x, a0, a, b0, b)


def _nested(x: np.ndarray, a0: np.ndarray, a: np.ndarray, b0: np.ndarray, b: np.ndarray, *_: object) -> np.ndarray:
    n, p = x
    return np.exp(a * np.logaddexp((np.log(a0) - a * np.log(n)) / a, (np.log(b0) - b * np.log(p)) / a))


def _starts(x: np.ndarray, error: np.ndarray, floors: tuple[float, ...]) -> list[tuple[float, ...]]:
    """Return starts (e_inf, A, a, B, b): for shares of the least error that are the floor, exponents by the plane
    through log error over ln n and ln p, with halves of the error above the floor for both terms.
    """
    starts: list[tuple[float, ...]] = []
    design = np.column_stack([np.ones(len(error)), np.log(x).T])
    middle_n, middle_p = np.log(x).mean(axis=1)
    for share in floors:
        log_left = np.log(error - share * error.min())
        _, of_n, of_p = np.linalg.lstsq(design, log_left, rcond=None)[0]
        a, b = np.clip([-of_n / 0.5, -of_p / 0.5], 0.02, 5.0)
        half = log_left.mean() + np.log(0.5)
        starts.append((share * error.min(), np.exp(half + a * middle_n), a, np.exp(half + b * middle_p), b))
    return starts


_TERMS = (
    positive("A", "the scale of the error that molecules remove", 1e-30, 1e30),
    replace(RATE, name="a", meaning="how fast that part of the error falls with molecules"),
    positive("B", "the scale of the error that parameters remove", 1e-30, 1e30),
    replace(RATE, name="b", meaning="how fast that part of the error falls with parameters"),
)

ADDITIVE = JointLaw(
    name="additive",
    formula="error = A n^-a + B p^-b",
    text="{A} n^-{a} + {B} p^-{b}",
    on="error",
    parameters=_TERMS,
    exponent=None,
    source="Hoffmann et al. 2022 without a floor",
    function=_additive,
    starts=lambda x, error, guess, top: [one[1:] for one in _starts(x, error, (0.0,))],
)
FLOORED = JointLaw(
    name="additive_floor",
    formula="error = e_inf + A n^-a + B p^-b",
    text="{e_inf} + {A} n^-{a} + {B} p^-{b}",
    on="error",
    parameters=(FLOOR, *_TERMS),
    exponent=None,
    source="Hoffmann et al. 2022, equation 2",
    function=_with_floor,
    starts=lambda x, error, guess, top: _starts(x, error, (0.3, 0.8)),
    floor=lambda e_inf, *_: e_inf,
)
NESTED = JointLaw(
    name="nested",
    formula="error = ((A n^-a)^(1/a) + (B p^-b)^(1/a))^a",
    text="(({A} n^-{a})^(1/{a}) + ({B} p^-{b})^(1/{a}))^{a}",
    on="error",
    parameters=_TERMS,
    exponent=None,
    source="Kaplan et al. 2020, equation 1.5",
    function=_nested,
    starts=lambda x, error, guess, top: [one[1:] for one in _starts(x, error, (0.0,))],
    nested=True,
)

JOINT_LAWS = (ADDITIVE, FLOORED, NESTED)
