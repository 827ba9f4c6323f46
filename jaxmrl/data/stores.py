"""Every modality's store by its features. A new modality is one line here, beside its features, store and model."""

import numpy as np

from jaxmrl.data.fingerprints import Fingerprints
from jaxmrl.data.geometries import Geometries
from jaxmrl.data.geometry_store import GeometryStore
from jaxmrl.data.graphs import Graphs
from jaxmrl.data.store import GraphStore
from jaxmrl.data.token_store import FingerprintStore, TokenStore
from jaxmrl.data.tokens import Tokens

Features = Graphs | Geometries | Fingerprints | Tokens
Store = GraphStore | GeometryStore | FingerprintStore | TokenStore
STORES = {Graphs: GraphStore, Geometries: GeometryStore, Fingerprints: FingerprintStore, Tokens: TokenStore}


def put(features: Features) -> Store:
    """The store of `features` on the default device."""
    return STORES[type(features)].put(features)


def arrays_of(features: Features) -> list[np.ndarray]:
    """The arrays of `features`, for a digest of them."""
    return [value for value in vars(features).values() if isinstance(value, np.ndarray)]
