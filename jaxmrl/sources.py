"""A digest of the package's own sources: two runs of one version may still be of different code."""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent

REPORTING = (
    "__init__.py",
    "__main__.py",
    "acquisition/",
    "cli/",
    "compare/",
    "curves/cells.py",
    "curves/layout.py",
    "curves/observations.py",
    "curves/runs.py",
    "curves/settings.py",
    "curves/table.py",
    "ensemble/",
    "fit/",
    "formats/writing.py",
    "plan/",
    "predict/",
    "reports/",
    "runs/ensembles.py",
    "runs/labels.py",
    "runs/live.py",
    "scaling/",
    "serve/",
    "startup.py",
    "pretrain/estimate.py",
    "select/",
    "sweep/estimate.py",
    "sweep/load.py",
    "sweep/result.py",
    "trackers/",
    "training/cost.py",
)
"""Modules, and folders of modules, that decide no trained number: they read results, or print them."""


@cache
def source_digest() -> str:
    """Return a digest of the modules that decide numbers, the same wherever and whenever they were installed.

    Comments, docstrings and the layout of the text do not count.
    """
    digest = hashlib.blake2b(digest_size=8)
    for name in deciding_modules(PACKAGE):
        tree = ast.parse((PACKAGE / name).read_bytes())
        digest.update(f"{name}\n{ast.dump(_without_docstrings(tree))}\n".encode())
    return digest.hexdigest()


def deciding_modules(package: Path) -> list[str]:
    """Return the modules of a package, by their paths in it, that REPORTING does not name."""
    names = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    return [name for name in names if not name.startswith(REPORTING)]


def _without_docstrings(tree: ast.AST) -> ast.AST:
    """Return the tree without expressions that are only a text, as docstrings of modules, functions and settings
    are.
    """
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            body[:] = [one for one in body if not _is_text(one)]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
