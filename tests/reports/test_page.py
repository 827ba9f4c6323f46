"""report.html: what it says, that it stands alone, and that a browser shows it without a complaint."""

import os
import re
import shlex
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problems
from jaxmrl.reports.curve_comparison import compare_curves
from jaxmrl.reports.findings import Findings
from jaxmrl.reports.joint import joints_of
from jaxmrl.reports.page import report_html
from jaxmrl.reports.pruning_table import compare_to_random
from jaxmrl.reports.run_sections import changed_settings, repeat_command
from jaxmrl.reports.summary import analyze_curve
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.curves import curves_of
from tests.support.browser import ALONE, asked_by_pages, browser
from tests.support.rows import result_row

EVIL = "<script>alert('x')</script>"
SMILES = ["CCO", "CCN", "CCC", "CCCl", "CCBr", "CCF", "CCS", "CCP", "c1ccccc1", "CCCC", "CCCCC", "CCCCCC"] * 3


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """Of a sweep that was not run: two tasks, a pruned curve and two of random samples; a column has an evil name."""
    folder = tmp_path_factory.mktemp("html")
    rows = [f"{smiles},{k % 2},{(k // 2) % 2}" for k, smiles in enumerate(SMILES)]
    (folder / "a.csv").write_text("\n".join([f"smiles,{EVIL},toxic", *rows, "<b>rubbish</b>,1,1"]) + "\n")
    config = SweepConfig(csv=folder / "a.csv", seeds=3, pruning=("random", "el2n"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        problems = load_problems(config, Reporter(quiet=True))
    rows = [
        row(*curve, n, seed)
        for curve in (("random", "none"), ("el2n", "none"), ("random", "muv"))
        for n in (20, 40, 80, 160, 320)
        for seed in range(3)
    ]
    curves = curves_of(rows)
    analyses = [analyze_curve(curve, True, 0.5) for curve in curves]
    facts = {
        "software": {"jax": "0"},
        "device": "cpu",
        "data": {"data": "abc"},
        "init": {},
        "lanes of gin": 4,
    }
    orders = {"graph-gin-8x1, random split": {"el2n": problems[0].split.train}}
    compared = compare_to_random(curves, {"el2n"}, higher_is_better=True)
    return Findings(config, problems, facts, rows, curves, analyses, compare_curves(curves, analyses), compared, orders)


def row(pruning, init, n, seed):
    times = 1.0 if pruning == "random" else 0.5 + n / 640
    test = 1 - (1.6 if init == "none" else 1.3) * (times * n) ** -0.3 + 0.01 * np.sin(7 * n + seed)
    curve = {"dataset": "a", "pruning": pruning, "init": init, "width": 8, "depth": 1, "params": 99}
    at = {"fraction": n / 320, "n_train": n, "seed": seed, "metric": "roc_auc", "best_epoch": 12}
    return result_row(test, **curve, **at, tests={EVIL: test, "toxic": None})


class Reader(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def read(findings):
    reader = Reader()
    reader.feed(report_html(findings))
    return reader


def test_joint_laws_have_a_section_with_figure_and_tables(findings):
    rows = [
        result_row(float(1 - (2 * n**-0.3 + p**-0.3) * (1 + seed / 50)), width=p // 50, params=p, n_train=n, seed=seed)
        for n in (50, 200, 800)
        for p in (500, 5000, 50_000)
        for seed in range(3)
    ]
    joints = joints_of(curves_of(rows), rows, higher_is_better=True)
    reader = Reader()
    reader.feed(report_html(replace(findings, joints=joints)))
    for said in (
        "Data and model size",
        "describes 3 data sizes (50 to 800 molecules) and 3 model sizes (500 to 50,000 parameters)",
        "The numbers of molecules and parameters with the best metric for a compute budget",
        "How many molecules each model size needs to reach a metric",
        "50,000",
    ):
        assert said in reader.text
    drawn = [one["aria-label"] for tag, one in reader.tags if tag == "figure" and "aria-label" in one]
    assert any(alt.startswith("1 - ") and "3 data sizes" in alt for alt in drawn)


def test_it_says_what_was_run_and_what_came_of_it(read):
    for said in (
        "In short",
        "Twice the data would give about",
        "How far to trust this",
        "higher is better",
        "36 usable molecules",
        "finished 45",
        "Fitted laws",
        "noise p",
        "residual (RMS)",
        "3,200 (10x)",
        "forecast, far",
        "the largest sizes, forecast from the smaller ones alone",
        "Data equivalence",
        "minus that of random subsets of the same size",
        "a pruned subset of a fixed pool is not a random sample",
        "Holm's correction for 4 comparisons",
        "fewer than 20",
        "el2n: all seeds use one subset",
        "Hardest and easiest molecules",
        "el2n by graph-gin-8x1, random split: kept first (seed 0)",
        "1 row that could not be used",
        "python -m jaxmrl.sweep --config config.toml --csv /",
        "seeds: 0, 1, 2",
    ):
        assert said in read.text, said


def test_it_repeats_the_remarks_on_the_data(findings):
    """Such as on labels that are left out: who reads the report has not seen the screen."""
    (problem,) = findings.problems
    said = "18 labels have >, < or ~ (y 18): left out"
    noted = replace(problem, table=replace(problem.table, notes=(*problem.table.notes, said)))
    reader = Reader()
    reader.feed(report_html(replace(findings, problems=[noted])))
    assert noted.table.notes[0][1:] in reader.text, "a capital begins it"
    assert "18 labels have >, < or ~ (y 18): left out." in reader.text


def test_every_string_from_the_data_is_escaped(read):
    tags = {tag for tag, _ in read.tags}
    assert "script" not in tags
    assert "b" not in tags
    assert EVIL in read.text
    assert "<b>rubbish</b>" in read.text


def test_it_stands_alone_and_every_figure_is_in_words(read):
    assert not {tag for tag, _ in read.tags} & {"script", "link", "img", "iframe", "object", "embed", "base"}
    for tag, attributes in read.tags:
        for name in ("src", "href", "xlink:href", "data", "action"):
            value = attributes.get(name, "#")
            assert value.startswith("#"), f"{tag} refers to {value}"
        assert "url(http" not in attributes.get("style", "")
    figures = [attributes for tag, attributes in read.tags if attributes.get("role") == "img"]
    drawings = [tag for tag, _ in read.tags if tag == "svg"]
    assert len(figures) == len(drawings) == 2 + 8
    assert all(len(attributes["aria-label"]) > 5 for attributes in figures)
    assert "ROC-AUC from 0.3" in figures[0]["aria-label"]


def test_names_within_the_page_are_not_repeated_with_other_content(findings):
    page = report_html(findings)
    assert 'id="axes_1"' not in page
    assert "<?xml" not in page
    assert page.count("<!DOCTYPE") == 1


def test_it_is_the_same_each_time(findings):
    assert report_html(findings) == report_html(findings)


def test_pruned_curves_alone_have_nothing_to_be_compared_with(findings):
    curves, analyses = findings.curves[1:2], findings.analyses[1:2]
    alone = replace(findings, curves=curves, analyses=analyses, side_by_side=[], compared=[])
    page = report_html(alone)
    assert "There are no random subsets here: add random to --pruning" in page
    assert "The present value, and forecasts" not in page
    assert "Check of the forecast" not in page


def test_a_curve_without_a_law_is_reported(findings):
    rows = [replace(one, status="diverged", test=None) for one in findings.rows[:15]]
    curves = curves_of(rows)
    analyses = [analyze_curve(curve, True, 0.5) for curve in curves]
    bare = replace(findings, rows=rows, curves=curves, analyses=analyses, side_by_side=[], compared=[], orders={})
    page = report_html(bare)
    assert "No law fitted: a curve needs two sizes" in page
    assert "No replica finished." in page
    assert "diverged 15" in page


def text_of(page: str) -> str:
    reader = Reader()
    reader.feed(page)
    return reader.text


def alone(findings, k=0):
    """The findings of one of their curves."""
    nothing = {"side_by_side": [], "compared": [], "orders": {}}
    return replace(findings, curves=findings.curves[k : k + 1], analyses=findings.analyses[k : k + 1], **nothing)


def test_the_answer_comes_first_with_its_interval_seeds_and_test_molecules(findings):
    text = text_of(report_html(alone(findings)))
    now = re.search(r"The test ROC-AUC is (0\.\d+) \((0\.\d+) to (0\.\d+)\) with 320 training", text)
    value, low, high = map(float, now.groups())
    assert low < value < high
    assert f"(3 seeds, {len(findings.problems[0].split.test)} test molecules)" in text
    titles = ("In short", "Learning curve", "Check of the forecast", "Fitted laws", "Settings", "Repeat this run")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert re.search(r"640 \(2x\)\s*0\.\d+ \(0\.\d+ to 0\.\d+\)", text)


def test_the_answer_does_not_contradict_the_check_below(findings):
    """Where held-out sizes are outside their intervals, the first paragraph says so and the list says by how much."""
    one = alone(findings)

    def with_errors(change):
        rows = [replace(row, test=1 - change(row, 1 - row.test)) for row in one.rows]
        curves = [curve for curve in curves_of(rows) if curve.identity == one.curves[0].identity]
        return replace(one, rows=rows, curves=curves, analyses=[analyze_curve(curves[0], True, 0.5)])

    text = text_of(report_html(with_errors(lambda row, error: 0.4 * error if row.n_train == 320 else error)))
    assert "The check on held-out sizes failed, so the true value may well be outside this interval." in text
    assert "Check failed: at the largest size" in text
    said = re.search(r"320 molecules: forecast 0\.\d+ \((0\.\d+) to (0\.\d+)\), measured (0\.\d+)", text)
    low, high, measured = map(float, said.groups())
    assert not low <= measured <= high
    rng = np.random.default_rng(0)
    noisy = with_errors(lambda row, error: error * np.exp(0.05 * rng.normal()))
    text = text_of(report_html(noisy))
    assert "Check passed: at the largest size" in text
    assert "Check failed" not in text
    assert noisy.analyses[0].check()[0]["observed"] is not None


def test_only_settings_that_differ_are_shown(findings):
    changed = changed_settings(findings.config)
    assert [name for name, *_ in changed] == ["--csv", "--pruning"]
    assert changed[1] == ("--pruning", "random el2n", "random")
    assert changed_settings(SweepConfig(out="elsewhere")) == []


def test_the_command_repeats_the_run_from_its_directory(tmp_path, monkeypatch):
    """Paths in config.toml are relative to where the run began."""
    monkeypatch.chdir(tmp_path)
    config = SweepConfig(csv="my data.csv", init=("none", "pretrained"))
    command = shlex.split(repeat_command(config))
    assert command[:5] == ["python", "-m", "jaxmrl.sweep", "--config", "config.toml"]
    assert command[command.index("--csv") + 1] == str(tmp_path / "my data.csv")
    assert command[command.index("--init") + 1 :][:2] == ["none", str(tmp_path / "pretrained")]
    assert "--csv" not in repeat_command(SweepConfig())


def opened(page, folder, width: int) -> tuple[list[str], bytes]:
    """What the browser's console says of a page and what the page asks of the network, and a screenshot."""
    shot, log = folder / f"{width}.png", folder / "net.json"
    arguments = [*ALONE, "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}"]
    arguments += [f"--log-net-log={log}", "--virtual-time-budget=2000"]
    words = [browser(), *arguments, f"--window-size={width},2400", f"--screenshot={shot}", page.as_uri()]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120)
    console = [line for line in ended.stderr.splitlines() if ":CONSOLE" in line]
    assert shot.exists(), ended.stderr
    return [*console, *asked_by_pages(log)], shot.read_bytes()


@pytest.mark.slow
def test_a_forecast_without_a_known_interval_is_not_said_to_miss(findings):
    rows = [one for one in findings.rows if one.seed == 0 and one.fraction <= 0.5]
    curves = [curve for curve in curves_of(rows) if curve.random_samples]
    analyses = [analyze_curve(curve, True, 0.5) for curve in curves]
    page = report_html(replace(findings, rows=rows, curves=curves, analyses=analyses, side_by_side=[], compared=[]))
    assert "could not be checked against held-out sizes: the noise is not known" in page
    check = page[page.index("<h2>Check of the forecast") :]
    check = check[: check.index("</table>")]
    assert "(interval not known)" in check
    assert ">no<" not in check


@pytest.mark.slow  # CI installs the browser after plain pytest
def test_a_browser_shows_it_without_a_complaint(findings, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(report_html(findings))
    for width in (1200, 400):
        complaints, shot = opened(page, tmp_path, width)
        assert complaints == []
        assert len(shot) > 50_000, "an empty page is smaller"


@pytest.mark.slow
@pytest.mark.parametrize("body", ["<script>console.error('no')</script>", "<img src='http://example.invalid/a.png'>"])
def test_the_browser_would_complain(tmp_path, body):
    page = tmp_path / "bad.html"
    page.write_text(f"<!DOCTYPE html><html><body>{body}</body></html>")
    complaints, _ = opened(page, tmp_path, 400)
    assert len(complaints) == 1


def test_a_folder_that_the_locale_cannot_spell_is_utf_8_in_the_command_to_repeat(monkeypatch):
    unspelled = "/data/é".encode().decode("ascii", "surrogateescape")
    monkeypatch.setattr(os, "getcwd", lambda: unspelled)
    assert "'/data/é/a.csv'" in repeat_command(SweepConfig(csv=Path("a.csv")))
