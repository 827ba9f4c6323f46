"""SMILES -> tokens. NumPy only."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from jaxmrl.modalities.token_groups import Sequences

PATTERN = re.compile(r"\[[^\]]+]|Br|Cl|%\(\d+\)|%\d\d|@@|.", re.DOTALL)
"""Atoms in brackets, two-letter atoms, ring numbers, else single characters: the atom-wise tokens of Schwaller et al.
(Molecular Transformer, 2019), in a form that leaves no character out."""

UNKNOWN = 0
MOST_TOKENS = 510
"""Longer molecules are cut off, at the study's limit."""


@dataclass(frozen=True)
class Tokens(Sequences):
    """The token sequences of `N` molecules, `V` of each, end to end.

    sizes [N, V] int32  tokens of each sequence; the first of a molecule is its own, others are of training alone
    token [A] uint16    places in `vocabulary`, whose first one stands for all that it lacks
    truncated           molecules that were cut off at MOST_TOKENS
    """

    sizes: np.ndarray
    token: np.ndarray
    vocabulary: tuple[str, ...]
    truncated: int

    @property
    def size(self) -> np.ndarray:
        """Tokens of each molecule's longest sequence, [N] int32."""
        return self.sizes.max(axis=1)


def tokenize(smiles: str) -> list[str]:
    """Return the tokens of a SMILES string; joined, they spell it."""
    return PATTERN.findall(smiles)


def build_vocabulary(smiles: list[str]) -> tuple[str, ...]:
    """Return every token of these molecules, the most frequent first, after the one for unknown tokens."""
    counts = Counter(token for text in smiles for token in tokenize(text))
    return ("", *sorted(counts, key=lambda token: (-counts[token], token)))


def encode(smiles: list[list[str]], vocabulary: tuple[str, ...]) -> Tokens:
    """Return the tokens of each molecule's SMILES, equally many for each, as places in `vocabulary`."""
    place = {token: k for k, token in enumerate(vocabulary)}
    sequences = [[place.get(token, UNKNOWN) for token in tokenize(text)] for several in smiles for text in several]
    kept = [np.array(sequence[:MOST_TOKENS], np.uint16) for sequence in sequences]
    sizes = np.array([len(sequence) for sequence in kept], np.int32).reshape(len(smiles), -1)
    cut = np.array([len(sequence) > MOST_TOKENS for sequence in sequences]).reshape(sizes.shape)
    return Tokens(sizes, np.concatenate(kept), vocabulary, truncated=int(cut.any(axis=1).sum()))
