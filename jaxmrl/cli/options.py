"""The options of a command for tyro: the fields of its settings and flags, grouped by topic, with their help."""

import ast
import inspect
import textwrap
from dataclasses import MISSING, Field, field, fields, is_dataclass, make_dataclass
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from tyro.conf import FlagCreatePairsOff, arg

from jaxmrl.config.names import (
    ACQUISITION_METHODS,
    DYNAMIC_PRUNINGS,
    METRIC_NAMES,
    PRUNING_METHODS,
    SPLITS,
    VALUE_METHODS,
)
from jaxmrl.config.score import ScoreConfig
from jaxmrl.config.sweep import NO_BASELINE
from jaxmrl.config.value import ValueConfig
from jaxmrl.modalities import registry
from jaxmrl.modalities.registry import FeatureSettings
from jaxmrl.text import one_of

GENERAL = ("config", "list_datasets", "dry_run", "estimate", "version")
"""Options without a topic, which `--help` lists first."""

TOPICS: dict[str, tuple[str, ...]] = {
    "data": (
        *("csv", "sheet", "smiles_column", "target_columns", "target_column", "keep_columns", "dataset", "npz", "task"),
        *("metric", "pic50", "log10", "assay_column", "value_column"),
        *("standardize", "deduplicate", "censored", "split", "split_file", "split_seed", "split_seeds"),
        *("previous", "extra"),
        *("group_column", "date_column", "cuts", "weight_column"),
        *("n_column", "metric_column", "sd_column", "runs_column", "by", "params_column", "pool", "no_prior"),
    ),
    "metric": ("higher_is_better", "lower_is_better", "best", "guess"),
    "selection": ("simulate", "method", "count", "maximize", "minimize", "best_label"),
    "simulation": ("start", "rounds", "repeats", "surrogate"),
    "forecast": ("predict", "target"),
    "purchase": ("value", "cost", "budget", "batch", "deadline", "least_chance", "assay_sd"),
    "confidence": ("coverage", "neighbors", "explain"),
    "grid": ("fractions", "seeds"),
    "model": (
        "modality",
        "model",
        "baselines",
        "width",
        "depth",
        "dropout",
        "init",
        "freeze",
        "run",
        "runs",
        "curve",
        "fraction",
        "ensemble",
    ),
    "featurization": tuple(
        dict.fromkeys(name for base in FeatureSettings.__mro__ for name in getattr(base, "__dataclass_fields__", ()))
    ),
    "training": (
        *("epochs", "steps", "min_steps", "batch_size", "learning_rate", "evaluate_every", "patience"),
        *("weight_decay", "clip_norm", "class_weight", "mask_rate", "seed"),
        *("tune", "tune_each_size"),
    ),
    "pruning": ("pruning", "methods", "keep", "scores", "score_seeds", "score_epochs"),
    "values": ("subsets", "trees"),
    "output": ("out", "extend", "save_predictions", "save_all_models", "tracker", "json"),
    "page": ("port",),
    "hardware": ("lanes", "precision", "cluster", "max_time"),
}
"""Names of settings and flags by topic, the essential ones first."""

_NEURAL, _CLASSICAL = (
    tuple(name for name, model in registry.models().items() if model.classical is classical)
    for classical in (False, True)
)

_CHOICES = {
    "metric": METRIC_NAMES,
    "split": SPLITS,
    "modality": registry.modality_names(),
    "model": tuple(registry.models()),
    "baselines": (*_CLASSICAL, NO_BASELINE),
    "pruning": (*PRUNING_METHODS, *DYNAMIC_PRUNINGS),
    "methods": PRUNING_METHODS,
    "method": ACQUISITION_METHODS,
}

_CHOICES_OF_SCORES = {
    "modality": tuple(dict.fromkeys(one for name in _NEURAL for one in registry.modalities_of(name))),
    "model": _NEURAL,
}
"""Where they differ: classical models do not score molecules."""

_METAVARS = {int: "INT", float: "FLOAT", str: "STR", Path: "PATH"}
_ACTIONS = ("list_datasets", "dry_run", "estimate", "version")


def choices_of(kind: type) -> dict[str, tuple[str, ...]]:
    """Return {option: the names that it can take} of settings, for options that tyro does not list by itself."""
    own = _CHOICES_OF_SCORES if issubclass(kind, ScoreConfig | ValueConfig) else {}
    return _CHOICES | own | ({"methods": VALUE_METHODS} if issubclass(kind, ValueConfig) else {})


def options_type(kinds: tuple[type, ...], given: dict[str, Any]) -> type:
    """Return a dataclass with the fields of `kinds`, in a nested dataclass for each topic; tyro makes groups of these.

    Args:
        kinds: dataclasses of settings or flags. A field of a dataclass type, as `settings`, is left out.
        given: {name: value} of defaults that replace those of the classes.
    """
    known = {name: option for kind in kinds for name, option in _options(kind, given).items()}
    groups: list[Any] = [known[name] for name in GENERAL if name in known]
    for topic, names in by_topic(set(known)).items():
        group = make_dataclass(topic.title(), [known[name] for name in names], kw_only=True, frozen=True)
        groups.append((topic, Annotated[group, arg(help="")]))
    return make_dataclass("Options", groups, kw_only=True, frozen=True)


def by_topic(names: set[str]) -> dict[str, tuple[str, ...]]:
    """Return {topic: names} of the options of a command that have a topic, the essential ones first."""
    groups = {topic: tuple(name for name in listed if name in names) for topic, listed in TOPICS.items()}
    if names >= {"batch_size"} and "learning_rate" not in names:
        # predict and select train nothing: the size of their batches is a matter of memory
        seed = tuple(name for name in groups["training"] if name == "seed")
        groups |= {"training": (), "hardware": ("batch_size", *groups["hardware"])}
        groups |= {"selection": (*groups["selection"], *seed)}
    if "subsets" in names:  # the methods of the value command do not prune
        groups |= {"pruning": (), "values": ("methods", *groups["values"])}
    return {topic: members for topic, members in groups.items() if members}


def values_of(options: Any) -> dict[str, Any]:
    """Return {name: value} of all options that an `options_type` has parsed."""
    values: dict[str, Any] = {}
    for one in fields(options):
        value = getattr(options, one.name)
        values |= values_of(value) if is_dataclass(value) else {one.name: value}
    return values


def option_texts(kind: type) -> dict[str, str]:
    """Return {field: help text} of a dataclass: the docstring of each field, with the names that it can take.

    Empty where the source of the class is not installed.
    """
    texts, choices = documented(kind), choices_of(kind)
    for name in texts.keys() & choices.keys():
        text, default, computed = texts[name].partition(" Default: ")
        texts[name] = f"{text} Choose {one_of(choices[name])}.{default}{computed}"
    return texts


def _options(kind: type, given: dict[str, Any]) -> dict[str, tuple[str, Any, Any]]:
    """Return {name: (name, type, field)} of the fields of a dataclass, as `make_dataclass` takes them."""
    texts, hints = option_texts(kind), get_type_hints(kind, include_extras=True)
    return {
        one.name: (one.name, *_option(one, hints[one.name], texts.get(one.name, ""), given))
        for one in fields(kind)
        if one.name != "settings"
    }


def _option(one: Field[Any], hint: Any, text: str, given: dict[str, Any]) -> tuple[Any, Any]:
    """Return the annotated type and the field of one option."""
    value = given.get(one.name, one.default)
    text, _, computed = text.partition(" Default: ")
    shown = f"(default: {computed.removesuffix('.')})" if computed and value == one.default else None
    if one.name in _ACTIONS:
        hint, shown = Annotated[hint, FlagCreatePairsOff], ""
    if value is MISSING:
        shown = ""
    about = Annotated[hint, arg(help=text, metavar=_metavar(hint), help_behavior_hint=shown)]
    return about, field() if value is MISSING else field(default=value)


def _metavar(hint: Any) -> str | None:
    """Return what an optional value is called in `--help`, without None; None where tyro's own name is fine."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    names = ["{" + ",".join(get_args(one)) + "}" if get_origin(one) is Literal else _METAVARS.get(one) for one in kinds]
    return "|".join(filter(None, names)) if NoneType in get_args(hint) and None not in names else None


def documented(kind: type) -> dict[str, str]:
    """Return {field: docstring} of a dataclass and of those that it inherits from, each in one line."""
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        try:
            source = inspect.getsource(base) if is_dataclass(base) else "class Nothing: pass"
        except OSError:
            continue
        (tree,) = ast.parse(textwrap.dedent(source)).body
        assert isinstance(tree, ast.ClassDef)
        for named, text in pairwise(tree.body):
            match named, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    texts[name] = " ".join(words.split())
    return texts
