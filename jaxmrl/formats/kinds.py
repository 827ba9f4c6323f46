"""What a file is, by its first bytes. What is no table is refused by the name of its format."""

import re

from jaxmrl.errors import DataError
from jaxmrl.formats.content import Content, packing_of

_AS_CSV = "save it as .xlsx or CSV UTF-8"
_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", _AS_CSV),
    (b"ARROW1", "an Arrow file", "convert it, as with pandas.read_feather(FILE).to_csv(OUT, index=False)"),
    (b"\x1f\x9d", "a compress (.Z) file", "unpack it"),
    (b"PK\x05\x06", "an empty zip archive", "give the table itself"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\x89HDF", "an HDF5 file", "export the table as CSV"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"\x93NUMPY", "a NumPy array", "write the table as CSV"),
    (b"%PDF", "a PDF", "export the table as CSV"),
    (b"VjCD0100", "a ChemDraw file (.cdx)", "save it as an SD file"),
    (b"$FL2@(#)", "a data file of SPSS", "save it there as CSV"),
    (b"<stata_dta>", "a data file of Stata", "save it there as CSV, with export delimited"),
    (b"X\n\0\0", "a data file of R (.rds)", "write the table there with write.csv"),
    (b"\0\1\0\0Standard ", "a database of Microsoft Access", "export the table as CSV"),
    (b"\x89PNG", "an image", "give the table as CSV"),
    (b"\xff\xd8\xff", "an image", "give the table as CSV"),
    (b"GIF8", "an image", "give the table as CSV"),
    (b"\x80\x04\x95", "a file of Python objects", "write the table as CSV"),
    (b"\x80\x05\x95", "a file of Python objects", "write the table as CSV"),
)
_TEXTS = (
    (
        r"version https://git-lfs\.github\.com/spec",
        "a pointer of Git LFS and not the file itself",
        "run git lfs pull to download the file",
    ),
    (r"(?i)<!doctype html|<html|<head|<body|<table", "a web page (HTML)", "download the file itself, not the page"),
    (r"(?i)<\?xml", "an XML file", "export the table as CSV"),
    (r'\{\s*["}]|\[\s*[{\["]', "JSON", "write the table as CSV"),
    (r"(?i)@relation\s", "an ARFF file of Weka", "save the table as CSV"),
    (
        r"\{\s*s_m_m2io_version",
        "a Maestro file (.mae)",
        "export it as an SD file or CSV",
    ),
    (r"\{\\rtf", "a rich text document", "save the table as plain CSV"),
    (r"\$(RXN|RDFILE)", "a file of reactions", "write a CSV with a column smiles"),
    (r"@<TRIPOS>", "a MOL2 file", "write a CSV with a column smiles"),
    (r"(HEADER|ATOM  |HETATM)[ \d].{60}", "a PDB file", "write a CSV with a column smiles"),
)
_COUNTS = re.compile(r"(?:[^\n]*\n){3}[^\n]*V[23]000\s*\n")
_BLOCK_END = re.compile(r"[\s\S]{0,20000}?\n(?:M  END|\$\$\$\$)\s*(?:\n|$)")
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
"""Bytes that no text has."""


def refuse_signature(content: Content) -> None:
    """Raise DataError for what is no table by its first bytes, and for an empty file."""
    head = content.head
    if not head.strip(b"\0"):
        many = "only zero bytes: it was not copied or downloaded whole" if head else "empty"
        raise DataError(f"{content.path} is {many}; expected a table")
    packing = packing_of(head)
    if packing and content.packing:
        _refuse(content, f"a {packing} file within a {content.packing} file", "compress the table once")
    if head[257:262] == b"ustar":
        _refuse(content, "a tar archive", "unpack it and give one of its files")
    binary = not head[:4096].isascii() or CONTROLS.search(head, 0, 4096)
    for signature, name, remedy in _SIGNATURES:
        if head.startswith(signature) and (binary or signature == b"%PDF"):
            _refuse(content, name, remedy)


def refuse_text(content: Content, text: str) -> None:
    """Raise DataError for a text that is no table by its beginning."""
    start = text.lstrip("\ufeff \t\r\n")
    for pattern, name, remedy in _TEXTS:
        if re.match(pattern, start):
            _refuse(content, name, remedy)


def is_sdf(text: str) -> bool:
    """Return whether a text is an SD or mol file, by its beginning."""
    text = text.replace("\r\n", "\n").lstrip("\ufeff")
    if _COUNTS.match(text):  # a quote that is open there belongs to a mol block in a cell of a text table
        return not any(line.count('"') % 2 for line in text.split("\n", 3)[1:3])
    return '"' not in text[:200] and bool(_BLOCK_END.match(text))


def is_parquet(content: Content) -> bool:
    """Return whether a file is Parquet, by its first bytes."""
    return content.head.startswith(b"PAR1") and bool(CONTROLS.search(content.head, 0, 4096))


def _refuse(content: Content, name: str, remedy: str) -> None:
    raise DataError(f"{content.path} is {name}; expected a table: {remedy}")
