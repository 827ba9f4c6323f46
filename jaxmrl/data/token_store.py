"""Sequences on the device: SMILES tokens, and fingerprints as the indices of their bits.

A batch is laid out in groups of like length, so that short molecules are not padded to the longest: the planner keeps
the number of molecules too long for each group within a budget, and `gather` sorts a batch by length.
"""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.data.fingerprints import Fingerprints
from jaxmrl.data.tokens import Tokens, group_rows


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TokenBatch:
    """A batch of sequences.

    groups   (tokens [b, w] int32, present [b, w] bool) of each group with room, the longest molecules first
    place    [B] where each molecule of the batch stands among the rows of all groups
    """

    groups: tuple[tuple[jax.Array, jax.Array], ...]
    place: jax.Array


def _lay_out(ids, size, budget, widths, tokens_of) -> TokenBatch:
    """The batch of `ids` [B]: sorted by length, in groups; tokens_of(ids, width) gives a group's tokens [b, w]."""
    size = jnp.where(ids >= 0, size[jnp.maximum(ids, 0)], 0)
    order = jnp.argsort(-size, stable=True)
    groups, start = [], 0
    for rows, width in zip(group_rows(budget, len(ids)), reversed(widths), strict=True):
        if rows == 0:
            continue
        mine = order[start : start + rows]
        present = jnp.arange(width)[None, :] < size[mine][:, None]
        tokens = jnp.where(present, tokens_of(jnp.maximum(ids[mine], 0), width), 0)
        groups.append((tokens, present))
        start += rows
    return TokenBatch(tuple(groups), jnp.argsort(order))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TokenStore:
    """The tokens of a whole table, end to end; `tokens.Tokens` describes the arrays."""

    start: jax.Array
    size: jax.Array
    token: jax.Array
    widths: tuple[int, ...] = field(metadata={"static": True})
    budget: tuple[int, ...] = field(metadata={"static": True}, default=())

    @classmethod
    def put(cls, tokens: Tokens) -> "TokenStore":
        start = (np.cumsum(tokens.size, dtype=np.int64) - tokens.size).astype(np.int32)
        return cls(jnp.asarray(start), jnp.asarray(tokens.size), jnp.asarray(tokens.token), tokens.widths)

    def with_budget(self, rows: np.ndarray) -> "TokenStore":
        return replace(self, budget=tuple(int(count) for count in rows))

    def gather(self, ids: jax.Array) -> TokenBatch:
        def tokens_of(ids, width):
            place = self.start[ids][:, None] + jnp.arange(width)[None, :]
            return self.token[jnp.minimum(place, len(self.token) - 1)].astype(jnp.int32)

        return _lay_out(ids, self.size, self.budget, self.widths, tokens_of)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FingerprintStore:
    """The fingerprints of a whole table as packed bits [N, W] uint8; its tokens are the indices of the set bits.

    With `whole`, every bit is a token, 0 or 1, in its place, as in the study.
    """

    size: jax.Array
    packed: jax.Array
    widths: tuple[int, ...] = field(metadata={"static": True})
    whole: bool = field(metadata={"static": True})
    budget: tuple[int, ...] = field(metadata={"static": True}, default=())

    @classmethod
    def put(cls, fingerprints: Fingerprints) -> "FingerprintStore":
        arrays = jnp.asarray(fingerprints.size), jnp.asarray(fingerprints.packed)
        return cls(*arrays, fingerprints.widths, fingerprints.whole)

    def with_budget(self, rows: np.ndarray) -> "FingerprintStore":
        return replace(self, budget=tuple(int(count) for count in rows))

    def gather(self, ids: jax.Array) -> TokenBatch:
        def tokens_of(ids, width):
            bits = jnp.unpackbits(self.packed[ids], axis=1).astype(jnp.int32)
            if self.whole:
                return bits
            so_far = jnp.cumsum(bits, axis=1)
            kth = jnp.arange(1, width + 1)
            return jax.vmap(lambda row: jnp.searchsorted(row, kth))(so_far).astype(jnp.int32)

        return _lay_out(ids, self.size, self.budget, self.widths, tokens_of)
