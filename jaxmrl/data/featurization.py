"""What a model sees of molecules, and the settings by which others are shown to it in the same way."""

from typing import Any

from jaxmrl.chem.molecules import ignored_parts
from jaxmrl.chem.parents import find_parents, replaced_text
from jaxmrl.config import Settings
from jaxmrl.data.parsing import ParsedMolecules, prepare, with_conformers
from jaxmrl.data.table import Table
from jaxmrl.modalities.datasets import Features
from jaxmrl.modalities.fingerprint.features import Fingerprints, morgan_fingerprints
from jaxmrl.modalities.geometry.features import find_pairs
from jaxmrl.modalities.smiles import features as tokens


def prepare_smiles(table: Table, modalities: tuple[str, ...], reporter, *, parent: bool = False) -> ParsedMolecules:
    """Return the usable molecules of a table of SMILES, with conformers where `modalities` has geometry.

    Reports what of the texts is ignored. Raises DataError where there is none.
    """
    return add_conformers(parse_smiles(table, reporter, parent=parent), modalities, reporter)


def parse_smiles(table: Table, reporter, *, parent: bool = False) -> ParsedMolecules:
    """Return the usable molecules of a table of SMILES, or with `parent` their parents.

    Reports what of the texts is ignored. Raises DataError where there is none.
    """
    parents = _parents(table, reporter) if parent else None
    with reporter.progress("parsing", len(table), "molecules") as progress:
        prepared = prepare(table, parents, progress=progress.advance)
    for sentence in ignored_parts(prepared.table.smiles, prepared.table.lines.tolist()):
        reporter.say(sentence)
    return prepared


def _parents(table: Table, reporter) -> list[str]:
    """Return the parent of each molecule, and report how many differ from the molecule itself."""
    with reporter.progress("parents", len(table), "molecules") as progress:
        parents = find_parents(table.smiles, progress.advance)
    reporter.say(replaced_text(parents.changed))
    return parents.smiles


def add_conformers(prepared: ParsedMolecules, modalities: tuple[str, ...], reporter) -> ParsedMolecules:
    """Return the molecules with a conformer of each where `modalities` has geometry, without those that have none."""
    if "geometry" in modalities:
        reporter.say("geometries: one conformer of each molecule, by ETKDG and MMFF94; a failure drops the molecule")
        with reporter.progress("conformers", len(prepared), "molecules") as progress:
            prepared = with_conformers(prepared, progress.advance)
    return prepared


def feature_settings(config: Settings, modality: str, vocabulary: tuple[str, ...] = ()) -> dict[str, Any]:
    """The settings of `featurise` for a modality, as JSON can hold them. vocabulary: of the tokens of SMILES."""
    if modality == "geometry":
        return {"cutoff": config.cutoff}
    if modality == "fingerprint":
        names = ("radius", "bits", "chirality", "tokens")
        return {name: getattr(config, f"fingerprint_{name}") for name in names}
    if modality == "smiles":
        return {"vocabulary": list(vocabulary), "variants": config.smiles_variants}
    return {}


def featurise(prepared: ParsedMolecules, modality: str, settings: dict[str, Any], reporter) -> Features:
    """Return a modality's features of prepared molecules, made of their canonical form."""
    if modality == "geometry":
        return find_pairs(prepared.conformers, **settings)
    if modality == "fingerprint":
        kind = settings["radius"], settings["bits"], settings["chirality"]
        with reporter.progress("fingerprints", len(prepared), "molecules") as progress:
            packed = morgan_fingerprints(prepared.canonical_smiles, *kind, progress.advance)
        return Fingerprints(packed, settings["tokens"] == "all")
    if modality == "smiles":
        return tokens.encode([[text] for text in prepared.canonical_smiles], tuple(settings["vocabulary"]))
    return prepared.graphs
