"""Features on disk: computed once, in parallel processes, keyed by the molecules and the featurizer's version."""

import contextlib
import hashlib
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxmrl.errors import UserError
from jaxmrl.io.limits import usable_cores

CHUNK = 1000
"""Molecules that a worker process takes at a time."""

_ABANDONED_SECONDS = 86_400.0

SMALL = 2**28
"""Bytes that any compressed file may expand to."""

CountDone = Callable[[int], None]


def cache_directory() -> Path:
    """Return $JAXMRL_CACHE, else jaxmrl in the user's cache directory."""
    if "JAXMRL_CACHE" in os.environ:
        return Path(os.environ["JAXMRL_CACHE"])
    import pooch

    return Path(pooch.os_cache("jaxmrl"))


def cached(
    kind: str,
    featurizer_version: int,
    smiles: list[str],
    names: set[str],
    compute: Callable[[], dict[str, np.ndarray]],
    progress: CountDone | None = None,
) -> dict[str, np.ndarray]:
    """Return the arrays `names` of these molecules, from the cache or from `compute`, whose result is stored.

    What another version of RDKit computed is computed again, for RDKit decides what is a valid molecule.
    """
    path = cache_directory() / "prepared" / f"{kind}-{_content_key(kind, featurizer_version, smiles)}.npz"
    features = load_arrays(path, names | {"rdkit"})
    if features is None or rdkit_version() not in ("", str(features["rdkit"])):
        features = compute() | {"rdkit": np.array(rdkit_version())}
        with contextlib.suppress(OSError):  # what cannot be kept will be computed again
            save_arrays(path, features)
    elif progress:
        progress(len(smiles))
    return features


def cached_lines(
    kind: str,
    featurizer_version: int,
    smiles: list[str],
    featurize: Callable[[list[str]], list[str]],
    progress: CountDone | None = None,
) -> list[str]:
    """Return the lines of text that `featurize` returns for these molecules, in order, computed in parallel and
    cached.
    """

    def compute() -> dict[str, np.ndarray]:
        lines = [line for _, part in in_chunks(featurize, smiles, progress) for line in part]
        return {"lines": as_bytes(lines)}

    return as_lines(cached(kind, featurizer_version, smiles, {"lines"}, compute, progress)["lines"])


def as_bytes(lines: list[str]) -> np.ndarray:
    """Return lines of text as one array of bytes, uint8, which `as_lines` reads."""
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def as_lines(array: np.ndarray) -> list[str]:
    """Return the lines of text in an array that `as_bytes` made of at least one."""
    return array.tobytes().decode().split("\n")


def in_chunks(
    featurize: Callable[[list[str]], Any], smiles: list[str], progress: CountDone | None, size: int = CHUNK
) -> Iterator[tuple[int, Any]]:
    """Yield (position of the first, result) of `featurize` for each `size` molecules, in order, from parallel
    processes.

    Raises UserError where a process dies, as one does that runs out of memory.
    """
    import joblib

    starts = range(0, len(smiles), size)
    chunks = [smiles[start : start + size] for start in starts]
    parallel = joblib.Parallel(n_jobs=max(1, min(len(chunks), usable_cores())), return_as="generator")
    results = parallel(joblib.delayed(featurize)(chunk) for chunk in chunks)
    for start, chunk in zip(starts, chunks, strict=True):
        try:
            result = next(results)
        except BrokenProcessPool:
            raise UserError(
                f"a worker process died at molecule {start + 1:,} or later: memory ran out, or a molecule crashes "
                "RDKit; free memory, or leave that molecule out"
            ) from None
        yield start, result
        if progress:
            progress(len(chunk))


def rdkit_version() -> str:
    """Return the version of the installed RDKit; empty if there is none."""
    try:
        return version("rdkit")
    except PackageNotFoundError:
        return ""


def text_hash(text: str) -> int:
    """Return a 64-bit hash of a text, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _content_key(kind: str, featurizer_version: int, smiles: list[str]) -> str:
    digest = hashlib.blake2b(f"{kind} {featurizer_version}".encode(), digest_size=16)
    for text in smiles:
        # A byte that UTF-8 does not have, so that a NUL in a text is no boundary.
        digest.update(b"\0" + text.encode("utf-8", "surrogatepass").replace(b"\0", b"\xff"))
    return digest.hexdigest()


def max_expanded(size: int) -> int:
    """Return the bytes that a file of `size` bytes may decompress to before it counts as made to fill the memory.

    Tables of molecules shrink by 3 to 30 times, and small ones that repeat a line by more.
    """
    return max(SMALL, 100 * size)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file. Objects, which could run code when loaded, are refused.

    Raises OSError where it cannot be read, and ValueError where it is no such file, damaged (its CRCs tell), or
    would decompress to more than `max_expanded`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            most = max_expanded(path.stat().st_size)
            if sum(member.file_size for member in members) > most:
                raise ValueError(f"it decompresses to more than {most:,} bytes")
            return {member.filename.removesuffix(".npy"): _read_member(archive, member) for member in members}
    except OSError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds for a damaged file
        raise ValueError(str(error) or type(error).__name__) from None


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):  # the CRC is checked at the end alone
            raise ValueError(f"{member.filename} is longer than its header says")
    return array


def load_arrays(path: Path, names: set[str]) -> dict[str, np.ndarray] | None:
    """Return the arrays of a .npz file as `read_arrays`; None if it cannot be read or lacks some of `names`."""
    try:
        features = read_arrays(path)
    except (OSError, ValueError):
        return None
    return features if names <= features.keys() else None


def save_arrays(path: Path, features: dict[str, np.ndarray]) -> None:
    """Write a .npz file, whole or not at all. Raise OSError if that fails."""
    with replacing(path) as file:
        write_arrays(file, features)


def write_arrays(file: IO[bytes], arrays: dict[str, np.ndarray]) -> None:
    """Write the content of a .npz file to an open one."""
    # None of the names is allow_pickle, the one further argument that NumPy 2.1 has.
    np.savez(file, **arrays)  # type: ignore[arg-type]


def _remove_abandoned(folder: Path) -> None:
    """Remove half-written files of processes that were killed: temporary files older than a day."""
    for path in folder.glob("*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file under a temporary name that becomes `path` at the end, and remove it if that fails.

    Of several processes that write one path, each replaces it by a whole file. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path.parent)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        try:
            yield file
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):  # closing writes what could not be written before
                file.close()
            Path(file.name).unlink(missing_ok=True)
            raise
