"""From a table's SMILES to graphs and conformers, and the rows that cannot become one."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from jaxmrl.chem.parents import Replaced
from jaxmrl.data import npz, table
from jaxmrl.data.replicates import Noise
from jaxmrl.errors import DataError
from jaxmrl.io import cache
from jaxmrl.io.records import Rejected, reason_groups
from jaxmrl.modalities.base import Vectors
from jaxmrl.modalities.flat_arrays import arrays_by_name, concatenate, take
from jaxmrl.modalities.geometry.conformers import block_coordinates, conformers
from jaxmrl.modalities.geometry.features import Conformers
from jaxmrl.modalities.graph import features as graphs


@dataclass(frozen=True)
class ParsedMolecules:
    """A table whose every molecule is usable, with what was made from it.

    canonical [N] uint64   hash of each canonical SMILES, or geometry, to find the same molecule twice
    graphs                 None where molecules have no SMILES
    conformers             None where nobody asked for them
    vectors                those of --embeddings; None where nobody asked for them
    canonical_smiles [N]   what features are made of, whatever the table's spelling; empty where there are no SMILES
    noise                  of the labels, as replicates show it, of the tasks where they do
    replaced               what --standardize changed; None without it
    """

    table: table.Table
    graphs: graphs.Graphs | None
    canonical: np.ndarray
    conformers: Conformers | None = None
    canonical_smiles: list[str] = field(default_factory=list, repr=False)
    vectors: Vectors | None = field(default=None, repr=False)
    noise: tuple[Noise, ...] = ()
    replaced: Replaced | None = None

    def __len__(self) -> int:
        return len(self.table)

    def take(self, keep: np.ndarray, rejected: list[Rejected]) -> "ParsedMolecules":
        """Return the molecules where `keep` [N]; `rejected` joins the rejected rows.

        Raise DataError if none remains.
        """
        kept = self.table.take(keep, rejected)
        if len(kept) == 0:
            raise _nothing_usable(kept)
        molecule_graphs = self.graphs and take(self.graphs, keep)
        molecule_conformers = self.conformers and self.conformers.take(keep)
        smiles = list(compress(self.canonical_smiles, keep))
        vectors = self.vectors and self.vectors._replace(values=self.vectors.values[keep])
        made = molecule_graphs, self.canonical[keep], molecule_conformers, smiles, vectors
        return ParsedMolecules(kept, *made, self.noise, self.replaced)


def prepare(
    source: table.Table, smiles: list[str] | None = None, *, progress: Callable[[int], None] | None = None
) -> ParsedMolecules:
    """Return the usable molecules of `source`, featurized.

    Rows whose SMILES RDKit refuses, and rows without any label, join the table's rejected rows.

    Args:
        source: The table, of N rows.
        smiles: N molecules that take the place of the table's own, which keeps its texts.
        progress: Called with the number of molecules that are parsed.

    Raises:
        DataError: Where nothing usable remains.
    """
    if len(source) == 0:
        raise _nothing_usable(source)
    features = _cached_features(source.smiles if smiles is None else smiles, progress)
    kept, usable = _without_unparsable(source, features)
    kept, labeled = table.without_unlabeled(kept)
    usable[usable] = labeled
    if len(kept) == 0:
        raise _nothing_usable(kept)
    keep = usable[features["usable"]]
    smiles = list(compress(cache.as_lines(features["smiles"]), keep))
    return ParsedMolecules(kept, _graphs(features, keep), features["canonical"][keep], canonical_smiles=smiles)


def prepare_geometries(source: table.Table, found: Conformers) -> ParsedMolecules:
    """Return the molecules of an .npz file as ParsedMolecules. Raise DataError if there is none."""
    if len(source) == 0:
        raise _nothing_usable(source)
    return ParsedMolecules(source, None, npz.molecule_hashes(found), found)


def with_conformers(
    prepared: ParsedMolecules,
    progress: Callable[[int], None] | None = None,
    *,
    blocks: dict[int, str] | None = None,
) -> ParsedMolecules:
    """Return the molecules that have a conformer, with it; the others join the rejected rows.

    blocks: the mol block of each line of the table, with the 3D coordinates to use; None for conformers made from
    SMILES.
    """
    if blocks is None:
        found, reasons = conformers(prepared.canonical_smiles, progress)
    else:
        found, reasons = block_coordinates([blocks[line] for line in prepared.table.lines.tolist()], progress)
    keep = np.ones(len(prepared), bool)
    keep[list(reasons)] = False
    kept = prepared.table
    rejected = [table.Rejected(int(kept.lines[k]), kept.smiles[k], reason) for k, reason in sorted(reasons.items())]
    return replace(prepared.take(keep, rejected), conformers=found)


def _nothing_usable(source: table.Table) -> DataError:
    first, *others = reason_groups(source.rejected)
    about_label = first[0].reason.startswith(table.NO_LABEL)
    where = f"column {source.column}, " if source.column and not about_label else ""
    more = f" ({len(first)} rows for this reason; others: {others[0][0].reason})" if others else ""
    error = DataError(
        f"none of the {len(source.rejected)} rows can be used; {where}line {first[0].line}: {first[0].reason}{more}"
    )
    error.rejected = source.rejected
    return error


def _without_unparsable(source: table.Table, features: dict) -> tuple[table.Table, np.ndarray]:
    usable = features["usable"].copy()
    reasons = zip(np.flatnonzero(~usable), features["reasons"], strict=True)
    rejected = [table.Rejected(int(source.lines[k]), source.smiles[k], str(reason)) for k, reason in reasons]
    return source.take(usable, rejected), usable


def _graphs(features: dict, keep: np.ndarray) -> graphs.Graphs:
    everything = graphs.Graphs(**{name: features[name] for name in graphs.Graphs.ROWS_OF})
    return take(everything, keep)


def without_duplicates(prepared: ParsedMolecules) -> ParsedMolecules:
    """Return the first of each molecule; the others join the rejected rows."""
    first = np.zeros(len(prepared), bool)
    first[np.unique(prepared.canonical, return_index=True)[1]] = True
    kept = prepared.table
    again = [
        table.Rejected(int(kept.lines[k]), kept.smiles[k] or f"molecule {kept.lines[k]}", "duplicate molecule")
        for k in np.flatnonzero(~first)
    ]
    return prepared.take(first, again)


def _cached_features(smiles: list[str], progress: Callable[[int], None] | None) -> dict[str, np.ndarray]:
    names = {"usable", "reasons", "canonical", "smiles", *graphs.Graphs.ROWS_OF}
    return cache.cached("graphs", graphs.VERSION, smiles, names, lambda: _compute(smiles, progress), progress)


def _compute(smiles: list[str], progress: Callable[[int], None] | None) -> dict[str, np.ndarray]:
    pieces, canonical, rejected = [], [], {}
    for start, (piece, names, bad) in cache.in_chunks(graphs.featurize, smiles, progress):
        pieces.append(piece)
        canonical.extend(names)
        rejected.update({start + position: reason for position, reason in bad.items()})
    usable = np.ones(len(smiles), bool)
    usable[list(rejected)] = False
    joined = concatenate(pieces)
    return {
        "usable": usable,
        "reasons": np.array([rejected[k] for k in sorted(rejected)], dtype=np.str_),
        "canonical": np.array([cache.text_hash(name) for name in canonical], np.uint64),
        "smiles": cache.as_bytes(canonical),
        **arrays_by_name(joined),
    }
