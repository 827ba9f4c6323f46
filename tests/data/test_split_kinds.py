"""The splits of a table, by the settings of a command."""

import csv

import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problems
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.reports.terminal import Reporter
from tests.support.spellings import respell
from tests.support.tables import nci_molecules

CLASSICAL = {"target_columns": ("logp",), "model": ("svm",), "baselines": ("none",), "seeds": 2, "split_seeds": "auto"}


@pytest.fixture
def dated(tmp_path):
    """Return a function that writes molecules with a series and a date, in some order and spelling."""
    smiles, labels = nci_molecules()

    def write(order=range(160), spell=lambda text: text, name="dated.csv"):
        path = tmp_path / name
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["smiles", "logp", "series", "made"])
            for k in order:
                date = "" if k == 3 else f"20{10 + k // 16}-0{1 + k % 9}-01"
                writer.writerow([spell(smiles[k]), labels[k, 0], "" if k % 11 == 0 else f"s{k % 17}", date])
        return path

    return write


def problems_of(path, *kinds, **settings):
    config = SweepConfig(csv=path, split=kinds, **CLASSICAL, **settings)
    return {(one.split_name, one.repeat.place): one for one in load_problems(config, Reporter())}


def held_out_of(problem) -> set[str]:
    return {problem.canonical_smiles[k] for k in problem.split.test}


COLUMNS = {"group_column": "series", "date_column": "made"}
KINDS = ("cluster", "leave-cluster-out", "maxmin", "stratified", "group", "time")


def test_each_kind_of_split_whatever_the_order_and_spelling_of_rows(dated, cache, capsys):
    found = problems_of(dated(), *KINDS, **COLUMNS)
    said = capsys.readouterr().out
    assert "17 groups in column series; 15 rows without a group, each grouped by its molecule" in said
    assert "dates in column made (YYYY-MM-DD): 2010-01-01 to 2019-09-01" in said
    assert "no date in column made" in said
    order = np.random.default_rng(0).permutation(160)
    rng = np.random.default_rng(1)
    again = problems_of(dated(order, lambda text: respell(text, rng), "again.csv"), *KINDS, **COLUMNS)
    assert found.keys() == again.keys()
    for key, problem in found.items():
        assert held_out_of(problem) == held_out_of(again[key]), key
        own = np.concatenate(list(problem.split.parts().values()))
        assert len(set(own.tolist())) == len(own)
        assert len(own) == 159 or key == ("leave-cluster-out", 1)
        assert problem.same_scaffold[0] <= problem.same_scaffold[1] <= len(problem.split.test)
    dates = found["time", 0].table.side.dates
    assert dates[found["time", 0].split.train].max() < dates[found["time", 0].split.test].min()
    groups, split = found["group", 0].table.side.groups, found["group", 0].split
    assert not set(groups[split.train]) & set(groups[split.test]) - {""}
    assert ("time", 1) not in found


def test_splits_by_columns_need_them(dated):
    path = dated()
    with pytest.raises(ConfigError, match="--split time needs a column of --csv: name it with --date-column"):
        SweepConfig(csv=path, split=("time",))
    with pytest.raises(ConfigError, match="--group-column is for --split group; give"):
        SweepConfig(csv=path, group_column="series")
    with pytest.raises(ConfigError, match="describes a table of your own"):
        SweepConfig(split=("group",), group_column="series")
    with pytest.raises(ConfigError, match="--split time has one split"):
        SweepConfig(csv=path, split=("time",), date_column="made", seeds=2, split_seeds=2)
    with pytest.raises(ConfigError, match="the mean of a molecule's labels may have later ones"):
        SweepConfig(csv=path, split=("time",), date_column="made", deduplicate="mean")
    with pytest.raises(DataError, match="has no column 'date'; its columns are smiles, logp, series, made"):
        problems_of(path, "time", date_column="date")
    with pytest.raises(DataError, match="line 3, column series: 's1' is not a date; expected dates such as"):
        problems_of(path, "time", date_column="series")


def test_no_kind_of_split_separates_the_rows_of_a_molecule(tmp_path, cache):
    smiles, labels = nci_molecules()
    path, rows = tmp_path / "repeated.csv", [*range(120), *range(40), *range(0, 40, 3)]
    lines = [f"{smiles[k]},{labels[k, 0] + place / 100},{'abcdefgh'[k % 8]}" for place, k in enumerate(rows)]
    path.write_text("\n".join(["smiles,logp,series", *lines]))
    kinds = ("scaffold", "cluster", "leave-cluster-out", "maxmin", "stratified", "group")
    found = problems_of(path, "random", *kinds, group_column="series")
    assert {key[0] for key, problem in found.items() if problem.shared} == {"random"}, "that of the study is by rows"
