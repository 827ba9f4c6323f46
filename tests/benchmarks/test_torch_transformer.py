import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'jaxmrl[bench]'")

from benchmarks.torch_transformer import Transformer, collate, copy_weights  # noqa: E402
from jaxmrl.modalities.smiles.dataset import TokenDataset  # noqa: E402
from jaxmrl.modalities.smiles.features import build_vocabulary, encode  # noqa: E402
from jaxmrl.modalities.transformer_model import TransformerOptions  # noqa: E402
from jaxmrl.training.model_spec import ModelSpec  # noqa: E402
from tests.conftest import SMILES  # noqa: E402
from tests.support.compiled import init, predict  # noqa: E402

pytestmark = pytest.mark.slow  # compares with PyTorch, which plain pytest does without


@pytest.mark.parametrize("positions", [True, False])
def test_same_logits_with_the_same_weights(positions):
    features = encode([[text] for text in SMILES], build_vocabulary(SMILES))
    options = TransformerOptions(len(features.vocabulary), positions)
    shape = ModelSpec(16, 2, 0.1, 3, "float32", "transformer", "smiles", options)
    params, stats = init(shape, jax.random.key(0))
    ids = np.arange(12)
    batch = TokenDataset.to_device(features).with_budget(features.resources().sum(axis=0)).gather(jnp.asarray(ids))
    ours = predict(shape, params, stats, batch)
    module = Transformer(shape.options.tokens, positions, 16, 2, 0.1, 3).eval()
    copy_weights(module, params.to_pure_dict())
    starts = np.cumsum(features.size) - features.size
    tokens = [features.token[start:][:size].astype(np.int64) for start, size in zip(starts, features.size, strict=True)]
    padded, present, _ = collate([(torch.from_numpy(one), torch.zeros(3)) for one in tokens])
    with torch.no_grad():
        theirs = module(padded, present).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
