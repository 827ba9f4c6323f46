"""A replica whose loss is not finite ends as `diverged`; the others are as they would be without it."""

import csv

import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.sweep import run_sweep
from tests.sweep.test_sweep import SMALL

HUGE = 3e38
"""A label that single precision holds, but not its square."""


def relabeled(csv_file, path, molecule, label):
    """A copy of the table, one row's label changed."""
    rows = list(csv.reader(csv_file.read_text().splitlines()))
    rows[1 + molecule][1] = str(label)
    path.parent.mkdir()
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture
def run(csv_file, tmp_path, cache):
    """A function that sweeps the table, its molecule's label changed."""

    def of(name, molecule, label):
        table = relabeled(csv_file, tmp_path / name / "table.csv", molecule, label)
        return run_sweep(SweepConfig(csv=table, target_columns=("logp",), out=table.parent / "run", lanes=3, **SMALL))

    return of


@pytest.mark.slow
def test_a_label_too_large_ends_those_that_learn_from_it(run):
    first = run("first", 0, 1.0)
    with np.load(first.directory / "splits.npz") as file:
        orders = [file["train_order_0"], file["train_order_1"]]
    learns = {  # of the molecule that is last of seed 0's half, and so not in its quarter
        (row.fraction, row.seed): orders[row.seed][: row.n_train] for row in first.rows
    }
    molecule = int(learns[0.5, 0][-1])
    well, sick = run("well", molecule, 1.0), run("sick", molecule, HUGE)
    assert {row.status for row in well.rows} == {"finished"}
    for healthy, row in zip(well.rows, sick.rows, strict=True):
        if molecule in learns[row.fraction, row.seed]:
            assert (row.status, row.test) == ("diverged", None)
        else:
            assert row == healthy
    assert {row.status for row in sick.rows} == {"finished", "diverged"}
    assert not list((sick.directory / "models").glob("*")), "no model of a replica that diverged"
