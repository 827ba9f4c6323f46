"""How a text table is written: encoding, separator, quotes, and where its header is."""

import codecs
import csv
import io
import itertools
import re
from dataclasses import dataclass

from jaxmrl.errors import DataError
from jaxmrl.formats.content import HEAD, Content
from jaxmrl.formats.headerless import is_number, names_of_headerless
from jaxmrl.formats.kinds import CONTROLS
from jaxmrl.formats.titles import STRUCTURES, names_smiles, title_lines, titles_text
from jaxmrl.text import count

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""The separators of columns that are recognized, and what they are called."""

BLANK = " "
"""Any number of blanks between columns, where none of SEPARATORS fits."""

_SAMPLE = 2**16
"""Characters from which the separator is found."""

_SAMPLE_RECORDS = 50
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; those of UTF-32 come first, because one begins as UTF-16's does. UTF-8's is left to its decoder."""

_SEP_LINE = re.compile(r'"?sep=(.)"?,*\s*$', re.IGNORECASE)
_DATAWARRIOR = "<datawarrior-fileinfo>"
_SPOTFIRE = "\\! filetype=Spotfire.DataFormat.Text"
_SECTION_ENDS = re.compile(r"</(datawarrior-fileinfo|column properties)>\s*$")

FROM_WINDOWS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(128, 256)}
"""What a byte that is no UTF-8, as `surrogateescape` decodes it, is in Windows-1252 (cp1252)."""


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    encoding    as Python calls it
    separator   of columns
    quoted      whether " quotes fields
    skipped     lines before the header: 1 for Excel's `sep=;`, comments and titles
    comments    lines before the header that begin with #
    titles      the last lines before the header, if they are titles; blank ones are among them
    windows     whether bytes are Windows-1252 (cp1252) instead of UTF-8
    names       of the columns of a table without a header; none for one that has a header
    row_names   whether each row begins with a name that the header has no column for, as R writes them
    warrior     whether it is a file of DataWarrior, with sections around the table
    spotfire    whether it is a text of Spotfire, with backslashes for special characters and a row of types
    """

    encoding: str = "utf-8-sig"
    separator: str = ","
    quoted: bool = True
    skipped: int = 0
    windows: bool = False
    comments: int = 0
    titles: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    row_names: bool = False
    warrior: bool = False
    spotfire: bool = False

    @property
    def remarks(self) -> list[str]:
        """What is different from a usual CSV file, in words."""
        names = SEPARATORS | {BLANK: "blanks"}
        said = ["a DataWarrior file"] if self.warrior else ["a Spotfire text file"] if self.spotfire else []
        if self.separator != "," and not said:
            said.append(f"columns separated by {names[self.separator]}")
        if self.windows:
            said.append("text in Windows-1252 (cp1252), because it is not UTF-8")
        elif not self.encoding.startswith("utf-8"):
            said.append(f"text in {self.encoding.upper()}")
        if self.comments:
            said.append(f"{count(self.comments, 'comment line')} before the header, not read")
        if self.titles:
            said.append(titles_text(self.titles, self.skipped))
        if self.names:
            said.append(f"no header: the columns are called {', '.join(self.names[:4])}")
        if self.row_names:
            said.append("row names before the first column, as R writes them, not read")
        return said


@dataclass(frozen=True)
class TextStart:
    """The beginning of a text: its first characters, its encoding, and whether it is Windows-1252 instead."""

    text: str
    encoding: str
    windows: bool


def start_of_text(content: Content) -> TextStart:
    """Return the beginning of a text. Raises DataError for what is no text."""
    head = content.head
    encoding = _encoding(head)
    utf8 = encoding == "utf-8-sig"
    windows = utf8 and not _is_utf8(head)
    if windows and CONTROLS.search(head, 0, _SAMPLE):
        raise DataError(f"{content.path} is not a text file; expected a table")
    text = head[: 4 * _SAMPLE].decode(encoding, "surrogateescape" if utf8 else "ignore")[:_SAMPLE]
    return TextStart(text, encoding, windows)


def find_dialect(content: Content, start: TextStart) -> Dialect:
    """Return how a text table is written. Raises DataError where its first line names an unknown separator."""
    lines = list(io.StringIO(start.text, newline=""))
    if start.text.lstrip("\ufeff").startswith(_DATAWARRIOR):
        return _warrior(content, lines, start)
    if start.text.lstrip("\ufeff").startswith(_SPOTFIRE):
        above = list(itertools.takewhile(lambda line: line.lstrip("\ufeff").startswith(("\\!", "\\*")), lines))
        return Dialect(start.encoding, ";", quoted=False, skipped=len(above), windows=start.windows, spotfire=True)
    sep = _SEP_LINE.match(lines[0]) if lines else None
    if sep and sep[1] not in SEPARATORS:
        raise DataError(f"{content.path}: its first line names {sep[1]!r} as the separator; expected one of , ; tab |")
    skipped = int(sep is not None)
    comments = _comments(lines[skipped:])
    table = (lines if len(start.text) < _SAMPLE else lines[:-1] or lines)[skipped + comments :]
    titles = title_lines(table, sep[1] if sep else "".join(SEPARATORS))
    table, titled = table[titles:], tuple(table[:titles])
    separator = sep[1] if sep else _separator(table)
    quoted = _has_quotes(table, separator)
    records = _split(table, separator, quoted)
    if separator == BLANK and not quoted:
        records = _with_names(records)
    names = () if sep or comments else names_of_headerless(records, named=bool(records) and names_smiles(records[0]))
    row_names = not names and _has_row_names(records)
    skipped += comments + titles
    return Dialect(start.encoding, separator, quoted, skipped, start.windows, comments, titled, names, row_names)


def _has_quotes(lines: list[str], separator: str) -> bool:
    """Return whether a double quote quotes a field."""
    if separator == BLANK:
        return any('"' in line for line in lines[:1])
    return not (separator == "\t" and _has_open_quotes(lines))


def _warrior(content: Content, lines: list[str], start: TextStart) -> Dialect:
    """Return the dialect of a DataWarrior file: sections, then a table separated by tabs, then sections."""
    ends = [k for k, line in enumerate(lines) if _SECTION_ENDS.match(line)]
    header = lines[ends[-1] + 1].split("\t") if ends and ends[-1] + 1 < len(lines) else []
    if not names_smiles(header):
        raise DataError(
            f"{content.path} is a DataWarrior file without a column of SMILES, and its structures are in DataWarrior's "
            "own code: save it there as an SD file, or as a text file with SMILES"
        )
    return Dialect(start.encoding, "\t", False, ends[-1] + 1, start.windows, warrior=True)


def _comments(lines: list[str]) -> int:
    """Return how many lines are comments before the header.

    The last line with a # is the header itself where it names the SMILES, or where the line after it does not and has
    as many fields, as in `# n,rmse`.
    """
    comments = list(itertools.takewhile(lambda line: line.lstrip('\ufeff"').startswith("#"), lines))
    if not comments or len(comments) == len(lines):
        return 0
    last, after = (re.split(r"[,;\t|]", line) for line in lines[len(comments) - 1 :][:2])
    is_header = any(STRUCTURES.match(name) for part in last for name in part.split()) or (
        len(last) == len(after) and not any(STRUCTURES.match(name) for name in after)
    )
    return len(comments) - is_header


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
        codecs.getincrementaldecoder("utf-8")().decode(head, len(head) < HEAD)
    except UnicodeDecodeError:
        return False
    return True


def _separator(lines: list[str]) -> str:
    """Return the separator that the header and the first rows agree on; a comma where there is one column."""
    fitness, separator = max(((_fitness(lines, one), one) for one in SEPARATORS), key=lambda pair: pair[0])
    return BLANK if not fitness[0] and _has_blanks(lines) else separator


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
    agreeing = sum(len(row) == len(header) for row in rows) / max(1, len(rows))
    return True, names_smiles(header), agreeing, len(header)


def _has_blanks(lines: list[str]) -> bool:
    """Return whether blanks separate the columns of a table that has none of SEPARATORS in its first line.

    All rows then have as many words as the first line, or more where the first word is a SMILES: what follows is a
    name. A text in quotes is one word.
    """
    first, *rows = [words for words in _split(lines, BLANK, any('"' in line for line in lines[:1])) if words] or [[]]
    if len(first) < 2 or not rows or STRUCTURES.match(" ".join(first)):
        return False
    if names_of_headerless([first[:1], *(row[:1] for row in rows)], named=False):
        return True
    if STRUCTURES.match(first[0]):
        return all(len(row) >= len(first) for row in rows)
    return all(len(row) in (len(first), len(first) + 1) for row in rows)


def _with_names(records: list[list[str]]) -> list[list[str]]:
    """Return the words of lines in two fields, a SMILES and its name, unless all have as many and end in a number."""
    if len({len(words) for words in records}) == 1 and all(is_number(words[-1]) for words in records[1:]):
        return records
    return [[words[0], " ".join(words[1:])] for words in records]


def _split(lines: list[str], separator: str, quoted: bool) -> list[list[str]]:
    """Return the fields of the header and the first rows; none where quotes are wrong."""
    lines = lines[: 4 * _SAMPLE_RECORDS]
    if separator == BLANK and not quoted:
        return [line.lstrip("\ufeff").split() for line in lines if line.strip()][: _SAMPLE_RECORDS + 1]
    try:
        reader = csv.reader(
            lines,
            delimiter=separator,
            skipinitialspace=separator == BLANK,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        )
        return [record for record in reader if record][: _SAMPLE_RECORDS + 1]
    except csv.Error:
        return []


def _has_open_quotes(lines: list[str]) -> bool:
    """Return whether a field between tabs begins with a quote and does not end with one, as in 5'"-methyl.

    Such a quote, which BindingDB's files have, quotes nothing.
    """
    fields = (field.strip() for line in lines for field in line.split("\t"))
    return any(field.startswith('"') and (len(field) < 2 or not field.endswith('"')) for field in fields)


def _has_row_names(records: list[list[str]]) -> bool:
    """Return whether rows have one field more than the header, and the first are rising whole numbers."""
    header, *rows = records or [[]]
    if len(rows) < 2 or any(len(row) != len(header) + 1 or not row[0].strip().isdecimal() for row in rows):
        return False
    numbers = [int(row[0]) for row in rows]
    return numbers == sorted(set(numbers)) and any(row[-1].strip() for row in rows)
