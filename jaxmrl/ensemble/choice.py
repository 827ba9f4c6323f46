"""Which models of a run predict: those of a curve, the best one, or those of several curves."""

from pathlib import Path

import numpy as np

from jaxmrl.baselines.saved import KeptModel, SavedBaseline, load_model
from jaxmrl.config import PredictConfig
from jaxmrl.config.names import REFERENCE_MODEL
from jaxmrl.errors import ConfigError
from jaxmrl.progress import ProgressReporter
from jaxmrl.runs import artifacts
from jaxmrl.runs.ensembles import read_ensembles
from jaxmrl.runs.saved_settings import run_settings
from jaxmrl.text import count, exact, one_of
from jaxmrl.training.metrics import mean_label_of

Curves = dict[str, list[KeptModel]]
"""The models of each curve by the curve's name, in order of their seeds."""


def models_by_curve(run: Path, fraction: float | None = None) -> Curves:
    """Return the models of each curve of a sweep at one fraction, by default the largest, by the curve's name.

    Raise ConfigError if there are none.
    """
    if not (run / "results.csv").is_file() or not (run / "config.toml").is_file():
        raise ConfigError(f"{run} is not a run of jaxmrl.sweep: give the folder that has results.csv and config.toml")
    saved = artifacts.saved_fractions(run)
    if saved and fraction is not None and fraction not in saved:
        raise ConfigError(
            f"--fraction {exact(fraction)}: {run} has models at fraction {one_of(map(exact, saved))}; a sweep with "
            "--save-all-models keeps those of all its fractions"
        )
    if curves := artifacts.read_models(run, load_model, fraction):
        return curves
    raise ConfigError(
        f"{run} has no models: no replica of its largest fraction has finished, or an older version wrote it; "
        "run the sweep again with another --out"
    )


def choose_models(config: PredictConfig, curves: Curves, reporter: ProgressReporter) -> Curves:
    """Return the models that predict, by their curves, and report the choice. Raise ConfigError if none fits."""
    judged = {name: float(np.mean([_valid(model) for model in models])) for name, models in curves.items()}
    asked = _asked_for(config, curves)
    _check_comparable(config, asked)
    pick = max if next(iter(curves.values()))[0].metric.higher_is_better else min
    best = pick(asked, key=judged.__getitem__)
    chosen = {best: curves[best]}
    if config.ensemble == "best":
        chosen = {best: [pick(curves[best], key=_valid)]}
    elif config.ensemble == "all":
        chosen = _alike(asked, best)
    for name, models in chosen.items():
        reporter.say(_said(config.run, name, models))
    _say_others(config, asked, curves, judged, chosen, reporter)
    if not (config.run / "curves.csv").exists():
        reporter.say(f"the sweep in {config.run} is not finished: these are the models so far")
    return chosen


def choose_curve(config: PredictConfig, curves: Curves, reporter: ProgressReporter) -> tuple[str, list[KeptModel]]:
    """Return the curve that is asked for, or else the best by mean validation metric, and report the choice."""
    ((name, models),) = choose_models(config, curves, reporter).items()
    return name, models


def _valid(model: KeptModel) -> float:
    """Return the validation metric of a model; one that is kept has a result."""
    assert model.row.valid is not None
    return model.row.valid


def _asked_for(config: PredictConfig, curves: Curves) -> Curves:
    """Return the curves of --curve and --model. Raise ConfigError if there is none."""
    if config.curve is not None and config.curve not in curves:
        raise ConfigError(f"unknown curve {config.curve!r}; choose from {' '.join(curves)}")
    found = {name: models for name, models in curves.items() if config.curve in (None, name)}
    if config.model is not None:
        found = {name: models for name, models in found.items() if models[0].row.curve.model == config.model}
    if not found:
        names = dict.fromkeys(models[0].row.curve.model for models in curves.values())
        where = f" in curve {config.curve}" if config.curve else ""
        raise ConfigError(f"no model {config.model!r}{where}; the models of {config.run} are {' '.join(names)}")
    return found


def _check_comparable(config: PredictConfig, asked: Curves) -> None:
    """Raise ConfigError where the validation metrics of curves cannot be compared.

    With bounds in the loss, they count labels such as `>30`, but those of classical models of older versions do not.
    """
    kinds = {isinstance(one, SavedBaseline) and not one.counts_bounds for (one, *_) in asked.values()}
    if len(kinds) > 1 and run_settings(config.run / "config.toml").get("censored") == "loss":
        raise ConfigError(
            f"an older version ran the sweep in {config.run} with --censored loss: its validation errors of neural "
            "networks count censored labels, those of classical models do not, so they cannot be compared. Run the "
            "sweep again with another --out, or choose with --model or --curve: " + ", ".join(asked)
        )


def _alike(curves: Curves, best: str) -> Curves:
    """Return the best curve and the others of its kind of split, without the reference model."""
    split = curves[best][0].row.curve.split
    others = {
        name: models
        for name, models in curves.items()
        if models[0].row.curve.split == split and models[0].row.curve.model != REFERENCE_MODEL
    }
    return {best: curves[best], **others}


def _said(run: Path, name: str, models: list[KeptModel]) -> str:
    """Return in words which models of a curve predict, and what is known of them."""
    first = models[0]
    valid = float(np.mean([_valid(model) for model in models]))
    said = (
        f"{name}: {count(len(models), 'model')} at fraction {exact(first.row.fraction)}, "
        f"mean validation {first.metric.mean_label(len(first.tasks))} {valid:.4g}{_ensemble_text(run, models)}"
    )
    if len(models) == 1:
        return said
    splits = len({model.row.split_seed for model in models})
    return said + (f"; their mean, over {splits} splits and seeds" if splits > 1 else "; their mean, over seeds")


def _ensemble_text(run: Path, models: list[KeptModel]) -> str:
    """Return what the sweep found of the mean prediction of these models on its test molecules, if it did."""
    row = models[0].row
    named = lambda one: (artifacts.curve_name(one), one.fraction)
    found = next((one for one in read_ensembles(run) if named(one) == named(row) and one.n_seeds == len(models)), None)
    if found is None:
        return ""
    return f"; test {mean_label_of(found.metric)} of their mean prediction {found.ensemble:.4g}"


def _say_others(
    config: PredictConfig,
    asked: Curves,
    curves: Curves,
    judged: dict[str, float],
    chosen: Curves,
    reporter: ProgressReporter,
) -> None:
    """Report why these curves were chosen, and which others there are."""
    others = [f"{other} ({judged[other]:.4g})" for other in curves if other not in chosen]
    if others:
        why = "chosen by --curve" if config.curve else "the best by validation"
        why += f" of those of --model {config.model}" if config.model and not config.curve else ""
        why = "averaged by --ensemble all" if config.ensemble == "all" else why
        reporter.say(f"{why}; --curve selects another: {', '.join(others)}")
    if len({model.row.curve.split for models in asked.values() for model in models}) > 1:
        reporter.say("curves of different splits were validated on different molecules")
