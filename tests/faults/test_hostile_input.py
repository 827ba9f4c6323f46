"""Input that is broken, extreme or malicious: each test has one case that once went wrong."""

import csv
import gzip
import io
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.chem import scaffolds
from jaxmrl.config import SweepConfig, read_toml
from jaxmrl.data.matching import Data
from jaxmrl.data.npz import molecule_hashes, read_npz
from jaxmrl.data.table import Table, read_table
from jaxmrl.errors import ConfigError, DataError, UserError
from jaxmrl.io import cache as cache_module
from jaxmrl.io.records import rejected_text
from jaxmrl.modalities.graph import features as graphs
from jaxmrl.pruning.score_files import read_orders
from jaxmrl.reports.plots import draw_curves, render
from jaxmrl.runs.curves import MeasuredCurve, Point
from jaxmrl.scaling.analysis import UNFITTED
from jaxmrl.text import one_line
from tests.data.test_npz import ARRAYS
from tests.support.rows import IDENTITY


@pytest.fixture
def file(tmp_path):
    def write(content, name="t.csv"):
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / name

    return write


# Tables


def test_a_quote_that_is_never_closed_does_not_take_the_rest_of_the_file_with_it(file):
    path = file('smiles,y,name\nCC,1.5,x\nCCC,2.5,"the rest\n' + "CC,1.5,x\n" * 50)
    with pytest.raises(DataError, match="line 3: a quote is opened and never closed"):
        read_table(path)


def test_a_field_that_goes_on_after_its_quote_is_one_row(file):
    table = read_table(file('smiles,y\nCC,1.5\n"C"C,2.5\nCCC,3.5\n'))
    assert table.smiles == ["CC", "CCC"]
    assert [(row.line, row.reason) for row in table.rejected] == [(3, "a quoted field goes on after its closing quote")]
    assert table.ids.tolist() == [0, 2]


@pytest.mark.slow
def test_the_work_of_many_columns_of_one_name_does_not_grow_with_their_square(file):
    """Five times as many columns took 25 times as long, on any machine."""
    seconds = []
    for columns in (4_000, 20_000):
        path = file("smiles" + ",y" * columns + "\nCC" + ",1" * columns + "\n")
        started = time.process_time()
        assert read_table(path).tasks[-1] == f"y.{columns - 1}"
        seconds.append(time.process_time() - started)
    assert seconds[1] < 12 * seconds[0]


def test_a_number_with_underscores_is_none(file):
    table = read_table(file("smiles,y\nCC,1_5\nCCC,2.5\n"), target_columns=("y",), task="regression")
    assert table.smiles == ["CCC"]


def test_an_exponent_of_many_digits_is_zero(file):
    path = file("smiles,y\nCC,2.1e-3204285714285714284\nCCC,1\nCCO,2\n")
    assert read_table(path, target_columns=("y",), task="regression").labels[:, 0].tolist() == [0.0, 1.0, 2.0]


def test_rejected_rows_with_a_carriage_return_can_be_read_again(file):
    table = read_table(file('smiles,y\nCC,"1\r5"\nCCC,2.5\n'), target_columns=("y",))
    _, row = csv.reader(io.StringIO(rejected_text(table.rejected), newline=""))
    assert row[:2] == ["3", "CC,1\\r5"]


def test_a_long_field_is_not_repeated_in_a_reason(file):
    table = read_table(file(f"smiles,y\nCC,{'x' * 100_000}\nCCC,2.5\n"), target_columns=("y",))
    assert len(table.rejected[0].reason) < 120


# SMILES


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("[C+300]", "too large"),  # RDKit reads +44
        ("[#300]", "too large"),  # ruthenium
        ("[FeH300]", "too large"),  # 44 hydrogens
        ("[65537C]", "too large"),  # carbon-1
        (f"[{'1' * 2000}C]", "too large"),  # a reason as long as the number
        ("C\nN", "line break"),  # methane
        ("C\u202e", "cannot contain '\\u202e'"),  # methane
        ("[#119]", "too large"),  # an exception from RDKit
        ("[Fe]" + "(C)" * 250, "fails"),  # another
        ("[Fe]" + "(C)" * 300, "300 bonds"),  # counts of bonds in a byte
        ("C\ud800", "cannot contain '\\ud800'"),  # cannot be encoded
        ("C" * 100_000, "100000 characters"),
        ("C1CC1" * 600, "600 rings"),
        ("c1" + "c" * 900 + "1", "kekulize"),  # a reason as long as the molecule
    ],
)
def test_what_rdkit_misreads_or_cannot_read_is_rejected(smiles, reason):
    started = time.monotonic()
    _, _, rejected = graphs.featurize([smiles])
    assert reason in rejected[0]
    assert len(rejected[0]) <= 200
    assert time.monotonic() - started < 5


def test_ordinary_numbers_in_brackets_are_read():
    fine = ["[2H]C", "[Fe+3]", "[C:99999]", "[#6]C", "[235U]", "[SiH4]", "[C@H](F)(Cl)Br |$a;;;$|", "CC ethane é"]
    assert not graphs.featurize(fine)[2]


def test_dense_cages_are_rejected_before_their_paths_are_counted():
    closures = {(i, j): 10 + 9 * i + j for i in range(9) for j in range(i + 2, 9)}
    cage = "".join("[Fe]" + "".join(f"%({n})" for pair, n in closures.items() if i in pair) for i in range(9))
    assert "36 bonds of 9 atoms" in graphs.featurize([cage])[2][0]


def test_scaffolds_of_long_molecules_take_no_time(cache):
    started = time.monotonic()
    assert scaffolds.scaffolds(["C" * 3000, "C1CC1CC"]) == [scaffolds.NO_SCAFFOLD, "C1CC1"]
    assert time.monotonic() - started < 10


def die(smiles):
    os._exit(1)


@pytest.mark.slow
def test_a_worker_process_that_dies_is_told_of():
    with pytest.raises(UserError, match="a worker process died at molecule 1"):
        list(cache_module.in_chunks(die, ["C"] * 4, None, 2))


def test_a_nul_in_a_smiles_is_no_boundary_of_the_caches_key(cache):
    lengths = lambda *smiles: cache_module.cached_lines(
        "k", 1, list(smiles), lambda texts: [str(len(t)) for t in texts]
    )
    assert lengths("a\0b") == ["3"]
    assert lengths("a", "b") == ["1", "1"]


# Arrays


def archive(path, arrays, extra=()):
    np.savez(path, **arrays)
    with zipfile.ZipFile(path, "a") as file:
        for name, content in extra:
            file.writestr(name, content)
    return path


def test_an_archive_with_another_file_in_it(tmp_path):
    with pytest.raises(DataError, match=r"not an \.npz file of plain arrays"):
        read_npz(archive(tmp_path / "t.npz", ARRAYS, [("README.txt", "hello")]))


@pytest.mark.parametrize(("at", "value"), [(6, 1), (4, 255), (8, 99)], ids=["encrypted", "version", "method"])
def test_archives_that_zipfile_does_not_know(at, value, tmp_path):
    path = archive(tmp_path / "t.npz", ARRAYS)
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\1\2")
    data[central + at + 2] = value
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"not an \.npz file"):
        read_npz(path)
    assert cache_module.load_arrays(path, {"R"}) is None


def test_an_array_larger_than_memory(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**14,)})
    with pytest.raises(DataError, match=r"not an \.npz file of plain arrays"):
        read_npz(archive(tmp_path / "t.npz", ARRAYS, [("huge.npy", header.getvalue())]))


def test_a_header_that_says_less_than_there_is(tmp_path):
    path = archive(tmp_path / "t.npz", {"a": np.arange(16)})
    path.write_bytes(path.read_bytes().replace(b"(16,)", b"(15,)"))
    assert cache_module.load_arrays(path, {"a"}) is None


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("loaded"),)


def test_pickled_objects_are_never_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "t.npz", **ARRAYS, evil=np.array([Evil()], object))
    with pytest.raises(DataError, match="Object arrays cannot be loaded"):
        read_npz(tmp_path / "t.npz")
    assert cache_module.load_arrays(tmp_path / "t.npz", set()) is None
    assert not (tmp_path / "loaded").exists()


def test_sizes_that_wrap_around(tmp_path):
    np.savez(tmp_path / "t.npz", **ARRAYS | {"N": np.array([2**64 - 1, 2, 5], np.uint64)})
    with pytest.raises(DataError, match="shapes do not agree"):
        read_npz(tmp_path / "t.npz")


def test_molecules_too_large_or_too_far_away(tmp_path):
    size = np.array([1001, 2, 2], np.int32)
    position = np.zeros((1005, 3), np.float64)
    position[:, 0] = np.arange(1005)
    position[1001:1003, 0] = 0, 1e30
    arrays = {"R": position, "Z": np.full(1005, 6), "N": size, "y": np.array([1.5, 2.5, 3.5])}
    np.savez(tmp_path / "t.npz", **arrays)
    table, found = read_npz(tmp_path / "t.npz")
    assert [row.reason.split(";")[0] for row in table.rejected] == [
        "1001 atoms",
        "an atom is farther than 100,000 Å from the origin",
    ]
    assert len(molecule_hashes(found)) == 1


BOMBS = textwrap.dedent(
    """
    import gzip, resource, sys, time, zipfile
    from pathlib import Path
    import numpy as np
    from jaxmrl.data import corpus, npz, table
    from jaxmrl.errors import DataError
    folder = Path(sys.argv[1])
    members = {"line": b"C" * 10**7, "rows": b"C,1\\n" * 10**6, "blank": b"\\n" * 10**7, "columns": b"," * 10**7}
    for name, content in members.items():
        head = b"" if name in ("line", "columns") else b"smiles,y\\n"
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(head) + 300 * gzip.compress(content, 9))
    with zipfile.ZipFile(folder / "t.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("R.npy", bytes(4 * 10**8))
    started = time.monotonic()
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    readers = [(table.read_table, f"{name}.csv.gz") for name in members] + [(npz.read_npz, "t.npz")]
    for read, name in readers:
        try:
            read(folder / name)
        except DataError as error:
            print(name, error)
    print(time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    """
)


@pytest.mark.slow
def test_bombs_are_refused_in_bounded_memory_and_time(tmp_path):
    words = [sys.executable, "-c", BOMBS, str(tmp_path)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300)
    print(ended.stdout)
    *said, (seconds, mebibytes) = [line.split(" ") for line in ended.stdout.splitlines()]
    assert [line[0] for line in said] == ["line.csv.gz", "rows.csv.gz", "blank.csv.gz", "columns.csv.gz", "t.npz"]
    assert all({"decompresses", "characters;"} & set(line) for line in said)
    assert float(seconds) < 120
    assert float(mebibytes) < 4096


def test_a_small_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "SMALL", 1000)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"smiles,y\n" + b"CC,1\n" * 10_000))
    with pytest.raises(DataError, match="decompresses to far more"):
        read_table(tmp_path / "t.csv.gz")
    np.savez_compressed(tmp_path / "t.npz", **ARRAYS, zeros=np.zeros(10**6))
    with pytest.raises(DataError, match="decompresses to more than"):
        read_npz(tmp_path / "t.npz")


# Settings and messages


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"seeds = {'9' * 5000}", "not valid TOML"),
        (f"seeds = {'[' * 5000}", "not valid TOML"),
        (f"learning_rate = {'9' * 400}", "below 2"),
        (f"width = {'9' * 30}", "below 2"),
        ('csv = "a\\u0000b"', "without NUL"),
    ],
)
def test_settings_that_no_program_can_hold(text, message, file):
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**read_toml(file(text, "c.toml")))


def test_a_path_that_is_not_utf8():
    with pytest.raises(ConfigError, match="UTF-8"):
        SweepConfig(csv=os.fsdecode(b"a\xff.csv"))


def test_messages_are_one_short_line_without_commands_to_the_terminal():
    assert one_line("no column '\x1b[31mred\n'; has a, b") == "no column ' [31mred '; has a, b"
    assert len(one_line("x" * 10**6)) < 620


def test_names_of_files_are_no_formulas():
    curve = MeasuredCurve(IDENTITY, "rmse", (Point(1.0, 10, (0.45, 0.55)),))
    figure = draw_curves([curve], [UNFITTED], metric_label="RMSE", unit="", title=r"prices in $\frac{$")
    assert render(figure, "png").startswith(b"\x89PNG")


def test_scores_of_a_molecule_infinity(tmp_path):
    np.savez(tmp_path / "s.npz", molecule_id=np.array([np.inf]), mine=np.array([1.0]))
    table = Table(np.arange(1), np.arange(1), ["C"], np.zeros((1, 1)), ("y",), "regression", 1)
    data = Data(table, np.zeros(1, np.uint64))
    with pytest.raises(DataError, match="expected a row of the data, from 0, in molecule_id; got 'inf'"):
        read_orders(tmp_path / "s.npz", ("mine",), np.arange(1), data, "hard", 1)
