"""The settings of the local web page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxmrl.errors import ConfigError

_HIGHEST_PORT = 65_535


@dataclass(frozen=True)
class ServeConfig:
    """The settings of the web page that follows sweeps.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN ...")]
    """Show these run directories of sweeps, and the run directories in these folders."""

    port: int = 0
    """Listen on this port of this machine; 0 chooses a free port."""

    def __post_init__(self) -> None:
        given = (self.runs,) if isinstance(self.runs, str | Path) else self.runs
        object.__setattr__(self, "runs", tuple(map(Path, given)))
        if not self.runs:
            raise ConfigError("no run was given; give run directories of sweeps, or folders that contain some")
        for path in self.runs:
            if not path.is_dir():
                raise ConfigError(
                    f"{path} is not a folder; give run directories of sweeps, or folders that contain some"
                )
        if not 0 <= self.port <= _HIGHEST_PORT:
            raise ConfigError(f"--port must be from 0 to {_HIGHEST_PORT:,}; got {self.port}")
