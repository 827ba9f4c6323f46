"""The modality of molecular graphs with featurized atoms and bonds."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from jaxmrl.errors import check_choice
from jaxmrl.modalities import traits
from jaxmrl.modalities.base import CorpusFeatures, Modality, ModalitySettings, Model, Molecules
from jaxmrl.modalities.descriptors.features import rdkit_properties
from jaxmrl.modalities.molgraph.features import VERSION, MolGraphs, cached_molgraphs, featurize_texts
from jaxmrl.modalities.molgraph.properties import Scaling
from jaxmrl.progress import ProgressReporter

if TYPE_CHECKING:
    from flax import nnx

    from jaxmrl.modalities.graphmae import GraphMAE
    from jaxmrl.modalities.molgraph.dataset import MolGraphDataset


READOUTS = ("sum", "mean", "attention")


@dataclass(frozen=True)
class MolGraphSettings(ModalitySettings):
    """Settings of models of featurized graphs."""

    readout: Literal["sum", "mean", "attention"] = "sum"
    """Pool the atoms of a molecule in D-MPNN and GINE by their sum, their mean, or a mean with weights that the model
    learns."""

    descriptors: Literal["auto", "on", "off"] = "auto"
    """Give D-MPNN and GINE the 2D descriptors of RDKit in addition to the graph. They are standardized over all
    training molecules of the run. The value auto means on, except for the data set nci, whose label is one of them."""

    virtual_node: bool = False
    """Add a virtual node to GINE. It is connected to all atoms of a molecule, so that each layer passes messages
    between all of them."""

    @property
    def sees_descriptors(self) -> bool:
        """Whether models see descriptors beside their graphs."""
        return self.descriptors != "off"

    def check_features(self) -> None:
        check_choice("readout", self.readout, READOUTS)
        check_choice("descriptors", self.descriptors, ("auto", "on", "off"))
        super().check_features()


@dataclass(frozen=True)
class MolGraphOptions:
    """readout: one of READOUTS. properties: descriptors of each molecule that the model sees. virtual_node: of GINE."""

    readout: str
    properties: int
    virtual_node: bool = False


def _settings(config: MolGraphSettings, graphs: MolGraphs | None) -> dict[str, Any]:
    scaling = graphs.scaling if graphs else None
    return {"readout": config.readout, "scaling": scaling and asdict(scaling), "virtual_node": config.virtual_node}


def _featurize(molecules: Molecules, settings: dict[str, Any], reporter: ProgressReporter) -> MolGraphs:
    with reporter.progress("featurized graphs", len(molecules), "molecules") as progress:
        graphs = cached_molgraphs(molecules.canonical_smiles, progress.advance)
    if settings["scaling"]:
        scaling = Scaling(**settings["scaling"])
        graphs = replace(graphs, properties=scaling.apply(_descriptors(molecules, reporter)), scaling=scaling)
    # Models of earlier versions have no virtual node.
    return replace(graphs, readout=settings["readout"], virtual_node=settings.get("virtual_node", False))


def _fit(molecules: Molecules, config: MolGraphSettings, train: list[int], reporter: ProgressReporter) -> MolGraphs:
    """Return the graphs, with descriptors where they are asked for, standardized by the molecules at `train`."""
    settings = _settings(config, None)
    if config.sees_descriptors:
        settings["scaling"] = asdict(Scaling.of(_descriptors(molecules, reporter)[train]))
    return _featurize(molecules, settings, reporter)


def _descriptors(molecules: Molecules, reporter: ProgressReporter) -> np.ndarray:
    with reporter.progress("RDKit descriptors", len(molecules), "molecules") as progress:
        return rdkit_properties(molecules.canonical_smiles, progress.advance).values


def _options(graphs: MolGraphs, over_atoms: str) -> MolGraphOptions:
    properties = 0 if graphs.properties is None else graphs.properties.shape[1]
    return MolGraphOptions(graphs.readout, properties, graphs.virtual_node)


def _to_device(graphs: MolGraphs) -> "MolGraphDataset":
    from jaxmrl.modalities.molgraph.dataset import MolGraphDataset

    return MolGraphDataset.to_device(graphs)


def _dmpnn(virtual_node: bool = False, **settings: Any) -> "nnx.Module":
    from jaxmrl.modalities.molgraph.dmpnn import BondMessagePassing
    from jaxmrl.modalities.molgraph.network import MolGraphNetwork

    return MolGraphNetwork(BondMessagePassing, **settings)


def _gine(virtual_node: bool = False, **settings: Any) -> "nnx.Module":
    from jaxmrl.modalities.molgraph.gine import GINEncoder
    from jaxmrl.modalities.molgraph.network import MolGraphNetwork

    return MolGraphNetwork(partial(GINEncoder, virtual_node=virtual_node), **settings)


def _masked_dmpnn() -> "type[GraphMAE]":
    from jaxmrl.modalities.molgraph.autoencoder import MaskedDMPNN

    return MaskedDMPNN


def _masked_gine() -> "type[GraphMAE]":
    from jaxmrl.modalities.molgraph.autoencoder import MaskedGINE

    return MaskedGINE


def _traits(smiles: str, settings: dict[str, Any]) -> list[str]:
    stereo = [*traits.chirality(smiles), *traits.double_bond_stereo(smiles)]
    return [*traits.elements(smiles), *traits.fragments(smiles), *traits.bonds(smiles), *stereo]


DMPNN = Model(
    "dmpnn",
    width=128,
    depth=3,
    dropout=0.0,
    learning_rate=3e-3,
    rate_with_descriptors=1e-3,
    build=_dmpnn,
    options=MolGraphOptions,
    batch_size=32,
    epochs=20,
    title="D-MPNN",
    autoencoder=_masked_dmpnn,
)
"""chemprop's has width 300. With descriptors, a high learning rate overfits noisy labels within a few epochs."""

GINE = replace(DMPNN, name="gine", build=_gine, title="GINE", autoencoder=_masked_gine)

MOLGRAPH = Modality(
    name="molgraph",
    models=(DMPNN, GINE),
    optimizer="adam",
    schedule="cosine",
    settings=_settings,
    fit=_fit,
    featurize=_featurize,
    to_device=_to_device,
    options=_options,
    traits=_traits,
    corpus=CorpusFeatures(MolGraphs, VERSION, featurize_texts),
)
