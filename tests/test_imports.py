"""Data flows one way: a package imports only itself and packages above it in this list, and no import comes round."""

import ast
from functools import cache
from pathlib import Path

import pytest

import jaxmrl

ORDER = (
    "errors",
    "text",
    "stats",
    "progress",
    "startup",
    "sources",
    "io",
    "rows",
    "chem",
    "formats",
    "modalities",
    "config",
    "data",
    "training",
    "baselines",
    "pruning",
    "valuation",
    "curves",
    "scaling",
    "runs",
    "acquisition",
    "ensemble",
    "trackers",
    "reports",
    "sweep",
    "score",
    "value",
    "pretrain",
    "predict",
    "select",
    "fit",
    "plan",
    "compare",
    "serve",
    "cli",
    "__main__",
)
"""`jaxmrl/__init__.py` has no place: it imports the modules of the public names when one of these is used."""

PACKAGE = Path(jaxmrl.__file__).parent


@cache
def modules():
    """{dotted name without jaxmrl: path} of every module of the package."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    del names[""]
    return names


@cache
def imported(name):
    """The modules that a module imports, late imports within functions included."""
    found = set()
    for node in ast.walk(ast.parse(modules()[name].read_text())):
        texts = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} imports by a relative name"
            texts = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            texts = [alias.name for alias in node.names]
        for text in texts:
            if text.startswith("jaxmrl."):
                text = text.removeprefix("jaxmrl.")
                found.add(text if text in modules() else text.rpartition(".")[0])
    return found - {""}


def place(name):
    """The place of a module in the order; a package's __main__ is a command, as those of cli are."""
    top = "cli" if name.endswith(".__main__") else name.split(".")[0]
    return ORDER.index(top)


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_from_its_own_package_and_those_above(name):
    for other in imported(name):
        assert other in modules(), f"{name} imports {other}, which is no module"
        assert place(other) <= place(name), f"{name} imports {other}"


def test_no_import_comes_round():
    """Kahn's algorithm: modules without imports are taken away until none is left."""
    left = {name: imported(name) & modules().keys() for name in modules()}
    while free := {name for name, others in left.items() if not others}:
        left = {name: others - free for name, others in left.items() if name not in free}
    assert not left


def test_training_knows_nothing_of_reports_and_commands():
    reached, new = set(), {name for name in modules() if name.startswith("training")}
    while new:
        reached |= new
        new = {other for name in new for other in imported(name)} - reached
    assert "training.lanes" in reached
    assert not {name.split(".")[0] for name in reached} & set(ORDER[ORDER.index("runs") :])


def test_every_package_has_a_place():
    assert {name.split(".")[0] for name in modules()} == set(ORDER)


def test_packages_stand_in_fewer_than_twelve_levels():
    """A package is one level above the highest that it imports; `__main__` modules only call their commands."""
    below = {package: set() for package in ORDER}
    for name in modules():
        if not name.endswith("__main__"):
            below[name.split(".")[0]] |= {other.split(".")[0] for other in imported(name)} - {name.split(".")[0]}

    @cache
    def level(package):
        return 1 + max(map(level, below[package]), default=0)

    assert max(map(level, ORDER)) < 12
