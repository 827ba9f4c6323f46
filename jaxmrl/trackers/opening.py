"""Opens a tracker by its name."""

import contextlib
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.text import one_line
from jaxmrl.trackers.base import Tracker, Tracking

FOLDER = "trackers"
"""The folder of a run directory that trackers write to."""


class _Adapter(NamedTuple):
    """The library of a tracker, and the module of this package that adapts it."""

    library: str
    module: str


_ADAPTERS = {
    "tensorboard": _Adapter("tensorboardX", "tensorboard"),
    "wandb": _Adapter("wandb", "weights_and_biases"),
    "mlflow": _Adapter("mlflow", "mlflow"),
}


def check_tracker(tracker: str | Tracker | None) -> None:
    """Raise ConfigError for the name of a tracker that is not known, or whose library is not installed."""
    if not isinstance(tracker, str):
        return
    check_choice("tracker", tracker, tuple(_ADAPTERS))
    library = _ADAPTERS[tracker].library
    if find_spec(library) is None:
        raise ConfigError(f"--tracker {tracker} needs {library}: pip install 'jaxmrl[{tracker}]'")


@contextlib.contextmanager
def open_tracker(
    tracker: str | Tracker | None, run: Path, say: Callable[[str], None], folder: Path | None = None
) -> Iterator[Tracking | None]:
    """Yield the guard of a tracker, and close the tracker when the context ends; None for no tracker.

    Args:
        tracker: The name of a tracker, or one that is open.
        run: The run directory. A tracker by name writes to a folder in it, unless the user's environment names another
            place.
        say: Reports where it writes, and that it has failed.
        folder: Where a tracker by name writes instead of in the run directory.

    Raises:
        ConfigError: For a tracker that cannot be opened.
    """
    if tracker is None:
        yield None
        return
    tracking = Tracking(
        _opened(tracker, folder or run / FOLDER, run.name, say) if isinstance(tracker, str) else tracker, say
    )
    try:
        yield tracking
    finally:
        tracking.close()


def _opened(name: str, folder: Path, run: str, say: Callable[[str], None]) -> Tracker:
    check_tracker(name)
    try:
        folder.mkdir(exist_ok=True)
        tracker, place = import_module(f"jaxmrl.trackers.{_ADAPTERS[name].module}").opened(folder, run)
    except Exception as error:  # a library of others', which may raise anything
        reason = one_line(f"{type(error).__name__}: {error}")
        raise ConfigError(f"--tracker {name} cannot be opened: {reason}. Fix this, or omit --tracker") from None
    say(f"tracker: {place}")
    return tracker
