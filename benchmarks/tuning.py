"""What does `--tune` cost, and does it help?

    python -m benchmarks.tuning time --dataset esol --settings 64 [--rounds 3] [--commands 4] [--out FILE]
    python -m benchmarks.tuning quality --datasets esol freesolv bace --settings 64 --splits 5 [--out FILE]

`time` takes turns at three ways to choose from the same settings: successive halving as in a sweep, all settings to the
end in the same lanes, and one after the other, each alone on one device by a program that is compiled once. It counts
the compilations of the training program on each device. Data are prepared, and programs are compiled, outside the time;
the time of compilation is reported by itself. With `--commands K`, it also times whole commands, cold start and
compilation included: one sweep with `--tune`, and K sweeps with one of its settings each by --learning-rate,
--weight-decay, --dropout and --class-weight. The time of all settings is the mean of these K times their number.

`quality` sweeps each data set with and without `--tune`, on several random splits, each tuned by itself. The gain is by
how much the test metric of the tuned setting is better than that of the default, a mean over the seeds of a split. Its
interval (90%, Student) counts splits. An interval that includes 0 is a null result.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy.stats import t

from benchmarks.machine import facts, print_table, summary, timed, write
from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problems
from jaxmrl.reports.terminal import Reporter
from jaxmrl.rows import ResultRow
from jaxmrl.runs.tuning import chosen_rows, read_tuning
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.tuning import Trial, divisors, plan_studies, rank
from jaxmrl.training import programs
from jaxmrl.training.capacity import choose_lanes, use_cores
from jaxmrl.training.devices import train_on_devices
from jaxmrl.training.encoder import load_starts
from jaxmrl.training.engines import engine_for, engines_for
from jaxmrl.training.lanes import longest_first
from jaxmrl.training.metrics import METRICS

LEVEL = 0.9


def main() -> None:
    flags = _flags()
    use_cores()
    found = measure_time(flags) if flags.what == "time" else measure_quality(flags)
    write(flags.out, facts("tuning") | found)


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What --tune costs, and whether it helps.")
    parser.add_argument("what", choices=("time", "quality"))
    parser.add_argument("--datasets", "--dataset", nargs="+", default=["esol", "freesolv", "bace"])
    parser.add_argument("--model", default="gin")
    parser.add_argument("--settings", type=int, default=64)
    parser.add_argument("--width", type=int, default=None)
    parser.add_argument("--depth", type=int, default=None)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--min-steps", type=int, default=240)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--splits", type=int, default=5, help="random splits of quality, 2 or more for an interval")
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.3, 1.0], help="of quality; time has 1")
    parser.add_argument("--rounds", type=int, default=1, help="of time")
    parser.add_argument("--commands", type=int, default=0, help="of time: whole commands of one setting each")
    parser.add_argument("--out", type=Path, default=None, help="a JSON file")
    return parser.parse_args()


def _settings(flags: argparse.Namespace, dataset: str) -> dict[str, Any]:
    sizes = {"width": (flags.width,) * bool(flags.width), "depth": (flags.depth,) * bool(flags.depth)}
    known = {"dataset": dataset, "model": (flags.model,), "baselines": ("none",), "seeds": flags.seeds}
    return known | sizes | {"epochs": flags.epochs, "min_steps": flags.min_steps}


class Choosing:
    """The settings of one model on one data set, and three ways to choose from them."""

    def __init__(self, config: SweepConfig):
        reporter = Reporter(quiet=True)
        self.config, (self.problem, *_) = config, load_problems(config, reporter)
        (self.study,) = plan_studies(config, [self.problem], load_starts(config.init, []))
        trials = self._trials(1, range(len(self.study.candidates)))
        self.lanes = choose_lanes(
            config.lanes, self.study.spec, trials, self.problem, config.batch_size_of(self.study.spec.model)
        )

    def _trials(self, rung: int, candidates: Any) -> list:
        return [Trial(self.study, rung, candidate).replica for candidate in candidates]

    def _train(self, replicas: list, alone: bool = False) -> dict[str, Any]:
        """Outcomes by name; alone: on one device, in one lane."""
        if alone:
            engines = [engine_for(self.config, self.problem, self.study.spec, replicas, 1)]
        else:
            engines = engines_for(self.config, self.problem, self.study.spec, replicas, self.lanes)
        outcomes: dict[str, Any] = {}
        queue = longest_first(replicas, list(range(len(replicas))))
        keep = lambda engine, outcome: outcomes.update({outcome.name: outcome})
        train_on_devices(engines, queue, keep, lambda steps, is_timed: None)
        return outcomes

    def halving(self) -> None:
        """Successive halving, as `jaxmrl.sweep.tuning` does it."""
        candidates, rungs = list(range(len(self.study.candidates))), divisors(len(self.study.candidates))
        for rung, _ in enumerate(rungs, start=1):
            outcomes = self._train(self._trials(rung, candidates))
            trials = [Trial(self.study, rung, candidate) for candidate in candidates]
            rows = rank([trial.row(outcomes[trial.replica.name]) for trial in trials], is_last=rung == len(rungs))
            candidates = [row.candidate for row in rows if row.kept == "yes"]

    def all_to_the_end(self) -> None:
        """All settings in lanes, to the end."""
        self._train(self._trials(len(divisors(len(self.study.candidates))), range(len(self.study.candidates))))

    def one_by_one(self) -> None:
        """Each setting alone, to the end, on one device."""
        for replica in self._trials(len(divisors(len(self.study.candidates))), range(len(self.study.candidates))):
            self._train([replica], alone=True)


def measure_time(flags: argparse.Namespace) -> dict[str, Any]:
    """Seconds of the three ways, and compilations."""
    found = []
    for dataset in flags.datasets:
        config = SweepConfig(**_settings(flags, dataset), fractions=(1.0,), tune=flags.settings)
        choosing, before = Choosing(config), programs.train._cache_size()
        first = timed(choosing.halving)
        compiled = programs.train._cache_size() - before
        choosing._train(choosing._trials(1, [0]), alone=True)  # compiled outside the time, where lanes differ
        ways = {"halving": choosing.halving, "lanes": choosing.all_to_the_end, "one by one": choosing.one_by_one}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(flags.rounds):
            for name, way in ways.items():
                seconds[name].append(timed(way))
        ratio = {
            name: summary(one)["median"] / summary(seconds["one by one"])["median"] for name, one in seconds.items()
        }
        devices = jax.local_device_count()
        found.append(
            {"dataset": dataset, "lanes": choosing.lanes, "devices": devices, "settings": flags.settings}
            | {"compilations": compiled, "first_halving": first, "seconds": seconds, "ratio": ratio}
        )
        rows = [(name, f"{summary(one)['median']:.1f}", f"{ratio[name]:.3f}") for name, one in seconds.items()]
        title = f"{dataset}: {flags.settings} settings, {devices} devices, programs compiled to train: {compiled}"
        print_table(title, ("way", "seconds", "of one by one"), rows)
        if flags.commands:
            found[-1]["commands"] = measure_commands(flags, dataset, choosing.study.candidates[1 : flags.commands + 1])
    return {"time": found}


def measure_commands(flags: argparse.Namespace, dataset: str, candidates: tuple) -> dict[str, Any]:
    """Seconds of a sweep with --tune as a command, and of sweeps with one of these settings each."""
    size = [
        word for name in ("width", "depth") if (value := getattr(flags, name)) for word in (f"--{name}", str(value))
    ]
    length = ["--epochs", str(flags.epochs), "--min-steps", str(flags.min_steps)]
    words = ["--dataset", dataset, "--model", flags.model, *size, *length, "--baselines", "none"]
    words += ["--fractions", "1", "--seeds", "1"]
    with tempfile.TemporaryDirectory() as folder:
        compiled = {"JAX_COMPILATION_CACHE_DIR": f"{folder}/compiled"}

        def run(name: str, *more: str) -> float:
            command = [sys.executable, "-m", "jaxmrl.sweep", *words, *more, "--out", f"{folder}/{name}"]
            quiet = {"env": os.environ | compiled, "stdout": subprocess.DEVNULL, "check": True}
            return timed(lambda: subprocess.run(command, **quiet))

        tuned = run("tuned", "--tune", str(flags.settings))
        single = [run(f"single-{k}", *_flags_of(one)) for k, one in enumerate(candidates)]
    every = flags.settings * sum(single) / len(single)
    print(f"{dataset}: one command with --tune {tuned:.0f} s; {flags.settings} commands of one setting {every:.0f} s")
    return {"tuned": tuned, "single": single, "all_by_their_mean": every, "ratio": tuned / every}


def _flags_of(settings: Any) -> list[str]:
    weight = [] if settings.positive_weight == 1 else ["--class-weight", str(settings.positive_weight)]
    named = ["--learning-rate", str(settings.learning_rate), "--weight-decay", str(settings.weight_decay)]
    return [*named, "--dropout", str(settings.dropout), *weight]


def measure_quality(flags: argparse.Namespace) -> dict[str, Any]:
    """Gains of tuned settings over the default at each fraction."""
    found = []
    for dataset in flags.datasets:
        gains: dict[float, list[float]] = {}
        chosen: list[dict[str, float]] = []
        for split_seed in range(flags.splits):
            with tempfile.TemporaryDirectory() as folder:
                settings = _settings(flags, dataset) | {"fractions": tuple(flags.fractions), "split_seed": split_seed}
                default = run_sweep(SweepConfig(**settings, out=Path(folder) / "default"))
                tuned = run_sweep(SweepConfig(**settings, tune=flags.settings, out=Path(folder) / "tuned"))
                (one,) = chosen_rows(read_tuning(tuned.directory)).values()
            chosen.append(vars(one.settings) | {"candidate": one.candidate})
            for fraction, gain in gains_of(default.rows, tuned.rows).items():
                gains.setdefault(fraction, []).append(gain)
        rows = [{"fraction": fraction, "gains": some} | interval(some) for fraction, some in sorted(gains.items())]
        found.append({"dataset": dataset, "metric": default.rows[0].metric, "chosen": chosen, "rows": rows})
        cells = [
            (f"{row['fraction']:g}", f"{row['mean']:+.4f}", f"{row['low']:+.4f} to {row['high']:+.4f}") for row in rows
        ]
        title = (
            f"{dataset}: gain in test {default.rows[0].metric} by tuning, {flags.splits} splits, {flags.seeds} seeds"
        )
        print_table(title, ("fraction", "mean", "90% interval"), cells)
    return {"quality": found, "settings": flags.settings, "seeds": flags.seeds}


def gains_of(default: list[ResultRow], tuned: list[ResultRow]) -> dict[float, float]:
    """By how much the tuned setting is better at each fraction, a mean over the seeds that both have."""
    sign = 1 if METRICS[default[0].metric.split(" ")[0]].higher_is_better else -1
    usual = {(row.fraction, row.seed): row.test for row in default if row.test is not None}
    pairs = [(row, usual[row.fraction, row.seed]) for row in tuned if row.test is not None]
    pairs = [(row, other) for row, other in pairs if (row.fraction, row.seed) in usual]
    fractions = sorted({row.fraction for row, _ in pairs})
    return {
        one: float(np.mean([sign * (row.test - other) for row, other in pairs if row.fraction == one]))
        for one in fractions
    }


def interval(values: list[float]) -> dict[str, float]:
    """Mean and Student's interval; NaN for one value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "low": math.nan, "high": math.nan}
    reach = float(t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


if __name__ == "__main__":
    main()
