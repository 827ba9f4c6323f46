"""Data values: their cost, whether they predict models on unseen subsets, and whether they find wrong labels.

    python -m benchmarks.data_values subsets --folder FOLDER [--dataset bace] [--models 1000]
    python -m benchmarks.data_values labels [--dataset wehi] [--target brenk_alert] [--trees 500]
    python -m benchmarks.data_values exact [--players 12] [--repeats 5]

`subsets` trains models on random halves of the training molecules, keeps what they predict in FOLDER, and prints the
seconds for each model. Then it prints linear datamodeling scores on each fifth of the models: of datamodels that are
fitted to the others, and of EL2N, whose sums over subsets are the prediction. `labels` flips labels as
`benchmarks.planted_labels` does, and shows how well Data-OOB finds them. `exact` compares estimates from random subsets
with the exact values of games of few players.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.planted_labels import SHARE, auc_within_labels, with_flipped_labels
from jaxmrl.config import ValueConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.task_data import TaskData
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.pruning.scoring_models import ScoringTask
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.training.capacity import use_cores
from jaxmrl.training.interrupts import Stop
from jaxmrl.training.model_spec import model_specs
from jaxmrl.valuation.datamodels import fit_datamodels, linear_score
from jaxmrl.valuation.estimates import banzhaf_reuse, half_subsets, shapley_reuse, shapley_subsets
from jaxmrl.valuation.exact import all_subsets, exact_banzhaf, exact_shapley
from jaxmrl.valuation.out_of_bag import out_of_bag
from jaxmrl.valuation.subset_models import SubsetModels
from jaxmrl.valuation.utility import targets_of
from jaxmrl.valuation.valuing import folds

SCORING_SEEDS = 5
RESAMPLES = 100


def run_in(folder: Path, problem: TaskData) -> RunDirectory:
    """A run directory that keeps the number of lanes."""
    run = RunDirectory(folder, problem.table.tasks)
    if not (folder / "run.json").exists():
        run.write("run.json", "{}")
    return run


def el2n_scores(models: SubsetModels, folder: Path) -> np.ndarray:
    """EL2N of the training molecules, [n]: the mean over SCORING_SEEDS models as large and trained as long."""
    task = ScoringTask(models.settings, models.problem, models.spec, ("el2n",), SCORING_SEEDS, models.settings.epochs)
    run = run_in(folder, models.problem)
    return task.scores(run, folder / "scoring", Reporter(quiet=True), Stop()).score("el2n")


def subsets(flags: argparse.Namespace) -> None:
    config, reporter = ValueConfig(dataset=flags.dataset, methods=("banzhaf",)), Reporter()
    problem = load_problem(config, reporter)
    (spec,) = model_specs(config, problem)
    models, folder = SubsetModels(config, problem, spec), Path(flags.folder)
    members = half_subsets(len(models.molecules), flags.models, np.random.default_rng([config.seed, 0]))
    run = run_in(folder, problem)
    kept = len(list((folder / "halves").glob("*.npz")))
    wall, cpu = time.perf_counter(), time.process_time()
    outputs = models.outputs(members, "halves", run, folder, reporter, Stop())
    trained = flags.models - kept
    if trained:
        wall, cpu = (time.perf_counter() - wall) / trained, (time.process_time() - cpu) / trained
        print(f"{trained:,} models trained in this call: {wall:.2f} s and {cpu:.2f} CPU seconds a model")
    print(f"{len(members):,} models on halves of {len(models.molecules):,} molecules")
    targets = targets_of(outputs, models.labels, models.spreads)
    compare(members, targets, el2n_scores(models, folder / "el2n"))


def compare(members: np.ndarray, targets: np.ndarray, el2n: np.ndarray) -> None:
    """Print scores of datamodels and EL2N on unseen subsets, with 90% intervals from samples of these."""
    actual, rng = np.concatenate([targets, targets.mean(axis=1, keepdims=True)], axis=1), np.random.default_rng(0)
    fitted = np.empty_like(actual)
    for unseen in folds(len(members)):
        fitted[unseen] = fit_datamodels(members[~unseen], targets[~unseen]).predict(members[unseen])
    predicted = {"datamodels": fitted, "EL2N": np.broadcast_to((members @ el2n)[:, None], actual.shape)}
    whole = [np.flatnonzero(one) for one in folds(len(members))]
    samples = [whole, *([rng.choice(fold, len(fold)) for fold in whole] for _ in range(RESAMPLES))]
    found = {name: np.array([_scores(one, actual, rows) for rows in samples]) for name, one in predicted.items()}
    found["difference"] = found["datamodels"] - found["EL2N"]
    for name, values in found.items():
        low, high = np.quantile(values[1:], (0.05, 0.95), axis=0)
        cells = [f"{values[0, k]:.3f} [{low[k]:.3f}, {high[k]:.3f}]" for k in range(2)]
        print(f"{name:10}  mean over outputs {cells[0]}  mean output {cells[1]}")


def _scores(predicted: np.ndarray, actual: np.ndarray, folds_rows: list[np.ndarray]) -> tuple[float, float]:
    """Return the score as the mean over outputs, and that of the mean output, which comes last."""
    scores = np.mean([linear_score(predicted[rows], actual[rows]) for rows in folds_rows], axis=0)
    return float(np.nanmean(scores[:-1])), float(scores[-1])


def labels(flags: argparse.Namespace) -> None:
    config = ValueConfig(dataset=flags.dataset, target_columns=(flags.target,), methods=("oob",))
    problem, flipped = with_flipped_labels(load_problem(config, Reporter()), SHARE, seed=0)
    rows = np.sort(problem.split.train)
    features = problem.features[config.tree_modality]
    chosen = Descriptors(features.counts[rows], features.values[rows])
    observed, started = problem.table.labels[rows].astype(np.float64), time.perf_counter()
    suspicion = -out_of_bag(chosen, observed, True, flags.trees, config.seed).value.astype(np.float32)
    seconds = time.perf_counter() - started
    found = [auc_within_labels(one, flipped[rows], observed[:, 0]) for one in (suspicion, np.roll(suspicion, 1))]
    print(f"oob, {flags.trees} trees, {seconds:.0f} s: {found[0]:.3f}   moved by one row {found[1]:.3f}")


def exact(flags: argparse.Namespace) -> None:
    print("subsets  Banzhaf  Shapley   (root mean square error, in standard deviations of the exact values)")
    for count in (1_000, 10_000, 100_000):
        errors = [_errors(flags.players, count, seed) for seed in range(flags.repeats)]
        print(f"{count:7,}" + "".join(f"  {value:7.3f}" for value in np.sqrt(np.mean(np.square(errors), axis=0))))


def _errors(players: int, count: int, seed: int) -> tuple[float, float]:
    """Return the errors of estimates in a random game with diminishing returns and interactions of pairs."""
    rng = np.random.default_rng(seed)
    members = all_subsets(players)
    pairs = rng.normal(size=(players, players)) / players
    game = np.sqrt(members @ rng.random(players)) + np.einsum("si,ij,sj->s", members, pairs, members)
    place = lambda drawn: game[drawn @ (1 << np.arange(players))]
    halves, sizes = half_subsets(players, count, rng), shapley_subsets(players, count, rng)
    banzhaf, shapley = exact_banzhaf(game), exact_shapley(game)
    found = banzhaf_reuse(halves, place(halves)).value, shapley_reuse(sizes, place(sizes), game[-1], game[0]).value
    return tuple(
        float(np.sqrt(np.mean((a - b) ** 2)) / b.std()) for a, b in zip(found, (banzhaf, shapley), strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("subsets", "labels", "exact"))
    parser.add_argument("--dataset")
    parser.add_argument("--target", default="brenk_alert")
    parser.add_argument("--folder")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--players", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=5)
    flags = parser.parse_args()
    if flags.what == "subsets" and not flags.folder:
        parser.error("subsets needs --folder, which keeps what the models predict")
    flags.dataset = flags.dataset or {"labels": "wehi"}.get(flags.what, "bace")
    use_cores()
    {"subsets": subsets, "labels": labels, "exact": exact}[flags.what](flags)


if __name__ == "__main__":
    main()
