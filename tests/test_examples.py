"""The programs in examples/ run, and show what they say."""

import importlib.util
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def lanes(monkeypatch):
    """The example of lanes, for two sizes and a few steps."""
    spec = importlib.util.spec_from_file_location("lanes", EXAMPLES / "lanes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {"SIZES": (50, 100), "SEEDS": 2, "EPOCHS": 20, "MIN_STEPS": 40, "TEST": 50}.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_a_lane_of_the_example_equals_its_replica_alone(lanes, capsys):
    lanes.main()
    *curve, last = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in curve] == ["50", "100"]
    in_lane, alone = map(float, re.findall(r": (\d\.\d+)", last))
    assert in_lane == pytest.approx(alone, abs=2e-5)
