"""Sweeps whose places are cut dates."""

import csv
import json

import numpy as np
import pytest

from jaxmrl.config import ScoreConfig, SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.grid import _short_fraction
from jaxmrl.sweep.load import load_run
from tests.support.tables import nci_molecules


@pytest.mark.slow
def test_each_cut_date_is_a_point_of_the_curve(tmp_path, cache):
    smiles, labels = nci_molecules()
    with (tmp_path / "dated.csv").open("w", newline="") as file:
        rows = [
            (text, label, f"2020-01-{1 + k // 6:02d}")
            for k, (text, (label,)) in enumerate(zip(smiles, labels, strict=True))
        ]
        csv.writer(file).writerows([("smiles", "logp", "made"), *rows])
    settings = {"csv": tmp_path / "dated.csv", "target_columns": ("logp",), "model": ("ridge",), "baselines": ("none",)}
    config = SweepConfig(
        **settings, split=("rolling",), date_column="made", cuts=3, seeds=1, save_predictions=True, out=tmp_path / "run"
    )
    result = run_sweep(config)
    sizes = [row.n_train for row in result.rows]
    assert len(sizes) == 3
    assert sizes == sorted(sizes)
    assert result.rows[-1].fraction == 1
    splits = json.loads((tmp_path / "run" / "run.json").read_text())["splits"]
    assert [one["molecules"]["train"] for one in splits.values()] == sizes
    cuts = [one["cut_date"] for one in splits.values()]
    assert cuts == sorted(set(cuts))
    with np.load(tmp_path / "run" / "splits.npz") as arrays:
        assert arrays["rolling_train"].max() < arrays["rolling_test"].min()
        assert arrays["rolling_test"].max() < arrays["rolling_44_test"].min()
    report = (tmp_path / "run" / "report.html").read_text()
    assert "Cut dates" in report
    assert all(cut in report for cut in cuts)
    assert load_run(tmp_path / "run").rows == result.rows
    assert run_sweep(config).rows == result.rows


@pytest.mark.parametrize(("size", "molecules"), [(364, 1104), (1, 3), (999, 1000), (7, 7)])
def test_fractions_of_cut_dates_are_short_and_give_back_their_size(size, molecules):
    fraction = _short_fraction(size, molecules)
    assert int(fraction * molecules + 1e-9) == size
    assert len(str(fraction)) <= 7


def test_bad_settings(tmp_path):
    dated = {"csv": tmp_path / "a.csv", "date_column": "made"}
    with pytest.raises(ConfigError, match="--split rolling needs a column of --csv: name it with --date-column"):
        SweepConfig(csv=tmp_path / "a.csv", split=("rolling",))
    with pytest.raises(ConfigError, match="omit --pruning and --tune"):
        SweepConfig(**dated, split=("rolling",), pruning=("el2n",))
    for fractions in ((0.3, 1.0), (0.5,)):
        with pytest.raises(ConfigError, match=r"cut dates \(--cuts\) instead of fractions; omit --fractions"):
            SweepConfig(**dated, split=("rolling",), fractions=fractions)
    SweepConfig(**dated, split=("rolling",), fractions=(1.0,))
    with pytest.raises(ConfigError, match="--split rolling works only with sweep"):
        ScoreConfig(**dated, split="rolling")
    with pytest.raises(ConfigError, match="--cuts must be 1 or more"):
        SweepConfig(**dated, split=("rolling",), cuts=0)
    with pytest.raises(ConfigError, match="--date-column is for --split time or rolling"):
        SweepConfig(**dated)
