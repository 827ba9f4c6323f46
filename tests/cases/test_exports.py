"""Exports of databases, laboratory notebooks and workbooks: each label with its relation, its unit and its molecule."""

import numpy as np
import pytest

from jaxmrl.chem.molecules import UnusableMoleculeError, canonicalize
from jaxmrl.data.log_scale import LogScale
from jaxmrl.data.long_format import LongFormat
from jaxmrl.data.parsing import prepare
from jaxmrl.data.side_columns import SideColumnNames
from jaxmrl.data.table import read_table
from jaxmrl.errors import DataError
from jaxmrl.io.cells import read_numbers

MOLECULES = ["C" * k for k in range(1, 13)]
BLOCK = "m\n  RDKit 2D\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\nM  END\n"


def write(tmp_path, header, row, name="t.csv", molecules=MOLECULES):
    """Write a table with a row for each molecule, by a function of its number and its SMILES."""
    lines = [header, *(row(k, smiles) for k, smiles in enumerate(molecules))]
    (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / name


def sides_of(path, *columns):
    table = read_table(path, target_columns=columns, censored="loss")
    return np.zeros(table.labels.shape, int) if table.bounds is None else table.bounds.sides


def pic50_of(path, column, unit="nM", **settings):
    return read_table(path, target_columns=(column,), scale=LogScale(unit), **settings).labels[:, 0]


def test_a_relation_that_shares_a_word_with_a_logarithm_is_reversed_for_it(tmp_path):
    row = lambda k, smiles: f"{smiles},{'>' if k % 3 == 0 else ''},{10 ** (k * 0.3):.3g},{6 - k * 0.3:.2f}"
    path = write(tmp_path, "SMILES,hERG Modifier,hERG IC50 (uM),hERG pIC50", row)
    assert sides_of(path, "hERG pIC50")[:4, 0].tolist() == [-1, 0, 0, -1]
    assert sides_of(path, "hERG IC50 (uM)")[:4, 0].tolist() == [1, 0, 0, 1]


def test_a_relation_in_a_unit_of_mass_is_reversed_by_the_names(tmp_path):
    mass = lambda k: 10 ** (k * 0.3) * (150 + 9 * (k % 5)) / 1000
    row = lambda k, smiles: f"{smiles},{mass(k):.3g},{'>' if k % 3 == 0 else ''},{6 - k * 0.3:.2f}"
    path = write(tmp_path, "SMILES,IC50 (ug/mL),Relation,pIC50", row)
    assert sides_of(path, "pIC50")[:4, 0].tolist() == [-1, 0, 0, -1]


@pytest.mark.parametrize(
    "header",
    ["hERG,hERG_mod,CYP,CYP_mod,LogD", "hERG_UM,hERG_OP,CYP_UM,CYP_OP,LOGD", "hERG,hERG zz,CYP,CYP zz,clearance"],
)
def test_relations_behind_their_numbers_do_not_depend_on_what_is_predicted(tmp_path, header):
    signs = lambda k: (">" if k % 2 == 0 else "", "<" if k % 2 else "")
    row = lambda k, smiles: ",".join(
        [smiles, f"{5.1 + k / 2}", signs(k)[0], f"{0.2 + k * 0.7:.1f}", signs(k)[1], f"{k / 10}"]
    )
    path = write(tmp_path, f"SMILES,{header}", row)
    first, _, second, _, last = header.split(",")
    for wanted in ((first, second), (second, first), (first, second, last)):
        found = dict(zip(wanted, sides_of(path, *wanted)[:2].T.tolist(), strict=True))
        assert (found[first], found[second]) == ([1, 0], [0, -1])
    assert sides_of(path, second)[:2, 0].tolist() == [0, -1]
    assert not sides_of(path, last).any()


def test_relations_behind_repeated_names(tmp_path):
    row = lambda k, smiles: f"{smiles},{k + 5.1},{'>' if k % 2 == 0 else ''},{k + 0.2},{'<' if k % 2 else ''},{k / 10}"
    path = write(tmp_path, "SMILES,IC50,Op,IC50,Op,LogD", row)
    assert sides_of(path, "IC50")[:2, 0].tolist() == [1, 0]
    assert sides_of(path, "IC50.1")[:2, 0].tolist() == [0, -1]
    assert not sides_of(path, "LogD").any()


def test_a_relation_before_one_number_is_not_about_another(tmp_path):
    row = lambda k, smiles: f"{smiles},{'>' if k % 3 == 0 else ''},{k / 10},{k + 0.5}"
    path = write(tmp_path, "SMILES,Qualifier,LogD,hERG", row)
    assert sides_of(path, "LogD")[:2, 0].tolist() == [1, 0]
    assert not sides_of(path, "hERG").any()


@pytest.mark.parametrize(
    "name", ["MaxConcUnits", "TopConcUnits", "DoseUnit", "dose_unit", "amount units", "Max conc. unit"]
)
def test_units_of_other_quantities_are_not_those_of_the_labels(tmp_path, name):
    row = lambda k, smiles: f"{smiles},{k + 5.5},{10 + k % 2},{'mg/kg' if 'ose' in name else 'uM'}"
    path = write(tmp_path, f"SMILES,IC50,Dose,{name}", row)
    assert pic50_of(path, "IC50")[0] == pytest.approx(9 - np.log10(5.5))


@pytest.mark.parametrize("last", ["", ",LogS"])
def test_whole_numbers_that_all_differ_have_units_and_relations(tmp_path, last):
    row = lambda k, smiles: f"{smiles},{k + 1},uM,{k + 2},nM" + (f",{k / 10}" if last else "")
    path = write(tmp_path, f"SMILES,IC50 hERG,unit,IC50 CYP,unit{last}", row)
    assert pic50_of(path, "IC50 hERG")[0] == pytest.approx(6)
    assert pic50_of(path, "IC50 CYP")[0] == pytest.approx(9 - np.log10(2))


@pytest.mark.parametrize(
    ("cells", "sides"),
    [
        ((">", "-", "="), [1, 0, 0]),
        ((">", "ND", "?"), [1, 0, 0]),
        (("größer als", "=", "kleiner als"), [1, 0, -1]),
        (("Right-censored", "", "Left-censored"), [1, 0, -1]),
        ((">LOD", "=", "<LOQ"), [1, 0, -1]),
        (("above", "within", "below"), [1, 0, -1]),
    ],
)
def test_words_and_marks_of_relations(tmp_path, cells, sides):
    path = write(tmp_path, "smiles,Relation,IC50_nM", lambda k, smiles: f"{smiles},{cells[k % 3]},{100.5 + k * 37}")
    assert sides_of(path, "IC50_nM")[:3, 0].tolist() == sides


def test_relations_that_are_not_understood_are_named(tmp_path):
    path = write(tmp_path, "smiles,Relation,y", lambda k, smiles: f"{smiles},{[1, 0, -1][k % 3]},{k / 7}")
    notes = read_table(path, target_columns=("y",), censored="loss").notes
    assert any("Relation: 12 cells without a relation, such as '1' in line 2" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("IC50 (ug/mL)", "ug/mL"),
        ("IC50 [mg/L]", "mg/L"),
        ("IC50_ng_ml", "ng_ml"),
        ("IC50 (fM)", "fM"),
        ("IC50 (ppm)", "ppm"),
        ("IC50 (%)", "%"),
        ("% inhibition", "%"),
        ("IC50 (10^-6 M)", "10^-6 M"),
    ],
)
def test_a_name_that_states_another_unit_is_refused(tmp_path, name, unit):
    path = write(tmp_path, f"smiles,{name}", lambda k, smiles: f"{smiles},{5 + k / 4}")
    for asked in ("nM", "M"):
        with pytest.raises(DataError, match=f"the unit of its numbers is '{unit.replace('^', '.')}', and --pic50 says"):
            pic50_of(path, name, asked)


@pytest.mark.parametrize(
    "name", ["hERG pIC50", "Standard pIC50", "p(IC50)", "IC50 (log10 nM)", "log IC50", "target pKi"]
)
def test_a_name_that_states_a_logarithm_is_refused(tmp_path, name):
    path = write(tmp_path, f"smiles,{name}", lambda k, smiles: f"{smiles},{5 + k / 4}")
    with pytest.raises(DataError, match="so its numbers are logarithms already; omit --pic50"):
        pic50_of(path, name)


@pytest.mark.parametrize("name", ["IC50", "hERG IC50 (95% CI excluded)", "Analog IC50 (nM)", "IC50 catalog nM"])
def test_names_that_state_no_other_unit(tmp_path, name):
    path = write(tmp_path, f"smiles,{name}", lambda k, smiles: f"{smiles},{5 + k / 4}")
    assert pic50_of(path, name)[0] == pytest.approx(9 - np.log10(5))


@pytest.mark.parametrize("name", ["Einheit", "Unidad", "IC50_U", "Dimension", "u"])
def test_units_are_known_by_their_column(tmp_path, name):
    path = write(tmp_path, f"SMILES;IC50;{name}", lambda k, smiles: f"{smiles};{k + 1};{('nM', 'µM')[k % 2]}")
    assert pic50_of(path, "IC50")[:2] == pytest.approx([9, 6 - np.log10(2)])
    assert any("has 2 units for its labels" in note for note in read_table(path, target_columns=("IC50",)).notes)


@pytest.mark.parametrize(("header", "unit"), [("Conc,Units,IC50_nM", "uM"), ("Amount,Units,IC50 (nM)", "mg")])
def test_the_unit_in_a_name_counts_before_the_unit_of_another_column(tmp_path, header, unit):
    path = write(tmp_path, f"SMILES,{header}", lambda k, smiles: f"{smiles},{k + 2},{unit},{k * 10 + 5}")
    assert pic50_of(path, header.split(",")[-1])[0] == pytest.approx(9 - np.log10(5))


def test_units_in_cells_are_converted(tmp_path):
    path = write(tmp_path, "smiles,IC50", lambda k, smiles: f"{smiles},{k + 1} {('uM', 'nM')[k % 2]}")
    assert pic50_of(path, "IC50", "uM")[:2] == pytest.approx([6, 9 - np.log10(2)])
    path = write(tmp_path, "smiles,IC50", lambda k, smiles: f"{smiles},{'> 10 uM' if k % 4 == 0 else k + 0.5}")
    table = read_table(path, target_columns=("IC50",), scale=LogScale("uM"), censored="loss")
    assert (table.bounds.values[0, 0], table.bounds.sides[0, 0], len(table)) == (5, -1, 12)
    path = write(tmp_path, "smiles,IC50", lambda k, smiles: f"{smiles},{k + 1} {('uM', 'µM')[k % 2]}")
    assert read_table(path, target_columns=("IC50",)).labels[:2, 0].tolist() == [1, 2]
    path = write(tmp_path, "smiles,IC50", lambda k, smiles: f"{smiles},{k + 1} [{('uM', 'nM')[k % 2]}]")
    with pytest.raises(DataError, match=r"no plain numbers, but 12 different texts such as '1 \[uM\]'"):
        pic50_of(path, "IC50", "uM")


def test_each_assay_of_a_long_table_may_have_a_unit(tmp_path):
    row = lambda k, smiles: "\n".join([f"{smiles},hERG,{k + 1} uM", f"{smiles},inhibition,{2 * k + 1} %"])
    table = read_table(write(tmp_path, "smiles,assay,value", row), assays=LongFormat("assay", "value"))
    assert table.tasks == ("hERG", "inhibition")
    assert np.nanmax(table.labels, axis=0).tolist() == [12, 23]
    assert "t.csv: hERG: the unit 'uM' after every number; inhibition: the unit '%' after every number" in table.notes


@pytest.mark.parametrize("cells", [("100,120", "310,290,305"), ("512 498", "120 130")])
def test_replicates_are_no_thousands(cells):
    numbers = read_numbers([*cells, "131", "98", "427"])
    assert np.isnan(numbers.values).tolist() == [True, True, False, False, False]
    assert read_numbers(["3", "67", "1,234", "120,120"]).values.tolist() == [3, 67, 1234, 120120]
    assert read_numbers(["12", "30,000", "5"]).values.tolist() == [12, 30000, 5]


def test_weights_are_read_as_labels_are(tmp_path):
    for second in ("1.250", "1,250"):
        row = lambda k, smiles, second=second: (
            f"{smiles};{5 + k}{',' if '.' in second else '.'}11;{(850, second)[k % 2]}"
        )
        table = read_table(write(tmp_path, "smiles;y;n", row), target_columns=("y",), side=SideColumnNames(weight="n"))
        assert table.side.weights[:2].tolist() == [850, 1250]


def test_decimal_commas_elsewhere_are_evidence_also_between_commas(tmp_path):
    row = lambda k, smiles: f'{smiles},"0,{200 + k}","6,{137 + k}"'
    assert read_table(write(tmp_path, "smiles,LogD,pIC50", row), target_columns=("pIC50",)).labels[0, 0] == 6.137
    patterns = ("1,2", "2,4", "1,3,5", "2,2")
    row = lambda k, smiles: f"{smiles}\t{patterns[k % 4]}\t6.{137 + k}"
    path = write(tmp_path, "smiles\tpattern\tpIC50", row, "t.txt")
    assert read_table(path, target_columns=("pIC50",)).labels[0, 0] == 6.137


def test_why_a_censored_label_is_lost(tmp_path):
    row = lambda k, smiles: f"{smiles},{'>30' if k % 3 == 0 else k + 1},{'ug/mL' if k % 3 == 0 else 'nM'}"
    path = write(tmp_path, "smiles,IC50,IC50 unit", row)
    table = read_table(path, target_columns=("IC50",), scale=LogScale("nM"), censored="loss")
    assert {one.reason for one in table.rejected} == {"no label: IC50 '>30' is in no unit of concentration"}
    assert not any("models learn from them" in note for note in table.notes)


@pytest.mark.parametrize("third", ["(null)", "\\N", "[null]", "<null>"])
def test_what_databases_write_for_nothing(tmp_path, third):
    path = write(tmp_path, "smiles,act", lambda k, smiles: f"{smiles},{('Active', 'Inactive', third)[k % 3]}")
    assert np.isnan(read_table(path, target_columns=("act",)).labels[:3, 0]).tolist() == [False, False, True]


def test_several_negations_of_a_word(tmp_path):
    for words in (("Active", "Inactive", "not active"), ("toxic", "non-toxic", "not toxic")):
        path = write(tmp_path, "smiles,act", lambda k, smiles, words=words: f"{smiles},{words[k % 3]}")
        assert read_table(path, target_columns=("act",)).labels[:3, 0].tolist() == [1, 0, 0]


def test_lines_of_sql_programs_are_no_molecules(tmp_path):
    path = write(tmp_path, "smiles,act\n------,------", lambda k, smiles: f"{smiles},{('Active', 'Inactive')[k % 2]}")
    path.write_text(path.read_text() + "\n(12 rows affected)\n")
    table = read_table(path, target_columns=("act",))
    assert (len(table), [one.line for one in table.rejected]) == (12, [2, 16])


def test_a_second_header_with_other_columns_is_refused(tmp_path):
    path = write(tmp_path, "smiles,A,B", lambda k, smiles: f"{smiles},{k / 7},{k / 3}")
    text = path.read_text()
    path.write_text(text + text)
    assert len(read_table(path, target_columns=("A", "B"))) == 24
    path.write_text(text + text.replace("A,B", "B,A"))
    with pytest.raises(DataError, match="line 14 is a header with the columns in another order"):
        read_table(path, target_columns=("A", "B"))


@pytest.mark.parametrize(
    ("header", "cells", "column"),
    [
        ("ID,Structure,Scaffold SMILES,R1 SMILES", "x,{},c1ccccc1,CC", "Structure"),
        ("ID,Salt_SMILES,Compound SMILES (parent)", "x,Cl,{}", "Compound SMILES (parent)"),
        ("ID,InChI,Murcko_SMILES", 'x,"InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3",c1ccccc1', "InChI"),
        ("ID,Murcko_SMILES", "x,{}", "Murcko_SMILES"),
    ],
)
def test_columns_of_parts_come_last(tmp_path, header, cells, column):
    path = write(tmp_path, f"{header},y", lambda k, smiles: f"{cells.format(smiles)},{k / 7}")
    assert read_table(path, target_columns=("y",)).column == column


@pytest.mark.parametrize("text", ["[#6]-[#6]-[#8]", "CC(=O)Oc1ccccc1 C(=O)O", "CCN . Cl"])
def test_patterns_and_blanks_within_are_no_smiles(text):
    with pytest.raises(UnusableMoleculeError):
        canonicalize(text)


@pytest.mark.parametrize("name", ["ethanol", "(S)-x", "|$;;$|", "N1", "C(1)", "CHEMBL545", "(R)", "Cl-salt"])
def test_names_behind_a_blank_are_no_part_of_it(name):
    assert canonicalize(f"CCO {name}")[0] == "CCO"


def test_rows_without_a_group(tmp_path):
    series = ["A", "B", "-", "unknown", "?", "n.d.", ""]
    path = write(tmp_path, "smiles,y,series", lambda k, smiles: f"{smiles},{k / 7},{series[k % 7]}")
    table = read_table(path, target_columns=("y",), side=SideColumnNames(group="series"))
    assert table.side.groups[:7].tolist() == ["A", "B", "", "", "", "", ""]


def test_an_empty_field_at_the_end_does_not_hide_a_decimal_comma(tmp_path):
    path = write(tmp_path, "smiles,logS,notes", lambda k, smiles: f"{smiles},-{k}" + (f",{k}5," if k % 3 else ","))
    table = read_table(path, target_columns=("logS",))
    assert (len(table), {one.reason for one in table.rejected}) == (4, {"4 fields, expected 3"})
    path = write(tmp_path, "smiles,logS,notes", lambda k, smiles: f"{smiles},-{k},{k},")
    assert len(read_table(path, target_columns=("logS",))) == 12, "all rows have an empty field at their end"


def sd_file(tmp_path, properties):
    (tmp_path / "t.sdf").write_text("".join(f"{BLOCK}{properties(k)}$$$$\n" for k in range(12)))
    return tmp_path / "t.sdf"


def first_labels(path, *columns):
    return read_table(path, target_columns=columns).labels[0].tolist()


def test_properties_of_sd_files(tmp_path):
    path = sd_file(tmp_path, lambda k: f">  <% inh >50uM>\n{k + 20}\n\n>  <% inh >10uM>  (7)\n{k + 100}\n\n")
    assert first_labels(path, "% inh >50uM", "% inh >10uM") == [20, 100]
    path = sd_file(tmp_path, lambda k: f"> <IC50>\n{k + 1}\n\n> <IC50>\n{k + 200}\n\n")
    assert first_labels(path, "IC50", "IC50.1") == [1, 200]
    path = sd_file(tmp_path, lambda k: f"> <IC50>\n{k + 1}\n> <EC50>\n>{k + 3}\n\n")
    assert first_labels(path, "IC50") == [1]
    assert "EC50 12" in " ".join(read_table(path, target_columns=("IC50", "EC50")).notes)
    path = sd_file(tmp_path, lambda k: f"> <IC50>\n\n{k + 1}\n\n> <empty>\n\n> <EC50>\n{k + 3}\n\n")
    assert first_labels(path, "IC50", "EC50") == [1, 3]


def test_mol_blocks_of_databases(tmp_path, cache):
    block = BLOCK.replace("\n", "\\n")
    path = write(tmp_path, "ID,Structure,y", lambda k, smiles: f'x,"{block}",{k / 7}')
    assert set(read_table(path, target_columns=("y",)).smiles) == {"C"}


def test_abbreviations_in_mol_blocks_are_refused(tmp_path, cache):
    block = BLOCK.replace("M  END", "A    1\nOMe\nM  END")
    (tmp_path / "t.sdf").write_text(f"{block}> <y>\n3.5\n\n$$$$\n{BLOCK}> <y>\n4.5\n\n$$$$\n")
    table = prepare(read_table(tmp_path / "t.sdf", target_columns=("y",))).table
    assert [one.reason for one in table.rejected] == ["the abbreviation 'OMe' in place of atoms; expand it"]


def test_what_a_workbook_shows_beside_a_number(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    workbook.active.title, workbook.active.sheet_state = "old", "hidden"
    workbook.active.append(["SMILES", "IC50 (nM)"])
    workbook.active.append(["C", 1])
    sheet = workbook.create_sheet("data")
    workbook.active = 1
    sheet.append(["SMILES", "IC50 (nM)", "Ki", "share"])
    for k, smiles in enumerate(MOLECULES):
        sheet.append([smiles, 30000 if k % 3 == 0 else 12.5 * k, k + 0.5, k / 100])
        formats = ('">"0' if k % 3 == 0 else "0.0", '0.0" µM"' if k % 2 else '0" nM"', "0%")
        for at, number_format in enumerate(formats, 2):
            sheet.cell(k + 2, at).number_format = number_format
    workbook.save(tmp_path / "t.xlsx")
    path = tmp_path / "t.xlsx"
    assert sides_of(path, "IC50 (nM)")[:4, 0].tolist() == [1, 0, 0, 1]
    assert pic50_of(path, "Ki")[:2] == pytest.approx([9 - np.log10(0.5), 6 - np.log10(1.5)])
    assert first_labels(path, "share") == [0]


@pytest.mark.parametrize("text", ["3/31/2021, 10:20:00 AM", "2021-03-31 10:20:00 UTC", "2021-03-31 10:20 GMT"])
def test_dates_with_a_time(tmp_path, text):
    path = write(tmp_path, "smiles,y,date", lambda k, smiles: f'{smiles},{k / 7},"{text}"')
    dates = read_table(path, target_columns=("y",), side=SideColumnNames(date="date")).side.dates
    assert dates[0] == np.datetime64("2021-03-31T10:20:00")


def test_a_column_is_found_by_either_spelling_of_micro(tmp_path):
    path = write(tmp_path, "smiles,EC50 (μM)", lambda k, smiles: f"{smiles},{k + 1}")
    assert first_labels(path, "EC50 (µM)") == [1]
    path = write(tmp_path, "smiles,EC50 (μM),EC50 (µM)", lambda k, smiles: f"{smiles},{k + 1},{k + 5}")
    assert first_labels(path, "EC50 (µM)") == [5]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("IC50 (nM),Sex", "M"),
        ("IC50 (nM),Indication", "MM"),
        ("IC50 (nM),time", "PM"),
        ("IC50,Flag", "NM"),
        ("IC50 (nM),MaxConc,MaxConcUnits", "10,uM"),
        ("IC50 (nM),Dose,DoseUnit", "5,mg/kg"),
        ("IC50,Emax,Dim", "{k},%"),
    ],
)
def test_columns_that_only_look_like_units_convert_nothing(tmp_path, header, cells):
    path = write(tmp_path, f"smiles,{header}", lambda k, smiles: f"{smiles},{k + 5.5},{cells.format(k=k + 0.5)}")
    assert pic50_of(path, header.split(",")[0])[0] == pytest.approx(9 - np.log10(5.5))


def test_units_of_several_potencies_convert_each(tmp_path):
    row = lambda k, smiles: f"{smiles},{k + 1.5},{k + 2.5},{('nM', 'uM')[k % 2]}"
    path = write(tmp_path, "smiles,IC50 (nM),Ki (nM),Units", row)
    assert pic50_of(path, "IC50 (nM)")[1] == pytest.approx(6 - np.log10(2.5))


def test_the_relation_of_another_assay_says_nothing(tmp_path):
    row = lambda k, smiles: f"{smiles},{10 ** (k * 0.3):.3g},{'>' if k % 3 == 0 else ''},{6 - k * 0.29:.2f}"
    assert not sides_of(write(tmp_path, "smiles,IC50 A (uM),A Relation,pIC50 B", row), "pIC50 B").any()


def test_relations_of_a_long_table_with_units_in_cells(tmp_path):
    row = lambda k, smiles: "\n".join(
        [f"{smiles},hERG,{'>' if k % 2 else ''},{k + 1} uM", f"{smiles},inhibition,,{2 * k + 1} %"]
    )
    path = write(tmp_path, "smiles,assay,relation,value", row)
    table = read_table(path, assays=LongFormat("assay", "value"), censored="loss")
    assert (table.bounds.sides != 0).sum(axis=0).tolist() == [6, 0]


@pytest.mark.parametrize(
    "name",
    [
        "IC50 PKA (nM)",
        "human PKC IC50 (nM)",
        "Substance P IC50 (nM)",
        "IC50 log-phase cells (nM)",
        "PPT1 IC50 (nM)",
        "PPM1D IC50 (nM)",
        "FM3A IC50 (nM)",
        "IC50 (nM), 10 mg/mL BSA",
    ],
)
def test_targets_and_additives_in_names_are_no_units_and_no_logarithms(tmp_path, name):
    path = write(tmp_path, f'smiles,"{name}"', lambda k, smiles: f"{smiles},{k + 5.5}")
    assert pic50_of(path, name)[0] == pytest.approx(9 - np.log10(5.5))


@pytest.mark.parametrize("name", ["pchembl_value", "herg_pic50", "-lg IC50", "ln IC50", "p-IC50", "IC50 (logarithmic)"])
def test_other_names_of_logarithms_are_refused(tmp_path, name):
    path = write(tmp_path, f"smiles,{name}", lambda k, smiles: f"{smiles},{5 + k / 4}")
    with pytest.raises(DataError, match="already; omit --pic50"):
        pic50_of(path, name)


@pytest.mark.parametrize("name", ["IC50 (µg mL-1)", "IC50 (mcg/mL)", "IC50 (nmol/mL)", "IC50 (1e-6 M)", "IC50 percent"])
def test_other_spellings_of_other_units_are_refused(tmp_path, name):
    path = write(tmp_path, f"smiles,{name}", lambda k, smiles: f"{smiles},{5 + k / 4}")
    with pytest.raises(DataError, match="the unit of its numbers is"):
        pic50_of(path, name)


@pytest.mark.parametrize(
    ("header", "second"),
    [
        ("smiles,y,y.1", "smiles,y,y"),
        ("smiles,LogD pH 7,LogD pH 7.4", "smiles,LogD pH 7,LogD pH 7.4"),
        ("SMILES,IC50,EC50", "SMILES,nM,nM"),
        ("smiles,IC50,EC50", "smiles,mean,sd"),
    ],
)
def test_rows_that_repeat_a_header_are_left_out(tmp_path, header, second):
    path = write(tmp_path, f"{header}\n{second}", lambda k, smiles: f"{smiles},{k / 7},{k / 3}")
    table = read_table(path, target_columns=tuple(header.split(",")[1:]))
    assert (len(table), [one.reason for one in table.rejected]) == (12, ["a repeated header"])


def test_whole_numbers_without_a_name_of_a_measurement_take_no_relation_and_no_unit(tmp_path):
    row = lambda k, smiles: (
        f"{smiles},{k + 0.5},{'>' if k % 3 == 0 else ''},{k + 1.5},{'<' if k % 3 == 1 else ''},{k + 9}"
    )
    path = write(tmp_path, "smiles,IC50,Qualifier,EC50,Qualifier,PMID", row)
    assert sides_of(path, "EC50")[:3, 0].tolist() == [0, -1, 0]
    path = write(
        tmp_path, "smiles,Lot,Unit,IC50,Unit,EC50", lambda k, smiles: f"{smiles},{k + 9},nM,{k + 0.5},uM,{k + 1.5}"
    )
    assert pic50_of(path, "IC50")[0] == pytest.approx(9 - np.log10(0.5))


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("ID,Desalted SMILES,Salt InChI", "Desalted SMILES"),
        ("ID,Product SMILES,Catalyst InChI", "Product SMILES"),
        ("ID,SMILES_desalted,Other", "SMILES_desalted"),
        ("ID,SMILES_R1,Structure", "Structure"),
        ("ID,SMILES_core,Structure", "Structure"),
    ],
)
def test_desalted_molecules_are_whole_ones(tmp_path, header, column):
    row = lambda k, smiles: (
        f"x,{smiles},{smiles if 'Structure' in header else chr(34) + 'InChI=1S/ClH/h1H' + chr(34)},{k / 7}"
    )
    assert read_table(write(tmp_path, f"{header},y", row), target_columns=("y",)).column == column


def test_formats_with_conditions_say_nothing(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    for number_format in ('[>=50]">"0;0.0', '">"0.0;-0.0'):
        workbook = openpyxl.Workbook()
        workbook.active.append(["SMILES", "y"])
        for k, smiles in enumerate(MOLECULES):
            workbook.active.append([smiles, -k - 0.5])
            workbook.active.cell(k + 2, 2).number_format = number_format
        workbook.save(tmp_path / "t.xlsx")
        assert not sides_of(tmp_path / "t.xlsx", "y").any()


def test_a_unit_in_some_formats_alone_is_no_unit(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    workbook = openpyxl.Workbook()
    workbook.active.append(["SMILES", "y"])
    for k, smiles in enumerate(MOLECULES):
        workbook.active.append([smiles, k + 0.5])
        if k % 2:
            workbook.active.cell(k + 2, 2).number_format = '0.0" nM"'
    workbook.save(tmp_path / "t.xlsx")
    assert len(read_table(tmp_path / "t.xlsx", target_columns=("y",))) == 12


def test_lists_are_no_evidence_of_decimal_commas(tmp_path):
    row = lambda k, smiles: f'{smiles},"{("1,234", "101")[k % 2]}","{k + 10},{k + 40}"'
    assert first_labels(write(tmp_path, "smiles,y,residues", row), "y") == [1234]
    path = write(tmp_path, "smiles;share;y", lambda k, smiles: f"{smiles};0,{k % 9 + 1};{('1.590', '731')[k % 2]}")
    assert first_labels(path, "y") == [1590]


def test_empty_fields_at_the_end_of_rows_of_whole_numbers(tmp_path):
    path = write(tmp_path, "smiles,id,active", lambda k, smiles: f"{smiles},{k},{k % 2}" + ("," if k % 3 == 0 else ""))
    assert len(read_table(path, target_columns=("active",))) == 12


@pytest.mark.parametrize(
    "text", ["CCO #12", "CCO No#5", "CCO Co(II)", "CCO N(CH3)2", "CCO CH=CH2", "CCO C(O)NH2", "[Na+].[Cl-] .5H2O"]
)
def test_formulas_behind_a_blank_are_names(text):
    assert canonicalize(text)[0] in ("CCO", "[Cl-].[Na+]")


@pytest.mark.parametrize(("alias", "kept"), [("CH3", True), ("H3C", True), ("C1", True), ("OMe", False), ("Ph", False)])
def test_aliases_that_agree_with_the_atom_are_read(tmp_path, cache, alias, kept):
    block = BLOCK.replace("M  END", f"A    1\n{alias}\nM  END")
    (tmp_path / "t.sdf").write_text(f"{block}> <y>\n3.5\n\n$$$$\n{BLOCK}> <y>\n4.5\n\n$$$$\n")
    assert len(read_table(tmp_path / "t.sdf", target_columns=("y",))) == 1 + kept


@pytest.mark.parametrize("line", [">  <y>  (>10)", ">  <y>  <registry 0>", ">  <y>", "> 25 <y>", ">  <y> (1)"])
def test_lines_before_properties(tmp_path, cache, line):
    assert first_labels(sd_file(tmp_path, lambda k: f"{line}\n{k + 0.5}\n\n"), "y") == [0.5]


def test_groups_that_are_all_unknown_are_groups(tmp_path):
    path = write(tmp_path, "smiles,y,series", lambda k, smiles: f"{smiles},{k / 7},{('NT', 'ND', 'A')[k % 3]}")
    assert len(set(read_table(path, target_columns=("y",), side=SideColumnNames(group="series")).side.groups)) == 3
    path = write(tmp_path, "smiles,y,series", lambda k, smiles: f"{smiles},{k / 7},{('unknown', '?')[k % 2]}")
    assert len(set(read_table(path, target_columns=("y",), side=SideColumnNames(group="series")).side.groups)) == 2


def test_marks_in_a_column_of_units_are_the_stated_unit(tmp_path):
    path = write(tmp_path, "smiles,IC50,Units", lambda k, smiles: f"{smiles},{k + 5.5},{('nM', '-')[k % 2]}")
    assert pic50_of(path, "IC50")[1] == pytest.approx(9 - np.log10(6.5))


@pytest.mark.parametrize("cells", [("Anna", "Ben"), ("x", "y")])
def test_an_operator_who_is_a_person_needs_no_remark(tmp_path, cells):
    path = write(tmp_path, "smiles,Operator,y", lambda k, smiles: f"{smiles},{cells[k % 2]},{k / 7}")
    assert not any("Operator" in note for note in read_table(path, target_columns=("y",)).notes)
