"""Fingerprints on the device: batches of the indices of the bits that are set, or of all bits."""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.modalities.fingerprint.features import Fingerprints
from jaxmrl.modalities.sequences import TokenBatch, lay_out


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
    def to_device(cls, fingerprints: Fingerprints) -> "FingerprintDataset":
        arrays = jnp.asarray(fingerprints.size), jnp.asarray(fingerprints.packed)
        return cls(*arrays, fingerprints.widths, fingerprints.whole)

    def with_budget(self, rows: np.ndarray) -> "FingerprintDataset":
        return replace(self, budget=tuple(int(count) for count in rows))

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> TokenBatch:
        """Return the batch of `ids` [B]. `key` is not used."""
        real = jnp.maximum(ids, 0)

        def tokens_of(rows: jax.Array, width: int) -> jax.Array:
            bits = jnp.unpackbits(self.packed[real[rows]], axis=1).astype(jnp.int32)
            if self.whole:
                return bits
            so_far = jnp.cumsum(bits, axis=1)
            kth = jnp.arange(1, width + 1)
            return jax.vmap(lambda row: jnp.searchsorted(row, kth))(so_far).astype(jnp.int32)

        return lay_out(jnp.where(ids >= 0, self.size[real], 0), self.budget, self.widths, tokens_of)
