"""Tables as other programs and databases export them: the molecules, and the labels that are right."""

import gzip

import numpy as np
import pytest

from jaxmrl.data.long_format import LongFormat
from jaxmrl.data.table import read_table, stream_smiles
from jaxmrl.errors import DataError
from jaxmrl.formats.reading import read_records

PUBCHEM = """\
PUBCHEM_RESULT_TAG,PUBCHEM_SID,PUBCHEM_CID,PUBCHEM_EXT_DATASOURCE_SMILES,PUBCHEM_ACTIVITY_OUTCOME,Potency
RESULT_TYPE,,,,,FLOAT
RESULT_DESCR,,,,,Concentration of half-maximal effect
RESULT_UNIT,,,,,MICROMOLAR
1,842121,6603008,CCO,Active,12.5
2,842122,6602571,CCN,Inactive,
3,842123,6602616,c1ccccc1,Inconclusive,3.1
"""
BINDINGDB = (
    "BindingDB Reactant_set_id\tLigand SMILES\tLigand InChI\tBindingDB Ligand Name\tKi (nM)\tIC50 (nM)\n"
    "1\tCCO\tInChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3\t\"5'-ethanol::cmpd 1\t 15.0\t\n"
    "2\tCCN\t\tethylamine\t>10000\t\n"
    "3\tCCC\t\tpropane\t 0.25\t\n"
)
WARRIOR = """\
<datawarrior-fileinfo>
<version="3.3">
<rowcount="2">
</datawarrior-fileinfo>
<column properties>
<columnName="Structure">
<columnProperty="specialType\tidcode">
</column properties>
Structure\tSmiles\tpIC50
gCaHDHaIA@\tCCO\t5.5
gC`HALiMT@\tCC=O\t6.5
<datawarrior properties>
<axisColumn_2D View_0="pIC50">
</datawarrior properties>
"""
SPOTFIRE = (
    "\\! filetype=Spotfire.DataFormat.Text; version=2.0;\r\n\\* exported today\r\nID;SMILES;pIC50;Remark;\r\n"
    'String;String;Real;String;\r\nC-1;C/C=C\\\\C;5.5;first\\s "good;\r\nC-2;CCN;6.5;;\r\n'
)
EXPORTS = {
    # name: (text, target column, its labels, SMILES of the first row)
    "pubchem_outcome": (PUBCHEM, "PUBCHEM_ACTIVITY_OUTCOME", [1, 0], "CCO"),
    "pubchem_potency": (PUBCHEM, "Potency", [12.5, np.nan, 3.1], "CCO"),
    "bindingdb": (BINDINGDB, "Ki (nM)", [15, 0.25], "CCO"),
    "datawarrior": (WARRIOR, "pIC50", [5.5, 6.5], "CCO"),
    "cdd_vault": (
        'Molecule Name,SMILES,Batch Name,"IC50 (uM)","IC50 (uM) (#)"\n'
        "CDD-0001,CCO,CDD-0001-001,>10,2\nCDD-0002,CCN,CDD-0002-001,0.35,3\n",
        "IC50 (uM)",
        [0.35],
        "CCN",
    ),
    "dotmatics": (
        '"Reg Number","Structure (SMILES)","Assay 1|pIC50|Mean","Comment"\n"DM-1","CCO","5.20","ok; n=3"\n'
        '"DM-2","CCN","6.10",""\n',
        "Assay 1|pIC50|Mean",
        [5.2, 6.1],
        "CCO",
    ),
    "knime": (
        '"row ID","SMILES","logS"\n"Row0","CCO",-0.77\n"Row1","CCN",\n"Row2","CCC",1.0\n',
        "logS", [-0.77, np.nan, 1.0], "CCO",
    ),
    "moe": ('mol,"$PRI",Activity\n"CCO",1,5.5\n"CCN",2,6.5\n', "Activity", [5.5, 6.5], "CCO"),
    "schrodinger": (
        "SMILES,title,r_user_pIC50,i_m_ct_format\nCCO,a,5.5,2\nCCN,b,6.5,2\n",
        "r_user_pIC50", [5.5, 6.5], "CCO",
    ),
    "stardrop": (
        'SMILES,ID,"pIC50","pIC50 uncertainty","logS @ pH7.4"\nCCO,A-1,5.5,0.3,1.2\nCCN,A-2,6.5,0.3,-1\n',
        "pIC50", [5.5, 6.5], "CCO",
    ),
    "chembl_tsv": (
        '"Molecule ChEMBL ID"\t"Smiles"\t"Standard Type"\t"Standard Relation"\t"Standard Value"\t"Standard Units"\n'
        '"CHEMBL1"\t"CCO"\t"IC50"\t"\'=\'"\t"12.5"\t"nM"\n"CHEMBL2"\t"CCN"\t"IC50"\t"\'>\'"\t"10000.0"\t"nM"\n',
        "Standard Value", [12.5], "CCO",
    ),
    "openbis": (
        "Code\tIdentifier\t$NAME\tSMILES\tIC50 [nM]\tRegistrator\nEXP1\t/LAB/P/EXP1\tcmpd 1\tCCO\t12\tme\n"
        "EXP2\t/LAB/P/EXP2\t\tCCN\t\tme\nEXP3\t/LAB/P/EXP3\t\tCCC\t5\tme\n",
        "IC50 [nM]", [12, np.nan, 5], "CCO",
    ),
    "spotfire": (SPOTFIRE, "pIC50", [5.5, 6.5], "C/C=C\\C"),
    "signals": (
        "Compound ID,Structure,IC50,Hill slope,\n,,nM,,\nSN-1,CCO,12,1.1,\nSN-2,CCN,>1000,0.9,\nSN-3,CCC,3,1,\n",
        "IC50", [12, 3], "CCO",
    ),
    "instant_jchem": (
        '"CdId","Structure","Mol Weight","IC50 (nM)"\n1,"CCO",46.07,12\n2,"CCN",45.08,1.5\n',
        "IC50 (nM)", [12, 1.5], "CCO",
    ),
    "ochem": (
        'SMILES,CASRN,RECORDID,"logS {measured, converted}","UNIT {logS}"\nCCO,64-17-5,R1,-0.77,log(mol/L)\n'
        "CCN,,R2,1.5,log(mol/L)\n",
        "logS {measured, converted}", [-0.77, 1.5], "CCO",
    ),
    "orange": (
        "smiles\tlogS\nstring\tcontinuous\nmeta\tclass\nCCO\t1.5\nCCN\t2.5\n",
        "logS", [1.5, 2.5], "CCO",
    ),
    "r_write_csv": (
        '"","smiles","logS"\n"1","CCO",-0.77\n"2","CCN",NA\n"5","CCC",2\n',
        "logS", [-0.77, np.nan, 2], "CCO",
    ),
    "r_write_table": (
        '"smiles" "logS"\n"1" "CCO" -0.77\n"2" "CCN" 2\n"5" "CCC" NA\n',
        "logS", [-0.77, 2, np.nan], "CCO",
    ),
    "r_tabs": ("smiles\tlogS\n1\tCCO\t-0.77\n2\tCCN\t2\n", "logS", [-0.77, 2], "CCO"),
    "pandas": (",smiles,logS\n0,CCO,-0.77\n7,CCN,2.5\n", "logS", [-0.77, 2.5], "CCO"),
    "excel_utf8": ("\ufeffSMILES,IC50 (µM)\r\nCCO,0.5\r\nCCN,1.5\r\n", "IC50 (µM)", [0.5, 1.5], "CCO"),
    "libreoffice": (
        "SMILES;logS;Datum\nCCO;-0,77;01.02.2024\nCCN;1.250,5;02.02.2024\n",
        "logS", [-0.77, 1250.5], "CCO",
    ),
    "excel_text": ('="SMILES",="logS"\n="CCO",="-0.770"\n="CCN",="2.5"\n', "logS", [-0.77, 2.5], "CCO"),
    "excel_text_quoted": ('SMILES\tlogS\n"=""CCO"""\t"=""-0.770"""\nCCN\t2.5\n', "logS", [-0.77, 2.5], "CCO"),
    "apostrophes": ("smiles,logS\nCCO,'-0.77\nCCN,'2.5e1\n", "logS", [-0.77, 25], "CCO"),
    "zinc": ("smiles zinc_id\nCCO ZINC01\nCCN ZINC02\n", None, None, "CCO"),
    "smi": ("CCO ethyl alcohol\nc1ccccc1\nCCN\tamine\n", None, None, "CCO"),
    "smi_tabs": ("C\tmethane\t1.5\nCCO\tethanol\t2.5\n", "column 3", [1.5, 2.5], "C"),
    "no_header": ("CCO,1.5\nCCN,2.5\n", "column 2", [1.5, 2.5], "CCO"),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_export(tmp_path, name, encoding):
    text, target, labels, first = EXPORTS[name]
    path = tmp_path / "t.txt"
    path.write_bytes(text.encode(encoding))
    assert first in [row[1] for row in stream_smiles(path, None) if isinstance(row, tuple)]
    if target is None:
        return
    table = read_table(path, target_columns=(target,))
    np.testing.assert_array_equal(table.labels[:, 0], labels)
    assert table.smiles[0] == first
    assert len(table) + len(table.rejected) == table.rows


def test_what_was_chosen_is_said(tmp_path):
    path, said = tmp_path / "t.csv", {}
    for name in EXPORTS:
        path.write_text(EXPORTS[name][0], encoding="utf-8")
        said[name] = ", ".join(read_records(path).remarks)
    assert said["smi"] == "columns separated by blanks, no header: the columns are called smiles, name"
    assert said["pubchem_potency"] == "rows RESULT_..., which describe PubChem's columns, not read"
    assert said["r_tabs"].endswith("row names before the first column, as R writes them, not read")
    assert said["datawarrior"] == "a DataWarrior file"
    assert said["spotfire"] == "a Spotfire text file"
    assert read_records(path).header == ["smiles", "column 2"]


def test_spotfires_escapes_are_read(tmp_path):
    (tmp_path / "t.stdf").write_text(SPOTFIRE)
    found = read_records(tmp_path / "t.stdf")
    assert found.header == ["ID", "SMILES", "pIC50", "Remark"]
    assert found.rows[0] == (0, 5, ["C-1", "C/C=C\\C", "5.5", 'first; "good'])


def test_a_long_table_of_genedata(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text(
        "Compound\tSMILES\tExperiment\tResult Type\tOperator\tValue\tUnit\nA\tCCO\tE1\tAC50\t=\t1.5\tuM\n"
        "A\tCCO\tE1\tHill\t=\t1.1\t\nB\tCCN\tE1\tAC50\t>\t30\tuM\nB\tCCN\tE1\tHill\t=\t0.9\t\n"
        "C\tCCC\tE1\tAC50\t=\t3\tuM\n"
    )
    table = read_table(path, target_columns=("AC50",), assays=LongFormat("Result Type", "Value"))
    assert [(table.smiles[k], label) for k, label in enumerate(table.labels[:, 0]) if label == label] == [
        ("CCO", 1.5),
        ("CCC", 3.0),
    ]
    assert [row.reason for row in table.rejected] == ["no label: AC50 '30' is censored"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Project Alpha\n\nID,Structure,IC50\nX1,CCO,1.5\n", "If the header comes later, remove the lines before it"),
        (
            b",,Kinase A,,Kinase B,\nID,SMILES,IC50,n,IC50,n\nX1,CCO,1.5,2,3,4\n",
            r"line 2 looks like the header \(ID, SMILES, IC50, n, IC50, n\): remove the lines before it",
        ),
        (b'"ID","Compound Structure","IC50"\n"V1","CCO","5"\n', "name it with --smiles-column: ID, Compound Structure"),
        (b"Drug_ID\tDrug\tY\nD1\tCCO\t1.5\n", "name it with --smiles-column: Drug_ID, Drug, Y"),
        (b"@relation 'qsar'\n@attribute y numeric\n@data\n'CCO',1.5\n", "an ARFF file of Weka.*save the table as CSV"),
        (b"{ \n  s_m_m2io_version\n  ::: \n  2.0.0 \n} \n", "a Maestro file.*as an SD file or CSV"),
        (b"VjCD0100\x04\x03\x02\x01\0\0", "a ChemDraw file .*save it as an SD file"),
        (b"$FL2@(#) SPSS DATA FILE\0\0", "a data file of SPSS"),
        (b"<stata_dta><header><release>118\0", "a data file of Stata"),
        (gzip.compress(b"X\n\0\0\0\3\0\4\2\1\0\3\5\0", mtime=0), r"a data file of R \(.rds\)"),
        (b"\0\1\0\0Standard Jet DB\0\1\1", "a database of Microsoft Access"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_do(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "t.csv")


def test_names_in_a_smi_file_may_have_blanks_or_be_missing(tmp_path):
    (tmp_path / "t.smi").write_text(EXPORTS["smi"][0])
    found = read_records(tmp_path / "t.smi")
    assert [fields for *_, fields in found.rows] == [["CCO", "ethyl alcohol"], ["c1ccccc1", ""], ["CCN", "amine"]]
    assert [line for _, line, _ in found.rows] == [1, 2, 3]
    (tmp_path / "t.smi").write_text("CCO\nc1ccccc1\nCCN\n")
    assert [fields for *_, fields in read_records(tmp_path / "t.smi").rows] == [["CCO"], ["c1ccccc1"], ["CCN"]]


@pytest.mark.parametrize("header", ["CN,smiles", "C,logS,SMILES", "n,rmse", "B,P"])
def test_names_that_are_smiles_are_a_header(tmp_path, header):
    cells = {"smiles": "CCO", "SMILES": "CCO"}
    rows = [",".join(cells.get(name, str(k)) for name in header.split(",")) for k in range(5)]
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]))
    assert read_records(tmp_path / "t.csv").header == header.split(",")


def test_structures_in_datawarriors_own_code_are_named(tmp_path):
    (tmp_path / "t.dwar").write_text(WARRIOR.replace("Smiles", "Name"))
    with pytest.raises(DataError, match=r"a DataWarrior file without a column of SMILES.*save it there as an SD file"):
        read_table(tmp_path / "t.dwar")
