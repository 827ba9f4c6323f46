"""MkDocs hook: pages and figures that are kept outside docs/ become part of the site.

In the repository their links are relative to its root, where docs/ is one folder of several. On the site, docs/ is the
root: `../benchmarks/notes.md` of a page becomes `benchmarks/notes.md`, and `../docs/scaling.md` becomes `scaling.md`.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
OUTSIDE = (
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "benchmarks/**/*.md",
    "benchmarks/**/*.png",
    "examples/*.py",
    "examples/*.ipynb",
)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+\.(?:md|png|py|ipynb))([^)]*)\)")


def on_files(files, config):
    """Add the pages and figures outside docs/."""
    for path in sorted(path for pattern in OUTSIDE for path in ROOT.glob(pattern)):
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, **_):
    """Rewrite links that leave docs/ or point into it."""
    name = page.file.src_uri
    outside = page.file.generated_by is not None
    folder = posixpath.dirname(name if outside else f"docs/{name}")

    def rewritten(match):
        target = posixpath.normpath(posixpath.join(folder, match[1])).removeprefix("docs/")
        return f"]({posixpath.relpath(target, posixpath.dirname(name) or '.')}{match[2]})"

    return LINK.sub(rewritten, markdown)
