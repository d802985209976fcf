"""Configure Sphinx, which builds the site of docs/: `make docs`. docs/decisions/0017 explains why it is Sphinx.

GitHub shows the pages as well, so they are plain Markdown without directives. This file changes two things in a page:

- A folder's index.md lists its pages as links. They become the site's navigation, in the same order.
- A link to a file outside of docs/, such as a test, leads to the repository: TRESTLE_REPOSITORY_URL, or the repository
  that GitHub Actions builds.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

# ruff: noqa: E402 - Sphinx finds tools/ only from here on
from tools.version import VERSION

project = "Trestle"
author = "The Trestle authors"
copyright = author  # noqa: A001 - Sphinx's name
version = release = VERSION

extensions = ["myst_parser", "sphinxcontrib.mermaid"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
mermaid_fullscreen = False
mermaid_d3_zoom = False

html_theme = "furo"
html_title = f"Trestle {release}"
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
html_show_sphinx = False

LINK = re.compile(r"(?P<before>!?\[[^\]\n]*\]\()(?P<target>[^)\s]+)(?P<after>\))")


def repository_url() -> str:
    """Return the URL of the repository, without a slash at the end."""
    environment = os.environ
    if own := environment.get("TRESTLE_REPOSITORY_URL"):
        return own.rstrip("/")
    if repository := environment.get("GITHUB_REPOSITORY"):
        return f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
    return "https://example.com/trestle"


def rewrite_links(page: Path, text: str, url: str) -> str:
    """Return a page's text in which links to files outside of docs/ lead to the repository."""

    def rewrite(link: re.Match[str]) -> str:
        path, mark, fragment = link["target"].partition("#")
        file = (page.parent / path).resolve()
        if not path or re.match(r"[a-z]+:", path) or file.is_relative_to(DOCS):
            return link[0]
        kind = "tree" if file.is_dir() else "blob"
        return f"{link['before']}{url}/{kind}/main/{file.relative_to(ROOT).as_posix()}{mark}{fragment}{link['after']}"

    return LINK.sub(rewrite, text)


def navigation(text: str) -> str:
    """Return a table of contents from the links of an index page."""
    pages = re.findall(r"\[[^\]\n]+\]\(([^)#:\s]+\.md)\)", text)
    own = [page for page in dict.fromkeys(pages) if not page.startswith("..")]
    return "\n\n```{toctree}\n:hidden:\n\n" + "\n".join(own) + "\n```\n"


def read_source(_: Any, name: str, content: list[str]) -> None:
    """Change a page for the site."""
    page = DOCS / f"{name}.md"
    text = content[0]
    content[0] = rewrite_links(page, text, repository_url()) + (navigation(text) if page.name == "index.md" else "")


def setup(app: Any) -> dict[str, bool]:
    """Register this file's changes of pages in Sphinx."""
    app.connect("source-read", read_source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
