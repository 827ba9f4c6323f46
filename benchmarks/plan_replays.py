"""Does a plan keep its word? Replays of kept learning curves, bought batch by batch as `jaxmrl.plan` says.

    python -m benchmarks.plan_replays [--replays 100] [--part judge] [--jobs 1] [--json FILE]

A replay takes a curve of LCDB (`lcdb_two_thirds.csv.gz` in the folder JAXMRL_DATA, see `benchmarks.tabular_curves`),
shows its first sizes, and draws a target: the error at the last of these, times a factor between 0.5 and 0.97. Each
batch goes up to the next size of the curve, and the limit is the curve's largest size. Whether the target can be
reached there is known from the curve, and not to the plan. Data sets are divided into a part for choices
(`--part choose`, the even ones in the order of their numbers) and a part for judging; no choice was made on the latter.

Policies: `plan` stops if the chance is below a threshold. `oracle` knows the curve: it buys what the target takes, and
nothing where it cannot be reached. `power law` fits one power law to the means, buys at once what that takes, and
repeats; it stops if the law asks for more than a multiple of the limit. That multiple is chosen so that it misses as
many targets as the plan. `power law in batches` buys one batch at a time instead.

Costs are molecules bought, divided by those at the start of the replay.
"""

import argparse
import csv
import gzip
import json
import os
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np

from benchmarks.tabular_curves import FILE, SPLITS
from jaxmrl.errors import DataError
from jaxmrl.runs.directory import software_versions
from jaxmrl.scaling.curve_kind import Kind, kind_of
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.points import points_of_means
from jaxmrl.scaling.purchase import Terms, reach_target

FEWEST_SEEN, FEWEST_HIDDEN = 5, 3
HARDEST, EASIEST = 0.5, 0.97
THRESHOLDS = (0.05, 0.1, 0.2, 0.3)
MULTIPLES = np.geomspace(0.02, 1000, 400)
_JUDGED_AT = Terms().least_chance


@dataclass(frozen=True)
class Replay:
    """One replay to its end, whether or not a policy would have stopped before.

    Attributes:
        bought: [S] what each size costs beyond the first one shown, that one included; the last is the limit.
        reached: The index of the first size that reaches the target; None where none does.
        chances: [S - 1] what the plan gives at each size as the chance to reach the target within the limit, as long as
            it is not reached; NaN where it refuses.
        needed: [S - 1] by the power law, what the target takes beyond the start; infinite where it never does.
    """

    bought: np.ndarray
    reached: int | None
    chances: np.ndarray
    needed: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What a policy spent on a replay, and whether it got the target."""

    cost: float
    got: bool


def read_part(path: Path, part: str) -> list[np.ndarray]:
    """Return the curves of a part of the data sets, [N, 3] each: size, mean error and its standard error."""
    curves: dict[tuple[int, str], list] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            point = float(row["n"]), float(row["test_error"]), float(row["test_error_se"])
            curves[int(row["dataset"]), row["learner"]].append(point)
    sets = sorted({dataset for dataset, _ in curves})
    chosen = set(sets[::2] if part == "choose" else sets[1::2])
    found = [np.array(sorted(curve)) for (dataset, _), curve in sorted(curves.items()) if dataset in chosen]
    return [curve for curve in found if len(curve) >= FEWEST_SEEN + FEWEST_HIDDEN]


def replay(curve: np.ndarray, seed: int) -> Replay | None:
    """Return one replay of a curve [N, 3]; None where a curve gives no target, because its error is 0."""
    rng = np.random.default_rng(seed)
    seen = int(rng.integers(FEWEST_SEEN, len(curve) - FEWEST_HIDDEN + 1))
    n, error, _ = curve.T
    target = error[seen - 1] * np.exp(rng.uniform(np.log(HARDEST), np.log(EASIEST)))
    if target <= 0:
        return None
    hidden = np.flatnonzero(error[seen:] <= target)
    reached = int(hidden[0]) + 1 if len(hidden) else None
    steps = len(curve) - seen if reached is None else reached
    chances = [planned_chance(curve[: seen + k], target, n[-1]) for k in range(steps)]
    needed = [power_law_size(curve[: seen + k], target) for k in range(steps)]
    unknown = np.full(len(curve) - seen - steps, np.nan)
    start = n[seen - 1]
    return Replay(
        (n[seen - 1 :] - start) / start,
        reached,
        np.append(chances, unknown),
        np.append((np.array(needed) - start) / start, unknown),
    )


def planned_chance(curve: np.ndarray, target: float, limit: float) -> float:
    """Return the chance to reach a target within a limit by the plan of a curve [K, 3]; NaN where there is no plan."""
    n, error, standard_error = curve.T
    spread, splits = standard_error * SPLITS**0.5, np.full(len(n), SPLITS)
    try:
        points = points_of_means(n, error, spread, splits, higher_is_better=False)
    except DataError:
        return float("nan")
    known = kind_of(points)
    used = points.last(len(points.n) - known.skipped)
    if not known.has_forecast or not (fits := fit_all(used, intervals=False)):
        return float("nan")
    forecast = make_forecast(fits, leveled=known.kind == Kind.LEVEL)
    return reach_target(forecast, target, Terms(budget=limit - n[-1])).chance


def power_law_size(curve: np.ndarray, target: float) -> float:
    """Return the size at which a power law through the means of a curve [K, 3] reaches a target; infinite if never."""
    n, error, _ = curve.T
    if not (error > 0).all():
        return float("inf")
    slope, level = np.polyfit(np.log(n), np.log(error), 1)
    return float(np.exp(min((np.log(target) - level) / slope, 300.0))) if slope < 0 else float("inf")


def follow_plan(one: Replay, threshold: float) -> Outcome:
    """Buy batch by batch as long as the chance is at least `threshold`; a refusal stops, too."""
    for k in range(len(one.bought)):
        if one.reached == k:
            return Outcome(float(one.bought[k]), True)
        if k == len(one.chances) or not one.chances[k] >= threshold:
            return Outcome(float(one.bought[k]), False)
    raise AssertionError("the last size ends the replay")


def follow_power_law(one: Replay, multiple: float, *, at_once: bool) -> Outcome:
    """Buy what the law needs, at once or a batch at a time; stop if that is more than so many times the limit."""
    k, last = 0, len(one.bought) - 1
    while True:
        if one.reached is not None and k >= one.reached:
            return Outcome(float(one.bought[k]), True)
        if k == last or not one.needed[k] <= multiple * one.bought[-1]:
            return Outcome(float(one.bought[k]), False)
        enough = int(np.searchsorted(one.bought, one.needed[k])) if at_once else k + 1
        k = min(max(k + 1, enough), last)


def oracle(one: Replay) -> Outcome:
    """Buy what the target takes, and nothing where it cannot be reached."""
    return Outcome(0.0, False) if one.reached is None else Outcome(float(one.bought[one.reached]), True)


def summary(replays: list[Replay], threshold: float = _JUDGED_AT) -> dict[str, object]:
    """Return how well the chances hold, and what the policies cost and miss."""
    best = float(np.mean([oracle(one).cost for one in replays]))
    followed = [follow_plan(one, threshold) for one in replays]
    misses = _missed(replays, followed)
    return {
        "replays": len(replays),
        "reachable": float(np.mean([one.reached is not None for one in replays])),
        "refused_at_start": float(np.mean(np.isnan([one.chances[0] for one in replays]))),
        "at_start": _kept_word([(one.chances[0], one.reached is not None) for one in replays]),
        "at_every_decision": _kept_word([(c, one.reached is not None) for one in replays for c in one.chances]),
        "oracle_cost": best,
        "plan": {"missed": misses, "cost_of_oracle": _mean_cost(followed) / best, "begun": _begun(replays, threshold)},
        "by_threshold": {
            f"{one:g}": _scores(replays, [follow_plan(each, one) for each in replays], best) for one in THRESHOLDS
        },
        "power_law": _at_equal_misses(replays, misses, best, at_once=True),
        "power_law_in_batches": _at_equal_misses(replays, misses, best, at_once=False),
    }


def _kept_word(stated: list[tuple[float, bool]]) -> dict[str, object]:
    """Return the stated and the realized miss rate, all in all and by tenths of the stated chance."""
    known = [(chance, came) for chance, came in stated if np.isfinite(chance)]
    chance, came = np.array([one for one, _ in known]), np.array([one for _, one in known], float)
    tenth = np.minimum((chance * 10).astype(int), 9)
    groups = {
        f"{k / 10:g}": [int((tenth == k).sum()), float(chance[tenth == k].mean()), float(came[tenth == k].mean())]
        for k in np.unique(tenth).tolist()
    }
    error = float(came.std(ddof=1) / len(came) ** 0.5)
    return {
        "decisions": len(known),
        "stated_miss": float(1 - chance.mean()),
        "realized_miss": float(1 - came.mean()),
        "standard_error": error,
        "tenths [count, stated chance, realized]": groups,
    }


def _begun(replays: list[Replay], threshold: float) -> dict[str, float]:
    """Return the miss rate stated at the start and the realized one, where the plan begins to buy."""
    begun = [one for one in replays if one.chances[0] >= threshold]
    got = [follow_plan(one, threshold).got for one in begun]
    stated = 1 - float(np.mean([one.chances[0] for one in begun]))
    return {"replays": len(begun), "stated_miss": stated, "realized_miss": 1 - float(np.mean(got))}


def _missed(replays: list[Replay], outcomes: list[Outcome]) -> float:
    """Return the share of targets that can be reached which a policy gave up."""
    return float(np.mean([not o.got for one, o in zip(replays, outcomes, strict=True) if one.reached is not None]))


def _mean_cost(outcomes: list[Outcome]) -> float:
    return float(np.mean([one.cost for one in outcomes]))


def _scores(replays: list[Replay], outcomes: list[Outcome], best: float) -> dict[str, float]:
    return {"missed": _missed(replays, outcomes), "cost_of_oracle": _mean_cost(outcomes) / best}


def _at_equal_misses(replays: list[Replay], misses: float, best: float, *, at_once: bool) -> dict[str, float]:
    """Return the cheapest multiple at which the power law misses no more targets than the plan."""
    found = []
    for multiple in MULTIPLES:
        outcomes = [follow_power_law(one, multiple, at_once=at_once) for one in replays]
        found.append(_scores(replays, outcomes, best) | {"multiple": float(multiple)})
    enough = [one for one in found if one["missed"] <= misses] or [min(found, key=lambda one: one["missed"])]
    return min(enough, key=lambda one: one["cost_of_oracle"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--replays", type=int, default=100)
    parser.add_argument("--part", choices=("choose", "judge"), default="judge")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=None, help="stop beginning replays after this time")
    parser.add_argument("--json", type=Path)
    flags = parser.parse_args()
    curves = read_part(Path(os.environ["JAXMRL_DATA"]) / FILE, flags.part)
    rng = np.random.default_rng(flags.seed)
    picked = rng.choice(len(curves), min(flags.replays, len(curves)), replace=False)
    seeds = rng.integers(2**31, size=len(picked))
    ends = time.monotonic() + (np.inf if flags.minutes is None else 60 * flags.minutes)
    run = lambda k, seed: replay(curves[k], seed) if time.monotonic() < ends else None
    tasks = (joblib.delayed(run)(int(k), int(seed)) for k, seed in zip(picked, seeds, strict=True))
    replays = [one for one in joblib.Parallel(flags.jobs)(tasks) if one is not None]
    command = " ".join(["python -m benchmarks.plan_replays", *sys.argv[1:]])
    found = {"command": command, "software": software_versions(), "part": flags.part} | summary(replays)
    print(json.dumps(found, indent=2))
    if flags.json:
        flags.json.write_text(json.dumps(found | {"each": [kept(one) for one in replays]}, indent=1) + "\n")


def kept(one: Replay) -> dict[str, object]:
    """Return a replay in the form of JSON; what is not known is null."""
    plain = lambda values: [float(f"{value:.4g}") if np.isfinite(value) else None for value in values]
    return {
        "bought": plain(one.bought),
        "reached": one.reached,
        "chances": plain(one.chances),
        "needed": plain(one.needed),
    }


if __name__ == "__main__":
    main()
