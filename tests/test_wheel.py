"""The wheel has what the package needs, and runs in an environment that has nothing else."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*words, **settings):
    ended = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=1500, **settings)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: a build leaves its files beside the sources."""
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(ROOT / "jaxmrl", folder / "jaxmrl", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", folder)
    (found,) = (folder / "dist").iterdir()
    return found


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_package_and_no_others(wheel):
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("jaxmrl/**/*") if path.is_file()}
    expected = {name for name in files if "__pycache__" not in name}
    assert {"jaxmrl/py.typed", "jaxmrl/reports/report.html.jinja"} < expected
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        (metadata,) = (message_from_bytes(file.read(name)) for name in names if name.endswith("/METADATA"))
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"


@pytest.mark.nightly
def test_the_wheel_runs_in_an_empty_environment(wheel, tmp_path):
    """From an empty folder, so that nothing of the repository is found. Installing JAX and RDKit takes minutes."""
    venv.create(tmp_path / "venv", with_pip=True)
    scripts, here = tmp_path / "venv" / "bin", tmp_path / "empty"
    here.mkdir()
    named = ("PYTHONPATH", "JAXMRL_DATA", "JAX_COMPILATION_CACHE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in named}
    settings = {"cwd": here, "env": environment | {"JAXMRL_CACHE": str(tmp_path / "cache")}}
    run(scripts / "pip", "install", "--quiet", wheel, **settings)
    assert "usage: jaxmrl" in run(scripts / "jaxmrl", "--help", **settings)
    sweep = ("sweep", "--epochs", 1, "--fractions", 0.1, 0.3, 1, "--seeds", 2, "--out", "run")
    assert "Results: run" in run(scripts / "jaxmrl", *sweep, **settings)
    assert (here / "run" / "report.html").exists()
    assert "mae, lower is better" in run(scripts / "jaxmrl", "fit", "run/results.csv", **settings)
    (here / "new.csv").write_text("smiles\nCCO\nc1ccccc1O\n")
    assert "2 molecules predicted" in run(scripts / "jaxmrl", "predict", "run", "--csv", "new.csv", **settings)
