"""Learning curves, scaling laws and data pruning for molecular models, many trainings in one JAX program.

The names in `__all__` are the public interface. Each is imported when it is first used, so that `import jaxmrl` takes
no time; importing sets no option of JAX.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any

# `python -m jaxmrl...` imports this first, with "-m" as its name, and only then what imports JAX and Matplotlib.
if sys.argv[:1] == ["-m"]:
    from jaxmrl.startup import prepare

    prepare()

__version__ = version("jaxmrl")

_HOMES = {
    "run_sweep": "sweep",
    "SweepConfig": "config",
    "load_run": "sweep.load",
    "SweepResult": "sweep.result",
    "LearningCurve": "sweep.result",
    "ResultRow": "rows",
    "EnsembleRow": "runs.ensembles",
    "CurveIdentity": "rows",
    "score_molecules": "score",
    "ScoreConfig": "config",
    "Scores": "pruning.select",
    "value_molecules": "value",
    "ValueConfig": "config",
    "DataValues": "valuation.value_files",
    "pretrain_encoder": "pretrain",
    "PretrainConfig": "config",
    "Encoder": "training.encoder",
    "predict_molecules": "predict",
    "PredictConfig": "config",
    "Predictions": "predict",
    "select_molecules": "select",
    "simulate_selection": "select.simulate",
    "SelectConfig": "config",
    "Selection": "select",
    "Simulation": "select.simulate",
    "fit_curves": "fit",
    "FitConfig": "config",
    "plan_purchase": "plan",
    "PlanConfig": "config",
    "Tracker": "trackers.base",
    "compare_sweeps": "compare",
    "CompareConfig": "config",
    "UserError": "errors",
}
"""Each public name, and the module of this package that defines it."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
