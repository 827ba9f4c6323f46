"""The modality of Morgan fingerprints, and its settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities import traits
from jaxmrl.modalities.base import Modality, ModalitySettings, Molecules
from jaxmrl.modalities.fingerprint.features import Fingerprints, morgan_fingerprints
from jaxmrl.modalities.transformer_model import TRANSFORMER, TransformerOptions
from jaxmrl.progress import ProgressReporter

if TYPE_CHECKING:
    from jaxmrl.modalities.fingerprint.dataset import FingerprintDataset


@dataclass(frozen=True)
class FingerprintSettings(ModalitySettings):
    """Settings of fingerprints, and of what models see of them."""

    fingerprint_radius: int = 2
    """Set the radius of the Morgan fingerprint; radius 2 is ECFP4."""

    fingerprint_bits: int = 1024
    """Set the length of the fingerprint in bits, a multiple of 8."""

    fingerprint_chirality: bool = False
    """Include chirality in the fingerprint, so that it distinguishes stereoisomers."""

    fingerprint_tokens: Literal["set", "all"] = "set"
    """Choose which bits the transformer sees: those that are set, or all of them as in the published study."""

    def check_features(self) -> None:
        check_choice("fingerprint tokens", self.fingerprint_tokens, ("set", "all"))
        if self.fingerprint_bits < 8 or self.fingerprint_bits % 8:
            raise ConfigError(f"--fingerprint-bits must be a multiple of 8; got {self.fingerprint_bits}")
        if self.fingerprint_radius < 0:
            raise ConfigError(f"--fingerprint-radius must be 0 or more; got {self.fingerprint_radius}")
        super().check_features()


def _settings(config: FingerprintSettings, features: Fingerprints | None) -> dict[str, Any]:
    names = ("radius", "bits", "chirality", "tokens")
    return {name: getattr(config, f"fingerprint_{name}") for name in names}


def _featurize(molecules: Molecules, settings: dict[str, Any], reporter: ProgressReporter) -> Fingerprints:
    kind = settings["radius"], settings["bits"], settings["chirality"]
    with reporter.progress("fingerprints", len(molecules), "molecules") as progress:
        packed = morgan_fingerprints(molecules.canonical_smiles, *kind, progress.advance)
    return Fingerprints(packed, settings["tokens"] == "all")


def _to_device(fingerprints: Fingerprints) -> "FingerprintDataset":
    from jaxmrl.modalities.fingerprint.dataset import FingerprintDataset

    return FingerprintDataset.to_device(fingerprints)


def _options(fingerprints: Fingerprints, over_atoms: str) -> TransformerOptions:
    return TransformerOptions(2 if fingerprints.whole else fingerprints.bits, positions=fingerprints.whole)


def _traits(smiles: str, settings: dict[str, Any]) -> list[str]:
    stereo = traits.chirality(smiles) if settings["chirality"] else []
    return [*traits.elements(smiles), *traits.fragments(smiles), *stereo]


FINGERPRINT = Modality(
    name="fingerprint",
    models=(TRANSFORMER,),
    optimizer="adam",
    schedule="constant",
    settings=_settings,
    featurize=_featurize,
    to_device=_to_device,
    options=_options,
    traits=_traits,
)
