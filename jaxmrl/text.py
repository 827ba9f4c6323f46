"""How numbers and errors are said."""

import re
from collections.abc import Iterable

_SECONDS = {"d": 86_400.0, "h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}
_MOST = 600
_FEW = 10


def about(number: float) -> str:
    """Return a number of things to three digits: 12,345 as 12,300, 31.6 as 32, and 0.1234 as 0.123."""
    rounded = float(f"{number:.3g}")
    return size_text(rounded) if abs(rounded) < _FEW else f"{rounded:,.0f}"


def size_text(number: float) -> str:
    """Return a size as it was given: 12,800, or 0.5 where a file counts in thousands or has fractions."""
    return f"{number:,.15g}"


def exact(number: float) -> str:
    """Return the shortest text that reads back as the same number: 0.1 as 0.1, 1.0 as 1."""
    return repr(float(number)).removesuffix(".0")


def count(number: int, noun: str) -> str:
    """Return a number of things in words, such as "1 row" and "2 rows"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def one_of(names: Iterable[str]) -> str:
    """Return names as a choice: "a, b or c"."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def one_line(text: str) -> str:
    """Return a text that may repeat the content of a file, as one short line that is safe on a terminal."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= _MOST else f"{plain[: _MOST // 2]} ... {plain[-_MOST // 2 :]}"


def seconds_in(text: str) -> float | None:
    """Return the seconds that a text such as 45s, 90min, 2h30m or 1:30:00 names; None if it names none."""
    if clock := re.fullmatch(r"(\d+):([0-5]\d):([0-5]\d)", text.strip()):
        hours, minutes, seconds = map(int, clock.groups())
        return 3600.0 * hours + 60 * minutes + seconds
    part = r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)\s*"
    if not re.fullmatch(f"(?:{part})+", text.strip().lower()):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(part, text.lower()))


def duration(seconds: float) -> str:
    """Return a time in seconds as people write it, such as "3 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
