"""The prepared data of a command: read, checked, split, and how it is judged."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from jaxmrl.chem.parents import find_parents, parent_hashes
from jaxmrl.chem.random_smiles import random_smiles
from jaxmrl.chem.scaffolds import NO_SCAFFOLD, scaffolds, without_stereochemistry
from jaxmrl.config import Settings
from jaxmrl.config.names import CLASSIFICATION_METRICS, ERROR_METRICS, METRIC_NAMES, PER_SD
from jaxmrl.data import datasets, label_scaling, splits
from jaxmrl.data.duplicates import deduplicate
from jaxmrl.data.featurization import add_conformers, feature_settings, featurise, parse_smiles
from jaxmrl.data.label_scaling import LabelScaler, LabelUnits
from jaxmrl.data.matching import Data
from jaxmrl.data.npz import read_npz
from jaxmrl.data.parsing import ParsedMolecules, prepare_geometries, without_duplicates
from jaxmrl.data.parts import read_parts
from jaxmrl.data.similarity import NEAR, near_share, share_text, similarity_prints
from jaxmrl.data.table import Table, read_table
from jaxmrl.data.undefined import find_unjudged, has_values, unjudged_lines
from jaxmrl.errors import ConfigError, UserError
from jaxmrl.io.records import Rejected, top_reasons
from jaxmrl.modalities.datasets import Features, arrays_of
from jaxmrl.modalities.geometry.features import Conformers
from jaxmrl.modalities.smiles import features as tokens
from jaxmrl.text import count


def arrays_digest(texts: list[str], arrays: list[np.ndarray]) -> str:
    """Return a digest of texts and arrays."""
    digest = hashlib.blake2b("\n".join(texts).encode(), digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class TaskData:
    """A table with its features and one split.

    features   {modality: its features}; graph is there wherever molecules have SMILES
    canonical [N] uint64   hash of each canonical SMILES
    metric     name of the metric it is judged by; `unit` of the labels, if any
    shared     validation and test molecules that also stand in another part
    unjudged   {part: tasks whose labels there leave the metric without a meaning}
    split_name random, scaffold, imbalanced or file
    near       share of test molecules with a near relative in training, see `overlap`; None without SMILES
    kin        test molecules that are in training as another salt, hydrate or ion; None without SMILES
    facts      what run.json says of the molecules
    extensive  [T] whether models learn what the atoms' references leave of a target; None: of none
    canonical_smiles [N]   what features are made of; empty where molecules have no SMILES
    """

    table: Table
    features: dict[str, Features]
    canonical: np.ndarray
    split: splits.Split
    metric: str
    unit: str
    shared: int
    unjudged: dict[str, list[str]]
    split_name: str = "random"
    near: float | None = None
    extensive: np.ndarray | None = None
    canonical_smiles: list[str] = field(default_factory=list, repr=False)
    kin: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """A digest of all that a replica learns from or is judged by: molecules, features, labels, split."""
        features = [array for one in self.features.values() for array in arrays_of(one)]
        return arrays_digest(self.table.smiles, [self.table.labels, *self.split.parts().values(), *features])

    def digests(self) -> dict[str, str]:
        """Return a digest of the molecules, labels and split, and one of the features of each modality."""
        labels = arrays_digest(self.table.smiles, [self.table.labels, *self.split.parts().values()])
        features = {
            f"features of {name}": arrays_digest([], arrays_of(one)) for name, one in sorted(self.features.items())
        }
        return {f"data of the {self.split_name} split": labels} | features

    @property
    def has_smiles(self) -> bool:
        """Whether the molecules have SMILES; else they have positions."""
        return "graph" in self.features

    def heavy_atoms(self) -> np.ndarray:
        """Of each molecule, hydrogens left out, [N]."""
        if self.has_smiles:
            return self.features["graph"].size
        geometries = self.features["geometry"]
        molecule = np.repeat(np.arange(len(geometries)), geometries.size)
        return np.bincount(molecule[geometries.atom > 1], minlength=len(geometries))

    @cached_property
    def composition(self) -> np.ndarray | None:
        """Atoms of each element in each molecule [N, E], where a target is extensive."""
        return None if self.extensive is None else self.features["geometry"].composition()

    def composition_for(self, modality: str) -> np.ndarray | None:
        """`composition`, which models of geometries alone subtract."""
        return self.composition if modality == "geometry" else None

    @property
    def over_atoms(self) -> str:
        """Whether models of geometries give a sum over atoms, as energies ask for, or a mean."""
        return "sum" if self.extensive is not None and self.extensive.all() else "mean"

    @property
    def near_text(self) -> str | None:
        """`near` in words."""
        return None if self.near is None else share_text(self.near, self.split.test)

    @property
    def standardized(self) -> bool:
        """Whether the mean over tasks is one of errors in standard deviations: tasks may differ in their units."""
        return len(self.table.tasks) > 1 and self.metric in ERROR_METRICS

    @property
    def mean_metric(self) -> str:
        """The name of the mean over tasks, which results.csv and curves are of."""
        return self.metric + (PER_SD if self.standardized else "")

    @property
    def mean_unit(self) -> str:
        """The unit of the mean over tasks, if any."""
        return "" if self.standardized else self.unit

    @cached_property
    def task_divisors(self) -> np.ndarray:
        """What the metric of each task is divided by before the mean over tasks, [T] float64.

        Where the mean is of errors in standard deviations, these are those of the label over all training molecules,
        whatever the fraction: else the curve would be one of the divisor, too. NaN where these have no spread.
        """
        if not self.standardized:
            return np.ones(len(self.table.tasks))
        return label_scaling.spreads(self.table.labels[self.split.train], self._units)

    def divisors(self, molecules: np.ndarray) -> np.ndarray:
        """`task_divisors` of a replica that trains on `molecules`: NaN for a task that its mean leaves out, [T].

        These are the tasks that it cannot learn: its molecules have no label of them, or in classification one class.
        """
        labels = self.table.labels[molecules]
        needed = 2 if self.table.task == "classification" else 1
        learned = [has_values(column, needed) for column in labels.T]
        return np.where(learned, self.task_divisors, np.nan)

    @cached_property
    def _units(self) -> LabelUnits:
        return label_scaling.find_units(self.table.labels, None, None)

    @cached_property
    def _units_without_atoms(self) -> LabelUnits:
        return label_scaling.find_units(self.table.labels, self.composition, self.extensive)

    def label_units(self, modality: str) -> LabelUnits:
        """The units of the labels on the device for a modality's models; the same for all splits of a table."""
        if self.table.task == "classification":
            return label_scaling.no_units(len(self.table.tasks))
        # R2 needs the variance of the labels themselves, with what their atoms add.
        atoms = self.composition_for(modality) is not None and self.metric != "r2"
        return self._units_without_atoms if atoms else self._units

    def device_labels(self, modality: str) -> np.ndarray:
        """The labels [N, T] float32 that a modality's models see on the device, NaN for missing."""
        return self.label_units(modality).to_device(self.table.labels, self.composition_for(modality))

    def label_standard(self, molecules: np.ndarray, modality: str) -> LabelScaler:
        """How a replica of a modality's model that trains on these molecules standardizes the device's labels."""
        if self.table.task == "classification":
            return label_scaling.no_standard(len(self.table.tasks))
        units, composition = self.label_units(modality), self.composition_for(modality)
        some = None if composition is None else composition[molecules]
        return units.device_standard(
            label_scaling.fit_standard(units.shift(self.table.labels[molecules]), some, self.extensive)
        )


def load_problem(config: Settings, reporter) -> TaskData:
    """`load_problems` of settings with one split."""
    (problem,) = load_problems(config, reporter)
    return problem


def load_problems(config: Settings, reporter) -> list[TaskData]:
    """Reads and prepares the molecules, splits them in each way, and tells `reporter` what was found.

    The problems share their table and features. Raises UserError where the data cannot be read or no task can be
    judged, with the rows that were rejected before.
    """
    dataset = None if config.file else datasets.get_dataset(config.dataset)
    table, conformers = _read(config, dataset)
    metric = _metric(config, table, dataset)
    reporter.say(f"{config.name}: {table.rows:,} rows, {count(len(table.tasks), 'task')}, {table.task}")
    for note in table.notes:
        reporter.say(note)
    prepared, facts = _prepare(config, table, conformers, reporter)
    say_rejected(prepared.table.rejected, reporter)
    try:
        return _split_problems(config, dataset, prepared, facts, metric, reporter)
    except UserError as error:
        error.rejected = prepared.table.rejected
        raise


def say_rejected(rejected: tuple[Rejected, ...], reporter) -> None:
    """Says how many rows were rejected, and the most frequent reasons with an example of each."""
    if rejected:
        reporter.say(f"{count(len(rejected), 'row')} rejected: see rejected.csv for the reason of each")
        for reason in top_reasons(rejected):
            reporter.say(f"  {reason}")


def _split_problems(
    config: Settings, dataset, prepared: ParsedMolecules, facts, metric: str, reporter
) -> list[TaskData]:
    """The problem of each split."""
    ways = _splits(config, dataset, prepared, reporter)
    features = _features(config, prepared, list(ways.values()), reporter)
    extensive = _extensive(config, prepared.table, features, next(iter(ways.values())), reporter)
    unit = datasets.unit_of(dataset, prepared.table.tasks) if dataset else ""
    packed, parents = _similarity_prints(prepared, reporter), _parents(config, prepared, reporter)
    if prepared.table.task == "regression":
        label_scaling.check_units(prepared.table.labels, prepared.table.tasks)
    problems = []
    for name, split in ways.items():
        shared = splits.shared_molecules(prepared.canonical, split)
        near = None if packed is None else near_share(packed, split.train, split.test)
        kin = None if parents is None else splits.shared_parents(prepared.canonical, parents, split)
        _describe(name, split, shared, near, kin, reporter)
        unjudged = find_unjudged(prepared.table, split, metric)
        for line in unjudged_lines(unjudged, metric, len(prepared.table.tasks)):
            reporter.say(line)
        common = prepared.table, features, prepared.canonical
        given = shared, unjudged, name, near, extensive, prepared.canonical_smiles, kin, facts
        problems.append(TaskData(*common, split, metric, unit, *given))
    if problems[0].standardized:
        reporter.say(label_scaling.SPREADS_SAID.format(metric=metric.upper()))
    return problems


def _describe(name: str, split: splits.Split, shared: int, near: float | None, kin: int | None, reporter) -> None:
    parts = ", ".join(f"{part} {len(ids):,}" for part, ids in split.parts().items())
    reporter.say(f"{name} split: {parts}; {shared:,} validation or test molecules also stand in another part")
    if kin:
        reporter.say(
            f"{kin_text(kin, split)}. --parent makes one molecule of each parent, and --deduplicate one row of that"
        )
    if near is not None:
        share = share_text(near, split.test)
        reporter.say(f"{share} of its test molecules are near a training molecule: ECFP4 Tanimoto above {NEAR:g}")


def kin_text(kin: int, split: splits.Split) -> str:
    """Return in words how many test molecules training has in another form."""
    return f"{kin:,} of {count(len(split.test), 'test molecule')} are also in training as another salt, hydrate or ion"


def _parents(config: Settings, prepared: ParsedMolecules, reporter) -> np.ndarray | None:
    """Return the hash of each molecule's parent [N]; None without SMILES."""
    if prepared.graphs is None:
        return None
    if config.parent:
        return prepared.canonical
    with reporter.progress("parents", len(prepared), "molecules") as progress:
        parents = find_parents(prepared.canonical_smiles, progress.advance)
    if several := int((parents.fragments > 1).sum()):
        has = "has" if several == 1 else "have"
        reporter.say(
            f"{count(several, 'molecule')} {has} several fragments (salts, hydrates, mixtures), and models see all of "
            "them; --parent keeps the largest organic fragment of each, uncharged"
        )
    return parent_hashes(prepared.canonical, parents)


def _similarity_prints(prepared: ParsedMolecules, reporter) -> np.ndarray | None:
    """By which `overlap` judges splits; None without SMILES."""
    if prepared.graphs is None:
        return None
    with reporter.progress("similarity", len(prepared), "molecules") as progress:
        return similarity_prints(prepared.canonical_smiles, progress.advance)


def _read(config: Settings, dataset: datasets.Dataset | None) -> tuple[Table, Conformers | None]:
    """The table, and its geometries where it comes with them."""
    path = config.npz or (datasets.locate(dataset) if dataset and dataset.is_npz else None)
    if path:
        odd = [modality for modality in config.modalities if modality != "geometry"]
        if odd:
            raise ConfigError(f"{config.name} has positions and no SMILES, which --modality {odd[0]} needs")
        targets = config.target_columns or tuple(names[0] for names in (dataset.targets if dataset else ()))
        return read_npz(path, target_columns=targets, task=dataset.task if dataset else config.task)
    if dataset:
        return datasets.load_dataset(dataset.name, config.target_columns), None
    columns = {"smiles_column": config.smiles_column, "target_columns": config.target_columns}
    return read_table(config.csv, **columns, task=config.task, censored=config.censored), None


def _prepare(config: Settings, table: Table, conformers: Conformers | None, reporter) -> tuple[ParsedMolecules, dict]:
    """Return the molecules that can be used, and what run.json says of them."""
    if conformers:
        prepared = prepare_geometries(table, conformers)
        return without_duplicates(prepared) if config.deduplicate else prepared, {}
    parsed = parse_smiles(table, reporter, parent=config.parent)
    prepared, repeated = deduplicate(parsed, config.deduplicate, reporter)
    return add_conformers(prepared, config.modalities, reporter), {"repeated_molecules": repeated}


def _splits(
    config: Settings, dataset: datasets.Dataset | None, prepared: ParsedMolecules, reporter
) -> dict[str, splits.Split]:
    """{name: split} of each that is asked for."""
    found, by_scaffold = {}, None
    if {"scaffold", "imbalanced"} & set(config.splits):
        by_scaffold = _scaffolds(config, prepared, reporter)
    for name in config.splits:
        if name == "random":
            found[name] = _random_split(config, dataset, prepared.table)
        elif name == "scaffold":
            found[name] = splits.scaffold_split(by_scaffold)
        elif name == "imbalanced":
            found[name] = splits.imbalanced_split(by_scaffold, config.split_seed)
        else:
            data = Data(prepared.table, prepared.canonical, config.parent, config.smiles_column)
            parts, how = read_parts(config.split_file, data)
            reporter.say(how)
            found[name] = splits.given_split(parts)
    for name in [name for name in found if name in ("scaffold", "imbalanced")]:
        _report_scaffolds(name, found[name], by_scaffold, reporter)
    return found


def _report_scaffolds(name: str, split: splits.Split, by_scaffold: list[str], reporter) -> None:
    """Report how many test molecules have a training molecule's scaffold, as it is and up to stereochemistry."""
    own, flat = (splits.shared_scaffolds(some, split) for some in (by_scaffold, without_stereochemistry(by_scaffold)))
    more = f"{own:,} of {count(len(split.test), 'test molecule')} have the scaffold of a training molecule"
    reporter.say(f"{name} split: {more}, {flat:,} where stereochemistry is ignored")


def _random_split(config: Settings, dataset: datasets.Dataset | None, table: Table) -> splits.Split:
    sizes = dataset.split_sizes if dataset else None
    if sizes and sum(sizes) >= table.rows:
        sizes = None
    return splits.random_split(table.ids, table.rows, config.split_seed, sizes)


def _scaffolds(config: Settings, prepared: ParsedMolecules, reporter) -> list[str]:
    if prepared.graphs is None:
        raise ConfigError(f"{config.name} has positions and no SMILES, which a split by scaffolds needs")
    with reporter.progress("scaffolds", len(prepared), "molecules") as progress:
        found = scaffolds(prepared.canonical_smiles, progress.advance)
    without = sum(scaffold == "" for scaffold in found)
    failed = sum(scaffold == NO_SCAFFOLD for scaffold in found)
    reporter.say(
        f"{len(set(found)):,} scaffolds; {count(without, 'molecule')} without rings, which count as one scaffold"
        + (f"; {count(failed, 'molecule')} without a scaffold, each by itself" if failed else "")
    )
    return found


def _extensive(config: Settings, table: Table, features, split: splits.Split, reporter) -> np.ndarray | None:
    """Which targets [T] models learn as what a regression on the atoms leaves, by the training molecules."""
    if config.atom_references == "off" or "geometry" not in features or table.task == "classification":
        return None
    shares = label_scaling.find_extensive(table.labels[split.train], features["geometry"].composition()[split.train])
    extensive = shares >= (label_scaling.REFERENCE_SHARE if config.atom_references == "auto" else -np.inf)
    for name, share in zip(np.array(table.tasks)[extensive], shares[extensive], strict=True):
        reporter.say(f"{name}: its atoms explain {share:.2%} of the variance; models of geometries learn the rest")
    if extensive.any() and not extensive.all():
        reporter.say("not so the other targets: all are a mean over atoms; alone, such a target would be a sum")
    return extensive if extensive.any() else None


def _features(config: Settings, prepared: ParsedMolecules, ways: list[splits.Split], reporter) -> dict[str, Features]:
    """The features of each modality that is asked for, and the graphs."""
    smiles, asked = prepared.canonical_smiles, config.modalities
    there = {"graph": prepared.graphs, "geometry": prepared.conformers, "fingerprint": "fingerprint" in asked}
    features = {
        modality: featurise(prepared, modality, feature_settings(config, modality), reporter)
        for modality, wanted in there.items()
        if wanted
    }
    if "smiles" in asked:
        spelled = [[text] for text in smiles]
        if config.smiles_variants > 1:
            with reporter.progress("random SMILES", len(smiles), "molecules") as progress:
                others = random_smiles(smiles, config.smiles_variants - 1, progress.advance)
            spelled = [[own, *more] for own, more in zip(smiles, others, strict=True)]
        trained_on = sorted({int(k) for split in ways for k in split.train})
        vocabulary = tokens.build_vocabulary([text for k in trained_on for text in spelled[k]])
        features["smiles"] = encoded = tokens.encode(spelled, vocabulary)
        cut = f"; {encoded.truncated:,} molecules cut off at {tokens.MOST_TOKENS}" if encoded.truncated else ""
        reporter.say(f"SMILES: {len(vocabulary) - 1} different tokens, {encoded.size.mean():.0f} a molecule{cut}")
    return features


def _metric(config: Settings, table: Table, dataset: datasets.Dataset | None) -> str:
    kinds = {"classification": "roc_auc", "regression": "mae" if config.npz else "rmse"}
    default = dataset.metric if dataset else kinds[table.task]
    metric = config.metric or default
    if (metric in CLASSIFICATION_METRICS) != (table.task == "classification"):
        fitting = [m for m in METRIC_NAMES if (m in CLASSIFICATION_METRICS) == (table.task == "classification")]
        raise ConfigError(f"metric {metric} does not fit {table.task}; choose from {', '.join(fitting)}")
    return metric
