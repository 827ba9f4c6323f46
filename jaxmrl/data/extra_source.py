"""`--extra FILE`: related molecules that are added to every training set, and to no validation or test set."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from jaxmrl.chem.parents import AS_WRITTEN, find_parents, parent_hashes
from jaxmrl.chem.scaffolds import scaffolds as find_scaffolds
from jaxmrl.chem.scaffolds import without_stereochemistry
from jaxmrl.config import Settings
from jaxmrl.data.bounds import Bounds, bounds_of
from jaxmrl.data.duplicates import deduplicate
from jaxmrl.data.featurization import add_conformers, parse_smiles
from jaxmrl.data.log_scale import LogScale
from jaxmrl.data.long_format import LongFormat
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.side_columns import SideColumnNames, SideColumns
from jaxmrl.data.splits import Split
from jaxmrl.data.table import Table, read_table
from jaxmrl.errors import DataError
from jaxmrl.formats.reading import read_records
from jaxmrl.io.records import column_names, top_reasons
from jaxmrl.modalities.flat_arrays import concatenate
from jaxmrl.modalities.geometry.features import concatenate as concatenate_conformers
from jaxmrl.progress import Progress, ProgressReporter
from jaxmrl.text import count


@dataclass(frozen=True)
class ExtraSource:
    """The usable molecules of --extra, and what identifies them.

    name      the name of the file
    prepared  its E usable molecules, with labels of the tasks of the main source
    parents   [E] uint64, a hash of each molecule's parent
    """

    name: str
    prepared: ParsedMolecules
    parents: np.ndarray

    @cached_property
    def _flat(self) -> list[str]:
        return without_stereochemistry(self.prepared.canonical_smiles)

    @cached_property
    def _flat_scaffolds(self) -> list[str]:
        return without_stereochemistry(find_scaffolds(self.prepared.canonical_smiles))

    def joined(self, main: ParsedMolecules) -> ParsedMolecules:
        """Return the molecules of the main source, and after them these.

        Their ids go on where the rows of the main source end.
        """
        both = main, self.prepared
        graphs = [one.graphs for one in both if one.graphs is not None]
        known = [one.conformers for one in both if one.conformers is not None]
        return replace(
            main,
            table=_joined_tables(main.table, self.prepared.table, self.name),
            graphs=concatenate(graphs),
            canonical=np.concatenate([one.canonical for one in both]),
            conformers=concatenate_conformers(known) if known else None,
            canonical_smiles=[*main.canonical_smiles, *self.prepared.canonical_smiles],
        )

    def training(
        self, split: Split, main: ParsedMolecules, parents: np.ndarray, scaffolds: list[str] | None = None
    ) -> np.ndarray:
        """Return the places, in `joined`, of the molecules that may train: no validation or test molecule is the same.

        Neither is one the same but for stereochemistry, or another salt, hydrate or ion; nor, where scaffolds are
        given, does one have the same scaffold.

        Args:
            split: The parts of the main source.
            main: The molecules of the main source, N.
            parents: A hash of each one's parent, [N].
            scaffolds: The scaffold of each one, [N].
        """
        judged = np.concatenate([split.valid, split.test])
        known = np.isin(self.parents, parents[judged])
        known |= _among(self._flat, [main.canonical_smiles[k] for k in judged])
        if scaffolds is not None:
            known |= _among(self._flat_scaffolds, [scaffolds[k] for k in judged])
        return len(main) + np.flatnonzero(~known)


def _among(flat: list[str], others: list[str]) -> np.ndarray:
    """Return which SMILES without stereochemistry [n] are among others, once these have none either."""
    return np.isin(flat, without_stereochemistry(others))


def read_own_table(
    config: Settings,
    path: Path,
    *,
    smiles_column: str | None,
    sheet: str | None,
    target_columns: tuple[str, ...],
    task: str | None,
    side: SideColumnNames,
) -> Table:
    """Return a table of the user's, with labels as the settings ask for; other arguments as of `read_table`."""
    assay, value = config.assay_column, config.value_column
    return read_table(
        path,
        smiles_column=smiles_column,
        sheet=sheet,
        target_columns=target_columns,
        task=task,
        censored=config.censored,
        scale=LogScale(config.pic50) if config.pic50 or config.log10 else None,
        assays=LongFormat(assay, value) if assay and value else None,
        side=side,
    )


def read_extra(config: Settings, path: Path, main: Table, reporter: ProgressReporter) -> ExtraSource:
    """Return the molecules of --extra, read, standardized and merged as those of the main source are.

    Args:
        config: The settings of the main source.
        path: The file.
        main: The table of the main source, whose target columns are looked for by their names.
        reporter: Receives the messages about the file.

    Raises:
        DataError: If the file is no table with these targets (the message names both files) or has no usable molecule.
    """
    named = _Named(reporter, path.name)
    table = _read_table(config, path, main)
    for note in table.notes:
        named.say(note)
    parsed = parse_smiles(table, named, standardize=config.standardize)
    prepared, _ = deduplicate(parsed, config.deduplicate, named)
    prepared = add_conformers(prepared, config.modalities, named)
    parents = prepared.canonical
    if config.standardize == AS_WRITTEN:
        with named.progress("parents", len(prepared), "molecules") as progress:
            parents = parent_hashes(parents, find_parents(prepared.canonical_smiles, progress.advance))
    named.say(
        f"{table.rows:,} rows, {count(len(prepared), 'usable molecule')}, {len(prepared.table.rejected):,} rejected"
    )
    for reason in top_reasons(prepared.table.rejected):
        named.say(f"  {reason}")
    return ExtraSource(path.name, prepared, parents)


def _read_table(config: Settings, path: Path, main: Table) -> Table:
    """Return the table of --extra. Raise DataError, naming both sources, where its targets are not those of `main`."""
    targets, header = main.asked_for or main.tasks, read_records(path).header
    expected = f"It needs the targets of {config.name}: {column_names(list(targets))} ({main.task})"
    missing = [] if config.value_column else [name for name in targets if name not in header]
    if missing:
        raise DataError(
            f"--extra {path} has no column {missing[0]}; its columns are {column_names(header)}. {expected}. Rename "
            "the columns of one file, or name the targets with --target-columns"
        )
    try:
        table = read_own_table(
            config,
            path,
            smiles_column=config.smiles_column if config.smiles_column in header else None,
            sheet=None,
            target_columns=targets,
            task=main.task,
            side=SideColumnNames(weight=config.weight_column),
        )
    except DataError as error:
        raise DataError(f"--extra: {error}. {expected}") from None
    for name, ours, theirs in zip(targets, main.class_numbers, table.class_numbers, strict=False):
        if ours and theirs and (ours[0] == theirs[1] or ours[1] == theirs[0]):
            raise DataError(
                f"--extra {path}, column {name}: {theirs[1]:g} is the class to predict and {theirs[0]:g} the other, "
                f"but {ours[1]:g} and {ours[0]:g} in {config.name}. Write 1 for the class to predict and 0 for the "
                "other in both files"
            )
    return replace(table, tasks=main.tasks)


def _joined_tables(main: Table, extra: Table, name: str) -> Table:
    """Return the rows of the main table, and after them those of the table of --extra called `name`."""
    both = main, extra
    rejected = [replace(row, reason=f"{name}: {row.reason}") for row in extra.rejected]
    weights = [one.side.weights for one in both if one.side.weights is not None]
    return replace(
        main,
        ids=np.concatenate([main.ids, main.rows + extra.ids]),
        lines=np.concatenate([one.lines for one in both]),
        smiles=[*main.smiles, *extra.smiles],
        labels=np.concatenate([one.labels for one in both]),
        rejected=(*main.rejected, *rejected),
        notes=(*main.notes, *(f"{name}: {note}" for note in extra.notes)),
        side=SideColumns(weights=np.concatenate(weights) if weights else None),
        bounds=_joined_bounds(both),
        first_extra=len(main),
    )


def _joined_bounds(tables: tuple[Table, Table]) -> Bounds | None:
    """Return the bounds of the rows of two tables; None where neither has one."""
    known = [
        one.bounds or Bounds(np.full(one.labels.shape, np.nan), np.zeros(one.labels.shape, np.int8)) for one in tables
    ]
    return bounds_of(np.concatenate([one.values for one in known]), np.concatenate([one.sides for one in known]))


class _Named(ProgressReporter):
    """Adds the name of a file to the messages about it."""

    def __init__(self, reporter: ProgressReporter, name: str):
        self.reporter, self.name = reporter, name

    def say(self, text: str) -> None:
        self.reporter.say(f"{self.name}: {text}")

    def progress(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Progress]:
        return self.reporter.progress(f"{title} of {self.name}", total, unit)
