import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.data.matching import Data
from jaxmrl.data.splits import Split
from jaxmrl.data.table import Table
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError, DataError, UserError
from jaxmrl.formats.parquet import import_parquet
from jaxmrl.formats.writing import table_bytes
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.pruning.score_files import read_orders, score_facts, score_table
from jaxmrl.pruning.select import Scores, keep_first
from jaxmrl.reports import plots
from jaxmrl.reports.score_figure import draw_scores
from tests.conftest import SMILES

IDS = np.arange(len(SMILES)) * 10
TRAIN = np.array([4, 0, 2, 7])


DATA = Data(
    Table(IDS, IDS + 2, SMILES, np.zeros((12, 1)), ("active",), "classification", 120), np.arange(12, dtype=np.uint64)
)


def order_by(path, name, molecules, keep):
    """The one order of a file that has none for each seed."""
    orders = read_orders(path, (name,), molecules, DATA, keep, 2)[0][name]
    assert orders.shape == (2, len(molecules))
    assert (orders[0] == orders[1]).all()
    return orders[0]


@pytest.fixture(scope="module")
def problem():
    graphs, canonical, _ = featurize(SMILES)
    labels = np.stack([np.arange(12) % 2, np.full(12, np.nan)], axis=1).astype(np.float32)
    table = Table(IDS, IDS + 2, SMILES, labels, ("active", "other"), "classification", 120)
    split = Split(TRAIN, np.array([1]), np.array([3]))
    molecules = table, {"graph": graphs}, np.arange(12, dtype=np.uint64)
    return TaskData(*molecules, split, "roc_auc", "", 0, {}, canonical_smiles=canonical)


@pytest.fixture(scope="module")
def scores():
    values = {
        "el2n": np.array([[0.125, 0.25, 0.5, 0.4], [0.375, 0.25, 0.5, 0.6], [0.25, 0.25, 0.5, np.nan]], np.float32),
        "herding": np.array([[1.0, 0.75, 0.5, 0.25]] * 3, np.float32),
    }
    return Scores(TRAIN, values)


def test_a_row_for_each_molecule_in_order_of_its_id(problem, scores):
    table = score_table(scores, problem, "hard")
    heads = ["molecule_id", "smiles", "active", "other"]
    ends = ("", "_sd", "_rank", "_seed_0", "_seed_1", "_seed_2")
    assert list(table) == heads + [f"{name}{end}" for name in ("el2n", "herding") for end in ends]
    assert table["molecule_id"].tolist() == [0, 20, 40, 70]
    assert table["smiles"].tolist() == [SMILES[k] for k in (0, 2, 4, 7)]
    np.testing.assert_allclose(table["el2n"], [0.25, 0.5, 0.25, np.nan])
    assert table["el2n_rank"].tolist() == [3, 1, 2, 4]
    assert score_table(scores, problem, "easy")["el2n_rank"].tolist() == [2, 3, 1, 4]
    assert score_table(scores, problem, "easy")["herding_rank"].tolist() == [2, 3, 1, 4], "an order has one end"


@pytest.mark.parametrize("kind", [".csv", ".npz", ".parquet"])
def test_files_are_read_back_in_order(problem, scores, kind, tmp_path):
    if kind == ".parquet":
        pytest.importorskip("pyarrow", reason="needs the parquet extra")
    path = tmp_path / f"scores{kind}"
    path.write_bytes(table_bytes(score_table(scores, problem, "hard"), kind))
    for keep in ("hard", "easy"):
        for name in ("el2n", "herding"):
            orders = read_orders(path, (name,), TRAIN, DATA, keep, 3)[0][name]
            own_end = keep if name == "el2n" else "hard"
            assert orders.tolist() == [TRAIN[keep_first(one, own_end)].tolist() for one in scores.values[name]]
    with pytest.raises(ConfigError, match=r"el2n scores of seeds 0 to 2 .* give --seeds 3, or score with --seeds 4"):
        read_orders(path, ("el2n",), TRAIN, DATA, "hard", 4)


def test_no_two_numbers_become_equal_in_a_file():
    """As scores that are places among a million molecules did with six digits."""
    places = np.float32(1) - np.arange(1000, dtype=np.float32) / np.float32(1e7)
    for values in (places, 1 - np.arange(1000) / 1e15):
        text = table_bytes({"score": values}, ".csv").decode().split()[1:]
        assert len({float(one) for one in text}) == len(np.unique(values))
        np.testing.assert_array_equal(np.array(text, values.dtype), values)


def test_a_file_of_ranks_alone(tmp_path):
    path = tmp_path / "ranks.csv"
    path.write_text("molecule_id,mine_rank\n0,3\n20,1\n40,2\n70,4\n", encoding="utf-8")
    assert order_by(path, "mine", TRAIN, "hard").tolist() == [2, 4, 0, 7]
    with pytest.raises(ConfigError, match="rank 1 is kept first"):
        order_by(path, "mine", TRAIN, "easy")


def test_labels_called_like_other_columns(problem, scores):
    table = replace(problem.table, tasks=("molecule_id", "el2n"))
    columns = score_table(scores, replace(problem, table=table), "hard")
    assert columns["molecule_id"].tolist() == [0, 20, 40, 70]
    assert columns["label el2n"].shape == (4,)
    assert columns["el2n"].tolist()[:3] == [0.25, 0.5, 0.25]


def test_scores_of_ones_own(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("molecule_id,mine,words\n0,5,a\n70,\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"lacks 3 of .*; line 3 cannot be read: 2 fields, expected 3"):
        order_by(path, "mine", TRAIN, "hard")
    path.write_text("molecule_id,mine,words\n0,5,a\n40,7,b\n20,6,c\n70,,d\n110,9,e\n", encoding="utf-8")
    assert order_by(path, "mine", TRAIN, "hard").tolist() == [4, 2, 0, 7]
    assert order_by(path, "mine", TRAIN, "easy").tolist() == [0, 2, 4, 7]
    with pytest.raises(ConfigError, match=r"no column 'yours'; its columns are molecule_id, mine, words"):
        order_by(path, "yours", TRAIN, "hard")
    with pytest.raises(DataError, match="expected numbers"):
        order_by(path, "words", TRAIN, "hard")
    with pytest.raises(DataError, match="lacks 1 of the 2 training molecules, the first with molecule_id 10"):
        order_by(path, "mine", np.array([0, 1]), "hard")
    path.write_text("molecule_id,mine\n0,5\n0,6\n", encoding="utf-8")
    with pytest.raises(DataError, match="molecule_id twice"):
        order_by(path, "mine", TRAIN, "hard")
    with pytest.raises(DataError, match="cannot read"):
        order_by(tmp_path / "nothing.npz", "mine", TRAIN, "hard")


def test_parquet_without_pyarrow_is_a_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"jaxmrl\[parquet\]"):
        import_parquet()


def test_facts_tell_what_a_score_goes_with(problem, scores):
    facts = json.loads(json.dumps(score_facts(scores, problem, "hard"), allow_nan=False))
    assert facts["methods"]["el2n"]["source"].startswith("Paul")
    assert facts["rank_correlation_of_methods"]["herding"]["herding"] == 1.0
    assert facts["rank_correlation_of_seeds"]["herding"] == {"of_two_seeds": 1.0, "of_two_such_means": 1.0}
    assert facts["rank_correlation_with_properties"]["el2n"]["label other"] is None
    assert {"heavy_atoms", "labels_present", "label active"} <= facts["rank_correlation_with_properties"]["el2n"].keys()
    assert any(line.startswith("herding: correlates with") for line in facts["warnings"])


def test_the_picture_shows_both_ends(problem, scores):
    figure = draw_scores(scores, problem, "hard", "a title")
    assert len(figure.axes) == 4
    assert plots.render(figure, "png").startswith(b"\x89PNG")
