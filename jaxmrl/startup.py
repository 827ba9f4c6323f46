"""What a command checks and sets before JAX and Matplotlib are imported, which read the environment only once."""

import logging
import os
import sys
from pathlib import Path

USAGE = 2
"""The exit code for input, settings or an environment that cannot be used."""


def prepare() -> None:
    """Give Matplotlib a backend that needs no screen, and import JAX.

    An environment in which a command cannot start ends the process, with one line and the exit code USAGE.
    """
    # A notebook names its own backend here, which need not be installed beside jaxmrl. Figures are files alone.
    os.environ["MPLBACKEND"] = "agg"
    # Without a folder for its settings, Matplotlib uses a temporary one and prints a long warning. Nothing needs it.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    _check_home()
    _import_jax()


def _check_home() -> None:
    try:
        Path.home()
    except RuntimeError:
        _end(
            "the home directory is not known: HOME is not set, and the system has no entry for this user. "
            "Set HOME to a folder that can be written"
        )


def _import_jax() -> None:
    try:
        import jax  # noqa: F401
    except ValueError as error:
        told = " ".join(f"{name}={value}" for name, value in os.environ.items() if name.startswith("JAX_"))
        _end(f"JAX cannot be imported ({error}). Correct or unset its environment variables: {told}")


def _end(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(USAGE)
