"""The study's transformer as a PyTorch user would write it, corrected as ours is: the baseline for tokens.

Needs the `bench` extra. Batches are padded to their longest molecule, as a collate function does.
"""

import math

import torch
from torch import nn

from benchmarks.pyg_baseline import copy_linear, tensor


class Transformer(nn.Module):
    """Tokens [B, L] and which are present [B, L] -> [B, tasks]."""

    def __init__(self, tokens: int, positions: bool, width: int, depth: int, dropout: float, tasks: int):
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        layer = nn.TransformerEncoderLayer(width, 8, 300, dropout, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, 300)
        self.head = nn.Linear(300, tasks)
        self.register_buffer("positions", sinusoids(512, width) if positions else torch.zeros(1024, width))

    def forward(self, tokens: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        x = self.dropout(self.embedding(tokens) + self.positions[: tokens.shape[1]])
        x = self.layers(x, src_key_padding_mask=~present)
        weight = present[:, :, None].float()
        return self.head(self.output((x * weight).sum(1) / weight.sum(1).clamp(min=1)))


def sinusoids(length: int, width: int) -> torch.Tensor:
    """Sinusoidal positions [length, width]."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angles = torch.arange(length)[:, None] * rates[None, :]
    return torch.stack([angles.sin(), angles.cos()], dim=2).reshape(length, width)


def collate(batch: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, ...]:
    """Tokens padded to the longest molecule, which are present, labels."""
    tokens, labels = zip(*batch, strict=True)
    sizes = torch.tensor([len(one) for one in tokens])
    padded = nn.utils.rnn.pad_sequence(list(tokens), batch_first=True)
    return padded, torch.arange(padded.shape[1])[None, :] < sizes[:, None], torch.stack(labels)


def copy_weights(module: Transformer, params: dict) -> None:
    """Puts jaxmrl's parameters, as a pure dict of arrays, into the PyTorch module."""

    with torch.no_grad():
        module.embedding.weight.copy_(tensor(params["token"]))
        copy_linear(module.output, params["output"])
        copy_linear(module.head, params["head"])
        for k, layer in enumerate(module.layers.layers):
            ours = params["layers"][k]
            layer.self_attn.in_proj_weight.copy_(tensor(ours["inward"]["kernel"]).t())
            layer.self_attn.in_proj_bias.copy_(tensor(ours["inward"]["bias"]))
            copy_linear(layer.self_attn.out_proj, ours["outward"])
            copy_linear(layer.linear1, ours["expand"])
            copy_linear(layer.linear2, ours["contract"])
            for norm, weights in zip((layer.norm1, layer.norm2), (ours["norms"][0], ours["norms"][1]), strict=True):
                norm.weight.copy_(tensor(weights["scale"]))
                norm.bias.copy_(tensor(weights["bias"]))
