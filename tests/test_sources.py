"""The digest of the package's sources: which changes it notices, and which modules count."""

import os
import shutil
import subprocess
import sys

import pytest

from jaxmrl import sources


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package in another folder, and the digest of its sources as a function."""
    package = shutil.copytree(sources.PACKAGE, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "PACKAGE", package)
    return package, sources.source_digest.__wrapped__


def test_place_and_time_and_comments_do_not_count(copy):
    package, digest = copy
    assert digest() == sources.source_digest()
    loss = package / "training" / "losses.py"
    loss.write_text("# another comment\n" + loss.read_text().replace('"""', '"""Another text. ', 1))
    (package / "reports" / "page.py").write_text("nothing = 0\n")
    assert digest() == sources.source_digest()


@pytest.mark.parametrize("name", ["config/base.py", "modalities/graph/gin.py", "training/losses.py", "data/new.py"])
def test_a_change_of_what_decides_numbers_counts(copy, name):
    package, digest = copy
    with (package / name).open("a") as file:
        file.write("\nnumber = 1\n")
    assert digest() != sources.source_digest()


@pytest.mark.parametrize(
    "change",
    [("0.5 * far", "0.25 * far"), ("jnp.log", "jnp.log2"), ("weight - 1.0", "weight + 1.0"), ("axis=1", "axis=0")],
    ids=["a number", "a name", "an operation", "an argument"],
)
def test_a_change_within_a_function_counts(copy, change):
    package, digest = copy
    loss = package / "training" / "losses.py"
    changed = loss.read_text().replace(*change)
    assert changed != loss.read_text(), "the test must change something"
    loss.write_text(changed)
    assert digest() != sources.source_digest()


def test_another_process_finds_the_same_digest():
    """Python orders sets of texts otherwise in every process."""
    asked = "from jaxmrl.sources import source_digest; print(source_digest())"
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        answer = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True)
        assert answer.stdout.strip() == sources.source_digest(), answer.stderr


def test_modules_that_decide_no_number_are_there_and_not_imported_by_those_that_train():
    names = [path.relative_to(sources.PACKAGE).as_posix() for path in sources.PACKAGE.rglob("*.py")]
    assert all(any(name.startswith(known) for name in names) for known in sources.REPORTING)
    reporting = {name.removesuffix(".py").replace("/", ".") for name in names if name.startswith(sources.REPORTING)}
    training = ("config", "io", "chem", "modalities", "data", "training", "pruning")
    for name in [one for one in sources.deciding_modules(sources.PACKAGE) if one.startswith(training)]:
        text = (sources.PACKAGE / name).read_text()
        assert not any(f"from jaxmrl.{module} import" in text for module in reporting), name
