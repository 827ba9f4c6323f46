"""What other test molecules would have given: metrics of kept predictions, over test molecules drawn again."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.data.task_data import TaskData, comparable
from jaxmrl.io.cache import load_arrays
from jaxmrl.io.files import label_columns
from jaxmrl.rows import ResultRow
from jaxmrl.runs.artifacts import PREDICTION_COLUMNS, PREDICTIONS, kept_name
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.training.metrics import METRICS, mean_over_tasks

MOST_DRAWS, _CELLS = 200, 30_000_000
"""The number of draws of test molecules; fewer if molecules x tasks are many."""


def resampled_metrics(run: RunDirectory, rows: list[ResultRow], problem: TaskData) -> np.ndarray | None:
    """Return the test metric of each of `rows` (finished ones of one split) over drawn test molecules, [S, R].

    The same draws for all rows. None where predictions were not kept. NaN where a draw has no metric.
    """
    molecules = problem.split.test[np.argsort(problem.table.ids[problem.split.test])]
    labels = problem.table.labels[molecules]
    draws = int(np.clip(_CELLS // max(labels.size, 1), 20, MOST_DRAWS))
    drawn = jnp.asarray(np.random.default_rng(0).integers(len(molecules), size=(draws, len(molecules))))
    read = [_read_test_scores(run, row, problem, molecules) for row in rows]
    scored = [scores for scores in read if scores is not None]
    if not scored or len(scored) < len(rows):
        return None
    return np.stack(
        [
            np.asarray(_metric_of_draws(problem.metric, *_judged(problem, row, scores, labels), drawn))
            for row, scores in zip(rows, scored, strict=True)
        ],
        axis=1,
    )


def _read_test_scores(run: RunDirectory, row: ResultRow, problem: TaskData, molecules: np.ndarray) -> np.ndarray | None:
    """Return the predictions [M, T] of the test molecules, by their ids; None if they are missing or damaged."""
    names = label_columns(problem.table.tasks, PREDICTION_COLUMNS)
    path = run.path / PREDICTIONS / f"{kept_name(row)}.npz"
    arrays = load_arrays(path, {*PREDICTION_COLUMNS, *names})
    if arrays is None:
        return None
    test = arrays["part"] == "test"
    if not np.array_equal(arrays["molecule_id"][test], problem.table.ids[molecules]):
        return None
    return np.stack([arrays[name][test] for name in names], axis=1)


def _judged(
    problem: TaskData, row: ResultRow, scores: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores and labels in float32, and which of them the row's mean includes, [M, T] all."""
    left_out = np.array([row.tests[task] is None for task in problem.table.tasks])
    known = ~np.isnan(labels) & ~left_out
    divisors = problem.task_divisors if METRICS[problem.metric].in_label_unit else 1.0
    scores, labels = comparable(problem, row.curve.modality, scores, labels, divisors)
    return scores, np.where(known, labels, np.float32(0)), known


@partial(jax.jit, static_argnums=0)
def _metric_of_draws(
    metric: str, scores: jax.Array, labels: jax.Array, known: jax.Array, drawn: jax.Array
) -> jax.Array:
    """Return the metric [S] of scores [M, T] against labels that are known [M, T], over each draw [S, M] of
    molecules.
    """

    def of_draw(places: jax.Array) -> jax.Array:
        return mean_over_tasks(METRICS[metric].evaluate(scores[places], labels[places], known[places]))

    return jax.lax.map(of_draw, drawn)
