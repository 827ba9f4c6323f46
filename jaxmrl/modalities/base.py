"""What a modality is: all that jaxmrl must know of one way to show molecules to models. Free of JAX and RDKit.

Settings, and `--help`, are made of these objects, so what needs JAX is imported by the functions that use it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from jaxmrl.modalities.flat_arrays import FlatArrays
from jaxmrl.progress import ProgressReporter

if TYPE_CHECKING:
    import jax
    from flax import nnx

    from jaxmrl.modalities.geometry.features import Conformers
    from jaxmrl.modalities.graph.features import Graphs
    from jaxmrl.modalities.graphmae import GraphMAE


class Vectors(NamedTuple):
    """The vectors that a user's file has of `N` molecules, in their order.

    values [N, D] float32
    columns  the names of the D columns of a table; None for a matrix, which has none
    """

    values: np.ndarray
    columns: tuple[str, ...] | None = None


class Molecules(Protocol):
    """The prepared molecules of a table, from which features are made; `data.parsing.ParsedMolecules`.

    graphs are None where molecules have no SMILES, conformers where no modality sees positions, vectors where none
    sees those of a file.
    """

    @property
    def graphs(self) -> Graphs | None: ...

    @property
    def conformers(self) -> Conformers | None: ...

    @property
    def vectors(self) -> Vectors | None: ...

    @property
    def canonical_smiles(self) -> list[str]: ...

    def __len__(self) -> int: ...


class Features(Protocol):
    """The features of `N` molecules on the host, in a dataclass of arrays."""

    @property
    def size(self) -> np.ndarray:
        """The size of each molecule, [N], for grouping molecules of similar size."""

    def resources(self) -> np.ndarray:
        """Return what each molecule takes of a batch's budget, [N, R]; the planner keeps every batch within it."""

    def rows(self, limits: np.ndarray, batch_size: int) -> int:
        """Return the rows of a batch within `limits` [R], for an estimate of memory."""


class FlatFeatures(Features, FlatArrays, Protocol):
    """Features in flat arrays."""


class AtomFeatures(Features, Protocol):
    """The features of a modality that sees positions."""

    def molecule(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Return atomic numbers [n] and positions [n, 3] of the molecule at a place."""

    def elements(self) -> np.ndarray:
        """Return the atomic numbers that occur, ascending, [E]."""

    def composition(self, elements: np.ndarray | None = None) -> np.ndarray:
        """Return the atoms of each element in each molecule, [N, E]; by default of the elements that occur."""

    def heavy_atoms(self) -> np.ndarray:
        """Return the number of atoms of each molecule without hydrogens, [N]."""


class DeviceDataset(Protocol):
    """The features of a whole table on a device: all that the engine knows of a modality. A pytree."""

    def with_budget(self, rows: np.ndarray) -> DeviceDataset:
        """Return the same dataset, its batches shaped by a budget [R] of the features' resources."""

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> Any:
        """Return a model's padded input of the molecules `ids` [B], traced inside the training program.

        key: given in training only; a dataset may draw from it to show a molecule in another form each time.
        """


class ModalitySettings:
    """A modality's own part of the settings of commands: flags, defaults and checks."""

    def check_features(self) -> None:
        """Raise ConfigError where a setting cannot be used."""


@dataclass(frozen=True)
class CorpusFeatures:
    """How molecules without labels, of any number, become the features that encoders are pre-trained on.

    kind       their dataclass: a `flat_arrays.FlatArrays`
    version    raised when the arrays change for the same text
    featurize  texts -> (features and canonical SMILES of the usable ones, {position: reason} of the others)
    """

    kind: type[FlatFeatures]
    version: int
    featurize: Callable[[list[str]], tuple[FlatFeatures, list[str], dict[int, str]]]


@dataclass(frozen=True)
class Model:
    """A model of a modality, and its settings where the user leaves them open.

    build    from width, depth, dropout, tasks, precision, rngs and the fields of `options` to the module. That has
             `embed(batch, training=..., key=...)`, [B, d], `head`, from there to [B, tasks], and is called for both.
             None for a classical model, which `baselines` fits on the host
    options  a frozen dataclass of what `build` needs beside these; None where it needs nothing
    heads    of attention; the width is a multiple of them
    rate_with_descriptors  the learning rate where it also sees RDKit's descriptors; None if that changes nothing
    batch_size  molecules per batch
    epochs   of a replica of a sweep
    title    what tables and figures call it; "" where that is its name
    autoencoder  returns the class of the network that pre-trains its encoder by masked atoms; None where it has none
    """

    name: str
    width: int
    depth: int
    dropout: float
    learning_rate: float
    build: Callable[..., nnx.Module] | None
    options: type | None = None
    heads: int = 1
    rate_with_descriptors: float | None = None
    batch_size: int = 256
    epochs: int = 30
    title: str = ""
    autoencoder: Callable[[], type[GraphMAE]] | None = None

    @property
    def classical(self) -> bool:
        """Whether `baselines` fits it on the host, and no lane trains it."""
        return self.build is None


def no_settings(config: Any, features: Any) -> dict[str, Any]:
    """Return the settings of features that have none."""
    return {}


def no_options(features: Any, over_atoms: str) -> None:
    """Return the options of models that have none."""


def no_spellings(smiles: list[str], settings: dict[str, Any], reporter: ProgressReporter) -> list[list[str]]:
    """Return no text beside the canonical SMILES of each molecule."""
    return [[] for _ in smiles]


def no_files(features: Any) -> dict[str, str]:
    """Return no file."""
    return {}


@dataclass(frozen=True)
class Modality:
    """One way to show molecules to models: features, their dataset on the device, models and their optimizer.

    name            as --modality takes it
    models          its models, the default first
    optimizer       a name in `training.schedules.OPTIMIZERS`
    schedule        of the learning rate, a name in `training.schedules.SCHEDULES`
    featurize       (molecules, settings, reporter) -> features, of molecules in their canonical form
    to_device       features -> their dataset on the default device; None where all its models are classical
    traits          (canonical SMILES, settings) -> what models see of it, in words: `predict` reports those that no
                    training molecule has
    settings        (settings of a command, features) -> settings of `featurize`, as JSON can hold them
    fit             (molecules, settings of a command, places of the training molecules, reporter) -> features of a
                    run's table; None where these are `featurize`'s
    options         (features, "sum" or "mean" over atoms) -> the models' `Model.options`
    spellings       (canonical SMILES, settings, reporter) -> other texts of each that training saw
    files           features -> {name: text} of files that a run keeps of them
    sees_positions  whether it sees atoms in space: of a file with positions, else conformers are made for it. Its
                    features have `elements` and `composition`, and its models learn what references of atoms leave
    sees_vectors    whether it sees the vectors of --embeddings
    corpus          how molecules are prepared for pre-training its models' encoders; None where that is not possible
    needs_smiles    whether it cannot be made of data with positions and without SMILES
    weight_decay    decoupled, per unit of learning rate
    """

    name: str
    models: tuple[Model, ...]
    optimizer: str
    schedule: str
    featurize: Callable[[Molecules, dict[str, Any], ProgressReporter], Features]
    to_device: Callable[[Any], DeviceDataset] | None
    traits: Callable[[str, dict[str, Any]], list[str]]
    settings: Callable[[Any, Any], dict[str, Any]] = no_settings
    fit: Callable[[Molecules, Any, list[int], ProgressReporter], Features] | None = None
    options: Callable[[Any, str], Any] = no_options
    spellings: Callable[[list[str], dict[str, Any], ProgressReporter], list[list[str]]] = no_spellings
    files: Callable[[Any], dict[str, str]] = no_files
    sees_positions: bool = False
    sees_vectors: bool = False
    corpus: CorpusFeatures | None = None
    needs_smiles: bool = True
    weight_decay: float = 0.0

    def model(self, name: str) -> Model:
        """Return its model of a name."""
        return next(model for model in self.models if model.name == name)


def arrays_of(features: Features) -> list[np.ndarray]:
    """Return the arrays of `features`, for a digest of them and their bytes."""
    return [value for value in vars(features).values() if isinstance(value, np.ndarray)]
