"""What SECURITY.md promises of the code: nothing that is read is run."""

import re
from pathlib import Path

import jaxmrl

SOURCES = sorted(Path(jaxmrl.__file__).parent.rglob("*.py"))
FORBIDDEN = {
    "objects that run code when they are read": r"\b(c?pickle|dill|marshal|shelve|joblib\.load)\b(?!=False)",
    "arrays of such objects": r"allow_pickle\s*=\s*True",
    "code from text": r"(?<![\w.])(eval|exec|compile|__import__)\((?!own_source, )",
    "a shell": r"shell\s*=\s*True|os\.system|os\.popen|subprocess",
    "archives that say where their files go": r"extractall|\.extract\(|tarfile|Unzip|Untar|unpack_archive",
    "YAML that makes objects": r"yaml",
    "connections whose certificate is not checked": r"verify\s*=\s*False|_create_unverified",
    "arrays read past `read_arrays`": r"np\.load\((?!shard\))",
}


def lines_with(pattern):
    found = re.compile(pattern)
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if found.search(line.replace("allow_pickle=False", ""))
    ]


def test_the_package_has_none_of_them():
    assert len(SOURCES) > 60
    assert {what: lines_with(pattern) for what, pattern in FORBIDDEN.items()} == {what: [] for what in FORBIDDEN}


def test_the_search_finds_what_it_looks_for():
    bad = (
        "import pickle",
        "np.load(f, allow_pickle=True)",
        "eval(x)",
        "run(x, shell=True)",
        "z.extractall()",
        "import yaml",
    )
    for pattern, line in zip(FORBIDDEN.values(), bad, strict=False):
        assert re.search(pattern, line)
    assert not re.search(FORBIDDEN["code from text"], "jax.nn.compile(x)")


def test_shards_are_read_without_objects():
    """`np.load(shard)` refuses them unless told otherwise."""
    import inspect

    import numpy as np

    assert inspect.signature(np.load).parameters["allow_pickle"].default is False
