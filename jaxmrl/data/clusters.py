"""Clusters of similar molecules, and the most diverse molecules, by the Tanimoto similarity of ECFP4."""

import numpy as np

from jaxmrl.data.group_splits import lots
from jaxmrl.io.cache import CountDone

CLUSTER_SIMILARITY = 0.4
"""The least similarity of a molecule to the leader of its cluster, a usual value for ECFP4 (Butina 1999 used other
fingerprints)."""

_COMPACT = 0.9
"""Free rows are copied to a new array when less than this share of the rows is free."""


def find_clusters(packed: np.ndarray, canonical: np.ndarray, progress: CountDone | None = None) -> np.ndarray:
    """Return the cluster of each molecule, [N] int64, by sphere exclusion (the leader algorithm).

    The first molecule without a cluster becomes a leader, and its cluster takes all similar molecules that have none.
    Molecules are ordered by their hashes, so clusters do not depend on the order of the rows. Equal molecules are in
    one cluster. Memory is a few times that of the fingerprints; the time grows with the number of molecules times that
    of clusters.

    Args:
        packed: Fingerprints, [N, bits / 8] uint8.
        canonical: A hash of each molecule, [N] uint64.
        progress: Called with the number of molecules that are done.
    """
    order = np.argsort(lots(canonical, 0), kind="stable")
    words = np.ascontiguousarray(packed[order].view(np.uint64).T)
    bits = np.bitwise_count(words).sum(axis=0, dtype=np.int32)
    cluster, places = np.full(len(order), -1, np.int64), np.arange(len(order))
    free, found = np.ones(len(order), bool), 0
    while free.any():
        leader = int(np.argmax(free))
        near = free & _similar(words, bits, leader)
        near[leader] = True
        cluster[order[places[near]]] = found
        free &= ~near
        found += 1
        if progress:
            progress(int(near.sum()))
        if free.sum() < _COMPACT * len(free):
            words, bits, places = np.ascontiguousarray(words[:, free]), bits[free], places[free]
            free = np.ones(len(places), bool)
    return cluster


def _similar(words: np.ndarray, bits: np.ndarray, leader: int) -> np.ndarray:
    """Return which fingerprints [n] are similar to that of `leader`; words [bits / 64, n] uint64."""
    shared = np.zeros(words.shape[1], np.uint16)
    for word in words:
        if own := word[leader]:
            shared += np.bitwise_count(word & own)
    return shared >= CLUSTER_SIMILARITY * (bits + bits[leader] - shared)


def maxmin_order(packed: np.ndarray, canonical: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return the positions of the `most` molecules that MaxMin picks, in order: each is the one that is least similar
    to all picked before (Ashton et al. 2002, by RDKit).

    Args:
        packed: Fingerprints, [N, bits / 8] uint8.
        canonical: A hash of each molecule, [N] uint64, which decides the first molecule and ties.
        most: How many are picked.
        seed: The seed of the first molecule.
    """
    from rdkit import DataStructs
    from rdkit.SimDivFilters import rdSimDivPickers

    order = np.argsort(lots(canonical, seed), kind="stable")
    prints = [DataStructs.CreateFromBinaryText(row.tobytes()) for row in packed[order]]
    picked = rdSimDivPickers.MaxMinPicker().LazyBitVectorPick(prints, len(prints), most, firstPicks=[0])
    return order[np.array(list(picked))]
