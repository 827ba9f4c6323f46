"""D-MPNN as chemprop's own classes, and GINE as a PyTorch Geometric user would write it: baselines and oracles.

Needs the `bench` extra. chemprop featurizes its molecules itself, before its loader is timed. GINE has the features of
jaxmrl, so that the two differ in the program alone.
"""

from collections.abc import Callable

import numpy as np
import torch
from chemprop.data import MoleculeDatapoint, MoleculeDataset, TrainingBatch, build_dataloader
from chemprop.models import MPNN
from chemprop.nn import BondMessagePassing, NormAggregation, RegressionFFN
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GINEConv, global_add_pool

from benchmarks.pyg_baseline import copy_linear, tensor
from jaxmrl.modalities.molgraph.features import ATOM_CATEGORIES, ATOM_WIDTH, BOND_CATEGORIES, BOND_WIDTH, MolGraphs
from jaxmrl.modalities.molgraph.network import SUM_SCALE
from jaxmrl.training.model_spec import ModelSpec


def chemprop_model(spec: ModelSpec, atom_width: int = 72, bond_width: int = 14) -> MPNN:
    """Return chemprop's D-MPNN of the size of `spec`, on features of these widths; its own by default."""
    return MPNN(
        BondMessagePassing(atom_width, bond_width, d_h=spec.width, depth=spec.depth, dropout=spec.dropout),
        NormAggregation(norm=SUM_SCALE),
        RegressionFFN(n_tasks=spec.tasks, input_dim=spec.width, hidden_dim=spec.width, dropout=spec.dropout),
    )


def chemprop_loader(molecules: list[tuple[str, np.ndarray]], batch_size: int) -> torch.utils.data.DataLoader:
    """Return chemprop's loader of (SMILES, labels) that are already featurized."""
    data = MoleculeDataset([MoleculeDatapoint.from_smi(*one) for one in molecules])
    data.cache = True
    return build_dataloader(data, batch_size, drop_last=True)


def mover(device: torch.device) -> Callable[[TrainingBatch], TrainingBatch]:
    """Return a function that moves a batch of chemprop's to a device."""

    def move(batch: TrainingBatch) -> TrainingBatch:
        batch.bmg.to(device)  # in its place
        return batch._replace(Y=batch.Y.to(device))

    return move


def copy_dmpnn(module: MPNN, params: dict) -> None:
    """Put jaxmrl's parameters of a D-MPNN, as a pure dict of arrays, into chemprop's module."""
    encoder, passing, ffn = params["encoder"], module.message_passing, module.predictor.ffn
    kernel = lambda *names: torch.cat([tensor(encoder[name]["kernel"]) for name in names]).t()
    with torch.no_grad():
        passing.W_i.weight.copy_(kernel("atom_in", "bond_in"))
        passing.W_h.weight.copy_(tensor(encoder["update"]).t())
        passing.W_o.weight.copy_(kernel("atom_out", "message_out"))
        passing.W_o.bias.copy_(tensor(encoder["message_out"]["bias"]))
        copy_linear(ffn[0][-1], params["hidden"])
        copy_linear(ffn[1][-1], params["head"])


class GINE(nn.Module):
    """Hu et al. (2020) with residual connections, a sum over atoms and a hidden layer before the head."""

    def __init__(self, width: int, depth: int, dropout: float, tasks: int):
        super().__init__()
        perceptron = lambda: nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.atom = nn.Linear(ATOM_WIDTH, width)
        self.convolutions = nn.ModuleList(GINEConv(perceptron(), edge_dim=BOND_WIDTH) for _ in range(depth))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(depth))
        self.hidden, self.head = nn.Linear(width, width), nn.Linear(width, tasks)
        self.dropout = dropout

    def forward(self, data: Data) -> torch.Tensor:
        drop = lambda h: nn.functional.dropout(h, self.dropout, self.training)
        h = self.atom(data.x)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            h = h + drop(norm(convolution(h, data.edge_index, data.edge_attr)).relu())
        pooled = global_add_pool(h, data.batch, data.num_graphs) / SUM_SCALE
        return self.head(drop(self.hidden(pooled).relu()))


def copy_gine(module: GINE, params: dict, stats: dict) -> None:
    """Put jaxmrl's parameters and running statistics of a GINE, as pure dicts of arrays, into the module."""
    encoder = params["encoder"]
    with torch.no_grad():
        for name, layer in (("atom", encoder["atom"]), ("hidden", params["hidden"]), ("head", params["head"])):
            copy_linear(getattr(module, name), layer)
        for k, (convolution, norm) in enumerate(zip(module.convolutions, module.norms, strict=True)):
            layer, moments = encoder["layers"][k], stats["encoder"]["layers"][k]["norm"]
            copy_linear(convolution.lin, layer["bond"])
            copy_linear(convolution.nn[0], layer["expand"])
            copy_linear(convolution.nn[2], layer["contract"])
            norm.weight.copy_(tensor(layer["norm"]["scale"]))
            norm.bias.copy_(tensor(layer["norm"]["bias"]))
            norm.running_mean.copy_(tensor(moments["mean"]))
            norm.running_var.copy_(tensor(moments["var"]))


def molecule_data(graphs: MolGraphs, place: int, label: list[float]) -> Data:
    """Return one molecule of `graphs` as PyG data; label [T]."""
    first, bond = (int(counts[:place].sum()) for counts in (graphs.size, graphs.bond_count))
    atoms = slice(first, first + int(graphs.size[place]))
    bonds = slice(bond, bond + int(graphs.bond_count[place]))
    ends = torch.from_numpy(graphs.ends[bonds].astype(np.int64))
    edge_attr = one_hot(graphs.bond[bonds], BOND_CATEGORIES)
    return Data(
        x=torch.cat([one_hot(graphs.atom[atoms], ATOM_CATEGORIES), torch.from_numpy(graphs.mass[atoms])[:, None]], 1),
        edge_index=torch.stack([ends.reshape(-1), ends.flip(1).reshape(-1)]),
        edge_attr=edge_attr.repeat_interleave(2, dim=0),
        y=torch.tensor([label], dtype=torch.float32),
    )


def one_hot(columns: np.ndarray, categories: dict[str, int]) -> torch.Tensor:
    """Return the first columns one-hot, and the others as they are, [rows, width]."""
    whole = torch.from_numpy(columns.astype(np.int64))
    parts = [nn.functional.one_hot(whole[:, k], count) for k, count in enumerate(categories.values())]
    return torch.cat([*parts, whole[:, len(categories) :]], dim=1).float()
