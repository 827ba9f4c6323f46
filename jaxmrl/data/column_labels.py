"""Columns of a table -> labels of numbers or of classes, with a remark on everything that is unusual about them."""

from pathlib import Path

import numpy as np

from jaxmrl.data.classes import (
    FEW_VALUES,
    Classes,
    are_classes,
    ask_about_minus_one,
    number_classes,
    refuse_words,
    values_of,
)
from jaxmrl.data.targets import Column, first_odd
from jaxmrl.errors import DataError
from jaxmrl.io.cells import ABOUT, CENSORED, EXACTLY, Style, dotted_thousands, grouped_by_commas, nines
from jaxmrl.io.records import Records, column_names
from jaxmrl.text import count

_SHOWN = 60
"""Characters of a field that a remark repeats."""

_MOST_REMARKS = 5
"""Columns with cells that are no numbers that have a remark of their own."""

_CENSORED_SAID = {
    "drop": "left out, so that curves use measured values only; --censored loss would learn from their bounds",
    "bound": "their numbers are used without the sign (--censored bound), so errors at the limit are understated",
    "loss": "models learn from them as bounds (--censored loss); test errors such as RMSE leave them out",
    None: "left out, because they are not classes",
}
"""What is done with censored labels, by --censored; None for columns of classes."""

_FEW_ROWS = 20
"""Rows from which few different values are remarked on."""


def task_of(path: Path, columns: list[Column]) -> str:
    """Return classification if all columns have two classes, else regression."""
    numbers = [column.numbers for column in columns if column.words is None]
    ask_about_minus_one(f"{path}, {column_names([column.name for column in columns])}", numbers)
    return "classification" if are_classes(numbers) else "regression"


def class_labels(path: Path, records: Records, columns: list[Column]) -> tuple[list[Classes], list[str]]:
    """Return the classes of each column, and remarks."""
    numbers = [column.numbers for column in columns if column.words is None]
    everything = values_of(numbers)
    found = []
    for column in columns:
        where = f"{path}, column {column.name}"
        if column.words is None and column.numbers.share == 0:
            refuse_words(where, _texts(records, column), regression=False)
        found.append(column.words or number_classes(where, column.numbers, everything))
    said = {column.name: classes.said for column, classes in zip(columns, found, strict=True)}
    return found, of_columns(said) + _odd(records, columns) + censored_remarks(columns, None, None)


def number_labels(
    path: Path, records: Records, columns: list[Column], censored: str, task: str | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return labels [N, T] of numbers, their sides [N, T] as of `io.cells`, and remarks.

    With `censored` "loss", the numbers of censored labels are among the labels, and their sides say so. Otherwise all
    sides are EXACTLY. task: as it was asked for.
    """
    remarks = []
    for column in columns:
        where = f"{path}, column {column.name}"
        if column.words and task is None:
            raise DataError(
                f"{where} has classes ({column.words.said}), but other targets have numbers: run a sweep for each"
            )
        if column.words or column.numbers.share == 0:
            refuse_words(where, _texts(records, column), regression=task == "regression")
        found = column.numbers.distinct
        if 1 < len(found) < FEW_VALUES and all(value.is_integer() for value in found) and len(records.rows) > _FEW_ROWS:
            shown = ", ".join(f"{value:g}" for value in sorted(found))
            remarks.append(
                f"{column.name}: regression on whole numbers of {len(found)} values ({shown}); if they are classes, "
                "give a column of 1 and 0 for each class"
            )
        remarks += _suspect(column, _texts(records, column))
    labels = np.stack([_labels(column, censored) for column in columns], axis=1)
    sides = np.stack([column.numbers.all_sides for column in columns], axis=1)
    if censored != "loss":
        sides = np.full_like(sides, EXACTLY)
    return labels, sides, remarks + _odd(records, columns)


def _labels(column: Column, censored: str) -> np.ndarray:
    """Return the labels [N] of a column of numbers. censored: what to do with those that have < or >."""
    numbers = column.numbers
    if censored == "drop":
        return numbers.known
    return np.where(numbers.kinds <= CENSORED, numbers.values, np.nan)


def _suspect(column: Column, texts: list[str]) -> list[str]:
    """Return remarks on numbers that may not be what they seem."""
    remarks, name = [], column.name
    if mark := nines(column.numbers):
        remarks.append(
            f"{name}: {count(mark[1], 'label')} of {mark[0]:g}, unlike all others; if this marks missing labels, leave "
            "those cells empty"
        )
    if column.numbers.style.decimal == "." and (shown := dotted_thousands(texts)):
        remarks.append(
            f"{name}: every number with a point has three digits after it, such as {shown}, read as {float(shown):g}; "
            "if the points stand between thousands, remove them"
        )
    if column.numbers.style == Style(",") and (shown := grouped_by_commas(texts)):
        read = float(shown.replace(",", ".", 1).replace(",", ""))
        remarks.append(
            f"{name}: every number with a comma has three digits after it, such as {shown}, read as {read:g}; if the "
            "commas stand between thousands, remove them"
        )
    if merged := column.numbers.merged:
        remarks.append(
            f"{name}: {merged[0][:_SHOWN]} and {merged[1][:_SHOWN]} are one number in double precision (float64); "
            "subtract a constant from all labels to keep such differences"
        )
    return remarks


def _texts(records: Records, column: Column) -> list[str]:
    return [fields[column.at] for *_, fields in records.rows]


def of_columns(said: dict[str, str]) -> list[str]:
    """Return remarks on columns; columns with the same remark share one."""
    names: dict[str, list[str]] = {}
    for name, text in said.items():
        names.setdefault(text, []).append(name)
    return [f"{column_names(some)}: {text}" for text, some in names.items() if text]


def style_remarks(columns: list[Column]) -> list[str]:
    """Return remarks on unusual minus signs, and on errors after numbers."""
    remarks = [
        f"{column.name}: {column.numbers.minus:,} cells have a typographic minus sign, read as -"
        for column in columns
        if column.numbers.minus
    ]
    return remarks + [
        f"{column.name}: {count(column.numbers.errors, 'cell')} with an error after ±, which is left out"
        for column in columns
        if column.numbers.errors
    ]


def _odd(records: Records, columns: list[Column]) -> list[str]:
    """Return remarks on cells that are not numbers, and on how numbers are written."""
    remarks = style_remarks(columns)
    some = [column for column in columns if column.odd.any()]
    for column in some[:_MOST_REMARKS]:
        line, text = first_odd(records, column)
        one, several = ("a class", "classes") if column.words else ("a number", "numbers")
        many = int(column.odd.sum())
        cells = f"1 cell is not {one}," if many == 1 else f"{many:,} cells are not {several}, such as"
        remarks.append(f"{column.name}: {cells} {text[:_SHOWN]!r} in line {line}; treated as missing")
    if rest := some[_MOST_REMARKS:]:
        many = sum(int(column.odd.sum()) for column in rest)
        remarks.append(f"{len(rest):,} more columns: {many:,} cells are not numbers; treated as missing")
    return remarks


def censored_remarks(columns: list[Column], labels: np.ndarray | None, censored: str | None) -> list[str]:
    """Return a remark on labels with < or >.

    Args:
        columns: The T columns.
        labels: What became of them, [N, T]; censored cells without a label are not counted unless they are left out.
        censored: What to do with them; None for classes, which have no bound.
    """
    beyond = np.stack([column.numbers.kinds == CENSORED for column in columns], axis=1)
    if labels is not None and censored != "drop":
        beyond &= ~np.isnan(labels)
    many = {column.name: int(some) for column, some in zip(columns, beyond.sum(axis=0), strict=True)}
    if not sum(many.values()):
        return []
    names = column_names([f"{name} {some:,}" for name, some in many.items() if some])
    subject = "1 label has" if sum(many.values()) == 1 else f"{sum(many.values()):,} labels have"
    said = f"{subject} >, < or ~, such as beyond the assay's limit ({names}): {_CENSORED_SAID[censored]}"
    about = int((np.stack([column.numbers.all_sides == ABOUT for column in columns], axis=1) & beyond).sum())
    return [said + (f"; {about:,} with ~ are used as exact" if about and censored == "loss" else "")]
