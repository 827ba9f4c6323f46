"""What other test molecules would have given: metrics of kept predictions, over test molecules drawn again."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.data.cache import load_arrays
from jaxmrl.data.problem import Problem
from jaxmrl.report.files import RunDirectory
from jaxmrl.report.kept import PREDICTIONS, kept_name
from jaxmrl.report.scores import label_columns
from jaxmrl.training.metrics import METRICS, mean_over_tasks

MOST_DRAWS, _CELLS = 200, 30_000_000
"""Of the test molecules; fewer where molecules x tasks are many."""


def resampled_metrics(run: RunDirectory, rows: list[dict[str, str]], problem: Problem) -> np.ndarray | None:
    """The test metric of each of `rows` (finished ones of one split) over drawn test molecules, [S, R].

    The same draws for all rows. None where predictions were not kept. NaN where a draw has no metric.
    """
    molecules = problem.split.test[np.argsort(problem.table.ids[problem.split.test])]
    labels = jnp.asarray(problem.table.labels[molecules])
    draws = int(np.clip(_CELLS // max(labels.size, 1), 20, MOST_DRAWS))
    drawn = jnp.asarray(np.random.default_rng(0).integers(len(molecules), size=(draws, len(molecules))))
    scored = [_read_test_scores(run, row, problem, molecules) for row in rows]
    if not scored or any(scores is None for scores in scored):
        return None
    return np.stack(
        [np.asarray(_metric_of_draws(problem.metric, jnp.asarray(s), labels, drawn)) for s in scored], axis=1
    )


def _read_test_scores(run: RunDirectory, row, problem: Problem, molecules: np.ndarray) -> np.ndarray | None:
    """The predictions [M, T] of the test molecules, by their ids; None where they are not there, or damaged."""
    names = label_columns(problem.table.tasks, {"molecule_id", "part"})
    path = run.path / PREDICTIONS / f"{kept_name(row)}.npz"
    arrays = load_arrays(path, {"molecule_id", "part", *names})
    if arrays is None:
        return None
    test = arrays["part"] == "test"
    if not np.array_equal(arrays["molecule_id"][test], problem.table.ids[molecules]):
        return None
    return np.stack([arrays[name][test] for name in names], axis=1).astype(np.float32)


@partial(jax.jit, static_argnums=0)
def _metric_of_draws(metric: str, scores, labels, drawn) -> jax.Array:
    """The metric of scores [M, T] against labels over each draw [S, M] of molecules, [S]."""

    def of_draw(places):
        known = ~jnp.isnan(labels[places])
        return mean_over_tasks(METRICS[metric].evaluate(scores[places], jnp.nan_to_num(labels[places]), known))

    return jax.lax.map(of_draw, drawn)
