"""Scores that cover the data instead of ranking difficulty: moderate coreset, prototypicality, CCS. On the host."""

import numpy as np

from jaxmrl.pruning.kmeans import cluster_count

STRATA = 50
"""Intervals of equal width into which CCS divides the difficulties; the number of the paper."""

HARDEST = 0.1
"""The share of molecules, the hardest ones, that CCS keeps last. The paper chooses it for each size; here it is one
number, because one order serves all sizes."""


def moderate(embeddings: np.ndarray, labels: np.ndarray, classes: bool) -> np.ndarray:
    """Return how close each molecule's distance from its class center is to the median, [n]: from 0 to 1.

    Source: Xia et al., Moderate Coreset (ICLR 2023). It is 1 - 2 |q - 1/2|, where q is the share of molecules that are
    nearer to their centers, so a prefix of the order is the paper's window around the median. A molecule's distance is
    the mean over its labels of that to the mean embedding of the molecules with the same label; in regression, which
    has no classes, that to the mean of all.

    Args:
        embeddings: [n, d].
        labels: [n, T], NaN for missing; in classification 0 or 1.
        classes: Whether labels are classes.
    """
    columns = labels.T if classes else np.zeros((1, len(embeddings)))
    distances = np.full((len(columns), len(embeddings)), np.nan)
    for row, column in zip(distances, columns, strict=True):
        for label in np.unique(column[~np.isnan(column)]):
            same = column == label
            row[same] = np.linalg.norm(embeddings[same] - embeddings[same].mean(axis=0), axis=1)
    present = (~np.isnan(distances)).sum(axis=0)
    distance = np.nansum(distances, axis=0) / np.where(present > 0, present, np.nan)
    known = np.flatnonzero(~np.isnan(distance))
    scores = np.full(len(distance), np.nan, np.float32)
    ranked = known[np.argsort(distance[known], kind="stable")]
    scores[ranked] = 1 - np.abs(2 * (np.arange(len(known)) + 0.5) / max(len(known), 1) - 1)
    return scores


def prototypicality(embeddings: np.ndarray, seed: int) -> np.ndarray:
    """Return each molecule's distance from the center of its k-means cluster, relative to the mean distance, [n].

    Source: Sorscher et al., Beyond Neural Scaling Laws (NeurIPS 2022), section 6, there on embeddings of a
    self-supervised model; as many clusters as `kmeans` has. No label is used.

    Args:
        embeddings: [n, d].
        seed: Draws the first centers.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    points = embeddings.astype(np.float64)
    different = np.sort(np.unique(points, axis=0, return_index=True)[1])
    chosen = np.random.default_rng(seed).permutation(different)[: cluster_count(len(points))]
    with threadpool_limits(limits=1):
        clusters = KMeans(len(chosen), init=points[chosen], n_init=1).fit(points)
    distance = np.linalg.norm(points - clusters.cluster_centers_[clusters.labels_], axis=1)
    return (distance / (distance.mean() or 1.0)).astype(np.float32)


def coverage_order(difficulty: np.ndarray, seed: int) -> np.ndarray:
    """Return the order [n] of coverage-centric selection: every prefix has about as many molecules of each stratum.

    Source: Zheng et al., Coverage-centric Coreset Selection for High Pruning Rates (ICLR 2023), algorithm 1: the
    hardest molecules are cut off, the range of the other difficulties is divided into STRATA, and the budget is shared
    equally; what a small stratum cannot use goes to the others. Molecules are taken in rounds, one of each stratum at
    random, which gives these shares for every budget. The hardest come last, the hardest of all at the end, before
    molecules without a difficulty.

    Args:
        difficulty: [n], larger for harder molecules; NaN for unknown.
        seed: Shuffles the strata.
    """
    ranked = np.argsort(difficulty, kind="stable")  # NaN last
    known = int((~np.isnan(difficulty)).sum())
    kept = known - int(HARDEST * known)
    easy, last = ranked[:kept], ranked[kept:]
    values = difficulty[easy]
    edges = np.linspace(values[0], values[-1], STRATA + 1)[1:-1] if kept else np.zeros(0)
    stratum = np.searchsorted(edges, values, side="right")
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(easy))
    turn = np.empty(len(easy), np.int64)  # the round in which a molecule is taken
    for one in np.unique(stratum):
        turn[shuffled[stratum[shuffled] == one]] = np.arange((stratum == one).sum())
    return np.concatenate([easy[np.lexsort((rng.random(len(easy)), turn))], last])
