"""A browser for tests of pages."""

import json
import os
import shutil
from pathlib import Path

import pytest

ALONE = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--hide-scrollbars"]
"""Arguments of a browser without a window, which writes its console to standard error."""


def browser() -> str:
    """Return a Chromium; without one the test is skipped, but fails where CI runs."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("CI") == "true":
        pytest.fail("no Chromium: install Debian's package chromium")
    pytest.skip("no Chromium on this machine; Debian's package is chromium")


def asked_by_pages(log: Path) -> list[str]:
    """Return the addresses that pages asked for, by a browser's --log-net-log; that may end in the middle of a line.

    What the browser asks for by itself has no origin.
    """
    found = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line.rstrip(",]"))
        except ValueError:  # the beginning and the end of the file are no events
            continue
        known = event.get("params", {}) if isinstance(event, dict) else {}
        if isinstance(known, dict) and known.get("initiator", "not an origin") != "not an origin":
            found.append(known["url"])
    return [url for url in found if url.startswith("http")]
