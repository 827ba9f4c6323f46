import numpy as np
import pytest

from jaxmrl.config import FitConfig
from jaxmrl.curves.table import read_curves
from jaxmrl.fit import fit_curves
from jaxmrl.reports.terminal import Reporter
from jaxmrl.scaling.analyses import analyze_all, analyze_rows
from jaxmrl.scaling.analysis import content
from jaxmrl.scaling.several import find_scale


@pytest.mark.nightly
def test_many_curves_in_worker_processes_give_the_same_analyses(tmp_path):
    rng, lines = np.random.default_rng(0), ["model,n,seed,rmse"]
    for model in range(8):
        for n in (50, 100, 200, 400):
            values = (2 * n**-0.3 * np.exp(rng.normal(0, 0.05, 3))).tolist()
            lines += [f"m{model},{n},{seed},{value}" for seed, value in enumerate(values)]
    path = tmp_path / "curves.csv"
    path.write_text("\n".join(lines) + "\n")
    config = FitConfig(csv=(path,), by=("model",))
    file = read_curves(config)
    scale = find_scale(config, file)
    found = analyze_all(file.curves, scale, None, Reporter(quiet=True))
    assert [content(one) for one in found] == [content(analyze_rows(rows, scale, None)) for rows in file.curves]


def test_a_prior_can_be_left_out(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "curve.csv"
    rows = [f"{n},{seed},{1.5 * n**-0.12 * np.exp(rng.normal(0, 0.03))}" for n in (50, 100, 200) for seed in range(5)]
    path.write_text("\n".join(["n,seed,rmse", *rows]) + "\n")
    forecasts = [
        fit_curves(FitConfig(csv=(path,), no_prior=without))["chosen"]["forecast"] for without in (False, True)
    ]
    assert ["prior" in said for said in forecasts] == [True, False]
