"""How long replicas are trained: in optimizer steps, and in words."""

import math

from jaxmrl.config.names import DEFAULT_MIN_STEPS
from jaxmrl.config.sweep import SweepConfig
from jaxmrl.modalities.registry import models
from jaxmrl.text import one_of


def epochs_of(config: SweepConfig, model: str) -> int:
    """Return for how many epochs replicas of a model train, unless --steps is given or --min-steps takes more."""
    return config.epochs or models()[model].epochs


def fewest_steps(config: SweepConfig) -> int:
    """Return the minimum number of optimizer steps of a replica whose length is in epochs; 1 if there is no minimum."""
    asked = config.min_steps or (1 if config.epochs else DEFAULT_MIN_STEPS)
    return 1 if config.steps else asked


def length_of(config: SweepConfig, model: str, epoch_steps: int) -> tuple[int, int]:
    """Return the length of a replica.

    Args:
        config: The settings of the sweep.
        model: The name of its model.
        epoch_steps: The optimizer steps of one of its epochs.

    Returns:
        Its length in optimizer steps, and the number of epochs between its validations.
    """
    if config.steps:
        return config.steps, config.evaluate_every
    usual = epochs_of(config, model)
    epochs = max(usual, math.ceil(fewest_steps(config) / epoch_steps))
    return epochs * epoch_steps, config.evaluate_every * max(1, epochs // usual)


def length_text(config: SweepConfig, *names: str) -> str:
    """Return the training length of models, by their names, or of all, in words; "" where they are classical.

    Equal epochs and equal steps give different exponents.
    """
    names = names or tuple(name for _, name in config.trained_models)
    epochs = sorted({epochs_of(config, name) for name in names if not models()[name].classical})
    if not epochs:
        return ""
    least = fewest_steps(config)
    minimum = f", {least} steps at least" if least > 1 else ""
    length = f"{config.steps} steps each" if config.steps else f"{one_of(map(str, epochs))} epochs each{minimum}"
    length += f", stopped early with patience {config.patience}" if config.patience else ""
    return f"{length}, heads alone" if config.freeze else length
