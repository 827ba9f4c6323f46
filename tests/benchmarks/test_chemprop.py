"""Our D-MPNN against chemprop's own classes with the same weights, in double precision: outputs and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxmrl.modalities.molgraph.dataset import MolGraphDataset
from jaxmrl.modalities.molgraph.features import ATOM_WIDTH, BOND_WIDTH, featurize
from tests.support.molgraphs import canonical, spec_of

torch = pytest.importorskip("torch", reason="needs the bench extra")
chemprop = pytest.importorskip("chemprop", reason="needs the bench extra")

from chemprop.data import BatchMolGraph, MolGraph  # noqa: E402
from chemprop.models import MPNN  # noqa: E402
from chemprop.nn import BondMessagePassing, NormAggregation, RegressionFFN  # noqa: E402
from rdkit import Chem  # noqa: E402

from benchmarks.pyg_baseline import copy_linear, tensor  # noqa: E402

pytestmark = pytest.mark.slow  # compares with PyTorch, which plain pytest does without

SMILES = ["C/C=C/c1ccc(S(F)(F)(F)(F)F)cc1", "[Fe]", "CC(=O)[O-].[Na+]", "C[C@H](N)C(=O)O"]
"""An atom with more than four bonds, single atoms and ions, beside what the NCI set has."""

SPEC = spec_of("dmpnn", width=24, depth=4)


@pytest.fixture(scope="module")
def smiles(nci):
    return [*canonical(nci[0][:40]), *canonical(SMILES)]


@pytest.fixture(scope="module")
def ours(smiles):
    """(params, batch) in double precision."""
    with jax.enable_x64(True):
        graphs = featurize(smiles)
        batch = (
            MolGraphDataset.put(graphs).with_budget(graphs.resources().sum(axis=0) + 9).gather(jnp.arange(len(smiles)))
        )
        params, _ = SPEC.init(jax.random.key(3))
        double = lambda x: x.astype(jnp.float64) if jnp.issubdtype(x.dtype, jnp.floating) else x
        yield jax.tree.map(double, params), jax.tree.map(double, batch)


@pytest.fixture(scope="module")
def theirs(ours, smiles):
    """chemprop's model of these weights, and its batch of the same features."""
    params, batch = ours
    module = MPNN(
        BondMessagePassing(ATOM_WIDTH, BOND_WIDTH, d_h=SPEC.width, depth=SPEC.depth),
        NormAggregation(norm=100.0),
        RegressionFFN(n_tasks=SPEC.tasks, input_dim=SPEC.width, hidden_dim=SPEC.width),
    ).double()
    copy_weights(module, nnx.to_pure_dict(params))
    return module.eval(), chemprop_batch(batch, smiles)


def copy_weights(module, params):
    encoder, passing, ffn = params["encoder"], module.message_passing, module.predictor.ffn
    kernel = lambda *names: torch.cat([tensor(encoder[name]["kernel"]) for name in names]).t()
    with torch.no_grad():
        passing.W_i.weight.copy_(kernel("atom_in", "bond_in"))
        passing.W_h.weight.copy_(tensor(encoder["update"]).t())
        passing.W_o.weight.copy_(kernel("atom_out", "message_out"))
        passing.W_o.bias.copy_(tensor(encoder["message_out"]["bias"]))
        copy_linear(ffn[0][-1], params["hidden"])
        copy_linear(ffn[1][-1], params["head"])


def chemprop_batch(batch, smiles):
    """The features of our batch on edges that are read off RDKit's bonds."""
    graphs, atoms, bonds = [], 0, 0
    for molecule in map(Chem.MolFromSmiles, smiles):
        n, b = molecule.GetNumAtoms(), molecule.GetNumBonds()
        ends = np.array([(x.GetBeginAtomIdx(), x.GetEndAtomIdx()) for x in molecule.GetBonds()], int).reshape(-1, 2)
        index = np.stack([ends.ravel(), ends[:, ::-1].ravel()])
        features = (
            np.asarray(batch.atoms[atoms : atoms + n]),
            np.asarray(batch.bonds[bonds : bonds + b]).repeat(2, axis=0),
        )
        graphs.append(MolGraph(*features, index, np.arange(2 * b) ^ 1))
        atoms, bonds = atoms + n, bonds + b
    together = BatchMolGraph(graphs)
    together.V, together.E = together.V.double(), together.E.double()
    return together


def test_outputs_are_chemprops(ours, theirs):
    module, graphs = theirs
    with jax.enable_x64(True), torch.no_grad():
        outputs = SPEC.predict(ours[0], nnx.State({}), ours[1])
        np.testing.assert_allclose(outputs, module(graphs).numpy(), rtol=1e-6, atol=1e-9)


def test_gradients_are_chemprops(ours, theirs):
    (params, batch), (module, graphs) = ours, theirs
    module.zero_grad()
    (module(graphs) ** 2).sum().backward()
    with jax.enable_x64(True):
        gradient = jax.grad(lambda params: (SPEC.predict(params, nnx.State({}), batch) ** 2).sum())(params)
    encoder = nnx.to_pure_dict(gradient)["encoder"]
    own = {name: np.asarray(value if name == "update" else value["kernel"]) for name, value in encoder.items()}
    expected = {name: getattr(module.message_passing, name).weight.grad.numpy().T for name in ("W_i", "W_h", "W_o")}
    for name, parts in {"W_i": ("atom_in", "bond_in"), "W_h": ("update",), "W_o": ("atom_out", "message_out")}.items():
        np.testing.assert_allclose(np.concatenate([own[part] for part in parts]), expected[name], rtol=1e-6, atol=1e-9)


def test_features_are_chemprops_but_for_chirality(smiles):
    """Numbers of categories are permuted, and what chemprop has no category for is one here."""
    from chemprop.featurizers import MultiHotAtomFeaturizer, MultiHotBondFeaturizer

    graphs, atom_of, bond_of = featurize(smiles), MultiHotAtomFeaturizer.v2(), MultiHotBondFeaturizer()
    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    atoms = np.array([atom_of(atom) for molecule in molecules for atom in molecule.GetAtoms()])
    bonds = np.array([bond_of(bond) for molecule in molecules for bond in molecule.GetBonds()])
    element, degree, charge, _, hydrogens, kind, rest = np.split(atoms, np.cumsum([38, 7, 6, 5, 6, 8]), axis=1)
    np.testing.assert_array_equal(graphs.atom[:, 0], element.argmax(axis=1))
    np.testing.assert_array_equal(graphs.atom[:, 1], degree.argmax(axis=1))
    np.testing.assert_array_equal(np.array([-1, -2, 1, 2, 0, 3])[charge.argmax(axis=1)], graphs.atom[:, 2] - 2.0)
    np.testing.assert_array_equal(graphs.atom[:, 4], hydrogens.argmax(axis=1))
    np.testing.assert_array_equal(graphs.atom[:, 5], kind.argmax(axis=1))
    np.testing.assert_array_equal(graphs.atom[:, 6], rest[:, 0])
    np.testing.assert_allclose(graphs.mass, rest[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(graphs.bond[:, 0], bonds[:, 1:5].argmax(axis=1))
    np.testing.assert_array_equal(graphs.bond[:, 2:], bonds[:, 5:7])
    np.testing.assert_array_equal(np.array([0, 3, 1, 2])[bonds[:, 7:11].argmax(axis=1)], graphs.bond[:, 1])
