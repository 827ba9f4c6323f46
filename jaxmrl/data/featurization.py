"""The molecules of a table of SMILES prepared, and their features for each modality of a run."""

from dataclasses import replace
from pathlib import Path

from jaxmrl.chem.molecules import ignored_parts
from jaxmrl.chem.parents import AS_WRITTEN, Parents, find_parents
from jaxmrl.config import Settings
from jaxmrl.data.parsing import ParsedMolecules, prepare, with_conformers
from jaxmrl.data.table import Table
from jaxmrl.formats.reading import read_mol_blocks
from jaxmrl.modalities.base import Features
from jaxmrl.modalities.geometry.conformers import OF_THE_FILE
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.modalities.registry import MODALITIES, get_modality
from jaxmrl.progress import ProgressReporter


def prepare_smiles(
    table: Table,
    modalities: tuple[str, ...],
    reporter: ProgressReporter,
    *,
    standardize: str = AS_WRITTEN,
    source: Path | None = None,
) -> ParsedMolecules:
    """Return the usable molecules of a table of SMILES, with conformers where one of `modalities` sees positions.

    source: the SD file whose 3D coordinates are used; None for conformers made from SMILES. Reports what of the texts
    is ignored. Raises DataError where there is none.
    """
    return add_conformers(parse_smiles(table, reporter, standardize=standardize), modalities, reporter, source=source)


def parse_smiles(table: Table, reporter: ProgressReporter, *, standardize: str = AS_WRITTEN) -> ParsedMolecules:
    """Return the usable molecules of a table of SMILES, in the form `standardize` of `chem.parents.FORMS`.

    Reports what was replaced, and what of the texts is ignored. Raises DataError where there is none.
    """
    found = None if standardize == AS_WRITTEN else _standardized(table, standardize, reporter)
    smiles, replaced = (found.smiles, found.replaced) if found else (None, None)
    with reporter.progress("parsing", len(table), "molecules") as progress:
        prepared = prepare(table, smiles, progress=progress.advance)
    prepared = replace(prepared, replaced=replaced)
    for sentence in ignored_parts(prepared.table.smiles, prepared.table.lines.tolist()):
        reporter.say(sentence)
    return prepared


def _standardized(table: Table, form: str, reporter: ProgressReporter) -> Parents:
    """Return the standardized form of each molecule, and report how many differ from the molecule itself."""
    with reporter.progress("standardization", len(table), "molecules") as progress:
        found = find_parents(table.smiles, progress.advance, form=form)
    reporter.say(found.replaced.text(form))
    return found


def add_conformers(
    prepared: ParsedMolecules, modalities: tuple[str, ...], reporter: ProgressReporter, *, source: Path | None = None
) -> ParsedMolecules:
    """Return the molecules, and those with a conformer alone, with it, where one of `modalities` sees positions.

    source: the SD file whose 3D coordinates are used; None for conformers made from SMILES.
    """
    if any(get_modality(name).sees_positions for name in modalities):
        blocks = None if source is None else read_mol_blocks(source)
        made = "one conformer of each molecule, by ETKDG and MMFF94" if blocks is None else OF_THE_FILE
        reporter.say(f"geometries: {made}; failures are rejected")
        with reporter.progress("conformers", len(prepared), "molecules") as progress:
            prepared = with_conformers(prepared, progress.advance, blocks=blocks)
    return prepared


def featurize_table(
    molecules: ParsedMolecules, config: Settings, train: list[int], reporter: ProgressReporter
) -> dict[str, Features]:
    """Return {modality: features} of a run's molecules for each modality that is asked for, and always the graphs.

    train: places of all molecules that some model trains on, in ascending order
    """
    # Molecules with SMILES always get graphs: a run's digest and the sizes of molecules come from them.
    features: dict[str, Features] = {} if molecules.graphs is None else {GRAPH.name: molecules.graphs}
    for modality in MODALITIES:
        if modality.name in config.featurized:
            features[modality.name] = (
                modality.fit(molecules, config, train, reporter)
                if modality.fit
                else modality.featurize(molecules, modality.settings(config, None), reporter)
            )
    return features
