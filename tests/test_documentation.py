"""The README and the pages of docs/: their links resolve, and the commands that they show have the flags shown."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from jaxmrl.cli import commands
from jaxmrl.config import FitConfig, PredictConfig, PretrainConfig, ScoreConfig, SweepConfig
from jaxmrl.config.base import flag

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")])
SETTINGS = {
    "sweep": (SweepConfig, commands.SweepFlags),
    "score": (ScoreConfig, commands._Flags),
    "pretrain": (PretrainConfig, commands.PretrainFlags),
    "predict": (PredictConfig,),
    "fit": (FitConfig,),
}
COMMAND = re.compile(r"(?:python -m jaxmrl\.|jaxmrl )(\w+) ([^`\n#]*)")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+\.\w+)[^)]*\)")


def page_id(page):
    return page.relative_to(ROOT).as_posix()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_resolve(page):
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_flags_exist(page):
    unknown = []
    for name, arguments in COMMAND.findall(page.read_text()):
        if name in SETTINGS:
            known = {flag(field.name) for kind in SETTINGS[name] for field in fields(kind)} | {"--help", "--version"}
            unknown += [f"{name} {word}" for word in re.findall(r"--[\w-]+", arguments) if word not in known]
    assert not unknown


def test_every_guide_page_is_in_the_index_and_the_navigation():
    index, navigation = (ROOT / "docs" / "index.md").read_text(), (ROOT / "mkdocs.yml").read_text()
    for page in ROOT.glob("docs/guide/*.md"):
        name = f"guide/{page.name}"
        assert f"({name})" in index, name
        assert f": {name}" in navigation, name


def test_the_api_page_has_every_public_name():
    import jaxmrl

    documented = re.findall(r"^::: jaxmrl\S*\.(\w+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(jaxmrl.__all__)
