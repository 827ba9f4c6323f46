"""The server of the page: who may ask, for what, and what a browser allows to the answers."""

import json
import random
from urllib.parse import quote

import pytest

from jaxmrl.config import ServeConfig
from jaxmrl.errors import ConfigError
from jaxmrl.serve.server import HOST, answer_to, open_server
from tests.serve.conftest import EVIL
from tests.support.http import ask, identity, raw


def test_it_listens_to_this_machine_alone(server):
    assert server.server_address[0] == HOST == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_address[1]}/"


def test_the_page_and_what_it_asks_for(server):
    run = identity(server)
    for path, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")):
        status, headers, _ = ask(server, path)
        assert (status, headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
    (listed,) = json.loads(ask(server, "/api/runs")[2])["runs"]
    assert (listed["id"], listed["name"], listed["state"]) == (run, EVIL, "finished")
    detail = json.loads(ask(server, f"/api/runs/{run}?again=1")[2])
    assert len(detail["curves"]) == 2
    status, headers, content = ask(server, f"/runs/{run}/report.html")
    assert (status, b"<h1>" in content) == (200, True)
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    assert ask(server, f"/runs/{run}/results.csv")[1]["Content-Type"] == "text/plain; charset=utf-8"


def test_every_answer_has_the_headers_that_protect(server):
    for path, method in (("/", "GET"), ("/api/runs", "GET"), ("/nothing", "GET"), ("/", "POST")):
        _, headers, _ = ask(server, path, method)
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Server"] == "jaxmrl", "no version of Python"
        assert not [name for name in headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}", ""]
)
def test_another_host_is_refused(server, host):
    """A page of the web may have its own name point to this machine; then it names itself here."""
    status, _, content = ask(server, "/api/runs", headers={"Host": host.format(port=server.server_address[1])})
    assert (status, EVIL.encode() in content) == (421, False)


def test_localhost_is_this_machine_and_no_host_is_none(server):
    assert ask(server, "/", headers={"Host": f"localhost:{server.server_address[1]}"})[0] == 200
    assert ask(server, "/", headers={})[0] == 421
    port = server.server_address[1]
    twice = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n".encode()
    assert raw(server, twice).startswith(b"HTTP/1.0 421")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_only_reading_is_allowed(server, method):
    status, headers, content = ask(server, "/", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert method.encode() not in content


def test_head_has_no_content(server):
    status, headers, content = ask(server, "/api/runs", "HEAD")
    assert (status, content, int(headers["Content-Length"]) > 10) == (200, b"", True)


def test_no_path_leads_out_of_the_runs(server, run):
    (run.parent / "secret.json").write_text("secret")
    (run / "secret.json").write_text("secret")
    known, evil = identity(server), quote(EVIL)
    for path in (
        f"/runs/{known}/../secret.json",
        f"/runs/{known}/%2e%2e/secret.json",
        f"/runs/{known}/..%2fsecret.json",
        f"/runs/{known}/secret.json",
        f"/runs/{known}/.lock",
        f"/runs/{known}/models/",
        f"/runs/{known}/",
        f"/runs/{known}//etc/passwd",
        f"/runs/{known}/report.html/",
        f"/runs/{known}/report.html%00.csv",
        f"/runs/{known}/molecules.csv",
        f"/runs/{evil}/report.html",
        "/runs/../../../etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/page/page.js",
        "/api/runs/",
        "/api/runs/..",
        f"/api/runs/{known}/results.csv",
        "/favicon.ico",
    ):
        status, _, content = ask(server, path)
        assert (status, b"secret" in content) == (404, False), path


def test_random_paths_give_the_page_or_nothing(run):
    rng, folders = random.Random(0), (run.parent,)
    pieces = [
        "/",
        "..",
        ".",
        "%2e",
        "runs",
        "api",
        "page.js",
        "report.html",
        "\\",
        "\0",
        "é",
        "",
        "~",
        ":",
        "?",
        *"ab01",
    ]
    for _ in range(300):
        path = "".join(rng.choices(pieces, k=rng.randint(0, 8)))
        answer = answer_to(path, folders)
        assert answer is None or path in ("/", "/page.js", "/api/runs"), path


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /" + b"a" * 70_000,
        b"A B C D\n\n",
    ],
)
def test_what_is_no_request_does_not_end_the_server(server, request_bytes):
    answer = raw(server, request_bytes)
    assert b"<" not in answer
    assert ask(server, "/")[0] == 200


def test_settings_that_cannot_be_used_are_one_sentence(run, tmp_path, refused):
    with pytest.raises(ConfigError, match="gone is not a folder; give run directories of sweeps"):
        ServeConfig(runs=tmp_path / "gone")
    with pytest.raises(ConfigError, match="no run was given"):
        ServeConfig(runs=())
    with pytest.raises(ConfigError, match=r"--port must be from 0 to 65,535; got 65536"):
        ServeConfig(runs=run, port=65536)
    with open_server(ServeConfig(runs=run)) as server:
        port = server.server_address[1]
        said = f"port {port} of this machine is in use; choose another --port, or omit it for a free one"
        assert said in refused("serve", run, "--port", port)
