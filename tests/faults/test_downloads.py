"""Downloads that go wrong: nothing half-written is used or left, and one line says what to do."""

import gzip
import hashlib
import http.server
import io
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.data import datasets
from jaxmrl.data.datasets import DATASETS, locate
from jaxmrl.errors import DataError
from jaxmrl.io import cache as cache_module
from tests.data.test_datasets import QM9

TABLE = b"smiles,exp,CMPD_CHEMBLID\n" + b"".join(b"%s,%d.5,x%d\n" % (b"C" * (k + 1), k, k) for k in range(200))
PAGE = b"<html><body>Please log in, to the network</body></html>"


@pytest.fixture
def server(cache, monkeypatch):
    """serve(respond) -> address of a server whose answer `respond(handler)` gives."""
    monkeypatch.delenv("JAXMRL_DATA", raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    servers = []

    def serve(respond):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                respond(self)

            def do_CONNECT(self):
                respond(self)

            def log_message(self, *_):
                pass

        httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(httpd)
        return f"http://127.0.0.1:{httpd.server_address[1]}/file"

    yield serve
    for httpd in servers:
        httpd.shutdown()
        httpd.server_close()


def answer(content, code=200, length=True, said=None):
    """An answer with `content` that announces `said` bytes."""

    def respond(handler):
        handler.send_response(code)
        if length:
            handler.send_header("Content-Length", str(said or len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return respond


def refused(cache, name, address, reason, **changes):
    """Asserts that the data set cannot be had, in one line that says why and what to do, and that nothing is left."""
    dataset = replace(DATASETS[name], address=address, **{"checksum": None} | changes)
    with pytest.raises(DataError, match=reason) as error:
        locate(dataset)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400
    assert f"put the file by hand at {cache / 'datasets' / dataset.file}" in message
    assert "JAXMRL_DATA" in message
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_connection_that_breaks_off(server, cache):
    refused(cache, "lipo", server(answer(TABLE[:2000], said=len(TABLE))), "cannot download")


def test_a_table_cut_off_where_no_length_was_told(server, cache):
    refused(cache, "lipo", server(answer(TABLE[:2005], length=False)), "is incomplete")


def test_a_compressed_table_cut_off(server, cache):
    whole = gzip.compress(TABLE)
    address = server(answer(whole[:-100], length=False)) + ".csv.gz"
    refused(cache, "lipo", address, "is incomplete")


def test_arrays_cut_off(server, cache):
    file = io.BytesIO()
    np.savez(file, **QM9)
    refused(cache, "qm9", server(answer(file.getvalue()[:-300], length=False)), "is incomplete")


def test_a_wrong_checksum(server, cache):
    checksum = f"sha256:{hashlib.sha256(TABLE + b'CC,1.5,x').hexdigest()}"
    refused(cache, "lipo", server(answer(TABLE)), "its checksum is wrong", checksum=checksum)


def test_a_right_checksum(server, cache):
    checksum = f"sha256:{hashlib.sha256(TABLE).hexdigest()}"
    path = locate(replace(DATASETS["lipo"], address=server(answer(TABLE)), checksum=checksum))
    assert gzip.decompress(path.read_bytes()) == TABLE
    assert [one.name for one in cache.rglob("*") if one.is_file()] == ["lipo.csv.gz"]


@pytest.mark.parametrize("name", ["lipo", "qm9", "tox21"])
def test_a_page_instead_of_the_data(name, server, cache):
    refused(cache, name, server(answer(PAGE)), "the file from .* is not")


@pytest.mark.parametrize("code", [403, 404, 500, 503])
def test_a_server_that_refuses(code, server, cache):
    refused(cache, "lipo", server(answer(PAGE, code=code)), "HTTPError")


def test_no_network(cache, monkeypatch):
    monkeypatch.delenv("JAXMRL_DATA", raising=False)
    refused(cache, "bace", "http://127.0.0.1:9/bace.csv", "ConnectionError|ProxyError")
    refused(cache, "bace", "http://no-such-host.invalid/bace.csv", "ConnectionError|ProxyError|HTTPError")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses(scheme, server, cache, monkeypatch):
    proxy = server(answer(PAGE, code=403)).removesuffix("/file")
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    refused(cache, "bace", f"{scheme}://data.invalid/bace.csv", "HTTPError|ProxyError")


def test_a_download_that_is_stopped(server, cache, monkeypatch):
    def stop(self, amount):
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets._Bar, "update", stop)
    with pytest.raises(KeyboardInterrupt):
        locate(replace(DATASETS["lipo"], address=server(answer(TABLE))))
    assert not list(cache.rglob("*"))


def archive(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in members.items():
            writer.writestr(name, content)
    return file.getvalue()


def test_no_name_in_an_archive_decides_where_a_file_is_written(server, cache, tmp_path):
    member = DATASETS["pcqm4mv2"].member
    table = gzip.compress(b"idx,smiles,homolumogap\n0,CC,1.5\n")
    outside = tmp_path / "outside"
    evil = {"../../outside": b"evil", str(outside): b"evil", f"{member}/../../../../outside": b"evil", member: table}
    path = locate(replace(DATASETS["pcqm4mv2"], address=server(answer(archive(evil))), checksum=None))
    assert path.read_bytes() == table
    assert [one.name for one in cache.rglob("*") if one.is_file()] == ["pcqm4mv2.csv.gz"]
    assert not outside.exists()


def test_an_archive_that_would_fill_the_disk(server, cache, monkeypatch):
    monkeypatch.setattr(cache_module, "SMALL", 1000)
    content = archive({DATASETS["pcqm4mv2"].member: bytes(10**6)})
    refused(cache, "pcqm4mv2", server(answer(content)), "cannot download")


def test_a_cache_on_a_full_disk_keeps_nothing_half_written(server, cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_module.Path, "replace", full)
    with pytest.raises(DataError, match="No space left on device; set JAXMRL_CACHE"):
        locate(replace(DATASETS["lipo"], address=server(answer(TABLE))))
    assert not [path for path in cache.rglob("*") if path.is_file()]
