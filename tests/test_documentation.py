"""The README and the pages of docs/: their links resolve, and the commands that they show have the flags shown."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path

import pytest

from jaxmrl.cli.commands import OPTIONS
from jaxmrl.config.base import flag
from tests.test_imports import ORDER

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")])
COMMAND = re.compile(r"(?:python -m jaxmrl\.|jaxmrl )(\w+) ([^`\n#]*)")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+\.\w+)[^)]*\)")


def page_id(page):
    return page.relative_to(ROOT).as_posix()


def reference_pages():
    """The module docs/reference_pages.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "docs" / "reference_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
        if name in OPTIONS:
            known = {flag(field.name) for kind in OPTIONS[name] for field in fields(kind)} | {"--help"}
            unknown += [f"{name} {word}" for word in re.findall(r"--[\w-]+", arguments) if word not in known]
    assert not unknown


@pytest.mark.parametrize("folder", ["tutorials", "guide", "reference", "concepts"])
def test_every_page_is_in_the_index_and_the_navigation(folder):
    index, navigation = (ROOT / "docs" / "index.md").read_text(), (ROOT / "mkdocs.yml").read_text()
    for page in ROOT.glob(f"docs/{folder}/*.md"):
        name = f"{folder}/{page.name}"
        assert f"({name})" in index, name
        assert f": {name}" in navigation, name


@pytest.mark.parametrize("command", OPTIONS)
def test_reference_pages_are_those_of_the_settings(command):
    """`python docs/reference_pages.py` writes them."""
    assert (ROOT / "docs" / "reference" / f"{command}.md").read_text() == reference_pages().page(command)


def test_the_architecture_lists_the_packages_in_order_of_import():
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.partition("| package | purpose |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)/?` \|", table, re.MULTILINE) == [name for name in ORDER if name != "__main__"]


def test_the_architecture_names_what_there_is():
    """Every file that it names exists, and every name in code is in the package or its tests."""
    text = (ROOT / "docs" / "architecture.md").read_text().partition("## What happens in a sweep")[2]
    sources = "\n".join(path.read_text() for path in [*ROOT.glob("jaxmrl/**/*.py"), ROOT / "tests" / "test_imports.py"])
    for name in re.findall(r"`([\w/.]+\.py)`", text):
        assert any((folder / name).exists() for folder in (ROOT, ROOT / "jaxmrl")) or "/" not in name, name
    for name in re.findall(r"`([A-Za-z_.]+)`", text):
        if not name.endswith((".py", ".csv", ".json", ".html")):
            assert re.search(rf"\b{name.split('.')[-1]}\b", sources), name


def test_the_api_page_has_every_public_name():
    import jaxmrl

    documented = re.findall(r"^::: jaxmrl\S*\.(\w+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(jaxmrl.__all__)
