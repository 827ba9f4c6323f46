"""Features on disk: computed once, in parallel processes, keyed by the molecules and the featuriser's version."""

import contextlib
import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

CHUNK = 1000
"""Molecules that a worker process takes at a time."""

Progress = Callable[[int], None]


def cache_directory() -> Path:
    """$JAXMRL_CACHE, else jaxmrl in the user's cache directory."""
    if "JAXMRL_CACHE" in os.environ:
        return Path(os.environ["JAXMRL_CACHE"])
    import pooch

    return Path(pooch.os_cache("jaxmrl"))


def cached(
    kind: str,
    featuriser_version: int,
    smiles: list[str],
    names: set[str],
    compute: Callable[[], dict[str, np.ndarray]],
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """The arrays `names` of these molecules, from the cache or from `compute`, whose result is kept.

    What another version of RDKit computed is computed again, for RDKit decides what is a valid molecule.
    """
    path = cache_directory() / "prepared" / f"{kind}-{_content_key(kind, featuriser_version, smiles)}.npz"
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
    featuriser_version: int,
    smiles: list[str],
    featurise: Callable[[list[str]], list[str]],
    progress: Progress | None = None,
) -> list[str]:
    """The lines of text that `featurise` gives for these molecules, in order, computed in parallel and kept."""

    def compute():
        lines = [line for _, part in in_chunks(featurise, smiles, progress) for line in part]
        return {"lines": np.frombuffer("\n".join(lines).encode(), np.uint8)}

    arrays = cached(kind, featuriser_version, smiles, {"lines"}, compute, progress)
    return arrays["lines"].tobytes().decode().split("\n")


def in_chunks(
    featurise: Callable[[list[str]], Any], smiles: list[str], progress: Progress | None, size: int = CHUNK
) -> Iterator[tuple[int, Any]]:
    """(position of the first, result) of `featurise` for each `size` molecules, in order, in parallel processes."""
    import joblib

    starts = range(0, len(smiles), size)
    chunks = [smiles[start : start + size] for start in starts]
    parallel = joblib.Parallel(n_jobs=max(1, min(len(chunks), joblib.cpu_count())), return_as="generator")
    results = parallel(joblib.delayed(featurise)(chunk) for chunk in chunks)
    for start, chunk, result in zip(starts, chunks, results, strict=True):
        yield start, result
        if progress:
            progress(len(chunk))


def rdkit_version() -> str:
    """Of the RDKit that is installed; empty where there is none."""
    try:
        return version("rdkit")
    except PackageNotFoundError:
        return ""


def text_hash(text: str) -> int:
    """64 bits of a text, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _content_key(kind: str, featuriser_version: int, smiles: list[str]) -> str:
    digest = hashlib.blake2b(f"{kind} {featuriser_version}".encode(), digest_size=16)
    for text in smiles:
        digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def load_arrays(path: Path, names: set[str]) -> dict[str, np.ndarray] | None:
    """The arrays of a .npz file; None where some of `names` are missing, or it is damaged (its CRCs tell)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            features = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
    return features if names <= features.keys() else None


def save_arrays(path: Path, features: dict[str, np.ndarray]) -> None:
    """Writes a .npz file under a temporary name and renames it. Raises OSError, leaving nothing behind."""
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
        raise
