"""The modality of vectors from a user's file, and its settings."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmrl.errors import ConfigError, DataError
from jaxmrl.modalities import traits
from jaxmrl.modalities.base import Modality, ModalitySettings, Model, Molecules
from jaxmrl.modalities.descriptors.modality import FITTED
from jaxmrl.modalities.embeddings.features import Embeddings, as_embeddings
from jaxmrl.modalities.molgraph.properties import Scaling
from jaxmrl.progress import ProgressReporter

if TYPE_CHECKING:
    from flax import nnx

    from jaxmrl.modalities.embeddings.network import EmbeddingDataset

KINDS = (".npz", ".parquet", ".csv", ".csv.gz")
"""The endings of files of vectors."""


@dataclass(frozen=True)
class EmbeddingSettings(ModalitySettings):
    """Settings of vectors that a file has for molecules."""

    embeddings: Path | None = None
    """Read a vector for each molecule from this file (.npz, .parquet or .csv), such as the embeddings of a foundation
    model, and add the modality embeddings. Vectors are one matrix, a column of lists, or a column for each number.
    Rows are matched to molecules by SMILES, molecule_id or both, as in --split-file; molecules without a vector are
    rejected. Default: none."""

    def check_features(self) -> None:
        check_kind(self.embeddings)
        super().check_features()


def check_kind(path: Path | None) -> None:
    """Raise ConfigError for a file of vectors of an unknown kind."""
    if path is not None and not path.name.endswith(KINDS):
        raise ConfigError(f"--embeddings must end in {', '.join(KINDS)}; got {path}")


@dataclass(frozen=True)
class EmbeddingOptions:
    """inputs: the numbers in a vector."""

    inputs: int


def _settings(config: Any, features: Embeddings | None) -> dict[str, Any]:
    if features is None:
        return {}
    return {"scaling": asdict(features.scaling), "columns": features.columns and list(features.columns)}


def _featurize(molecules: Molecules, settings: dict[str, Any], reporter: ProgressReporter) -> Embeddings:
    assert molecules.vectors is not None, "vectors are read for modalities that need them"
    columns = settings["columns"]
    return as_embeddings(molecules.vectors.values, Scaling(**settings["scaling"]), columns and tuple(columns))


def _fit(molecules: Molecules, config: Any, train: list[int], reporter: ProgressReporter) -> Embeddings:
    """Return the vectors, which the molecules at the places `train` standardize."""
    assert molecules.vectors is not None, "vectors are read for modalities that need them"
    vectors = molecules.vectors
    if not np.ptp(vectors.values[train], axis=0).any():
        raise DataError(f"{config.embeddings} has the same vector for all training molecules: expected different ones")
    return as_embeddings(vectors.values, Scaling.of(vectors.values[train]), vectors.columns)


def _to_device(embeddings: Embeddings) -> "EmbeddingDataset":
    from jaxmrl.modalities.embeddings.network import EmbeddingDataset

    return EmbeddingDataset.to_device(embeddings)


def _options(embeddings: Embeddings, over_atoms: str) -> EmbeddingOptions:
    return EmbeddingOptions(embeddings.values.shape[1])


def _perceptron(**settings: Any) -> "nnx.Module":
    from jaxmrl.modalities.embeddings.network import Perceptron

    return Perceptron(**settings)


def _traits(smiles: str, settings: dict[str, Any]) -> list[str]:
    return [*traits.elements(smiles), *traits.fragments(smiles)]


MLP = Model(
    "mlp",
    width=128,
    depth=2,
    dropout=0.2,
    learning_rate=1e-3,
    build=_perceptron,
    options=EmbeddingOptions,
    batch_size=64,
    title="MLP",
)

EMBEDDINGS = Modality(
    name="embeddings",
    models=(MLP, *FITTED),
    optimizer="adamw",
    weight_decay=0.01,
    schedule="cosine",
    settings=_settings,
    fit=_fit,
    featurize=_featurize,
    to_device=_to_device,
    options=_options,
    traits=_traits,
    sees_vectors=True,
)
