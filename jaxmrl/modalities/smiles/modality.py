"""The modality of SMILES, and its settings."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxmrl.chem.random_smiles import random_smiles
from jaxmrl.errors import ConfigError
from jaxmrl.modalities import traits
from jaxmrl.modalities.base import Modality, ModalitySettings, Molecules
from jaxmrl.modalities.smiles.features import MOST_TOKENS, Tokens, build_vocabulary, encode, tokenize
from jaxmrl.modalities.transformer_model import TRANSFORMER, TransformerOptions
from jaxmrl.progress import ProgressReporter
from jaxmrl.text import count

if TYPE_CHECKING:
    from jaxmrl.modalities.smiles.dataset import TokenDataset


@dataclass(frozen=True)
class SmilesSettings(ModalitySettings):
    """Settings of SMILES as models see them."""

    smiles_variants: int = 1
    """Train on this many SMILES of each molecule: the canonical one and random ones, made with a fixed seed. Each step
    draws one of them for each molecule. With 1, only the canonical one is used."""

    def check_features(self) -> None:
        if self.smiles_variants < 1:
            raise ConfigError(f"--smiles-variants must be 1 or more; got {self.smiles_variants}")
        super().check_features()


def _settings(config: SmilesSettings, tokens: Tokens | None) -> dict[str, Any]:
    return {"vocabulary": list(tokens.vocabulary) if tokens else [], "variants": config.smiles_variants}


def _featurize(molecules: Molecules, settings: dict[str, Any], reporter: ProgressReporter) -> Tokens:
    tokens = encode([[text] for text in molecules.canonical_smiles], tuple(settings["vocabulary"]))
    if cut := tokens.truncated:
        reporter.say(f"{count(cut, 'molecule')} truncated to {MOST_TOKENS} tokens")
    return tokens


def _fit(molecules: Molecules, config: SmilesSettings, train: list[int], reporter: ProgressReporter) -> Tokens:
    """Return the tokens of all molecules, and of their variants, by the vocabulary of those at the places `train`."""
    smiles = molecules.canonical_smiles
    others = _spellings(smiles, {"variants": config.smiles_variants}, reporter)
    spelled = [[own, *more] for own, more in zip(smiles, others, strict=True)]
    vocabulary = build_vocabulary([text for k in train for text in spelled[k]])
    tokens = encode(spelled, vocabulary)
    cut = f"; {tokens.truncated:,} molecules truncated to {MOST_TOKENS}" if tokens.truncated else ""
    reporter.say(f"SMILES: {len(vocabulary) - 1} different tokens, {tokens.size.mean():.0f} per molecule{cut}")
    return tokens


def _spellings(smiles: list[str], settings: dict[str, Any], reporter: ProgressReporter) -> list[list[str]]:
    """Return the random variants of each molecule that training draws from, beside the canonical one."""
    if settings["variants"] == 1:
        return [[] for _ in smiles]
    with reporter.progress("random SMILES", len(smiles), "molecules") as progress:
        return random_smiles(smiles, settings["variants"] - 1, progress.advance)


def _to_device(tokens: Tokens) -> "TokenDataset":
    from jaxmrl.modalities.smiles.dataset import TokenDataset

    return TokenDataset.to_device(tokens)


def _options(tokens: Tokens, over_atoms: str) -> TransformerOptions:
    return TransformerOptions(len(tokens.vocabulary), positions=True)


def _files(tokens: Tokens) -> dict[str, str]:
    return {"vocabulary.json": json.dumps(tokens.vocabulary) + "\n"}


def _traits(smiles: str, settings: dict[str, Any]) -> list[str]:
    tokens = [f"token {token}" for token in dict.fromkeys(tokenize(smiles))]
    return [*traits.elements(smiles), *traits.chirality(smiles), *traits.double_bond_stereo(smiles), *tokens]


SMILES = Modality(
    name="smiles",
    models=(TRANSFORMER,),
    optimizer="adamw",
    weight_decay=0.01,
    schedule="warm_up",
    settings=_settings,
    fit=_fit,
    featurize=_featurize,
    to_device=_to_device,
    options=_options,
    traits=_traits,
    spellings=_spellings,
    files=_files,
)
