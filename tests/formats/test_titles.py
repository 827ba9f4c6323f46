"""Title lines above the header of a text table."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmrl.data.table import read_table, stream_smiles
from jaxmrl.errors import DataError
from jaxmrl.formats.reading import read_records
from jaxmrl.formats.titles import title_lines

REPORT = "Assay report 2024-03-01\n\nCompound,SMILES,pIC50\nX1,CCO,5.5\nX2,CCN\nX3,CCC,6.5\n"
WORDS = st.text("abz ,;:-_%/()'0189é\u2028\x0b", max_size=30)
CELLS = st.text("abz ,;|'019é", max_size=8)


def test_a_report_with_a_title(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(REPORT)
    table = read_table(path)
    assert (table.tasks, table.smiles, table.lines.tolist()) == (("pIC50",), ["CCO", "CCC"], [4, 6])
    assert [(row.line, row.text, row.reason) for row in table.rejected] == [(5, "X2,CCN", "2 fields, expected 3")]
    said = "t.csv: the header is line 3; 1 title line above it not read: 'Assay report 2024-03-01'"
    assert said in table.notes
    assert next(iter(stream_smiles(path, None))) == (4, "CCO")


@pytest.mark.parametrize(
    ("above", "skipped", "said"),
    [
        ("Instrument: A\nOperator: B\n\n", 3, "2 title lines above it not read: 'Instrument: A', 'Operator: B'"),
        ("Assay report,,\n,,\n", 2, "1 title line above it not read: 'Assay report'"),
        ('"Report, of March"\nDate;2024\n', 2, "'Date;2024'"),
        ("a\nb\nc\nd\n", 4, "'a', 'b', 'c' and 1 more"),
        ("sep=,\nAssay report\n", 2, "the header is line 3; 1 title line above it"),
        ("# made by me\nAssay report\n", 2, "2 title lines above it not read: '# made by me', 'Assay report'"),
        ("NCI export\n", 1, "'NCI export'"),
    ],
)
def test_titles_are_counted_and_named(tmp_path, above, skipped, said):
    (tmp_path / "t.csv").write_text(above + "ID,SMILES,IC50\nX1,CCO,1.5\nX2,CCN,2.5\n")
    found = read_records(tmp_path / "t.csv")
    assert (found.header, [line for _, line, _ in found.rows]) == (["ID", "SMILES", "IC50"], [skipped + 2, skipped + 3])
    assert said in "; ".join(found.remarks)


@pytest.mark.parametrize(
    "content",
    [
        ",,Kinase A\nID,SMILES,IC50\nX1,CCO,1.5\n",  # a header of two lines
        "Date,2024,today\nID,SMILES,IC50\nX1,CCO,1.5\n",  # the first line may be the header
        "CCO\nID,SMILES,IC50\nX1,CCO,1.5\n",  # a molecule is a row
        "Report\nID,SMILES,IC50\nX1,CCO\n",  # no row is like the header
        "Report\nsmiles\nCCO\n",  # the title may be the header
        "ID,Structure,IC50\nX1,SMILES,2\nX2,CCO,3\n",
    ],
)
def test_what_may_be_a_table_of_its_own_stays(content):
    assert title_lines(list(io.StringIO(content)), ",;\t|") == 0


def test_an_ambiguous_title_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "t.csv").write_text("Date,2024,today\nID,SMILES,IC50\nX1,CCO,1.5\n")
    with pytest.raises(
        DataError, match=r"line 2 looks like the header \(ID, SMILES, IC50\): remove the lines before it"
    ):
        read_table(tmp_path / "t.csv")


@given(
    st.lists(WORDS, min_size=1, max_size=6),
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_rows_below_any_title_keep_their_lines(tmp_path_factory, titles, rows, separator, end, encoding):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["name", "smiles", "a", "b"], *((name, "CCO", *cells) for name, *cells in rows)])
    path = tmp_path_factory.mktemp("titles") / "t.csv"
    content = "".join(f"{title}{end}" for title in titles) + text.getvalue()
    path.write_bytes(content.encode(encoding, "replace"))
    try:
        found = read_records(path)
    except DataError:
        return  # a title may look like a header, or like another format
    if found.header == ["name", "smiles", "a", "b"]:
        assert [(line, fields[1]) for _, line, fields in found.rows] == [
            (len(titles) + 2 + k, "CCO") for k in range(len(rows))
        ]
    else:
        assert not any("title line" in one for one in found.remarks)
