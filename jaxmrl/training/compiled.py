"""How programs are compiled, and kept on disk: a second run of the same shapes compiles nothing."""

import contextlib
import hashlib
import os
import platform
import shutil
import warnings
from collections.abc import Callable
from functools import cache, cached_property, partial, update_wrapper
from pathlib import Path
from typing import Any

import jax

from jaxmrl.io.cache import cache_directory

CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}
"""Products and sums by XLA's own kernels instead of YNNPACK's, by which a GIN's step takes 1.1 to 1.2 times as long
(benchmarks/notes.md; also jax issue 37465)."""


class Program:
    """`jax.jit` of a function, with the compiler options of the default backend.

    These are looked up at the first call, because that initializes JAX, and devices cannot be chosen after. JAX takes
    options of the outermost program alone: one within another is an error on a CPU.
    """

    def __init__(self, function: Callable, **options: Any):
        self._function, self._options = function, options
        update_wrapper(self, function)

    @cached_property
    def _jitted(self) -> Any:
        jitted = jax.jit(self._function, compiler_options=compiler_options(), **self._options)
        _JITTED.append(jitted)
        return jitted

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._jitted(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_function", "_options", "_jitted"):
            raise AttributeError(name)
        return getattr(self._jitted, name)


def program(**options: Any) -> Callable[[Callable], Program]:
    """Return a decorator that makes a function a `Program`, with these options of `jax.jit`."""
    return partial(Program, **options)


def small_program(**options: Any) -> Callable[[Callable], Callable]:
    """Return a decorator that compiles a function by `jax.jit` with these options, for what takes little time or is
    nested.
    """

    def decorate(function: Callable) -> Callable:
        jitted = jax.jit(function, **options)
        _JITTED.append(jitted)
        return jitted

    return decorate


_JITTED: list[Any] = []
"""The jitted functions that `release_programs` looks after."""

MOST_SHAPES = 4
"""The most programs of one function in memory. Each takes tens of MiB, and a notebook may train many models."""


def release_programs() -> None:
    """Drop the programs of functions that have been compiled for more than MOST_SHAPES shapes on each device."""
    for jitted in _JITTED:
        if jitted._cache_size() > MOST_SHAPES * jax.device_count():
            jitted.clear_cache()


@cache
def compiler_options() -> dict[str, str] | None:
    """Return compiler options for the default backend; None if there are none, or JAX is too old or new to know
    them.
    """
    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda: 0, compiler_options=CPU_OPTIONS).lower().compile()
    except jax.errors.JaxRuntimeError:
        return None
    return CPU_OPTIONS


def keep_compiled() -> None:
    """Save what JAX compiles from now on in the cache, and take it from there.

    A cache folder set by the user is kept. If a cache cannot be written, nothing is cached.
    """
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    folder = cache_directory() / "compiled" / _processor()
    with contextlib.suppress(OSError, UnicodeEncodeError):
        str(folder).encode()  # a path that the locale cannot spell, JAX cannot take
        folder.mkdir(parents=True, exist_ok=True)
        warnings.showwarning = partial(_repair, folder, warnings.showwarning)
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def _repair(folder: Path, show: Callable[..., None], message: Warning, *where: Any, **more: Any) -> None:
    """Show a warning, but not that the cache cannot be written, and empty a cache that cannot be read.

    JAX leaves half an entry behind where the disk is full, and then warns of it for ever.
    """
    if str(message).startswith("Error reading persistent compilation cache"):
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    elif not str(message).startswith("Error writing persistent compilation cache"):
        show(message, *where, **more)


def _processor() -> str:
    """Return this machine's processor: a program compiled for one may use instructions that another lacks."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
        return f"{platform.machine()}-{hashlib.blake2b(features.encode(), digest_size=4).hexdigest()}"
    return f"{platform.machine()}-{platform.processor() or platform.system()}".replace(" ", "_")
