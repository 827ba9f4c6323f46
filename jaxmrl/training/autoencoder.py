"""From the specification of a masked autoencoder to pure functions over its arrays."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
from flax import nnx

from jaxmrl.modalities.graphmae import Atoms, GraphMAE
from jaxmrl.modalities.registry import models


@dataclass(frozen=True)
class AutoencoderSpec:
    """What decides the program that pre-trains the encoder of `model`, one that has an autoencoder."""

    model: str
    width: int
    depth: int
    dropout: float
    precision: str

    @property
    def name(self) -> str:
        return f"graphmae-{self.model}-{self.width}x{self.depth}"

    @cached_property
    def network(self) -> type[GraphMAE]:
        """The class of the network."""
        autoencoder = models()[self.model].autoencoder
        assert autoencoder is not None, "settings refuse models without one"
        return autoencoder()

    @cached_property
    def parameters(self) -> int:
        """The number of trained parameters, including the decoder's."""
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    def _module(self, key: jax.Array) -> GraphMAE:
        return self.network(
            width=self.width,
            depth=self.depth,
            dropout=self.dropout,
            precision=self.precision,
            rngs=nnx.Rngs(params=key),
        )

    @cached_property
    def graphdef(self) -> nnx.GraphDef:
        """The structure of the network, for `nnx.merge` with its parameters and batch-norm statistics."""
        return nnx.split(nnx.eval_shape(lambda: self._module(jax.random.key(0))), nnx.Param, nnx.BatchStat)[0]

    def init(self, key: jax.Array) -> tuple[Any, Any]:
        """Return fresh parameters and batch-norm statistics."""
        _, *states = nnx.split(self._module(key), nnx.Param, nnx.BatchStat)
        params, stats = states
        return params, stats

    def atoms(self, batch: Any) -> Atoms:
        """Return the atoms of a batch, one of which may be masked."""
        return self.network.atoms(batch)

    def outputs(
        self, params: Any, stats: Any, batch: Any, masked: jax.Array, key: jax.Array | None = None
    ) -> tuple[jax.Array, Any]:
        """Return outputs [n, kinds] and the batch-norm statistics, which move in training; without `key` in
        evaluation.
        """
        module = nnx.merge(self.graphdef, params, stats, copy=True)
        outputs = module(batch, masked, training=key is not None, key=key)
        return outputs, nnx.state(module, nnx.BatchStat)
