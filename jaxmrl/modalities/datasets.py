"""Every modality's store by its features. A new modality is one line here, beside its features, store and model."""

import numpy as np

from jaxmrl.modalities.fingerprint.features import Fingerprints
from jaxmrl.modalities.geometry.dataset import GeometryDataset
from jaxmrl.modalities.geometry.features import Geometries
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.modalities.graph.features import Graphs
from jaxmrl.modalities.sequences import FingerprintDataset, TokenDataset
from jaxmrl.modalities.smiles.features import Tokens

Features = Graphs | Geometries | Fingerprints | Tokens
DeviceDataset = GraphDataset | GeometryDataset | FingerprintDataset | TokenDataset
DATASETS = {Graphs: GraphDataset, Geometries: GeometryDataset, Fingerprints: FingerprintDataset, Tokens: TokenDataset}


def put(features: Features) -> DeviceDataset:
    """The store of `features` on the default device."""
    return DATASETS[type(features)].put(features)


def arrays_of(features: Features) -> list[np.ndarray]:
    """The arrays of `features`, for a digest of them."""
    return [value for value in vars(features).values() if isinstance(value, np.ndarray)]
