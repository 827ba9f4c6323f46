"""What each atom of the molecules with the highest predictions adds to them, drawn in one HTML page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import logit

from jaxmrl.config import PredictConfig
from jaxmrl.data.featurization import prepare_smiles
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.table import Table
from jaxmrl.ensemble.choice import Curves
from jaxmrl.ensemble.molecules import sees_coordinates_of_file
from jaxmrl.ensemble.outputs import RunMolecules, predict_curves
from jaxmrl.errors import ConfigError
from jaxmrl.io.files import write_whole
from jaxmrl.modalities.registry import get_modality
from jaxmrl.predict.occlusion import draw_contributions, without_each_atom
from jaxmrl.predict.table import Predictions
from jaxmrl.progress import ProgressReporter
from jaxmrl.reports.blocks import Block, Section, without_prolog
from jaxmrl.reports.html import page_html
from jaxmrl.text import count

MOST_TASKS = 5
"""The tasks whose molecules are explained."""

_SUREST = 1e-6
"""The smallest distance of a probability from 0 and 1 when log-odds are computed."""


def check_explainable(config: PredictConfig, curves: Curves) -> None:
    """Raise ConfigError if --explain is given for models whose inputs come from a file of whole molecules."""
    if config.explain and any(get_modality(models[0].modality).sees_vectors for models in curves.values()):
        raise ConfigError(
            "--explain removes atoms from molecules, and the file of embeddings has no vectors for the molecules that "
            "remain: omit --explain, or choose a curve of another modality with --curve"
        )
    if config.explain and any(sees_coordinates_of_file(models[0]) for models in curves.values()):
        raise ConfigError(
            "--explain removes atoms from molecules, and the SD file has no coordinates for the molecules that remain: "
            "omit --explain, or choose a curve of another modality with --curve"
        )


def page_of(out: Path) -> Path:
    """Return the path of the page beside a file of predictions."""
    return out.with_name(f"{out.stem}_explained.html")


def explain(
    config: PredictConfig,
    curves: Curves,
    new: ParsedMolecules,
    run: RunMolecules,
    found: Predictions,
    classes: bool,
    reporter: ProgressReporter,
) -> None:
    """Write the page of the `config.explain` molecules with the highest predictions of each of the first tasks.

    Args:
        config, curves, new, run: As in `predict_molecules`.
        found: The predictions.
        classes: Whether they are probabilities, whose log-odds are explained.
        reporter: Gets progress, and the path of the page.
    """
    tasks = range(min(len(found.tasks), MOST_TASKS))
    top = {task: top_molecules(found.mean[:, task], new.canonical_smiles, config.explain) for task in tasks}
    chosen = list(dict.fromkeys(new.canonical_smiles[k] for places in top.values() for k in places))
    parts = contributions(curves, chosen, run, classes, config.batch_size, reporter)
    sections = [Section(found.tasks[task], [_grid(found, new, task, places, parts)]) for task, places in top.items()]
    title, subtitle = f"{config.csv.name}: what raises predictions", f"{found.curve} of {config.run.name}"
    page = page_of(config.out)
    write_whole(page, page_html(title, subtitle, [_introduction(classes), *sections]).encode())
    reporter.say(f"{count(len(chosen), 'molecule')} explained atom by atom: {page}")


def top_molecules(values: np.ndarray, smiles: list[str], most: int) -> list[int]:
    """Return the places of the `most` highest values [n], of rows with the same molecule the first."""
    places: dict[str, int] = {}
    for place in np.argsort(-values, kind="stable").tolist():
        places.setdefault(smiles[place], place)
    return list(places.values())[:most]


def contributions(
    curves: Curves,
    smiles: list[str],
    run: RunMolecules,
    classes: bool,
    batch_size: int,
    reporter: ProgressReporter,
) -> dict[str, np.ndarray]:
    """Return what each atom adds to the predictions of molecules: {canonical SMILES: [atoms, T]}.

    It is the prediction of the molecule minus that of the molecule without the atom, in the unit of the label or in
    log-odds of classes: the same for every kind of model. NaN where nothing remains, or no prediction is possible.
    """
    pieces = {text: without_each_atom(text) for text in smiles}
    texts = sorted({*pieces, *(piece for several in pieces.values() for piece in several if piece)})
    values = dict(zip(texts, _predict(curves, texts, run, batch_size, reporter), strict=True))
    if classes:
        values = {text: logit(np.clip(one, _SUREST, 1 - _SUREST)) for text, one in values.items()}
    nothing = np.full_like(values[texts[0]], np.nan)
    return {
        text: np.stack([values[text] - (values[piece] if piece else nothing) for piece in several])
        for text, several in pieces.items()
    }


def _predict(
    curves: Curves, smiles: list[str], run: RunMolecules, batch_size: int, reporter: ProgressReporter
) -> np.ndarray:
    """Return the mean predictions [n, T] of molecules; NaN for those that cannot be prepared."""
    rows = np.arange(len(smiles))
    tasks = next(iter(curves.values()))[0].tasks
    table = Table(rows, rows, smiles, np.zeros((len(rows), 0)), (), "", len(rows))
    modalities = tuple(dict.fromkeys(models[0].modality for models in curves.values()))
    prepared = prepare_smiles(table, modalities, reporter)
    outputs = predict_curves(
        curves, prepared, replace(run, calibrating=rows[:0], describing=rows[:0]), batch_size, reporter
    )
    values = np.full((len(rows), len(tasks)), np.nan)
    values[prepared.table.ids] = outputs.new.mean(axis=0)
    return values


def _introduction(classes: bool) -> Section:
    unit = "log-odds" if classes else "the unit of the label"
    text = (
        "An atom is orange if the prediction is lower without it, and blue if the prediction is higher without it. "
        f"Colors are relative to the largest contribution in the molecule, which is printed below it in {unit}. Each "
        "atom is removed in turn, and hydrogens take its place. Colors show what the models use, not what causes the "
        "property. The contributions of neighboring atoms do not add up, and removing an atom of a ring opens the ring."
    )
    return Section("How to read this", [Block("text", text=text)])


def _grid(
    found: Predictions, new: ParsedMolecules, task: int, places: list[int], parts: dict[str, np.ndarray]
) -> Block:
    """Return the drawings of molecules."""
    cells = []
    for place in places:
        smiles = new.canonical_smiles[place]
        own = parts[smiles][:, task]
        largest = np.abs(np.nan_to_num(own)).max()
        legend = f"row {found.ids[place]}: {found.mean[place, task]:.3g}, largest {largest:.2g}"
        cells.append(
            Block("cell", svg=without_prolog(draw_contributions(smiles, own, legend)), alt=f"{smiles}; {legend}")
        )
    caption = f"The {count(len(places), 'molecule')} with the highest prediction of {found.tasks[task]}"
    return Block("grid", caption=caption, cells=cells)
