"""Which classical models a sweep fits, and how many molecules each can learn from."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from jaxmrl.baselines.fitting import Assignment
from jaxmrl.errors import ConfigError
from jaxmrl.training.lanes import Replica, name_hash

MOST_MOLECULES = {"svm": 10_000, "gp": 5_000}
"""Training molecules of models whose kernel has a row and a column for each."""


@dataclass(frozen=True)
class BaselineSpec:
    """A classical model on one feature set, by its names."""

    modality: str
    model: str

    @property
    def name(self) -> str:
        return f"{self.modality}-{self.model}"

    def check(self, molecules: int) -> None:
        """Raise ConfigError where the model cannot learn from so many molecules, or its package is not installed."""
        most = MOST_MOLECULES.get(self.model, molecules)
        if molecules > most:
            raise ConfigError(
                f"--model {self.model} learns from at most {most:,} molecules, and the largest fraction has "
                f"{molecules:,}: give smaller --fractions, or leave {self.model} out"
            )
        if self.model == "lightgbm" and find_spec("lightgbm") is None:
            raise ConfigError("--model lightgbm needs LightGBM: pip install 'jaxmrl[lightgbm]'")

    def assignment(self, replica: Replica, task: str, asked: np.ndarray) -> Assignment:
        """Return what a worker fits and predicts: the molecules `asked` [m], by their places in the table."""
        seed = np.random.SeedSequence([replica.seed, name_hash(replica.name)]).generate_state(1)[0] >> 1
        return Assignment(self.model, task == "classification", replica.train, replica.valid, asked, int(seed))
