"""The study's graph isomorphism network (Xu et al. 2019, with bond embeddings as in Hu et al. 2020)."""

import jax
import jax.numpy as jnp
import jraph
from flax import nnx

from jaxmrl.modalities.graph.features import ATOM_KINDS, BOND_FEATURES, CHIRALITY_KINDS
from jaxmrl.modalities.layers import (
    MaskedBatchNorm,
    dropout,
    dropout_keys,
    exact_product,
    has_dropout,
    keep,
    linear,
    look_up,
    mean_nodes,
    sum_neighbors,
)

_embedding = nnx.initializers.xavier_uniform()


class _Aggregation(nnx.Module):
    """MLP(h_i + sum_j h_j + sum of the embeddings of i's bonds, self-loop included)."""

    def __init__(self, width: int, outputs: int, *, precision: str, rngs: nnx.Rngs):
        self.bond = nnx.Param(_embedding(rngs.params(), (BOND_FEATURES, width)))
        self.expand = linear(width, 2 * width, precision=precision, rngs=rngs)
        self.contract = linear(2 * width, outputs, precision=precision, rngs=rngs)
        self.precision = precision

    def aggregate(self, h: jax.Array, nodes: dict) -> jax.Array:
        """Return [n, outputs] of h [n, width]; `nodes` as `GraphDataset.gather` lays them out."""
        with jax.named_scope("aggregate"):
            message = h + sum_neighbors(h, nodes["neighbors"], nodes["overflow"])
            message += exact_product(nodes["bonds"], self.bond[...])
        return self.contract(jax.nn.relu(keep(self.expand(message), self.precision)))


class Convolution(_Aggregation):
    """h_i <- MLP(h_i + sum_j h_j + sum of the embeddings of i's bonds, self-loop included)."""

    def __call__(self, h: jax.Array, nodes: dict) -> jax.Array:
        """Return [n, outputs] of h [n, width]; `nodes` as `GraphDataset.gather` lays them out."""
        return self.aggregate(h, nodes)


class GINLayer(_Aggregation):
    """A convolution and a batch norm."""

    def __init__(self, width: int, *, precision: str, rngs: nnx.Rngs):
        super().__init__(width, width, precision=precision, rngs=rngs)
        self.norm = MaskedBatchNorm(width)

    def __call__(self, h: jax.Array, nodes: dict, mask: jax.Array, *, training: bool) -> jax.Array:
        """Return [n, d] of h [n, d] and mask [n]."""
        h = self.aggregate(h, nodes)
        with jax.named_scope("norm"):
            return self.norm(h, mask, training=training)


class Encoder(nnx.Module):
    """Atoms and bonds -> `depth` layers -> an embedding of each atom. What pre-training trains."""

    def __init__(self, *, width: int, depth: int, dropout: float, precision: str, rngs: nnx.Rngs):
        self.atom = nnx.Param(_embedding(rngs.params(), (ATOM_KINDS, width)))
        self.chirality = nnx.Param(_embedding(rngs.params(), (CHIRALITY_KINDS, width)))
        self.layers = nnx.List([GINLayer(width, precision=precision, rngs=rngs) for _ in range(depth)])
        self.dropout = dropout

    def __call__(self, nodes: dict, mask: jax.Array, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return atom embeddings [n, width]; `nodes` as `GraphDataset.gather` lays them out, mask [n], `key` as in
        `GIN.embed`.
        """
        with jax.named_scope("embed"):
            h = look_up(self.atom[...], nodes["atom"].astype(jnp.int32))
            h += look_up(self.chirality[...], nodes["chirality"].astype(jnp.int32))
        keys = dropout_keys(key, len(self.layers)) if training and has_dropout(self.dropout) else None
        for index, layer in enumerate(self.layers):
            h = layer(h, nodes, mask, training=training)
            if index + 1 < len(self.layers):
                h = jax.nn.relu(h)
            if keys is not None:
                with jax.named_scope("dropout"):
                    h = dropout(h, self.dropout, keys[index])
        return h


class GIN(nnx.Module):
    """The encoder -> mean over the atoms -> linear head."""

    def __init__(self, *, width: int, depth: int, dropout: float, tasks: int, precision: str, rngs: nnx.Rngs):
        self.encoder = Encoder(width=width, depth=depth, dropout=dropout, precision=precision, rngs=rngs)
        self.head = linear(width, tasks, precision=precision, rngs=rngs)

    def embed(self, graph: jraph.GraphsTuple, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return the mean atom embedding of each molecule, [B, width].

        `key` draws the dropout masks, in training only.
        """
        mask = jraph.get_node_padding_mask(graph)
        h = self.encoder(graph.nodes, mask, training=training, key=key)
        with jax.named_scope("pool"):
            return mean_nodes(h, graph.nodes["graph"], mask, graph.n_node.shape[0] - 1)

    def __call__(self, graph: jraph.GraphsTuple, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return logits (classification) or standardized values (regression), [B, tasks]."""
        return self.head(self.embed(graph, training=training, key=key))
