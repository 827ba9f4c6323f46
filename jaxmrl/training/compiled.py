"""Compiled programs on disk: a second run of the same shapes compiles nothing."""

import contextlib
import hashlib
import os
import platform
import shutil
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax

from jaxmrl.data.cache import cache_directory


def keep_compiled() -> None:
    """Keeps what JAX compiles from now on in the cache, and takes it from there.

    A cache that JAX was told of by the user stays in force; one that cannot be written is done without.
    """
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    folder = cache_directory() / "compiled" / _processor()
    with contextlib.suppress(OSError, UnicodeEncodeError):
        str(folder).encode()  # a path that the locale cannot spell, JAX cannot take
        folder.mkdir(parents=True, exist_ok=True)
        warnings.showwarning = partial(_mend, folder, warnings.showwarning)
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def _mend(folder: Path, show: Callable[..., None], message: Warning, *where: Any, **more: Any) -> None:
    """Shows a warning, but not that the cache cannot be written; and empties a cache that cannot be read.

    JAX leaves half an entry behind where the disk is full, and then warns of it for ever.
    """
    if str(message).startswith("Error reading persistent compilation cache"):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    elif not str(message).startswith("Error writing persistent compilation cache"):
        show(message, *where, **more)


def _processor() -> str:
    """Of this machine: a program compiled for one may use instructions that another, on the same disk, has not."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
        return f"{platform.machine()}-{hashlib.blake2b(features.encode(), digest_size=4).hexdigest()}"
    return f"{platform.machine()}-{platform.processor() or platform.system()}".replace(" ", "_")
