"""A pre-trained encoder on disk: its weights by name, and what it is an encoder of."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmrl.chem.parents import AS_WRITTEN, kept_form
from jaxmrl.config.names import SCRATCH
from jaxmrl.errors import ConfigError
from jaxmrl.io import storage
from jaxmrl.io.weight_names import part_of
from jaxmrl.training.autoencoder import AutoencoderSpec
from jaxmrl.training.model_spec import ModelSpec

ENCODER = "encoder"
"""The part of a model that is pre-trained, and the folder of its weights."""

FORMAT = 3
"""The format of that folder. Raise it when another version could not read it."""


@dataclass(frozen=True)
class Encoder:
    """A pre-trained encoder, which replicas can start from.

    Attributes:
        name: The name of its folder, by which results are listed.
        digest: A digest of its weights.
        model: The model that it is the encoder of.
        width: The width of the model.
        depth: Its number of layers.
        standardize: The form of the molecules of its pre-training, of `chem.parents.FORMS`; None if that is not
            recorded.
        weights: Its arrays, by name.
    """

    name: str
    digest: str
    model: str
    width: int
    depth: int
    standardize: str | None
    weights: dict[str, jax.Array] = field(repr=False)

    def check(self, spec: ModelSpec) -> None:
        """Check that a model can start from these weights.

        Args:
            spec: The model of a sweep.

        Raises:
            UserError: If the model is another one, or has another width, depth or other shapes.
        """
        if (spec.model, spec.width, spec.depth) != (self.model, self.width, self.depth):
            raise ConfigError(
                f"--init {self.name} is a {self.model} of width {self.width} and depth {self.depth}; the sweep trains "
                f"a {spec.model} of width {spec.width} and depth {spec.depth}: give --model {self.model} "
                f"--width {self.width} --depth {self.depth}, or another checkpoint"
            )
        params, stats = jax.eval_shape(spec.init, jax.random.key(0))
        storage.check_form(f"--init {self.name}", part_of(params, ENCODER) | part_of(stats, ENCODER), self.weights)

    def remark(self, standardize: str) -> str:
        """Return a remark if a sweep sees molecules in another form than the pre-training did.

        Args:
            standardize: The form of the sweep's molecules.

        Returns:
            A sentence; empty if there is no difference.
        """
        if self.standardize in (None, standardize):
            return ""
        return (
            f"--init {self.name} was pre-trained with --standardize {self.standardize}, and this sweep has "
            f"--standardize {standardize}: the encoder was trained on molecules in another form (salts, ions, "
            "tautomers). Use the same value for both"
        )


def save_encoder(folder: Path, params: Any, stats: Any, spec: AutoencoderSpec, standardize: str = AS_WRITTEN) -> None:
    """Write the encoder of a pre-trained autoencoder to `folder`.

    standardize: the form of the molecules that it was trained on. Raises UserError if it cannot be written.
    """
    weights = part_of(params, ENCODER) | part_of(stats, ENCODER)
    sizes = {"model": spec.model, "width": spec.width, "depth": spec.depth}
    host = {"format": FORMAT, "standardize": standardize} | sizes
    storage.remove(folder / ENCODER)
    storage.write(folder / ENCODER, weights, host | {"digest": _digest(weights)})


def has_encoder(folder: Path) -> bool:
    """Return whether `folder` has an intact encoder that this version can read."""
    path = folder / ENCODER
    return storage.is_sound(path) and storage.read_host(path)["format"] == FORMAT


def load_encoder(folder: Path) -> Encoder:
    """Return the encoder that `save_encoder` wrote to `folder`. Raise ConfigError if it is missing or damaged."""
    path = folder / ENCODER
    if not path.is_dir():
        raise ConfigError(f"--init {folder}: no pre-trained encoder there; make one with python -m jaxmrl.pretrain")
    if not storage.is_sound(path):
        raise ConfigError(f"--init {folder}: the pre-trained encoder is damaged; pre-train it again")
    host = storage.read_host(path)
    if host["format"] != FORMAT:
        raise ConfigError(
            f"--init {folder} has format {host['format']}, and this version of jaxmrl reads format {FORMAT}; "
            "pre-train it again"
        )
    # Name the device to restore to: otherwise Orbax asks for the kind of device that they were saved from.
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    saved = storage.read_forms(path)
    form = {name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here) for name, leaf in saved.items()}
    facts = {name: host[name] for name in ("digest", "model", "width", "depth")}
    recorded = kept_form(host) if {"standardize", "parent"} & host.keys() else None
    weights = storage.read_arrays(path, form)
    return Encoder(folder.resolve().name, **facts, standardize=recorded, weights=weights)


Initializations = dict[str, Encoder | None]
"""What replicas begin from, by what results.csv calls it: none, or the name of a pre-training's folder."""


def load_starts(init: tuple[str, ...], specs: list[ModelSpec]) -> Initializations:
    """Return the encoders that --init names. Raise ConfigError if one cannot be read, or does not fit a model."""
    starts: Initializations = {}
    for name in init:
        encoder = None if name == SCRATCH else load_encoder(Path(name))
        label = encoder.name if encoder else SCRATCH
        if label in starts or (encoder and label in ("", SCRATCH)):
            raise ConfigError(
                f"--init distinguishes folders by their last part, and {label!r} is used twice: rename one"
            )
        for spec in specs:
            if encoder:
                encoder.check(spec)
        starts[label] = encoder
    return starts


def start_remarks(starts: Initializations, standardize: str) -> list[str]:
    """Return remarks on the encoders of a sweep whose molecules have this form, a sentence each."""
    remarks = (encoder.remark(standardize) for encoder in starts.values() if encoder)
    return [remark for remark in remarks if remark]


def _digest(weights: dict[str, jax.Array]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(weights):
        digest.update(name.encode() + np.asarray(weights[name]).tobytes())
    return digest.hexdigest()
