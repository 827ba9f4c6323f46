"""Cells that are no numbers are missing labels, and said so; signs such as > are not overlooked."""

from pathlib import Path

import numpy as np
import pytest

from jaxmrl.cli.commands import SweepFlags, parse
from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.parsing import prepare
from jaxmrl.data.table import read_table
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.reports.terminal import Reporter

INPUTS = Path(__file__).parent / "inputs"
MARKS = "#N/A <NA> - -- ? . ND NT n.d. n/a -nan #VALUE! #DIV/0! #REF! NaN null None".split()


def column(tmp_path, cells, **settings):
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\n" + "".join(f"{'C' * (k + 1)},{cell}\n" for k, cell in enumerate(cells)))
    return read_table(path, target_columns=("y",), **settings)


def test_a_panel_keeps_its_molecules():
    tasks = tuple(f"assay{k}" for k in range(12))
    table = read_table(INPUTS / "panel_nd_cells.csv", target_columns=tasks)
    assert (len(table), table.rejected) == (60, ())
    assert int(np.isnan(table.labels).sum()) == 44
    assert "assay1: 8 cells are not numbers, such as 'ND' in line 3; treated as missing" in table.notes
    assert "assay0: 1 cell is not a number, 'ND' in line 8; treated as missing" in table.notes
    assert "7 more columns: 27 cells are not numbers; treated as missing" in table.notes


def test_one_cell_does_not_hide_its_column(tmp_path):
    path = INPUTS / "one_nd_cell.csv"
    with pytest.raises(DataError, match=r"MW \(143.8 to 486.9\), pIC50 \(-8.6 to 1.07; line 32 has 'ND'\); .*--target"):
        read_table(path)
    alone = [line.split(",")[1::2] for line in path.read_text().splitlines()]
    (tmp_path / "t.csv").write_text("".join(",".join(fields) + "\n" for fields in alone))
    table = read_table(tmp_path / "t.csv")
    assert (table.tasks, len(table)) == (("pIC50",), 59)
    assert "pIC50: 1 cell is not a number, 'ND' in line 32; treated as missing" in table.notes
    (rejected,) = table.rejected
    assert (rejected.line, rejected.reason) == (32, "no label: pIC50 'ND' is not a number")


@pytest.mark.parametrize("mark", MARKS)
def test_usual_marks_are_missing(tmp_path, mark):
    table = column(tmp_path, ["1.5", mark, "2.5", f" {mark.lower()} "])
    assert table.labels[~np.isnan(table.labels)].tolist() == [1.5, 2.5]
    many = [cell for k in range(50) for cell in (mark, f"{k / 7}")]
    path = tmp_path / "half.csv"
    path.write_text("smiles,y\n" + "".join(f"{'C' * (k + 1)},{cell}\n" for k, cell in enumerate(many)))
    assert read_table(path).tasks == ("y",)


def test_a_column_of_some_numbers_is_named(tmp_path):
    rows = [f"{'C' * (k + 1)},{k / 7},{'low' if k % 4 == 0 else k}\n" for k in range(40)]
    (tmp_path / "t.csv").write_text("smiles,y,conc\n" + "".join(rows))
    table = read_table(tmp_path / "t.csv")
    assert table.tasks == ("y",)
    assert any("conc (75% numbers; line 2 has 'low')" in note for note in table.notes)


def test_values_beyond_a_limit_are_counted():
    table = read_table(INPUTS / "censored_labels.csv", target_columns=("solubility",))
    (said,) = [note for note in table.notes if "18 labels have >, < or ~" in note]
    assert "left out, so that curves use measured values only" in said
    assert (len(table), len(table.rejected)) == (102, 18)
    assert table.rejected[0].reason == "no label: solubility '>-1.00' is censored"
    bound = read_table(INPUTS / "censored_labels.csv", target_columns=("solubility",), censored="bound")
    assert (len(bound), bound.labels[0, 0]) == (120, -1.0)
    assert any("their numbers are used without the sign (--censored bound)" in note for note in bound.notes)


@pytest.mark.parametrize("cell", [">30", "<= 5", ">=1e-5", "~7", "≥ 2", "< −3", "≈4", ">30 %", "&gt;30", "＜30"])
def test_signs(tmp_path, cell):
    cells = [cell, "1.5", "2.5"] if "%" not in cell else [cell, "1.5%", "2.5%"]
    assert column(tmp_path, cells).labels[:, 0].tolist() == [1.5, 2.5]
    assert column(tmp_path, cells, censored="bound").labels[1:, 0].tolist() == [1.5, 2.5]
    assert any("1 label has" in note for note in column(tmp_path, cells).notes)


def test_signs_in_a_column_of_their_own(tmp_path):
    path = INPUTS / "chembl_web_export.csv"
    table = read_table(path, target_columns=("Standard Value",))
    assert (len(table), len(table.rejected)) == (48, 12)
    assert table.rejected[0].reason == "no label: Standard Value '5537.75' is censored"
    assert any("12 labels have >, < or ~" in note for note in table.notes)
    assert len(read_table(path, target_columns=("Standard Value",), censored="bound")) == 60
    (tmp_path / "t.csv").write_text("smiles,op,Ki\nC,<,1.5\nCC,=,2.5\nCCC,,3.5\n")
    assert read_table(tmp_path / "t.csv").labels[:, 0].tolist() == [2.5, 3.5]
    (tmp_path / "t.csv").write_text("smiles,op,Ki\nC,&lt;,1.5\nCC,=,2.5\nCCC,,3.5\n")
    assert read_table(tmp_path / "t.csv").labels[:, 0].tolist() == [2.5, 3.5]
    rows = "smiles,qualifier,Ki,other relation,other value\nC,<,1.5,=,\nCC,=,2.5,>,2\nCCC,,3.5,=,\n"
    (tmp_path / "t.csv").write_text(rows)
    table = read_table(tmp_path / "t.csv", target_columns=("Ki",))
    assert table.labels[:, 0].tolist() == [2.5, 3.5]
    assert "Ki: 1 row with >, < or ~ in column other relation, whose labels are used as they are" in table.notes


def test_what_to_do_with_signs_is_a_setting(tmp_path):
    with pytest.raises(ConfigError, match="--censored describes a table of your own"):
        SweepConfig(dataset="nci", censored="bound")
    with pytest.raises(ConfigError, match="unknown censored 'guess'; choose from drop, bound"):
        SweepConfig(csv=tmp_path / "t.csv", censored="guess")


def test_labels_are_in_double_precision(tmp_path):
    table = column(tmp_path, ["-1234567.125", "-1234567.375"])
    assert table.labels.dtype == np.float64
    assert np.ptp(table.labels) == 0.25


def test_rejected_rows_are_kept_when_a_sweep_ends_in_an_error(tmp_path, refused):
    rows = [f"{'C' * (k % 99 + 1)},{k / 7 if k < 4 else 'ND'}\n" for k in range(280)]
    (tmp_path / "t.csv").write_text("smiles,y\n" + "".join(rows))
    words = ("--csv", tmp_path / "t.csv", "--target-columns", "y")
    said = refused("sweep", *words, "--out", tmp_path / "run")
    assert "the random 80/10/10 split has no" in said
    assert "4 usable molecules in all (276 of 280 rows were rejected); at least 10" in said
    assert len((tmp_path / "run" / "rejected.csv").read_text().splitlines()) == 277
    assert not (tmp_path / "run" / "run.json").exists()
    (tmp_path / "run" / "run.json").write_text("{}")
    (tmp_path / "run" / "rejected.csv").write_text("of another run")
    refused("sweep", *words, "--out", tmp_path / "run")
    assert (tmp_path / "run" / "rejected.csv").read_text() == "of another run"
    assert (tmp_path / "run.rejected.csv").exists()
    refused("score", *words, "--out", tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv.rejected.csv").exists()


def test_the_reasons_are_on_the_screen(tmp_path, cache, capsys):
    cells = [*range(40), *["ND"] * 3, *["x y"] * 2, ""]
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\n" + "".join(f"{'C' * (k + 1)},{cell}\n" for k, cell in enumerate(cells)) + "rubbish,1\n")
    load_problem(SweepConfig(csv=path, target_columns=("y",), task="regression"), Reporter())
    said = capsys.readouterr().out
    assert "7 rows rejected; rejected.csv has the reason for each" in said
    assert "5: no label: y 'ND' is not a number (line 42)" in said
    assert "1: no label in any target column (line 47)" in said


def test_a_flag_for_other_data_rules_the_setting_out(tmp_path):
    (tmp_path / "c.toml").write_text('csv = "t.csv"\ncensored = "bound"\n')
    flags = ["--config", str(tmp_path / "c.toml"), "--dataset", "nci"]
    assert parse(SweepConfig, SweepFlags, "sweep", "", flags).settings.censored == "drop"


def test_a_target_of_some_numbers_stops_the_choice(tmp_path):
    rows = [f"{'C' * (k + 1)},{100 + k / 7},{'insoluble' if k % 4 == 0 else k / 3}\n" for k in range(40)]
    path = tmp_path / "t.csv"
    path.write_text("smiles,MW,pIC50\n" + "".join(rows))
    expected = r"in which only some cells are numbers: pIC50 \(75% numbers; line 2 has 'insoluble'\)"
    with pytest.raises(DataError, match=expected):
        read_table(path)
    assert len(read_table(path, target_columns=("pIC50",))) == 30


def test_numbers_that_mark_missing_labels_are_remarked_on(tmp_path):
    cells = ["-999" if k % 5 == 0 else f"{k / 7}" for k in range(20)]
    said = "y: 4 labels of -999, unlike all others; if this marks missing labels, leave those cells empty"
    assert said in column(tmp_path, cells).notes
    cells = ["-9999", *(f"{k**5}" for k in range(20))]
    assert any("y: 1 label of -9999, unlike all others" in note for note in column(tmp_path, cells).notes)
    for values in (range(990, 1000), (0, 999), (-999, *range(-50, 950, 100))):
        assert not any("unlike all others" in note for note in column(tmp_path, list(map(str, values))).notes)


def test_columns_with_relations_of_their_own_need_no_remark(tmp_path):
    rows = [f"{'C' * (k + 1)},{k / 7},{'>' if k % 4 else '='},{k / 5},{'<' if k % 3 else '='}\n" for k in range(20)]
    (tmp_path / "t.csv").write_text("smiles,a,a_qualifier,b,b_qualifier\n" + "".join(rows))
    table = read_table(tmp_path / "t.csv")
    assert (~np.isnan(table.labels)).sum(axis=0).tolist() == [5, 7]
    assert not any("used as they are" in note for note in table.notes)


@pytest.mark.parametrize(
    ("sign", "exact"),
    [
        *(("greater than", "equal"), ("Less Than", "equals"), ("gt", "eq"), ("LT", ""), (">=", "="), ("approx.", "=")),
        *(("'>'", "'='"), ("greater_than", "equal_to"), ("at least", "exactly"), ("~", "=")),
    ],
)
def test_relations_in_words(tmp_path, sign, exact):
    (tmp_path / "t.csv").write_text(f"smiles,Standard Relation,Standard Value\nC,{sign},1\nCC,{exact},2.5\nCCC,,3\n")
    table = read_table(tmp_path / "t.csv", target_columns=("Standard Value",))
    assert table.labels[:, 0].tolist() == [2.5, 3]
    assert any("1 label has >, < or ~" in note for note in table.notes)


def test_a_cell_that_is_no_relation_is_named(tmp_path):
    rows = "".join(f"{'C' * (k + 1)},{'>' if k % 2 else '='},{k / 7}\n" for k in range(19))
    (tmp_path / "t.csv").write_text(f"smiles,qualifier,Ki\n{rows}{'C' * 20},around,5.5\n")
    table = read_table(tmp_path / "t.csv")
    assert len(table) == 11
    said = "qualifier: 1 cell without a relation, such as 'around' in line 21; labels of such rows are used as they are"
    assert said in table.notes


def test_columns_of_units_and_types_are_read(tmp_path):
    header = "smiles,Standard Type,Standard Value,Standard Units,pChEMBL Value\n"
    rows = [
        f"{'C' * (k + 1)},{'Ki' if k % 3 else 'IC50'},{k / 7},{'nM' if k % 2 else 'uM'},{k / 9}\n" for k in range(6)
    ]
    (tmp_path / "t.csv").write_text(header + "".join(rows))
    table = read_table(tmp_path / "t.csv", target_columns=("Standard Value",))
    said = "Standard Value: column {} has 2 {} for its labels ({}), which are used as they are; keep the rows of one"
    assert said.format("Standard Type", "types", "Ki 4, IC50 2") in table.notes
    assert said.format("Standard Units", "units", "uM 3, nM 3") + ", or convert the others" in table.notes
    other = read_table(tmp_path / "t.csv", target_columns=("pChEMBL Value",))
    assert not any("used as they are" in note for note in other.notes)
    (tmp_path / "t.csv").write_text(header + "".join(row.replace("uM", "nM") for row in rows))
    table = read_table(tmp_path / "t.csv", target_columns=("Standard Value",))
    assert not any("units" in note for note in table.notes)


@pytest.mark.parametrize(
    "cell",
    ["5.5 ± 0.2", "5.5±0.2", "5.5 +/- 0.2", "5.5+-2e-1", "\u22125.5 ± 0.2", "\u2212\u00a05.5", "- 5.5", "５．５"],
)
def test_numbers_as_people_write_them(tmp_path, cell):
    table = column(tmp_path, [cell, "1.5"])
    assert table.labels[:, 0].tolist() == [-5.5 if cell[0] in "-\u2212" else 5.5, 1.5]
    assert ("y: 1 cell with an error after ±, which is left out" in table.notes) == ("2" in cell)


def test_two_points_in_a_number_are_between_thousands(tmp_path):
    table = column(tmp_path, ["4.780.790", "59.910", "731", ">1.000.000", "-1.234"])
    assert table.labels[:, 0].tolist() == [4780790, 59910, 731, -1234]
    assert "t.csv: y: decimal commas, points between thousands" in table.notes
    table = column(tmp_path, ["1.2.3", "59.91", "731"])
    assert table.labels[:, 0].tolist() == [59.91, 731]


def test_points_that_may_stand_between_thousands_are_remarked_on(tmp_path):
    cells = ["731", "1.590", "23.500", "4.780", "12.300", "8.125", "45"]
    assert any("if the points stand between thousands, remove them" in note for note in column(tmp_path, cells).notes)
    for other in ("0.125", "1.5", "1590"):
        assert not any("between thousands" in note for note in column(tmp_path, [*cells, other]).notes)


def test_zeros_that_may_mark_missing_labels_are_remarked_on(tmp_path):
    said = "y: 2 labels of 0, unlike all others; if this marks missing labels, leave those cells empty"
    cells = ["5.5", "6.25", "6.5", "7.0", "5.75"]
    assert said in column(tmp_path, [*cells, "0", "0"]).notes
    assert not any("unlike all" in note for note in column(tmp_path, [*cells, "0"]).notes)
    assert not any("unlike all" in note for note in column(tmp_path, [*cells, "2.5", "0", "0"]).notes)


def test_a_column_of_signs_alone_is_no_target(tmp_path):
    rows = [f"{'C' * (k + 1)},{k / 7},>{k / 5}\n" for k in range(20)]
    (tmp_path / "t.csv").write_text("smiles,Ki,IC50\n" + "".join(rows))
    table = read_table(tmp_path / "t.csv")
    assert table.tasks == ("Ki",)
    assert any("not taken as targets: IC50 (no measured value, only <, > or ~)" in note for note in table.notes)


def test_a_zero_width_character_is_no_part_of_a_molecule(tmp_path):
    (tmp_path / "t.csv").write_text("smiles,y\nCCO\u200b,1\nCCN\ufeff,2\nCCC,3\n", encoding="utf-8")
    assert prepare(read_table(tmp_path / "t.csv")).canonical_smiles == ["CCO", "CCN", "CCC"]


def test_decimal_commas_between_commas_are_named(tmp_path):
    (tmp_path / "t.csv").write_text("smiles,y\nC,1,5\nCC,2,5\n")
    with pytest.raises(DataError, match="if its numbers have decimal commas, separate the columns by semicolons"):
        read_table(tmp_path / "t.csv")


def test_an_id_of_a_set_is_an_id(tmp_path):
    rows = "".join(f"{'C' * k},{50000 + k},{k / 7:.3f}\n" for k in range(1, 13))
    (tmp_path / "t.csv").write_text(f"smiles,Reactant_set_id,Ki\n{rows}")
    table = read_table(tmp_path / "t.csv")
    assert table.tasks == ("Ki",)
    assert any("Reactant_set_id (ids, by its name)" in note for note in table.notes)


def test_attachment_points_are_counted(tmp_path, cache, capsys):
    rows = "".join(f"{'*' * (k < 3)}{'C' * k}O,{k / 7:.3f}\n" for k in range(1, 31))
    (tmp_path / "t.csv").write_text(f"smiles,y\n{rows}")
    load_problem(SweepConfig(csv=tmp_path / "t.csv", model=("gin",)), Reporter())
    assert "2 molecules have an attachment point (*)" in " ".join(capsys.readouterr().out.split())
