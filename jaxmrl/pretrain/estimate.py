"""What a pre-training would take, before it is run: `--dry-run` or `--estimate`."""

from functools import partial

import jax

from jaxmrl.config import PretrainConfig
from jaxmrl.pretrain import prepare, pretraining_of
from jaxmrl.reports.expected import Expected, said
from jaxmrl.reports.terminal import Reporter
from jaxmrl.training.capacity import lane_bytes
from jaxmrl.training.cost import operations_of, seconds_of
from jaxmrl.training.numerics import own_numerics
from jaxmrl.training.pretraining import Pretraining, pretrain_step


@own_numerics()
def estimate_pretraining(config: PretrainConfig, *, timed: bool = False, quiet: bool = True) -> Expected:
    """Return what a pre-training would take. Its molecules are prepared. Raise UserError as `pretrain_encoder` does."""
    reporter = Reporter(quiet=quiet)
    work = pretraining_of(config, prepare(config, reporter))
    spec, store = work.pretext.spec, work.shard_store(0)
    one_step = partial(pretrain_step, work.pretext)
    expected = Expected(
        name=spec.name,
        parameters=spec.parameters,
        replicas=None,
        steps=work.steps,
        lanes=1,
        devices=1,
        operations=work.steps * operations_of(one_step, store, work.arrays, config.batch_size),
        memory=sum(leaf.nbytes for leaf in jax.tree.leaves(store)) + lane_bytes(spec, work.rows),
        seconds=_seconds_of_pretraining(work) if timed else None,
    )
    reporter.say(said(expected))
    return expected


def _seconds_of_pretraining(work: Pretraining) -> float:
    """Return the expected seconds from the time of a few steps, without compilation and without evaluation."""
    work.train_chunk()
    made: list[int] = []
    seconds = seconds_of(lambda: made.extend(work.train_chunk() for _ in range(2)))
    return seconds / sum(made) * work.steps
