"""SchNet against PyTorch Geometric's, and PaiNN against the baseline's: parameters, outputs and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

torch = pytest.importorskip("torch", reason="needs the bench extra")
pytest.importorskip("torch_geometric", reason="needs the bench extra")

from torch_geometric.data import Batch  # noqa: E402

from benchmarks.torch_geometry import MODELS, copy_weights, molecule_data  # noqa: E402
from jaxmrl.modalities.geometry.dataset import GeometryDataset  # noqa: E402
from jaxmrl.modalities.geometry.features import find_pairs  # noqa: E402
from jaxmrl.modalities.geometry.modality import GeometryOptions  # noqa: E402
from jaxmrl.training.model_spec import ModelSpec  # noqa: E402
from tests.support.compiled import init, predict  # noqa: E402
from tests.support.geometry import SIZES, molecules  # noqa: E402

pytestmark = pytest.mark.slow  # compares with PyTorch, which plain pytest does without

CUTOFF = 3.0


@pytest.mark.parametrize("model", ["schnet", "painn"])
def test_same_outputs_and_gradients_with_the_same_weights(model):
    shape = ModelSpec(16, 3, 0.0, 2, "float32", model, "geometry", GeometryOptions(CUTOFF, "sum"))
    geometries = find_pairs(molecules(), CUTOFF)
    params, stats = init(shape, jax.random.key(0))
    module = MODELS[model](shape)
    copy_weights(module, nnx.to_pure_dict(params))
    theirs = module(Batch.from_data_list([molecule_data(geometries, k, [0.0, 0.0]) for k in range(len(SIZES))]))
    batch = GeometryDataset.to_device(geometries).with_budget((80, 30)).gather(jnp.arange(len(SIZES)))

    def loss(params):
        outputs = predict(shape, params, stats, batch)
        return (outputs**2).sum(), outputs

    gradient, ours = jax.jit(jax.grad(loss, has_aux=True))(params)
    np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-4, atol=1e-5)
    (theirs**2).sum().backward()
    copied = MODELS[model](shape)
    copy_weights(copied, nnx.to_pure_dict(gradient))
    # The last is the head's bias, which counts once for each molecule in ours: see `pairs.Readout`.
    for mine, other in zip([*copied.parameters()][:-1], [*module.parameters()][:-1], strict=True):
        np.testing.assert_allclose(mine.detach(), other.grad, rtol=1e-3, atol=1e-4 * float(other.grad.abs().max()))


@pytest.mark.parametrize(("model", "depth"), [("schnet", 6), ("painn", 3)])
def test_as_many_parameters(model, depth):
    shape = ModelSpec(128, depth, 0.0, 1, "float32", model, "geometry", GeometryOptions(5.0, "sum"))
    assert shape.parameters == sum(parameter.numel() for parameter in MODELS[model](shape).parameters())
