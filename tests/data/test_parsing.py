import builtins
import subprocess
import sys

import numpy as np
import pytest

from jaxmrl.data import parsing as module
from jaxmrl.data.parsing import prepare
from jaxmrl.data.table import Table
from jaxmrl.errors import DataError


def table_of(smiles, labels=None):
    count = len(smiles)
    labels = np.zeros((count, 1), np.float32) if labels is None else np.array(labels, np.float32)
    return Table(np.arange(count), np.arange(count) + 2, list(smiles), labels, ("y",), "regression", count)


@pytest.fixture
def no_parsing(monkeypatch):
    """After this is called, featurizing is an error."""

    def forbid():
        def fail(*_):
            raise AssertionError("the cache should have been used")

        monkeypatch.setattr(module.cache, "in_chunks", fail)

    return forbid


def assert_equal(one, other):
    assert one.table.smiles == other.table.smiles
    for name, array in vars(one.graphs).items():
        np.testing.assert_array_equal(array, getattr(other.graphs, name))
    np.testing.assert_array_equal(one.canonical, other.canonical)


def test_bad_rows_are_rejected_and_ids_stay(cache):
    prepared = prepare(table_of(["CC", "rubbish", "CCO", "", "CCN"], [[1], [1], [np.nan], [1], [2]]))
    assert prepared.table.smiles == ["CC", "CCN"]
    np.testing.assert_array_equal(prepared.table.ids, [0, 4])
    assert prepared.graphs.size.tolist() == [2, 3]
    assert [row.line for row in prepared.table.rejected] == [3, 4, 5]
    assert "no label" in prepared.table.rejected[1].reason


def test_second_time_comes_from_the_cache(cache, no_parsing):
    source = table_of(["CC", "rubbish", "FS(F)(F)(F)(F)F"])
    first = prepare(source)
    no_parsing()
    assert_equal(prepare(source), first)
    assert not list(cache.rglob("*.tmp"))


def test_other_content_or_version_is_another_entry(cache, monkeypatch):
    prepare(table_of(["CC", "CCC"]))
    prepare(table_of(["CCC", "CC"]))
    monkeypatch.setattr(module.graphs, "VERSION", -1)
    prepare(table_of(["CC", "CCC"]))
    assert len(list((cache / "prepared").iterdir())) == 3


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "text", "foreign"])
def test_a_damaged_cache_is_rebuilt(cache, damage, no_parsing):
    source = table_of([f"C{'C' * k}O" for k in range(50)])
    first = prepare(source)
    (path,) = (cache / "prepared").iterdir()
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    contents = {"truncate": data[: len(data) // 3], "empty": b"", "text": b"hello", "flip": data}
    if damage == "foreign":
        with path.open("wb") as file:
            np.savez(file, other=np.zeros(3))
    else:
        path.write_bytes(contents[damage])
    assert_equal(prepare(source), first)
    no_parsing()
    assert_equal(prepare(source), first)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JAXMRL_CACHE", str(tmp_path / "file" / "below"))
    assert len(prepare(table_of(["CC"]))) == 1


def test_the_cache_needs_no_rdkit(cache, monkeypatch):
    source = table_of(["CC", "CCO"])
    prepare(source)
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith(("rdkit", "joblib")):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert len(prepare(source)) == 2


def test_workers_do_not_import_jax():
    code = "import sys, jaxmrl.modalities.graph.features; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_nothing_usable_is_an_error(cache):
    with pytest.raises(DataError, match=r"none of the 2 rows.*line 2"):
        prepare(table_of(["rubbish", "("]))


def test_parallel_is_serial(cache, monkeypatch):
    monkeypatch.setattr(module.cache, "CHUNK", 3)
    smiles = ["C" * (k % 7 + 1) for k in range(20)]
    smiles[5] = smiles[13] = "rubbish"
    seen = []
    chunked = prepare(table_of(smiles), progress=seen.append)
    assert sum(seen) == 20
    monkeypatch.setattr(module.cache, "CHUNK", 1000)
    for path in (cache / "prepared").iterdir():
        path.unlink()
    assert_equal(prepare(table_of(smiles)), chunked)
    assert [row.line for row in chunked.table.rejected] == [7, 15]
