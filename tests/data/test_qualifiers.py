"""Columns about the numbers of others, and rows that name no molecule."""

import numpy as np
import pytest

from jaxmrl.data.log_scale import LogScale
from jaxmrl.data.table import read_table
from jaxmrl.errors import DataError

MOLECULES = ["C", "CC", "CCC", "CCCC", "CCCCC", "CCO", "CCCO", "CCN"]


def table_of(path, header, *columns, **settings):
    """Write the columns beside MOLECULES and read the table."""
    rows = [",".join(map(str, row)) for row in zip(MOLECULES, *columns, strict=True)]
    (path / "t.csv").write_text("\n".join([f"smiles,{header}", *rows]) + "\n")
    return read_table(path / "t.csv", **settings)


FIRST, SECOND = list("><======"), list("===>>>==")
VALUES, OTHERS = [1.5, 2.5, 4, 5.5, 7, 8.5, 9, 11], [2.5, 3.5, 5, 6.5, 8, 9.5, 10, 12]


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("Qualifier,hERG,Qualifier,CYP", "rvRV"),
        ("hERG,Qualifier,CYP,Qualifier", "vrVR"),
        ("Operator1,Value1,Operator2,Value2", "rvRV"),
        ("hERG Qualifier,CYP Qualifier,CYP,hERG", "rRVv"),
        ("Qualifier,hERG,unit,Qualifier,CYP,unit", "rvuRVu"),
        ("IC50 relation,IC50,IC50 relation,IC50", "rvRV"),
    ],
)
def test_each_of_several_columns_of_relations_is_about_its_own_numbers(tmp_path, header, order):
    cells = {"r": FIRST, "v": VALUES, "R": SECOND, "V": OTHERS, "u": ["nM"] * 8}
    names = {"v": [], "V": []}
    seen: dict[str, int] = {}
    for kind, name in zip(order, header.split(","), strict=True):
        again = seen[name] = seen.get(name, -1) + 1
        if kind in names:
            names[kind] = f"{name}.{again}" if again else name
    wanted = (names["v"], names["V"])
    table = table_of(tmp_path, header, *(cells[kind] for kind in order), target_columns=wanted, censored="loss")
    assert table.bounds.sides[:, 0].tolist() == [1, -1, 0, 0, 0, 0, 0, 0]
    assert table.bounds.sides[:, 1].tolist() == [0, 0, 0, 1, 1, 1, 0, 0]
    assert not any("used as they are" in note for note in table.notes)


def test_a_relation_beside_one_number_is_not_about_another(tmp_path):
    table = table_of(tmp_path, "Operator,IC50_uM,LogD", FIRST, VALUES, OTHERS, target_columns=("LogD",))
    assert table.labels[:, 0].tolist() == OTHERS
    assert "LogD: 2 rows with >, < or ~ in column Operator, whose labels are used as they are" in table.notes


@pytest.mark.parametrize(
    "header", ["IC50,Unit,EC50,Unit", "IC50,IC50_unit,EC50,EC50_unit", "Value1,Unit1,Value2,Unit2"]
)
def test_each_of_several_columns_of_units_is_about_its_own_numbers(tmp_path, header):
    (first, _, second, _), scale = header.split(","), LogScale("nM")
    columns = (VALUES, ["nM"] * 8, OTHERS, ["uM"] * 8)
    for name, values, power in ((first, VALUES, 9), (second, OTHERS, 6)):
        table = table_of(tmp_path, header, *columns, target_columns=(name,), scale=scale)
        np.testing.assert_allclose(table.labels[:, 0], power - np.log10(values))


CONCENTRATIONS = [10000, 10000, 400, 55, 7, 8.5, 900, 11]
LOGARITHMS = [round(9 - float(np.log10(one)), 2) for one in CONCENTRATIONS]


@pytest.mark.parametrize("relation", ["relation", "IC50 relation"])
def test_relations_of_a_concentration_turn_round_for_its_logarithm(tmp_path, relation):
    columns = (list(">>======"), CONCENTRATIONS, LOGARITHMS)
    header = f"{relation},IC50,pIC50"
    table = table_of(tmp_path, header, *columns, target_columns=("pIC50",), censored="loss")
    assert table.bounds.sides[:, 0].tolist() == [-1, -1, 0, 0, 0, 0, 0, 0]
    said = f"pIC50: 2 rows with >, < or ~ in column {relation}, which is about IC50: > is read as < here, and < as >"
    assert said in table.notes
    table = table_of(tmp_path, header, *columns, target_columns=("IC50",), censored="loss")
    assert table.bounds.sides[:, 0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("target", "side"), [("IC50", 1), ("pIC50", -1)])
def test_a_relation_beside_the_logarithm_may_be_of_the_concentration(tmp_path, target, side):
    columns = (CONCENTRATIONS, LOGARITHMS, list(">>======"))
    table = table_of(tmp_path, "IC50,pIC50,relation", *columns, target_columns=(target,), censored="loss")
    assert table.bounds.sides[:, 0].tolist() == [side, side, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("header", "side"), [("IC50,pIC50,relation", 1), ("IC50,pIC50,pIC50 relation", 1)])
def test_relations_of_a_logarithm_hold_as_they_are(tmp_path, header, side):
    """They stand beside it, and its values are large in the rows with >."""
    columns = (CONCENTRATIONS, LOGARITHMS, list("====>>=="))
    table = table_of(tmp_path, header, *columns, target_columns=("pIC50",), censored="loss")
    assert table.bounds.sides[:, 0].tolist() == [0, 0, 0, 0, side, side, 0, 0]


def test_words_that_compare_are_relations_only_by_the_name_of_their_column(tmp_path):
    words = ["less", "greater"] * 4
    assert table_of(tmp_path, "effect,y", words, VALUES, target_columns=("y",)).labels[:, 0].tolist() == VALUES
    marked = table_of(tmp_path, "relation,y", words, VALUES, target_columns=("y",), censored="bound")
    assert sum("8 labels have >, < or ~" in note for note in marked.notes) == 1


@pytest.mark.parametrize("row", [",24", "Total,24", "smiles,active", ",mean", "Mean (n=8),3", "SD:,2", "-,5"])
def test_rows_without_a_molecule_do_not_decide_what_a_column_is(tmp_path, row):
    rows = "".join(f"{one},{k % 2}\n" for k, one in enumerate(MOLECULES))
    (tmp_path / "t.csv").write_text(f"smiles,active\n{rows}{row}\n")
    table = read_table(tmp_path / "t.csv")
    assert table.task == "classification"
    assert len(table) == table.rows - 1 == len(MOLECULES)
    assert [(one.line, one.text) for one in table.rejected] == [(len(MOLECULES) + 2, row)]


@pytest.mark.parametrize(
    "head",
    [
        "smiles,IC50\n,nM\n",
        "smiles,IC50\n,[nM]\n",
        "PUBCHEM_RESULT_TAG,smiles,IC50\nRESULT_TYPE,,FLOAT\nRESULT_UNIT,,NANOMOLAR\n",
    ],
)
def test_a_unit_below_the_name_of_a_column_is_compared(tmp_path, head):
    first = ["", "1,"][head.startswith("PUBCHEM")]
    (tmp_path / "t.csv").write_text(head + "".join(f"{first}{one},100\n" for one in MOLECULES))
    assert read_table(tmp_path / "t.csv", scale=LogScale("nM"), target_columns=("IC50",)).labels[0, 0] == 7
    with pytest.raises(DataError, match=r"the unit of its numbers is '.*', and --pic50 says uM"):
        read_table(tmp_path / "t.csv", scale=LogScale("uM"), target_columns=("IC50",))


ONE_UNIT = ["nM"] * 4 + ["uM"] * 4


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("IC50,SD,Relation", "vnr"),
        ("MW,Relation,Assay,IC50", "nrtv"),
        ("Relation,IC50 (units/mg),LogD", "rvn"),
        ("IC50,N,Operator,Note", "vnrt"),
    ],
)
def test_one_column_of_relations_is_about_the_label_whatever_stands_beside_it(tmp_path, header, order):
    cells = {"r": FIRST, "v": VALUES, "n": OTHERS, "t": ["x"] * 8}
    target = header.split(",")[order.index("v")]
    columns = [cells[kind] for kind in order]
    table = table_of(tmp_path, header, *columns, target_columns=(target,), censored="loss")
    assert table.bounds.sides[:, 0].tolist() == [1, -1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("header", ["IC50,SD,Unit", "IC50,pIC50,Unit", "MW,Unit,IC50"])
def test_one_column_of_units_is_about_the_label_whatever_stands_beside_it(tmp_path, header):
    cells = {"IC50": VALUES, "Unit": ONE_UNIT}
    columns = [cells.get(name, OTHERS) for name in header.split(",")]
    table = table_of(tmp_path, header, *columns, target_columns=("IC50",), scale=LogScale("nM"))
    np.testing.assert_allclose(table.labels[:, 0], np.repeat([9, 6], 4) - np.log10(VALUES))


def test_a_name_with_a_unit_is_no_column_of_units(tmp_path):
    header, wanted = "IC50 (unit: nM),EC50 (unit: nM)", ("EC50 (unit: nM)",)
    table = table_of(tmp_path, header, VALUES, OTHERS, target_columns=wanted, scale=LogScale("nM"))
    np.testing.assert_allclose(table.labels[:, 0], 9 - np.log10(OTHERS))


@pytest.mark.parametrize(
    ("header", "order", "wanted"),
    [
        ("IC50,Qualifier,EC50,Qualifier,MW", "vrVRn", ("IC50", "EC50")),
        ("IC50,Qualifier,EC50,Qualifier,MW", "vrVRn", ("IC50", "EC50", "MW")),
        ("hERG,Qualifier,SD,N,CYP,Qualifier,SD,N", "vrnnVRnn", ("hERG", "CYP")),
        ("MW,Qualifier,IC50,Qualifier,EC50", "nrvRV", ("IC50", "EC50")),
        ("IC50 relation,hERG IC50,IC50 relation,CYP IC50", "rvRV", ("hERG IC50", "CYP IC50")),
    ],
)
def test_what_stands_beside_values_has_no_relations(tmp_path, header, order, wanted):
    cells = {"r": FIRST, "v": VALUES, "R": SECOND, "V": OTHERS, "n": OTHERS}
    table = table_of(tmp_path, header, *(cells[kind] for kind in order), target_columns=wanted, censored="loss")
    sides = [[1, -1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0], [0] * 8]
    assert table.bounds.sides.T.tolist() == sides[: len(wanted)]


def test_relations_of_another_assay_are_not_turned_round(tmp_path):
    columns = (list(">>======"), CONCENTRATIONS, list("======>>"), VALUES, LOGARITHMS)
    header = "IC50 relation,IC50,Ki relation,Ki,pIC50"
    table = table_of(tmp_path, header, *columns, target_columns=("pIC50",), censored="loss")
    assert table.bounds.sides[:, 0].tolist() == [-1, -1, 0, 0, 0, 0, 0, 0]


def test_a_rounded_logarithm_is_one(tmp_path):
    columns = (list(">>======"), CONCENTRATIONS, [round(one, 1) for one in LOGARITHMS])
    table = table_of(tmp_path, "Relation,IC50,pIC50", *columns, target_columns=("pIC50",), censored="loss")
    assert table.bounds.sides[:, 0].tolist() == [-1, -1, 0, 0, 0, 0, 0, 0]


def test_the_unit_below_a_name_counts_and_not_that_of_another_column(tmp_path):
    head = "PUBCHEM_RESULT_TAG,smiles,PubChem Standard Value,Standard Value,Standard Units\nRESULT_UNIT,,MICROMOLAR,,\n"
    rows = "".join(f"1,{one},{value},{1000 * value},nM\n" for one, value in zip(MOLECULES, VALUES, strict=True))
    (tmp_path / "t.csv").write_text(head + rows)
    for name, unit in (("PubChem Standard Value", "uM"), ("Standard Value", "nM")):
        table = read_table(tmp_path / "t.csv", scale=LogScale(unit), target_columns=(name,))
        np.testing.assert_allclose(table.labels[:, 0], 6 - np.log10(VALUES))


def test_tables_of_different_units_one_after_the_other_are_refused(tmp_path):
    rows = "".join(f"{one},100\n" for one in MOLECULES)
    (tmp_path / "t.csv").write_text(f"smiles,IC50\n,nM\n{rows}smiles,IC50\n,uM\n{rows}")
    with pytest.raises(DataError, match="the unit of its numbers is 'uM', and --pic50 says nM"):
        read_table(tmp_path / "t.csv", scale=LogScale("nM"), target_columns=("IC50",))


def test_a_row_without_a_molecule_at_the_end_states_no_unit(tmp_path):
    (tmp_path / "t.csv").write_text("smiles,IC50\n" + "".join(f"{one},100\n" for one in MOLECULES) + ",M\n")
    assert read_table(tmp_path / "t.csv", scale=LogScale("nM"), target_columns=("IC50",)).labels[0, 0] == 7


def test_a_text_below_a_name_that_is_no_unit_of_concentration_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("smiles,IC50\n-,ug/mL\n" + "".join(f"{one},100\n" for one in MOLECULES))
    table = read_table(tmp_path / "t.csv", scale=LogScale("nM"), target_columns=("IC50",))
    assert "IC50: 'ug/mL' below its name is not compared with the unit that --pic50 states" in table.notes
