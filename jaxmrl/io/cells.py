"""The cells of one column as numbers: missing values, decimal commas, minus signs, units, errors, < and >."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

import numpy as np

from jaxmrl.io.missing import is_mark, is_missing
from jaxmrl.io.units import unit_of

NUMBER, CENSORED, MISSING, MARK, TEXT = range(5)
"""Kinds of cells: a number; a number with a sign such as >; empty; a usual mark of a missing value; any other text."""

BELOW, EXACTLY, ABOVE, ABOUT = -1, 0, 1, 2
"""Where the true value of a cell lies from its number: what <30, 30, >30 and ~30 say."""

LARGEST = float(np.finfo(np.float32).max)
"""The largest label: predictions are float32."""

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff"), "")
"""Characters without width, which copies of web pages bring along, for `str.translate`."""

_MINUS = dict.fromkeys(map(ord, "−–﹣－‐‑"), "-")
"""Characters that stand for a minus sign in front of a digit."""

_WIDE = str.maketrans("＜＞＝～＋．，％０１２３４５６７８９", "<>=~+.,%0123456789")
_NUMERIC = re.compile(
    r"(?P<sign>[<>]=?|=[<>]?|[≤≥≦≧⩽⩾~≈≃∼]|<<|>>|ca\.?)?\s*"
    r"(?P<number>[+-]?[ \u00a0\u2009\u202f]?"
    r"(?:\d{1,3}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d*)?|\d[\d.,]*|[.,]\d+)(?: ?e[+-]?\d+)?)"
    r"(?P<error>\s*(?:±|\+/-|\+-)\s*\d[\d.,]*(?:e[+-]?\d+)?)?"
    r"\s*(?P<unit>[%‰°a-zµμΩÅ][^\d;,]{0,19}(?:\^?-?\d)?)?",
    re.IGNORECASE,
)
_ENGLISH = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
_EUROPEAN = re.compile(r"[+-]?([1-9]\d{0,2}(\.\d{3})+|\d*),\d+(e[+-]?\d+)?|[+-]?\d+,", re.IGNORECASE)
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_DOTTED_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_NINES = re.compile(r"999+")
_SEVERAL = 5
"""Different numbers from which one of them can be far from the others."""

_DIGITS_OF_DOUBLE = 15
"""Decimal digits that float64 always keeps."""

_ROUNDING = 1e-7
_BLANKS = re.compile(r"[ \u00a0\u2009\u202f'’]")
_GROUPED = re.compile(r"\d([ \u00a0\u2009\u202f'’])\d{3}")
_TWO_NUMBERS = re.compile(r"[+-]?\d[\d.,]*(?:[ \u00a0]+[+-]?\d[\d.,]*)+")
_THREE_DIGITS = re.compile(r"[1-9]\d{2}")
_TOO_LARGE = 100
"""The multiple of the largest other number above which a number of groups of digits is none."""

_APOSTROPHES = "'’"
_PAIR, _ALIKE = re.compile(r"(\d{3})[ \u00a0\u2009\u202f](\d{3})"), 0.1
"""Two groups of digits, and how much they differ at most where they are replicates, as in 589 592."""

_POWER = re.compile(
    r"\s?[x×*·]\s?10\s?(?:(?:\^|\*\*)\s?\(?([+-]?\d{1,3})\)?|([+-]\d{1,3})|([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}))(?![\d.])"
)
_ERROR_POWER = re.compile(r"\(?\s*([+-]?[\d.,]+)\s*(±|\+/-|\+-)\s*([\d.,]+)\s*\)?\s*(e[+-]?\d+)", re.IGNORECASE)
"""A number and its error before one power of ten, which is that of both."""

_RAISED = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")


@dataclass(frozen=True)
class Style:
    """How the numbers of a column are written.

    decimal    "." or ","
    thousands  the separator of thousands that is left out: "", "," or "."
    unit       what stands behind every number and is left out
    grouped    the blank or apostrophe between thousands that is left out; empty where there is none
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    grouped: str = ""

    @property
    def remarks(self) -> list[str]:
        """What is unusual, in words."""
        said = ["decimal commas"] if self.decimal == "," else []
        if self.thousands:
            said.append(f"{'commas' if self.thousands == ',' else 'points'} between thousands")
        if self.grouped:
            said.append(f"{'apostrophes' if self.grouped in _APOSTROPHES else 'blanks'} between thousands")
        return said + ([f"the unit {self.unit!r} after every number"] if self.unit else [])


@dataclass(frozen=True)
class Numbers:
    """A column of N cells as numbers.

    values [N] float64  NaN where there is none; of a censored cell, its bound
    kinds [N] uint8     NUMBER, CENSORED, MISSING, MARK or TEXT
    distinct            the different values, censored ones included
    sides [N] int8      BELOW, EXACTLY, ABOVE or ABOUT; None where all are EXACTLY
    style               how the numbers are written
    minus               cells with a typographic minus sign
    errors              cells such as 5 ± 0.2; their first number is taken
    merged              two cells that are different numbers as written, and one in float64; None where there are none
    units               the unit of concentration behind each number, empty where there is none; None where all have
                        the unit of the style, or units were not asked for
    """

    values: np.ndarray = field(repr=False)
    kinds: np.ndarray = field(repr=False)
    distinct: frozenset[float] = field(repr=False)
    sides: np.ndarray | None = field(repr=False, default=None)
    style: Style = Style()
    minus: int = 0
    errors: int = 0
    merged: tuple[str, str] | None = None
    units: tuple[str, ...] | None = field(repr=False, default=None)

    @property
    def share(self) -> float:
        """The share of numbers, censored ones included, among the cells that are not missing; 0 where all are."""
        numbers = (self.kinds <= CENSORED).sum()
        return float(numbers / max(1, numbers + (self.kinds == TEXT).sum()))

    @property
    def known(self) -> np.ndarray:
        """The numbers [N]; NaN where a cell has none or is censored."""
        return np.where(self.kinds == NUMBER, self.values, np.nan)

    @property
    def all_sides(self) -> np.ndarray:
        """The sides [N], also where all are EXACTLY."""
        return np.zeros(len(self.kinds), np.int8) if self.sides is None else self.sides


def read_numbers(texts: list[str], separator: str = ",", *, concentrations: bool = False) -> Numbers:
    """Return the cells of a column as Numbers.

    A comma is a decimal comma where all cells of the column agree with that and, as far as both readings are possible,
    the separator is no comma; else it stands between thousands. A unit is left out where all numbers have the same.

    Args:
        texts: The cells, [N].
        separator: The separator of the file's columns.
        concentrations: Whether each number may have a unit of concentration of its own, or none.
    """
    plain = {text: _plain(text) for text in dict.fromkeys(texts)}
    style, matches, own = Style(), {}, dict[str, str]()
    if odd := [text for text, cell in plain.items() if cell is None]:
        matches = {text: _NUMERIC.fullmatch(_clean(text)) for text in odd}
        pointed = [text for text, cell in plain.items() if cell and cell[0] == NUMBER and "." in text]
        bare = any(cell and cell[0] == NUMBER for cell in plain.values())
        found = [match for match in matches.values() if match]
        style = replace(_style(found, pointed, bare, separator), grouped=_grouped(found, odd))
        style = _without_replicates(style, found, plain)
        if concentrations and not style.unit:
            own = {text: unit for text, match in matches.items() if match and (unit := unit_of(match["unit"] or ""))}
        if style.thousands == ".":
            matches |= {text: _NUMERIC.fullmatch(_clean(text)) for text in pointed}
    distinct = {
        text: _styled(matches[text], style, has_unit=text in own) if cell is None or text in matches else cell
        for text, cell in plain.items()
    }
    kinds = np.fromiter((distinct[text][0] for text in texts), np.uint8, len(texts))
    values = np.fromiter((distinct[text][1] for text in texts), np.float64, len(texts))
    known = frozenset(value for kind, value in distinct.values() if kind <= CENSORED)
    numbers = [text for text in odd if distinct[text][0] <= CENSORED]
    minus = {text for text in numbers if text.translate(_MINUS) != text}
    errors = {text for text in numbers if (match := matches[text]) and match["error"]}
    merged = _merged_by_rounding(distinct, known)
    sides = _sides(texts, {text: side_of(match["sign"] or "") for text in numbers if (match := matches[text])})
    units = tuple(own.get(text, "") for text in texts) if own else None
    return Numbers(values, kinds, known, sides, style, _cells_in(texts, minus), _cells_in(texts, errors), merged, units)


def side_of(sign: str) -> int:
    """Return what a sign in front of a number says: BELOW, EXACTLY, ABOVE or ABOUT."""
    if sign in ("", "="):
        return EXACTLY
    if any(one in sign for one in "<≤≦⩽"):
        return BELOW
    return ABOVE if any(one in sign for one in ">≥≧⩾") else ABOUT


def reversed_sides(sides: np.ndarray) -> np.ndarray:
    """Return the sides of numbers for a scale that runs the other way: above 10 µM is below a pIC50 of 5."""
    return np.where(sides == ABOVE, BELOW, np.where(sides == BELOW, ABOVE, sides)).astype(sides.dtype)


def _sides(texts: list[str], signed: dict[str, int]) -> np.ndarray | None:
    if not any(signed.values()):
        return None
    return np.fromiter((signed.get(text, EXACTLY) for text in texts), np.int8, len(texts))


def _cells_in(texts: list[str], some: set[str]) -> int:
    return sum(text in some for text in texts) if some else 0


def without_points(texts: list[str]) -> list[str] | None:
    """Return the cells of a column without the points in its numbers.

    None where there are no such points, or one of them cannot stand between thousands, as it does in 1.590.
    """
    pointed = {text for text in texts if "." in text and (_plain(text) or (TEXT,))[0] == NUMBER}
    if not pointed or not all(_DOTTED_GROUPS.fullmatch(text.strip()) for text in pointed):
        return None
    return [text.replace(".", "") if text in pointed else text for text in texts]


def grouped_by_commas(texts: Iterable[str]) -> str | None:
    """Return a number of the cells whose comma may stand between thousands, as in a column of 3, 67 and 1,234.

    All numbers with a comma have three digits behind each one. None where there are no such numbers, or others.
    """
    commas = [match for text in dict.fromkeys(texts) if "," in text and (match := _NUMERIC.fullmatch(_clean(text)))]
    numbers = [_BLANKS.sub("", match["number"]) for match in commas]
    return min(numbers) if numbers and all(map(_COMMA_GROUPS.fullmatch, numbers)) else None


def nines(numbers: Numbers) -> tuple[float, int] | None:
    """Return (value, cells) of a number such as -999, which many programs write for a missing value.

    It is far from all others, or the only one below 0. So is a 0 that several cells have and that is far from all
    others. None where there is no such number.
    """
    found = np.array(sorted(numbers.distinct))
    if len(found) < _SEVERAL:
        return None
    for value, others in ((found[0], found[1:]), (found[-1], found[:-1])):
        far = np.abs(value - others).min() > 2 * np.ptp(others) or (value < 0 <= others[0])
        cells = int((numbers.values == value).sum())
        if far and (_NINES.fullmatch(f"{abs(value):.17g}") or (value == 0 and cells > 1)):
            return float(value), cells
    return None


def _merged_by_rounding(texts: Iterable[str], known: frozenset[float]) -> tuple[str, str] | None:
    """Return two of the different cells of a column that are different numbers as written and the same in float64.

    Differences below a ten-millionth of the spread of the column do not count: models in float32 have no more.
    """
    written: dict[float, tuple[Decimal, str]] = {}
    least = (max(known) - min(known)) * _ROUNDING if known else 0.0
    for text in texts:
        if len(text) <= _DIGITS_OF_DOUBLE or (_plain(text) or (TEXT,))[0] != NUMBER:
            continue
        try:
            exact = Decimal(text.strip())
        except InvalidOperation:  # an exponent of very many digits: as float64, the number is 0
            continue
        first, earlier = written.setdefault(float(exact), (exact, text))
        if abs(exact - first) > least:
            return earlier.strip(), text.strip()
    return None


def dotted_thousands(texts: Iterable[str]) -> str | None:
    """Return a number whose point may stand between thousands, as in a column of 731, 1.590 and 23.500; else None.

    All points of such a column have three digits after and one to three before them, and numbers without a point are
    below 1000.
    """
    plain = {text.strip() for text in dict.fromkeys(texts) if (_plain(text) or (TEXT,))[0] == NUMBER}
    pointed = [text for text in plain if "." in text]
    whole = plain - set(pointed)
    dotted = len(pointed) >= _SEVERAL and all(_DOTTED_GROUPS.fullmatch(text) for text in pointed)
    return min(pointed) if dotted and whole and all(abs(float(text)) < 1000 for text in whole) else None


def number_in(text: str) -> float | None:
    """Return the number that a cell contains: NaN for missing, None for what is not a finite number."""
    kind, value = _plain(text) or (TEXT, math.nan)
    return None if kind in (MARK, TEXT) else value


def _plain(text: str) -> tuple[int, float] | None:
    """Return (kind, value) of a cell that is a plain number or missing; None for others."""
    text = text.strip()
    if is_missing(text):
        return MISSING, math.nan
    if is_mark(text):
        return MARK, math.nan
    try:
        value = float(text)
    except ValueError:
        return None
    if "_" in text or not abs(value) <= LARGEST:  # 1_0 is Python's way to write a number, and nobody else's
        return TEXT, math.nan
    return NUMBER, value


def plain_signs(text: str) -> str:
    """Return a text with the signs < > = ~ that are written as of a web page or in full width."""
    return text.replace("&lt;", "<").replace("&gt;", ">").translate(_WIDE)


def _clean(text: str) -> str:
    plain = plain_signs(text).translate(INVISIBLE).translate(_MINUS).strip()
    powers = _POWER.sub(lambda found: f"e{(found[1] or found[2] or found[3]).translate(_RAISED)}", plain)
    if powers != plain and (match := _ERROR_POWER.fullmatch(powers)):
        number, sign, error, power = match.groups()
        return f"{number}{power} {sign} {error}{power}"
    return powers


def _grouped(matches: list[re.Match], odd: list[str]) -> str:
    """Return the blank or apostrophe that separates thousands; empty if there is none.

    A blank is none if other cells of the column have two numbers, or if both groups of digits are alike in most cells,
    as those of replicates are.
    """
    found = [mark[1] for match in matches if (mark := _GROUPED.search(match["number"]))]
    numbers = {match["number"] for match in matches}
    several = any(_TWO_NUMBERS.fullmatch(text := _clean(one)) and text not in numbers for one in odd)
    pairs = [tuple(map(int, pair.groups())) for match in matches if (pair := _PAIR.fullmatch(match["number"]))]
    apart = sorted(abs(one - other) / max(one, other, 1) for one, other in pairs)
    replicates = len(pairs) == len(found) >= _SEVERAL and apart[len(apart) // 2] < _ALIKE
    return found[0] if found and not several and not replicates else ""


def _without_replicates(style: Style, matches: list[re.Match], plain: dict[str, tuple[int, float] | None]) -> Style:
    """Return the style without separators of thousands if these separate replicates, as in 100,120 and 512 498.

    All groups of digits are then alike within a cell, and each is like the other numbers of the column, to which the
    whole would be far too large.
    """
    mark = style.grouped or (style.thousands if style.decimal == "." else "")
    cells = [match["number"].split(mark) for match in matches if mark and mark in match["number"]]
    if not cells or not all(all(map(_THREE_DIGITS.fullmatch, groups)) for groups in cells):
        return style
    values = [list(map(int, groups)) for groups in cells]
    others = [abs(cell[1]) for cell in plain.values() if cell and cell[0] == NUMBER]
    alike = all(max(groups) <= 2 * min(groups) for groups in values)
    far = bool(others) and min(1000 * groups[0] for groups in values) > _TOO_LARGE * max(others)
    return replace(style, grouped="", thousands="") if alike and far else style


def _style(matches: list[re.Match], pointed: list[str], bare: bool, separator: str) -> Style:
    """Return how the cells that match _NUMERIC are written.

    pointed: the plain numbers with a decimal point; bare: whether there are plain numbers, which have no unit.
    """
    units = {_one_spelling(match["unit"]): match["unit"].strip() for match in matches if match["unit"]}
    everywhere = len(units) == 1 and not bare and all(match["unit"] for match in matches)
    unit = next(iter(units.values())).replace("μ", "µ") if everywhere else ""
    numbers = [_BLANKS.sub("", match["number"]) for match in matches]
    commas = [number for number in numbers if "," in number]
    pointed = [text.strip() for text in pointed] + [one for one in numbers if "." in one and "," not in one]
    if not commas:  # two points in one number are between thousands
        thousands = any(one.count(".") > 1 for one in pointed) and all(map(_DOTTED_GROUPS.fullmatch, pointed))
        return Style(",", ".", unit) if thousands else Style(unit=unit)
    grouped = any("." in number for number in commas)
    english = all(_ENGLISH.fullmatch(number) for number in commas)
    european = all(_EUROPEAN.fullmatch(number) for number in commas) and (
        not pointed or (grouped and all(_DOTTED_GROUPS.fullmatch(number) for number in pointed))
    )
    if european and not (english and separator == ","):
        return Style(",", "." if grouped else "", unit)
    return Style(".", "," if english else "", unit)


def _one_spelling(unit: str) -> str:
    return unit_of(unit) or unit.strip().replace("μ", "µ")


def _styled(match: re.Match | None, style: Style, *, has_unit: bool) -> tuple[int, float]:
    """Return (kind, value) of a cell that is not plain. has_unit: whether it has a unit of its own."""
    if not match or (not has_unit and _one_spelling(match["unit"] or "") != _one_spelling(style.unit)):
        return TEXT, math.nan
    if _GROUPED.search(match["number"]) and not style.grouped:
        return TEXT, math.nan
    number = _BLANKS.sub("", match["number"])
    if style.thousands:
        number = number.replace(style.thousands, "")
    if style.decimal == ",":
        number = number.replace(",", ".")
    try:
        value = float(number)
    except ValueError:
        return TEXT, math.nan
    if not abs(value) <= LARGEST:
        return TEXT, math.nan
    return NUMBER if side_of(match["sign"] or "") == EXACTLY else CENSORED, value
