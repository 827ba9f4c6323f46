"""Columns of a table -> the content of a file: CSV, Parquet, NumPy's archive, an Excel workbook or an SD file."""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from jaxmrl.chem.molecules import UnusableMoleculeError, parse
from jaxmrl.errors import UserError
from jaxmrl.formats.parquet import import_parquet
from jaxmrl.formats.source import cell_text
from jaxmrl.io.cache import write_arrays
from jaxmrl.io.files import number

EXCEL_ROWS, EXCEL_CHARACTERS = 1_048_576, 32_767
"""The most rows of a sheet, its header included, and the most characters of a cell."""

_DIGITS = 6
"""Significant digits of a number that is no result, such as infinity."""

_NO_MOLECULE = "\n     RDKit          2D\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n"
"""The mol block of a row that has no molecule."""


def import_excel() -> Any:
    """Return openpyxl. Raise UserError if it is not installed."""
    try:
        import openpyxl
    except ImportError:
        raise UserError("a .xlsx file needs openpyxl: pip install 'jaxmrl[excel]', or use .csv") from None
    return openpyxl


def check_writable(kind: str, rows: int = 0) -> None:
    """Raise UserError where a file of a kind cannot be written: for a missing package, or for too many rows."""
    if kind == ".parquet":
        import_parquet()
    if kind == ".xlsx":
        import_excel()
        if rows >= EXCEL_ROWS:
            raise UserError(f"a sheet of Excel has at most {EXCEL_ROWS:,} rows, and these are {rows + 1:,}: use .csv")


def table_bytes(
    columns: dict[str, np.ndarray], kind: str, digits: int | None = None, smiles: list[str] | None = None
) -> bytes:
    """Return the content of a file.

    Args:
        columns: The columns by their names, of numbers or of texts.
        kind: Its suffix: .csv, .parquet, .npz, .xlsx or .sdf.
        digits: Significant digits of numbers in texts; by default all that tell a number from any other of its type,
            so that no two scores become equal.
        smiles: For .sdf, the molecule of each row; empty for none.

    Raises:
        UserError: If a package that writes the kind is not installed, or a sheet of Excel cannot have so many rows.
    """
    check_writable(kind, len(next(iter(columns.values()))))
    if kind == ".npz":
        buffer = io.BytesIO()
        write_arrays(buffer, columns)
        return buffer.getvalue()
    if kind == ".parquet":
        return _parquet(columns)
    if kind == ".xlsx":
        return _workbook(columns)
    if kind == ".sdf":
        return "".join(_records(columns, smiles or [], digits)).encode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*_texts(columns, digits), strict=True))
    return text.getvalue().encode()


def _texts(columns: dict[str, np.ndarray], digits: int | None) -> list[Iterable[str]]:
    return [(_cell(value, digits) for value in column) for column in columns.values()]


def _cell(value: Any, digits: int | None) -> str:
    if not isinstance(value, float | np.floating):
        return str(value)
    if digits is not None or not math.isfinite(value):
        return number(float(value), digits or _DIGITS)
    return str(value)


def _parquet(columns: dict[str, np.ndarray]) -> bytes:
    pyarrow, parquet = import_parquet()
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def _workbook(columns: dict[str, np.ndarray]) -> bytes:
    """Return a workbook of one sheet, its header fixed above the rows."""
    openpyxl = import_excel()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("predictions")
    sheet.freeze_panes = "A2"
    sheet.append([_excel_cell(openpyxl, sheet, name) for name in columns])
    for row in zip(*columns.values(), strict=True):
        sheet.append([_excel_cell(openpyxl, sheet, value) for value in row])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _excel_cell(openpyxl: Any, sheet: Any, value: Any) -> Any:
    """Return a cell: a number, also for a text that is exactly how a number is written, or a text, never a formula."""
    if isinstance(value, int | float | np.number):
        return float(value) if math.isfinite(value) else None
    if not value:
        return None
    plain = _as_number(value)
    if plain is not None:
        return plain
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:EXCEL_CHARACTERS])
    cell.data_type = "s"  # a text that begins with = would be a formula
    return cell


def _as_number(text: str) -> float | None:
    """Return the number that a text is, if reading the cell gives the same text: 007 and 1.50 stay texts."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and cell_text(value) == text else None


def _records(columns: dict[str, np.ndarray], smiles: list[str], digits: int | None) -> Iterator[str]:
    """Yield the record of each row of an SD file: a mol block with 2D coordinates, and the columns as properties."""
    names = [" ".join(name.translate({ord("<"): "(", ord(">"): ")"}).split()) for name in columns]
    for text, *cells in zip(smiles, *_texts(columns, digits), strict=True):
        items = (f">  <{name}>\n{_one_line(cell)}\n" for name, cell in zip(names, cells, strict=True))
        yield f"{_mol_block(text)}{''.join(items)}$$$$\n"


def _one_line(cell: str) -> str:
    """Return a value with the line's end; nothing for an empty one, because a blank line ends a property."""
    text = " ".join(cell.split())
    return f"{text}\n" if text else ""


def _mol_block(smiles: str) -> str:
    """Return the mol block of a SMILES; of a row without a molecule, one without atoms."""
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    if not smiles:
        return _NO_MOLECULE
    try:
        molecule = parse(smiles)
        rdDepictor.Compute2DCoords(molecule)
        return Chem.MolToMolBlock(molecule)
    except (UnusableMoleculeError, RuntimeError, ValueError):
        return _NO_MOLECULE
