"""Sequences on the device: SMILES tokens, and fingerprints as the indices of their bits.

A batch is laid out in groups of like length, so that short molecules are not padded to the longest: the planner keeps
the number of molecules too long for each group within a budget, and `gather` sorts a batch by length.
"""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.modalities.fingerprint.features import Fingerprints
from jaxmrl.modalities.graph.dataset import starts
from jaxmrl.modalities.smiles.features import Tokens, group_rows


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TokenBatch:
    """A batch of sequences.

    groups   (tokens [b, w] int32, present [b, w] bool) of each group with room, the longest molecules first
    place    [B] where each molecule of the batch stands among the rows of all groups
    """

    groups: tuple[tuple[jax.Array, jax.Array], ...]
    place: jax.Array


def _lay_out(size, budget, widths, tokens_of) -> TokenBatch:
    """A batch of sequences of `size` [B] tokens: sorted by length, in groups.

    tokens_of(rows, width) gives the tokens [b, width] of some rows [b] of the batch.
    """
    order = jnp.argsort(-size, stable=True)
    groups, start = [], 0
    for rows, width in zip(group_rows(budget, len(size)), reversed(widths), strict=True):
        if rows == 0:
            continue
        mine = order[start : start + rows]
        present = jnp.arange(width)[None, :] < size[mine][:, None]
        tokens = jnp.where(present, tokens_of(mine, width), 0)
        groups.append((tokens, present))
        start += rows
    return TokenBatch(tuple(groups), jnp.argsort(order))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TokenDataset:
    """The tokens of a whole table, end to end; `tokens.Tokens` describes the arrays. start, size [N, V]."""

    start: jax.Array
    size: jax.Array
    token: jax.Array
    widths: tuple[int, ...] = field(metadata={"static": True})
    budget: tuple[int, ...] = field(metadata={"static": True}, default=())

    @classmethod
    def put(cls, tokens: Tokens) -> "TokenDataset":
        start = starts(tokens.sizes.reshape(-1)).reshape(tokens.sizes.shape)
        return cls(jnp.asarray(start), jnp.asarray(tokens.sizes), jnp.asarray(tokens.token), tokens.widths)

    def with_budget(self, rows: np.ndarray) -> "TokenDataset":
        return replace(self, budget=tuple(int(count) for count in rows))

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> TokenBatch:
        """The batch of `ids` [B]: each molecule's own sequence, or any of its V where there is a `key`."""
        variants = self.size.shape[1]
        alone = key is None or variants == 1
        chosen = jnp.zeros_like(ids) if alone else jax.random.randint(key, ids.shape, 0, variants)
        at = jnp.maximum(ids, 0), chosen
        start, size = self.start[at], jnp.where(ids >= 0, self.size[at], 0)

        def tokens_of(rows, width):
            place = start[rows][:, None] + jnp.arange(width)[None, :]
            return self.token[jnp.minimum(place, len(self.token) - 1)].astype(jnp.int32)

        return _lay_out(size, self.budget, self.widths, tokens_of)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FingerprintDataset:
    """The fingerprints of a whole table as packed bits [N, W] uint8; its tokens are the indices of the set bits.

    With `whole`, every bit is a token, 0 or 1, in its place, as in the study.
    """

    size: jax.Array
    packed: jax.Array
    widths: tuple[int, ...] = field(metadata={"static": True})
    whole: bool = field(metadata={"static": True})
    budget: tuple[int, ...] = field(metadata={"static": True}, default=())

    @classmethod
    def put(cls, fingerprints: Fingerprints) -> "FingerprintDataset":
        arrays = jnp.asarray(fingerprints.size), jnp.asarray(fingerprints.packed)
        return cls(*arrays, fingerprints.widths, fingerprints.whole)

    def with_budget(self, rows: np.ndarray) -> "FingerprintDataset":
        return replace(self, budget=tuple(int(count) for count in rows))

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> TokenBatch:
        """The batch of `ids` [B]. `key` is not used."""
        real = jnp.maximum(ids, 0)

        def tokens_of(rows, width):
            bits = jnp.unpackbits(self.packed[real[rows]], axis=1).astype(jnp.int32)
            if self.whole:
                return bits
            so_far = jnp.cumsum(bits, axis=1)
            kth = jnp.arange(1, width + 1)
            return jax.vmap(lambda row: jnp.searchsorted(row, kth))(so_far).astype(jnp.int32)

        return _lay_out(jnp.where(ids >= 0, self.size[real], 0), self.budget, self.widths, tokens_of)
