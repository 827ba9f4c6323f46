"""The transformer as a model of fingerprints and SMILES: its defaults, and what it must know of tokens. Free of JAX."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxmrl.modalities.base import Model

if TYPE_CHECKING:
    from flax import nnx

HEADS = 8
"""Heads of attention."""


@dataclass(frozen=True)
class TransformerOptions:
    """tokens: rows of the token embedding. positions: whether a token's place counts."""

    tokens: int
    positions: bool


def _build(**settings: Any) -> "nnx.Module":
    from jaxmrl.modalities.transformer import Transformer

    return Transformer(heads=HEADS, **settings)


TRANSFORMER = Model(
    "transformer",
    width=64,
    depth=1,
    dropout=0.1,
    learning_rate=1e-3,
    build=_build,
    options=TransformerOptions,
    heads=HEADS,
)
"""The study's."""
