"""From a model's specification to pure functions over its arrays."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import jax
from flax import nnx

from jaxmrl.config import Settings
from jaxmrl.data.task_data import TaskData
from jaxmrl.modalities.graph.modality import GIN, GRAPH
from jaxmrl.modalities.layers import Linear
from jaxmrl.modalities.registry import get_modality


@dataclass(frozen=True)
class ModelSpec:
    """What decides a model's program. Replicas that share it can share lanes.

    options: what the model needs beside these, of its own `Model.options`; None where it needs nothing.
    """

    width: int
    depth: int
    dropout: float
    tasks: int
    precision: str
    model: str = GIN.name
    modality: str = GRAPH.name
    options: Any = None

    @property
    def name(self) -> str:
        return f"{self.modality}-{self.model}-{self.width}x{self.depth}"

    def _module(self, key: jax.Array) -> nnx.Module:
        own = vars(self.options) if self.options else {}
        build = get_modality(self.modality).model(self.model).build
        assert build is not None, "no lane trains a classical model"
        return build(
            width=self.width,
            depth=self.depth,
            dropout=self.dropout,
            tasks=self.tasks,
            precision=self.precision,
            rngs=nnx.Rngs(params=key),
            **own,
        )

    @cached_property
    def graphdef(self) -> nnx.GraphDef:
        """The structure of the model, for `nnx.merge` with its parameters and batch-norm statistics."""
        return nnx.split(nnx.eval_shape(lambda: self._module(jax.random.key(0))), nnx.Param, nnx.BatchStat)[0]

    @cached_property
    def has_dropout(self) -> bool:
        """Whether the model has layers whose dropout rate can be set."""
        module = nnx.eval_shape(lambda: self._module(jax.random.key(0)))
        return any(hasattr(layer, "dropout") for _, layer in nnx.iter_modules(module))

    def init(self, key: jax.Array) -> tuple[Any, Any]:
        """Return fresh parameters and batch-norm statistics."""
        _, *states = nnx.split(self._module(key), nnx.Param, nnx.BatchStat)
        params, stats = states
        return params, stats

    def train(
        self, params: Any, stats: Any, batch: Any, key: jax.Array, dropout: float | jax.Array | None = None
    ) -> tuple[jax.Array, Any]:
        """Return outputs [B, tasks] in training mode, and the moved batch-norm statistics.

        dropout: a traced rate, in place of the model's own; any other is the model's own.
        """
        module = nnx.merge(self.graphdef, params, stats, copy=True)
        if isinstance(dropout, jax.Array):
            _set_dropout(module, dropout)
        outputs = module(batch, training=True, key=key)
        return outputs, nnx.state(module, nnx.BatchStat)

    def predict(self, params: Any, stats: Any, batch: Any) -> jax.Array:
        """Return outputs [B, tasks] in evaluation mode."""
        return nnx.merge(self.graphdef, params, stats, copy=True)(batch, training=False)

    def embed(self, params: Any, stats: Any, batch: Any) -> tuple[jax.Array, jax.Array]:
        """Return the head's input for each molecule in evaluation mode, [B, d], and its outputs [B, tasks]."""
        module = nnx.merge(self.graphdef, params, stats, copy=True)
        embeddings = module.embed(batch, training=False)
        return embeddings, module.head(embeddings)

    def predict_probed(self, params: Any, stats: Any, batch: Any, probe: jax.Array) -> jax.Array:
        """Return outputs as `predict`; their gradient by `probe` is the squared norm of that by all linear layers'
        weights.
        """
        module = nnx.merge(self.graphdef, params, stats, copy=True)
        for _, layer in nnx.iter_modules(module):
            if isinstance(layer, Linear):
                layer.probe = probe
        return module(batch, training=False)

    @cached_property
    def parameters(self) -> int:
        """The number of trained parameters."""
        params, _ = jax.eval_shape(self.init, jax.random.key(0))
        return sum(leaf.size for leaf in jax.tree.leaves(params))


def _set_dropout(module: nnx.Module, rate: jax.Array) -> None:
    """Set the dropout rate of every layer that has one."""
    for _, layer in nnx.iter_modules(module):
        if hasattr(layer, "dropout"):
            layer.dropout = rate


def model_specs(settings: Settings, problem: TaskData) -> list[ModelSpec]:
    """Return the models that the settings ask for and that lanes train: of each modality, by width and depth."""
    sizes = list(product(settings.widths or (None,), settings.axis("depth") or (None,)))
    return [
        model_spec(settings, problem, modality, model, *size)
        for modality, model in settings.trained_models
        for size in sizes
    ]


def model_spec(
    settings: Settings, problem: TaskData, modality: str, model: str, width: int | None, depth: int | None
) -> ModelSpec:
    """Return a model of a modality for these settings; its own width, depth and dropout where they are not set."""
    kind = get_modality(modality)
    default = kind.model(model)
    return ModelSpec(
        width=width or default.width,
        depth=depth or default.depth,
        dropout=default.dropout if settings.dropout is None else settings.dropout,
        tasks=len(problem.table.tasks),
        precision=settings.precision,
        model=model,
        modality=modality,
        options=kind.options(problem.features[modality], problem.over_atoms),
    )
