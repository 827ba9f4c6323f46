"""The usable molecules of a file, with the features that the models of a run need."""

from collections.abc import Sequence

from jaxmrl.baselines.saved import KeptModel
from jaxmrl.config import PredictConfig
from jaxmrl.data.embeddings import with_vectors
from jaxmrl.data.featurization import prepare_smiles
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.table import read_molecules
from jaxmrl.errors import ConfigError
from jaxmrl.formats.reading import is_sd_file
from jaxmrl.modalities.geometry.conformers import FROM_FILE
from jaxmrl.modalities.registry import get_modality
from jaxmrl.progress import ProgressReporter
from jaxmrl.text import count


def sees_coordinates_of_file(model: KeptModel) -> bool:
    """Return whether a model learned from the 3D coordinates of an SD file."""
    return model.features.get("coordinates") == FROM_FILE


def read_and_prepare(
    config: PredictConfig, model: KeptModel, reporter: ProgressReporter, others: Sequence[KeptModel] = ()
) -> ParsedMolecules:
    """Return the usable molecules of the file, with the features that a model of a run, and others of it, need."""
    firsts = (model, *others)
    if not all(model.has_smiles for model in firsts):
        raise ConfigError(
            f"the models in {config.run} learned from positions of atoms, and {config.csv} has SMILES: sweep a --csv "
            "with --modality geometry, which makes conformers of SMILES, and predict with its models"
        )
    source = config.csv if any(map(sees_coordinates_of_file, firsts)) else None
    if source is not None and not is_sd_file(source):
        raise ConfigError(
            f"the models in {config.run} learned from the 3D coordinates of an SD file, and {source} is not an SD "
            "file: give one with 3D coordinates of the molecules, from the same method as those of the sweep"
        )
    table = read_molecules(config.csv, config.smiles_column, config.sheet)
    for note in table.notes:
        reporter.say(note)
    modalities = tuple(dict.fromkeys(model.modality for model in firsts))
    prepared = prepare_smiles(table, modalities, reporter, standardize=firsts[0].standardize, source=source)
    seeing = next((model for model in firsts if get_modality(model.modality).sees_vectors), None)
    if seeing is not None:
        prepared = _with_vectors(config, seeing, prepared, reporter)
    elif config.embeddings:
        reporter.say(f"--embeddings is not used: the models of this curve see {' and '.join(modalities)}")
    reporter.say(f"{config.csv}: {count(table.rows, 'row')}, {len(prepared.table.rejected):,} rejected")
    return prepared


def _with_vectors(
    config: PredictConfig, model: KeptModel, prepared: ParsedMolecules, reporter: ProgressReporter
) -> ParsedMolecules:
    """Return the molecules that have a vector of --embeddings, with it."""
    if config.embeddings is None:
        raise ConfigError(
            f"the models of this curve learned from vectors: give those of the molecules in {config.csv} with "
            "--embeddings, or choose a curve of another modality with --curve"
        )
    columns, expected = model.features["columns"], len(model.features["scaling"]["mean"])
    found = with_vectors(
        prepared,
        config.embeddings,
        reporter,
        standardize=model.standardize,
        smiles_column=config.smiles_column,
        targets=model.tasks,
        columns=columns and tuple(columns),
        source=config.csv,
        sheet=config.sheet,
    )
    if found.vectors and (many := found.vectors.values.shape[1]) != expected:
        raise ConfigError(
            f"{config.embeddings} has vectors of {count(many, 'number')}; the models learned from vectors of "
            f"{expected:,}: give embeddings of the same kind"
        )
    return found
