"""How many results a sweep has; those of classical models lack sizes that are too large for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxmrl.baselines.spec import baseline_specs
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import ROLLING
from jaxmrl.data.splits import subset_size
from jaxmrl.errors import ConfigError


def planned_of(folder: Path, metadata: dict[str, Any], config: SweepConfig) -> int:
    """Return how many rows results.csv has at the end of the sweep of a run directory.

    Args:
        folder: The run directory, for errors.
        metadata: The content of its run.json.
        config: Its settings.

    Raises:
        ConfigError: For metadata that are damaged.
    """
    try:
        molecules = {name: one["molecules"]["train"] for name, one in metadata["splits"].items()}
        return planned_rows(config, molecules)
    except (KeyError, TypeError, AttributeError):
        raise ConfigError(f"{folder / 'run.json'} is damaged: it does not say how many molecules were split") from None


def planned_rows(config: SweepConfig, molecules: Mapping[str, int]) -> int:
    """Return how many rows results.csv has at the end of a sweep; molecules: in the training set of each split."""
    sizes = max(1, len(config.widths)) * max(1, len(config.axis("depth")))
    trained = len(config.trained_models) * sizes * len(config.init) * len(config.pruning)
    fitted = len(config.classical_models) * len(config.classical_prunings)
    references = sum(
        spec.can_learn_from(size)
        for spec in baseline_specs(config)
        if spec.optional
        for split in config.splits
        for size in _train_sizes(config, split, molecules)
    )
    places = sum(config.cuts if split == ROLLING else len(config.fractions) for split in config.splits)
    return ((trained + fitted) * places + references) * config.seeds


def _train_sizes(config: SweepConfig, split: str, molecules: Mapping[str, int]) -> list[int]:
    """Return the sizes at which models of a kind of split are trained; molecules: as in `planned_rows`."""
    if split == ROLLING:
        return [size for name, size in molecules.items() if name.split()[0] == ROLLING]
    return [subset_size(fraction, molecules[split]) for fraction in config.fractions]
