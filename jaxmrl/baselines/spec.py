"""Which classical models a sweep fits, and how many molecules each can learn from."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import REFERENCE_MODEL
from jaxmrl.data import splits
from jaxmrl.data.table import Table
from jaxmrl.errors import ConfigError
from jaxmrl.rows import NO_EXTRA
from jaxmrl.training.lanes import Replica
from jaxmrl.training.streams import name_hash

MOST_MOLECULES = {"svm": 10_000, "gp": 5_000}
"""Training molecules of models whose kernel has a row and a column for each."""


@dataclass(frozen=True)
class BaselineSpec:
    """A classical model on one feature set, by its names."""

    modality: str
    model: str
    optional: bool = False
    """Whether sizes that it cannot learn from are left out, as those of a baseline that nobody named are."""

    @property
    def name(self) -> str:
        return f"{self.modality}-{self.model}"

    def extras(self, config: SweepConfig) -> tuple[str, ...]:
        """Return the extra sources of its curves: the training mean is that of the main source alone."""
        return (NO_EXTRA,) if self.model == REFERENCE_MODEL else config.extras

    def can_learn_from(self, molecules: int) -> bool:
        """Return whether the model can learn from so many molecules."""
        return molecules <= MOST_MOLECULES.get(self.model, molecules)

    def check(self, molecules: int) -> None:
        """Raise ConfigError where the model cannot learn from so many molecules, or its package is not installed."""
        if not (self.optional or self.can_learn_from(molecules)):
            most = MOST_MOLECULES[self.model]
            raise ConfigError(
                f"--model {self.model} learns from at most {most:,} molecules, and the largest fraction has "
                f"{molecules:,}: give smaller --fractions, or leave {self.model} out"
            )
        if self.model == "lightgbm" and find_spec("lightgbm") is None:
            raise ConfigError("--model lightgbm needs LightGBM: pip install 'jaxmrl[lightgbm]'")

    def assignment(self, replica: Replica, table: Table, asked: np.ndarray) -> Assignment:
        """Return what a worker fits and predicts: the molecules `asked` [m], by their places in the table."""
        weights = None if table.loss_weights is None else table.loss_weights[replica.train]
        seed = np.random.SeedSequence([replica.seed, name_hash(replica.name)]).generate_state(1)[0] >> 1
        parts = replica.train, replica.valid, asked
        return Assignment(self.model, table.task == "classification", *parts, int(seed), weights)


def baseline_specs(config: SweepConfig) -> list[BaselineSpec]:
    """Return the classical models of a sweep: those that are asked for, and its baselines."""
    asked = [BaselineSpec(*both) for both in config.classical_models]
    return asked + [BaselineSpec(*both, optional=True) for both in config.reference_models]


def left_out_lines(config: SweepConfig, molecules: int, extra_molecules: int = 0) -> list[str]:
    """Return a sentence for each baseline that is left out, which says why.

    molecules: the number of the main source in the largest training set; extra_molecules: the number of --extra.
    """
    named = {model for _, model in (*config.classical_models, *config.reference_models)}
    lines = [
        f"baseline {name}: left out because it needs SMILES, which {config.name} does not have"
        for name in config.baselines or ()
        if name not in named
    ]
    largest = splits.subset_size(max(config.fractions), molecules)
    return lines + [
        f"baseline {spec.model}: left out beyond {MOST_MOLECULES[spec.model]:,} training molecules"
        for spec in baseline_specs(config)
        if spec.optional and not spec.can_learn_from(largest + extra_molecules)
    ]
