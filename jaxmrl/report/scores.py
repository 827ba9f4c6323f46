"""The files of a scoring: the table of scores as .csv, .parquet or .npz, and what to make of it as .json."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from jaxmrl.data.cache import read_arrays
from jaxmrl.data.problem import Problem
from jaxmrl.errors import ConfigError, DataError, UserError
from jaxmrl.pruning.methods import METHODS
from jaxmrl.pruning.select import Scores
from jaxmrl.report.files import number

LITTLE_AGREEMENT, STRONG = 0.5, 0.5
"""Rank correlations below which one seed says little, and above which a score follows a plain property."""


def score_table(scores: Scores, problem: Problem, keep: str) -> dict[str, np.ndarray]:
    """The columns of a scores file, one row for each molecule in order of its id.

    molecule_id, smiles, the labels; for each method its score, <method>_sd over seeds, and <method>_rank, 1 for the
    molecule that is kept first. A label that is called like one of these becomes "label <name>".
    """
    rows = np.argsort(problem.table.ids[scores.molecules])
    molecules = scores.molecules[rows]
    columns = {
        "molecule_id": problem.table.ids[molecules],
        "smiles": np.array([problem.table.smiles[k] for k in molecules]),
    }
    taken = {"molecule_id", "smiles", *(f"{name}{end}" for name in METHODS for end in ("", "_sd", "_rank"))}
    labels = zip(label_columns(problem.table.tasks, taken), problem.table.labels[molecules].T, strict=True)
    columns |= dict(labels)
    for name in scores.values:
        columns[name] = scores.score(name)[rows]
        columns[f"{name}_sd"] = scores.spread(name)[rows]
        columns[f"{name}_rank"] = scores.rank(name, direction(name, keep))[rows]
    return columns


def label_columns(tasks: tuple[str, ...], taken: set[str]) -> list[str]:
    """The tasks' names; those that a file has another use for, or NumPy has, with a word before them."""
    return [f"label {task}" if task in {*taken, "file"} else task for task in tasks]


def direction(name: str, keep: str) -> str:
    """`keep`, or the method's own end where that is no choice."""
    return keep if name not in METHODS or METHODS[name].directed else "hard"


def table_bytes(columns: dict[str, np.ndarray], kind: str, digits: int = 6) -> bytes:
    """The file's content; `kind` is its suffix: .csv, with numbers of so many digits, .parquet or .npz."""
    if kind == ".npz":
        buffer = io.BytesIO()
        np.savez(buffer, **columns)
        return buffer.getvalue()
    if kind == ".parquet":
        pyarrow, parquet = import_parquet()
        buffer = io.BytesIO()
        parquet.write_table(pyarrow.table(columns), buffer)
        return buffer.getvalue()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    cells = [[_cell(value, digits) for value in column.tolist()] for column in columns.values()]
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue().encode()


def import_parquet() -> tuple:
    """pyarrow and its parquet module; raises UserError where they are not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError("a .parquet file needs pyarrow: pip install 'jaxmrl[parquet]', or use .csv or .npz") from None
    return pyarrow, parquet


def _cell(value: Any, digits: int) -> str:
    return number(value, digits) if isinstance(value, float) else str(value)


def read_orders(
    path: Path, methods: tuple[str, ...], molecules: np.ndarray, ids: np.ndarray, keep: str
) -> dict[str, np.ndarray]:
    """{method: `molecules` (positions in a table with `ids`) in order of keeping}, by a file of scores.

    The column <method> decides, the largest first or, with `keep` easy, the smallest; where there is none,
    <method>_rank, 1 first; of equals, the first of `molecules`. Raises ConfigError for a missing column, DataError for
    a molecule without a row, a second row, or a value that is no number.
    """
    columns = _read_columns(path)
    return {method: _order(path, columns, method, molecules, ids, keep) for method in methods}


def _order(path, columns: dict[str, list], method: str, molecules, ids, keep: str) -> np.ndarray:
    column = next((name for name in (method, f"{method}_rank") if name in columns), method)
    for name in ("molecule_id", column):
        if name not in columns:
            raise ConfigError(f"{path} has no column {name!r}; its columns are {', '.join(columns)}")
    if column != method and keep == "easy":
        raise ConfigError(f"{path} has {column} but no {method}: a rank is kept from 1 on, whatever --keep says")
    try:
        found = [int(value) for value in columns["molecule_id"]]
        values = [math.nan if value in ("", None) else float(value) for value in columns[column]]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{path}, columns molecule_id and {column}: {error}; expected numbers") from None
    by_id = dict(zip(found, values, strict=True))
    if len(by_id) < len(found):
        raise DataError(f"{path} has a molecule_id twice")
    missing = [int(one) for one in ids[molecules] if int(one) not in by_id]
    if missing:
        raise DataError(
            f"{path} lacks {len(missing)} of the {len(molecules)} training molecules, the first with molecule_id "
            f"{missing[0]}: score the same data with the same split"
        )
    scores = np.array([by_id[int(one)] for one in ids[molecules]])
    largest_first = column == method and direction(method, keep) == "hard"
    return molecules[np.argsort(-scores if largest_first else scores, kind="stable")]


def _read_columns(path: Path) -> dict[str, list]:
    try:
        if path.suffix == ".npz":
            return {name: array.tolist() for name, array in read_arrays(path).items()}
        if path.suffix == ".parquet":
            return import_parquet()[1].read_table(path).to_pydict()
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = csv.reader(file)
        return {name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)}
    except UserError:
        raise
    except Exception as error:  # NumPy, pyarrow and csv raise many kinds; the remedy is the same
        raise DataError(f"cannot read {path} as a table of scores: {error}") from None


def score_facts(scores: Scores, problem: Problem, keep: str) -> dict[str, Any]:
    """What to make of the scores: rank correlations between methods, between seeds, with plain properties."""
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


def _properties(scores: Scores, problem: Problem) -> dict[str, np.ndarray]:
    labels = problem.table.labels[scores.molecules]
    properties = {"heavy_atoms": problem.heavy_atoms()[scores.molecules].astype(float)}
    if np.isnan(labels).any():
        properties["labels_present"] = (~np.isnan(labels)).sum(axis=1).astype(float)
    return properties | {f"label {task}": labels[:, k] for k, task in enumerate(problem.table.tasks)}


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's, over the molecules that have both; None where one of them is constant."""
    both = ~(np.isnan(one) | np.isnan(other))
    one, other = one[both], other[both]
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return round(float(spearmanr(one, other).statistic), 4)


def _agreement(values: np.ndarray) -> dict[str, float | None]:
    """Mean rank correlation of two seeds, and by it of this mean of seeds with another such (Spearman-Brown)."""
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
    said = [f"two seeds agree little in {', '.join(little)}: a score from one seed is worth little"] if little else []
    for name, properties in facts["rank_correlation_with_properties"].items():
        for label, value in properties.items():
            if value is not None and abs(value) > STRONG:
                said.append(f"{name}: follows {label} (rank correlation {value:.2f})")
    return said
