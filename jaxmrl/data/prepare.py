"""From a table's SMILES to graphs, in parallel and once: a cache on disk keyed by content and featuriser version."""

import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from jaxmrl.data import graphs, table
from jaxmrl.errors import DataError

CHUNK = 1000
"""Molecules that a worker process takes at a time."""


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


def cache_directory() -> Path:
    """$JAXMRL_CACHE, else jaxmrl in the user's cache directory."""
    if "JAXMRL_CACHE" in os.environ:
        return Path(os.environ["JAXMRL_CACHE"])
    import pooch

    return Path(pooch.os_cache("jaxmrl"))


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
    path = cache_directory() / "prepared" / f"graphs-{_content_key(smiles)}.npz"
    features = _load(path, len(smiles))
    if features is not None and _rdkit_version() not in ("", str(features["rdkit"])):
        features = None
    if features is None:
        features = _compute(smiles, progress)
        _save(path, features)
    elif progress:
        progress(len(smiles))
    return features


def _rdkit_version() -> str:
    """Of the RDKit that is installed, which decides what is a valid molecule; empty where there is none."""
    try:
        return version("rdkit")
    except PackageNotFoundError:
        return ""


def _content_key(smiles: list[str]) -> str:
    digest = hashlib.blake2b(f"graphs {graphs.VERSION}".encode(), digest_size=16)
    for text in smiles:
        digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _load(path: Path, molecules: int) -> dict[str, np.ndarray] | None:
    """The cached features; None where there are none, or where the file is damaged (its CRCs tell)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            features = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
    complete = {"rdkit", "usable", "reasons", "canonical", *(f.name for f in fields(graphs.Graphs))} <= features.keys()
    return features if complete and len(features["usable"]) == molecules else None


def _save(path: Path, features: dict[str, np.ndarray]) -> None:
    """Writes the cache under a temporary name and renames it. A cache that cannot be written is done without."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            np.savez(file, **features)
        temporary.replace(path)
    except OSError:
        if temporary:
            temporary.unlink(missing_ok=True)


def _compute(smiles: list[str], progress) -> dict[str, np.ndarray]:
    pieces, canonical, rejected = [], [], {}
    for start, (piece, names, bad) in _featurise_chunks(smiles):
        pieces.append(piece)
        canonical.extend(names)
        rejected.update({start + position: reason for position, reason in bad.items()})
        if progress:
            progress(min(CHUNK, len(smiles) - start))
    usable = np.ones(len(smiles), bool)
    usable[list(rejected)] = False
    joined = graphs.concatenate(pieces)
    return {
        "rdkit": np.array(_rdkit_version()),
        "usable": usable,
        "reasons": np.array([rejected[k] for k in sorted(rejected)], dtype=np.str_),
        "canonical": np.array([_hash(name) for name in canonical], np.uint64),
        **{f.name: getattr(joined, f.name) for f in fields(graphs.Graphs)},
    }


def _featurise_chunks(smiles: list[str]) -> Iterator[tuple[int, tuple]]:
    import joblib

    starts = range(0, len(smiles), CHUNK)
    chunks = [smiles[start : start + CHUNK] for start in starts]
    workers = min(len(chunks), joblib.cpu_count())
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator")
    yield from zip(starts, parallel(joblib.delayed(graphs.featurise)(chunk) for chunk in chunks), strict=True)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
