"""What of a molecule the training molecules of a model do not have, by canonical SMILES. No RDKit, no JAX."""

import re
from collections.abc import Iterable
from typing import Any

from jaxmrl.modalities.smiles.features import tokenise

_IN_BRACKETS = re.compile(r"\[\d*([A-Z][a-z]?|[a-z]{1,2}|\*)")
_ORGANIC = frozenset("B C N O P S F I Cl Br b c n o p s *".split())
_BONDS = {"=": "double bond", "#": "triple bond", ":": "aromatic bond"}


def find_unseen(smiles: list[str], known: Iterable[str], modality: str, settings: dict[str, Any]) -> list[str]:
    """Return, for each molecule, what no `known` one has of all that a model sees, joined by "; ".

    That is chemical elements and whether there are several fragments, as in a salt; for graphs also kinds of bonds, and
    for SMILES tokens; chirality and E/Z double bonds where the model sees them. What is empty has been seen: a model
    says nothing about the rest but by untrained weights.

    Args:
        smiles: Canonical SMILES, [N].
        known: Canonical SMILES of the training molecules, and other spellings that the model was trained on.
        modality: What the model sees.
        settings: Of `features.featurise` for it.
    """
    seen: set[str] = set()
    for text in known:
        seen.update(_traits(text, modality, settings))
    return ["; ".join(trait for trait in _traits(text, modality, settings) if trait not in seen) for text in smiles]


def _traits(smiles: str, modality: str, settings: dict[str, Any]) -> list[str]:
    tokens = dict.fromkeys(tokenise(smiles))
    atoms = [symbol for symbol in map(_symbol, tokens) if symbol]
    traits = sorted({_element(symbol) for symbol in atoms})
    traits += ["several fragments"] if "." in smiles and modality != "smiles" else []
    if modality == "geometry":
        # Conformers have all hydrogens, of which most are not written.
        return [trait for trait in traits if trait != "element H"]
    if modality == "graph":
        bonds = {_BONDS[token] for token in tokens if token in _BONDS}
        traits += sorted(bonds | ({_BONDS[":"]} if any(symbol.islower() for symbol in atoms) else set()))
    if modality != "fingerprint" or settings["chirality"]:
        traits += ["chirality"] if "@" in smiles else []
    if modality != "fingerprint":
        traits += ["E/Z double bond"] if "/" in smiles or "\\" in smiles else []
    return traits + [f"token {token}" for token in tokens] if modality == "smiles" else traits


def _symbol(token: str) -> str | None:
    """Return the symbol of a token's atom, in lower case where it is aromatic; None for a token that is no atom."""
    if found := _IN_BRACKETS.match(token):
        return found.group(1)
    return token if token in _ORGANIC else None


def _element(symbol: str) -> str:
    return "dummy atom" if symbol == "*" else f"element {symbol.capitalize()}"
