"""The settings of commands that keep molecules by their scores."""

from dataclasses import dataclass
from typing import Literal

from jaxmrl.config.data import Settings
from jaxmrl.config.names import KEPT
from jaxmrl.errors import ConfigError


@dataclass(frozen=True)
class PruningSettings(Settings):
    """The settings of commands that keep molecules by their scores."""

    keep: Literal["hard", "easy"] = "hard"
    """Keep the molecules with the highest scores (hard) or the lowest (easy) when pruning; random, herding, kmeans,
    moderate and ccs do not offer the choice. The published study keeps the hard ones."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep not in KEPT:
            raise ConfigError(
                f"--keep must be hard or easy; got {self.keep!r}. Use --fractions to set how much is kept"
            )
