"""Title lines above the header of a text table, as instruments and electronic laboratory notebooks write them."""

import csv
import re

from jaxmrl.formats.headerless import is_long_molecule
from jaxmrl.text import count, one_line

STRUCTURES = re.compile(r"\W*(canonical|isomeric|rdkit)?\W?_?smiles\W*$", re.IGNORECASE)
"""Names of a column of SMILES."""

_MOST_LINES = 30
"""The most lines above a header."""

_ROWS = 50
"""The most rows that are compared with the header."""

_SHARE = 0.5
"""More rows than this share have as many cells as the header; others may be damaged."""

_SHOWN, _CHARACTERS = 3, 60
_EMPTY = " ,;\t|\r\n"
"""What a line without text has: blanks, separators and its end."""


def names_smiles(header: list[str]) -> bool:
    """Return whether one of these names is that of a column of SMILES."""
    return any(STRUCTURES.match(name) for name in header)


def title_lines(lines: list[str], separators: str) -> int:
    """Return how many lines are titles above the header; 0 unless the header is unmistakable.

    It is the first line that names a column of SMILES, has several cells, and comes before rows with as many cells.
    Each line above it has another number of cells, or only the first one filled, and no molecule: other lines may be a
    header of their own, or rows of a table without one.

    Args:
        lines: The first lines of the text.
        separators: The possible separators of cells.
    """
    for place, line in enumerate(lines[: _MOST_LINES + 1]):
        for separator in separators:
            header = _cells(line, separator)
            if len(header) > 1 and names_smiles(header):
                return place if _are_titles(lines, place, separator, len(header)) else 0
    return 0


def _are_titles(lines: list[str], place: int, separator: str, width: int) -> bool:
    """Return whether the lines above a place are titles, and those below the line there are rows."""
    above = lines[:place]
    return (
        any(line.strip(_EMPTY) for line in above)
        and all(_is_title(line, separator, width) for line in above)
        and _are_rows(lines[place + 1 :], separator, width)
    )


def titles_text(titles: tuple[str, ...], skipped: int) -> str:
    """Return in words which lines above the header are not read.

    Args:
        titles: The lines, blank ones included.
        skipped: The number of all lines before the header.
    """
    texts = [line.strip(_EMPTY) for line in titles]
    said = [one_line(text)[:_CHARACTERS] for text in texts if text]
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    shown = ", ".join(map(repr, said[:_SHOWN]))
    return f"the header is line {skipped + 1}; {count(len(said), 'title line')} above it not read: {shown}{more}"


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of a line; none where its quotes are wrong, or go on in the next line."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=separator, strict=True), [])
    except csv.Error:
        return []


def _are_rows(lines: list[str], separator: str, width: int) -> bool:
    """Return whether there are rows after a header, the first and most others with as many cells."""
    try:
        rows = [row for row in csv.reader(lines[: 4 * _ROWS], delimiter=separator) if row][:_ROWS]
    except csv.Error:
        return False
    alike = [len(row) == width for row in rows]
    return bool(alike) and alike[0] and sum(alike) > _SHARE * len(alike)


def _is_title(line: str, separator: str, width: int) -> bool:
    cells = _cells(line, separator) or [line]
    if any(is_long_molecule(cell) for cell in cells if len(cell.split()) == 1):
        return False
    return len(cells) != width or not any(cell.strip() for cell in cells[1:])
