"""How numbers and errors are said."""

_MOST = 600


def about(number: float) -> str:
    """A number of things to three digits: 12,345 as 12,300."""
    return f"{float(f'{number:.3g}'):,.0f}"


def count(number: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def one_line(text: str) -> str:
    """A text that may repeat whatever stands in a file, as one short line that is safe on a terminal."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= _MOST else f"{plain[: _MOST // 2]} ... {plain[-_MOST // 2 :]}"
