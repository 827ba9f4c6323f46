"""What of a molecule the training molecules of a model do not have, by canonical SMILES. No RDKit, no JAX."""

from collections.abc import Iterable
from typing import Any

from jaxmrl.modalities.registry import get_modality


def find_unseen(smiles: list[str], known: Iterable[str], modality: str, settings: dict[str, Any]) -> list[str]:
    """Return the features of each molecule that no known molecule has, joined by "; "; empty if there are none.

    They are those that the modality sees: elements, several fragments, bonds, stereochemistry or tokens. A model's
    weights for a feature that it has never seen are untrained.

    Args:
        smiles: Canonical SMILES, [N].
        known: Canonical SMILES of the training molecules, and other spellings that the model was trained on.
        modality: What the model sees.
        settings: Of the modality's `featurize`.
    """
    traits = get_modality(modality).traits
    seen = {trait for text in known for trait in traits(text, settings)}
    return ["; ".join(trait for trait in traits(text, settings) if trait not in seen) for text in smiles]
