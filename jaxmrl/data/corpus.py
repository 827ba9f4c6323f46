"""A table of molecules without labels, of any length: prepared and read shard by shard, so that memory stays flat."""

import csv
import hashlib
import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.chem.parents import AS_WRITTEN, NOTHING_REPLACED, Replaced, all_replaced, find_parents
from jaxmrl.chem.parents import VERSION as PARENTS_VERSION
from jaxmrl.data.table import stream_smiles
from jaxmrl.errors import DataError, UserError
from jaxmrl.io import cache
from jaxmrl.io.records import Rejected, rejected_lines, rejected_text
from jaxmrl.modalities.base import CorpusFeatures, FlatFeatures
from jaxmrl.modalities.flat_arrays import arrays_by_name, concatenate, take
from jaxmrl.text import count

VERSION = 4
SHARD_ROWS = 2**18
"""Rows of the file that a shard is made of."""

HELD_OUT = 20
"""One molecule in so many, those with the smallest hashes of their canonical SMILES, judges and does not train."""

MOST_HELD_OUT = 20_000
"""Molecules that judge, at most: the standard error of an accuracy over their masked atoms is a quarter per cent."""

_WHOLE = "corpus.json"
_FACTS = {"canonical", "rejected", "replaced", "examples"}
"""What a shard holds beside the features."""


@dataclass(frozen=True)
class Corpus:
    """Prepared molecules on disk, in shards.

    train[k], judges[k]: molecules of shard k that train, and others that judge; positions in the shard
    resources[k] [n, R]: what each of shard k's molecules takes of a batch
    shapes: of each array of features, large enough for every shard
    replaced: what standardization changed
    """

    features: CorpusFeatures
    shards: tuple[Path, ...]
    train: tuple[np.ndarray, ...]
    judges: tuple[np.ndarray, ...]
    resources: tuple[np.ndarray, ...]
    shapes: dict[str, tuple[int, ...]]
    rows: int
    rejected: int
    digest: str
    replaced: Replaced = NOTHING_REPLACED

    def load(self, shard: int) -> FlatFeatures:
        """Return a shard's features. Raise UserError if its file is gone."""
        names = set(self.features.kind.ROWS_OF)
        arrays = cache.load_arrays(self.shards[shard], names | _FACTS)
        if arrays is None:
            raise UserError(f"{self.shards[shard]} is damaged or missing; run the command again to prepare it again")
        return self.features.kind(**{name: arrays[name] for name in names})

    def held_out(self) -> FlatFeatures:
        """Return the features of all held-out molecules."""
        pieces = []
        for shard, judges in enumerate(self.judges):
            keep = np.zeros(len(self.resources[shard]), bool)
            keep[judges] = True
            if keep.any():
                pieces.append(take(self.load(shard), keep))
        return concatenate(pieces)

    def rejected_rows(self) -> Iterator[str]:
        """Yield the content of a rejected.csv in pieces."""
        yield rejected_text(())
        for shard in self.shards:
            with np.load(shard) as arrays:
                yield arrays["rejected"].tobytes().decode()


def prepare_corpus(
    path: Path,
    smiles_column: str | None,
    features: CorpusFeatures,
    progress: cache.CountDone | None = None,
    *,
    sheet: str | None = None,
    standardize: str = AS_WRITTEN,
) -> Corpus:
    """Return the molecules of a table, from the cache where they were prepared before.

    What was prepared when it is interrupted is not prepared again.

    Args:
        path: The file.
        smiles_column: Its column of SMILES; None for the one that is named so.
        features: What is made of the molecules.
        progress: Called with the number of molecules that are parsed.
        sheet: Its sheet, of a workbook; None for the first one whose header names SMILES.
        standardize: The form of the molecules, of `chem.parents.FORMS`.

    Raises:
        UserError: For a file that is no such table or has too few molecules, or a cache that cannot be written.
    """
    column = f"{smiles_column} {sheet}" if sheet else smiles_column
    digest = _digest(path, column, features, standardize)
    folder = cache.cache_directory() / "prepared" / f"corpus-{digest}"
    rows = _prepared_rows(folder, features)
    if rows is None:
        rows = _prepare(folder, stream_smiles(path, smiles_column, sheet), features, standardize, progress)
    elif progress:
        progress(rows)
    return _open(path, [_shard(folder, k) for k in range(-(-rows // SHARD_ROWS))], rows, digest, features)


def _digest(path: Path, smiles_column: str | None, features: CorpusFeatures, standardize: str) -> str:
    kind = f"{features.kind.__name__} {features.version}"
    versions = f"{VERSION} {kind} {cache.rdkit_version()} {smiles_column} {SHARD_ROWS}"
    versions += f" {standardize} {PARENTS_VERSION}" if standardize != AS_WRITTEN else ""
    digest = hashlib.blake2b(versions.encode(), digest_size=16)
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    return digest.hexdigest()


def _shard(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.npz"


def _prepared_rows(folder: Path, features: CorpusFeatures) -> int | None:
    """Return the rows of the file, if a preparation has ended and all its shards are still there."""
    try:
        rows = json.loads((folder / _WHOLE).read_text())["rows"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(rows, int):
        return None
    whole = all(_is_shard(_shard(folder, k), features) for k in range(-(-rows // SHARD_ROWS)))
    return rows if whole else None


def _prepare(
    folder: Path,
    source: Iterator[tuple[int, str] | Rejected],
    features: CorpusFeatures,
    standardize: str,
    progress: cache.CountDone | None,
) -> int:
    """Write the shards that are not there yet. Return the number of rows."""
    rows = 0
    for number in itertools.count():
        part = list(itertools.islice(source, SHARD_ROWS))
        if not part:
            break
        _prepare_shard(_shard(folder, number), part, features, standardize, progress)
        rows += len(part)
    try:
        with cache.replacing(folder / _WHOLE) as file:
            file.write(json.dumps({"rows": rows}).encode())
    except OSError as error:
        raise _unwritable(folder, error) from None
    return rows


def _is_shard(path: Path, features: CorpusFeatures) -> bool:
    return cache.load_arrays(path, set(features.kind.ROWS_OF) | _FACTS) is not None


def _prepare_shard(
    path: Path,
    part: list[tuple[int, str] | Rejected],
    features: CorpusFeatures,
    standardize: str,
    progress: cache.CountDone | None,
) -> None:
    if _is_shard(path, features):
        if progress:
            progress(len(part))
        return
    rejected = [row for row in part if isinstance(row, Rejected)]
    molecules = [row for row in part if not isinstance(row, Rejected)]
    smiles = [text for _, text in molecules]
    found = None if standardize == AS_WRITTEN else find_parents(smiles, form=standardize)
    smiles, replaced = (found.smiles, found.replaced) if found else (smiles, NOTHING_REPLACED)
    pieces, canonical = [], []
    for start, (piece, names, bad) in cache.in_chunks(features.featurize, smiles, progress):
        pieces.append(piece)
        canonical += [cache.text_hash(name) for name in names]
        for k, reason in bad.items():
            line, text = molecules[start + k]
            rejected.append(Rejected(line, text, reason))
    lines = rejected_lines(sorted(rejected, key=lambda row: row.line))
    arrays = arrays_by_name(concatenate(pieces or [features.featurize([])[0]]))
    arrays["canonical"] = np.array(canonical, np.uint64)
    arrays["replaced"] = np.array([replaced.molecules, replaced.fragments], np.int64)
    arrays["examples"] = np.array(replaced.examples, np.str_).reshape(-1, 2)
    arrays["rejected"] = np.frombuffer(lines.encode(), np.uint8)
    try:
        cache.save_arrays(path, arrays)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"cannot write {path}: {error.strerror}; set JAXMRL_CACHE to a writable folder")


def _judging_below(hashes: np.ndarray) -> int:
    """Return the hash below which a molecule is held out: a share of all hashes, or as many molecules as are enough."""
    limit = 2**64 // HELD_OUT
    judging = np.sort(hashes[hashes < limit])
    return limit if len(judging) <= MOST_HELD_OUT else int(judging[MOST_HELD_OUT])


def _first_rejected(shards: list[Path]) -> str:
    """Return what is wrong with the first row that cannot be used, if there is one."""
    for shard in shards:
        with np.load(shard) as arrays:
            for line, _, reason in csv.reader(io.StringIO(arrays["rejected"].tobytes().decode())):
                return f" (line {line}: {reason})"
    return ""


def _open(path: Path, shards: list[Path], rows: int, digest: str, features: CorpusFeatures) -> Corpus:
    rows_of = features.kind.ROWS_OF
    hashes, resources, shapes, replaced = [], [], [], []
    for shard in shards:
        with np.load(shard) as arrays:
            hashes.append(arrays["canonical"])
            examples = tuple((str(old), str(new)) for old, new in arrays["examples"])
            molecules, fragments = map(int, arrays["replaced"])
            replaced.append(Replaced(molecules, fragments, examples))
            resources.append(np.stack([arrays[name] for name, count in rows_of.items() if count is None], axis=1))
            shapes.append({name: arrays[name].shape for name in rows_of})
    usable = sum(map(len, hashes))
    limit = _judging_below(np.concatenate([*hashes, np.zeros(0, np.uint64)]))
    train = [np.flatnonzero(of >= limit).astype(np.int32) for of in hashes]
    judges = [np.flatnonzero(of < limit).astype(np.int32) for of in hashes]
    if not sum(map(len, train)) or not sum(map(len, judges)):
        raise DataError(
            f"{path} has {count(usable, 'usable molecule')} in {count(rows, 'row')}{_first_rejected(shards)}: "
            f"pre-training needs many, and holds out one in {HELD_OUT} for evaluation"
        )
    return Corpus(
        features=features,
        shards=tuple(shards),
        train=tuple(train),
        judges=tuple(judges),
        resources=tuple(resources),
        shapes={name: tuple(map(max, zip(*(of[name] for of in shapes), strict=True))) for name in rows_of},
        rows=rows,
        rejected=rows - usable,
        digest=digest,
        replaced=all_replaced(replaced),
    )
