"""From a model's shape to pure functions over its arrays."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
from flax import nnx

from jaxmrl.models.gin import GIN


@dataclass(frozen=True)
class ModelShape:
    """All that decides a model's program: replicas that share it can share lanes."""

    width: int
    depth: int
    dropout: float
    tasks: int
    precision: str
    model: str = "gin"
    modality: str = "graph"

    @property
    def name(self) -> str:
        return f"{self.modality}-{self.model}-{self.width}x{self.depth}"

    def _module(self, key: jax.Array) -> nnx.Module:
        return GIN(
            width=self.width,
            depth=self.depth,
            dropout=self.dropout,
            tasks=self.tasks,
            precision=self.precision,
            rngs=nnx.Rngs(params=key),
        )

    @cached_property
    def _graphdef(self):
        return nnx.split(nnx.eval_shape(lambda: self._module(jax.random.key(0))), nnx.Param, nnx.BatchStat)[0]

    def init(self, key: jax.Array) -> tuple[Any, Any]:
        """Fresh parameters and batch-norm statistics."""
        _, params, stats = nnx.split(self._module(key), nnx.Param, nnx.BatchStat)
        return params, stats

    def train(self, params, stats, batch, key: jax.Array) -> tuple[jax.Array, Any]:
        """Outputs [B, tasks] in training mode, and the moved batch-norm statistics."""
        module = nnx.merge(self._graphdef, params, stats, copy=True)
        outputs = module(batch, training=True, key=key)
        return outputs, nnx.state(module, nnx.BatchStat)

    def predict(self, params, stats, batch) -> jax.Array:
        """Outputs [B, tasks] in evaluation mode."""
        return nnx.merge(self._graphdef, params, stats, copy=True)(batch, training=False)

    def embed(self, params, stats, batch) -> tuple[jax.Array, jax.Array]:
        """What the head sees of each molecule in evaluation mode, [B, width], and its outputs [B, tasks]."""
        module = nnx.merge(self._graphdef, params, stats, copy=True)
        embeddings = module.embed(batch, training=False)
        return embeddings, module.head(embeddings)

    @cached_property
    def parameters(self) -> int:
        """How many trained numbers the model has."""
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        return sum(leaf.size for leaf in jax.tree.leaves(params))
