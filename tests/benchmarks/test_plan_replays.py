"""What policies buy in a replay, and what is counted."""

import numpy as np
import pytest

from benchmarks.plan_replays import Replay, follow_plan, follow_power_law, oracle, summary

AHEAD = np.array([0.1, 0.2, 0.4]), np.array([0.1, 0.15])
REACHED = Replay(np.array([0.0, 0.5, 1.0, 2.0]), 2, AHEAD, np.array([0.9, 0.9, np.nan]))
OUT_OF_REACH = Replay(np.array([0.0, 0.5, 1.0]), None, (np.array([0.1, 0.3]), np.array([0.05])), np.array([0.2, 9.0]))


def test_the_plan_buys_while_the_chance_is_high_enough():
    assert follow_plan(REACHED, 0.1).cost == 1.0
    assert follow_plan(REACHED, 0.1).got
    assert follow_plan(REACHED, 0.2) == follow_plan(REACHED, 0.3)
    assert not follow_plan(REACHED, 0.2).got
    assert [follow_plan(OUT_OF_REACH, threshold).cost for threshold in (0.01, 0.1, 0.5)] == [1.0, 0.5, 0.0]


def test_the_oracle_buys_only_what_helps():
    assert (oracle(REACHED).cost, oracle(OUT_OF_REACH).cost) == (1.0, 0.0)


def test_the_power_law_buys_at_once_or_in_batches():
    assert follow_power_law(REACHED, 1.0, at_once=True).cost == 1.0
    assert follow_power_law(OUT_OF_REACH, 1.0, at_once=False).cost == 0.5
    assert follow_power_law(OUT_OF_REACH, 0.1, at_once=True).cost == 0.0


def test_the_summary_compares_stated_with_realized():
    found = summary([REACHED, OUT_OF_REACH], 0.1)
    assert found["oracle_cost"] == 0.5
    assert found["plan"]["missed"] == 0
    assert found["plan"]["cost_of_oracle"] == pytest.approx(1.5)
    assert found["at_start"]["stated_miss"] == pytest.approx(0.65)
    assert found["at_start"]["realized_miss"] == 0.5
