"""Rows of results that no sweep has written."""

from dataclasses import replace
from typing import Any

from jaxmrl.rows import FINISHED, CurveIdentity, ResultRow

IDENTITY = CurveIdentity(
    dataset="mine",
    modality="graph",
    model="gin",
    split="random",
    pruning="random",
    init="none",
    width=64,
    depth=3,
    params=12_345,
    precision="float32",
    learning_rate=0.001,
    dropout=0.5,
    batch_size=256,
)


def result_row(test: float | None = 0.5, **changes: Any) -> ResultRow:
    """Return the row of a finished replica, with these fields of its own or of its curve."""
    curve = replace(IDENTITY, **{name: changes.pop(name) for name in CurveIdentity.columns() if name in changes})
    known = {
        "split_seed": 42,
        "fraction": 0.5,
        "n_train": 10,
        "seed": 2,
        "status": FINISHED,
        "metric": "rmse",
        "valid": test,
    }
    return ResultRow(curve=curve, test=test, **known | {"best_epoch": 3, "epochs": 30, "steps": 30} | changes)
