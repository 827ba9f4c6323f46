"""What is wrong with a command's flags, in one line; tyro prints a box of several, with the flag's whole help."""

import re
from difflib import SequenceMatcher

_FOR_HELP = re.compile(r" ?For full helptext, (?:run|see) .*$")
_TITLES = re.compile(r"^(?:Missing argument|Unrecognized options|Value error|Parsing error|Invalid choice) ")
_MISSING = re.compile(r"Missing value for argument '(--[\w-]+)'")
_REQUIRED = re.compile(r"Missing from .*?: (.*\(required\))")
_UNKNOWN = re.compile(r"Unrecognized options: (.+?)(?: (?:Perhaps you meant|Arguments similar to) ?.*)?$")
_SIMILAR = re.compile(r"(?:Perhaps you meant|Arguments similar to --[\w-]+): (--[\w-]+)")
_CHOICE = re.compile(r"invalid choice '(.*?)' for argument '(--[\w-]+)'\. Expected one of \((.*?)\)")
_VALUE = re.compile(r"Error parsing (--[\w-]+): (.*) Argument helptext: \1 (.*?) [A-Z][a-z]")
_OF_A_CONFIG = re.compile(r"^Error parsing \w+: ")


def usage_error(box: str) -> str:
    """Return one line that says which flag is wrong, what it takes and what it got.

    box: the message as tyro prints it.
    """
    text = _TITLES.sub("", _unboxed(box))
    if found := _MISSING.search(text):
        return f"{found[1]} needs a value"
    if found := _REQUIRED.search(text):
        named = [option.split()[0] for option in found[1].split("(required)")[:-1]]
        return f"{' and '.join(named)} {'is' if len(named) == 1 else 'are'} required; --help lists the options"
    if found := _UNKNOWN.search(_FOR_HELP.sub("", text)):
        return _unknown(found[1], _SIMILAR.findall(text))
    if found := _CHOICE.search(text):
        # tyro has them in a set, whose order differs from process to process.
        choices = sorted({choice.strip("' ") for choice in found[3].split(",")} - {"None"})
        return f"{found[2]} must be one of {', '.join(choices)}; got {found[1]!r}"
    if found := _VALUE.search(text):
        return f"{found[1]} takes {_kind(found[3])}; got {_got(found[2])}"
    return _FOR_HELP.sub("", _OF_A_CONFIG.sub("", text)) or text


def _unknown(words: str, similar: list[str]) -> str:
    """Return the unknown options, each once and without its values, and the nearest options that exist."""
    given = dict.fromkeys(word for word in re.split(r",? ", words) if word)
    named = [word for word in given if word.startswith("--")] or list(given)
    # tyro's order differs from process to process: each option takes the place of the word most similar to it.
    alike = lambda option: max(range(len(named)), key=lambda k: SequenceMatcher(None, named[k], option).ratio())
    meant = sorted(set(similar), key=lambda option: (alike(option), option))
    hint = f"did you mean {', '.join(meant)}?" if meant else "--help lists the options"
    return f"unknown argument{'s' if len(named) > 1 else ''} {', '.join(named)}; {hint}"


def _kind(metavar: str) -> str:
    """Return, in words, what a flag takes."""
    number = "whole number" if "INT" in metavar else "number" if "FLOAT" in metavar else "value"
    return f"{number}s" if "..." in metavar else f"a {number}"


def _got(message: str) -> str:
    """Return the values that could not be read: the last that the message quotes."""
    listed = re.findall(r"(?:instantiated from|arguments:) \[(.*?)\]", message)
    return listed[-1] if listed else re.findall(r"'[^']*'", message)[-1]


def _unboxed(box: str) -> str:
    """Return the message without colors, frames and line breaks."""
    lines = [line.strip(" │╭╮╰╯─\n") for line in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()]
    return " ".join(line for line in lines if line.strip("-"))
