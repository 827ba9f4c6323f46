"""The study's GIN as a PyTorch Geometric user would write it: the baseline, and the oracle of our own GIN.

Needs the `bench` extra. Graphs come straight from RDKit here, sharing no featurization with jaxmrl.
"""

import jax
import numpy as np
import torch
from rdkit import Chem, rdBase
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing, global_mean_pool

BOND_TYPES = {"SINGLE": 0, "DOUBLE": 1, "TRIPLE": 2, "AROMATIC": 3}
BOND_DIRECTIONS = {"NONE": 0, "ENDUPRIGHT": 1, "ENDDOWNRIGHT": 2}
CHIRALITY = {"CHI_UNSPECIFIED": 0, "CHI_TETRAHEDRAL_CW": 1, "CHI_TETRAHEDRAL_CCW": 2}
SELF_LOOP = (4, 0)


def device() -> torch.device:
    """Where the baseline runs: on the GPU where JAX does, else on the CPU, for PyTorch has no TPU."""
    return torch.device("cuda" if jax.default_backend() == "gpu" else "cpu")


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def products(precision: str, device: torch.device) -> torch.autocast:
    """A context in which PyTorch multiplies matrices in this precision of jaxmrl's."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def molecule_data(smiles: str, label: list[float]) -> Data:
    """One molecule as PyG data, self-loops included. label [T]."""
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    atoms = [(a.GetAtomicNum(), CHIRALITY.get(a.GetChiralTag().name, 3)) for a in molecule.GetAtoms()]
    edges, attributes = [], []
    for bond in molecule.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        kind = BOND_TYPES.get(bond.GetBondType().name, 0), BOND_DIRECTIONS.get(bond.GetBondDir().name, 0)
        edges += [(i, j), (j, i)]
        attributes += [kind, kind]
    edges += [(i, i) for i in range(len(atoms))]
    attributes += [SELF_LOOP] * len(atoms)
    return Data(
        x=torch.tensor(atoms),
        edge_index=torch.tensor(edges).t().contiguous(),
        edge_attr=torch.tensor(attributes),
        y=torch.tensor([label], dtype=torch.float32),
    )


class GINConv(MessagePassing):
    def __init__(self, width: int):
        super().__init__(aggr="sum")
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.bond_type = nn.Embedding(6, width)
        self.bond_direction = nn.Embedding(3, width)

    def forward(self, x, edge_index, edge_attr):
        edges = self.bond_type(edge_attr[:, 0]) + self.bond_direction(edge_attr[:, 1])
        return self.mlp(self.propagate(edge_index, x=x, edges=edges))

    def message(self, x_j, edges):
        return x_j + edges


class GIN(nn.Module):
    def __init__(self, width: int, depth: int, dropout: float, tasks: int):
        super().__init__()
        self.atom = nn.Embedding(120, width)
        self.chirality = nn.Embedding(4, width)
        self.convolutions = nn.ModuleList(GINConv(width) for _ in range(depth))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(depth))
        self.head = nn.Linear(width, tasks)
        self.dropout = dropout

    def forward(self, data):
        h = self.atom(data.x[:, 0]) + self.chirality(data.x[:, 1])
        for k, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            h = norm(convolution(h, data.edge_index, data.edge_attr))
            if k + 1 < len(self.norms):
                h = h.relu()
            h = nn.functional.dropout(h, self.dropout, self.training)
        return self.head(global_mean_pool(h, data.batch, data.num_graphs))


def present_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy averaged over the labels that are present."""
    present = ~labels.isnan()
    return nn.functional.binary_cross_entropy_with_logits(logits[present], labels[present])


def tensor(array) -> torch.Tensor:
    """A copy of a JAX array."""
    return torch.from_numpy(np.array(array))


def copy_linear(layer: nn.Linear, weights: dict) -> None:
    """Puts jaxmrl's weights of a linear layer into PyTorch's."""
    layer.weight.copy_(tensor(weights["kernel"]).t())
    layer.bias.copy_(tensor(weights["bias"]))


def copy_weights(module: GIN, params: dict, stats: dict) -> None:
    """Puts jaxmrl's parameters and running statistics, as pure dicts of arrays, into the PyG module."""

    with torch.no_grad():
        module.atom.weight.copy_(tensor(params["encoder"]["atom"]))
        module.chirality.weight.copy_(tensor(params["encoder"]["chirality"]))
        copy_linear(module.head, params["head"])
        for k, (convolution, norm) in enumerate(zip(module.convolutions, module.norms, strict=True)):
            layer = params["encoder"]["layers"][k]
            convolution.bond_type.weight.copy_(tensor(layer["bond"][:6]))
            convolution.bond_direction.weight.copy_(tensor(layer["bond"][6:]))
            copy_linear(convolution.mlp[0], layer["expand"])
            copy_linear(convolution.mlp[2], layer["contract"])
            norm.weight.copy_(tensor(layer["norm"]["scale"]))
            norm.bias.copy_(tensor(layer["norm"]["bias"]))
            norm.running_mean.copy_(tensor(stats["encoder"]["layers"][k]["norm"]["mean"]))
            norm.running_var.copy_(tensor(stats["encoder"]["layers"][k]["norm"]["var"]))
