"""The settings of a run as they were saved."""

from pathlib import Path
from typing import Any

from jaxmrl.config import SweepConfig, read_toml
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.runs.identity import read_run
from jaxmrl.runs.tables import RESULTS

MARKS = ("run.json", "config.toml", RESULTS)
"""Files that every run of a sweep has."""


def run_settings(path: Path) -> dict[str, Any]:
    """Return the settings in the config.toml of a run, with the defaults of the version that wrote it.

    Earlier versions had no baselines and one split, and did not save the modality that they chose: that of the GIN.
    """
    settings: dict[str, Any] = {"baselines": [], "split_seeds": 1} | read_toml(path)
    config = SweepConfig(**settings)
    return settings if config.modality or config.model or config.lacks_smiles else settings | {"modality": [GRAPH.name]}


def read_sweep(folder: Path) -> tuple[dict[str, Any], SweepConfig]:
    """Return the content of run.json, and the settings. Raise ConfigError if the folder is not a run."""
    if missing := [name for name in MARKS if not (folder / name).is_file()]:
        raise ConfigError(
            f"{folder} is not a run of a sweep: it has no {missing[0]}. Expected a folder that run_sweep or "
            "python -m jaxmrl.sweep wrote"
        )
    saved = read_run(folder)
    if saved is None:
        raise ConfigError(f"{folder} was removed while it was read; expected a folder that stays")
    return saved[0], SweepConfig(**run_settings(folder / "config.toml"))
