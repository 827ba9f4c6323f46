import contextlib
import csv
import gzip
import http.server
import io
import threading
from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.config.names import GEOMETRY_DATASETS, METRIC_NAMES, TASKS
from jaxmrl.data import datasets
from jaxmrl.data.datasets import DATASETS, load_dataset, locate
from jaxmrl.data.loading import load_problem
from jaxmrl.data.parsing import prepare
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.reports.terminal import Reporter

REAL = {
    "hiv": (41_127, 1),
    "muv": (93_087, 17),
    "tox21": (7_831, 12),
    "toxcast": (8_576, 617),
    "sider": (1_427, 27),
    "clintox": (1_478, 2),
    "bace": (1_513, 1),
    "bbbp": (2_039, 1),
    "esol": (1_128, 1),
    "freesolv": (642, 1),
    "lipo": (4_200, 1),
    "qm8": (21_786, 16),
}
"""Rows and tasks."""

LARGE = {"hiv", "muv", "toxcast", "qm8"}


def test_registry_is_complete_and_consistent():
    assert {"nci", "wehi", "pcba", "qm9", "pcqm4mv2", *REAL} == set(DATASETS)
    for name, dataset in DATASETS.items():
        assert dataset.name == name
        assert dataset.task in TASKS
        assert dataset.metric in METRIC_NAMES
        assert dataset.citation
        assert bool(dataset.address) != bool(dataset.build)
        assert dataset.is_npz == (name in GEOMETRY_DATASETS)


def test_unknown_name_names_the_valid_ones():
    with pytest.raises(ConfigError, match=r"'hvi'.*hiv.*--csv"):
        load_dataset("hvi")


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in REAL])
def test_real_files(name, real_data, monkeypatch):
    monkeypatch.setenv("JAXMRL_DATA", str(real_data))
    table = load_dataset(name)
    rows, tasks = REAL[name]
    assert (len(table) + len(table.rejected), len(table.tasks)) == (rows, tasks)
    assert not table.rejected
    assert table.task == DATASETS[name].task


@pytest.mark.nightly
def test_nci_is_made_once_of_what_rdkit_ships(cache, monkeypatch):
    monkeypatch.delenv("JAXMRL_DATA", raising=False)
    prepared = prepare(load_dataset("nci"))
    assert len(prepared) + len(prepared.table.rejected) == 4999
    # RDKit's ideas of a valence change a little with its version; 2026.9 finds 4,892.
    assert 4885 <= len(np.unique(prepared.canonical)) <= 4900
    assert prepared.table.tasks == ("crippen_logp",)
    assert all("no label" not in row.reason for row in prepared.table.rejected)
    before = (cache / "datasets" / "nci.csv.gz").stat().st_mtime_ns
    load_dataset("nci")
    assert (cache / "datasets" / "nci.csv.gz").stat().st_mtime_ns == before


@pytest.mark.nightly
def test_wehi_is_made_of_what_rdkit_ships(cache, monkeypatch):
    monkeypatch.delenv("JAXMRL_DATA", raising=False)
    table = load_dataset("wehi")
    assert len(table) == 10_000
    assert table.tasks == ("pains_alert", "brenk_alert")
    assert table.labels[:, 0].sum() == 840


def test_pcba_layout(tmp_path, monkeypatch):
    """The public file: mol_id and smiles among 128 assays, values missing."""
    assays = [f"PCBA-{k}" for k in range(128)]
    with gzip.open(tmp_path / "pcba.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*assays, "mol_id", "smiles"])
        writer.writerow(["1", "", *["0"] * 126, "CID1", "CCO"])
        writer.writerow(["", "1", *["0"] * 126, "CID2", "CCN"])
    monkeypatch.setenv("JAXMRL_DATA", str(tmp_path))
    table = load_dataset("pcba")
    assert table.tasks == tuple(assays)
    assert table.smiles == ["CCO", "CCN"]
    assert np.isnan(table.labels[0, 1])


QM9 = {
    "R": np.tile(np.array([[0, 0, 0], [0, 0, 0.96], [0.93, 0, -0.24]], np.float32), (12, 1)),
    "Z": np.tile(np.array([8, 1, 1], np.int8), 12),
    "N": np.full(12, 3, np.int32),
    "id": np.arange(1, 13, dtype=np.int32),
    **{name: np.linspace(0, 1, 12) + k for k, name in enumerate(dict(DATASETS["qm9"].units))},
}


def test_qm9_layout(tmp_path, monkeypatch):
    """The public file: positions, and twelve properties in units of their own."""
    np.savez(tmp_path / "qm9_eV.npz", **QM9)
    monkeypatch.setenv("JAXMRL_DATA", str(tmp_path))
    quiet = Reporter(quiet=True)
    problem = load_problem(SweepConfig(dataset="qm9"), quiet)
    assert (problem.table.tasks, problem.metric, problem.unit) == (("gap",), "mae", "eV")
    assert {part: len(ids) for part, ids in problem.split.parts().items()} == {"train": 9, "valid": 1, "test": 2}
    for name, unit in DATASETS["qm9"].units:
        problem = load_problem(SweepConfig(dataset="qm9", target_columns=(name,)), quiet)
        assert (problem.table.tasks, problem.unit) == ((name,), unit)
    assert load_problem(SweepConfig(dataset="qm9", target_columns=("mu", "gap")), quiet).unit == ""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A local HTTP server for one data set, `lipo`; yields (its content, the requests seen)."""
    yield from serve("lipo", b"smiles,exp,CMPD_CHEMBLID\nCCO,1.5,x\nCCN,2.5,y\n", monkeypatch)


def serve(name, content, monkeypatch):
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(200 if self.path == "/file" else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{httpd.server_address[1]}/file"
        monkeypatch.setitem(datasets.DATASETS, name, replace(DATASETS[name], address=address, checksum=None))
        monkeypatch.delenv("JAXMRL_DATA", raising=False)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield content, requests
        httpd.shutdown()
        thread.join()


def test_downloads_once_under_either_column_name(cache, server):
    content, requests = server
    for _ in range(2):
        table = load_dataset("lipo")
        assert table.labels[:, 0].tolist() == [1.5, 2.5]
        assert table.tasks == ("exp",)
    assert len(requests) == 1
    with gzip.open(cache / "datasets" / "lipo.csv.gz") as file:
        assert file.read() == content


@pytest.mark.parametrize("content", [None, b"<html>not found</html>"])
def test_qm9_is_downloaded_as_it_is(content, cache, monkeypatch):
    file = io.BytesIO()
    np.savez(file, **QM9)
    with contextlib.contextmanager(serve)("qm9", content or file.getvalue(), monkeypatch):
        if content:
            with pytest.raises(DataError, match="is not qm9"):
                locate(datasets.DATASETS["qm9"])
        else:
            assert locate(datasets.DATASETS["qm9"]).read_bytes() == file.getvalue()


def test_a_page_instead_of_data_is_not_kept(cache, server, monkeypatch):
    page = replace(DATASETS["lipo"], targets=(("logD at pH 7.4",),), address=datasets.DATASETS["lipo"].address)
    with pytest.raises(DataError, match=r"is not lipo.*JAXMRL_DATA"):
        locate(page)
    assert not list(cache.rglob("*.gz"))


def test_some_tasks_of_a_data_set(cache, server):
    assert load_dataset("lipo", ("exp",)).tasks == ("exp",)
    with pytest.raises(DataError, match="no column 'other'"):
        load_dataset("lipo", ("other",))


def test_without_network_one_line_says_where_to_put_the_file(cache, monkeypatch):
    monkeypatch.delenv("JAXMRL_DATA", raising=False)
    unreachable = replace(DATASETS["bace"], address="http://127.0.0.1:9/bace.csv")
    with pytest.raises(DataError) as error:
        locate(unreachable)
    message = str(error.value)
    assert "\n" not in message
    assert str(cache / "datasets" / "bace.csv.gz") in message
    assert "JAXMRL_DATA" in message
    assert not list(cache.rglob("*.tmp"))
