"""A short soak; `python -m tests.faults.soak` is the long one."""

import sys

import pytest

from tests.faults.soak import FRACTIONS, soak


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
