"""NPZ -> table and geometries, in the layout of the DimeNet authors' qm9_eV.npz (Gasteiger et al. 2020).

R [atoms, 3] positions in Å, Z [atoms] atomic numbers, N [molecules] atoms of each, and an array [molecules] for each
target; arrays of whole numbers, as `id`, are no targets unless they are asked for.
"""

import hashlib
from pathlib import Path

import numpy as np

from jaxmrl.data.classes import are_classes, number_classes, values_of
from jaxmrl.data.table import Table, check_distinct
from jaxmrl.errors import DataError
from jaxmrl.io.cache import read_arrays
from jaxmrl.io.cells import LARGEST, MISSING, NUMBER, Numbers
from jaxmrl.io.records import Rejected, column_names
from jaxmrl.modalities.geometry.features import Conformers, why_unusable

GEOMETRY_ARRAYS = ("R", "Z", "N")
LAYOUT = "expected the arrays R [atoms, 3], Z [atoms], N [molecules] and targets [molecules]"


def read_npz(path: Path, *, target_columns: tuple[str, ...] = (), task: str | None = None) -> tuple[Table, Conformers]:
    """Return the table in the .npz file `path`, and its molecules' geometries.

    A molecule's line is its place in the file, from 1; it has no SMILES. Without `target_columns`, all arrays of
    floating-point numbers, one for each molecule. Molecules whose positions or labels cannot be used are rejected.
    Raises DataError for a file of another layout.
    """
    arrays = _arrays(path)
    size, atom, position = _geometries(path, arrays)
    candidates = [
        name for name, array in arrays.items() if name not in GEOMETRY_ARRAYS and _is_target(array, len(size))
    ]
    for name in target_columns:
        if name not in candidates:
            raise DataError(f"{path} has no target {name!r}; its targets are {column_names(candidates)}")
    check_distinct(target_columns)
    names = target_columns or tuple(name for name in candidates if arrays[name].dtype.kind == "f")
    if not names:
        whole = f"; to predict whole numbers, give --target-columns: {column_names(candidates)}" if candidates else ""
        raise DataError(f"{path} has no floating-point array with a value for each of its {len(size)} molecules{whole}")
    labels = np.stack([arrays[name].reshape(-1) for name in names], axis=1).astype(np.float64)
    labels[np.abs(labels) > LARGEST] = np.inf
    columns = [_numbers(values) for values in labels.T]
    notes = [] if target_columns else [f"targets, all floating-point arrays: {column_names(list(names))}"]
    if task is None:
        task = "classification" if are_classes(columns) else "regression"
        notes.append(f"task: {task}, by the values of the labels")
    if task == "classification":
        everything = values_of(columns)
        classes = [
            number_classes(f"{path}, array {name}", column, everything)
            for name, column in zip(names, columns, strict=True)
        ]
        labels = np.stack([one.labels for one in classes], axis=1)
        notes += [f"{name}: {one.said}" for name, one in zip(names, classes, strict=True) if one.said]
    table = Table(
        ids=np.arange(len(size)),
        lines=np.arange(1, len(size) + 1),
        smiles=[""] * len(size),
        labels=labels,
        tasks=names,
        task=task,
        rows=len(size),
        notes=tuple(notes),
    )
    keep, rejected = _usable(size, atom, position, labels)
    return table.take(keep, rejected), Conformers(size, atom, position).take(keep)


def _numbers(values: np.ndarray) -> Numbers:
    """Return an array of labels [N] as a column of numbers."""
    kinds = np.where(np.isnan(values), MISSING, NUMBER)
    return Numbers(values, kinds, frozenset(np.unique(values[kinds == NUMBER]).tolist()))


def molecule_hashes(conformers: Conformers) -> np.ndarray:
    """Return a hash of each molecule's elements and distances (to 0.01 Å), [N] uint64, independent of its position."""
    places = np.cumsum(conformers.size)[:-1]
    both = zip(np.split(conformers.atom, places), np.split(conformers.position, places), strict=True)
    return np.frombuffer(b"".join(_digest(atom, position) for atom, position in both), np.uint64)


def _digest(atom: np.ndarray, position: np.ndarray) -> bytes:
    first, second = np.triu_indices(len(atom), 1)
    distance = np.linalg.norm(position[first] - position[second], axis=1)
    distances = np.sort(np.round(100 * distance).astype(np.int32))
    return hashlib.blake2b(np.sort(atom).tobytes() + distances.tobytes(), digest_size=8).digest()


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise DataError(f"{path} is not an .npz file of plain arrays ({error}); {LAYOUT}") from None


def _geometries(path: Path, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the geometries. size [N], atom [A], position [A, 3]: arrays of the file, whose shapes agree."""
    missing = [name for name in GEOMETRY_ARRAYS if name not in arrays]
    if missing:
        raise DataError(f"{path} has no array {missing[0]}; {LAYOUT}")
    position, atom, size = (arrays[name] for name in GEOMETRY_ARRAYS)
    if size.dtype.kind not in "iu" or atom.dtype.kind not in "iu" or position.dtype.kind not in "fiu":
        raise DataError(f"{path}: N and Z must be whole numbers and R numbers; {LAYOUT}")
    fits = size.ndim == 1 and size.min(initial=0) >= 0 and size.max(initial=0) <= len(atom.reshape(-1))
    atoms = int(size.sum()) if fits else -1
    if position.shape != (atoms, 3) or atom.shape != (atoms,):
        shapes = ", ".join(f"{name} {list(arrays[name].shape)}" for name in GEOMETRY_ARRAYS)
        raise DataError(f"{path}: shapes do not agree: {shapes}, with {atoms} atoms by N; {LAYOUT}")
    if len(size) == 0:
        raise DataError(f"{path} has no molecules")
    with np.errstate(over="ignore"):
        position = position.astype(np.float32)
    return size.astype(np.int32), np.clip(atom.astype(np.int64), 0, 255).astype(np.uint8), position


def _is_target(array: np.ndarray, molecules: int) -> bool:
    return array.dtype.kind in "fiub" and array.shape in ((molecules,), (molecules, 1))


def _usable(
    size: np.ndarray, atom: np.ndarray, position: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, list[Rejected]]:
    """Return which molecules can be used [N], and the others."""
    places = np.cumsum(size)[:-1]
    keep, rejected = np.ones(len(size), bool), []
    for k, (z, r) in enumerate(zip(np.split(atom, places), np.split(position, places), strict=True)):
        reason = why_unusable(z, r)
        if reason is None and np.isinf(labels[k]).any():
            reason = "a label is not a finite number"
        if reason is None and np.isnan(labels[k]).all():
            reason = "no label in any target"
        if reason:
            keep[k] = False
            rejected.append(Rejected(k + 1, f"molecule {k + 1}, {len(z)} atoms", reason))
    return keep, rejected
