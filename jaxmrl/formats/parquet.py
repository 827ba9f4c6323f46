"""Parquet files, read by pyarrow."""

from collections.abc import Iterator

from jaxmrl.errors import DataError, UserError
from jaxmrl.formats.content import Content
from jaxmrl.formats.source import Source, cell_text, within_limits
from jaxmrl.io.records import plain_names

_BATCH = 1000
"""Rows that are in memory as values at a time."""


def import_parquet() -> tuple:
    """Return pyarrow and its parquet module. Raise UserError if they are not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError("a .parquet file needs pyarrow: pip install 'jaxmrl[parquet]', or use .csv or .npz") from None
    return pyarrow, parquet


def open_parquet(content: Content) -> Source:
    """Return the table in a Parquet file, whose lines are its rows, counted from 1.

    Raises DataError for a damaged file, and UserError without pyarrow.
    """
    rows = _rows(content)
    _, names = next(rows)
    if not names:
        raise DataError(f"{content.path} is a Parquet file without columns; expected a table")
    return Source(plain_names(names), within_limits(content.path, rows), "\t", ("a Parquet file",))


def _rows(content: Content) -> Iterator[tuple[int, list[str]]]:
    """Yield (0, names of the columns), then (row, cells) of each row."""
    _, parquet = import_parquet()
    line = 0
    try:
        with content.seekable() as binary:
            file = parquet.ParquetFile(binary)
            yield line, [str(name) for name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=_BATCH):
                columns = [[cell_text(value) for value in column.to_pylist()] for column in batch.columns]
                for fields in zip(*columns, strict=True):
                    line += 1
                    yield line, list(fields)
    except UserError:
        raise
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        said = " ".join(str(error).split())[:100] or type(error).__name__
        raise DataError(f"{content.path} is a Parquet file that cannot be read ({said}); write it again") from None
