"""Does a plan keep its word? Replays of kept learning curves, bought batch by batch as `jaxmrl.plan` says.

    python -m benchmarks.plan_replays [--curves lcdb molecules] [--replays 100] [--part judge] [--jobs 1] [--json FILE]

A replay takes a kept curve, shows its first sizes, and draws a target: the error at the last of these, times a factor
between 0.5 and 0.97. Each batch goes up to the next size of the curve, and the limit is the curve's largest size.
The curve shows whether the target can be reached there; the plan does not know it.

Curves are those of LCDB (`lcdb_two_thirds.csv.gz` in the folder JAXMRL_DATA, see `benchmarks.tabular_curves`), and
those of `benchmarks/curves_database`, planned with a prior of the other data sets. Data sets are divided into a part
for choices (`--part choose`, the even ones in the order of their numbers or names) and a part for judging.

Policies: `plan` stops if the chance is below a threshold. `oracle` knows the curve: it buys what the target takes, and
nothing where it cannot be reached. `power law` fits one power law to the means, buys at once what that takes, and
repeats; it stops if the law asks for more than a multiple of the limit. That multiple is chosen so that it misses as
many targets as the plan. `power law in batches` buys one batch at a time instead.

A chance below 2% ends the replay of the plan, because no policy goes on then.

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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import joblib
import numpy as np

from benchmarks.curves_database.prior import fit_prior, points_of_runs, read_database
from benchmarks.tabular_curves import FILE, SPLITS
from jaxmrl.errors import DataError
from jaxmrl.runs.directory import software_versions
from jaxmrl.scaling.curve_kind import kind_of
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.points import Points, points_of_means
from jaxmrl.scaling.prior import Prior, prior_of
from jaxmrl.scaling.purchase import Terms, chance_to_come

HARDEST, EASIEST = 0.5, 0.97
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
MULTIPLES = np.geomspace(0.02, 1000, 400)
_LEAST = 0.02
_JUDGED_AT = Terms().least_chance


class Kept(Protocol):
    """A kept curve: sizes n [N] and errors [N], and what is known of the first sizes of it."""

    fewest_seen: int
    fewest_hidden: int
    prior: Prior | None

    @property
    def n(self) -> np.ndarray: ...

    @property
    def error(self) -> np.ndarray: ...

    def points(self, count: int) -> Points:
        """Return the points of the first `count` sizes."""
        ...


@dataclass(frozen=True)
class MeansCurve:
    """A curve of LCDB, [N, 3]: size, mean error and its standard error."""

    rows: np.ndarray
    fewest_seen = 5
    fewest_hidden = 3
    prior = None

    @property
    def n(self) -> np.ndarray:
        return self.rows[:, 0]

    @property
    def error(self) -> np.ndarray:
        return self.rows[:, 1]

    def points(self, count: int) -> Points:
        n, error, standard_error = self.rows[:count].T
        spread, splits = standard_error * SPLITS**0.5, np.full(count, SPLITS)
        return points_of_means(n, error, spread, splits, higher_is_better=False)


@dataclass(frozen=True)
class RunsCurve:
    """A curve of the database of molecular curves: its runs [R, N], and a prior of the other data sets."""

    metric: str
    whole: Points
    runs: np.ndarray
    prior: Prior | None
    fewest_seen = 3
    fewest_hidden = 2

    @property
    def n(self) -> np.ndarray:
        return self.whole.n

    @property
    def error(self) -> np.ndarray:
        return self.whole.error

    def points(self, count: int) -> Points:
        return points_of_runs(self.metric, self.n[:count], self.runs[:, :count])


@dataclass(frozen=True)
class Replay:
    """One replay to its end, whether or not a policy would have stopped before.

    Attributes:
        bought: [S] what each size costs beyond the first one shown, that one included; the last is the limit.
        reached: The index of the first size that reaches the target; None where none does.
        ahead: For each decision, the plan's chances to reach the target by each later size, as long as it is not
            reached and the last of them is at least _LEAST; NaN where it refuses.
        needed: [S - 1] by the power law, what the target takes beyond the start; infinite where it never does.
        source: Where the curve is from.
    """

    bought: np.ndarray
    reached: int | None
    ahead: tuple[np.ndarray, ...]
    needed: np.ndarray
    source: str = ""

    @property
    def chances(self) -> np.ndarray:
        """The chance to reach the target within the limit at each size [S - 1]; NaN where it is not known."""
        known = [chances[-1] for chances in self.ahead]
        return np.array([*known, *[np.nan] * (len(self.bought) - 1 - len(known))])


@dataclass(frozen=True)
class Outcome:
    """What a policy spent on a replay, and whether it got the target."""

    cost: float
    got: bool


def read_part(path: Path, part: str) -> list[MeansCurve]:
    """Return the curves of LCDB of a part of its data sets."""
    curves: dict[tuple[int, str], list] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            point = float(row["n"]), float(row["test_error"]), float(row["test_error_se"])
            curves[int(row["dataset"]), row["learner"]].append(point)
    chosen = of_part({dataset for dataset, _ in curves}, part)
    found = [MeansCurve(np.array(sorted(curve))) for (dataset, _), curve in sorted(curves.items()) if dataset in chosen]
    return [curve for curve in found if is_long(curve)]


def molecules_part(part: str) -> list[RunsCurve]:
    """Return the molecular curves of a part of the data sets, each with the prior of all data sets but its own."""
    found = []
    for metric, curves in read_database().items():
        quantile = prior_of(metric).quantile
        for data_set in sorted(of_part({curve.data_set for curve in curves}, part)):
            others = [curve for curve in curves if curve.data_set != data_set]
            prior = replace(fit_prior(metric, others), quantile=quantile)
            own = [curve for curve in curves if curve.data_set == data_set]
            found += [RunsCurve(metric, curve.points, curve.runs, prior) for curve in own]
    return [curve for curve in found if is_long(curve) and curve.runs.shape[1] == len(curve.n)]


def of_part(data_sets: set, part: str) -> set:
    """Return the data sets of a part: every other one."""
    ordered = sorted(data_sets)
    return set(ordered[::2] if part == "choose" else ordered[1::2])


def is_long(curve: Kept) -> bool:
    """Return whether a curve has enough sizes to show some and hide others."""
    return len(curve.n) >= curve.fewest_seen + curve.fewest_hidden


def replay(curve: Kept, seed: int, source: str = "") -> Replay | None:
    """Return one replay of a curve; None where a curve gives no target, because its error is 0."""
    rng = np.random.default_rng(seed)
    n, error = curve.n, curve.error
    seen = int(rng.integers(curve.fewest_seen, len(n) - curve.fewest_hidden + 1))
    target = error[seen - 1] * np.exp(rng.uniform(np.log(HARDEST), np.log(EASIEST)))
    if target <= 0:
        return None
    hidden = np.flatnonzero(error[seen:] <= target)
    reached = int(hidden[0]) + 1 if len(hidden) else None
    steps = len(n) - seen if reached is None else reached
    needed = [power_law_size(n[: seen + k], error[: seen + k], target) for k in range(steps)]
    needed += [np.nan] * (len(n) - seen - steps)
    start, ahead = n[seen - 1], []
    for k in range(steps):
        ahead.append(planned_chances(curve, seen + k, target))
        if ahead[-1][-1] < _LEAST:
            break
    return Replay((n[seen - 1 :] - start) / start, reached, tuple(ahead), (np.array(needed) - start) / start, source)


def planned_chances(curve: Kept, count: int, target: float) -> np.ndarray:
    """Return the chances of the plan by the first `count` sizes to reach a target by each later size; NaN where there
    is no plan.
    """
    later = curve.n[count:]
    try:
        points = curve.points(count)
    except DataError:
        return np.full(len(later), np.nan)
    known = kind_of(points)
    used = points.last(len(points.n) - known.skipped)
    if not known.has_forecast or not (fits := fit_all(used, intervals=False)):
        return np.full(len(later), np.nan)
    forecast = make_forecast(fits, kind=known.kind, prior=curve.prior)
    return chance_to_come(forecast, float(points.metric_of(np.array(target))))(later)


def power_law_size(n: np.ndarray, error: np.ndarray, target: float) -> float:
    """Return the size at which a power law through the means of a curve reaches a target; infinite if never."""
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
    parser.add_argument("--curves", nargs="+", choices=("lcdb", "molecules"), default=["lcdb", "molecules"])
    parser.add_argument("--replays", type=int, default=100, help="of each kind of curves")
    parser.add_argument("--part", choices=("choose", "judge"), default="judge")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=None, help="stop beginning replays after this time")
    parser.add_argument("--json", type=Path)
    flags = parser.parse_args()
    ends = time.monotonic() + (np.inf if flags.minutes is None else 60 * flags.minutes)
    run = lambda curve, seed, source: replay(curve, seed, source) if time.monotonic() < ends else None
    tasks = [joblib.delayed(run)(*one) for one in picked(flags)]
    replays = [one for one in joblib.Parallel(flags.jobs)(tasks) if one is not None]
    command = " ".join(["python -m benchmarks.plan_replays", *sys.argv[1:]])
    found = {"command": command, "software": software_versions(), "part": flags.part} | summary(replays)
    for source in flags.curves if len(flags.curves) > 1 else ():
        found[source] = summary([one for one in replays if one.source == source])
    print(json.dumps(found, indent=2))
    if flags.json:
        each = ",\n".join(json.dumps(kept(one)) for one in replays)
        flags.json.write_text(json.dumps(found, indent=1).removesuffix("\n}") + f',\n "each": [\n{each}\n]}}\n')


def picked(flags: argparse.Namespace) -> list[tuple[Kept, int, str]]:
    """Return the curves to replay, in random order, each with a seed and its source."""
    rng, found = np.random.default_rng(flags.seed), []
    for source in flags.curves:
        lcdb = source == "lcdb"
        curves = read_part(Path(os.environ["JAXMRL_DATA"]) / FILE, flags.part) if lcdb else molecules_part(flags.part)
        places = np.concatenate([rng.permutation(len(curves)) for _ in range(flags.replays // len(curves) + 1)])
        found += [(curves[k], int(rng.integers(2**31)), source) for k in places[: flags.replays]]
    return [found[k] for k in rng.permutation(len(found))]


def kept(one: Replay) -> dict[str, object]:
    """Return a replay in the form of JSON; what is not known is null."""
    plain = lambda values: [float(f"{value:.4g}") if np.isfinite(value) else None for value in values]
    return {
        "source": one.source,
        "bought": plain(one.bought),
        "reached": one.reached,
        "ahead": [plain(chances) for chances in one.ahead],
        "needed": plain(one.needed),
    }


if __name__ == "__main__":
    main()
