"""A browser follows a sweep on the page, from before its beginning to its end."""

import html
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.serve.conftest import EVIL
from tests.support.browser import ALONE, asked_by_pages, browser

PATIENCE = 240
"""Seconds; the sweep takes a few, on a machine with nothing else to do."""


@pytest.fixture
def start():
    """A function that starts a program; each is ended with the test."""
    started = []

    def start(*words, **more):
        started.append(subprocess.Popen([*map(str, words)], text=True, **more))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=60)


def wait_for(condition):
    """Return what a function returns as soon as that is true."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.2)
    pytest.fail(f"waited {PATIENCE} s")


def title_of_page(profile):
    """Return the title of the page that a browser shows, by its port for developers; empty while there is none."""
    try:
        port = (profile / "DevToolsActivePort").read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
            return html.unescape(next(one["title"] for one in json.load(answer) if one["type"] == "page"))
    except (OSError, ValueError, StopIteration, IndexError):
        return ""


@pytest.mark.slow
def test_a_browser_follows_a_sweep_to_its_end_without_a_complaint(tmp_path, csv_file, start):
    (tmp_path / "runs").mkdir()
    env = os.environ | {"JAXMRL_CACHE": str(tmp_path / "cache"), "PYTHONUNBUFFERED": "1"}
    serve = start(sys.executable, "-m", "jaxmrl.serve", tmp_path / "runs", env=env, stdout=subprocess.PIPE)
    address = serve.stdout.readline().split(" at ")[1].split()[0]
    profile, log = tmp_path / "profile", tmp_path / "net.json"
    alone = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0"]
    words = [browser(), *ALONE, *alone, f"--user-data-dir={profile}", f"--log-net-log={log}", address]
    errors = (tmp_path / "browser.txt").open("w")
    chromium = start(*words, stdout=errors, stderr=errors)
    wait_for(lambda: title_of_page(profile))
    settings = ["--target-columns", "logp", "--fractions", 0.05, 0.1, "--seeds", 2, "--lanes", 2, "--epochs", 20]
    settings += ["--model", "gin", "--width", 8, "--depth", 2, "--baselines", "mean", "--split-seeds", 1]
    sweep = [sys.executable, "-m", "jaxmrl.sweep", "--csv", csv_file, *settings, "--out", tmp_path / "runs" / EVIL]
    ended = start(*sweep, env=env, stdout=subprocess.DEVNULL)
    titles = set()

    def is_finished():
        titles.add(title_of_page(profile))
        return any(title.startswith(f"finished, 8 of 8 - {EVIL}") for title in titles)

    wait_for(is_finished)
    assert ended.wait(timeout=60) == 0
    assert any(title.startswith("running") for title in titles), titles
    chromium.terminate()
    chromium.wait(timeout=60)
    errors.close()
    assert [line for line in (tmp_path / "browser.txt").read_text().splitlines() if ":CONSOLE" in line] == []
    asked = asked_by_pages(log)
    assert [url for url in asked if not url.startswith(address)] == []
    assert f"{address}api/runs" in asked
    serve.send_signal(signal.SIGINT)
    assert (serve.wait(timeout=60), serve.stdout.read().splitlines()[-1]) == (0, "stopped")
