"""The splits that a command asks for: each kind of split, made once or several times from the molecules of a table."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jaxmrl.chem.scaffolds import NO_SCAFFOLD
from jaxmrl.config import Settings
from jaxmrl.config.names import FILE_SPLIT, LEAVE_CLUSTER_OUT, ROLLING
from jaxmrl.data import splits
from jaxmrl.data.clusters import CLUSTER_SIMILARITY, find_clusters, maxmin_order
from jaxmrl.data.datasets import Dataset
from jaxmrl.data.earlier_splits import EarlierSplits, trimmed
from jaxmrl.data.group_splits import (
    folds_beside_test,
    group_splits,
    leave_cluster_out,
    stratified_split,
    whole_groups,
)
from jaxmrl.data.matching import Data
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.parts import read_parts
from jaxmrl.data.splits import Split, split_label
from jaxmrl.data.time_splits import rolling_origins, time_split
from jaxmrl.errors import ConfigError
from jaxmrl.progress import ProgressReporter
from jaxmrl.text import count


def make_splits(
    config: Settings,
    dataset: Dataset | None,
    prepared: ParsedMolecules,
    packed: np.ndarray | None,
    scaffolds: list[str] | None,
    reporter: ProgressReporter,
    earlier: EarlierSplits | None = None,
) -> dict[str, list[Split]]:
    """Return the splits of each kind that is asked for, by the name of the kind.

    Args:
        config: The settings.
        dataset: The data set, whose published split has its own sizes; None for a user's file.
        prepared: The N molecules.
        packed: Their fingerprints, [N, bits / 8] uint8; None without SMILES.
        scaffolds: Their scaffolds, [N]; None without SMILES.
        reporter: Receives what is to be said of the splits.
        earlier: The splits that are kept, of data to which rows were added; None makes splits.

    Raises:
        UserError: Where a split cannot be made.
    """
    maker = _SplitMaker(config, dataset, prepared, packed, scaffolds, reporter)
    found = {}
    for name in config.splits:
        seeds = range(config.split_seed, config.split_seed + config.split_count(name, len(prepared)))
        if earlier:
            found[name] = maker.continued(name, seeds, earlier)
            continue
        found[name] = maker.makers[name](seeds)
        if len(found[name]) < len(seeds):
            reporter.say(
                f"{name} split: one split for all seeds, because those of other split seeds have parts of other sizes"
            )
    return found


def _in_no_part(counts: list[int], what: str) -> str:
    """Return in words how many are in no part of each of several splits."""
    if min(counts) == max(counts):
        return f"{count(counts[0], what)} in no part"
    return f"{min(counts):,} to {max(counts):,} {what}s in no part, depending on the split"


@dataclass(frozen=True)
class _SplitMaker:
    """The molecules that `make_splits` splits."""

    config: Settings
    dataset: Dataset | None
    prepared: ParsedMolecules
    packed: np.ndarray | None
    scaffolds: list[str] | None
    reporter: ProgressReporter

    @property
    def makers(self) -> dict[str, Callable[[range], list[Split]]]:
        """The function that makes the splits of some seeds, by the name of the kind."""
        return {
            "random": self._random,
            "scaffold": self._scaffold,
            "imbalanced": self._imbalanced,
            "cluster": self._cluster,
            LEAVE_CLUSTER_OUT: self._leave_cluster_out,
            "maxmin": self._maxmin,
            "stratified": self._stratified,
            "group": self._group,
            "time": self._time,
            ROLLING: self._rolling,
            FILE_SPLIT: self._of_file,
        }

    def continued(self, name: str, seeds: range, earlier: EarlierSplits) -> list[Split]:
        """Return the splits of a kind, of data to which rows were added."""
        groups = self._scaffold_groups if name == "scaffold" else self._named_groups if name == "group" else None
        labels = [split_label(name, seed, place) for place, seed in enumerate(seeds)]
        if name == "group" and not set(labels[1:]) & earlier.parts.keys():
            labels = labels[:1]  # those of other seeds had other sizes
        found = [earlier.split(label, self.prepared.canonical_smiles, groups) for label in labels]
        rest = [len(self.prepared) - sum(split.sizes) for split in found]
        if max(rest):
            alike = "" if groups is None else f" or share its {name}"
            self.reporter.say(
                f"{name} split: {_in_no_part(rest, 'new row')}; they repeat a validation or test molecule{alike}"
            )
        even = trimmed(found, self.prepared.canonical, seeds[0])
        cut = [len(split.train) - len(one.train) for split, one in zip(found, even, strict=True)]
        if max(cut):
            self.reporter.say(
                f"{name} split: {_in_no_part(cut, 'training molecule')}; without them, the training sets of all "
                f"{len(even)} splits have the same size"
            )
        return even

    def _random(self, seeds: range) -> list[Split]:
        table, sizes = self.prepared.table, self.dataset.split_sizes if self.dataset else None
        if sizes and sum(sizes) >= table.rows:
            sizes = None
        first = splits.random_split(table.ids, table.rows, seeds[0], sizes)
        return [first, *(splits.random_split_like(first, table.ids, table.rows, seed) for seed in seeds[1:])]

    def _scaffold(self, seeds: range) -> list[Split]:
        others = [splits.scaffold_split(self._scaffolds, seed=seed) for seed in seeds[1:]]
        return [splits.scaffold_split(self._scaffolds), *others]

    def _imbalanced(self, seeds: range) -> list[Split]:
        return [splits.imbalanced_split(self._scaffolds, seed, shuffled=seed != seeds[0]) for seed in seeds]

    def _cluster(self, seeds: range) -> list[Split]:
        return group_splits(self._clusters, self.prepared.canonical, seeds, "cluster")

    def _leave_cluster_out(self, seeds: range) -> list[Split]:
        found = leave_cluster_out(self._clusters, self.prepared.canonical, seeds)
        sizes = ", ".join(f"{len(split.test):,}" for split in found)
        rest = len(self.prepared) - sum(map(len, found[0].parts().values()))
        self.reporter.say(
            f"{LEAVE_CLUSTER_OUT} split: each split seed tests on one of the {len(found)} largest clusters "
            f"({sizes} molecules)" + (f"; {rest:,} molecules in no part of the first split" if rest else "")
        )
        return found

    @cached_property
    def _clusters(self) -> np.ndarray:
        """The cluster of each molecule, [N]."""
        packed = self._fingerprints("cluster")
        with self.reporter.progress("clusters", len(packed), "molecules") as progress:
            clusters = find_clusters(packed, self.prepared.canonical, progress.advance)
        size = np.bincount(clusters)
        self.reporter.say(
            f"{count(len(size), 'cluster')} of molecules with an ECFP4 Tanimoto similarity of {CLUSTER_SIMILARITY:g} "
            f"or more to their leader; {int((size == 1).sum()):,} of one molecule, the largest of {int(size.max()):,}"
        )
        return clusters

    def _maxmin(self, seeds: range) -> list[Split]:
        packed, canonical = self._fingerprints("maxmin"), self.prepared.canonical
        rows = np.unique(canonical, return_index=True)[1]  # one of each molecule
        most = min(splits.held_out(len(packed)), len(rows))
        with self.reporter.progress("maxmin", len(seeds), "splits") as progress:
            found = []
            for seed in seeds:
                picked = rows[maxmin_order(packed[rows], canonical[rows], most, seed)]
                found.append(splits.diverse_split(picked, canonical))
                progress.advance(1)
        return found if len({split.sizes for split in found}) == 1 else found[:1]

    def _stratified(self, seeds: range) -> list[Split]:
        table = self.prepared.table
        return [stratified_split(table.labels, self.prepared.canonical, table.task, seed) for seed in seeds]

    def _group(self, seeds: range) -> list[Split]:
        return group_splits(self._named_groups, self.prepared.canonical, seeds, "group")

    @property
    def _named_groups(self) -> np.ndarray:
        """The group of each molecule, [N]."""
        names = self.prepared.table.side.groups
        assert names is not None, "settings name its column"
        return whole_groups(names, self.prepared.canonical)

    @property
    def _scaffold_groups(self) -> np.ndarray:
        """The group of each molecule by its scaffold, [N]: each molecule without a scaffold is one."""
        names = np.array(["" if one == NO_SCAFFOLD else f"scaffold {one}" for one in self._scaffolds], object)
        return whole_groups(names, self.prepared.canonical)

    def _time(self, seeds: range) -> list[Split]:
        dates = self.prepared.table.side.dates
        assert dates is not None, "settings name its column"
        split = time_split(dates)
        first = {name: str(dates[ids].min().astype("datetime64[D]")) for name, ids in split.parts().items()}
        self.reporter.say(f"time split: validation from {first['valid']}, test from {first['test']}")
        return [split]

    def _rolling(self, seeds: range) -> list[Split]:
        dates = self.prepared.table.side.dates
        assert dates is not None, "settings name its column"
        origins = rolling_origins(dates, self.prepared.canonical, self.config.cuts, seeds[0])
        shown = ", ".join(f"{one.cut} ({len(one.train):,} train, {len(one.test):,} test)" for one in origins)
        self.reporter.say(
            f"rolling split: trained on the molecules before each date, tested on the next block: {shown}"
        )
        return origins

    def _of_file(self, seeds: range) -> list[Split]:
        config = self.config
        assert config.split_file is not None, "this split is that of the file"
        table, canonical = self.prepared.table, self.prepared.canonical
        data = Data(table, canonical, config.standardize, config.smiles_column, config.csv, config.sheet)
        if len(seeds) == 1:
            parts, how = read_parts(config.split_file, data)
            self.reporter.say(how)
            return [splits.given_split(parts)]
        parts, how = read_parts(config.split_file, data, ("train", "test"))
        in_test = np.array(parts) == "test"
        self.reporter.say(how)
        self.reporter.say(
            f"file split: {len(seeds)} folds of its {int((~in_test).sum()):,} training and validation molecules; each "
            "split seed validates on one fold and trains on the others, and the test set is the same for all"
        )
        return folds_beside_test(in_test, data.canonical, seeds)

    def _fingerprints(self, kind: str) -> np.ndarray:
        if self.packed is None:
            raise ConfigError(f"{self.config.name} has positions and no SMILES, which --split {kind} needs")
        return self.packed

    @cached_property
    def _scaffolds(self) -> list[str]:
        """The scaffold of each molecule, [N]."""
        found = self.scaffolds
        if found is None:
            raise ConfigError(f"{self.config.name} has positions and no SMILES, which a split by scaffolds needs")
        without = sum(scaffold == "" for scaffold in found)
        failed = sum(scaffold == NO_SCAFFOLD for scaffold in found)
        self.reporter.say(
            f"{len(set(found)):,} scaffolds; {count(without, 'molecule')} without rings, which count as one scaffold"
            + (f"; {count(failed, 'molecule')} without a scaffold, each by itself" if failed else "")
        )
        return found
