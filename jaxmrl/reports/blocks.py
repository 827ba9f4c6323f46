"""The pieces that report.html is made of, and the figures and drawings in them."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jaxmrl.reports.appearance import COLORS, GRAY

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Block:
    """A piece of a section. kind: lead, text, subtitle, list, code, table, figure or grid, which says what it needs.

    numbers: the columns of a table that are set to the right
    folded: a list, code or table that is shown on demand, below its caption
    """

    kind: str
    text: str = ""
    items: list[str] = field(default_factory=list)
    caption: str = ""
    head: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    numbers: tuple[int, ...] = ()
    folded: bool = False
    svg: str = ""
    alt: str = ""
    cells: list["Block"] = field(default_factory=list)


@dataclass(frozen=True)
class Section:
    """A heading and what is below it."""

    title: str
    blocks: list[Block]


def table(
    caption: str, head: tuple[str, ...], rows: list, numbers: tuple[int, ...] = (), *, folded: bool = False
) -> Block:
    """Return a table. numbers: the columns that are set to the right."""
    return Block("table", caption=caption, head=head, rows=rows, numbers=numbers, folded=folded)


def inline_svg(figure: "Figure") -> str:
    """Return a figure as an SVG element in the colors of the page, light or dark.

    The names of its groups are left out: they would repeat within the page.
    """
    from jaxmrl.reports.plots import render  # here, because Matplotlib is slow to import

    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    svg = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", without_prolog(render(figure, "svg").decode()))
    for k, color in enumerate(COLORS):
        svg = svg.replace(color.lower(), f"var(--series-{k})")
    return svg.replace("#000000", "currentColor").replace(GRAY, "var(--muted)")


def without_prolog(svg: str) -> str:
    """Return the SVG element alone, for HTML has no place for an XML declaration."""
    return svg[svg.index("<svg") :]


def sentence(text: str) -> str:
    """Return a remark as a sentence: a capital first, a period last."""
    return text if not text else text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
