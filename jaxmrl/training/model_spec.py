"""From a model's shape to pure functions over its arrays."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import jax
from flax import nnx

from jaxmrl.config import Settings
from jaxmrl.config.names import MODELS
from jaxmrl.data.task_data import TaskData
from jaxmrl.modalities.geometry.painn import PaiNN
from jaxmrl.modalities.geometry.schnet import SchNet
from jaxmrl.modalities.graph.gin import GIN
from jaxmrl.modalities.layers import Linear
from jaxmrl.modalities.transformer import Transformer


def _gin(shape: "ModelSpec", rngs: nnx.Rngs) -> nnx.Module:
    return GIN(**_common(shape), rngs=rngs)


def _transformer(shape: "ModelSpec", rngs: nnx.Rngs) -> nnx.Module:
    return Transformer(**_common(shape), tokens=shape.tokens, positions=shape.positions, rngs=rngs)


def _of_geometries(kind: type[nnx.Module]):
    def module(shape: "ModelSpec", rngs: nnx.Rngs) -> nnx.Module:
        sizes = {name: getattr(shape, name) for name in ("width", "depth", "tasks", "precision")}
        return kind(**sizes, cutoff=shape.cutoff, over_atoms=shape.over_atoms, rngs=rngs)

    return module


def _common(shape: "ModelSpec") -> dict[str, Any]:
    return {name: getattr(shape, name) for name in ("width", "depth", "dropout", "tasks", "precision")}


MODULES = {
    "gin": _gin,
    "painn": _of_geometries(PaiNN),
    "schnet": _of_geometries(SchNet),
    "transformer": _transformer,
}
"""From a shape and its random streams to the module, by the model's name.

A module has `embed(batch, training=..., key=...)`, [B, d], `head`, from there to [B, tasks], and is called for both.
"""


@dataclass(frozen=True)
class ModelSpec:
    """All that decides a model's program: replicas that share it can share lanes.

    tokens: rows of the token embedding, and positions: whether a token's place counts; of a transformer.
    cutoff: in Å, and over_atoms: sum or mean; of a model of geometries.
    """

    width: int
    depth: int
    dropout: float
    tasks: int
    precision: str
    model: str = "gin"
    modality: str = "graph"
    tokens: int = 0
    positions: bool = False
    cutoff: float = 0.0
    over_atoms: str = ""

    @property
    def name(self) -> str:
        return f"{self.modality}-{self.model}-{self.width}x{self.depth}"

    def _module(self, key: jax.Array) -> nnx.Module:
        return MODULES[self.model](self, nnx.Rngs(params=key))

    @cached_property
    def _graphdef(self):
        return nnx.split(nnx.eval_shape(lambda: self._module(jax.random.key(0))), nnx.Param, nnx.BatchStat)[0]

    def init(self, key: jax.Array) -> tuple[Any, Any]:
        """Fresh parameters and batch-norm statistics."""
        _, params, stats = nnx.split(self._module(key), nnx.Param, nnx.BatchStat)
        return params, stats

    def train(self, params, stats, batch, key: jax.Array) -> tuple[jax.Array, Any]:
        """Outputs [B, tasks] in training mode, and the moved batch-norm statistics."""
        module = nnx.merge(self._graphdef, params, stats, copy=True)
        outputs = module(batch, training=True, key=key)
        return outputs, nnx.state(module, nnx.BatchStat)

    def predict(self, params, stats, batch) -> jax.Array:
        """Outputs [B, tasks] in evaluation mode."""
        return nnx.merge(self._graphdef, params, stats, copy=True)(batch, training=False)

    def embed(self, params, stats, batch) -> tuple[jax.Array, jax.Array]:
        """What the head sees of each molecule in evaluation mode, [B, d], and its outputs [B, tasks]."""
        module = nnx.merge(self._graphdef, params, stats, copy=True)
        embeddings = module.embed(batch, training=False)
        return embeddings, module.head(embeddings)

    def predict_probed(self, params, stats, batch, probe: jax.Array) -> jax.Array:
        """`predict`, where the gradient by `probe` is the squared norm of that by all linear layers' weights."""
        module = nnx.merge(self._graphdef, params, stats, copy=True)
        for _, layer in nnx.iter_modules(module):
            if isinstance(layer, Linear):
                layer.probe = probe
        return module(batch, training=False)

    @cached_property
    def parameters(self) -> int:
        """How many trained numbers the model has."""
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        return sum(leaf.size for leaf in jax.tree.leaves(params))


def model_shapes(settings: Settings, problem: TaskData) -> list[ModelSpec]:
    """The models that the settings ask for: of each modality, by width and depth."""
    sizes = list(product(settings.widths or (None,), settings.axis("depth") or (None,)))
    return [
        model_shape(settings, problem, modality, model, *size)
        for modality in settings.modalities
        for model in settings.models_of(modality)
        for size in sizes
    ]


def model_shape(
    settings: Settings, problem: TaskData, modality: str, model: str, width: int | None, depth: int | None
) -> ModelSpec:
    """A model of a modality for these settings; its own width, depth and dropout where they are not set."""
    default = MODELS[model]
    more = {}
    if modality == "smiles":
        more = {"tokens": len(problem.features[modality].vocabulary), "positions": True}
    if modality == "fingerprint":
        fingerprints = problem.features[modality]
        more = {"tokens": 2 if fingerprints.whole else fingerprints.bits, "positions": fingerprints.whole}
    if modality == "geometry":
        more = {"cutoff": settings.cutoff, "over_atoms": problem.over_atoms}
    return ModelSpec(
        width=width or default.width,
        depth=depth or default.depth,
        dropout=default.dropout if settings.dropout is None else settings.dropout,
        tasks=len(problem.table.tasks),
        precision=settings.precision,
        model=model,
        modality=modality,
        **more,
    )
