"""The workflows of the repository: what they run is fixed, and they may do no more than they need."""

import re
from pathlib import Path

import pytest

WORKFLOWS = sorted((Path(__file__).parents[1] / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def steps(text):
    return [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_fixed_by_the_hash_of_a_commit(path):
    """A tag can be moved to other code; the hash of a commit cannot."""
    text = path.read_text()
    assert [step for step in steps(text) if not PINNED.fullmatch(step)] == []
    assert re.search(r"^permissions:\n  contents: read$", text, re.MULTILINE), "jobs name what more they need"


def test_an_action_has_one_version():
    used = {step for path in WORKFLOWS for step in steps(path.read_text())}
    assert len(used) == len({step.split("@")[0] for step in used}) > 5
