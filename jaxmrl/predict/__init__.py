"""Predictions of new molecules with the models of a sweep.

`python -m jaxmrl.predict RUN_DIR --csv new.csv`, or `predict_molecules(PredictConfig(...))`.
"""

from collections import Counter
from itertools import chain

import numpy as np

from jaxmrl.baselines.saved import KeptModel, SavedBaseline
from jaxmrl.config import PredictConfig
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.similarity import FAR
from jaxmrl.ensemble import (
    MOST_DESCRIBING,
    USUAL_LEVERAGE,
    ArrayReader,
    Curves,
    Outputs,
    Prints,
    RunMolecules,
    check_known,
    choose_models,
    find_neighbors,
    find_novelties,
    fingerprints,
    models_by_curve,
    nearest_of_each,
    predict_curves,
    read_and_prepare,
    sees_coordinates_of_file,
)
from jaxmrl.formats.input_rows import InputRows, read_input_rows
from jaxmrl.formats.writing import check_writable, table_bytes
from jaxmrl.io.files import write_whole
from jaxmrl.io.records import top_reasons
from jaxmrl.modalities.registry import get_modality
from jaxmrl.predict.calibration import Calibrated, calibrate_probabilities, calibrate_values, shift_of
from jaxmrl.predict.explain import check_explainable, explain
from jaxmrl.predict.held_out import choose_molecules, hold_out
from jaxmrl.predict.table import Predictions, digits_of, mean_and_spread
from jaxmrl.progress import ProgressReporter
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs import artifacts
from jaxmrl.runs.labels import RunLabels, read_labels, read_validation
from jaxmrl.text import count
from jaxmrl.training.numerics import own_numerics
from jaxmrl.training.saved_model import SavedModel

__all__ = ["Predictions", "predict_molecules"]

_MOST_SHOWN = 5
"""The most traits that a line lists."""


@own_numerics()
def predict_molecules(config: PredictConfig, *, quiet: bool = True) -> Predictions:
    """Predict the molecules of a file with the models of a sweep, and write a row for each row of the file.

    Args:
        config: The settings: the run directory of the sweep, the file of molecules, and the output.
        quiet: Whether to print nothing.

    Returns:
        The predictions.

    Raises:
        UserError: For a folder that has no models, and for molecules or settings that cannot be used.
    """
    reporter = Reporter(quiet=quiet)
    check_writable(config.out.suffix)
    curves = choose_models(config, models_by_curve(config.run, config.fraction), reporter)
    check_explainable(config, curves)
    source = read_input_rows(config.csv, config.keep_columns, config.sheet)
    check_writable(config.out.suffix, len(source))
    first, *others = (models[0] for models in curves.values())
    new, labels = read_and_prepare(config, first, reporter, others), read_labels(config.run)
    run = read_run_molecules(config, curves, labels)
    outputs = predict_curves(curves, new, run, config.batch_size, reporter)
    found = judge(config, curves, new, run, labels, outputs, reporter)
    write_predictions(config, source, found)
    report(config, found, reporter)
    if config.explain:
        explain(config, curves, new, run, found, is_classification(next(iter(curves.values()))[0]), reporter)
    return found


def read_run_molecules(config: PredictConfig, curves: Curves, labels: RunLabels | None) -> RunMolecules:
    """Return the molecules of the run, and which of them calibrate the predictions of these models."""
    known, models = artifacts.read_molecules(config.run), list(chain(*curves.values()))
    seeing = [model for model in models if get_modality(model.modality).sees_vectors]
    needed = labels is not None or any(isinstance(model, SavedBaseline) for model in seeing)
    vectors = artifacts.read_run_vectors(config.run, known) if seeing and needed else None
    calibrating, describing, arrays = np.zeros(0, np.int64), np.zeros(0, np.int64), ArrayReader()
    if labels is not None:
        calibrating = choose_molecules(read_validation(config.run, [model.row for model in models]))
        check_known(calibrating, known)
    if trained := [model for model in models if isinstance(model, SavedModel)]:
        describing = choose_molecules([arrays.read(model)[1] for model in trained], MOST_DESCRIBING)
        check_known(describing, known)
    of_file = len(calibrating) + len(describing) > 0 and any(map(sees_coordinates_of_file, models))
    geometries = artifacts.read_run_geometries(config.run, known) if of_file else None
    return RunMolecules(known, vectors, calibrating, describing, geometries, arrays)


def judge(
    config: PredictConfig,
    curves: Curves,
    new: ParsedMolecules,
    run: RunMolecules,
    labels: RunLabels | None,
    outputs: Outputs,
    reporter: ProgressReporter,
) -> Predictions:
    """Return the predictions with their calibration, their similarity to training and their novelty."""
    trained_on, tasks = np.unique(np.concatenate(outputs.learned)), next(iter(curves.values()))[0].tasks
    check_known(trained_on, run.smiles)
    if note := trained_note(run, trained_on, new):
        reporter.say(note)
    mean, sd = mean_and_spread(outputs.new)
    prints = fingerprints(run.smiles, new.canonical_smiles, reporter)
    similarity = nearest_of_each(prints, prints.new, outputs.learned).max(axis=0)
    neighbors = None
    if config.neighbors:
        of_run = np.full((len(run.smiles), len(tasks)), np.nan) if labels is None else labels.of(prints.ids)
        neighbors = find_neighbors(prints, trained_on, run.smiles, of_run, config.neighbors)
    return Predictions(
        curve=" + ".join(curves),
        tasks=tasks,
        ids=new.table.ids,
        smiles=new.table.smiles,
        mean=mean,
        sd=sd,
        nearest=similarity,
        unseen=find_novelties(curves, run.smiles, trained_on, new.canonical_smiles, reporter),
        rejected=new.table.rejected,
        calibrated=None if labels is None else calibrate(config, curves, prints, run, labels, outputs, similarity),
        neighbors=neighbors,
        leverage=outputs.leverage.mean(axis=0) if len(outputs.leverage) else None,
    )


def trained_note(run: RunMolecules, trained_on: np.ndarray, new: ParsedMolecules) -> str:
    """Return a sentence on molecules of the file that a model has learned from; empty where there are none."""
    learned = {run.smiles[one] for one in trained_on.tolist()}
    seen = sum(smiles in learned for smiles in new.canonical_smiles)
    if not seen:
        return ""
    return (
        f"{seen:,} of {count(len(new), 'molecule')} in the file were training molecules of at least one of the models: "
        "their predictions look more accurate than those of new molecules"
    )


def calibrate(
    config: PredictConfig,
    curves: Curves,
    prints: Prints,
    run: RunMolecules,
    labels: RunLabels,
    outputs: Outputs,
    similarity: np.ndarray,
) -> Calibrated:
    """Return the calibration by the validation molecules; similarity [n] of the new ones to training."""
    ids, number = run.calibrating, {smiles: k for k, smiles in enumerate(run.smiles.values())}
    molecules_of = lambda some: np.array([number[run.smiles[one]] for one in some.tolist()])
    # By molecule, not by row: a copy of what a model has learned from says nothing of new molecules.
    learned = np.stack([np.isin(molecules_of(ids), molecules_of(one)) for one in outputs.learned])
    near = nearest_of_each(prints, np.searchsorted(prints.ids, ids), outputs.learned)
    unknown = ~learned.all(axis=0)
    known = hold_out(outputs.known[:, unknown], learned[:, unknown], near[:, unknown], labels.of(ids[unknown]))
    mean, sd = mean_and_spread(outputs.new)
    if is_classification(next(iter(curves.values()))[0]):
        return calibrate_probabilities(known, mean)
    shifted, drift = shift_of({model.row.curve.split for model in chain(*curves.values())})
    return calibrate_values(known, mean, sd, similarity, config.coverage, shifted=shifted, drift=drift)


def is_classification(model: KeptModel) -> bool:
    """Return whether a model predicts probabilities; else it predicts values."""
    task = model.task if isinstance(model, SavedBaseline) else model.training_spec.task
    return task == "classification"


def write_predictions(config: PredictConfig, source: InputRows, found: Predictions) -> None:
    """Write the file of predictions, with a row for each row of `source`."""
    smiles = np.full(len(source), "", object)
    smiles[found.ids] = found.smiles
    columns = found.columns(source, config.keep_columns)
    content = table_bytes(columns, config.out.suffix, digits_of(found.mean), smiles.tolist())
    write_whole(config.out, content)


def report(config: PredictConfig, found: Predictions, reporter: ProgressReporter) -> None:
    """Print what was predicted and how far it can be relied on."""
    if found.rejected:
        reporter.say(f"no prediction, see column reason: {'; '.join(top_reasons(found.rejected))}")
    if any(found.unseen):
        traits = Counter(trait for text in found.unseen if text for trait in text.split("; "))
        reporter.say(
            f"{sum(map(bool, found.unseen)):,} of {count(len(found.ids), 'molecule')} with a feature that no training "
            f"molecule has, see column unseen: {_most_common(traits)}"
        )
    far = int((found.nearest < FAR).sum())
    reporter.say(f"nearest training molecule: median ECFP4 Tanimoto similarity {np.median(found.nearest):.2f}")
    if far:
        reporter.say(
            f"{far:,} of {count(len(found.ids), 'molecule')} below {FAR:g}: they are unlike all training molecules, "
            "and neither their predictions nor the spread over seeds are reliable"
        )
    if found.leverage is not None and (unusual := int((found.leverage > USUAL_LEVERAGE).sum())):
        reporter.say(
            f"{unusual:,} of {count(len(found.ids), 'molecule')} with a leverage above {USUAL_LEVERAGE:g}: they are "
            "far from the training molecules in what the networks have learned"
        )
    if found.calibrated is None:
        reporter.say(
            f"{config.run} was written by an older version, which did not save labels: no intervals and no "
            "calibrated probabilities. Run the sweep again with another --out to get them"
        )
    else:
        for note in found.calibrated.notes:
            reporter.say(note)
    reporter.say(f"{count(len(found.ids), 'molecule')} predicted: {config.out}")


def _most_common(counted: Counter[str]) -> str:
    """Return the most frequent of some texts, in words."""
    shown = ", ".join(f"{text} ({number:,})" for text, number in counted.most_common(_MOST_SHOWN))
    return shown if len(counted) <= _MOST_SHOWN else f"{shown} and {len(counted) - _MOST_SHOWN} more"
