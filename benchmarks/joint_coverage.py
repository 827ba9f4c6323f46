"""Do the intervals of joint laws contain the exponents that data were drawn from?

    python -m benchmarks.joint_coverage [--simulations 60] [--out FILE]

Grids of data and model sizes are drawn from a law with known exponents and fitted as a sweep's are. Noise is either
independent between runs or partly shared, as it is in a sweep: a quarter of the variance of a run is of its seed at one
data size (its training molecules), 9 % of its seed at one model size (its first weights), and 16 % of its seed.
"""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

import joblib
import numpy as np

from benchmarks.machine import facts, print_table, write
from jaxmrl.scaling.joint import analyze_joint
from jaxmrl.scaling.joint_cells import GridRuns
from jaxmrl.scaling.joint_laws import EXPONENTS

DATA = (100, 250, 600, 1500, 4000)
MODELS = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SHARED = (0.16, 0.25, 0.09)
"""Shares of the variance of a run: of its seed, of its seed at one data size, of its seed at one model size."""


@dataclass(frozen=True)
class Scenario:
    """A grid, the law that it is drawn from, and the noise of its runs.

    Attributes:
        name: What is particular about it.
        floor: The error with unlimited molecules and parameters.
        a, b: The exponents of molecules and of parameters.
        sizes: How many data sizes and model sizes there are.
        seeds: How many runs each cell has.
        sd: The standard deviation of one run's log error.
        shared: Whether runs of one seed share noise.
        labeled: Whether the runs name their seed.
    """

    name: str
    floor: float = 0.2
    a: float = 0.35
    b: float = 0.3
    sizes: tuple[int, int] = (5, 5)
    seeds: int = 3
    sd: float = 0.04
    shared: bool = True
    labeled: bool = True


SCENARIOS = (
    Scenario("floor, independent noise", shared=False),
    Scenario("floor, shared noise"),
    Scenario("no floor, independent noise", floor=0.0, shared=False),
    Scenario("no floor, shared noise", floor=0.0),
    Scenario("4 x 3 sizes, shared noise", sizes=(4, 3)),
    Scenario("5 seeds, shared noise", seeds=5),
    Scenario("one run, independent noise", seeds=1, shared=False, labeled=False),
)


@dataclass(frozen=True)
class Outcome:
    """What one drawn grid gave: of each exponent, whether it is identifiable, whether its interval contains the true
    one, and high / low end.
    """

    identifiable: tuple[bool, ...]
    contains: tuple[bool, ...]
    width: tuple[float, ...]


def true_error(scenario: Scenario, n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return the error of models of p parameters with n molecules."""
    return scenario.floor + 4.0 * n**-scenario.a + 8.0 * p**-scenario.b


def drawn(scenario: Scenario, seed: int) -> GridRuns:
    """Return the runs of a grid, drawn with noise."""
    rng = np.random.default_rng([seed, SCENARIOS.index(scenario) if scenario in SCENARIOS else len(SCENARIOS)])
    data, models = np.array(DATA[: scenario.sizes[0]], float), np.array(MODELS[: scenario.sizes[1]], float)
    n, p = (one.ravel() for one in np.meshgrid(data, models, indexing="ij"))
    shape, shares = (scenario.seeds, len(data), len(models)), SHARED if scenario.shared else (0.0, 0.0, 0.0)
    shapes = ((shape[0], 1, 1), (shape[0], shape[1], 1), (shape[0], 1, shape[2]), shape)
    parts = zip((*shares, 1 - sum(shares)), shapes, strict=True)
    noise = scenario.sd * sum(np.sqrt(share) * rng.normal(size=one) for share, one in parts)
    error = true_error(scenario, n, p) * np.exp(noise.reshape(scenario.seeds, -1))
    run = np.repeat([f"seed {k}" for k in range(scenario.seeds)], len(n))
    tile = lambda values: np.tile(values, scenario.seeds)
    return GridRuns(tile(n), tile(p), error.ravel(), run=run if scenario.labeled else None)


def trial(scenario: Scenario, seed: int) -> Outcome:
    """Fit joint laws to one drawn grid, and compare their intervals with the truth."""
    forecast = analyze_joint(drawn(scenario, seed), higher_is_better=False).forecast
    if forecast is None:
        raise RuntimeError(f"no joint law for {scenario.name}, simulation {seed}")
    found = [forecast.exponent(name) for name in EXPONENTS]
    inside = lambda one, true: (one.low is None or one.low <= true) and (one.high is None or true <= one.high)
    return Outcome(
        tuple(one.low is not None and one.high is not None for one in found),
        tuple(inside(one, true) for one, true in zip(found, (scenario.a, scenario.b), strict=True)),
        tuple(np.inf if one.low is None or one.high is None else one.high / one.low for one in found),
    )


def summary(scenario: Scenario, simulations: int, jobs: int = -1) -> dict:
    """Return how often the intervals contain the truth, over grids drawn from one scenario."""
    run = joblib.Parallel(n_jobs=jobs)
    outcomes = run(joblib.delayed(trial)(scenario, seed) for seed in range(simulations))
    of = lambda field, reduce: [float(reduce([getattr(one, field)[k] for one in outcomes])) for k in range(2)]
    return {
        "scenario": asdict(scenario),
        "simulations": simulations,
        "coverage": dict(zip(EXPONENTS, of("contains", np.mean), strict=True)),
        "identifiable": dict(zip(EXPONENTS, of("identifiable", np.mean), strict=True)),
        "median_high_over_low": dict(zip(EXPONENTS, of("width", np.median), strict=True)),
    }


def cells(found: dict) -> tuple[str, ...]:
    """Return a row of the printed table."""
    shares = [found[key][name] for key in ("coverage", "identifiable") for name in EXPONENTS]
    widths = [f"{found['median_high_over_low'][name]:.2f}" for name in EXPONENTS]
    return found["scenario"]["name"], *(f"{one:.1%}" for one in shares), *widths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--simulations", type=int, default=60)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    found = [summary(scenario, flags.simulations) for scenario in SCENARIOS]
    heads = (
        "scenario",
        "covers a",
        "covers b",
        "a known",
        "b known",
        "a high/low",
        "b high/low",
    )
    print_table("90 % intervals of joint laws", heads, [cells(one) for one in found])
    write(flags.out, facts("joint_coverage") | {"data": DATA, "models": MODELS, "scenarios": found})


if __name__ == "__main__":
    main()
