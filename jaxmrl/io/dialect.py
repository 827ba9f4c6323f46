"""How a table is written: compression, encoding and separator, found from the first bytes of the file.

Files that are no text tables (workbooks, archives, JSON, ...) are refused by the name of their format.
"""

import codecs
import csv
import gzip
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from jaxmrl.errors import DataError
from jaxmrl.text import count

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""The separators of columns that are recognized, and what they are called."""

_HEAD = 2**24
"""Bytes from which the encoding is found."""

_SAMPLE = 2**16
"""Characters from which the separator is found."""

_SAMPLE_RECORDS = 50
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; those of UTF-32 come first, for one begins as UTF-16's does. UTF-8's is left to its decoder."""

_AS_CSV = "save it as CSV (UTF-8)"
_UNPACK = "unpack it, or compress the CSV with gzip"
_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (.xls)", _AS_CSV),
    (b"PAR1", "a Parquet file", "convert it to CSV, as with pandas.read_parquet(FILE).to_csv(OUT, index=False)"),
    (b"ARROW1", "an Arrow file", "convert it to CSV, as with pandas.read_feather(FILE).to_csv(OUT, index=False)"),
    (b"BZh", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd file", _UNPACK),
    (b"\x1f\x9d", "a compress (.Z) file", _UNPACK),
    (b"\x1f\x8b", "a gzip file within a gzip file", "compress the CSV once"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x89HDF", "an HDF5 file", "export the table as CSV"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"\x93NUMPY", "a NumPy array", "write the table as CSV"),
    (b"%PDF", "a PDF", "export the table as CSV"),
    (b"\x89PNG", "an image", "give the table as CSV"),
    (b"\xff\xd8\xff", "an image", "give the table as CSV"),
    (b"GIF8", "an image", "give the table as CSV"),
    (b"\x80\x04\x95", "a file of Python objects", "write the table as CSV"),
    (b"\x80\x05\x95", "a file of Python objects", "write the table as CSV"),
)
_TEXTS = (
    (r"(?i)<!doctype html|<html|<head|<body|<table", "a web page (HTML)", "download the file itself, not the page"),
    (r"(?i)<\?xml", "an XML file", "export the table as CSV"),
    (r'\{\s*["}]|\[\s*[{\["]', "JSON", "write the table as CSV"),
    (r"\{\\rtf", "a rich text document", "save the table as plain CSV"),
    (r"@<TRIPOS>", "a MOL2 file", "write a CSV with a column smiles"),
    (r"(HEADER|ATOM  |HETATM)[ \d].{60}", "a PDB file", "write a CSV with a column smiles"),
)
_SDF = re.compile(r"(?:[^\n]*\n){3}[^\n]*V[23]000\s*\n|[\s\S]{0,20000}?\n(?:M  END|\$\$\$\$)\s*(?:\n|$)")
_SEP_LINE = re.compile(r'"?sep=(.)"?,*\s*$', re.IGNORECASE)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_STRUCTURES = re.compile(r"\W*(canonical|isomeric|rdkit)?\W?_?smiles\W*$", re.IGNORECASE)

FROM_WINDOWS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(128, 256)}
"""What a byte that is no UTF-8, as `surrogateescape` decodes it, is in Windows-1252 (cp1252)."""

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff"), "")
"""Characters without width, which copies of web pages bring along, for `str.translate`."""


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    encoding    as Python calls it
    separator   of columns
    compressed  whether it is a gzip file
    skipped     lines before the header: 1 for Excel's `sep=;`, and comments
    comments    lines before the header that begin with #
    windows     whether bytes are Windows-1252 (cp1252) instead of UTF-8
    """

    encoding: str = "utf-8-sig"
    separator: str = ","
    compressed: bool = False
    skipped: int = 0
    windows: bool = False
    comments: int = 0

    @property
    def remarks(self) -> list[str]:
        """What is different from a usual CSV file, in words."""
        said = [] if self.separator == "," else [f"columns separated by {SEPARATORS[self.separator]}"]
        if self.windows:
            said.append("text in Windows-1252 (cp1252), because it is not UTF-8")
        elif not self.encoding.startswith("utf-8"):
            said.append(f"text in {self.encoding.upper()}")
        if self.comments:
            said.append(f"{count(self.comments, 'comment line')} before the header, not read")
        return said


def find_dialect(path: Path) -> Dialect:
    """Return how the table in the file `path` is written.

    Raises DataError for a file of another format, which it names, and OSError, EOFError and others where the file
    cannot be read or decompressed.
    """
    if path.is_fifo():  # it can be read once only
        raise DataError(f"{path} is a pipe; expected a file: save the table first")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    compressed = head.startswith(b"\x1f\x8b")
    if compressed:
        with gzip.open(path) as file:
            head = file.read(_HEAD)
    _refuse_signature(path, head)
    encoding = _encoding(head)
    utf8 = encoding == "utf-8-sig"
    windows = utf8 and not _is_utf8(head)
    if windows and _CONTROLS.search(head, 0, _SAMPLE):
        raise DataError(f"{path} is not a text file; expected a table of molecules as CSV")
    text = head[: 4 * _SAMPLE].decode(encoding, "surrogateescape" if utf8 else "ignore")[:_SAMPLE]
    _refuse_text(path, text)
    lines = text.splitlines(keepends=True)
    sep = _SEP_LINE.match(lines[0]) if lines else None
    if sep and sep[1] not in SEPARATORS:
        raise DataError(f"{path}: its first line names {sep[1]!r} as the separator; expected one of , ; tab |")
    skipped = int(sep is not None)
    comments = _comments(lines[skipped:])
    whole = lines if len(text) < _SAMPLE else lines[:-1] or lines
    separator = sep[1] if sep else _separator(whole[comments:])
    return Dialect(encoding, separator, compressed, skipped + comments, windows, comments)


def _comments(lines: list[str]) -> int:
    """Return how many lines are comments before the header.

    The last line with a # is the header itself where it names the SMILES, or where the line after it does not and has
    as many fields, as in `# n,rmse`.
    """
    comments = list(itertools.takewhile(lambda line: line.lstrip('\ufeff"').startswith("#"), lines))
    if not comments or len(comments) == len(lines):
        return 0
    last, after = (re.split(r"[,;\t|]", line) for line in lines[len(comments) - 1 :][:2])
    is_header = any(_STRUCTURES.match(name) for part in last for name in part.split()) or (
        len(last) == len(after) and not any(_STRUCTURES.match(name) for name in after)
    )
    return len(comments) - is_header


def _refuse_signature(path: Path, head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        _refuse(path, *_kind_of_zip(head))
    if head[257:262] == b"ustar":
        _refuse(path, "a tar archive", _UNPACK)
    binary = not head[:4096].isascii() or _CONTROLS.search(head, 0, 4096)
    for signature, name, remedy in _SIGNATURES:
        if binary and head.startswith(signature):
            _refuse(path, name, remedy)


def _kind_of_zip(head: bytes) -> tuple[str, str]:
    """Return the format of a zip archive by the names of its members, and what to do about it."""
    if b"xl/" in head:
        return "an Excel workbook (.xlsx)", _AS_CSV
    if b"mimetypeapplication/vnd.oasis" in head:
        return "an OpenDocument file", _AS_CSV
    if b"word/" in head:
        return "a Word document", "save the table as CSV (UTF-8)"
    if b".npy" in head[:200]:
        return "a NumPy archive (.npz)", "give a file of geometries with --npz"
    return "a zip archive", _UNPACK


def _refuse_text(path: Path, text: str) -> None:
    start = text.lstrip("\ufeff \t\r\n")
    for pattern, name, remedy in _TEXTS:
        if re.match(pattern, start):
            _refuse(path, name, remedy)
    if _SDF.match(text.replace("\r\n", "\n").lstrip("\ufeff")) and '"' not in text[:200]:
        _refuse(path, "an SD or mol file", "write a CSV with a column smiles and the properties as columns")


def _refuse(path: Path, name: str, remedy: str) -> None:
    raise DataError(f"{path} is {name}; expected a table of molecules as CSV: {remedy}")


def _encoding(head: bytes) -> str:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    start = head[:400]
    for name, zeros, others in (("utf-16-le", start[1::2], start[::2]), ("utf-16-be", start[::2], start[1::2])):
        if len(start) > 3 and not any(zeros) and all(others):
            return name
    return "utf-8-sig"


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, len(head) < _HEAD)
    except UnicodeDecodeError:
        return False
    return True


def _separator(lines: list[str]) -> str:
    """Return the separator that the header and the first rows agree on; a comma where there is one column."""
    return max(SEPARATORS, key=lambda separator: _fitness(lines, separator))


def _fitness(lines: list[str], separator: str) -> tuple[bool, bool, float, int]:
    """Return how well a separator fits: columns in the header, one of SMILES, rows with as many fields, and how
    many.
    """
    try:
        records = [record for record in csv.reader(lines[: 4 * _SAMPLE_RECORDS], delimiter=separator) if record]
    except csv.Error:
        return False, False, 0.0, 0
    if not records or len(records[0]) < 2:
        return False, False, 0.0, 0
    header, *rows = records[: _SAMPLE_RECORDS + 1]
    named = any(_STRUCTURES.match(name) for name in header)
    agreeing = sum(len(row) == len(header) for row in rows) / max(1, len(rows))
    return True, named, agreeing, len(header)
