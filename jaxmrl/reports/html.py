"""A page of sections as one HTML file that needs nothing else."""

import jinja2

from jaxmrl.reports.appearance import COLORS
from jaxmrl.reports.blocks import Section

_DARK = ("#56a9e8", "#f2894a", "#35c79a", "#e39bc4", "#f0b73d", "#8fd0f5", "#e6e6e6")
"""`appearance.COLORS` as they are readable on a dark page."""


def page_html(title: str, subtitle: str, sections: list[Section]) -> str:
    """Return a page. Every string is escaped, apart from the figures."""
    loader = jinja2.PackageLoader("jaxmrl.reports", ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    series = list(enumerate(zip(COLORS, _DARK, strict=True)))
    page = {"title": title, "subtitle": subtitle, "sections": sections, "series": series}
    return environment.get_template("report.html.jinja").render(**page)
