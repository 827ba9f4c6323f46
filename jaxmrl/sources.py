"""A digest of the package's own sources: two runs of one version may still be of different code."""

import hashlib
from functools import cache
from pathlib import Path
from types import CodeType

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

    Comments, docstrings and the layout of the text do not count: what is digested is what Python compiles.
    """
    digest = hashlib.blake2b(digest_size=8)
    for name in deciding_modules(PACKAGE):
        own_source = (PACKAGE / name).read_bytes()
        code = compile(own_source, name, "exec", dont_inherit=True, optimize=2)
        digest.update(f"{name}\n{_content(code)}\n".encode())
    return digest.hexdigest()


def deciding_modules(package: Path) -> list[str]:
    """Return the modules of a package, by their paths in it, that REPORTING does not name."""
    names = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    return [name for name in names if not name.startswith(REPORTING)]


def _content(constant: object) -> str:
    """Return what a constant of compiled code is, without the places in the text that it came from.

    The code of a function or class is a constant of the code around it. Sets are sorted, because their order differs
    between processes.
    """
    if isinstance(constant, frozenset):
        return f"{{{sorted(map(_content, constant))}}}"
    if isinstance(constant, CodeType):
        arguments = constant.co_argcount, constant.co_posonlyargcount, constant.co_kwonlyargcount, constant.co_flags
        names = constant.co_names, constant.co_varnames, constant.co_freevars, constant.co_cellvars
        constants = [_content(one) for one in constant.co_consts]
        return f"{arguments}{names}{constant.co_code!r}{constant.co_exceptiontable!r}{constants}"
    return repr(constant)
