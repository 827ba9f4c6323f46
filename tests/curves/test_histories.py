"""A table with a row for each epoch of a training is no table of runs."""

import pytest

from jaxmrl.config import FitConfig
from jaxmrl.curves.table import read_curves
from jaxmrl.errors import DataError


def curves(tmp_path, name, times, *, seeds=1, **settings):
    """The curves of a file whose runs of size n have rows at the times `times(n, seed)`."""
    rows = [
        f"{n},{seed},{time},{2 * n**-0.5 + 0.001 * seed + 0.0001 * k:.5f}"
        for n in (50, 100, 200, 400)
        for seed in range(seeds)
        for k, time in enumerate(times(n, seed))
    ]
    header = f"n,{'seed' if seeds > 1 else 'note'},{name},rmse"
    (tmp_path / "c.csv").write_text("\n".join([header, *rows]) + "\n")
    return read_curves(FitConfig(csv=(tmp_path / "c.csv",), **settings))


@pytest.mark.parametrize(
    "times",
    [
        lambda n, seed: (1, 2),
        lambda n, seed: range(1, 4),
        lambda n, seed: range(10, 16_000 // n, 10),
        lambda n, seed: (*range(12, 24_000 // n + 7, 12), 24_000 // n + 7),
    ],
)
@pytest.mark.parametrize("name", ["epoch", "Global step"])
@pytest.mark.parametrize("seeds", [1, 3])
def test_the_epochs_of_a_training_are_refused(tmp_path, name, times, seeds):
    with pytest.raises(DataError, match=f"the rows of one training at different values of {name}"):
        curves(tmp_path, name, times, seeds=seeds)


def test_they_may_be_pooled_or_make_curves(tmp_path):
    pooled = curves(tmp_path, "epoch", lambda n, seed: (1, 2, 3), pool=True)
    assert [len(curve.n) for curve in pooled.curves] == [12]
    apart = curves(tmp_path, "epoch", lambda n, seed: (1, 2, 3), by=("epoch",))
    assert [len(curve.n) for curve in apart.curves] == [4, 4, 4]


def test_the_epoch_at_which_a_run_stopped_is_none(tmp_path):
    stopped = curves(tmp_path, "epoch", lambda n, seed: ((7 * n + 13 * seed) % 41 + 5,), seeds=3)
    assert len(stopped.curves[0].n) == 12
    several = curves(tmp_path, "epoch", lambda n, seed: {50: (37, 52, 61), 100: (40, 41)}.get(n, (33, 58, 60)))
    assert len(several.curves[0].n) == 11
