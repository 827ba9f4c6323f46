"""SD files and mol files: a row for each molecule, its properties as columns, and SMILES made of the mol blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from jaxmrl.chem.notations import MOL_BLOCK, convert
from jaxmrl.errors import DataError
from jaxmrl.formats.content import Content
from jaxmrl.formats.delimited import text_lines
from jaxmrl.formats.dialect import TextStart
from jaxmrl.formats.source import Row, Source
from jaxmrl.io.records import Rejected, plain_names

_RECORD_LIMIT = 1_000_000
"""Characters of a molecule with its properties."""

_AT_ONCE = 20_000
"""Molecules that are converted together, in parallel processes."""

_END = "$$$$"
_ITEM = re.compile(r">[^<]*<(.+?)>(?=\s*(?:$|[(<]|DT))|>\s+(DT\d+)")
"""The line before a property, with its name, or with its number in a database."""

_NEXT_ITEM = re.compile(r">\s*<[^>]+>")
"""Such a line where no blank line ends the property before it."""


@dataclass(frozen=True)
class _Record:
    """A molecule. line: where it begins; block: its mol block; items: its properties."""

    line: int
    block: str = field(repr=False)
    items: dict[str, str] = field(repr=False)


def open_sdf(content: Content, start: TextStart) -> Source:
    """Return the molecules of an SD or mol file as a table; a row's line is where its molecule begins.

    The columns are smiles, name (the first line of the mol blocks, where there is one) and the properties. A molecule
    that RDKit cannot read is a rejected row. Raises DataError for a molecule that is too long for memory.
    """
    named, properties = False, dict[str, None]()
    for record in _records(content, start):
        named = named or bool(_title(record))
        properties |= dict.fromkeys(record.items)
    header = plain_names(["smiles", *(["name"] if named else []), *properties])
    rows = _rows(_records(content, start), named, list(properties))
    return Source(header, rows, "\t", ("an SD file; SMILES are made of its mol blocks",))


def read_blocks(content: Content, start: TextStart) -> dict[int, str]:
    """Return the mol block of each molecule of an SD or mol file, by the line where the molecule begins."""
    return {record.line: record.block for record in _records(content, start)}


def _rows(records: Iterator[_Record], named: bool, properties: list[str]) -> Iterator[Row]:
    while some := [record for _, record in zip(range(_AT_ONCE), records, strict=False)]:
        for record, (smiles, reason) in zip(some, convert([one.block for one in some], MOL_BLOCK), strict=True):
            title = [_title(record)] if named else []
            fields = [smiles, *title, *(record.items.get(name, "") for name in properties)]
            yield Rejected(record.line, "\t".join(fields), reason) if reason else (record.line, fields)


def _title(record: _Record) -> str:
    return " ".join(record.block.split("\n", 1)[0].split())


def _records(content: Content, start: TextStart) -> Iterator[_Record]:
    """Yield the molecules of the file one after the other."""
    lines: list[str] = []
    begin, size = 1, 0
    for number, line in enumerate(text_lines(content, start.encoding), 1):
        text = line.rstrip("\r\n")
        if text.rstrip() == _END:
            if any(map(str.strip, lines)):
                yield _record(begin, lines)
            lines, begin, size = [], number + 1, 0
            continue
        lines.append(text)
        size += len(text)
        if size > _RECORD_LIMIT:
            raise DataError(f"{content.path}: the molecule in line {begin} has more than {_RECORD_LIMIT:,} characters")
    if any(map(str.strip, lines)):
        yield _record(begin, lines)


def _record(begin: int, lines: list[str]) -> _Record:
    """Return a molecule of its lines: a mol block up to M  END, then properties, each of one line of name and others
    up to a blank line or the next name. A blank line before the value ends nothing.
    """
    end = next((k for k, line in enumerate(lines) if line.startswith("M  END")), None)
    if end is None:
        end = next((k - 1 for k, line in enumerate(lines) if k > 2 and line.startswith(">")), len(lines) - 1)
    items: dict[str, str] = {}
    name = ""
    for line in lines[end + 1 :]:
        begins = _NEXT_ITEM.match(line) if name and items[name] else line.startswith(">")
        if begins and (found := _ITEM.match(line)):
            name = _new_name((found[1] or found[2]).strip(), items)
            items[name] = ""
        elif not line.strip():
            name = name if name and not items[name] else ""
        elif name:
            items[name] = f"{items[name]} {line.strip()}".strip()
    return _Record(
        begin, "\n".join(lines[: end + 1]) + "\n", {key: " ".join(text.split()) for key, text in items.items()}
    )


def _new_name(name: str, items: dict[str, str]) -> str:
    """Return the name of a property, with a number if the molecule has one of this name."""
    number, unique = 1, name
    while unique in items:
        number, unique = number + 1, f"{name}.{number}"
    return unique
