"""A file of any format -> its table as texts: all rows, the header alone, or one row after the other."""

import csv
import itertools
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxmrl.errors import DataError
from jaxmrl.formats.content import Content, open_content
from jaxmrl.formats.delimited import open_text
from jaxmrl.formats.dialect import TextStart, start_of_text
from jaxmrl.formats.excel import open_workbook
from jaxmrl.formats.kinds import is_parquet, is_sdf, refuse_signature, refuse_text
from jaxmrl.formats.parquet import open_parquet
from jaxmrl.formats.sdf import open_sdf, read_blocks
from jaxmrl.formats.source import Row, Source
from jaxmrl.io.records import Records, Rejected


def read_records(path: Path, sheet: str | None = None) -> Records:
    """Return all rows of the table in the file `path`. Raises DataError for what is no table, or has no rows.

    sheet: the sheet of a workbook; None for the first one whose header names SMILES.
    """
    with _reading(path):
        source = _open_table(path, sheet)
        found = list(source.rows)
    if not found:
        raise DataError(f"{path} has a header but no rows")
    return _records(source, found)


def read_header(path: Path) -> list[str]:
    """Return the names of the columns of a table. Raises DataError where there are none."""
    with _reading(path):
        return _open_table(path).header


def stream_records(path: Path, ahead: int, sheet: str | None = None) -> tuple[Records, Iterator[Row]]:
    """Return the first `ahead` rows of a table as Records, and all its rows one after the other.

    The file may be larger than memory. sheet and errors: as of `read_records`, the latter also in the iteration.
    """
    with _reading(path):
        source = _open_table(path, sheet)
        first = list(itertools.islice(source.rows, ahead))
    return _records(source, first), _guarded(path, itertools.chain(first, source.rows))


def read_mol_blocks(path: Path) -> dict[int, str]:
    """Return the mol block of each molecule of an SD file, by the line of its row in the table of `read_records`.

    Raises DataError for a file that is no SD file.
    """
    with _reading(path):
        content = open_content(path)
        if (start := _start_of_sdf(content)) is None:
            raise DataError(f"--coordinates file: {path} is not an SD file; expected one with 3D coordinates")
        return read_blocks(content, start)


def is_sd_file(path: Path) -> bool:
    """Return whether a file is an SD file, maybe compressed. Raises DataError for one that cannot be read."""
    with _reading(path):
        return _start_of_sdf(open_content(path)) is not None


def _start_of_sdf(content: Content) -> TextStart | None:
    """Return the beginning of the text of an SD file; None for what is no SD file."""
    start = None if content.workbook or is_parquet(content) else start_of_text(content)
    return start if start and is_sdf(start.text) else None


def _open_table(path: Path, sheet: str | None = None) -> Source:
    content = open_content(path)
    if content.workbook:
        return open_workbook(content, sheet)
    if sheet is not None:
        raise DataError(f"--sheet {sheet}: {path} is not an Excel workbook, so it has no sheets; omit --sheet")
    refuse_signature(content)
    if is_parquet(content):
        return open_parquet(content)
    start = start_of_text(content)
    if is_sdf(start.text):
        return open_sdf(content, start)
    refuse_text(content, start.text)
    return open_text(content, start)


def _records(source: Source, found: list[Row]) -> Records:
    rejected = [row for row in found if isinstance(row, Rejected)]
    rows = [(k, *row) for k, row in enumerate(found) if not isinstance(row, Rejected)]
    return Records(source.header, rows, rejected, source.separator, source.remarks, source.below)


def _guarded(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    with _reading(path):
        yield from rows


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong in reading a table into DataError."""
    try:
        yield
    except UnicodeDecodeError as error:
        encoding = error.encoding.upper()
        raise DataError(f"{path} is not a text file in {encoding} ({error.reason}); expected a table") from None
    except (csv.Error, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from None
    except OSError as error:
        if error.strerror is None:  # of a decompressor
            raise DataError(f"{path} cannot be read as a table: {error}") from None
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except RuntimeError as error:
        if "password" not in str(error):
            raise
        raise DataError(f"{path} is an encrypted zip archive; unpack it with its password") from None
