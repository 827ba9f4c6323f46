"""Names of what a sweep keeps, and the molecules that it lists."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from jaxmrl.data.table import read_molecules as read_table
from jaxmrl.errors import ConfigError
from jaxmrl.runs.artifacts import (
    curve_name,
    kept_name,
    prediction_columns,
    read_models,
    read_molecules,
    write_molecules,
)
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.training.saved_model import load_trained
from tests.support.rows import result_row

ROW = result_row(pruning="el2n")


def test_names_are_those_that_the_readme_gives():
    assert kept_name(ROW) == "graph-gin-64x3,random,el2n,none,0.5,2"
    assert kept_name(replace(ROW, fraction=1.0)) == "graph-gin-64x3,random,all,none,1,2"
    assert curve_name(result_row(pruning="el2n", init="my_encoder-2.1")) == "graph-gin-64x3,random,el2n,my_encoder-2.1"


def test_names_are_safe_and_tell_rows_apart():
    odd = ("a", "a,b", "b", "a/b", "a%2Cb", "../a", "a b", "ä:*?", "a\nb", "a_b", "A~")
    names = {kept_name(result_row(pruning=one, init=other)) for one, other in itertools.product(odd, odd)}
    assert len(names) == len(odd) ** 2
    for name in names:
        assert name.count(",") == 5
        assert not set(name) & set('/\\:*?"<>| \n')


@pytest.mark.parametrize("letter", ["a", "ä", "𝔞", " ", "%"])
def test_long_names_are_short_enough_for_a_file_and_tell_rows_apart(letter):
    long, longer = letter * 200, letter * 201
    names = {kept_name(result_row(pruning=one, init=other)) for one in (long, longer) for other in (long, longer)}
    assert len(names) == 4
    assert max(len(f".{name}.npz.tmp".encode()) for name in names) <= 255
    assert all(name.count(",") == 5 for name in names)


def test_molecules_come_back_by_their_ids(tmp_path):
    (tmp_path / "t.csv").write_text('smiles,note\nrubbish,a,b\nCC,"a ""b"""\nC[N+](C)C.[Cl-],\n')
    run = RunDirectory(tmp_path / "run", ())
    write_molecules(run, read_table(tmp_path / "t.csv", None), ["CC", "C[N+](C)C.[Cl-]"])
    assert read_molecules(run.path) == {1: "CC", 2: "C[N+](C)C.[Cl-]"}
    for content in (
        "id,smiles\n1,CC\n",
        "molecule_id,smiles,canonical_smiles\n1,CC,CC\n2",
        "molecule_id,smiles,canonical_smiles\nx,CC,CC\n",
        "",
    ):
        (run.path / "molecules.csv").write_text(content)
        with pytest.raises(ConfigError, match=r"molecules\.csv is damaged"):
            read_molecules(run.path)


def test_what_an_interruption_left_is_no_model(tmp_path):
    (tmp_path / "models" / "unfinished").mkdir(parents=True)
    (tmp_path / "models" / f".{kept_name(ROW)}.removed").mkdir()
    assert read_models(tmp_path, load_trained) == {}
    (tmp_path / "models" / kept_name(ROW)).mkdir()
    with pytest.raises(ConfigError, match="is a damaged model of a sweep"):
        read_models(tmp_path, load_trained)


def test_columns_of_predictions_are_in_order_of_ids():
    table = SimpleNamespace(ids=np.array([3, 5, 8, 9]), tasks=("y", "part", "file"), task="classification")
    replica = SimpleNamespace(valid=np.array([3, 0]), test=np.array([1]))
    values = np.arange(9, dtype=np.float32).reshape(3, 3)
    columns = prediction_columns(table, replica, values)
    assert list(columns) == ["molecule_id", "part", "values", "y", "label part", "label file"]
    assert columns["values"] == "logits"
    assert columns["molecule_id"].tolist() == [3, 5, 9]
    assert columns["part"].tolist() == ["valid", "test", "valid"]
    assert columns["label part"].tolist() == [4, 7, 1]
