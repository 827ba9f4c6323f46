"""Worker processes of classical models."""

import subprocess
import sys

import pytest

THEN_JOBLIB = """
import joblib
import numpy as np
from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.workers import fit_side_by_side
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.training.interrupts import Stop

rows = np.arange(12)
seen = {"descriptors": Descriptors(np.ones((12, 2), np.uint8), np.ones((12, 1), np.float32))}
mean = Assignment("mean", False, rows[:8], rows[8:], rows, 0)
((place, found),) = fit_side_by_side([("descriptors", mean)], seen, rows[:, None].astype(float), Stop())
print(place, found.mean(), joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(-k) for k in range(3)))
"""


@pytest.mark.slow
def test_the_same_process_may_use_joblib_afterwards():
    ended = subprocess.run([sys.executable, "-c", THEN_JOBLIB], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr[-500:]) == (0, "0 3.5 [0, 1, 2]\n", "")
