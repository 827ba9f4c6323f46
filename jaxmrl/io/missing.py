"""Texts that stand in place of a value: empty cells, marks of missing values, and the names of summaries."""

_EMPTY = frozenset({"", *"nan na n/a null none #n/a #na <na> -nan +nan nat (null) [null] <null> \\n".split()})
"""What programs write for a missing value, in lower case."""

_MARKS = frozenset(
    "- -- --- – — ? ?? . .. nd n.d. n.d n/d nt n.t. n.t n/t n.a. n.a n\\a k.a. missing "
    "#value! #div/0! #ref! #num! #name? #null! 1.#qnan -1.#ind 1.#ind".split()
) | {
    *("not determined", "not tested", "not available", "not measured", "not detected", "not calculated"),
    *("not reported", "not done", "no data", "no fit", "no result", "nicht bestimmt"),
}
"""What people, and the errors of a workbook, write for a missing value, in lower case."""

_UNDECIDED = frozenset(
    "ambiguous doubtful equivocal inconclusive indeterminate maybe pending tbd unclear undecided undefined "
    "undetermined unknown unspecified untested".split()
)
"""What people write for an outcome that is open, in lower case: no label, be it of a number or of a class."""

SUMMARIES = frozenset(
    "mean avg average median std sd stdev stderr sem se var min max all total totals subtotal sum count overall summe "
    "mittelwert gesamt".split()
)
"""What stands in place of a molecule or a run in rows that sum up others, in lower case."""


def is_missing(text: str) -> bool:
    """Return whether a cell is empty, or has what programs write for a missing value."""
    return text.strip().lower() in _EMPTY


def is_mark(text: str) -> bool:
    """Return whether a cell has what people write for a missing value, such as ND."""
    lower = text.strip().lower()
    return lower in _MARKS or lower in _UNDECIDED
