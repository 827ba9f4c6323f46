"""Do intervals from a few splits contain the mean of other splits, and how often do paired tests find a difference that
is not there?

    python -m benchmarks.split_intervals [--dataset esol bace] [--splits 60] [--models svm knn] [--out FILE]

One sweep of classical models on each data set: two seeds on each of `--splits` random splits, so that the splits are a
population to draw from. Each draw takes `--few` of them as the splits of a curve and `--others` as its judges.

- Present value: does the 90% interval at the largest size contain the mean of the other splits?
- Forecast: does the 90% interval of the curve without its largest size contain that mean? (1 / 0.7 times the data.)
- Null by subsets: the same model on the same splits with the subsets of another seed, which differ by nothing.
- Null by models: two models, whose mean difference over all splits is subtracted.
- Null by data sets (`--data-sets N`): two models on `--few` splits of each of N random samples of `--molecules`
  molecules, whose mean difference over all samples is subtracted. This is the question that the correction is for: is
  one model better on data of this kind, and not only on the splits of these molecules?

The paired tests are those of the report (`scaling.paired`), at a nominal 10%; `uncorrected` leaves out the correction
for training sets that overlap.
"""

import argparse
import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from benchmarks.machine import facts, write
from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.config import SweepConfig
from jaxmrl.data import splits
from jaxmrl.data.loading import load_problem
from jaxmrl.errors import DataError
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.reports.terminal import Reporter
from jaxmrl.rows import ResultRow
from jaxmrl.scaling.analysis import analyze
from jaxmrl.scaling.current import current_of
from jaxmrl.scaling.paired import paired_mean
from jaxmrl.scaling.points import points_of
from jaxmrl.sweep import run_sweep
from jaxmrl.training.metrics import METRICS

OVERLAP = 0.1 / 0.8
FRACTIONS = (0.1, 0.2, 0.4, 0.7, 1.0)


@dataclass(frozen=True)
class Table:
    """The test metrics of one model, [S, 2, N]: splits, seeds of each, sizes n [N]."""

    values: np.ndarray
    n: np.ndarray
    higher_is_better: bool


def tables_of(rows: list[ResultRow], splits: int, higher_is_better: bool) -> dict[str, Table]:
    """Return the metrics of each model."""
    sizes = np.array(sorted({row.n_train for row in rows}))
    place = {n: k for k, n in enumerate(sizes.tolist())}
    found = {row.curve.model: Table(np.full((splits, 2, len(sizes)), np.nan), sizes, higher_is_better) for row in rows}
    for row in rows:
        found[row.curve.model].values[row.seed % splits, row.seed // splits, place[row.n_train]] = row.test
    return found


def points_of_splits(table: Table, few: np.ndarray, seeds: int, sizes: slice = slice(None)) -> Any:
    """Return arguments of `points_of` for a curve on these splits, with one or two seeds on each."""
    values = table.values[few, :seeds, sizes]
    split, seed, n = np.meshgrid(few, np.arange(seeds), table.n[sizes], indexing="ij")
    run = np.array([f"seed {a} {b}" for a, b in zip(split.ravel(), seed.ravel(), strict=True)])
    settings = {"higher_is_better": table.higher_is_better, "run": run, "split": split.ravel(), "overlap": OVERLAP}
    return (n.ravel().astype(float), values.ravel()), settings


def covered(
    table: Table, few: np.ndarray, others: np.ndarray, seeds: int, *, forecasts: bool
) -> dict[str, bool | None]:
    """Return whether the present value's interval and, if asked for, the forecast's contain the others' mean."""
    truth = float(table.values[others, :, -1].mean())
    arguments, settings = points_of_splits(table, few, seeds)
    try:
        now = current_of(points_of(*arguments, **settings))
    except DataError:
        return {"present": None, "forecast": None}
    present = None if now.low is None or now.high is None else bool(now.low <= truth <= now.high)
    if not forecasts:
        return {"present": present}
    arguments, settings = points_of_splits(table, few, seeds, slice(-1))
    analysis, forecast = analyze(points_of, *arguments, **settings), None
    if analysis.forecast is not None:
        (later,) = analysis.predict(table.n[-1:])
        forecast = None if later["low"] is None else bool(later["low"] <= truth <= later["high"])
    return {"present": present, "forecast": forecast}


def null_by_data_sets(dataset: str, flags: argparse.Namespace) -> dict[str, float]:
    """Return the shares of paired tests that err over samples of a data set of one task."""
    config = SweepConfig(dataset=dataset, modality=("ecfp",), model=tuple(flags.models[:2]), baselines=())
    problem = load_problem(config, Reporter(quiet=True))
    rng = np.random.default_rng(1)
    samples = [rng.choice(len(problem.table), flags.molecules, replace=False) for _ in range(flags.data_sets)]
    work = Parallel(-1)(
        delayed(difference_of_models)(problem.features["ecfp"], problem.table.labels, sample, seed, flags.models)
        for sample in samples
        for seed in range(flags.few)
    )
    differences = np.reshape(work, (flags.data_sets, flags.few, 1))
    differences = differences - differences.mean()
    return {
        f"null by data sets errs{said}": round(float(np.mean([errs(one, overlap) for one in differences])), 3)
        for said, overlap in (("", OVERLAP), (", uncorrected", 0.0))
    }


def difference_of_models(
    features: Descriptors, labels: np.ndarray, sample: np.ndarray, seed: int, models: list[str]
) -> float:
    """Return the difference of two models' test RMSE or ROC-AUC on one split of a sample of molecules."""
    split = splits.random_split(np.arange(len(sample)), len(sample), seed)
    train, valid, test = (sample[part] for part in split.parts().values())
    classes = set(np.unique(labels[~np.isnan(labels)])) == {0.0, 1.0}
    scores = []
    for model in models[:2]:
        predicted = fit_and_predict(Assignment(model, classes, train, valid, test, seed), features, labels)[:, 0]
        truth = labels[test, 0]
        scores.append(roc_auc_score(truth, predicted) if classes else np.sqrt(np.mean((truth - predicted) ** 2)))
    return float(scores[0] - scores[1])


def errs(differences: np.ndarray, overlap: float) -> bool:
    """Return whether a paired test of differences [S, seeds] whose true mean is 0 finds one."""
    split = np.repeat(np.arange(len(differences)), differences.shape[1])
    found = paired_mean(differences.ravel(), split, overlap)
    return found.p is not None and found.p < 0.1


def nulls(tables: dict[str, Table], few: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Return differences [S, seeds] without a true mean, of each kind of null comparison."""
    subsets = [
        table.values[few, :1, k] - table.values[few, 1:, k]
        for table in tables.values()
        for k in range(len(table.n) - 1)
    ]
    models = []
    for one, other in itertools.combinations(tables.values(), 2):
        apart = one.values - other.values
        models += [(apart - apart.mean(axis=(0, 1)))[few, :, k] for k in range(len(one.n))]
    return {"subsets": subsets, "models": models}


def judge(tables: dict[str, Table], flags: argparse.Namespace) -> dict[str, float]:
    """Return the shares of draws that are covered, and of paired tests that err."""
    rng, found = np.random.default_rng(0), {}
    for draw in range(flags.draws):
        order = rng.permutation(flags.splits)
        few, others = order[: flags.few], order[flags.few : flags.few + flags.others]
        for name, table in tables.items():
            for seeds in (1, 2):
                forecasts = draw < flags.forecasts and seeds == 1
                for kind, inside in covered(table, few, others, seeds, forecasts=forecasts).items():
                    if inside is not None:
                        found.setdefault(f"{name}: {kind} covered, {seeds} per split", []).append(inside)
        for kind, several in nulls(tables, few).items():
            for differences in several:
                found.setdefault(f"null by {kind} errs", []).append(errs(differences, OVERLAP))
                found.setdefault(f"null by {kind} errs, uncorrected", []).append(errs(differences, 0.0))
    return {name: round(float(np.mean(values)), 3) for name, values in sorted(found.items())}


def measure(dataset: str, flags: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the shares of one data set."""
    config = SweepConfig(
        dataset=dataset,
        modality=("ecfp",),
        model=tuple(flags.models),
        baselines=(),
        fractions=tuple(flags.fractions),
        split=(flags.split,),
        seeds=2 * flags.splits,
        split_seeds=flags.splits,
        split_seed=1000,
        out=folder / dataset,
    )
    result = run_sweep(config, quiet=False)
    metric = METRICS[result.curves[0].metric]
    tables = tables_of(result.rows, flags.splits, metric.higher_is_better)
    largest = {name: table.values[:, :, -1] for name, table in tables.items()}
    spread = {f"{name}: sd between splits": float(one.mean(axis=1).std(ddof=1)) for name, one in largest.items()}
    found = {"metric": metric.name} | spread | judge(tables, flags)
    return found | (null_by_data_sets(dataset, flags) if flags.data_sets else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", nargs="+", default=["esol", "bace"])
    parser.add_argument("--split", default="random")
    parser.add_argument("--models", nargs="+", default=["svm", "knn"])
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--splits", type=int, default=60, help="splits to draw from")
    parser.add_argument("--few", type=int, default=5, help="splits of a curve")
    parser.add_argument("--others", type=int, default=15, help="splits whose mean is to be covered")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--forecasts", type=int, default=50, help="draws with a forecast, which takes longer")
    parser.add_argument("--data-sets", type=int, default=0, help="samples that count as data sets; 0 for none")
    parser.add_argument("--molecules", type=int, default=300, help="of each sample")
    parser.add_argument("--runs", type=Path, help="keep the sweeps in this folder")
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    found = facts("split_intervals") | {"draws": flags.draws, "splits": flags.splits, "few": flags.few}
    with tempfile.TemporaryDirectory() as folder:
        for dataset in flags.dataset:
            found[dataset] = measure(dataset, flags, flags.runs or Path(folder))
            for name, value in found[dataset].items():
                print(f"{dataset} {name}: {value}", flush=True)
            write(flags.out, found)


if __name__ == "__main__":
    main()
