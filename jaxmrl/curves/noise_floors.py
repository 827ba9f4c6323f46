"""The least error that noisy labels allow any model, as run.json beside a table of results gives it."""

import json
import math
from pathlib import Path


def read_noise_floors(table: Path) -> dict[str, float]:
    """Return the least error that noisy labels allow any model, for each kind of split.

    Args:
        table: results.csv or curves.csv. If it is in a run directory, run.json is beside it.

    Returns:
        Errors in the unit of the mean metric; empty if there is no run.json, or replicates showed no noise.
    """
    try:
        splits = json.loads((table.parent / "run.json").read_text(encoding="utf-8"))["splits"]
        # The first split of a kind is named by the kind alone, and its floor is that of the sweep's own forecasts.
        found = {name: float(about["noise_floor"]) for name, about in splits.items() if about.get("noise_floor")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {name: floor for name, floor in found.items() if math.isfinite(floor)}
