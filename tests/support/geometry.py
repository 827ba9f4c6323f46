"""Small molecules in space, for tests of geometries and their models."""

import numpy as np

from jaxmrl.modalities.geometry.features import Conformers

SIZES = (4, 1, 9, 4, 2)


def molecules(seed: int = 0) -> Conformers:
    """Molecules of SIZES atoms, none closer than 0.8 Å, C, H, N and O."""
    rng = np.random.default_rng(seed)
    pieces = []
    for size in SIZES:
        positions = [np.zeros(3)]
        while len(positions) < size:
            new = positions[rng.integers(len(positions))] + rng.normal(0, 1.2, 3)
            if min(np.linalg.norm(new - old) for old in positions) > 0.8:
                positions.append(new)
        pieces.append(np.array(positions, np.float32))
    atom = rng.choice([1, 6, 7, 8], sum(SIZES)).astype(np.uint8)
    return Conformers(np.array(SIZES, np.int32), atom, np.concatenate(pieces))
