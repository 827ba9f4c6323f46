import pytest

from jaxmrl.config import FitConfig
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.fit import fit_curves
from jaxmrl.scaling.several import read_all

N = [100, 200, 400, 800, 1600]


def curve(path, scale=2.0, metric="rmse", settings=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    bumps = (1, 1.02, 0.99, 1.01, 0.98)
    rows = [f"{n},{k},{scale * n**-0.25 * bumps[(i + 2 * k) % 5]:.5f}" for i, n in enumerate(N) for k in range(2)]
    path.write_text("\n".join([f"n,seed,{metric}", *rows]) + "\n")
    return path


def test_run_directories_and_files_are_named_and_compared_with_the_first(tmp_path):
    curve(tmp_path / "gnn" / "results.csv")
    found = fit_curves(FitConfig((tmp_path / "gnn", curve(tmp_path / "others.csv", 2.4, metric="test_rmse"))))
    assert [one["curve"] for one in found["curves"]] == [{"run": "gnn"}, {"run": "others"}]
    (compared,) = found["comparisons"]
    assert (compared["curve"], compared["than"]) == ("run others", "run gnn")


def test_a_name_that_is_not_enough_gives_way_to_the_path(tmp_path):
    paths = tuple(curve(tmp_path / folder / "curve.csv") for folder in "ab")
    assert [one.identity["run"] for one in read_all(FitConfig(paths)).curves] == list(map(str, paths))


def test_files_that_cannot_be_compared_are_refused(tmp_path):
    rmse, auc = curve(tmp_path / "one.csv"), curve(tmp_path / "two.csv", 1.0, "roc_auc")
    with pytest.raises(DataError, match="one has rmse, and two has roc_auc"):
        read_all(FitConfig((rmse, auc)))
    percent = curve(tmp_path / "percent.csv", 90.0, "roc_auc")
    with pytest.raises(DataError, match="roc_auc is on two scales: 1 is perfect in two, and 100 in percent"):
        read_all(FitConfig((auc, percent)))
    with pytest.raises(ConfigError, match="given twice"):
        read_all(FitConfig((rmse, rmse)))
    with pytest.raises(ConfigError, match="no learning curves"):
        FitConfig(())
    with pytest.raises(DataError, match="is a folder without results"):
        read_all(FitConfig(tmp_path))
