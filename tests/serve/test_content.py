"""What the page shows of runs: finished, running, killed, damaged, and while they are written."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jaxmrl.runs.live import NAME, LiveProgress, own_progress, write_progress
from jaxmrl.serve.content import DAMAGED, FINISHED, RUNNING, STOPPED, read_detail, read_summary
from jaxmrl.serve.discovery import find_runs, read_shown
from tests.serve.conftest import EVIL


def locked_by(run, process, host=None):
    said = f"process {process} on {host or socket.gethostname()}, since 2026-11-26 12:00"
    (run / ".lock").write_text(said)


def test_a_finished_run_is_shown_with_its_curves_and_files(run):
    detail = read_detail("a", run)
    assert (detail.summary.state, detail.summary.done, detail.summary.planned) == (FINISHED, 8, 8)
    assert [len(curve.points) for curve in detail.curves] == [2, 2]
    assert all(len(point.tests) == 2 and point.sd is not None for curve in detail.curves for point in curve.points)
    assert len(detail.rows) == 8
    assert {"report.html", "curve.svg", "results.csv"} <= set(detail.files)
    assert "lower is better" in detail.axis
    assert not detail.history, "a model that is fitted at once has no course"


def test_a_run_under_way_has_the_results_so_far_and_its_progress(run):
    lines = (run / "results.csv").read_text().splitlines(keepends=True)
    (run / "results.csv").write_text("".join(lines[:4]) + lines[4][:30])
    locked_by(run, os.getpid())
    write_progress(run, LiveProgress("fitting", 3, 8, "models", 4.5))
    summary = read_summary("a", run)
    assert (summary.state, summary.done, summary.planned) == (RUNNING, 3, 8)
    assert summary.progress == LiveProgress("fitting", 3, 8, "models", 4.5)


def test_a_run_whose_process_was_killed_is_not_running(run):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    locked_by(run, ended.pid)
    write_progress(run, LiveProgress("training", 1, 2, "steps"))
    (run / "report.html").unlink()
    summary = read_summary("a", run)
    assert (summary.state, summary.progress) == (STOPPED, None)
    locked_by(run, ended.pid, "elsewhere")
    assert read_summary("a", run).state == RUNNING, "what another machine does is not known"


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"stage": 1}', "nothing"])
def test_a_damaged_progress_is_none(run, content):
    locked_by(run, os.getpid())
    (run / NAME).write_text(content)
    assert read_summary("a", run).progress is None


def test_the_progress_is_removed_when_the_sweep_ends(tmp_path):
    write_progress(tmp_path, LiveProgress("training", 1, 2, "steps"))
    with pytest.raises(KeyboardInterrupt), own_progress(tmp_path):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
    write_progress(tmp_path / "gone", LiveProgress("training", 1, 2, "steps"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda run: (run / "results.csv").write_bytes(b"\xff\xfe\n\xff"), "utf-8"),
        (lambda run: (run / "results.csv").write_text("a,b\n1,2\n"), "has no column dataset"),
        (lambda run: (run / "run.json").write_text("{"), "is damaged"),
        (lambda run: (run / "run.json").unlink(), "has no file run.json"),
        (lambda run: replaced(run / "run.json", '"molecules"', '"atoms"'), "is damaged: it does not say how many"),
        (lambda run: replaced(run / "results.csv", ",rmse,", ",rmsd,"), "the metric 'rmsd'"),
        (lambda run: (run / "config.toml").write_text("seeds = 'many'\n"), "seeds"),
    ],
)
def test_damage_is_shown_and_not_raised(run, damage, said):
    damage(run)
    detail = read_detail("a", run)
    assert detail.summary.state == DAMAGED
    assert said in detail.summary.problem
    assert not detail.curves
    json.dumps(detail.summary.problem)


def replaced(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_files_that_are_rewritten_meanwhile_are_read_whole(run):
    """As a sweep writes them: rows are appended in pieces, and whole files take the place of others."""
    whole, ended = (run / "results.csv").read_bytes(), threading.Event()
    header = whole.index(b"\n") + 1

    def write():
        while not ended.is_set():
            (run / "new").write_bytes(whole[:header])
            (run / "new").replace(run / "results.csv")
            for start in range(header, len(whole), 50):
                with (run / "results.csv").open("ab") as file:
                    file.write(whole[start : start + 50])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [read_summary("a", run) for _ in range(60)]
    finally:
        ended.set()
        writer.join()
    assert [one.problem for one in found if one.problem] == []
    assert all(0 <= one.done <= 8 for one in found)


def test_a_torn_row_may_end_within_a_letter(run):
    with (run / "results.csv").open("ab") as file:
        file.write("é".encode()[:1])
    assert read_summary("a", run).done == 8


def test_runs_are_found_where_they_are_given_and_directly_below(run, tmp_path):
    expected = {path.resolve() for path in (run,)}
    assert set(find_runs((run.parent,)).values()) == set(find_runs((run,)).values()) == expected
    assert find_runs((run.parent,)) == find_runs((run, run.parent)), "each once, by the same identity"
    assert find_runs((tmp_path / "gone", tmp_path)) == {}


def test_links_and_pipes_are_left_out(run, tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "run").symlink_to(run)
    assert find_runs((tmp_path / "links",)) == {}
    (tmp_path / "secret").write_text("secret")
    (run / "report.html").unlink()
    (run / "report.html").symlink_to(tmp_path / "secret")
    assert read_shown(run, "report.html") is None
    assert "report.html" not in read_detail("a", run).files
    (run / "fits.json").unlink()
    os.mkfifo(run / "fits.json")
    assert read_shown(run, "fits.json") is None, "nor does it wait for a writer"
    (run / "results.csv").rename(tmp_path / "elsewhere.csv")
    (run / "results.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert read_summary("a", run).state == DAMAGED


def test_the_page_sets_text_only_as_text():
    """Names of files and columns may be anything, such as that of the run here."""
    assert EVIL.startswith("<img")
    script = (Path(read_shown.__code__.co_filename).parent / "page" / "page.js").read_text()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http:", "https:", ".style"):
        assert way not in script.replace("http://www.w3.org/2000/svg", ""), way
