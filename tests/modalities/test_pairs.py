import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.modalities.geometry import pairs
from jaxmrl.modalities.geometry.dataset import GeometryDataset
from jaxmrl.modalities.geometry.features import find_pairs
from jaxmrl.modalities.geometry.pairs import cosine_cutoff, gaussians, sines, sum_pairs
from tests.support.compiled import lowered
from tests.support.geometry import molecules

CUTOFF = 3.0
IDS = jnp.array([2, 0, 1, 4, -1])


@pytest.fixture(scope="module")
def graph():
    return GeometryDataset.to_device(find_pairs(molecules(), CUTOFF)).with_budget((80, 30)).gather(IDS)


@pytest.fixture(scope="module")
def arrays(graph):
    """filters [p, d], 0 for padding pairs; h and a cotangent [n, d]."""
    keys = jax.random.split(jax.random.key(0), 3)
    pairs, nodes = len(graph.edges), len(graph.nodes["atom"])
    filters = jax.random.normal(keys[0], (pairs, 5)).at[int(graph.n_edge[:-1].sum() - graph.n_edge[4]) :].set(0.0)
    return filters, *(jax.random.normal(key, (nodes, 5)) for key in keys[1:])


def plain(filters, h, graph, odd):
    """The same with JAX's own scatter and its gradient."""
    a, b, sign = graph.senders, graph.receivers, -1.0 if odd else 1.0
    return jnp.zeros_like(h).at[a].add(filters * h[b]).at[b].add(sign * filters * h[a])


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("way", ["on a CPU", "on an accelerator"])
def test_sums_and_their_gradients(graph, arrays, odd, way, monkeypatch):
    if way == "on an accelerator":
        monkeypatch.setattr(pairs, "_sum_in_loop", pairs._sum_at_once)
    filters, h, cotangent = arrays
    ours, back = jax.vjp(lambda filters, h: sum_pairs(filters, h, graph, odd), filters, h)
    expected, expected_back = jax.vjp(lambda filters, h: plain(filters, h, graph, odd), filters, h)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    for mine, other in zip(back(cotangent), expected_back(cotangent), strict=True):
        real = slice(0, 30) if len(mine) > 60 else slice(None)
        np.testing.assert_allclose(mine[real], other[real], atol=1e-5)


def test_no_scatter_of_numbers(graph, arrays):
    filters, h, _ = arrays
    loss = lambda filters, h: sum_pairs(filters, h, graph).sum()
    assert "scatter" not in jax.jit(jax.grad(loss, (0, 1))).lower(filters, h).as_text()
    there = lowered(jax.grad(loss, (0, 1)), filters, h)
    assert "scatter" not in there
    assert "stablehlo.while" not in there, "each turn of a loop launches kernels"


def test_the_cutoff_falls_from_one_to_zero_without_a_step_in_value_or_slope(strict):
    at = jnp.array([0.0, 2.5, 4.9999, 5.0, 7.0])
    np.testing.assert_allclose(cosine_cutoff(at, 5.0), [1, 0.5, 0, 0, 0], atol=1e-6)
    slope = jax.vmap(jax.grad(lambda r: cosine_cutoff(r[None], 5.0)[0]))(at)
    np.testing.assert_allclose(slope, [0, -np.pi / 10, 0, 0, 0], atol=1e-4)


def test_radial_functions(strict):
    at = jnp.array([0.5, 1.23, 5.0])
    k = np.arange(1, 21)
    np.testing.assert_allclose(sines(at, 5.0, 20)[1], np.sin(k * np.pi * 1.23 / 5) / 1.23, atol=1e-5)
    np.testing.assert_allclose(sines(at, 5.0, 20)[2], 0, atol=1e-5)
    found = gaussians(at, 5.0, 51)
    assert float(found[0, 5]) == pytest.approx(1.0)
    np.testing.assert_allclose(found[1], np.exp(-0.5 * ((1.23 - 0.1 * np.arange(51)) / 0.1) ** 2), rtol=1e-4, atol=1e-6)
