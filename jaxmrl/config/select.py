"""The settings of a selection of molecules to label next, and of its simulation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from jaxmrl.chem.parents import FORMS
from jaxmrl.config.base import Config, flag
from jaxmrl.config.names import ACQUISITION_METHODS, PREDICTION_KINDS
from jaxmrl.config.predict import PredictConfig
from jaxmrl.errors import ConfigError, check_choice

DEFAULT_COUNT, DEFAULT_METHOD = 500, "mixture"

_OF_A_RUN = ("run", "curve", "embeddings", "best_label")
_OF_A_SIMULATION = ("dataset", "start", "standardize", "rounds", "repeats", "surrogate")


@dataclass(frozen=True)
class SelectConfig(Config):
    """The settings of selecting molecules to label next with the models of a sweep, and of simulating selections.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    run: Annotated[Positional[Path | None], arg(metavar="RUN_DIR")] = None
    """Select with the models in this run directory of a sweep. Default: none, for --simulate."""

    csv: Path | None = None
    """Select from the molecules in this table, in any format that --csv of a sweep accepts. With --simulate, the table
    must also have labels. Default: none."""

    dataset: str = ""
    """Simulate on this data set; jaxmrl sweep --list-datasets prints all names. Default: none."""

    sheet: str | None = None
    """Read this sheet of --csv, if that is an Excel workbook. Default: the first sheet whose header names SMILES, else
    the first one with rows."""

    smiles_column: str | None = None
    """Read molecules from this column of --csv: SMILES, InChI or mol blocks. Default: the column named smiles, or the
    one whose name and content fit best."""

    target_column: str | None = None
    """Select for this task of the run; with --simulate, for this column of labels. Default: the only one; with
    --dataset, the first one."""

    simulate: bool = False
    """Compare the methods on a table with known labels instead of selecting: start with a few labels, buy more in
    batches, and report the hits found, the error of the model and the labels saved."""

    method: tuple[str, ...] = ()
    """Select with these methods; several methods share the batch equally. Default: mixture; with --simulate, all
    methods."""

    standardize: Literal["none", "parent", "tautomer"] = "none"
    """Replace each molecule of a simulation by its parent, the largest organic fragment with charges neutralized, or by
    the canonical tautomer of its parent. A selection with the models of a run treats molecules as that run did."""

    count: int | None = None
    """Select this many molecules; with --simulate, in each round. Default: 500; with --simulate, 5% of the
    molecules that can be bought."""

    maximize: bool = False
    """Prefer high values, or class 1. Default: yes, unless --minimize is given."""

    minimize: bool = False
    """Prefer low values, or class 0."""

    best_label: float | None = None
    """Set the best label so far, over which the method ei computes the expected improvement. Default: the best label
    of the molecules that the models were trained on."""

    curve: str | None = None
    """Select with the models of this curve, if the sweep has several. Default: the curve with the best mean validation
    metric."""

    embeddings: Path | None = None
    """Read the vectors of the molecules of --csv from this file, for models that learned from --embeddings. Default:
    none."""

    batch_size: int = 256
    """Set the number of molecules per batch of predictions."""

    seed: int = 0
    """Seed the random numbers of the methods; with --simulate, the choice of the test set."""

    start: int | None = None
    """Start a simulation with this many labels. Default: 5% of the molecules that can be bought."""

    rounds: int = 5
    """Simulate this many rounds."""

    repeats: int = 10
    """Simulate each method this many times, from different random starts; intervals are over these repeats."""

    surrogate: Literal["gp", "rf"] = "gp"
    """Use this model of ECFP4 counts in a simulation: a Gaussian process with the Tanimoto kernel, or a random
    forest."""

    out: Path | None = None
    """Write the selection to this file (.csv, .parquet, .xlsx or .sdf), or the simulation to this folder. Default:
    selection.csv, or simulation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("count", "start", "rounds", "repeats"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{flag(name)} must be 1 or more; got {value}")
        if self.seed < 0:
            raise ConfigError(f"--seed must be 0 or more; got {self.seed}")
        for name in self.method:
            check_choice("method", name, ACQUISITION_METHODS)
        check_choice("standardize", self.standardize, FORMS)
        if self.maximize and self.minimize:
            raise ConfigError("give --maximize or --minimize, not both")
        object.__setattr__(self, "method", tuple(dict.fromkeys(self.method)))
        self._check_source()

    def _check_source(self) -> None:
        """Check that a selection has a run and a table, and a simulation a table of its own."""
        wrong = [
            name
            for name in (_OF_A_RUN if self.simulate else _OF_A_SIMULATION)
            if getattr(self, name) != getattr(type(self), name)
        ]
        if wrong:
            named = "RUN_DIR" if wrong[0] == "run" else flag(wrong[0])
            raise ConfigError(
                f"{named} cannot be used {'with' if self.simulate else 'without'} --simulate; omit {named}"
            )
        if self.simulate:
            if (self.csv is None) == (not self.dataset):
                raise ConfigError("--simulate needs one table with labels: give either --csv or --dataset")
        elif self.run is None or self.csv is None:
            raise ConfigError(
                "give RUN_DIR, the folder of a sweep, and --csv, the molecules to choose from; or --simulate"
            )
        else:
            _ = self.prediction  # its own checks

    @property
    def prediction(self) -> PredictConfig:
        """The settings of the predictions that a selection needs."""
        if self.run is None or self.csv is None:
            raise ConfigError("a simulation has no run to predict with")
        return PredictConfig(
            run=self.run,
            csv=self.csv,
            smiles_column=self.smiles_column,
            sheet=self.sheet,
            curve=self.curve,
            embeddings=self.embeddings,
            batch_size=self.batch_size,
            out=self.output,
        )

    @property
    def output(self) -> Path:
        """The file of the selection, or the folder of the simulation."""
        return self.out or Path("simulation" if self.simulate else f"selection{PREDICTION_KINDS[0]}")
