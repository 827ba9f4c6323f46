"""Any file of a run, stopped half-way or finished, is deleted, cut off or changed in a bit: made again, or refused.

A slow test tries a few files, the nightly one each of them.
"""

import random
import shutil
from functools import partial

import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.errors import UserError
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.sweep import run_sweep
from jaxmrl.training import checkpoint
from tests.sweep.test_sweep import SMALL

SAME = (
    "results.csv",
    "history.csv",
    "curves.csv",
    "fits.json",
    "splits.npz",
    "config.toml",
    "rejected.csv",
    "curve.svg",
)
REFUSED = {"config.toml", "run.json", "results.csv"}
"""What a run is known by: without it, or with other content, there is nothing to go on from."""

UNCHECKED = {"results.csv", "history.csv"}
"""A digit that changed in a whole row cannot be recognized."""


class CrashError(Exception):
    pass


@pytest.fixture(scope="module")
def runs(csv_file, tmp_path_factory):
    """Settings, the directory of a run that ended, and that of one that crashed after two of its six replicas."""
    ended, torn = (tmp_path_factory.mktemp("run") / name for name in ("ended", "torn"))
    settings = partial(SweepConfig, csv=csv_file, target_columns=("logp",), save_predictions=True, lanes=2, **SMALL)
    append = RunDirectory.append_result

    def crash(run, row):
        append(run, row)
        if len(run.read_results()) == 2:
            raise CrashError

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        run_sweep(settings(out=ended))
        with pytest.MonkeyPatch.context() as crashing:
            crashing.setattr(checkpoint, "SECONDS", 0.0)
            crashing.setattr(RunDirectory, "append_result", crash)
            with pytest.raises(CrashError):
                run_sweep(settings(out=torn))
        yield settings, {"ended": ended, "torn": torn}


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {"deleted": lambda path: path.unlink(), "cut off": cut, "a bit changed": flip}


def files_in(folder):
    """Those that are not empty, by their places in it."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def kept_of(folder):
    """The models and predictions of a run, by name."""
    return {str(path.relative_to(folder)) for kind in ("models", "predictions") for path in (folder / kind).iterdir()}


@pytest.mark.parametrize(
    "most", [pytest.param(1, marks=pytest.mark.slow), pytest.param(1000, marks=pytest.mark.nightly)]
)
@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("state", [pytest.param("ended", marks=pytest.mark.nightly), "torn"])
def test_any_file_damaged(state, kind, most, runs, tmp_path):
    settings, folders = runs
    expected = {name: (folders["ended"] / name).read_bytes() for name in SAME}
    names = files_in(folders[state])
    names = random.Random(f"{state} {kind}").sample(names, min(most, len(names)))
    refused = set()
    for k, name in enumerate(names):
        out = tmp_path / str(k)
        shutil.copytree(folders[state], out)
        DAMAGE[kind](out / name)
        try:
            run_sweep(settings(out=out))
        except UserError as error:
            refused.add((str(name), "choose another --out" in str(error).lower()))
        else:
            different = {one for one, content in expected.items() if (out / one).read_bytes() != content}
            assert not different or (kind == "a bit changed" and str(name) in UNCHECKED), (name, different)
            assert kept_of(out) == kept_of(folders["ended"]), name
        shutil.rmtree(out)
    assert refused <= {(name, True) for name in REFUSED}
    print(f"{state}, {kind}: {len(names)} files, {len(refused)} refused")
