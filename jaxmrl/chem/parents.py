"""The identity of molecules: canonical SMILES, and the parents of salts, hydrates and ions.

NumPy and RDKit only: worker processes import this without JAX.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jaxmrl.chem.molecules import CANONICAL_VERSION, UnusableMoleculeError, canonicalize
from jaxmrl.io import cache
from jaxmrl.text import count

if TYPE_CHECKING:
    from rdkit.Chem import Mol

VERSION = 1
"""Part of the key in the cache: raise it when the parent of the same SMILES changes."""

_MAY_HAVE_PARENT = re.compile(r"\.|\[[^]]*[-+]")
"""A SMILES without any of these has one fragment and no charge: it is its own parent."""


@dataclass(frozen=True)
class Parents:
    """The parents of `N` molecules.

    smiles           the parent's canonical SMILES; the text as it was given for a molecule that is its own parent,
                     and for one that cannot be read
    differs [N]      which molecules are not their own parents
    fragments [N]    number of separate fragments of each molecule; 0 for one that cannot be read
    """

    smiles: list[str]
    differs: np.ndarray
    fragments: np.ndarray

    @property
    def changed(self) -> int:
        """The number of molecules that are not their own parents."""
        return int(self.differs.sum())


def replaced_text(molecules: int) -> str:
    """Return in words how many molecules are replaced by their parents."""
    return f"parents: {count(molecules, 'molecule')} replaced by the largest organic fragment, uncharged"


def find_parents(smiles: list[str], progress: cache.CountDone | None = None) -> Parents:
    """Return the parent of each molecule: its largest organic fragment, uncharged.

    The fragment and the charges are chosen by RDKit's rdMolStandardize; the fragment with the most atoms, hydrogens
    included, is the largest. Only molecules with several fragments or charges are examined, in parallel processes; the
    result is cached on disk.

    Args:
        smiles: N texts; those that cannot be read are returned as they are.
        progress: Called with the number of molecules that are done.
    """
    examined = [k for k, text in enumerate(smiles) if _MAY_HAVE_PARENT.search(text)]
    if progress:
        progress(len(smiles) - len(examined))
    found, fragments, differs = list(smiles), np.ones(len(smiles), np.int32), np.zeros(len(smiles), bool)
    texts = [smiles[k] for k in examined]
    version = f"parents-{CANONICAL_VERSION}"
    lines = cache.cached_lines(version, VERSION, texts, _parents, progress) if texts else []
    for k, line in zip(examined, lines, strict=True):
        pieces, parent = line.split(" ")
        fragments[k] = int(pieces)
        found[k], differs[k] = parent or smiles[k], parent != ""
    return Parents(found, differs, fragments)


def _parents(smiles: list[str]) -> list[str]:
    """Return "<fragments> <parent>" for each text; the parent is empty where it is the molecule itself."""
    return [_parent_line(text) for text in smiles]


def _parent_line(text: str) -> str:
    from rdkit import Chem, rdBase

    try:
        own, molecule = canonicalize(text)
    except UnusableMoleculeError:
        return "0 "
    fragments = len(Chem.GetMolFrags(molecule))
    with rdBase.BlockLogs():
        try:
            parent, _ = canonicalize(Chem.MolToSmiles(_parent(molecule, fragments)))
        except (UnusableMoleculeError, RuntimeError, ValueError):  # a fragment that RDKit cannot write or read again
            parent = own
    return f"{fragments} {'' if parent == own else parent}"


def _parent(molecule: "Mol", fragments: int) -> "Mol":
    from rdkit.Chem.MolStandardize import rdMolStandardize

    if fragments > 1:
        options = rdMolStandardize.CleanupParameters()
        options.preferOrganic = True
        molecule = rdMolStandardize.LargestFragmentChooser(options).choose(molecule)
    return rdMolStandardize.Uncharger().uncharge(molecule)


def canonical_hashes(smiles: list[str], progress: cache.CountDone | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the hash of each canonical SMILES [N] uint64, of `ParsedMolecules.canonical`, and which were read [N]."""
    if not smiles:
        return np.zeros(0, np.uint64), np.zeros(0, bool)
    lines = cache.cached_lines("canonical", CANONICAL_VERSION, smiles, _canonical, progress)
    return np.array([cache.text_hash(line) for line in lines], np.uint64), np.array([line != "" for line in lines])


def _canonical(smiles: list[str]) -> list[str]:
    """Return each canonical SMILES; empty for a text that cannot be read."""
    found = []
    for text in smiles:
        try:
            found.append(canonicalize(text)[0])
        except UnusableMoleculeError:
            found.append("")
    return found


def parent_hashes(canonical: np.ndarray, parents: Parents) -> np.ndarray:
    """Return the hash of each parent's canonical SMILES [N] uint64.

    canonical: Hashes of the molecules' own canonical SMILES, [N].
    """
    hashes = canonical.copy()
    for k in np.flatnonzero(parents.differs):
        hashes[k] = cache.text_hash(parents.smiles[k])
    return hashes
