"""What models see of a molecule, in words, by its canonical SMILES: elements, bonds, stereochemistry. No RDKit."""

import re

from jaxmrl.modalities.smiles.features import tokenize

_IN_BRACKETS = re.compile(r"\[\d*([A-Z][a-z]?|[a-z]{1,2}|\*)")
_ORGANIC = frozenset("B C N O P S F I Cl Br b c n o p s *".split())
_BONDS = {"=": "double bond", "#": "triple bond", ":": "aromatic bond"}


def elements(smiles: str) -> list[str]:
    """Return the chemical elements of a molecule, sorted, and a dummy atom."""
    return sorted({_element(symbol) for symbol in _symbols(smiles)})


def fragments(smiles: str) -> list[str]:
    """Return whether there are several fragments, as in a salt."""
    return ["several fragments"] if "." in smiles else []


def bonds(smiles: str) -> list[str]:
    """Return the kinds of bonds of a molecule beside single ones, sorted."""
    written = {_BONDS[token] for token in tokenize(smiles) if token in _BONDS}
    aromatic = any(symbol.islower() for symbol in _symbols(smiles))
    return sorted(written | ({_BONDS[":"]} if aromatic else set()))


def chirality(smiles: str) -> list[str]:
    """Return whether an atom is chiral."""
    return ["chirality"] if "@" in smiles else []


def double_bond_stereo(smiles: str) -> list[str]:
    """Return whether a double bond is E or Z."""
    return ["E/Z double bond"] if "/" in smiles or "\\" in smiles else []


def _symbols(smiles: str) -> list[str]:
    """Return the symbols of a molecule's atoms, in lower case where they are aromatic."""
    return [symbol for symbol in map(_symbol, dict.fromkeys(tokenize(smiles))) if symbol]


def _symbol(token: str) -> str | None:
    """Return the symbol of a token's atom, in lower case where it is aromatic; None for a token that is no atom."""
    if found := _IN_BRACKETS.match(token):
        return found.group(1)
    return token if token in _ORGANIC else None


def _element(symbol: str) -> str:
    return "dummy atom" if symbol == "*" else f"element {symbol.capitalize()}"
