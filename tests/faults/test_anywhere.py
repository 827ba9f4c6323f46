"""The same command gives the same bytes in any directory, locale and time zone; hashes have a random seed each time."""

import os
import shutil
import subprocess
import sys

import pytest

FLAGS = tuple(
    "--target-columns logp --modality graph smiles --split random scaffold --pruning random kmeans "
    "--fractions 0.5 1.0 --seeds 1 --score-seeds 1 --score-epochs 1 --epochs 2 --width 8 --depth 1 --batch-size 32 "
    "--lanes 2 --baselines none".split()
)
ANYWHERE = {
    "as it is": {},
    "Turkish, in another time zone": {
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "tr_TR.UTF-8",
        "LANGUAGE": "tr",
        "TZ": "Pacific/Kiritimati",
        "PYTHONHASHSEED": "1",
    },
    "ASCII alone": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
ON_CORES = """
import os, runpy, sys
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: int(sys.argv[1])]))
del sys.argv[1]
runpy.run_module("jaxmrl.sweep", run_name="__main__", alter_sys=True)
"""


def sweep(csv_file, folder, name, environment, cores=None):
    """results.csv and splits.npz of the command, begun in a directory of its own, with a cache of its own."""
    place = folder / f"here, {name} é"
    place.mkdir()
    program = ["-c", ON_CORES, str(cores)] if cores else ["-m", "jaxmrl.sweep"]
    words = [sys.executable, *program, "--csv", os.path.relpath(csv_file, place), *FLAGS, "--out", "out"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "TZ"))}
    environment = clean | {"JAXMRL_CACHE": str(place / "cache"), "PYTHONHASHSEED": "random"} | environment
    ended = subprocess.run(words, capture_output=True, cwd=place, env=environment, timeout=500)
    assert ended.returncode == 0, ended.stderr.decode()
    return [(place / "out" / file).read_bytes() for file in ("results.csv", "splits.npz", "vocabulary.json")]


@pytest.fixture
def locales(tmp_path):
    """Where locales are looked for: Turkish is made there, if the system has its source, or else C serves for it."""
    folder = tmp_path / "locales"
    folder.mkdir()
    if shutil.which("localedef"):
        subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", folder / "tr_TR.UTF-8"], capture_output=True)
    return {"LOCPATH": str(folder)}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Variables that keep programs: what is compiled is the same everywhere."""
    folder = tmp_path_factory.mktemp("compiled")
    return {"JAX_COMPILATION_CACHE_DIR": str(folder), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("ASCII alone", marks=pytest.mark.nightly),
        pytest.param("Turkish, in another time zone", marks=pytest.mark.nightly),
    ],
)
def test_anywhere(place, csv_file, tmp_path, locales, compiled):
    found = {}
    for name in ("as it is", place):
        environment = ANYWHERE[name]
        if "PYTHONUTF8" not in environment:  # where ASCII cannot name the folder of the cache, nothing is kept
            environment = environment | compiled
        found[name] = sweep(csv_file, tmp_path, name, locales | environment | {"JAX_NUM_CPU_DEVICES": "1"})
    assert found[place] == found["as it is"]


@pytest.mark.nightly  # test_devices has a sweep on two devices and on one
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores can be chosen on Linux alone")
def test_one_core_or_two(csv_file, tmp_path, compiled):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core alone")
    one, two = (sweep(csv_file, tmp_path, f"{cores} cores", compiled, cores) for cores in (1, 2))
    assert one == two
