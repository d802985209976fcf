"""Write small files completely or not at all, even on a full disk or when the process is killed."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file for its owner alone. It replaces the old one once all of it is on the disk."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        # Path.open takes no mode, and readable by others for a moment is too long for a key.
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:  # noqa: PTH123
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, as `write` does."""
    write(path, f"{json.dumps(value, indent=2)}\n".encode())


def read_json(path: Path) -> Any:
    """Return what a file of JSON holds, or None if there is no such file or it holds none."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
