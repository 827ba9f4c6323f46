"""The cells of a file of learning curves as numbers: values with their spread behind them, in percent, sizes."""

import math
import re
import unicodedata

import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.io.cells import CENSORED, TEXT, Style, grouped_by_commas, read_numbers

_PLUS_MINUS = re.compile(r"\s*(?:±|\+/-|\+-|\\pm)\s*")
_IN_BRACKETS = re.compile(r"^\s*([^()\s]+)\s*\(\s*(?:±|\+/-)?\s*([^()\s]+)\s*\)\s*(%?)\s*$")
PERCENT_SIZES = "the sizes are in percent, so forecasts are of percent of the data, too"
"""What is said of such sizes."""

_FEW_SIZES, _LARGEST_LOGARITHM = 3, 64
_TIMES = {"k": 1_000, "m": 1_000_000}
_POINTED = re.compile(r"\s*[1-9]\d{0,2}(\.\d{3})+\s*")
_BELOW_THOUSAND = re.compile(r"\s*\d{1,3}\s*")
_DIGITS, _PERCENT = 3, 100
_SHORTENED = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKM])\s*")
_POWER = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s*[x×*·]\s*)?(\d+)\s*(?:\^|\*\*)\s*\{?(\d+(?:\.\d+)?)\}?\s*")
_RATIO = re.compile(r"\s*(\d+)\s*/\s*([1-9]\d*)\s*")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LARGEST_POWER = 1e15
_INTERVAL = re.compile(
    r"\s*([-+−]?[\d.,]+%?)\s*[(\[](?:[^()\[\]]*?[\s:])?([-+−]?\d+(?:[.,]\d+)?)%?\s*(?:[,;–-]|to)\s*"
    r"([-+−]?\d+(?:[.,]\d+)?)%?\s*[)\]]\s*"
)
"""A value followed by the ends of an interval."""


def numbers(texts: list[str], separator: str) -> tuple[np.ndarray, np.ndarray, Style]:
    """Return the numbers [R] in cells, which cells are wrong [R], and how they are written.

    A missing value is NaN and not wrong. separator: of the file's columns.
    """
    found = read_numbers(texts, separator)
    return found.known, np.isin(found.kinds, (CENSORED, TEXT)), found.style


def sizes_in(
    texts: list[str], separator: str, in_percent: bool = False, decimal: str = "."
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the sizes [R] in cells such as 1.5k and 10^3, which cells are wrong [R], and remarks on the reading.

    Args:
        texts: The cells.
        separator: Of the file's columns.
        in_percent: Whether they are in percent by the name of their column.
        decimal: The decimal sign in the column of the metric.

    Raises:
        DataError: Where all sizes are below 100 and end in .000, so that they may be thousands.
    """
    long = {text: f"{size:.15g}" for text in dict.fromkeys(texts) if (size := _written_size(text)) is not None}
    pointed = _pointed(texts, decimal == ",", in_percent)
    long |= {text: text.replace(".", "") for text in pointed}
    # A size is a whole number, so commas that may stand between thousands do.
    between = "," if grouped_by_commas(texts) else separator
    found, wrong, style = numbers([long.get(text, text) for text in texts], between)
    said = [PERCENT_SIZES] if in_percent or style.unit == "%" else []
    if pointed:
        first = pointed[0].strip()
        said.append(f"the sizes are read with points between thousands: {first} is {first.replace('.', ',')}")
    return found, wrong, said


def _written_size(text: str) -> float | None:
    """Return the size that stands for itself in other words: 1.5k, 10^3, 2×10³ or 1/16; None for other texts."""
    if match := _SHORTENED.fullmatch(text):
        return float(match[1]) * _TIMES[match[2].lower()]
    if match := _RATIO.fullmatch(text):
        return int(match[1]) / int(match[2])
    raised = _SUPERSCRIPTS.sub(lambda found: f"^{unicodedata.normalize('NFKC', found[0])}", text)
    if match := _POWER.fullmatch(raised):
        base, power = float(match[2]), float(match[3])
        if base > 0 and power * math.log10(max(base, 1.0)) <= math.log10(_LARGEST_POWER):
            return float(match[1] or 1) * base**power
    return None


def _pointed(texts: list[str], decimal_commas: bool, in_percent: bool) -> list[str]:
    """Return the different sizes with points between thousands; none where a point may be a decimal point.

    Beside 100 and 800, 1.600 is no part of a molecule, nor is it anywhere beside a metric with decimal commas. Where
    all sizes have three decimals, some above 100 that are no whole numbers, they are no percentages either.
    """
    different = [text for text in dict.fromkeys(texts) if text.strip()]
    pointed = [text for text in different if _POINTED.fullmatch(text)]
    below = [text for text in different if _BELOW_THOUSAND.fullmatch(text)]
    if not pointed or in_percent or len(pointed) + len(below) < len(different):
        return []
    if decimal_commas or any(len(text.strip()) == _DIGITS for text in below):
        return pointed
    if below:
        return []
    parts = [text.strip().split(".") for text in pointed]
    if any(len(part) > 2 or (int(part[0]) >= _PERCENT and set(part[1]) != {"0"}) for part in parts):
        return pointed
    wholes = [int(part[0]) for part in parts]
    if all(set(part[1]) == {"0"} for part in parts) and len(wholes) > 1 and max(wholes) < _PERCENT:
        raise DataError(
            f"the sizes {pointed[0].strip()}, {pointed[1].strip()}, ... are thousands of molecules or only a few: "
            f"write {wholes[0]}000, {wholes[1]}000, ... or {wholes[0]}, {wholes[1]}, ..."
        )
    return []


def split_spread(texts: list[str]) -> tuple[list[str], list[str] | None, str]:
    """Return the values in cells such as 0.65 ± 0.02, 0.650(.020) and 0.650(20), and their spread, all as texts.

    The spread is None where no cell has one. Whole numbers in brackets count the last digits of the value, and the ends
    of an interval behind a value are not its spread; the third result says so in words, by the first such cell, and is
    empty otherwise.
    """
    values, spreads, said = [], [], ""
    for text in (text.replace("$", "") for text in texts):  # of LaTeX
        if found := _INTERVAL.fullmatch(text):
            said = said or f"{text.strip()} is read as {found[1]}: an interval is not the spread of single runs"
            values.append(found[1])
            spreads.append("")
        elif found := _IN_BRACKETS.match(text):
            value, spread, percent = found.groups()
            decimals = len(re.split("[.,]", value)[1]) if re.search(r"\d?[.,]\d+$", value) else 0
            if spread.isdigit() and decimals:
                spread = f"{int(spread) * 10.0**-decimals:.{decimals}f}"
                said = said or f"{text.strip()} is read as {value} with a spread of {spread}"
            values.append(value + percent)
            spreads.append(spread)
        else:
            value, *spread = _PLUS_MINUS.split(text.strip(), maxsplit=1) if text.strip() else [text]
            values.append(value if value else text)
            spreads.append(spread[0].rstrip("% ") if spread and value else "")
    return values, spreads if any(spreads) else None, said


def are_fractions(sizes: np.ndarray) -> bool:
    """Return whether the sizes [R] of a file look like fractions of the data: none is above 1."""
    sizes = sizes[np.isfinite(sizes)]
    return len(sizes) > 0 and bool(sizes.max() <= 1)


def size_remarks(name: str, sizes: np.ndarray) -> list[str]:
    """Return what is odd about the sizes [R] of a file: fractions, logarithms, or other numbers that are not whole."""
    sizes = np.unique(sizes[np.isfinite(sizes)])
    if len(sizes) == 0:
        return []
    if are_fractions(sizes):
        return [f"no {name} is above 1: they look like fractions, and the sizes of the forecast are then fractions too"]
    shown = ", ".join(f"{size:g}" for size in sizes[:_FEW_SIZES])
    steps = np.diff(sizes)
    even = len(steps) >= _FEW_SIZES and np.ptp(steps) <= 0.02 * steps.max()
    whole = np.all(np.abs(sizes - np.round(sizes)) <= 1e-9 * np.abs(sizes))
    if even and sizes.max() <= _LARGEST_LOGARITHM and (not whole or steps.max() <= 1):
        return [f"{name} has the values {shown}, ...: they look like logarithms; give the numbers of molecules"]
    if not whole:
        return [f"{name} has values that are not whole numbers ({shown}, ...): are these numbers of molecules?"]
    return []
