"""The modalities that jaxmrl has. A new one is a folder beside these, and one more name here."""

from jaxmrl.modalities.base import Modality, Model
from jaxmrl.modalities.descriptors.modality import DESCRIPTORS
from jaxmrl.modalities.embeddings.modality import EMBEDDINGS, EmbeddingSettings
from jaxmrl.modalities.fingerprint.modality import FINGERPRINT, FingerprintSettings
from jaxmrl.modalities.geometry.modality import GEOMETRY, GeometrySettings
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.modalities.molgraph.modality import MOLGRAPH, MolGraphSettings
from jaxmrl.modalities.smiles.modality import SMILES, SmilesSettings

MODALITIES: list[Modality] = [MOLGRAPH, GRAPH, GEOMETRY, FINGERPRINT, SMILES, *DESCRIPTORS, EMBEDDINGS]


class FeatureSettings(FingerprintSettings, SmilesSettings, MolGraphSettings, GeometrySettings, EmbeddingSettings):
    """The settings that modalities add to those of commands; the last comes first in `--help`."""


def get_modality(name: str) -> Modality:
    """Return the modality of a name. Raises KeyError for any other."""
    return {modality.name: modality for modality in MODALITIES}[name]


def modality_names() -> tuple[str, ...]:
    """Return the names of all modalities, the default first."""
    return tuple(modality.name for modality in MODALITIES)


def models() -> dict[str, Model]:
    """Return {name: model} of all modalities. Modalities that share a model share its defaults."""
    return {model.name: model for modality in MODALITIES for model in modality.models}


def modalities_of(model: str) -> tuple[str, ...]:
    """Return the names of the modalities that have a model of this name."""
    return tuple(modality.name for modality in MODALITIES if model in {one.name for one in modality.models})
