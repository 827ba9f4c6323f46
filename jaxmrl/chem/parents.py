"""The identity of molecules: canonical SMILES, and their standardized forms (parents of salts, hydrates and ions).

NumPy and RDKit only: worker processes import this without JAX.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmrl.chem.molecules import CANONICAL_VERSION, UnusableMoleculeError, canonicalize
from jaxmrl.io import cache
from jaxmrl.text import count

if TYPE_CHECKING:
    from rdkit.Chem import Mol

VERSION = 1
"""Part of the key in the cache: raise it when the standardized form of the same SMILES changes."""

AS_WRITTEN, PARENT, TAUTOMER = "none", "parent", "tautomer"
FORMS = (AS_WRITTEN, PARENT, TAUTOMER)
"""Values of --standardize: the molecule itself, its parent, and the canonical tautomer of its parent."""

MOST_TAUTOMER_ATOMS = 500
"""The most atoms of a molecule whose tautomers are enumerated, which takes RDKit 2 s for a peptide of this size."""

_MAY_HAVE_PARENT = re.compile(r"\.|\[[^]]*[-+]")
"""A SMILES without any of these has one fragment and no charge: it is its own parent."""

_EXAMPLES, _SHOWN = 2, 50
"""Examples of replaced molecules that are reported, and the most characters of each SMILES of them."""


@dataclass(frozen=True)
class Replaced:
    """What standardization changed.

    Attributes:
        molecules: How many molecules were replaced by another form.
        fragments: How many of these had several fragments: salts, solvates and mixtures.
        examples: The SMILES of some of them, before and after.
    """

    molecules: int
    fragments: int
    examples: tuple[tuple[str, str], ...] = ()

    def text(self, form: str) -> str:
        """Return this in words.

        Args:
            form: PARENT or TAUTOMER.
        """
        into = "parents" if form == PARENT else "the canonical tautomers of their parents"
        said = f"standardization: {count(self.molecules, 'molecule')} replaced by {into}"
        if not self.molecules:
            return said
        why = "a charge" if form == PARENT else "a charge or another tautomer"
        said += f" ({self.fragments:,} with several fragments, {self.molecules - self.fragments:,} with {why})"
        return f"{said}, such as {'; '.join(f'{old} -> {new}' for old, new in self.examples)}"


NOTHING_REPLACED = Replaced(0, 0)


def all_replaced(parts: Iterable[Replaced]) -> Replaced:
    """Return what was changed in all parts of a table."""
    whole = NOTHING_REPLACED
    for one in parts:
        examples = (*whole.examples, *one.examples)[:_EXAMPLES]
        whole = Replaced(whole.molecules + one.molecules, whole.fragments + one.fragments, examples)
    return whole


@dataclass(frozen=True)
class Parents:
    """The standardized forms of `N` molecules.

    smiles           the canonical SMILES of the form; the text as it was given for a molecule that is in this form
                     already, and for one that cannot be read
    differs [N]      which molecules are not in this form
    fragments [N]    number of separate fragments of each molecule; 0 for one that cannot be read
    replaced         what was changed
    """

    smiles: list[str]
    differs: np.ndarray
    fragments: np.ndarray
    replaced: Replaced


def find_parents(smiles: list[str], progress: cache.CountDone | None = None, *, form: str = PARENT) -> Parents:
    """Return the parent of each molecule: its largest organic fragment, uncharged; or its parent's canonical tautomer.

    The fragment, the charges and the tautomer are chosen by RDKit's rdMolStandardize; the fragment with the most atoms,
    hydrogens included, is the largest. Stereocenters are kept, those of tautomers too. For parents, only molecules with
    several fragments or charges are examined. Works in parallel processes; the result is cached on disk.

    Args:
        smiles: N texts; those that cannot be read are returned as they are.
        progress: Called with the number of molecules that are done.
        form: PARENT or TAUTOMER.
    """
    every = form == TAUTOMER
    examined = [k for k, text in enumerate(smiles) if every or _MAY_HAVE_PARENT.search(text)]
    if progress:
        progress(len(smiles) - len(examined))
    found, fragments, differs = list(smiles), np.ones(len(smiles), np.int32), np.zeros(len(smiles), bool)
    texts = [smiles[k] for k in examined]
    name, work = ("tautomers", _tautomers) if every else ("parents", _parents)
    lines = cache.cached_lines(f"{name}-{CANONICAL_VERSION}", VERSION, texts, work, progress) if texts else []
    for k, line in zip(examined, lines, strict=True):
        pieces, parent = line.split(" ")
        fragments[k] = int(pieces)
        found[k], differs[k] = parent or smiles[k], parent != ""
    changed = np.flatnonzero(differs)
    examples = tuple((_short(smiles[k].strip()), _short(found[k])) for k in changed[:_EXAMPLES])
    replaced = Replaced(len(changed), int((fragments[changed] > 1).sum()), examples)
    return Parents(found, differs, fragments, replaced)


def _short(smiles: str) -> str:
    return smiles if len(smiles) <= _SHOWN else f"{smiles[:_SHOWN]}..."


def kept_form(host: dict[str, Any]) -> str:
    """Return the form of molecules that a saved model or encoder was trained on.

    Args:
        host: What is saved beside its weights. Earlier versions saved `parent`, whether molecules were replaced.
    """
    return host.get("standardize") or (PARENT if host.get("parent") else AS_WRITTEN)


def _parents(smiles: list[str]) -> list[str]:
    """Return "<fragments> <parent>" for each text; the parent is empty where it is the molecule itself."""
    return [_form_line(text, _parent) for text in smiles]


def _tautomers(smiles: list[str]) -> list[str]:
    """Return "<fragments> <tautomer>" for each text, as `_parents` does."""
    return [_form_line(text, _canonical_tautomer) for text in smiles]


def _form_line(text: str, standardize: "Callable[[Mol, int], Mol]") -> str:
    from rdkit import Chem, rdBase

    try:
        own, molecule = canonicalize(text)
    except UnusableMoleculeError:
        return "0 "
    fragments = len(Chem.GetMolFrags(molecule))
    with rdBase.BlockLogs():
        try:
            parent, _ = canonicalize(Chem.MolToSmiles(standardize(molecule, fragments)))
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


def _canonical_tautomer(molecule: "Mol", fragments: int) -> "Mol":
    from rdkit import Chem
    from rdkit.Chem.MolStandardize import rdMolStandardize

    parent = _parent(molecule, fragments)
    if parent.GetNumAtoms() > MOST_TAUTOMER_ATOMS:
        return parent
    options = rdMolStandardize.CleanupParameters()
    options.tautomerRemoveSp3Stereo = False  # else amino acids lose their chirality, by the enol of the acid
    options.tautomerRemoveBondStereo = False
    # The parent's canonical form is read first, because the tautomer that is found may depend on the order of atoms.
    _, parent = canonicalize(Chem.MolToSmiles(parent))
    return rdMolStandardize.TautomerEnumerator(options).Canonicalize(parent)


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
