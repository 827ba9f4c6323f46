"""Our GIN against the same network in PyTorch Geometric: logits, and one Adam step."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxmrl.data.label_scaling import identity_scaler
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import DeviceTable, TrainingSpec, init_replica, train_step

torch = pytest.importorskip("torch", reason="needs the bench extra")
pytest.importorskip("torch_geometric", reason="needs the bench extra")

from torch_geometric.data import Batch  # noqa: E402

from benchmarks import pyg_baseline  # noqa: E402
from tests.support.compiled import predict  # noqa: E402

pytestmark = pytest.mark.slow  # compares with PyTorch, which plain pytest does without

STAR = "FS(F)(F)(F)(F)c1ccccc1"
SHAPE = ModelSpec(width=32, depth=5, dropout=0.0, tasks=2, precision="float32")
TRAINING_SPEC = TrainingSpec(SHAPE, "classification", "roc_auc", 1e-3)


@pytest.fixture(scope="module")
def both(nci):
    """(jaxmrl table, ids, replica state), (PyG module with the same weights, batch), of the same molecules.

    In double precision: in single, a ReLU input that rounds to the other side of 0 moves a gradient by 1e-3.
    """
    smiles = [*nci[0][:63], STAR]
    labels = np.random.default_rng(0).integers(0, 2, (64, 2)).astype(np.float32)
    labels[::3, 0] = np.nan
    with jax.enable_x64(True):
        graphs, canonical, _ = featurize(smiles)
        store = GraphDataset.to_device(graphs)
        sizes = graphs.resources().sum(axis=0)
        table = DeviceTable(store.with_budget(sizes + 20), jnp.asarray(labels))
        state = init_replica(TRAINING_SPEC, jax.random.key(3), jax.random.key(4), identity_scaler(2), 1)
        rng = np.random.default_rng(1)
        stats = jax.tree.map(lambda x: jnp.asarray(rng.uniform(0.5, 1.5, x.shape)), state.stats)
        params = jax.tree.map(lambda x: x.astype(jnp.float64), state.params)
        state = replace(state, params=params, stats=stats, opt_state=TRAINING_SPEC.optimization.optimizer.init(params))
        module = pyg_module(params, stats)
        data = [pyg_baseline.molecule_data(s, y) for s, y in zip(canonical, labels.tolist(), strict=True)]
        batch = Batch.from_data_list(data)
        yield (table, jnp.arange(64), state), (module, batch)


def pyg_module(params, stats):
    """The PyG GIN holding these weights."""
    module = pyg_baseline.GIN(SHAPE.width, SHAPE.depth, SHAPE.dropout, SHAPE.tasks).double()
    pyg_baseline.copy_weights(module, nnx.to_pure_dict(params), nnx.to_pure_dict(stats))
    return module


def test_same_logits(both):
    (table, ids, state), (module, batch) = both
    ours = predict(SHAPE, state.params, state.stats, table.store.gather(ids))
    with torch.no_grad():
        theirs = module.eval()(batch).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_same_weights_and_statistics_after_one_adam_step(both):
    (table, ids, state), (module, batch) = both
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), lr=TRAINING_SPEC.learning_rate)
    loss = pyg_baseline.present_loss(module(batch), batch.y)
    loss.backward()
    optimizer.step()
    new, ours_loss = jax.jit(train_step, static_argnums=0)(TRAINING_SPEC, table, state, ids)
    assert float(ours_loss) == pytest.approx(float(loss.detach()), rel=1e-6)

    ours = dict(pyg_module(new.params, new.stats).state_dict())
    before = dict(pyg_module(state.params, state.stats).state_dict())
    gradients = {name: p.grad.abs().numpy() for name, p in module.named_parameters()}
    moved = 0
    for name, theirs in module.state_dict().items():
        if "num_batches" in name:
            continue
        # A bias before a batch norm has no gradient but rounding, and Adam's first step is its sign.
        told = gradients.get(name, np.ones(theirs.shape)) > 1e-9
        np.testing.assert_allclose(ours[name].numpy()[told], theirs.numpy()[told], rtol=1e-5, atol=1e-7, err_msg=name)
        moved += int((np.abs(theirs.numpy() - before[name].numpy())[told] > 1e-5).sum())
    assert moved > 0.7 * SHAPE.parameters
