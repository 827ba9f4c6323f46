"""GraphMAE: an encoder that learns to predict masked atoms (Hou et al. 2022), with the study's one-layer decoder."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import jraph
from flax import nnx

from jaxmrl.modalities.graph.features import ATOM_KINDS
from jaxmrl.modalities.graph.gin import Convolution, Encoder
from jaxmrl.modalities.layers import xavier_linear

MASKED = ATOM_KINDS - 1
"""The kind of a masked atom. The kinds below are what it may have been."""

SHARPNESS = 2
"""The power of the cosine error: an atom that is nearly told counts less. GraphMAE asks for 1 or more."""

_FIRST_SLOPE = 0.25


class GraphMAE(nnx.Module):
    """Encoder -> PReLU -> linear -> the masked atoms' rows set to 0 -> one convolution -> an output for each kind.

    The decoder must tell a masked atom by its neighbors' embeddings: its own is taken away (re-masking).
    """

    def __init__(self, *, width: int, depth: int, dropout: float, precision: str, rngs: nnx.Rngs):
        self.encoder = Encoder(width=width, depth=depth, dropout=dropout, precision=precision, rngs=rngs)
        self.slope = nnx.Param(jnp.full(1, _FIRST_SLOPE, jnp.float32))
        self.bridge = xavier_linear(width, width, precision=precision, rngs=rngs, bias=False)
        self.decoder = Convolution(width, MASKED, precision=precision, rngs=rngs)

    def __call__(
        self, graph: jraph.GraphsTuple, masked: jax.Array, *, training: bool, key: jax.Array | None = None
    ) -> jax.Array:
        """Return outputs [n, MASKED] of each atom; only those at `masked` [n] are used."""
        mask, nodes = jraph.get_node_padding_mask(graph), dict(graph.nodes)
        nodes["atom"] = jnp.where(masked, MASKED, nodes["atom"]).astype(nodes["atom"].dtype)
        nodes["chirality"] = jnp.where(masked, 0, nodes["chirality"]).astype(nodes["chirality"].dtype)
        h = self.encoder(nodes, mask, training=training, key=key)
        h = jnp.where(h > 0, h, self.slope[...][None, :] * h)
        h = jnp.where(masked[:, None], 0.0, self.bridge(h))
        return self.decoder(h, nodes)


@dataclass(frozen=True)
class GraphMAEShape:
    """All that decides the model, as pure functions over its arrays."""

    width: int
    depth: int
    dropout: float
    precision: str

    @property
    def name(self) -> str:
        return f"graphmae-gin-{self.width}x{self.depth}"

    @cached_property
    def parameters(self) -> int:
        """The number of trained parameters, including the decoder's."""
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    def _module(self, key: jax.Array) -> GraphMAE:
        sizes = {f.name: getattr(self, f.name) for f in fields(self)}
        return GraphMAE(**sizes, rngs=nnx.Rngs(params=key))

    @cached_property
    def graphdef(self) -> nnx.GraphDef:
        return nnx.split(nnx.eval_shape(lambda: self._module(jax.random.key(0))), nnx.Param, nnx.BatchStat)[0]

    def init(self, key: jax.Array) -> tuple[Any, Any]:
        """Return fresh parameters and batch-norm statistics."""
        _, *states = nnx.split(self._module(key), nnx.Param, nnx.BatchStat)
        params, stats = states
        return params, stats

    def outputs(
        self, params: Any, stats: Any, graph: Any, masked: jax.Array, key: jax.Array | None = None
    ) -> tuple[jax.Array, Any]:
        """Return outputs [n, MASKED] and the batch-norm statistics, which move in training; without `key` in
        evaluation.
        """
        module = nnx.merge(self.graphdef, params, stats, copy=True)
        outputs = module(graph, masked, training=key is not None, key=key)
        return outputs, nnx.state(module, nnx.BatchStat)


def choose_atoms(graph: jraph.GraphsTuple, rate: float, key: jax.Array) -> jax.Array:
    """Return which atoms [n] are masked: a share `rate` of each molecule's, rounded, and at least one, drawn by `key`.

    Which ones depends on the atom's row in the batch, how many on its molecule alone.
    """
    mask, owner, size = jraph.get_node_padding_mask(graph), graph.nodes["graph"], graph.n_node
    # Padding rows are last and sort behind every molecule. Sorting moves rows only within their molecule.
    order = jnp.lexsort((jax.random.uniform(key, mask.shape), jnp.where(mask, owner, len(size))))
    place = jnp.zeros_like(order).at[order].set(jnp.arange(len(order)), unique_indices=True)
    rank = place - (jnp.cumsum(size) - size)[owner]
    many = jnp.maximum(jnp.round(rate * size.astype(jnp.float32)).astype(rank.dtype), 1)
    return mask & (rank < many[owner])


def scaled_cosine_error(outputs: jax.Array, kinds: jax.Array) -> jax.Array:
    """Return (1 - cosine of the outputs and the one-hot kind) ** SHARPNESS, [n]; Hou et al. 2022, equation 2.

    outputs [n, MASKED], kinds [n] int.
    """
    length = jnp.sqrt(jnp.sum(outputs**2, axis=1) + 1e-12)
    told = jnp.sum(outputs * jax.nn.one_hot(kinds, outputs.shape[1], dtype=outputs.dtype), axis=1)
    return (1.0 - told / length) ** SHARPNESS
