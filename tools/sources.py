"""Tell sources from what editors, file managers and interrupted writes leave among them.

Standard library only, since build.py reads this as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

# Hidden files, Emacs' #copies# and backups, which Terraform ignores as well; then other programs' files.
LEFTOVER = re.compile(
    r"[.#].*|.*~|.*\.(bak|crdownload|orig|part|partial|rej|sw[a-p]|te?mp)|__pycache__|Thumbs\.db|desktop\.ini",
    re.IGNORECASE | re.DOTALL,
)


def is_leftover(name: str) -> bool:
    """Tell whether a file or folder of this name is no source."""
    return LEFTOVER.fullmatch(name) is not None


def sources(folder: Path, pattern: str = "**/*") -> list[Path]:
    """Return the files below a folder that match the pattern and are sources, in order of their paths."""
    return sorted(_sources(folder, pattern))


def _sources(folder: Path, pattern: str) -> Iterator[Path]:
    for path in folder.glob(pattern):
        names = path.relative_to(folder).parts
        # is_file() is false of a link to nowhere; a name that is not UTF-8 cannot be written into any text.
        if not any(map(is_leftover, names)) and path.is_file() and all(map(is_text, names)):
            yield path


def is_text(name: str) -> bool:
    """Tell whether a file name is valid UTF-8."""
    return not re.search("[\ud800-\udfff]", name)
