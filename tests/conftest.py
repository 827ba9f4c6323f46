import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from jaxmrl.cli import commands
from jaxmrl.config import sweep
from jaxmrl.modalities import registry
from jaxmrl.modalities.graph.features import featurize
from tests.support.tables import nci_molecules, write_table

QUICK_COMPILER = (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_parallel_codegen_split_count=1"
)
"""Flags with which XLA compiles in a quarter of the time. Most tests run a program a few times on a few molecules."""

SMILES = [
    "CCO",
    "c1ccccc1C(=O)O",
    "C[C@H](N)C(=O)O",
    "C/C=C/C",
    "C/C=C\\Cl",
    "[Na+].[Cl-]",
    "CC(C)(C)c1ccc(O)cc1",
    "O=S(=O)(N)c1ccccc1",
    "FS(F)(F)(F)(F)F",
    "[Fe]",
    "C#N",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
]
"""Small molecules with rings, ions, both kinds of chirality, and one atom (S in SF6) with more than four bonds."""


def is_known(flags):
    """Whether this version of XLA knows these flags; one that does not would end the process that begins JAX."""
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", "import jax; jax.devices()"]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def pytest_configure(config):
    """XLA compiles quickly, except for `pytest -m nightly`, which compiles as users' commands do, and where the
    environment sets XLA_FLAGS.

    Commands that run within a test make no devices of the cores: the number of lanes would depend on their order.

    Before collection, for a module of tests may begin JAX when it is imported, or make settings. Sweeps of tests fit no
    classical model that the test has not named, have one split unless it names more, and train a GIN, whose programs
    compile fastest; commands in processes of their own do as users' do.
    """
    begins = "XLA_FLAGS" not in os.environ and not hasattr(config, "workerinput")
    if begins and config.option.markexpr != "nightly" and is_known(QUICK_COMPILER):
        os.environ["XLA_FLAGS"] = QUICK_COMPILER
    sweep.DEFAULT_BASELINES = ()
    sweep.FEW_MOLECULES = 0
    registry.MODALITIES.sort(key=lambda modality: modality.name != "graph")
    if jax.config.jax_num_cpu_devices < 0:
        jax.config.update("jax_num_cpu_devices", 1)


def pytest_itemcollected(item):
    """A test that has both marks, one of them by a parameter, is nightly and not slow."""
    if item.get_closest_marker("nightly"):
        item.own_markers = [mark for mark in item.own_markers if mark.name != "slow"]


def pytest_collection_finish():
    """Spares the garbage collector what is imported, which stays: it would look through it at each of its rounds.

    What JAX traces stays, too, so rounds are fewer than they are by default.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """What one test has compiled, no other of this run compiles again, in another process of xdist's or a command's.

    JAX_COMPILATION_CACHE_DIR in the environment has several runs share it.
    """
    run = tmp_path_factory.getbasetemp()
    run = run.parent if "PYTEST_XDIST_WORKER" in os.environ else run
    folder = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(run / "compiled"))
    seconds = os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", float(seconds))


@pytest.fixture
def strict():
    """Silent promotion of ranks or dtypes is an error."""
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        yield


@pytest.fixture(scope="session")
def molecules():
    """Graphs of SMILES."""
    graphs, _, rejected = featurize(SMILES)
    assert not rejected
    return graphs


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache directory."""
    monkeypatch.setenv("JAXMRL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def run_here(tmp_path, monkeypatch, capsys):
    """A function that runs a command in an empty folder, within this process, for one of its own would import all anew;
    gives exit code, output and errors.
    """
    monkeypatch.setenv("JAXMRL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(commands, "keep_compiled", lambda: None)
    monkeypatch.chdir(tmp_path)
    terminated = signal.getsignal(signal.SIGTERM)

    def run(name, *words):
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            getattr(commands, f"{name}_command")()
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    signal.signal(signal.SIGTERM, terminated)


@pytest.fixture
def refused(run_here):
    """A function that runs a command that cannot be obeyed; gives the one line that it ends with."""

    def run(name, *words):
        code, _, said = run_here(name, *words)
        assert code == 2
        assert said.count("\n") == 1
        return said

    return run


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets; absent on most machines, but not where JAXMRL_DATA names it."""
    folder = Path(os.environ.get("JAXMRL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "hiv.csv.gz").exists():
        reason = f"no real data at {folder}; set JAXMRL_DATA to a folder that has hiv.csv.gz and the others"
        if "JAXMRL_DATA" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def nci():
    """160 molecules with Crippen logP: (smiles, labels [N, 1])."""
    return nci_molecules()


@pytest.fixture(scope="session")
def csv_file(tmp_path_factory):
    """160 molecules with a number, a class with missing values, and two rows that cannot be used."""
    return write_table(tmp_path_factory.mktemp("table") / "mine.csv")
