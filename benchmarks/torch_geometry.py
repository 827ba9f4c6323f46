"""SchNet and PaiNN as a PyTorch user would run them: the baseline for geometries. Needs the `bench` extra.

SchNet is PyTorch Geometric's; PaiNN is not in it and follows its authors' layout. Pairs of atoms within the cutoff are
found in advance, as for ours, and stand in both directions.
"""

import numpy as np
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import SchNet, global_add_pool

from benchmarks.pyg_baseline import copy_linear, tensor
from jaxmrl.modalities.geometry.features import ELEMENTS, Geometries
from jaxmrl.modalities.geometry.painn import RADIAL
from jaxmrl.modalities.geometry.schnet import GAUSSIANS
from jaxmrl.training.model_spec import ModelSpec


def molecule_data(geometries: Geometries, molecule: int, targets: list[float]) -> Data:
    """One molecule as PyTorch Geometric takes it."""
    atom, position = geometries.molecule(molecule)
    start = int(geometries.pair_count[:molecule].sum())
    ends = geometries.ends[start : start + int(geometries.pair_count[molecule])].astype(np.int64)
    edges = np.concatenate([ends, ends[:, ::-1]]).T.copy()
    return Data(
        z=torch.from_numpy(atom.astype(np.int64)),
        pos=torch.from_numpy(position.copy()),
        edge_index=torch.from_numpy(edges),
        y=torch.tensor([targets]),
    )


class PygSchNet(nn.Module):
    """PyTorch Geometric's SchNet with the pairs that a batch brings."""

    def __init__(self, shape: ModelSpec):
        super().__init__()
        width = shape.width
        self.net = SchNet(width, width, shape.depth, GAUSSIANS, shape.options.cutoff, self._pairs, readout="add")
        self.net.lin2 = nn.Linear(width // 2, shape.tasks)

    def forward(self, batch: Data) -> torch.Tensor:
        self.edges = batch.edge_index
        return self.net(batch.z, batch.pos, batch.batch)

    def _pairs(self, position: torch.Tensor, _) -> tuple[torch.Tensor, torch.Tensor]:
        return self.edges, (position[self.edges[0]] - position[self.edges[1]]).norm(dim=-1)


class TorchPaiNN(nn.Module):
    """PaiNN with messages on directed pairs and `index_add`."""

    def __init__(self, shape: ModelSpec):
        super().__init__()
        width, self.depth, self.cutoff = shape.width, shape.depth, shape.options.cutoff
        self.embedding = nn.Embedding(ELEMENTS, width, padding_idx=0)
        self.filters = nn.Linear(RADIAL, shape.depth * 3 * width)
        perceptron = lambda inputs: nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, 3 * width))
        self.message = nn.ModuleList(perceptron(width) for _ in range(shape.depth))
        self.mix = nn.ModuleList(nn.Linear(width, 2 * width, bias=False) for _ in range(shape.depth))
        self.update = nn.ModuleList(perceptron(2 * width) for _ in range(shape.depth))
        self.readout = nn.Sequential(nn.Linear(width, width // 2), nn.SiLU(), nn.Linear(width // 2, shape.tasks))
        self.register_buffer("rates", torch.arange(1, RADIAL + 1) * torch.pi / shape.options.cutoff)

    def forward(self, batch: Data) -> torch.Tensor:
        i, j = batch.edge_index
        vector = batch.pos[j] - batch.pos[i]
        r = vector.norm(dim=-1, keepdim=True)
        unit, inside = vector / r, 0.5 * (torch.cos(torch.pi * r / self.cutoff) + 1)
        filters = (self.filters(torch.sin(r * self.rates) / r) * inside).chunk(self.depth, dim=1)
        s = self.embedding(batch.z)
        v = s.new_zeros(len(s), 3, s.shape[1])
        for k in range(self.depth):
            ds, along, of_v = (filters[k] * self.message[k](s).index_select(0, j)).chunk(3, dim=1)
            dv = along[:, None, :] * unit[:, :, None] + of_v[:, None, :] * v.index_select(0, j)
            s, v = s.index_add(0, i, ds), v.index_add(0, i, dv)
            left, right = self.mix[k](v).chunk(2, dim=-1)
            length = torch.sqrt((left**2).sum(dim=1) + 1e-8)
            to_s, to_v, of_product = self.update[k](torch.cat([s, length], dim=1)).chunk(3, dim=1)
            s, v = s + to_s + of_product * (left * right).sum(dim=1), v + to_v[:, None, :] * right
        return global_add_pool(self.readout(s), batch.batch)


MODELS = {"schnet": PygSchNet, "painn": TorchPaiNN}


def copy_weights(module: nn.Module, params: dict) -> None:
    """Puts jaxmrl's parameters, as a pure dict of arrays, into the PyTorch module."""
    copy = _copy_schnet if isinstance(module, PygSchNet) else _copy_painn
    with torch.no_grad():
        copy(module, params)


def _copy_schnet(module: PygSchNet, params: dict) -> None:
    net = module.net
    net.embedding.weight.copy_(tensor(params["atom"]))
    for k, block in enumerate(net.interactions):
        ours = params["layers"][k]
        copy_linear(block.mlp[0], ours["filters"][0])
        copy_linear(block.mlp[2], ours["filters"][1])
        block.conv.lin1.weight.copy_(tensor(ours["inward"]["kernel"]).t())
        copy_linear(block.conv.lin2, ours["outward"][0])
        copy_linear(block.lin, ours["outward"][1])
    copy_linear(net.lin1, params["readout"]["linear"])
    copy_linear(net.lin2, params["head"])


def _copy_painn(module: TorchPaiNN, params: dict) -> None:
    module.embedding.weight.copy_(tensor(params["atom"]))
    copy_linear(module.filters, params["filters"])
    for k in range(module.depth):
        ours = params["layers"][k]
        module.mix[k].weight.copy_(tensor(ours["mix"]["kernel"]).t())
        for perceptron, name in ((module.message[k], "message"), (module.update[k], "update")):
            copy_linear(perceptron[0], ours[name][0])
            copy_linear(perceptron[2], ours[name][1])
    copy_linear(module.readout[0], params["readout"]["linear"])
    copy_linear(module.readout[2], params["head"])
