"""K-means pruning: of clusters of fingerprints, keep the molecules least like their center, in balance.

Source: Sorscher et al., Beyond Neural Scaling Laws (NeurIPS 2022), as the study applies it: RDKit's path-based
fingerprints, 100 clusters (1,000 above 100,000 molecules), random molecules as first centers, cosine similarity, half
of the budget in proportion to the clusters. Fingerprints are scaled to unit length, where the nearest center and the
mean of the members are those of plain k-means (Lloyd 1982).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

BLOCK = 1024
"""Molecules whose fingerprints are unpacked at a time."""

MOST_ITERATIONS = 100


def cluster_count(molecules: int) -> int:
    """Return the number of clusters for so many molecules, never more than a tenth of them."""
    return max(1, min(1000 if molecules > 100_000 else 100, molecules // 10))


def unit_rows(packed: jax.Array) -> jax.Array:
    """Return unit vectors [B, 8 W] float32 from bits [B, W] uint8, eight a byte, the highest first; 0 if no bit is
    set.
    """
    bits = jnp.unpackbits(packed, axis=1).astype(jnp.float32)
    return bits * jax.lax.rsqrt(jnp.maximum(bits.sum(axis=1, keepdims=True), 1.0))


def first_centers(packed: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Return the packed bits [K, W] of up to `clusters` molecules with different fingerprints, drawn at random."""
    different = np.sort(np.unique(packed, axis=0, return_index=True)[1])
    chosen = np.random.default_rng(seed).permutation(different)[:clusters]
    return packed[chosen]


def _blocks(packed: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return `packed` in blocks, the last one padded, and which rows are real."""
    n = len(packed)
    count = -(-n // BLOCK)
    filled = jnp.pad(packed, ((0, count * BLOCK - n), (0, 0)))
    return filled.reshape(count, BLOCK, -1), (jnp.arange(count * BLOCK) < n).reshape(count, BLOCK)


def _product(lhs: jax.Array, rhs: jax.Array) -> jax.Array:
    return jnp.matmul(lhs, rhs, precision=jax.lax.Precision.HIGHEST)


def _nearest(rows: jax.Array, centers: jax.Array) -> jax.Array:
    distance = jnp.sum(centers**2, axis=1)[None, :] - 2 * _product(rows, centers.T)
    return jnp.argmin(distance, axis=1)


@partial(jax.jit, static_argnames="iterations")
def lloyd(packed: jax.Array, centers: jax.Array, iterations: int = MOST_ITERATIONS) -> tuple[jax.Array, ...]:
    """Run k-means from `centers` [K, D] until no molecule changes its cluster.

    Returns centers [K, D], each molecule's cluster [n], its cosine similarity with the center [n], and the inertia:
    the sum of squared distances from the centers. A center without members stays where it is.
    """
    blocks, real = _blocks(packed)

    def assign(centers: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def one(block: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
            packed, real = block
            rows = unit_rows(packed)
            cluster = _nearest(rows, centers)
            member = jnp.where(real[:, None], jax.nn.one_hot(cluster, len(centers)), 0.0)
            return cluster, _product(member.T, rows), member.sum(axis=0)

        clusters, sums, counts = jax.lax.map(one, (blocks, real))
        return clusters, sums.sum(axis=0), counts.sum(axis=0)

    def step(state: tuple) -> tuple:
        round_, centers, _, clusters, sums, counts = state
        centers = jnp.where(counts[:, None] > 0, sums / jnp.maximum(counts, 1.0)[:, None], centers)
        return round_ + 1, centers, clusters, *assign(centers)

    def moving(state: tuple) -> jax.Array:
        round_, _, before, clusters, *_ = state
        return (round_ < iterations) & jnp.any((before != clusters) & real)

    clusters, sums, counts = assign(centers)
    start = 0, centers, jnp.full_like(clusters, -1), clusters, sums, counts
    _, centers, _, clusters, _, _ = jax.lax.while_loop(moving, step, start)

    def similar(block: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        packed, cluster = block
        mine = centers[cluster]
        length = jnp.maximum(jnp.linalg.norm(mine, axis=1), 1e-12)
        rows = unit_rows(packed)
        return jnp.sum(rows * mine, axis=1) / length, jnp.sum((rows - mine) ** 2, axis=1)

    similarity, distance = jax.lax.map(similar, (blocks, clusters))
    n = len(packed)
    return centers, clusters.reshape(-1)[:n], similarity.reshape(-1)[:n], jnp.where(real, distance, 0.0).sum()


def balanced_order(similarity: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Return the places [n] in order of keeping: of any prefix, half is spread over the clusters in proportion.

    The study gives each cluster of c molecules the c m / 2n (rounded up) of a budget m that are least like its center,
    and fills the rest with the least like of all. Here one order does so for every m, so that smaller subsets lie
    within larger ones: a molecule is due once m reaches its cluster's claim to it. Of equals, the first.
    """
    n = len(cluster)
    overall = np.argsort(similarity, kind="stable")
    size = np.bincount(cluster)
    by_cluster = overall[np.argsort(cluster[overall], kind="stable")]
    place = np.empty(n, np.int64)
    place[by_cluster] = np.arange(n) - (np.cumsum(size) - size)[cluster[by_cluster]]
    due = 2 * n * place / size[cluster]
    by_claim = np.lexsort((similarity, due))
    return _merge(by_claim, overall, due)


def _merge(by_claim: np.ndarray, overall: np.ndarray, due: np.ndarray) -> np.ndarray:
    """Return all places, one after the other: the next of `by_claim` if it is due by then, else the next of
    `overall`.
    """
    taken = np.zeros(len(due), bool)
    order = np.empty(len(due), np.int64)
    claims, rest = iter(by_claim), iter(overall)
    claim = next(claims, None)
    for m in range(len(due)):
        while claim is not None and taken[claim]:
            claim = next(claims, None)
        if claim is not None and due[claim] <= m:
            order[m] = claim
        else:
            order[m] = next(place for place in rest if not taken[place])
        taken[order[m]] = True
    return order
