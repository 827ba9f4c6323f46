"""The tables of a run directory that its results are read from: results.csv and history.csv."""

from pathlib import Path

from jaxmrl.errors import DataError
from jaxmrl.io.files import read_rows, whole_records
from jaxmrl.rows import HistoryRow, ReplicaKey, ResultRow

RESULTS, HISTORY = "results.csv", "history.csv"


def read_results(path: Path) -> list[ResultRow]:
    """Return the rows of a results.csv, the last of each replica; none where there is no file.

    A torn last line is left out, and its replica runs again. Raises DataError for a column that is missing, and for a
    cell that is not of its type.
    """
    header = header_of(path)
    if header and (missing := [name for name in ResultRow.columns() if name not in header]):
        raise DataError(
            f"{path} has no column {missing[0]}: expected the results.csv of a sweep by this version of jaxmrl; choose "
            "another --out"
        )
    rows: dict[ReplicaKey, ResultRow] = {}
    for place, cells in enumerate(read_rows(path) if path.exists() else [], start=1):
        try:
            row = ResultRow.from_cells(cells)
        except ValueError as error:
            raise DataError(
                f"{path}, row {place} below the header, {error}: the file is damaged. Restore it, delete the row (its "
                "replica is then trained again), or choose another --out"
            ) from None
        rows[row.key] = row
    return list(rows.values())


def read_history(path: Path) -> dict[ReplicaKey, list[HistoryRow]]:
    """Return the whole rows of a history.csv of each replica by its key; {} where the file has other columns.

    Of a replica that was trained more than once, these are the rows of the last time. A row with a cell that is not of
    its type is left out, as a torn one is.
    """
    rows: dict[ReplicaKey, list[HistoryRow]] = {}
    if header_of(path) != HistoryRow.columns():
        return rows
    for cells in read_rows(path):
        try:
            row = HistoryRow.from_cells(cells)
        except ValueError:
            continue
        of_replica = rows.setdefault(row.key, [])
        if of_replica and row.step == of_replica[0].step:
            of_replica.clear()
        of_replica.append(row)
    return rows


def header_of(path: Path) -> tuple[str, ...]:
    """Return the columns of a CSV file; none where there is no file, or no whole line."""
    records = whole_records(path) if path.exists() else []
    return tuple(records[0]) if records else ()
