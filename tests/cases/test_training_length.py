"""Curves whose replicas were trained too briefly say so: they are of training length as well as of data."""

from pathlib import Path

import pytest

from jaxmrl.config import FitConfig
from jaxmrl.fit import fit_curves

FILES = Path(__file__).parent / "workflow"


def training_flags(name):
    found = fit_curves(FitConfig(csv=FILES / name))
    return [flag for flag in found["flags"] if "last tenth of training" in flag]


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("undertrained_nci_default.csv", "10 of 15 replicas at 5 sizes from 39 to 3,195 molecules"),
        ("undertrained_esol_results.csv", "10 of 10 replicas at 5 sizes from 90 to 902 molecules"),
    ],
)
def test_replicas_that_were_still_improving_are_counted(name, begin):
    (flag,) = training_flags(name)
    assert flag.startswith(begin)
    assert "the curve reflects training length as well as data" in flag


def test_small_sizes_with_as_many_steps_as_the_largest_are_not_among_them():
    (flag,) = training_flags("undertrained_nci_steps480.csv")
    assert flag.startswith("3 of 3 replicas at 399 molecules")
