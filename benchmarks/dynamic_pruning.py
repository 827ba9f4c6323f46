"""Is a dynamic pruning better than random subsets, fixed or fresh, at equal optimizer steps?

    python -m benchmarks.dynamic_pruning --dataset tox21 [--fractions 0.1 0.4] [--seeds 5] [--epochs 100] [--out FILE]

One sweep trains `--model` on the fractions of the training molecules, with a fixed random subset (hard random), with a
fresh one in each epoch (soft random), with InfoBatch and with MolPeg. At a fraction, all make the same steps. Each
method is compared with hard and with soft random, and with training on all molecules, by the differences of runs of the
same seed, which has the same split and initial weights. Intervals are Student's at 90%; p-values are corrected for all
comparisons with the same reference by Holm's method. With `--steps` instead of `--epochs`, all fractions make equal
steps, that of all molecules included.

No method saves labels but hard random. `compute` is the share of the steps on all molecules that is saved, and `passes`
says how many times a run has seen as many molecules as there are in training. `--folder` keeps the run directory, and
the same command resumes it. `--init FOLDER` starts from a pre-trained encoder, as MolPeg does in its paper.
"""

import argparse
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.machine import facts, print_table, write
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import DYNAMIC_PRUNINGS, RANDOM, SCRATCH, SOFT_RANDOM
from jaxmrl.reports.pruning_table import ALPHA, saved_by
from jaxmrl.runs.curves import MeasuredCurve, Point, paired_points
from jaxmrl.scaling.differences import holm
from jaxmrl.sweep import run_sweep
from jaxmrl.training.capacity import use_cores

ALL = "all molecules"
"""The reference that is not pruned."""


@dataclass(frozen=True)
class Measured:
    """A method at a fraction: mean and standard deviation of the test metric, and what it saves."""

    pruning: str
    fraction: float
    molecules: int
    steps: float
    mean: float
    sd: float
    labels_saved: float
    compute_saved: float
    passes: float


@dataclass(frozen=True)
class Versus:
    """The test metric of a method minus that of a reference, by pairs of runs; None where it is not known."""

    pruning: str
    fraction: float
    reference: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    pairs: int
    p_holm: float | None = None


def measured(curves: dict[str, MeasuredCurve], fractions: list[float]) -> list[Measured]:
    """Return every method at every fraction, with all molecules last."""
    found = []
    for pruning, curve in curves.items():
        for point in curve.points:
            if point.fraction in fractions:
                saved = saved_by(pruning, point, curves[RANDOM])
                size = point.n_train, point.steps, point.mean, point.sd
                found.append(Measured(pruning, point.fraction, *size, saved.labels, saved.compute, saved.passes))
    whole = _at(curves[RANDOM], 1.0)
    return [*found, Measured(ALL, 1.0, whole.n_train, whole.steps, whole.mean, whole.sd, 0.0, 0.0, whole.epochs)]


def compared(curves: dict[str, MeasuredCurve], fractions: list[float]) -> list[Versus]:
    """Return the differences of all methods from the references, each reference with its own correction."""
    found = []
    for reference in (RANDOM, SOFT_RANDOM, ALL):
        own = []
        for pruning, curve in curves.items():
            if pruning in (reference, RANDOM) and reference != ALL:
                continue
            for fraction in fractions:
                beside = _at(curves[RANDOM], 1.0) if reference == ALL else _at(curves[reference], fraction)
                pairs = paired_points(_at(curve, fraction), beside, curve.overlap)
                assert pairs is not None, "all methods have the same seeds and splits"
                differs = pairs.value, pairs.low, pairs.high, pairs.p, pairs.pairs
                own.append(Versus(pruning, fraction, reference, *differs))
        adjusted = holm(np.array([np.nan if one.p is None else one.p for one in own]))
        found += [replace(one, p_holm=None if np.isnan(p) else float(p)) for one, p in zip(own, adjusted, strict=True)]
    return found


def _at(curve: MeasuredCurve, fraction: float) -> Point:
    """Return the point of a curve at a fraction."""
    return next(point for point in curve.points if point.fraction == fraction)


def show(metric: str, points: list[Measured], versus: list[Versus]) -> None:
    """Print the measured values, and the differences from each reference."""
    form = lambda share: "none" if share == 0 else "" if np.isnan(share) else f"{share:.0%}"
    rows = [
        (
            *(one.pruning, f"{one.fraction:g}", f"{one.molecules:,}", f"{one.steps:,.0f}"),
            *(f"{one.mean:.4f} ± {one.sd:.4f}", form(one.labels_saved), form(one.compute_saved), f"{one.passes:.1f}"),
        )
        for one in points
    ]
    heads = ("pruning", "fraction", "molecules", "steps", metric, "labels", "compute", "passes")
    print_table("test metric; shares of labels and of compute that are saved", heads, rows)
    for reference in dict.fromkeys(one.reference for one in versus):
        rows = [
            (one.pruning, f"{one.fraction:g}", f"{one.difference:+.4f}", _interval(one), _stars(one))
            for one in versus
            if one.reference == reference
        ]
        print_table(f"minus {reference}, in pairs", ("pruning", "fraction", metric, "90% interval", ""), rows)


def _interval(one: Versus) -> str:
    return "" if one.low is None or one.high is None else f"[{one.low:+.4f}, {one.high:+.4f}]"


def _stars(one: Versus) -> str:
    """Return one star for an interval that excludes 0, two for one that does so after correction."""
    if one.low is None or one.high is None or one.low <= 0 <= one.high:
        return ""
    return "**" if one.p_holm is not None and one.p_holm <= ALPHA else "*"


def settings(flags: argparse.Namespace, out: Path) -> SweepConfig:
    """Return the settings of the sweep."""
    return SweepConfig(
        dataset=flags.dataset,
        model=(flags.model,),
        width=() if flags.width is None else (flags.width,),
        depth=() if flags.depth is None else (flags.depth,),
        baselines=(),
        init=(flags.init,),
        fractions=(*sorted(flags.fractions), 1.0),
        seeds=flags.seeds,
        split_seeds=flags.split_seeds,
        pruning=(RANDOM, *DYNAMIC_PRUNINGS),
        epochs=None if flags.steps else flags.epochs,
        steps=flags.steps,
        batch_size=flags.batch_size,
        out=out,
    )


def parse() -> argparse.Namespace:
    """Return the flags of the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="tox21")
    parser.add_argument("--model", default="gin")
    parser.add_argument("--width", type=int)
    parser.add_argument("--depth", type=int)
    parser.add_argument("--init", default=SCRATCH, help="a folder that the pretrain command has written")
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.1, 0.4])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--split-seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--folder", type=Path, help="the run directory; it is resumed where it exists")
    parser.add_argument("--out", type=Path, help="a JSON file")
    return parser.parse_args()


def main() -> None:
    flags = parse()
    use_cores()
    with tempfile.TemporaryDirectory() as folder:
        result = run_sweep(settings(flags, flags.folder or Path(folder) / "run"), quiet=False)
    curves = {curve.identity.pruning: curve for curve in result.curves}
    fractions = sorted(flags.fractions)
    points, versus = measured(curves, fractions), compared(curves, fractions)
    metric = result.curves[0].metric
    show(metric, points, versus)
    content = {
        "metric": metric,
        "measured": [asdict(one) for one in points],
        "compared": [asdict(one) for one in versus],
    }
    write(flags.out, facts("dynamic_pruning") | content)


if __name__ == "__main__":
    main()
