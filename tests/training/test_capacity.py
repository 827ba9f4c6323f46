"""How many lanes, and on how many devices."""

from itertools import product

import jax
import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.errors import UserError
from jaxmrl.modalities.smiles.features import encode
from jaxmrl.modalities.token_groups import group_rows
from jaxmrl.modalities.transformer_model import TransformerOptions
from jaxmrl.reports.terminal import Reporter
from jaxmrl.training import capacity
from jaxmrl.training.capacity import (
    auto_lanes,
    batch_extent,
    choose_devices,
    engine_bytes,
    fewest_devices,
    lane_bytes,
    makespan,
)
from jaxmrl.training.lanes import Replica
from jaxmrl.training.model_spec import ModelSpec, model_specs


def test_auto_lanes_formula():
    shape = ModelSpec(width=300, depth=5, dropout=0.5, tasks=1, precision="float32")
    steps = [100 * n for n in (129, 103, 78, 52, 39, 26, 13, 7, 2) for _ in range(5)]
    plenty = 10**12
    assert auto_lanes(shape, 6752, steps, "gpu", plenty) == 17, "total steps / longest replica's"
    assert auto_lanes(shape, 6752, steps, "gpu", 10**10) < 17, "memory"
    assert auto_lanes(shape, 6752, [5], "gpu", plenty) == 1
    assert auto_lanes(shape, 6752, steps, "cpu", 1) == 1, "one lane at least"
    assert auto_lanes(shape, 6752, steps, "cpu", plenty) == 4
    assert auto_lanes(shape, 6752, steps, "cpu", plenty, devices=2) == 1, "where its cores are devices"
    assert auto_lanes(shape, 6752, steps, "cpu", plenty, cores=1) == 1, "its one core is a device"


def test_logits_of_attention_take_memory(molecules):
    tokens = encode([["C" * 60], ["CCO"], ["CC"], ["O"]], ("", "C", "O"))
    shape = ModelSpec(64, 1, 0.1, 1, "float32", "transformer", "smiles", TransformerOptions(3, positions=True))
    limits = tokens.resources()[:2].sum(axis=0)
    rows, logits = batch_extent(shape, tokens, limits, 4)
    by_width = zip(group_rows(limits, 4), tokens.widths[::-1], strict=True)
    assert (rows, logits) == (tokens.rows(limits, 4), sum(8 * b * w * w for b, w in by_width))
    assert lane_bytes(shape, rows, logits) - lane_bytes(shape, rows) >= 4 * logits
    graph = ModelSpec(64, 1, 0.1, 1, "float32")
    assert batch_extent(graph, molecules, np.array([3, 0]), 1) == (3, 0)


@pytest.mark.parametrize(
    ("steps", "lanes", "ends"),
    [([5], 1, 5), ([5], 3, 5), ([2, 5, 3], 1, 10), ([2, 5, 3], 2, 5), ([4, 4, 4], 2, 8), ([6, 5, 4, 3, 2], 2, 11)],
)
def test_the_longest_go_first_into_the_lane_that_is_free_first(steps, lanes, ends):
    assert makespan(steps, lanes) == ends


def test_no_more_devices_than_end_the_queue_sooner():
    assert fewest_devices([480] * 3, 1, 64) == 3
    assert fewest_devices([480] * 3, 2, 64) == 2
    assert fewest_devices([10, 6], 1, 64) == 2, "the short one is trained beside the long one"
    assert fewest_devices([10, 6, 4], 1, 64) == 2
    assert fewest_devices([5] * 100, 1, 8) == 8
    for steps, devices in product(([7, 7, 3, 3, 2], [9, 1, 1, 1]), (1, 2, 3, 5)):
        assert makespan(steps, fewest_devices(steps, 1, devices)) == makespan(steps, devices)


@pytest.fixture
def queue(csv_file, cache):
    """What tells how much memory engines of three replicas take."""
    config = SweepConfig(csv=csv_file, target_columns=("logp",), width=8, depth=1, batch_size=32)
    problem = load_problem(config, Reporter(quiet=True))
    (shape,) = model_specs(config, problem)
    split = problem.split
    scaler = problem.label_scaler(split.train, "graph")
    replicas = [Replica(f"r{k}", k, split.train, split.valid, split.test, 5, scaler) for k in range(3)]
    return shape, replicas, problem, config.batch_size


@pytest.mark.parametrize(("kind", "number"), [("cpu", 2), ("gpu", 3)])
def test_devices_of_a_cpu_share_its_memory(queue, monkeypatch, kind, number):
    one = engine_bytes(1, *queue)
    assert engine_bytes(2, *queue) < 2 * one, "lanes share a table"
    devices = [object() for _ in range(3)]
    monkeypatch.setattr(jax, "local_devices", lambda: devices)
    monkeypatch.setattr(capacity, "device_memory", lambda: (kind, int(2.5 * one / capacity.MEMORY_SHARE)))
    assert choose_devices(1, *queue) == devices[:number]
    monkeypatch.setattr(capacity, "device_memory", lambda: (kind, 0))
    assert len(choose_devices(1, *queue)) == (1 if kind == "cpu" else 3)


def test_no_memory_for_one_lane_is_a_clear_error():
    with pytest.raises(UserError, match="smaller --batch-size"):
        capacity.fewer_lanes(1, jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory"))
