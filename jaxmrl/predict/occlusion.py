"""A molecule without each of its atoms, and the molecule drawn with a color for each atom. RDKit only."""

from typing import TYPE_CHECKING

import numpy as np

from jaxmrl.chem.molecules import UnusableMoleculeError, canonicalize, parse

if TYPE_CHECKING:
    from rdkit.Chem import Mol

_SIZE = (300, 240)
"""Width and height of a drawing, in pixels."""

_RAISES, _LOWERS = (0.90, 0.45, 0.0), (0.0, 0.45, 0.70)
"""Colors of atoms that raise and lower a prediction: orange and blue, which color-blind readers distinguish."""

_FAINTEST = 0.05
"""Share of the largest contribution in a molecule below which an atom has no color."""


def without_each_atom(smiles: str) -> list[str]:
    """Return the SMILES of a molecule without each of its atoms in turn, as `without_atom`."""
    molecule = parse(smiles)
    return [without_atom(molecule, atom) for atom in range(molecule.GetNumAtoms())]


def without_atom(molecule: "Mol", atom: int) -> str:
    """Return the canonical SMILES of what remains without a heavy atom: "" where that is nothing, or no molecule.

    Its neighbors get hydrogens in its place, and lose their stereochemistry. A ring is opened, and parts that only the
    atom connected become fragments (Polishchuk et al. 2013 remove fragments in the same way).
    """
    from rdkit import Chem, rdBase

    edited = Chem.RWMol(molecule)
    with rdBase.BlockLogs():
        try:
            Chem.Kekulize(edited, clearAromaticFlags=True)
            for neighbor in edited.GetAtomWithIdx(atom).GetNeighbors():
                neighbor.SetNoImplicit(False)
                neighbor.SetNumExplicitHs(0)
                neighbor.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
                for bond in neighbor.GetBonds():
                    bond.SetStereo(Chem.BondStereo.STEREONONE)
            edited.RemoveAtom(atom)
            Chem.SanitizeMol(edited)
            return canonicalize(Chem.MolToSmiles(edited))[0]
        except (UnusableMoleculeError, RuntimeError, ValueError):
            return ""


def draw_contributions(smiles: str, contributions: np.ndarray, legend: str) -> str:
    """Return a molecule as SVG, its atoms in orange where they raise the prediction and in blue where they lower it.

    Args:
        smiles: The molecule; its atoms are in the order of the text.
        contributions: [atoms] what each atom adds; NaN where it is not known. Colors are relative to the largest.
        legend: The text below the molecule.
    """
    from rdkit.Chem.Draw import rdMolDraw2D

    molecule = parse(smiles)
    known = np.nan_to_num(contributions)
    shares = known / max(np.abs(known).max(initial=0.0), np.finfo(float).tiny)
    colors = {k: _color(share) for k, share in enumerate(shares.tolist()) if abs(share) >= _FAINTEST}
    drawer = rdMolDraw2D.MolDraw2DSVG(*_SIZE)
    drawer.drawOptions().legendFontSize = 16
    drawer.drawOptions().useBWAtomPalette()
    rdMolDraw2D.PrepareAndDrawMolecule(
        drawer,
        molecule,
        legend=legend,
        highlightAtoms=list(colors),
        highlightAtomColors=colors,
        highlightBonds=[],
    )
    drawer.FinishDrawing()
    return drawer.GetDrawingText()


def _color(share: float) -> tuple[float, float, float]:
    """Return the color of a share from -1 to 1, the paler the smaller."""
    red, green, blue = (1 - abs(share) * (1 - part) for part in (_RAISES if share > 0 else _LOWERS))
    return red, green, blue
