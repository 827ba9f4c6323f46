"""Several runs in one table: what is paired, what differs, and what is refused."""

import json
import shutil

import pytest

from jaxmrl.compare import compare_sweeps
from jaxmrl.compare.runs import differences, read_runs
from jaxmrl.config import CompareConfig
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.rows import CurveIdentity, ResultRow

SHIFTS = (0.01, -0.02, 0.03, 0.0)
"""By how much the test metric of each seed is from its mean."""


def write_run(path, gain=0.0, model="gin", metric="rmse", digest="a", seeds=4, **settings):
    """Write the files of a run whose RMSE is 1 less `gain` with 100 molecules, and 0.8 less `gain` with 200."""
    identity = CurveIdentity(
        *("mine", "graph", model, "random", "random", "none", 16, 2, 4497, "float32"),
        learning_rate=settings.get("learning_rate", 1e-3),
        dropout=0.0,
        batch_size=32,
    )
    rows = [
        ResultRow(
            *(identity, 42, n / 200, n, seed, "finished", metric, 1.0, mean - gain * (1 + SHIFTS[seed]) + SHIFTS[seed]),
            *(3, 4, 8),
        )
        for n, mean in ((100, 1.0), (200, 0.8))
        for seed in range(seeds)
    ]
    path.mkdir()
    lines = [",".join(ResultRow.columns()), *(",".join(row.cells().values()) for row in rows)]
    (path / "results.csv").write_text("\n".join(lines) + "\n")
    splits = {"random": {"molecules": {"train": 200, "valid": 20, "test": 20}}}
    metadata = {"format": 3, "data": {"data of the random split": digest}, "splits": splits, "device": "cpu"}
    (path / "run.json").write_text(json.dumps(metadata))
    known = {"dataset": "mine", "model": [model], "out": str(path)} | settings
    (path / "config.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in known.items()))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    write_run(folder / "first")
    write_run(folder / "better", gain=0.1, learning_rate=3e-3)
    return folder


def test_runs_are_compared_by_pairs_of_split_and_seed(folder, capsys):
    found = compare_sweeps(CompareConfig((folder / "first", folder / "better"), folder / "out"), quiet=False)
    (pair,) = found["pairs"]
    assert (pair["curve"], pair["than"]) == ("better: GIN 16x2", "first: GIN 16x2")
    assert [one["n"] for one in pair["sizes"]] == [100, 200]
    assert [one["pairs"] for one in pair["sizes"]] == [4, 4]
    assert pair["sizes"][0]["difference"] == pytest.approx(-0.1005)
    assert max(pair["adjusted"]) < 0.001, "the spread of seeds, which both runs share, does not count"
    assert pair["adjusted"][0] >= pair["sizes"][0]["p"], "there are two comparisons"
    assert found["said"] == ["better: GIN 16x2: differs from first: GIN 16x2 at 2 of 2 sizes beyond noise."]
    assert found["settings"] == {"learning_rate": {"first": None, "better": 0.003}}
    out = capsys.readouterr().out
    assert "setting learning_rate: not set in first, 0.003 in better" in out
    assert json.loads((folder / "out" / "compare.json").read_text()) == json.loads(json.dumps(found))
    assert (folder / "out" / "compare.html").read_text().count("<svg") == 1


def test_runs_that_share_no_seed_have_no_test(folder, tmp_path):
    single = write_run(tmp_path / "single", seeds=1)
    found = compare_sweeps(CompareConfig((folder / "first", single), tmp_path / "out"))
    assert "is not known: there is one pair" in found["said"][0]


def test_the_curve_of_the_same_model_is_the_one_to_compare_with(folder, tmp_path):
    both = shutil.copytree(folder / "first", tmp_path / "both")
    lines = (write_run(tmp_path / "gcn", model="gcn") / "results.csv").read_text().splitlines()[1:]
    (both / "results.csv").write_text((both / "results.csv").read_text() + "\n".join(lines) + "\n")
    found = compare_sweeps(CompareConfig((both, tmp_path / "gcn"), tmp_path / "out"))
    assert "gcn" in found["pairs"][0]["than"].lower()


def test_runs_of_other_data_or_metrics_are_refused(folder, tmp_path):
    first = folder / "first"
    with pytest.raises(
        DataError, match=r"than first, or rows in another order \(the random split has other molecules\)"
    ):
        read_runs((first, write_run(tmp_path / "other", digest="b")))
    with pytest.raises(DataError, match="first has rmse, and mae has mae"):
        read_runs((first, write_run(tmp_path / "mae", metric="mae")))
    with pytest.raises(ConfigError, match="is not a run of a sweep"):
        read_runs((first, tmp_path))
    with pytest.raises(ConfigError, match="given twice"):
        CompareConfig((first, first))
    with pytest.raises(ConfigError, match="two run directories or more; got 1"):
        CompareConfig((first,))


def test_the_folder_of_a_run_is_no_difference(folder):
    names = [change.name for change in differences(read_runs((folder / "first", folder / "better")))]
    assert names == ["learning_rate"]
