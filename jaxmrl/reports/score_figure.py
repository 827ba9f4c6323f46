"""The picture of a scoring: each score's distribution, and the molecules at its ends, drawn by RDKit."""

import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from jaxmrl.data.task_data import TaskData
from jaxmrl.pruning.score_files import direction
from jaxmrl.pruning.select import Scores
from jaxmrl.reports.plots import own_style

SHOWN = 12
_CELL = 200


@own_style()
def draw_scores(scores: Scores, problem: TaskData, keep: str, title: str) -> Figure:
    """Draw for each method a histogram of its mean score, and the SHOWN molecules kept first and last with their
    labels.
    """
    names = list(scores.values)
    figure = Figure(figsize=(20, 3.2 * len(names) + 0.6), layout="constrained")
    figure.suptitle(title, fontsize=12)
    cells = figure.subplots(len(names), 2, width_ratios=(1, 5), squeeze=False)
    for name, (left, right) in zip(names, cells, strict=True):
        values = scores.score(name)
        left.hist(values[~np.isnan(values)], bins=50, color="#0072B2")
        left.set_xlabel(name)
        left.set_ylabel("molecules")
        order = scores.order(name, direction(name, keep))
        shown = [*order[:SHOWN], *order[::-1][:SHOWN]]
        right.imshow(_draw_molecules([int(k) for k in shown], problem))
        right.set_title(f"{name}: above those kept first, below those kept last", fontsize=9, loc="left")
        right.axis("off")
    return figure


def _draw_molecules(molecules: list[int], problem: TaskData) -> np.ndarray:
    """Return two rows of molecules as an image, with ids and labels below."""
    from rdkit.Chem.Draw import rdMolDraw2D

    columns = -(-len(molecules) // 2)
    drawer = rdMolDraw2D.MolDraw2DCairo(columns * _CELL, 2 * _CELL, _CELL, _CELL)
    drawer.drawOptions().legendFontSize = 16
    drawn = [_molecule(k, problem) for k in molecules]
    drawer.DrawMolecules(drawn, legends=[legend(k, problem) for k in molecules])
    drawer.FinishDrawing()
    return imread(io.BytesIO(drawer.GetDrawingText()), format="png")


def draw_molecule(molecule: int, problem: TaskData) -> str:
    """Return one molecule as SVG, with id and labels below."""
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DSVG(_CELL, _CELL)
    drawer.DrawMolecule(_molecule(molecule, problem), legend=legend(molecule, problem))
    drawer.FinishDrawing()
    return drawer.GetDrawingText()


def _molecule(molecule: int, problem: TaskData) -> Any:
    """Return a molecule for a drawing, from its SMILES, or from its positions: atoms and bonds."""
    from rdkit import Chem, Geometry
    from rdkit.Chem import rdDetermineBonds

    from jaxmrl.chem.molecules import parse

    if problem.has_smiles:
        return parse(problem.canonical_smiles[molecule])
    if problem.geometries is None:
        raise ValueError("the molecules have neither SMILES nor positions")
    atoms, positions = problem.geometries.molecule(molecule)
    drawn = Chem.RWMol()
    conformer = Chem.Conformer(len(atoms))
    for atom, position in zip(atoms.tolist(), positions.tolist(), strict=True):
        conformer.SetAtomPosition(drawn.AddAtom(Chem.Atom(atom)), Geometry.Point3D(*position))
    drawn.AddConformer(conformer)
    rdDetermineBonds.DetermineConnectivity(drawn)
    drawn.RemoveAllConformers()
    return drawn.GetMol()


def legend(molecule: int, problem: TaskData, most: int = 4) -> str:
    """Return a molecule's id and labels."""
    labels = problem.table.labels[molecule]
    shown = " ".join("-" if np.isnan(value) else f"{value:.3g}" for value in labels[:most])
    return f"{problem.table.ids[molecule]}: {shown}" + (" ..." if len(labels) > most else "")
