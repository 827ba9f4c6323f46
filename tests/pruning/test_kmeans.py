import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.cluster import KMeans

from jaxmrl.pruning import kmeans


def fingerprints(molecules, seed=0):
    """Packed bits [n, 16] in a dozen loose groups."""
    rng = np.random.default_rng(seed)
    groups = rng.random((12, 128)) < 0.2
    noise = rng.random((molecules, 128)) < 0.1
    return np.packbits(groups[rng.integers(12, size=molecules)] ^ noise, axis=1)


@pytest.mark.parametrize("molecules", [300, 1024, 2500])
def test_inertia_is_no_worse_than_scikit_learns(molecules):
    packed = fingerprints(molecules)
    start = np.asarray(kmeans.unit_rows(jnp.asarray(kmeans.first_centers(packed, 10, 0))))
    found = kmeans.lloyd(jnp.asarray(packed), jnp.asarray(start))
    centers, cluster, similarity, inertia = map(np.asarray, found)
    rows = np.asarray(kmeans.unit_rows(jnp.asarray(packed)))
    oracle = KMeans(10, init=start, n_init=1, tol=0, max_iter=100, algorithm="lloyd").fit(rows)
    assert inertia == pytest.approx(((rows - centers[cluster]) ** 2).sum(), rel=1e-4)
    assert inertia <= oracle.inertia_ * (1 + 1e-4)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    lengths = np.linalg.norm(centers[cluster], axis=1)
    np.testing.assert_allclose(similarity, (rows * centers[cluster]).sum(axis=1) / lengths, rtol=1e-4)


def test_a_molecule_without_bits_and_an_empty_cluster_are_finite():
    packed = fingerprints(50)
    packed[3] = 0
    far = np.zeros((2, 128), np.float32)
    far[1, 0] = 100
    centers, cluster, similarity, _ = kmeans.lloyd(jnp.asarray(packed), jnp.asarray(far))
    assert np.isfinite(centers).all()
    assert np.isfinite(similarity).all()
    assert set(np.asarray(cluster).tolist()) == {0}


def test_first_centers_are_different_molecules():
    packed = fingerprints(30)
    packed[10:] = packed[10]
    centers = kmeans.first_centers(packed, 20, 0)
    assert len(np.unique(centers, axis=0)) == len(centers) == 11
    assert not np.array_equal(centers, kmeans.first_centers(packed, 20, 1))


def test_clusters_are_as_many_as_in_the_study():
    assert [kmeans.cluster_count(n) for n in (5, 200, 33_000, 100_001)] == [1, 20, 100, 1000]


def test_balanced_order_gives_each_cluster_its_part():
    rng = np.random.default_rng(0)
    cluster = np.repeat([0, 1, 2], [600, 300, 100])
    similarity = rng.random(1000) + np.array([0.0, 2.0, 4.0])[cluster]
    order = kmeans.balanced_order(similarity, cluster)
    assert sorted(order) == list(range(1000))
    kept = order[:200]
    counts = np.bincount(cluster[kept])
    np.testing.assert_allclose(counts[1:], [30, 10], atol=2), "half of the budget, in proportion"
    assert set(cluster[order[:3]]) == {0, 1, 2}, "rounded up: each cluster has a claim to one"
    for c in range(3):
        inside = similarity[kept[cluster[kept] == c]]
        assert inside.max() <= np.sort(similarity[cluster == c])[len(inside) - 1], "the least like its center"
