"""The tables of a run directory that its results are read from: results.csv and history.csv."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from jaxmrl.errors import DataError
from jaxmrl.io.files import read_table
from jaxmrl.rows import HistoryRow, ReplicaKey, ResultRow

RESULTS, HISTORY = "results.csv", "history.csv"
SomeRow = TypeVar("SomeRow")


def read_results(path: Path, columns: tuple[str, ...] | None = None) -> list[ResultRow]:
    """Return the rows of a results.csv, the last of each replica; none if there is no file.

    A torn last line is left out, and its replica runs again.

    Args:
        path: The file.
        columns: The columns that it must have, and no others; it may lack later ones. None accepts columns for any
            tasks.

    Raises:
        DataError: For other columns, and for a cell that is not of its type.
    """
    header, table = _read(path)
    if columns and header and not ResultRow.fits(header, columns):
        raise DataError(f"{path} has other columns than this run writes; choose another --out")
    needed = (name for name in ResultRow.columns() if name not in ResultRow.later_columns())
    if header and (missing := [name for name in needed if name not in header]):
        raise DataError(
            f"{path} has no column {missing[0]}: expected the results.csv of a sweep by this version of jaxmrl; choose "
            "another --out"
        )
    remedy = "Restore it, delete the row (its replica is then trained again), or choose another --out"
    return list({row.key: row for row in parse_rows(path, table, ResultRow.from_cells, remedy)}.values())


def read_history(path: Path) -> dict[ReplicaKey, list[HistoryRow]]:
    """Return the whole rows of a history.csv of each replica by its key; {} where the file has other columns.

    Of a replica that was trained more than once, these are the rows of the last time. A row with a cell that is not of
    its type is left out, as a torn one is.
    """
    rows: dict[ReplicaKey, list[HistoryRow]] = {}
    header, table = _read(path)
    for cells in table if HistoryRow.fits(header, HistoryRow.columns()) else []:
        try:
            row = HistoryRow.from_cells(cells)
        except ValueError:
            continue
        of_replica = rows.setdefault(row.key, [])
        if of_replica and row.step == of_replica[0].step:
            of_replica.clear()
        of_replica.append(row)
    return rows


def parse_rows(
    path: Path, table: list[dict[str, str]], parse: Callable[[dict[str, str]], SomeRow], remedy: str
) -> Iterator[SomeRow]:
    """Yield the rows of a table.

    Args:
        path: The file, for errors.
        table: The cells of each row, by the names of the columns.
        parse: From cells to a row; raises ValueError for cells that are none.
        remedy: What to do about a damaged file, in a sentence without its period.

    Raises:
        DataError: For cells that are no row.
    """
    for place, cells in enumerate(table, start=1):
        try:
            yield parse(cells)
        except ValueError as error:
            raise DataError(f"{path}, row {place} below the header, {error}: the file is damaged. {remedy}") from None


def _read(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Return the columns and rows of a CSV file; neither if there is no file, or no whole line."""
    return read_table(path) if path.exists() else ((), [])
