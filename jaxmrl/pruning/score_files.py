"""The files of a scoring: the table of scores as .csv, .parquet or .npz, and what to make of it as .json."""

import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.data.matching import Data, identity_columns, match
from jaxmrl.data.side_files import SideFile, has_column, read_numbers, read_side_file
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError
from jaxmrl.pruning.methods import JOINT_METHODS, METHODS
from jaxmrl.pruning.select import Scores
from jaxmrl.stats import rank_correlation

LITTLE_AGREEMENT, STRONG = 0.5, 0.5
"""Rank correlations below which one seed says little, and above which a score follows a plain property."""


def score_table(scores: Scores, problem: TaskData, keep: str) -> dict[str, np.ndarray]:
    """Return the columns of a scores file, with a row for each molecule in order of its id.

    molecule_id, smiles (or molecule_digest, where molecules have positions), the labels; for each method its score by
    all seeds, <method>_sd over seeds, <method>_rank, 1 for the molecule that is kept first, and <method>_seed_S, the
    score by the models of seed S alone. A label that is called like one of these becomes "label <name>".
    """
    rows = np.argsort(problem.table.ids[scores.molecules])
    molecules = scores.molecules[rows]
    ends = ("", "_sd", "_rank", *(f"_seed_{seed}" for seed in range(scores.seeds)))
    columns = identity_columns(problem, molecules, {f"{name}{end}" for name in METHODS for end in ends})
    for name in scores.values:
        columns[name] = scores.score(name)[rows]
        columns[f"{name}_sd"] = scores.spread(name)[rows]
        columns[f"{name}_rank"] = scores.rank(name, direction(name, keep))[rows]
        columns |= {f"{name}_seed_{seed}": values[rows] for seed, values in enumerate(scores.values[name])}
    return columns


def direction(name: str, keep: str) -> str:
    """Return `keep`, or the method's own direction if it offers no choice."""
    return keep if name not in METHODS or METHODS[name].directed else "hard"


def has_scores(path: Path, names: tuple[str, ...], seeds: int) -> bool:
    """Return whether a file of scores of this run has those of every method and seed."""
    if not path.exists():
        return False
    with path.open(encoding="utf-8", newline="") as file:
        columns = set(next(csv.reader(file), ()))
    return columns.issuperset(f"{name}_seed_{seed}" for name in names for seed in range(seeds))


def read_scores(path: Path, molecules: np.ndarray, data: Data) -> Scores | None:
    """Return the scores of `molecules` (positions in the table) that a sweep wrote to a .csv; None without a file.

    Raises ConfigError or DataError where the file is damaged.
    """
    if not path.exists():
        return None
    side = read_side_file(path)
    found = match(side, data, molecules, what="training molecules", by_id=True)

    def read(column: str) -> np.ndarray:
        return np.array(found.take(column, read_numbers(side, column)), np.float32)

    values = {}
    for name in METHODS:
        columns = list(itertools.takewhile(side.columns.__contains__, (f"{name}_seed_{k}" for k in itertools.count())))
        if columns:
            values[name] = np.stack([read(column) for column in columns])
    joint = {name: read(name) for name in JOINT_METHODS if name in values}
    return Scores(molecules, values, joint) if values else None


def read_orders(
    path: Path, methods: tuple[str, ...], molecules: np.ndarray, data: Data, keep: str, seeds: int
) -> tuple[dict[str, np.ndarray], str]:
    """Read {method: each seed's `molecules` (positions in the table) in order of keeping [S, n]} from a file of scores.

    Rows are matched to molecules as in `matching.match`. The column <method>_seed_S decides for seed S, the largest
    first or, with `keep` easy, the smallest; where there are none, the column <method> decides for all seeds, and where
    there is none, <method>_rank, 1 first; of equals, the first of `molecules`. Molecules without a score come last.

    Returns:
        The orders, and how the file was matched, in words.

    Raises:
        ConfigError: For a missing column, also of a seed where other seeds have one.
        DataError: For a molecule without a row, or with two that contradict each other, and for a value that is no
            number.
    """
    side = read_side_file(path)
    columns = {method: _score_columns(side, method, keep, seeds) for method in methods}
    found = match(side, data, molecules, what="training molecules", by_id=True)

    lacking: dict[str, int] = {}

    def order(method: str, column: str) -> np.ndarray:
        scores = np.array(found.take(column, read_numbers(side, column)), np.float64)
        lacking[method] = max(lacking.get(method, 0), int(np.isnan(scores).sum()))
        largest_first = column != f"{method}_rank" and direction(method, keep) == "hard"
        return molecules[np.argsort(-scores if largest_first else scores, kind="stable")]

    orders = {method: np.stack([order(method, name) for name in names]) for method, names in columns.items()}
    said = [
        f"{some:,} of {len(molecules):,} training molecules have no {method} score and are kept last"
        for method, some in lacking.items()
        if some
    ]
    everyone = {method: np.broadcast_to(of, (seeds, len(molecules))) for method, of in orders.items()}
    return everyone, "; ".join([found.how, *said])


def _score_columns(side: SideFile, method: str, keep: str, seeds: int) -> list[str]:
    """Return the column that decides for each seed, or the one that decides for all."""
    names = [f"{method}_seed_{seed}" for seed in range(seeds)]
    missing = [seed for seed, name in enumerate(names) if name not in side.columns]
    if f"{method}_seed_0" not in side.columns:
        return [_score_column(side, method, keep)]
    if missing:
        raise ConfigError(
            f"{side.path} has {method} scores of seeds 0 to {missing[0] - 1} in columns {method}_seed_S, and the sweep "
            f"has {seeds} seeds: give --seeds {missing[0]}, or score with --seeds {seeds}"
        )
    return names


def _score_column(side: SideFile, method: str, keep: str) -> str:
    column = has_column(side, method, f"{method}_rank")
    if column != method and keep == "easy":
        raise ConfigError(f"{side.path} has {column} but no {method}: rank 1 is kept first. Omit --keep easy")
    return column


def score_facts(scores: Scores, problem: TaskData, keep: str) -> dict[str, Any]:
    """Return rank correlations of the scores: between methods, between seeds, and with plain properties."""
    names = list(scores.values)
    means = {name: scores.score(name) for name in names}
    properties = _properties(scores, problem)
    facts = {
        "methods": {name: _method_facts(name, keep) for name in names},
        "rank_correlation_of_methods": {
            one: {other: _correlation(means[one], means[other]) for other in names} for one in names
        },
        "rank_correlation_of_seeds": {name: _agreement(scores.values[name]) for name in names},
        "rank_correlation_with_properties": {
            name: {label: _correlation(means[name], values) for label, values in properties.items()} for name in names
        },
    }
    return facts | {"warnings": _warnings(facts)}


def _method_facts(name: str, keep: str) -> dict[str, str]:
    method = METHODS[name]
    kept = "largest" if direction(name, keep) == "hard" else "smallest"
    return {"measures": method.measures, "source": method.source, "kept_first": kept}


def _properties(scores: Scores, problem: TaskData) -> dict[str, np.ndarray]:
    labels = problem.table.labels[scores.molecules]
    properties = {"heavy_atoms": problem.heavy_atoms()[scores.molecules].astype(float)}
    if np.isnan(labels).any():
        properties["labels_present"] = (~np.isnan(labels)).sum(axis=1).astype(float)
    return properties | {f"label {task}": labels[:, k] for k, task in enumerate(problem.table.tasks)}


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return Spearman's rank correlation over the molecules that have both; None if one of them is constant."""
    both = ~(np.isnan(one) | np.isnan(other))
    one, other = one[both], other[both]
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return round(rank_correlation(one, other), 4)


def _agreement(values: np.ndarray) -> dict[str, float | None]:
    """Return the mean rank correlation of two seeds, and that expected of two means over as many seeds
    (Spearman-Brown).
    """
    pairs = [_correlation(values[i], values[j]) for i in range(len(values)) for j in range(i)]
    known = [value for value in pairs if value is not None]
    if not known:
        return {"of_two_seeds": None, "of_two_such_means": None}
    one, seeds = float(np.mean(known)), len(values)
    of_means = seeds * one / (1 + (seeds - 1) * one) if one > 0 else None
    return {"of_two_seeds": round(one, 4), "of_two_such_means": of_means and round(of_means, 4)}


def _warnings(facts: dict[str, Any]) -> list[str]:
    agreement = {name: one["of_two_seeds"] for name, one in facts["rank_correlation_of_seeds"].items()}
    known = {name: one for name, one in agreement.items() if name != "random" and one is not None}
    little = [name for name, one in known.items() if one < LITTLE_AGREEMENT]
    said = [f"two seeds agree little for {', '.join(little)}: the scores of one seed are unreliable"] if little else []
    for name, properties in facts["rank_correlation_with_properties"].items():
        for label, value in properties.items():
            if value is not None and abs(value) > STRONG:
                said.append(f"{name}: correlates with {label} (rank correlation {value:.2f})")
    return said
