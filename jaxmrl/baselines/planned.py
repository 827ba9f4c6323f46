"""How many results a sweep has; those of classical models lack sizes that are too large for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxmrl.baselines.spec import baseline_specs
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import ROLLING
from jaxmrl.data.splits import subset_size
from jaxmrl.errors import ConfigError
from jaxmrl.rows import NO_EXTRA


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
        return planned_rows(config, molecules, metadata.get("extra_molecules", 0))
    except (KeyError, TypeError, AttributeError):
        raise ConfigError(f"{folder / 'run.json'} is damaged: it does not say how many molecules were split") from None


def planned_rows(config: SweepConfig, molecules: Mapping[str, int], extra_molecules: int = 0) -> int:
    """Return how many rows results.csv has at the end of a sweep.

    Args:
        config: Its settings.
        molecules: The number of molecules in the training set of each split.
        extra_molecules: The number of usable molecules of --extra.
    """
    sizes = max(1, len(config.widths)) * max(1, len(config.axis("depth")))
    trained = len(config.trained_models) * sizes * len(config.init) * len(config.pruning) * len(config.extras)
    specs = baseline_specs(config)
    fitted = sum(len(spec.extras(config)) for spec in specs if not spec.optional) * len(config.classical_prunings)
    references = sum(
        spec.can_learn_from(size + (0 if extra == NO_EXTRA else extra_molecules))
        for spec in specs
        if spec.optional
        for extra in spec.extras(config)
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
