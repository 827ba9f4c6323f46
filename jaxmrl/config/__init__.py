"""The commands' settings: frozen dataclasses, checked where values enter; TOML in, flags over it."""

from jaxmrl.config.base import Config
from jaxmrl.config.compare import CompareConfig
from jaxmrl.config.data import Settings
from jaxmrl.config.fit import CurvesConfig, FitConfig
from jaxmrl.config.plan import PlanConfig
from jaxmrl.config.predict import PredictConfig
from jaxmrl.config.pretrain import PretrainConfig
from jaxmrl.config.score import ScoreConfig
from jaxmrl.config.select import SelectConfig
from jaxmrl.config.serve import ServeConfig
from jaxmrl.config.sweep import SweepConfig
from jaxmrl.config.toml import default_directory, read_toml, to_toml
from jaxmrl.config.value import ValueConfig

__all__ = [
    "CompareConfig",
    "Config",
    "CurvesConfig",
    "FitConfig",
    "PlanConfig",
    "PredictConfig",
    "PretrainConfig",
    "ScoreConfig",
    "SelectConfig",
    "ServeConfig",
    "Settings",
    "SweepConfig",
    "ValueConfig",
    "default_directory",
    "read_toml",
    "to_toml",
]
