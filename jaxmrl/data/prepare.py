"""From a table's SMILES to graphs, and the rows that cannot become one."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from jaxmrl.data import cache, graphs, table
from jaxmrl.errors import DataError


@dataclass(frozen=True)
class Prepared:
    """A table whose every molecule is usable, with its features.

    canonical [N] uint64   hash of each canonical SMILES, to find the same molecule twice
    """

    table: table.Table
    graphs: graphs.Graphs
    canonical: np.ndarray

    def __len__(self) -> int:
        return len(self.table)


def prepare(
    source: table.Table, *, deduplicate: bool = False, progress: Callable[[int], None] | None = None
) -> Prepared:
    """The usable molecules of `source`, featurised, as Prepared.

    Rows whose SMILES RDKit refuses, and rows without any label, join the table's rejected rows; so do, with
    `deduplicate`, molecules whose canonical SMILES came before. progress(molecules) is called as they are parsed.
    Raises DataError where nothing usable remains.
    """
    if len(source) == 0:
        raise _nothing_usable(source)
    features = _cached_features(source.smiles, progress)
    kept, usable = _without_unparsable(source, features)
    kept, labelled = table.without_unlabelled(kept)
    usable[usable] = labelled
    canonical = features["canonical"][usable[features["usable"]]]
    molecule_graphs = _graphs(features, usable[features["usable"]])
    prepared = Prepared(kept, molecule_graphs, canonical)
    if deduplicate:
        prepared = _without_duplicates(prepared)
    if len(kept) == 0:
        raise _nothing_usable(kept)
    return prepared


def _nothing_usable(source: table.Table) -> DataError:
    first = source.rejected[0]
    return DataError(f"none of the {len(source.rejected)} rows can be used; line {first.line}: {first.reason}")


def _without_unparsable(source: table.Table, features: dict) -> tuple[table.Table, np.ndarray]:
    usable = features["usable"].copy()
    reasons = zip(np.flatnonzero(~usable), features["reasons"], strict=True)
    rejected = [table.Rejected(int(source.lines[k]), source.smiles[k], str(reason)) for k, reason in reasons]
    return source.take(usable, rejected), usable


def _graphs(features: dict, keep: np.ndarray) -> graphs.Graphs:
    everything = graphs.Graphs(**{f.name: features[f.name] for f in fields(graphs.Graphs)})
    return graphs.take(everything, keep)


def _without_duplicates(prepared: Prepared) -> Prepared:
    first = np.zeros(len(prepared), bool)
    first[np.unique(prepared.canonical, return_index=True)[1]] = True
    kept = prepared.table
    again = [table.Rejected(int(kept.lines[k]), kept.smiles[k], "duplicate molecule") for k in np.flatnonzero(~first)]
    return Prepared(kept.take(first, again), graphs.take(prepared.graphs, first), prepared.canonical[first])


def _cached_features(smiles: list[str], progress) -> dict[str, np.ndarray]:
    names = {"usable", "reasons", "canonical", *(f.name for f in fields(graphs.Graphs))}
    return cache.cached("graphs", graphs.VERSION, smiles, names, lambda: _compute(smiles, progress), progress)


def _compute(smiles: list[str], progress) -> dict[str, np.ndarray]:
    pieces, canonical, rejected = [], [], {}
    for start, (piece, names, bad) in cache.in_chunks(graphs.featurise, smiles, progress):
        pieces.append(piece)
        canonical.extend(names)
        rejected.update({start + position: reason for position, reason in bad.items()})
    usable = np.ones(len(smiles), bool)
    usable[list(rejected)] = False
    joined = graphs.concatenate(pieces)
    return {
        "usable": usable,
        "reasons": np.array([rejected[k] for k in sorted(rejected)], dtype=np.str_),
        "canonical": np.array([_hash(name) for name in canonical], np.uint64),
        **{f.name: getattr(joined, f.name) for f in fields(graphs.Graphs)},
    }


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
