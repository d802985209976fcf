"""Find source files, without leftovers of editors, file managers and interrupted writes.

Standard library only, since build.py imports this module, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

# Hidden files, Emacs' #copies# and backups, which Terraform ignores as well; then other programs'
# files.
LEFTOVER = re.compile(
    r"[.#].*|.*~|.*\.(bak|crdownload|orig|part|partial|rej|sw[a-p]|te?mp)|__pycache__|Thumbs\.db|desktop\.ini",
    re.IGNORECASE | re.DOTALL,
)


def is_leftover(name: str) -> bool:
    """Return whether a file or folder of this name is a leftover, not a source."""
    return LEFTOVER.fullmatch(name) is not None


def sources(folder: Path, pattern: str = "**/*") -> list[Path]:
    """Return the files below a folder that match the pattern and are sources, in order of their paths."""
    return sorted(_sources(folder, pattern))


def _sources(folder: Path, pattern: str) -> Iterator[Path]:
    for path in folder.glob(pattern):
        names = path.relative_to(folder).parts
        # is_file() is false for a broken link. A name that is not UTF-8 cannot be written into text
        # files.
        if not any(map(is_leftover, names)) and path.is_file() and all(map(is_text, names)):
            yield path


def is_text(name: str) -> bool:
    """Return whether a file name is valid UTF-8."""
    return not re.search("[\ud800-\udfff]", name)
