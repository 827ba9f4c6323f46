"""SMILES -> tokens, and what sequences of tokens of any kind take of a batch. NumPy only."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

PATTERN = re.compile(r"\[[^\]]+]|Br|Cl|%\(\d+\)|%\d\d|@@|.", re.DOTALL)
"""Atoms in brackets, two-letter atoms, ring numbers, else single characters: the atom-wise tokens of Schwaller et al.
(Molecular Transformer, 2019), in a form that leaves no character out."""

UNKNOWN = 0
MOST_TOKENS = 510
"""Longer molecules are cut off, at the study's limit."""

_SHARES = (0.5, 0.9)
_WIDTH_MULTIPLE = 8


class Sequences:
    """What sequences of `size` [N] tokens take of a batch, which is laid out in groups of like length."""

    size: np.ndarray

    @property
    def widths(self) -> tuple[int, ...]:
        """Tokens of a row in each group, the narrowest first."""
        return group_widths(self.size)

    def resources(self) -> np.ndarray:
        """Of each molecule whether it is too long for each group but the last, [N, groups - 1]."""
        return group_resources(self.size, self.widths)

    def rows(self, limits: np.ndarray, batch_size: int) -> int:
        """Rows of a batch within `limits`."""
        return sum(b * w for b, w in zip(group_rows(limits, batch_size), self.widths[::-1], strict=True))


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


def tokenise(smiles: str) -> list[str]:
    """The tokens of a SMILES string, which they spell when joined."""
    return PATTERN.findall(smiles)


def build_vocabulary(smiles: list[str]) -> tuple[str, ...]:
    """Every token of these molecules, the most frequent first, after the one for unknown ones."""
    counts = Counter(token for text in smiles for token in tokenise(text))
    return ("", *sorted(counts, key=lambda token: (-counts[token], token)))


def encode(smiles: list[list[str]], vocabulary: tuple[str, ...]) -> Tokens:
    """The tokens of each molecule's SMILES, as many for each, as places in `vocabulary`."""
    place = {token: k for k, token in enumerate(vocabulary)}
    sequences = [[place.get(token, UNKNOWN) for token in tokenise(text)] for several in smiles for text in several]
    kept = [np.array(sequence[:MOST_TOKENS], np.uint16) for sequence in sequences]
    sizes = np.array([len(sequence) for sequence in kept], np.int32).reshape(len(smiles), -1)
    cut = np.array([len(sequence) > MOST_TOKENS for sequence in sequences]).reshape(sizes.shape)
    return Tokens(sizes, np.concatenate(kept), vocabulary, truncated=int(cut.any(axis=1).sum()))


def group_widths(size: np.ndarray) -> tuple[int, ...]:
    """Widths of the groups that a batch of sequences is laid out in: for half of them, nine tenths, all."""
    bounds = [*np.quantile(size, _SHARES), size.max()]
    return tuple(sorted({-(-int(bound) // _WIDTH_MULTIPLE) * _WIDTH_MULTIPLE for bound in bounds}))


def group_resources(size: np.ndarray, widths: tuple[int, ...]) -> np.ndarray:
    """Of each molecule whether it is too long for each group but the last, [N, groups - 1]."""
    return np.array([size > width for width in widths[:-1]], np.int32).reshape(len(widths) - 1, len(size)).T


def group_rows(limits: np.ndarray, molecules: int) -> list[int]:
    """Molecules of each group of a batch, the widest first. limits[g]: how many may be too long for group g."""
    longer = [molecules, *(min(int(count), molecules) for count in limits), 0]
    return [longer[g] - longer[g + 1] for g in reversed(range(len(longer) - 1))]
