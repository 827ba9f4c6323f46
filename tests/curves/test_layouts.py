"""Which columns of a file of learning curves are what, and how its sizes are written."""

import numpy as np
import pytest

from jaxmrl.config import CurvesConfig
from jaxmrl.curves.table import read_curves
from jaxmrl.errors import ConfigError, DataError

SIZES, METRIC = [1000, 2000, 4000, 8000, 16000], [0.356, 0.299, 0.251, 0.211, 0.178]


def curves(tmp_path, text, **settings):
    (tmp_path / "c.tsv").write_text(text)
    return read_curves(CurvesConfig(csv=(tmp_path / "c.tsv",), **settings))


def table(sizes, metric):
    return "n\trmse\n" + "".join(f"{n}\t{value}\n" for n, value in zip(sizes, metric, strict=True))


@pytest.mark.parametrize(
    ("sizes", "comma"),
    [
        ("1.000 2.000 4.000 8.000 16.000", True),
        ("50 100 1.000 8.000 16.000", True),
        ("500 1.000 2.000 8.000 16.000", False),
        ("1.590 3.180 6.360 12.720 125.440", False),
    ],
)
def test_points_between_the_thousands_of_sizes(tmp_path, sizes, comma):
    texts = sizes.split()
    values = [str(value).replace(".", "," if comma else ".") for value in METRIC]
    found = curves(tmp_path, table(texts, values))
    (rows,) = found.curves
    np.testing.assert_array_equal(rows.n, [int(text.replace(".", "")) for text in texts])
    assert any(note.startswith("the sizes are read with points between thousands") for note in found.notes)


def test_sizes_that_may_be_thousands_or_a_few_molecules_are_asked_about(tmp_path):
    with pytest.raises(DataError, match=r"the sizes 1\.000, 2\.000, \.\.\. are thousands of molecules or only a few"):
        curves(tmp_path, table(["1.000", "2.000", "4.000", "8.000", "16.000"], METRIC))


@pytest.mark.parametrize(
    "texts",
    [
        ["100.000", "200.000", "400.000"],
        ["12.500", "25.000", "100.000"],
        ["5.000", "50.000", "500.000"],
        ["0.125", "0.250", "1.000"],
    ],
)
def test_three_decimals_are_decimals(tmp_path, texts):
    (rows,) = curves(tmp_path, table(texts, METRIC[:3])).curves
    np.testing.assert_array_equal(rows.n, [float(text) for text in texts])


def test_columns_of_several_metrics_are_no_runs(tmp_path):
    text = "n\tRMSE\tMAE\n" + "".join(f"{n}\t{v}\t{v / 2}\n" for n, v in zip(SIZES, METRIC, strict=True))
    with pytest.raises(ConfigError, match="got RMSE, MAE, which are different metrics"):
        curves(tmp_path, text, metric_column=("RMSE", "MAE"))
    text = text.replace("RMSE\tMAE", "RMSE a\tRMSE b")
    assert len(curves(tmp_path, text, metric_column=("RMSE a", "RMSE b")).curves[0].n) == 10


@pytest.mark.parametrize("corner", ["", "rmse"])
def test_rows_of_a_wide_table_that_sum_up_others_are_skipped(tmp_path, corner):
    head = "\t".join([corner, *map(str, SIZES)])
    lines = ["\t".join([name, *map(str, METRIC)]) for name in ("seed 0", "seed 1", "mean", "std")]
    found = curves(tmp_path, "\n".join([head, *lines]) + "\n", metric_column=() if corner else ("rmse",))
    (rows,) = found.curves
    assert found.metric == "rmse"
    assert len(rows.n) == 10
    assert sorted({label.split()[-1] for label in rows.run}) == ["0", "1"]
    assert any("10 rows skipped" in note and "mean, std of other rows" in note for note in found.notes)


def test_of_several_columns_of_sizes_the_one_that_varies_is_taken(tmp_path):
    text = "train_fraction\tn_molecules\tRMSE\n0.1\t3000\t0.5\n0.2\t3000\t0.4\n0.4\t3000\t0.3\n"
    assert curves(tmp_path, text).curves[0].n.tolist() == [0.1, 0.2, 0.4]
