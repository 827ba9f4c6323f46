"""A table read, prepared and split: the task data of a configuration, one for each split."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.chem.parents import AS_WRITTEN, find_parents, parent_hashes
from jaxmrl.chem.scaffolds import scaffolds, without_stereochemistry
from jaxmrl.config import Settings
from jaxmrl.config.names import CLASSIFICATION_METRICS, METRIC_NAMES
from jaxmrl.data import datasets, label_scaling, splits
from jaxmrl.data.duplicates import deduplicate
from jaxmrl.data.earlier_splits import EarlierSplits
from jaxmrl.data.embeddings import with_vectors
from jaxmrl.data.extra_source import ExtraSource, read_extra, read_own_table
from jaxmrl.data.featurization import add_conformers, featurize_table, parse_smiles
from jaxmrl.data.leaks import leak_text
from jaxmrl.data.npz import read_npz
from jaxmrl.data.parsing import ParsedMolecules, prepare_geometries, without_duplicates
from jaxmrl.data.side_columns import SideColumnNames
from jaxmrl.data.similarity import NEAR, near_share, similarity_prints
from jaxmrl.data.split_kinds import make_splits
from jaxmrl.data.table import Table
from jaxmrl.data.task_data import TaskData, by_kind, find_geometries
from jaxmrl.data.undefined import find_unjudged, unjudged_lines
from jaxmrl.errors import ConfigError, UserError
from jaxmrl.io.records import Rejected, top_reasons
from jaxmrl.modalities.base import Features
from jaxmrl.modalities.geometry.conformers import FROM_FILE
from jaxmrl.modalities.geometry.features import Conformers
from jaxmrl.modalities.registry import get_modality
from jaxmrl.progress import ProgressReporter
from jaxmrl.text import count


def load_problem(config: Settings, reporter: ProgressReporter) -> TaskData:
    """Return the task data of settings with one kind of split, of repeated ones the first; see `load_problems`."""
    return load_problems(config, reporter)[0]


def load_problems(
    config: Settings, reporter: ProgressReporter, earlier: EarlierSplits | None = None, extra: Path | None = None
) -> list[TaskData]:
    """Read and prepare the molecules, split them in each way, and report what was found.

    earlier: the splits that are kept, of data to which rows were added; None makes splits. extra: the file of --extra,
    whose molecules may train, too. The problems share their table and features. Raises UserError where the data cannot
    be read or no task can be judged, with the rows that were rejected before.
    """
    dataset = None if config.file else datasets.get_dataset(config.dataset)
    table, conformers = _read(config, dataset)
    metric = _metric(config, table, dataset)
    reporter.say(f"{config.name}: {table.rows:,} rows, {count(len(table.tasks), 'task')}, {table.task}")
    for note in table.notes:
        reporter.say(note)
    prepared, facts = _prepare(config, table, conformers, reporter)
    say_rejected(prepared.table.rejected, reporter)
    if leak := facts.get("leak"):
        reporter.say(leak)
    try:
        more = read_extra(config, extra, prepared.table, reporter) if extra else None
        return _split_problems(config, dataset, prepared, facts, metric, reporter, earlier, more)
    except UserError as error:
        error.rejected = prepared.table.rejected
        raise


def say_rejected(rejected: tuple[Rejected, ...], reporter: ProgressReporter) -> None:
    """Report how many rows were rejected, and the most frequent reasons with an example of each."""
    if rejected:
        reporter.say(f"{count(len(rejected), 'row')} rejected; rejected.csv has the reason for each")
        for reason in top_reasons(rejected):
            reporter.say(f"  {reason}")


def _split_problems(
    config: Settings,
    dataset: datasets.Dataset | None,
    prepared: ParsedMolecules,
    facts: dict[str, Any],
    metric: str,
    reporter: ProgressReporter,
    earlier: EarlierSplits | None,
    extra: ExtraSource | None,
) -> list[TaskData]:
    """Return the task data of each split."""
    packed, found = _similarity_prints(prepared, reporter), _scaffolds(prepared, reporter)
    flat = None if found is None else without_stereochemistry(found)
    ways = make_splits(config, dataset, prepared, packed, found, reporter, earlier)
    train = sorted({int(k) for several in ways.values() for split in several for k in split.train})
    together = extra.joined(prepared) if extra else prepared
    features = featurize_table(together, config, train, reporter)
    extensive = _extensive(config, prepared.table, features, next(iter(ways.values()))[0], reporter)
    unit = datasets.unit_of(dataset, prepared.table.tasks) if dataset else ""
    parents = _parents(config, prepared, reporter)
    if prepared.table.task == "regression":
        label_scaling.check_units(together.table.labels, prepared.table.tasks)
    problems = [
        TaskData(
            table=together.table,
            features=features,
            canonical=together.canonical,
            split=split,
            metric=metric,
            unit=unit,
            shared=splits.shared_molecules(prepared.canonical, split),
            unjudged=find_unjudged(prepared.table, split, metric),
            split_name=name,
            repeat=splits.SplitRepeat(config.split_seed + place, place, len(several), split.cut),
            near=None if packed is None else near_share(packed, split.train, split.test),
            extensive=extensive,
            canonical_smiles=together.canonical_smiles,
            extra=None
            if extra is None or parents is None
            else extra.training(split, prepared, parents, found if name == "scaffold" else None),
            same_scaffold=None if found is None or flat is None else splits.same_scaffolds(found, flat, split),
            kin=None if parents is None else splits.shared_parents(prepared.canonical, parents, split),
            facts=facts,
            noise=prepared.noise,
        )
        for name, several in ways.items()
        for place, split in enumerate(several)
    ]
    for several in by_kind(problems).values():
        _describe(several, reporter)
    if problems[0].standardized:
        reporter.say(label_scaling.SPREADS_SAID.format(metric=metric.upper()))
    return problems


def _describe(several: list[TaskData], reporter: ProgressReporter) -> None:
    """Report the first of several splits of a kind, and what the others differ in."""
    first = several[0]
    parts = ", ".join(f"{part} {len(ids):,}" for part, ids in first.split.parts().items())
    name, shared = first.split_name, first.shared
    at = f" at {first.repeat.cut}, the first cut date" if first.repeat.cut else ""
    reporter.say(f"{name} split{at}: {parts}; {shared:,} validation or test molecules also occur in another part")
    if first.kin:
        reporter.say(
            f"{kin_text(first.kin, first.split)}. --standardize parent makes them the same molecule; --deduplicate "
            "then merges their rows"
        )
    if first.same_scaffold:
        reporter.say(f"{name} split: {scaffold_text(first)}")
    if first.extra is not None:
        reporter.say(f"{name} split: {extra_text(several)}")
    if first.near_text is not None:
        reporter.say(f"{first.near_text} of test molecules have a close analog in training (ECFP4 Tanimoto > {NEAR:g})")
    for line in unjudged_lines(first.unjudged, first.metric, len(first.table.tasks)):
        reporter.say(line)
    if len(several) > 1 and not first.repeat.cut:
        reporter.say(repeats_text(several))


def repeats_text(several: list[TaskData]) -> str:
    """Return in words which seeds use which of several splits of a kind, and how far these differ."""
    seeds = [problem.repeat.seed for problem in several]
    first = set(several[0].split.test.tolist())
    again = np.mean([len(first & set(problem.split.test.tolist())) for problem in several[1:]]) / len(first)
    said = f"{len(several)} {several[0].split_name} splits (split seeds {seeds[0]} to {seeds[-1]}), which the seeds use"
    said += f" in turn; the test sets of the others have {again:.0%} of the first one's test molecules"
    near = [problem.near for problem in several if problem.near is not None]
    return f"{said}; close analogs in training: {min(near):.1%} to {max(near):.1%}" if near else said


def kin_text(kin: int, split: splits.Split) -> str:
    """Return in words how many test molecules training has in another form."""
    return f"{kin:,} of {count(len(split.test), 'test molecule')} are also in training as another salt, hydrate or ion"


def extra_text(several: list[TaskData]) -> str:
    """Return in words how many molecules of --extra train in each of several splits, and how many are left out."""
    trained = [len(one.extra) for one in several if one.extra is not None]
    of, fewest, most = several[0].extra_molecules, min(trained), max(trained)
    left_out = f"{of - most:,}" if fewest == most else f"{of - most:,} to {of - fewest:,}"
    scaffold = ", or one with the same scaffold" if several[0].split_name == "scaffold" else ""
    return (
        f"{left_out} of {count(of, 'extra molecule')} left out of training, because the same molecule, stereochemistry "
        f"aside, or another salt, hydrate or ion of it{scaffold}, is in validation or test"
    )


def scaffold_text(problem: TaskData) -> str:
    """Return in words how many test molecules have the scaffold of a training molecule.

    If none is in training as another salt, it says so; otherwise, `kin_text` says how many are.
    """
    own, flat = problem.same_scaffold or (0, 0)
    of = count(len(problem.split.test), "test molecule")
    said = f"{own:,} of {of} have the scaffold of a training molecule, {flat:,} where stereochemistry is ignored"
    return said if problem.kin else f"{said}; none is in training as another salt, hydrate or ion"


def _parents(config: Settings, prepared: ParsedMolecules, reporter: ProgressReporter) -> np.ndarray | None:
    """Return the hash of each molecule's parent [N]; None without SMILES."""
    if prepared.graphs is None:
        return None
    if open_ended := sum("*" in text for text in prepared.canonical_smiles):
        has = "has" if open_ended == 1 else "have"
        reporter.say(
            f"{count(open_ended, 'molecule')} {has} an attachment point (*), which models see as an atom of no "
            "element; remove such rows if they are fragments"
        )
    if config.standardize != AS_WRITTEN:
        return prepared.canonical
    with reporter.progress("parents", len(prepared), "molecules") as progress:
        parents = find_parents(prepared.canonical_smiles, progress.advance)
    if several := int((parents.fragments > 1).sum()):
        has = "has" if several == 1 else "have"
        reporter.say(
            f"{count(several, 'molecule')} {has} several fragments (salts, hydrates, mixtures), and models see all of "
            "them; --standardize parent keeps the largest organic fragment of each, uncharged"
        )
    return parent_hashes(prepared.canonical, parents)


def _scaffolds(prepared: ParsedMolecules, reporter: ProgressReporter) -> list[str] | None:
    """Return the scaffold of each molecule [N]; None without SMILES."""
    if prepared.graphs is None:
        return None
    with reporter.progress("scaffolds", len(prepared), "molecules") as progress:
        return scaffolds(prepared.canonical_smiles, progress.advance)


def _similarity_prints(prepared: ParsedMolecules, reporter: ProgressReporter) -> np.ndarray | None:
    """Return the fingerprints by which molecules of splits are compared; None without SMILES."""
    if prepared.graphs is None:
        return None
    with reporter.progress("similarity", len(prepared), "molecules") as progress:
        return similarity_prints(prepared.canonical_smiles, progress.advance)


def _read(config: Settings, dataset: datasets.Dataset | None) -> tuple[Table, Conformers | None]:
    """Return the table, and its geometries if it comes with them."""
    path = config.npz or (datasets.locate(dataset) if dataset and dataset.is_npz else None)
    if path:
        odd = [name for name in config.modalities if get_modality(name).needs_smiles]
        if odd:
            raise ConfigError(f"{config.name} has positions and no SMILES, which --modality {odd[0]} needs")
        targets = config.target_columns or tuple(names[0] for names in (dataset.targets if dataset else ()))
        return read_npz(path, target_columns=targets, task=dataset.task if dataset else config.task)
    if dataset:
        return datasets.load_dataset(dataset.name, config.target_columns), None
    if config.csv is None:
        raise ConfigError("no data: give --dataset, --csv or --npz")
    in_long_format = config.value_column is not None
    table = read_own_table(
        config,
        config.csv,
        smiles_column=config.smiles_column,
        sheet=config.sheet,
        target_columns=config.target_columns,
        task=config.task,
        side=SideColumnNames(
            *(config.group_column, config.date_column, config.weight_column),
            assay=None if in_long_format else config.assay_column,
        ),
    )
    return table, None


def _prepare(
    config: Settings, table: Table, conformers: Conformers | None, reporter: ProgressReporter
) -> tuple[ParsedMolecules, dict[str, Any]]:
    """Return the molecules that can be used, and what run.json says of them."""
    if conformers:
        prepared = prepare_geometries(table, conformers)
        return without_duplicates(prepared) if config.deduplicate else prepared, {}
    parsed = parse_smiles(table, reporter, standardize=config.standardize)
    prepared, repeated = deduplicate(parsed, config.deduplicate, reporter)
    source = config.csv if config.coordinates == FROM_FILE else None
    prepared = add_conformers(prepared, config.modalities, reporter, source=source)
    facts: dict[str, Any] = {"repeated_molecules": repeated}
    if prepared.replaced:
        changed = {"form": config.standardize} | asdict(prepared.replaced)
        facts["standardized_molecules"] = changed | {"summary": prepared.replaced.text(config.standardize)}
    if config.embeddings is None:
        return prepared, facts
    prepared = with_vectors(
        prepared,
        config.embeddings,
        reporter,
        standardize=config.standardize,
        smiles_column=config.smiles_column,
        targets=table.tasks,
        source=config.csv,
        sheet=config.sheet,
    )
    return prepared, {**facts, "leak": leak_text(prepared, config.embeddings, reporter)}


def _extensive(
    config: Settings, table: Table, features: dict[str, Features], split: splits.Split, reporter: ProgressReporter
) -> np.ndarray | None:
    """Return which targets [T] models learn as the residuals of a regression on the atoms of the training molecules."""
    geometries = find_geometries(features)
    if config.atom_references == "off" or geometries is None or table.task == "classification":
        return None
    shares = label_scaling.find_extensive(table.labels[split.train], geometries.composition()[split.train])
    extensive = shares >= (label_scaling.REFERENCE_SHARE if config.atom_references == "auto" else -np.inf)
    for name, share in zip(np.array(table.tasks)[extensive], shares[extensive], strict=True):
        reporter.say(f"{name}: atom counts explain {share:.2%} of the variance; geometry models learn the residuals")
    if extensive.any() and not extensive.all():
        reporter.say(
            "atom counts explain less of the other targets, so models average over atoms; to sum over atoms, sweep "
            "only the targets above"
        )
    return extensive if extensive.any() else None


def _metric(config: Settings, table: Table, dataset: datasets.Dataset | None) -> str:
    kinds = {"classification": "roc_auc", "regression": "mae" if config.npz else "rmse"}
    default = dataset.metric if dataset else kinds[table.task]
    metric = config.metric or default
    if (metric in CLASSIFICATION_METRICS) != (table.task == "classification"):
        fitting = [m for m in METRIC_NAMES if (m in CLASSIFICATION_METRICS) == (table.task == "classification")]
        raise ConfigError(f"metric {metric} does not fit {table.task}; choose from {', '.join(fitting)}")
    return metric
