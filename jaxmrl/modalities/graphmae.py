"""GraphMAE: an encoder that learns to predict masked atoms (Hou et al. 2022), with the study's one-layer decoder."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from jaxmrl.modalities.layers import xavier_linear

SHARPNESS = 2
"""The power of the cosine error: an atom whose prediction is nearly right counts less. GraphMAE asks for 1 or more."""

_FIRST_SLOPE = 0.25


class Atoms(NamedTuple):
    """The atoms of a batch with n rows, the last of them padding.

    real [n]      whether the row is an atom
    molecule [n]  the place in the batch of its molecule
    size [G]      rows of each molecule
    kind [n]      its element, as a place in `GraphMAE.elements`
    """

    real: jax.Array
    molecule: jax.Array
    size: jax.Array
    kind: jax.Array


class GraphMAE(nnx.Module):
    """Encoder -> PReLU -> linear -> the masked atoms' rows set to 0 -> one convolution -> an output for each kind.

    The decoder must predict a masked atom from its neighbors' embeddings, because its own is set to 0 (re-masking). A
    subclass names the parts, and says how a batch goes through them.
    """

    elements: ClassVar[tuple[int, ...]]
    """The atomic number of each kind of atom that can be predicted; 0 for a dummy and for rare elements in one."""

    make_encoder: ClassVar[Callable[..., nnx.Module]]
    """From width, depth, dropout, precision and rngs to the encoder."""

    make_decoder: ClassVar[Callable[..., nnx.Module]]
    """From the width, the number of outputs, precision and rngs to a convolution."""

    def __init__(self, *, width: int, depth: int, dropout: float, precision: str, rngs: nnx.Rngs):
        self.encoder: Any = self.make_encoder(width=width, depth=depth, dropout=dropout, precision=precision, rngs=rngs)
        self.slope = nnx.Param(jnp.full(1, _FIRST_SLOPE, jnp.float32))
        self.bridge = xavier_linear(width, width, precision=precision, rngs=rngs, bias=False)
        self.decoder: Any = self.make_decoder(width, len(self.elements), precision=precision, rngs=rngs)

    @staticmethod
    def atoms(batch: Any) -> Atoms:
        """Return the atoms of a batch."""
        raise NotImplementedError

    def encode(self, batch: Any, masked: jax.Array, *, training: bool, key: jax.Array | None) -> jax.Array:
        """Return an embedding of each atom, [n, width], that does not depend on what the atoms at `masked` [n] are."""
        raise NotImplementedError

    def decode(self, h: jax.Array, batch: Any) -> jax.Array:
        """Return the outputs [n, kinds] of rows h [n, width]."""
        raise NotImplementedError

    def __call__(self, batch: Any, masked: jax.Array, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return outputs [n, kinds] of each atom; only those at `masked` [n] are used."""
        h = self.encode(batch, masked, training=training, key=key)
        h = jnp.where(h > 0, h, self.slope[...][None, :] * h)
        return self.decode(jnp.where(masked[:, None], 0.0, self.bridge(h)), batch)


def choose_atoms(atoms: Atoms, rate: float, key: jax.Array) -> jax.Array:
    """Return which atoms [n] are masked: a share `rate` of each molecule's, rounded, and at least one, drawn by `key`.

    Which ones depends on the atom's row in the batch, how many on its molecule alone.
    """
    mask, owner, size = atoms.real, atoms.molecule, atoms.size
    # Padding rows are last and sort behind every molecule. Sorting moves rows only within their molecule.
    order = jnp.lexsort((jax.random.uniform(key, mask.shape), jnp.where(mask, owner, len(size))))
    place = jnp.zeros_like(order).at[order].set(jnp.arange(len(order)), unique_indices=True)
    rank = place - (jnp.cumsum(size) - size)[owner]
    many = jnp.maximum(jnp.round(rate * size.astype(jnp.float32)).astype(rank.dtype), 1)
    return mask & (rank < many[owner])


def scaled_cosine_error(outputs: jax.Array, kinds: jax.Array) -> jax.Array:
    """Return (1 - cosine of the outputs and the one-hot kind) ** SHARPNESS, [n]; Hou et al. 2022, equation 2.

    outputs [n, K], kinds [n] int below K.
    """
    length = jnp.sqrt(jnp.sum(outputs**2, axis=1) + 1e-12)
    right = jnp.sum(outputs * jax.nn.one_hot(kinds, outputs.shape[1], dtype=outputs.dtype), axis=1)
    return (1.0 - right / length) ** SHARPNESS
