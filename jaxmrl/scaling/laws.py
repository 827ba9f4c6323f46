"""Scaling laws: a metric or an error as a function of the number of training molecules n."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Law:
    """A law: its function of (n, *parameters), its parameters' names and bounds, and where it comes from.

    text: the right-hand side, with a place for each parameter's value.
    on: 'metric', or 'error' (1 - metric where higher is better, else the metric itself).
    exponent: the parameter that says how fast the curve moves.
    """

    name: str
    formula: str
    text: str
    on: str
    parameters: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    exponent: str
    function: Callable[..., np.ndarray]
    source: str


POWER = Law(
    name="power",
    formula="metric = a n^b",
    text="{a} n^{b}",
    on="metric",
    parameters=("a", "b"),
    lower=(0.0, -np.inf),
    upper=(np.inf, np.inf),
    exponent="b",
    function=lambda n, a, b: a * n**b,
    source="Chen et al., NeurIPS 2023 (there of the fraction; the exponent is the same)",
)

IRREDUCIBLE = Law(
    name="irreducible",
    formula="error = e_inf + beta n^-c",
    text="{e_inf} + {beta} n^-{c}",
    on="error",
    parameters=("e_inf", "beta", "c"),
    lower=(0.0, 0.0, 0.0),
    upper=(np.inf, np.inf, 5.0),
    exponent="c",
    function=lambda n, e_inf, beta, c: e_inf + beta * n**-c,
    source="Hestness et al. 2017; M2 in Alabdulmohsin et al., NeurIPS 2022",
)

LAWS = (POWER, IRREDUCIBLE)
