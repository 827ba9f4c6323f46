"""The modality of 2D graphs."""

from typing import TYPE_CHECKING, Any

from jaxmrl.modalities import traits
from jaxmrl.modalities.base import CorpusFeatures, Modality, Model, Molecules
from jaxmrl.modalities.graph.features import VERSION, Graphs, featurize
from jaxmrl.progress import ProgressReporter

if TYPE_CHECKING:
    from flax import nnx

    from jaxmrl.modalities.graph.dataset import GraphDataset
    from jaxmrl.modalities.graphmae import GraphMAE


def _featurize(molecules: Molecules, settings: dict[str, Any], reporter: ProgressReporter) -> Graphs:
    assert molecules.graphs is not None, "settings refuse data without SMILES"
    return molecules.graphs


def _to_device(graphs: Graphs) -> "GraphDataset":
    from jaxmrl.modalities.graph.dataset import GraphDataset

    return GraphDataset.to_device(graphs)


def _gin(**settings: Any) -> "nnx.Module":
    from jaxmrl.modalities.graph.gin import GIN

    return GIN(**settings)


def _autoencoder() -> "type[GraphMAE]":
    from jaxmrl.modalities.graph.autoencoder import MaskedGIN

    return MaskedGIN


def _traits(smiles: str, settings: dict[str, Any]) -> list[str]:
    stereo = [*traits.chirality(smiles), *traits.double_bond_stereo(smiles)]
    return [*traits.elements(smiles), *traits.fragments(smiles), *traits.bonds(smiles), *stereo]


GIN = Model(
    "gin",
    width=64,
    depth=3,
    dropout=0.5,
    learning_rate=1e-3,
    build=_gin,
    title="GIN",
    autoencoder=_autoencoder,
)
"""The study's has width 300 and depth 5."""


GRAPH = Modality(
    name="graph",
    models=(GIN,),
    optimizer="adam",
    schedule="constant",
    featurize=_featurize,
    to_device=_to_device,
    traits=_traits,
    corpus=CorpusFeatures(Graphs, VERSION, featurize),
)
