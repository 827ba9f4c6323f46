"""Our D-MPNN against chemprop's own classes, and our GINE against PyTorch Geometric's, with the same weights.

In double precision: outputs, and gradients by every parameter.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rdkit import Chem

from jaxmrl.modalities.molgraph.dataset import MolGraphDataset
from jaxmrl.modalities.molgraph.features import ATOM_WIDTH, BOND_WIDTH, featurize
from tests.support.molgraphs import canonical, random_weights, spec_of

torch = pytest.importorskip("torch", reason="needs the bench extra")
pytest.importorskip("torch_geometric", reason="needs the bench extra")
pytest.importorskip("chemprop", reason="needs the bench extra")

from chemprop.data import BatchMolGraph, MolGraph  # noqa: E402
from torch_geometric.data import Batch  # noqa: E402

from benchmarks import molgraph_baselines as baselines  # noqa: E402

pytestmark = pytest.mark.slow  # compares with PyTorch, which plain pytest does without

ODD = ["C/C=C/c1ccc(S(F)(F)(F)(F)F)cc1", "[Fe]", "CC(=O)[O-].[Na+]", "C[C@H](N)C(=O)O"]
"""An atom with more than four bonds, single atoms and ions, beside what the NCI set has."""


@pytest.fixture(scope="module")
def smiles(nci):
    return [*canonical(nci[0][:40]), *canonical(ODD)]


@pytest.fixture(params=["dmpnn", "gine"])
def both(request, smiles):
    """(spec, weights, batch) of jaxmrl, and the other module with these weights and features."""
    spec = spec_of(request.param, width=24, depth=4)
    with jax.enable_x64(True):
        graphs = featurize(smiles)
        store = MolGraphDataset.to_device(graphs).with_budget(graphs.resources().sum(axis=0) + 9)
        double = lambda x: x.astype(jnp.float64) if jnp.issubdtype(x.dtype, jnp.floating) else x
        weights, batch = jax.tree.map(double, (random_weights(spec), store.gather(jnp.arange(len(smiles)))))
        params, stats = (nnx.to_pure_dict(one) for one in weights)
        if spec.model == "dmpnn":
            module, other = baselines.chemprop_model(spec, ATOM_WIDTH, BOND_WIDTH), chemprop_batch(batch, smiles)
            baselines.copy_dmpnn(module.double(), params)
        else:
            module, other = baselines.GINE(spec.width, spec.depth, 0.0, spec.tasks), pyg_batch(graphs)
            baselines.copy_gine(module.double(), params, stats)
        yield (spec, weights, batch), (module.eval(), other)


def chemprop_batch(batch, smiles):
    """The features of our batch on edges that are read off RDKit's bonds."""
    graphs, atoms, bonds = [], 0, 0
    for molecule in map(Chem.MolFromSmiles, smiles):
        n, b = molecule.GetNumAtoms(), molecule.GetNumBonds()
        ends = np.array([(x.GetBeginAtomIdx(), x.GetEndAtomIdx()) for x in molecule.GetBonds()], int).reshape(-1, 2)
        index = np.stack([ends.ravel(), ends[:, ::-1].ravel()])
        of_atoms, of_bonds = np.asarray(batch.atoms[atoms : atoms + n]), np.asarray(batch.bonds[bonds : bonds + b])
        graphs.append(MolGraph(of_atoms, of_bonds.repeat(2, axis=0), index, np.arange(2 * b) ^ 1))
        atoms, bonds = atoms + n, bonds + b
    together = BatchMolGraph(graphs)
    together.V, together.E = together.V.double(), together.E.double()
    return together


def pyg_batch(graphs):
    data = Batch.from_data_list([baselines.molecule_data(graphs, k, [0.0]) for k in range(len(graphs))])
    data.x, data.edge_attr = data.x.double(), data.edge_attr.double()
    return data


def test_outputs_and_gradients_are_the_others(both):
    (spec, (params, stats), batch), (module, other) = both
    outputs = module(other)
    (outputs**2).sum().backward()
    loss = lambda params: (spec.predict(params, stats, batch) ** 2).sum()
    gradient = nnx.to_pure_dict(jax.grad(loss)(params))
    np.testing.assert_allclose(spec.predict(params, stats, batch), outputs.detach().numpy(), rtol=1e-6, atol=1e-9)

    theirs = {name: one.grad.numpy() for name, one in module.named_parameters()}
    with torch.no_grad():  # the gradient takes the place of the weights, in the other's layout
        if spec.model == "dmpnn":
            baselines.copy_dmpnn(module, gradient)
        else:
            baselines.copy_gine(module, gradient, nnx.to_pure_dict(stats))
    for name, one in module.named_parameters():
        np.testing.assert_allclose(one.detach().numpy(), theirs[name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_features_are_chemprops_but_for_chirality(smiles):
    """Categories come in another order, and what chemprop has no category for is one here."""
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
