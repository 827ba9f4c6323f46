"""What changes no result of a sweep: the format and the spelling of the file, and the folder that a command runs in.

The order of rows does by design: random splits, subsets and batches are drawn by row, as in the published study. The
parts of the other splits do not depend on it (tests/data/test_split_kinds.py).
"""

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from jaxmrl.config import SweepConfig
from jaxmrl.sweep import run_sweep
from tests.support.spellings import respell
from tests.support.tiny import TINY

SWEEP = SweepConfig(csv=Path("mine.csv"), seeds=2, save_predictions=True, **TINY)
FILES = ("results.csv", "history.csv", "curves.csv", "splits.npz", "predictions/*.npz")


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def tab_separated(rows, path):
    """With a byte-order mark, other line ends and columns in another order."""
    text = "\r\n".join("\t".join(reversed(row)) for row in rows)
    path = path.with_suffix(".tsv")
    path.write_text(f"{text}\r\n", encoding="utf-8-sig", newline="")
    return path


def compressed(rows, path):
    path = path.with_suffix(".csv.gz")
    with gzip.open(path, "wt", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows(rows)
    return path


def parquet(rows, path):
    pyarrow = pytest.importorskip("pyarrow", reason="needs the parquet extra")
    write = pytest.importorskip("pyarrow.parquet").write_table
    header, *cells = rows
    path = path.with_suffix(".parquet")
    write(pyarrow.table(dict(zip(header, map(list, zip(*cells, strict=True)), strict=True))), path)
    return path


def respelled(rows, path):
    """Each molecule in another text."""
    rng, (header, *cells) = np.random.default_rng(0), rows
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [header, *([respell(text, rng) if Chem.MolFromSmiles(text) else text, *rest] for text, *rest in cells)]
        )
    return path


def elsewhere(rows, path):
    """In another folder, by a path that is relative to it."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return Path(path.name)


def content(folder):
    found = {path.relative_to(folder): path.read_bytes() for name in FILES for path in folder.glob(name)}
    assert len(found) == len(FILES) - 1 + 4, "predictions of two fractions and two seeds"
    return found


@pytest.fixture(scope="module")
def usual(tmp_path_factory, csv_file):
    """The files of the sweep, and a cache."""
    folder = tmp_path_factory.mktemp("usual")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        run_sweep(replace(SWEEP, csv=csv_file, out=folder / "run"))
    return content(folder / "run"), folder / "cache"


@pytest.mark.slow
@pytest.mark.parametrize("rewritten", [tab_separated, compressed, parquet, respelled, elsewhere])
def test_the_same_molecules_have_the_same_results(usual, rewritten, csv_file, tmp_path, monkeypatch):
    expected, cache = usual
    monkeypatch.setenv("JAXMRL_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    path = rewritten(rows_of(csv_file), tmp_path / "mine.csv")
    run_sweep(replace(SWEEP, csv=path, out=tmp_path / "run"))
    assert content(tmp_path / "run") == expected
