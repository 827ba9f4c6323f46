"""What the README and the pages of docs/ show: their commands, and their examples in Python."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")])
PROGRAMS = ("python", "jaxmrl", "pip", "pytest", "ruff", "mkdocs", "ray", "curl")
"""What the first line of a block without a language begins with, if the block is of commands."""

NOT_RUN = {
    r"(pip|python -m venv|\. \.venv)": "changes the environment",
    r"(pytest|ruff|mypy|mkdocs|codespell|pre-commit)\b": "checks the repository, as CI does",
    r"(curl|git clone|cd)\b": "downloads",
    r"python -m benchmarks\.": "measures for minutes; another test reads its arguments",
    r"(ray|srun|sleep|exit)\b|\w+=\$|\[ ": "needs a cluster",
    r"jaxmrl serve": "serves until interrupted; tests/serve opens the page",
    r".*--cluster": "needs Ray; tests/sweep/test_cluster.py trains on clusters",
    r".*--tracker": "needs an extra; tests/trackers records with each",
}
"""Commands that no test of the documents runs, by how they begin, and why."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:python -m (?:jaxmrl|benchmarks)\.|jaxmrl )\w+ [^`]+)`")


@dataclass(frozen=True)
class Shown:
    """A command or an example that a page shows."""

    page: Path
    position: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Return the page and the text, as a test's name has them."""
        return f"{self.page.relative_to(ROOT).as_posix()}: {self.text}"

    @property
    def words(self) -> list[str]:
        """Return the words of a command."""
        return shlex.split(self.text)


def examples(page: Path) -> list[Shown]:
    """Return the examples in Python of a page."""
    blocks = [Shown(page, found.start(), found[1], found[2]) for found in _FENCE.finditer(page.read_text())]
    return [block for block in blocks if block.language == "python"]


def commands(page: Path) -> list[Shown]:
    """Return the commands of a page, those in code spans included, each once, in the order of the page."""
    text = page.read_text()
    blocks = [(found.start(), _lines(found[1], found[2])) for found in _FENCE.finditer(text)]
    shown = [Shown(page, position, "sh", line) for position, lines in blocks for line in lines]
    outside = _FENCE.sub(lambda found: " " * len(found[0]), text)
    shown += [Shown(page, found.start(), "sh", " ".join(found[1].split())) for found in _INLINE.finditer(outside)]
    first = {one.text: one for one in sorted(shown, key=lambda one: -one.position)}
    return sorted(first.values(), key=lambda one: one.position)


def _lines(language: str, block: str) -> Iterator[str]:
    """Yield the commands of a block of a shell: whole ones, without comments and variables of the environment."""
    if language in ("sh", "bash") or (language == "" and block.split()[0] in PROGRAMS):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            for part in re.sub(r"(^|\s)#.*", "", line).split("&&"):
                if command := re.sub(r"^(\w+=[^$\s]\S* )+(?=\w)", "", part.strip()):
                    yield command


def why_not_run(command: Shown) -> str:
    """Return why no test of the documents runs a command; empty for one that is run."""
    return next((why for beginning, why in NOT_RUN.items() if re.match(beginning, command.text)), "")
