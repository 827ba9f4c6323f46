"""Docstrings hold the rules of the house: functions begin with an imperative, in American English."""

import ast
import re
from pathlib import Path

import pytest

import jaxmrl

PACKAGE = Path(jaxmrl.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

NO_VERBS = set(
    "A All An And As At Both But By Each Every For From Half Here How If In Its Like No Not Of On One Only So Some "
    "That The Their These This Those To Two Until What When Where Whether Which Who Why With Within".split()
)
"""First words of docstrings that say what a function is instead of what to do with it."""

VERBS_WITH_S = {"Address", "Compress", "Cross", "Express", "Guess", "Pass", "Process"}

BRITISH = re.compile(
    r"\b(\w*(optim|minim|maxim|normal|standard|initial|summar|featur|general|sanit|atom)is(e|ed|es|ing|ation)"
    r"|analys(e|ed|ing)|behaviours?|\w*colour\w*|cent(re|red|res)|\w*labell(ed|ing)|modell(ed|ing)|grey)\b",
    re.IGNORECASE,
)


def functions_of(path):
    """Yield (line, docstring, whether it is a property) of every function of a module that has a docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
            kinds = [ast.unparse(one) for one in node.decorator_list]
            yield node.lineno, text, any(kind.endswith("property") for kind in kinds)


def is_imperative(text):
    """Return whether a docstring begins with a verb in the imperative, as far as the look of its first word tells."""
    first = text.split()[0].rstrip(",:")
    third_person = re.fullmatch(r"[A-Z][a-z]+s", first) and first not in VERBS_WITH_S
    return first[0].isupper() and first.isascii() and first not in NO_VERBS and not third_person


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_docstrings_of_functions_are_imperative(path):
    wrong = [
        f"{path.name}:{line}: {text.splitlines()[0]}"
        for line, text, is_property in functions_of(path)
        if not is_property and not is_imperative(text)
    ]
    assert not wrong, "begin with a verb: Return ..., Write ..., Raise ..."


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_docstrings_of_properties_are_no_fragments(path):
    wrong = [
        text
        for _, text, is_property in functions_of(path)
        if is_property and text.startswith(("Of ", "Its ", "Their ", "The same", "As ", "How "))
    ]
    assert not wrong


def test_the_rule_finds_fragments():
    assert all(map(is_imperative, ("Return the mean.", "Pre-train it.", "Process a file.")))
    assert not any(map(is_imperative, ("The mean.", "Writes it.", "Of a file.", "`x` [B].", "What it is.", "[n, d].")))


def test_spelling_is_american():
    found = [f"{path.name}: {word[0]}" for path in MODULES for word in BRITISH.finditer(path.read_text())]
    assert not found
