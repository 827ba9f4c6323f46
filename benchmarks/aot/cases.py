"""The programs of training, evaluation, scoring and pre-training, with the shapes of their arguments."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import jax
import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.pruning import gradients
from jaxmrl.reports.terminal import Reporter
from jaxmrl.training import pretraining, programs
from jaxmrl.training.autoencoder import AutoencoderSpec
from jaxmrl.training.capacity import batch_extent, lane_bytes
from jaxmrl.training.lanes import Replica
from jaxmrl.training.model_spec import model_spec
from jaxmrl.training.replica import DeviceTable, TrainingSpec, device_table
from jaxmrl.training.shapes import BatchShape, common_shape
from jaxmrl.training.streams import replica_keys

RATE = 1e-3
MASK_RATE = 0.25


@dataclass(frozen=True)
class Subject:
    """A model and the table it is trained on, here on the host: of both, only shapes reach the compiler."""

    training_spec: TrainingSpec
    whole_table: DeviceTable
    features: Any
    replica: Replica
    batch_size: int
    shape: BatchShape

    @property
    def table(self) -> DeviceTable:
        """The table whose batches have the budget, in the rows that the default device prefers."""
        return self.whole_table.with_budget(self.shape.limits)

    @property
    def lane_bytes(self) -> int:
        """What the formula of the lanes counts for one of them."""
        spec = self.training_spec.model
        return lane_bytes(spec, *batch_extent(spec, self.features, self.shape.limits, self.batch_size))

    def lanes(self, count: int) -> Any:
        """The shapes of the state of so many lanes."""
        return jax.eval_shape(partial(programs.empty, self.training_spec, count, self.replica.scaler))


def subject_of(config: SweepConfig, width: int | None, depth: int | None, batch_size: int) -> Subject:
    """Return the only model of a configuration, on its table."""
    problem = load_problem(config, Reporter(quiet=True))
    ((modality, model),) = config.trained_models
    spec = model_spec(config, problem, modality, model, width, depth)
    split, features = problem.split, problem.features[modality]
    scaler = problem.label_scaler(split.train, modality)
    replica = Replica("aot", 0, split.train, split.valid, split.test, 1000, scaler)
    shape = common_shape([replica], features.resources(), batch_size)
    training_spec = TrainingSpec(spec, problem.table.task, problem.metric, RATE)
    return Subject(training_spec, device_table(problem, modality), features, replica, batch_size, shape)


def _integers(*sizes: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(sizes, np.int32)


def _train(subject: Subject, lanes: int) -> tuple:
    ids = _integers(programs.most_steps(), lanes, subject.batch_size)
    return programs.train, subject.training_spec, subject.table, subject.lanes(lanes), ids, _integers()


def _evaluate(subject: Subject, lanes: int) -> tuple:
    plans = _integers(lanes, subject.shape.evaluated, subject.batch_size)
    weights, bounded = programs.weights_now(subject.lanes(lanes)), jax.ShapeDtypeStruct((), np.bool_)
    given = weights, plans, _integers(), _integers(lanes), _integers(), bounded
    return programs.evaluate, subject.training_spec, subject.table, *given


def _keep_best(subject: Subject, lanes: int) -> tuple:
    metrics = jax.ShapeDtypeStruct((lanes, subject.training_spec.model.tasks), np.float32)
    given = metrics, _integers(lanes), _integers(), _integers(lanes), metrics
    return programs.keep_best, subject.training_spec, subject.lanes(lanes), *given


def _fill(subject: Subject, lanes: int) -> tuple:
    keys, scaler = replica_keys(subject.replica), subject.replica.scaler
    return programs.fill, subject.training_spec, subject.lanes(lanes), _integers(), *keys, scaler, _integers()


def _grand(subject: Subject, lanes: int) -> tuple:
    """The norms of a block of molecules of the median size, by one model."""
    spec, train, features = subject.training_spec, subject.replica.train, subject.features
    typical = train[np.argsort(features.size[train])[len(train) // 2]]
    size = gradients.block_size(spec, int(features.size[typical]), "gpu", 80 * 10**9)
    weights = jax.eval_shape(lambda lanes: jax.tree.map(lambda x: x[0], programs.weights_now(lanes)), subject.lanes(1))
    table = subject.whole_table.with_budget(features.resources()[typical])
    return gradients.gradient_norms, spec, table, weights, _integers(size)


def _pretrain(subject: Subject, lanes: int) -> tuple:
    model = subject.training_spec.model
    spec = AutoencoderSpec(model.model, model.width, model.depth, model.dropout, model.precision)
    pretext = pretraining.Pretext(spec, MASK_RATE, RATE)
    state = jax.eval_shape(partial(pretraining.start, pretext), jax.ShapeDtypeStruct((), np.uint32))
    ids = _integers(programs.most_steps(), subject.batch_size)
    return pretraining.train, pretext, subject.table.store, state, ids, _integers()


PROGRAMS: dict[str, Callable[[Subject, int], tuple]] = {
    "train": _train,
    "evaluate": _evaluate,
    "keep_best": _keep_best,
    "fill": _fill,
    "grand": _grand,
    "pretrain": _pretrain,
}
"""Each returns the program and its arguments; the first argument is static."""

DONATED = {"train": 2, "keep_best": 1, "fill": 1, "pretrain": 2}
"""The argument whose memory the results take."""

NO_TABLE = frozenset({"keep_best", "fill"})
"""Programs that do not see the table."""

ONE_LANE = frozenset({"grand", "pretrain"})
"""Programs of one model, whatever the number of lanes."""


def traced(
    subject: Subject, program: str, lanes: int, platform: str, placed: jax.sharding.Sharding | None = None
) -> jax.stages.Traced:
    """Return a program with the shapes that it has where the default device is of a platform: "gpu" or "tpu"."""
    there = lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=placed)
    with patch.object(jax, "default_backend", lambda: platform):
        function, static, *given = PROGRAMS[program](subject, lanes)
        # Of the function alone, for its own program has the compiler options of this machine.
        whole = jax.jit(function.__wrapped__, static_argnums=0, donate_argnums=DONATED.get(program))
        return whole.trace(static, *jax.tree.map(there, given))


def compiled(
    subject: Subject, program: str, lanes: int, device: jax.Device, options: dict[str, str]
) -> jax.stages.Compiled:
    """Return a program compiled for a device that need not be there, with options of XLA."""
    placed = jax.sharding.SingleDeviceSharding(device)
    return traced(subject, program, lanes, device.platform, placed).lower().compile(compiler_options=options)


def table_bytes(subject: Subject) -> int:
    """The bytes of the table's arrays, without the padding of layouts."""
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(subject.whole_table))
