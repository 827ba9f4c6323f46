"""SMILES on the device: batches of the tokens of each molecule's own text, or of any of its texts."""

from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.modalities.flat_rows import starts
from jaxmrl.modalities.sequences import TokenBatch, lay_out
from jaxmrl.modalities.smiles.features import Tokens


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
    def to_device(cls, tokens: Tokens) -> "TokenDataset":
        start = starts(tokens.sizes.reshape(-1)).reshape(tokens.sizes.shape)
        return cls(jnp.asarray(start), jnp.asarray(tokens.sizes), jnp.asarray(tokens.token), tokens.widths)

    def with_budget(self, rows: np.ndarray) -> "TokenDataset":
        return replace(self, budget=tuple(int(count) for count in rows))

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> TokenBatch:
        """Return the batch of `ids` [B]: each molecule's own sequence, or any of its V where there is a `key`."""
        variants = self.size.shape[1]
        if key is None or variants == 1:
            chosen = jnp.zeros_like(ids)
        else:
            chosen = jax.random.randint(key, ids.shape, 0, variants)
        at = jnp.maximum(ids, 0), chosen
        start, size = self.start[at], jnp.where(ids >= 0, self.size[at], 0)

        def tokens_of(rows: jax.Array, width: int) -> jax.Array:
            place = start[rows][:, None] + jnp.arange(width)[None, :]
            return self.token[jnp.minimum(place, len(self.token) - 1)].astype(jnp.int32)

        return lay_out(size, self.budget, self.widths, tokens_of)
