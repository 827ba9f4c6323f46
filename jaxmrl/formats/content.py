"""The bytes of a file without its compression: gzip, bzip2, xz, zstd, or a zip archive of one file."""

import bz2
import gzip
import importlib
import io
import lzma
import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, cast

from jaxmrl.errors import DataError
from jaxmrl.io.cache import max_expanded

HEAD = 2**24
"""Bytes from which the format and the encoding are found."""

_SIGNATURES = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
)
_ARCHIVES = (
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)", "save it as .xlsx or CSV UTF-8"),
    ("content.xml", "an OpenDocument file", "save it as .xlsx or CSV"),
    ("word/document.xml", "a Word document", "save the table as CSV (UTF-8)"),
    ("ppt/presentation.xml", "a PowerPoint presentation", "save the table as CSV (UTF-8)"),
)
"""Members by which an archive is known that is a document, what it is, and what to do about it."""

WORKBOOK = "xl/workbook.xml"
_MOST_NAMED = 3


@dataclass(frozen=True)
class Content:
    """What is in a file.

    packing  gzip, bzip2, xz, zstd or zip; empty for a file that is not compressed
    member   the name of the file in a zip archive
    head     the first bytes, decompressed
    workbook whether it is a workbook of Excel, which is a zip archive itself
    """

    path: Path
    packing: str = ""
    member: str = ""
    head: bytes = field(default=b"", repr=False)
    workbook: bool = False

    @property
    def most(self) -> float:
        """The bytes that it may decompress to."""
        return max_expanded(self.path.stat().st_size) if self.packing else math.inf

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the decompressed bytes."""
        if self.packing != "zip":
            with _OPENERS[self.packing](self.path) as file:
                yield file
            return
        with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as member:
            yield member

    def seekable(self) -> IO[bytes]:
        """Return an open file that can be read at any place; a compressed file is expanded into memory.

        Raises DataError if that is more than a table can have.
        """
        if not self.packing:
            return self.path.open("rb")
        with self.open() as file:
            content = file.read(int(self.most) + 1)
        if len(content) > self.most:
            raise too_large(self.path)
        return io.BytesIO(content)


def too_large(path: Path) -> DataError:
    """Return the error for a file that decompresses to more than a table can have."""
    return DataError(f"{path} decompresses to far more than a table of molecules would; expected a table")


def open_content(path: Path) -> Content:
    """Return what is in the file `path`, whatever its name says.

    Raises DataError for an archive that is not one compressed file, which it names, and OSError, EOFError and others
    where the file cannot be read or decompressed.
    """
    if path.is_fifo():  # it can be read once only
        raise DataError(f"{path} is a pipe; expected a file: save the table first")
    with path.open("rb") as file:
        head = file.read(HEAD)
    packing = packing_of(head)
    if not packing:
        return Content(path, head=head)
    member = _only_member(path) if packing == "zip" else ""
    if member == WORKBOOK:
        return Content(path, head=head, workbook=True)
    packed = Content(path, packing, member)
    with packed.open() as file:
        packed = replace(packed, head=file.read(HEAD))
    if packing_of(packed.head) == "zip":
        with packed.seekable() as inner:
            return replace(packed, workbook=_only_member(path, inner) == WORKBOOK)
    return packed


def packing_of(head: bytes) -> str:
    """Return how bytes that begin with `head` are compressed; empty if they are not."""
    return next((name for signature, name in _SIGNATURES if head.startswith(signature)), "")


def _only_member(path: Path, file: IO[bytes] | None = None) -> str:
    """Return the name of the one file in a zip archive; WORKBOOK for an Excel workbook.

    file: the archive, where it is not `path` itself. Raises DataError for other archives.
    """
    with zipfile.ZipFile(file or path) as archive:
        names = [one.filename for one in archive.infolist() if not one.is_dir()]
    if WORKBOOK in names:
        return WORKBOOK
    for known, what, remedy in _ARCHIVES:
        if known in names:
            raise DataError(f"{path} is {what}; expected a table: {remedy}")
    if names and all(name.endswith(".npy") for name in names):
        raise DataError(f"{path} is a NumPy archive (.npz); give a file of geometries with --npz")
    # What macOS adds to an archive, and hidden files, are no tables.
    files = [name for name in names if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")]
    if len(files) != 1:
        shown = ", ".join(files[:_MOST_NAMED]) + (", ..." if len(files) > _MOST_NAMED else "")
        said = f"{len(files):,} files ({shown})" if files else "no file"
        raise DataError(f"{path} is a zip archive of {said}; expected one table: unpack it and give one of its files")
    return files[0]


def _open_zstd(path: Path) -> IO[bytes]:
    """Return a zstd file, decompressed by Python 3.14 or pyarrow. Raise DataError where there is neither."""
    try:
        return cast(IO[bytes], importlib.import_module("compression.zstd").open(path))
    except ImportError:
        pass
    try:
        import pyarrow
    except ImportError:
        raise DataError(
            f"{path} is a zstd file, which needs Python 3.14 or pyarrow: pip install 'jaxmrl[parquet]', or unpack it"
        ) from None
    return cast(IO[bytes], pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd"))


_OPENERS: dict[str, Callable[[Path], Any]] = {
    "": lambda path: path.open("rb"),
    "gzip": gzip.open,
    "bzip2": bz2.open,
    "xz": lzma.open,
    "zstd": _open_zstd,
}
