"""How numbers are said."""


def about(number: float) -> str:
    """A number of things to three digits: 12,345 as 12,300."""
    return f"{float(f'{number:.3g}'):,.0f}"


def count(number: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
