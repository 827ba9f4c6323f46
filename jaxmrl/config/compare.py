"""The settings of a comparison of runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxmrl.errors import ConfigError


@dataclass(frozen=True)
class CompareConfig:
    """The settings of comparing runs of sweeps.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN RUN ...")]
    """Compare the curves of these run directories of sweeps with those of the first one."""

    out: Path = Path("comparison")
    """Write compare.json and compare.html to this folder."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "runs", tuple(map(Path, self.runs)))
        object.__setattr__(self, "out", Path(self.out))
        if len(self.runs) < 2:
            raise ConfigError(f"a comparison needs two run directories or more; got {len(self.runs)}")
        if len({path.resolve() for path in self.runs}) < len(self.runs):
            raise ConfigError("the same run directory is given twice; give each once")
