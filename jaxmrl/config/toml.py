"""Settings as TOML, read and written; the directory that they stand for."""

import hashlib
import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from jaxmrl.chem.parents import AS_WRITTEN, PARENT
from jaxmrl.config.base import Config, setting_kinds
from jaxmrl.config.sweep import SweepConfig
from jaxmrl.errors import ConfigError


def default_directory(config: SweepConfig) -> Path:
    """Return runs/NAME-HASH: the same settings find the same directory."""
    digest = hashlib.blake2b(to_toml(config).encode(), digest_size=3).hexdigest()
    return Path("runs") / f"{config.name}-{digest}"


def read_toml(path: Path, kind: type[Config] = SweepConfig) -> dict[str, Any]:
    """Return the settings in a TOML file, as keyword arguments of `kind`. Raise ConfigError if they cannot be read."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    if "parent" in values and "standardize" in setting_kinds(kind):  # as earlier versions wrote it
        values["standardize"] = PARENT if values.pop("parent") else AS_WRITTEN
    for key in values:
        if key not in setting_kinds(kind):
            raise ConfigError(f"{path}: unknown setting {key!r}; the settings are {', '.join(setting_kinds(kind))}")
    return values


def to_toml(config: Config) -> str:
    """Return the settings as TOML that `read_toml` reads back, without those that are not set.

    `out` is left out, because the file lies in it, and so is `dataset` where a file takes its place.
    """
    left_out = ("out", "dataset") if config.file else ("out",)
    lines = []
    for f in fields(config):
        value = getattr(config, f.name)
        if value is None or f.name in left_out:
            continue
        value = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
        lines.append(f"{f.name} = {json.dumps(value, ensure_ascii=False)}\n")
    return "".join(lines)
