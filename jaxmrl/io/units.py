"""Units of concentration, as they stand in the names of columns and in cells, and other units that numbers may have."""

import re

POWERS = {"M": 0, "mM": 3, "uM": 6, "nM": 9, "pM": 12}
"""Units of concentration, and how many of them are a mol per liter, as powers of ten."""

_PREFIXES = {"milli": "m", "micro": "u", "nano": "n", "pico": "p", "µ": "u", "μ": "u"}
_PREFIX = "|".join([*_PREFIXES, *"munp"])
_LITER = r"(?:\s?/\s?l(?:iter|itre)?|[\s.·*]?l\s?(?:\^?[-−]1|⁻¹))"
MOLAR = re.compile(
    rf"(?<![^\W\d_])(?:(?P<prefix>{_PREFIX})\s?(?:M|molar|mol(?:es?)?{_LITER})|molar|mol(?:es?)?{_LITER}"
    r"|(?<=[(\[])\s?M\s?(?=[)\]]))(?![^\W\d_])",
    re.IGNORECASE,
)
"""A unit of concentration: nM, umol/L, (M), nanomolar."""

_OTHER = re.compile(
    r"(?<![^\W\d_])(?:(?:[munpµμk]|mc)?g[\s_]?(?:/|per|[_·*]|\s)[\s_]?(?:[mudµμ]?l|kg|g|mol)(?:\s?\^?[-−⁻][1¹])?"
    r"|[munpµμ]?mol[\s_]?/[\s_]?[mudµμ]l|(?:wt|mol)\s?%|pp[mbt]|(?-i:fM)|percent)(?![^\W_])"
    r"|^\s*%|(?<=[(\[])\s?%\s?(?=[)\]])"
    r"|10\s?\^?\s?[-−⁻]\s?[\d⁰¹²³⁴-⁹]+\s?M(?![^\W\d_])|\de-\d+\s?M(?![^\W\d_])",
    re.IGNORECASE,
)
"""A unit of the numbers of a column that is no plain unit of concentration: ug/mL, mg/kg, ppm, %, 10^-6 M."""

_USUAL = re.compile(r"[munpµμ](?:M|mol/[lL])|mol/[lL]")
"""A unit of concentration in its usual upper and lower case, unlike NM for not measured."""


def unit_of(text: str) -> str | None:
    """Return the unit of concentration that a text is, a key of POWERS; None if it is no such unit."""
    text = text.strip(" \t()[]")
    found = MOLAR.fullmatch(text)
    if found is None:
        return "M" if text == "M" else None
    prefix = (found["prefix"] or "").lower()
    return f"{_PREFIXES.get(prefix, prefix)}M"


def is_unit(text: str) -> bool:
    """Return whether a text is a unit as it is usually written, of concentration or not; M alone is none."""
    text = text.strip(" \t()[]")
    return _USUAL.fullmatch(text) is not None or _OTHER.fullmatch(text) is not None


def unit_in(text: str) -> str | None:
    """Return the unit that a text states, as it is written there: nM in `IC50 (nM)`, ug/mL in `IC50 [ug/mL]`."""
    found = [match for pattern in (MOLAR, _OTHER) if (match := pattern.search(text))]
    return min(found, key=lambda match: match.start())[0].strip() if found else None
