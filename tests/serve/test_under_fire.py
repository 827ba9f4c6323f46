"""The page under fire: runs that are damaged or vanish while they are read, odd requests, and a killed server."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading

import pytest

from jaxmrl.serve.content import DAMAGED, read_detail
from jaxmrl.serve.server import HOST
from tests.support.http import ask, identity, raw

READ = ("run.json", "config.toml", "results.csv", "history.csv", ".lock", ".progress.json")
"""Files of a run that the page reads."""

OTHER_JSON = (b"null", b"[]", b"{}", b'"text"', b"1e999", b'{"format": 3}', b'{"format": 3, "splits": 7, "data": []}')


def damaged(content, rng):
    """Bytes that a crash, a disk or a person may leave in place of these."""
    kind = rng.randrange(6)
    if kind == 0:
        return content[: rng.randrange(len(content) + 1)]
    if kind == 1:
        return rng.choice(OTHER_JSON)
    if kind == 2:
        place = rng.randrange(len(content) + 1)
        return content[:place] + rng.randbytes(rng.randrange(1, 9)) + content[place:]
    if kind == 3:
        lines = content.splitlines(keepends=True)
        rng.shuffle(lines)
        return b"".join(lines)
    if kind == 4:
        return content.replace(rng.choice((b'"', b",", b"0", b"1", b"\n")), rng.choice((b"", b"-", b"nan", b"\x00")))
    flipped = bytearray(content or b"\0")
    flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def test_damaged_files_are_a_state_and_never_an_error(run):
    rng, states = random.Random(0), set()
    sound = {name: (run / name).read_bytes() if (run / name).exists() else b"{}" for name in READ}
    for _ in range(400):
        name = rng.choice(READ)
        (run / name).write_bytes(damaged(sound[name], rng))
        detail = read_detail("id", run)
        json.dumps(detail.summary.__dict__, default=vars, allow_nan=False)
        states.add(detail.summary.state)
        (run / name).write_bytes(sound[name])
    assert DAMAGED in states


def test_a_run_that_vanishes_and_comes_back_is_answered_for(server, run, tmp_path):
    """As when a directory is deleted, moved, or written by a sweep while the page asks."""
    known, rng, over = identity(server), random.Random(1), threading.Event()
    paths = ("/api/runs", f"/api/runs/{known}", f"/runs/{known}/report.html", f"/runs/{known}/results.csv")
    kept = shutil.copytree(run, tmp_path / "kept")

    def disturb():
        while not over.is_set():
            shutil.rmtree(run, ignore_errors=True)
            for source in kept.iterdir():
                if source.is_file() and rng.random() < 0.8:
                    run.mkdir(exist_ok=True)
                    (run / source.name).write_bytes(damaged(source.read_bytes(), rng))

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for k in range(120):
            path = paths[k % len(paths)]
            status, headers, content = ask(server, path)
            assert status in (200, 404)
            if status == 200 and headers["Content-Type"].startswith("application/json"):
                json.loads(content)
    finally:
        over.set()
        thread.join()
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(kept, run)
    assert json.loads(ask(server, "/api/runs")[2])["runs"][0]["state"] == "finished"


@pytest.mark.parametrize(
    "target",
    [
        "http://[",
        "http://[::1",
        "http://evil.example/api/runs",
        "*",
        "/\0",
        "/runs/%00/report.html",
        "/runs/" + "..%2f" * 500 + "etc/passwd",
        "/api/runs/" + "a" * 60_000,
        "/%ff%fe",
        "?",
        "#",
        "/;/",
    ],
)
def test_an_odd_target_has_an_answer(server, capsys, target):
    port = server.server_address[1]
    answer = raw(server, f"GET {target} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode("latin-1"))
    assert answer.startswith((b"HTTP/1.0 200", b"HTTP/1.0 404", b"HTTP/1.0 400")), answer[:80]
    assert b"root:" not in answer
    assert b"nosniff" in answer
    assert capsys.readouterr().err == "", "no traceback"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.slow
def test_a_server_that_is_killed_during_a_request_leaves_all_as_it_was(run):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    port = 0
    for _ in range(2):  # on the port of the one that was killed
        command = [sys.executable, "-m", "jaxmrl.serve", str(run), "--port", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        port = int(process.stdout.readline().partition(f"{HOST}:")[2].partition("/")[0])
        with socket.create_connection((HOST, port), timeout=60) as connection:
            connection.sendall(f"GET /api/runs HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode())
            process.send_signal(signal.SIGKILL)
            process.wait(60)
            process.stdout.close()
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
