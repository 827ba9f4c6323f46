"""Short soaks; `python -m tests.faults.soak` and `python -m tests.faults.soak_api` are the long ones."""

import sys

import pytest

from tests.faults.soak import FRACTIONS, soak
from tests.faults.soak_api import soak_api


@pytest.mark.nightly
@pytest.mark.parametrize("seeds", [30, 150])
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_and_files_stay_as_they_are(seeds, tmp_path):
    samples, _ = soak(tmp_path, seeds=seeds, every=0.5)
    rows = (tmp_path / "run" / "results.csv").read_text().splitlines()
    assert len(rows) == 1 + seeds * len(FRACTIONS)
    later = samples[len(samples) // 2 : -4]
    assert max(one.files for one in later) <= min(one.files for one in later) + 20
    assert max(one.mib for one in later) < 1.2 * min(one.mib for one in later)
    assert samples[-1].log < 20_000


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_runs_of_a_process(tmp_path, cache):
    samples = soak_api(tmp_path, 12)
    assert samples[-1].mib < 1.03 * samples[3].mib
    assert samples[-1].files <= samples[3].files + 1
