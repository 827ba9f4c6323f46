"""Scaling laws: the error of a model as a function of the number n of its training molecules.

The error is |best - metric|, where `best` is the perfect metric: 1 - metric of ROC-AUC, the metric itself of RMSE. Some
laws start from `guess`, the error of guessing. Laws of the metric (`on` is 'metric') need `top`: the perfect metric
where a higher metric is better and that is above 0; elsewhere it is 0, and these laws describe the error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logit


@dataclass(frozen=True)
class Parameter:
    """A parameter of a law. kind: positive, real, or share (between 0 and 1, of the error of guessing).

    lowest and highest: where values are looked for; an interval that reaches one of them has no end there.
    """

    name: str
    meaning: str
    kind: str
    lowest: float
    highest: float

    def unbounded(self, value: np.ndarray) -> np.ndarray:
        """Return the unbounded value of a parameter, which may be any number; fits look for it."""
        return _UNBOUND[self.kind](np.clip(value, self.lowest, self.highest))

    def natural(self, unbounded: np.ndarray) -> np.ndarray:
        """Return the value that an unbounded one stands for, [...]."""
        return _BOUND[self.kind](np.clip(unbounded, *self.unbounded_ends))

    @cached_property
    def unbounded_ends(self) -> tuple[float, float]:
        """`lowest` and `highest`, unbounded."""
        low, high = _UNBOUND[self.kind](np.array([self.lowest, self.highest]))
        return low, high


_UNBOUND: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "positive": np.log,
    "share": logit,
    "real": lambda value: value,
}
_BOUND: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "positive": np.exp,
    "share": expit,
    "real": lambda value: value,
}


@dataclass(frozen=True)
class Law:
    """A law, and where it comes from.

    text         its right-hand side, with a place for each parameter's value
    on           what stands left of it: 'metric' or 'error'
    exponent     the parameter that says how fast the curve moves; none of the logarithmic law
    floor        the error with unlimited data, of (*values, guess), if there is one
    needs_guess  whether it begins from the error of guessing
    for_scores   whether it differs from `power` only where `top` is above 0
    above_zero   whether the metric that it describes must be above 0
    function     error of (n [N], *values [B, 1], guess, top) -> [B, N]
    starts       values to begin a fit from, of (n, error, guess, top)
    """

    name: str
    formula: str
    text: str
    on: str
    parameters: tuple[Parameter, ...]
    exponent: str | None
    source: str
    function: Callable[..., np.ndarray]
    starts: Callable[..., list[tuple[float, ...]]]
    floor: Callable[..., float] | None = None
    needs_guess: bool = False
    for_scores: bool = False
    above_zero: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def unbounded(self, values: np.ndarray) -> np.ndarray:
        """Return the unbounded values of parameters [B, P]; fits look for these."""
        return np.stack([one.unbounded(values[:, k]) for k, one in enumerate(self.parameters)], axis=1)

    def natural(self, u: np.ndarray) -> np.ndarray:
        """Return the parameters [B, P] of unbounded values."""
        kinds = {one.kind for one in self.parameters}
        clipped = np.minimum(np.maximum(u, self.ends[0]), self.ends[1])
        if len(kinds) == 1:
            return _BOUND[kinds.pop()](clipped)
        return np.stack([_BOUND[one.kind](clipped[:, k]) for k, one in enumerate(self.parameters)], axis=1)

    @cached_property
    def ends(self) -> np.ndarray:
        """The unbounded ends [2, P] of the parameters."""
        return np.array([one.unbounded_ends for one in self.parameters]).T

    def __reduce__(self) -> tuple[Callable[[str], "Law"], tuple[str]]:
        """Return how another process finds this law: by its name, because it has functions without one."""
        return law_named, (self.name,)


_MOST = 1e12
_SMALLEST = 1e-300
_NEWTON_STEPS, _NEWTON_ENOUGH = 12, 1e-10


def positive(name: str, meaning: str, lowest: float = 1e-12, highest: float = _MOST) -> Parameter:
    """Return a parameter above 0."""
    return Parameter(name, meaning, "positive", lowest, highest)


RATE = positive("c", "how fast the error falls with molecules", 1e-4, 10.0)
_SCALE = positive("beta", "the error's scale", 1e-30, 1e30)
FLOOR = positive("e_inf", "the error with unlimited data", 1e-30)


def _line(n: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of y over log n; a slope of 0 if n does not vary."""
    slope = np.polyfit(np.log(n), y, 1)[0] if len(np.unique(n)) > 1 else 0.0
    return float(slope), float(np.mean(y) - slope * np.mean(np.log(n)))


def _power(n: np.ndarray, a: np.ndarray, b: np.ndarray, guess: float | None, top: float) -> np.ndarray:
    metric = a * n**b
    return top - metric if top else metric


def _power_starts(n: np.ndarray, error: np.ndarray, guess: float | None, top: float) -> list[tuple[float, ...]]:
    slope, intercept = _line(n, np.log(np.maximum(top - error if top else error, _SMALLEST)))
    return [(np.exp(intercept), slope)]


def _falling_starts(n: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    slope, _ = _line(n, np.log(error))
    falling = max(-slope, 1e-3)
    return falling, np.exp(np.mean(np.log(error)) + falling * np.mean(np.log(n)))


def _error_power_starts(n: np.ndarray, error: np.ndarray, guess: float | None, top: float) -> list[tuple[float, ...]]:
    falling, beta = _falling_starts(n, error)
    return [(beta, falling)]


def _irreducible_starts(n: np.ndarray, error: np.ndarray, guess: float | None, top: float) -> list[tuple[float, ...]]:
    starts: list[tuple[float, ...]] = []
    for share in (1e-3, 0.3, 0.6, 0.9, 0.99):
        falling, beta = _falling_starts(n, error - share * error.min())
        starts.append((share * error.min(), beta, falling))
    return starts


def _saturating_starts(n: np.ndarray, error: np.ndarray, guess: float | None, top: float) -> list[tuple[float, ...]]:
    starts: list[tuple[float, ...]] = []
    for gamma in (0.01 / n.max(), 1 / n.max(), 1 / float(np.median(n))):
        falling, beta = _falling_starts(1 / (1 / n + gamma), error)
        starts.append((beta, falling, gamma))
    return starts


def _shifted_starts(n: np.ndarray, error: np.ndarray, guess: float | None, top: float) -> list[tuple[float, ...]]:
    starts: list[tuple[float, ...]] = []
    for gamma in (0.01 * n.min(), n.min(), float(np.median(n)), n.max()):
        falling, beta = _falling_starts(n + gamma, error)
        starts.append((beta, falling, gamma))
    return starts


def _odds(n: np.ndarray, beta: np.ndarray, c: np.ndarray, guess: float, top: float) -> np.ndarray:
    odds = beta * n**-c
    return guess * odds / (1 + odds)


def _odds_starts(n: np.ndarray, error: np.ndarray, guess: float, top: float) -> list[tuple[float, ...]]:
    share = np.clip(error / guess, 1e-6, 1 - 1e-6)
    falling, beta = _falling_starts(n, share / (1 - share))
    return [(beta, falling)]


def _m4(
    n: np.ndarray, share: np.ndarray, beta: np.ndarray, c: np.ndarray, alpha: np.ndarray, guess: float, top: float
) -> np.ndarray:
    floor = share * guess
    # With w = (error - floor) / (guess - floor) and l its logit: log w - alpha log(1 - w) = target, by Newton's method.
    target = np.log(np.maximum(beta * n**-c, _SMALLEST)) + (alpha - 1) * np.log(guess - floor)
    logit = np.where(target < 0, target, target / alpha)
    for _ in range(_NEWTON_STEPS):
        log_left = -np.logaddexp(0, -logit)
        left = np.exp(log_left)
        step = (log_left + alpha * (logit - log_left) - target) / (1 - left + alpha * left)
        logit = logit - step
        if np.abs(step).max() < _NEWTON_ENOUGH:
            break
    return floor + (guess - floor) / (1 + np.exp(-logit))


def _m4_starts(n: np.ndarray, error: np.ndarray, guess: float, top: float) -> list[tuple[float, ...]]:
    starts: list[tuple[float, ...]] = []
    for share in (1e-3, 0.4, 0.8):
        floor = share * min(error.min(), 0.999 * guess)
        part = np.clip((error - floor) / (guess - floor), 1e-6, 1 - 1e-6)
        for alpha in (0.5, 1.0, 2.0):
            falling, beta = _falling_starts(n, part / (1 - part) ** alpha * (guess - floor) ** (1 - alpha))
            starts.append((floor / guess, beta, falling, alpha))
    return starts


def _broken(
    n: np.ndarray,
    beta: np.ndarray,
    c: np.ndarray,
    c_after: np.ndarray,
    n_break: np.ndarray,
    width: np.ndarray,
    guess: float | None,
    top: float,
) -> np.ndarray:
    bend = np.logaddexp(0, (np.log(n) - np.log(n_break)) / width)
    return np.exp(np.log(beta) - c * np.log(n) - (c_after - c) * width * bend)


def _broken_starts(n: np.ndarray, error: np.ndarray, guess: float | None, top: float) -> list[tuple[float, ...]]:
    falling, beta = _falling_starts(n, error)
    breaks = np.quantile(n, (0.3, 0.5, 0.7))
    return [
        (beta, falling * before, falling * (2 - before) + 1e-3, at, 0.3) for at in breaks for before in (0.5, 1.0, 1.5)
    ]


def _logarithmic(n: np.ndarray, a: np.ndarray, b: np.ndarray, guess: float | None, top: float) -> np.ndarray:
    metric = a + b * np.log(n)
    return top - metric if top else metric


def _logarithmic_starts(n: np.ndarray, error: np.ndarray, guess: float | None, top: float) -> list[tuple[float, ...]]:
    slope, intercept = _line(n, top - error if top else error)
    return [(intercept, slope)]


_ALABDULMOHSIN = "Alabdulmohsin et al., NeurIPS 2022"
_REAL = 1e6

POWER = Law(
    name="power",
    formula="metric = a n^b",
    text="{a} n^{b}",
    on="metric",
    parameters=(
        positive("a", "the metric's scale"),
        Parameter("b", "how fast the metric moves with molecules", "real", -10.0, 10.0),
    ),
    exponent="b",
    source="Chen et al., NeurIPS 2023 (there of the fraction; the exponent is the same)",
    function=_power,
    starts=_power_starts,
    above_zero=True,
)
ERROR_POWER = Law(
    name="error_power",
    formula="error = beta n^-c",
    text="{beta} n^-{c}",
    on="error",
    parameters=(_SCALE, RATE),
    exponent="c",
    source=f"M1 in {_ALABDULMOHSIN}",
    function=lambda n, beta, c, guess, top: beta * n**-c,
    starts=_error_power_starts,
    for_scores=True,
)
IRREDUCIBLE = Law(
    name="irreducible",
    formula="error = e_inf + beta n^-c",
    text="{e_inf} + {beta} n^-{c}",
    on="error",
    parameters=(FLOOR, _SCALE, RATE),
    exponent="c",
    source=f"Hestness et al. 2017; M2 in {_ALABDULMOHSIN}",
    function=lambda n, e_inf, beta, c, guess, top: e_inf + beta * n**-c,
    starts=_irreducible_starts,
    floor=lambda e_inf, beta, c, guess: e_inf,
)
SATURATING = Law(
    name="saturating",
    formula="error = beta (1/n + gamma)^c",
    text="{beta} (1/n + {gamma})^{c}",
    on="error",
    parameters=(_SCALE, RATE, positive("gamma", "one over the molecules at which the curve levels off", 1e-12, 1e3)),
    exponent="c",
    source=f"M3 in {_ALABDULMOHSIN}",
    function=lambda n, beta, c, gamma, guess, top: beta * (1 / n + gamma) ** c,
    starts=_saturating_starts,
    floor=lambda beta, c, gamma, guess: beta * gamma**c,
)
SHIFTED = Law(
    name="shifted",
    formula="error = beta (n + gamma)^-c",
    text="{beta} (n + {gamma})^-{c}",
    on="error",
    parameters=(
        _SCALE,
        RATE,
        positive("gamma", "molecules that the prior knowledge of the model is equivalent to", 1e-6, 1e9),
    ),
    exponent="c",
    source="a power law of the molecules and those that prior knowledge is worth",
    function=lambda n, beta, c, gamma, guess, top: beta * (n + gamma) ** -c,
    starts=_shifted_starts,
)
ODDS = Law(
    name="odds",
    formula="error / (guess - error) = beta n^-c",
    text="guess/(1 + n^{c}/{beta})",
    on="error",
    parameters=(_SCALE, RATE),
    exponent="c",
    source=f"M4 in {_ALABDULMOHSIN} with alpha = 1 and e_inf = 0; Morgan, Mercer & Flodin 1975",
    function=_odds,
    starts=_odds_starts,
    needs_guess=True,
)
M4 = Law(
    name="m4",
    formula="(error - e_inf) / (guess - error)^alpha = beta n^-c, e_inf = share guess",
    text="M4: e_inf {share} guess, beta {beta}, c {c}, alpha {alpha}",
    on="error",
    parameters=(
        Parameter(
            "share", "the error with unlimited data, as a share of the error of guessing", "share", 1e-6, 1 - 1e-6
        ),
        _SCALE,
        RATE,
        positive("alpha", "how abruptly the error leaves that of guessing", 1e-2, 20.0),
    ),
    exponent="c",
    source=f"M4 in {_ALABDULMOHSIN}",
    function=_m4,
    starts=_m4_starts,
    floor=lambda share, beta, c, alpha, guess: share * guess,
    needs_guess=True,
)
BROKEN = Law(
    name="broken",
    formula="error = beta n^-c (1 + (n / n_break)^(1 / width))^(-(c_after - c) width)",
    text="{beta} n^-{c}, after {n_break} n^-{c_after}",
    on="error",
    parameters=(
        _SCALE,
        RATE,
        positive("c_after", "how fast it falls after the break", 1e-4, 10.0),
        positive("n_break", "molecules at the break", 1.0, 1e9),
        positive("width", "the width of the break, in e-folds", 1e-2, 10.0),
    ),
    exponent="c_after",
    source="Caballero et al., ICLR 2023, with one break and no limit",
    function=_broken,
    starts=_broken_starts,
)
LOGARITHMIC = Law(
    name="logarithmic",
    formula="metric = a + b ln n",
    text="{a} + {b} ln n",
    on="metric",
    parameters=(
        Parameter("a", "the metric with one molecule", "real", -_REAL, _REAL),
        Parameter("b", "the change of the metric with e times the molecules", "real", -_REAL, _REAL),
    ),
    exponent=None,
    source="a line over log n",
    function=_logarithmic,
    starts=_logarithmic_starts,
)

LAWS = (POWER, ERROR_POWER, LOGARITHMIC, ODDS, IRREDUCIBLE, SATURATING, SHIFTED, M4, BROKEN)
"""All laws, those with fewer parameters first."""


def law_named(name: str) -> Law:
    """Return the law of a name. Raise KeyError if there is none."""
    return {law.name: law for law in LAWS}[name]
