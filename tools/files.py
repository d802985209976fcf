"""Check text files of users, and write small files atomically, even on a full disk or if the process is killed."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

BYTE_ORDER_MARKS = {
    b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16",
}  # fmt: skip


def encoding_fault(data: bytes) -> str | None:
    """Return why a file's data is not UTF-8, with the remedy, to follow its name; None if it is UTF-8."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            return f"is in {encoding}: save it as UTF-8"
    if b"\0" in data[:4]:
        return "is in UTF-16 or UTF-32, or not a text at all: save it as UTF-8"
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        return f"has a NUL byte in line {line}: remove it, or save the text again as UTF-8"
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line, byte = data.count(b"\n", 0, error.start) + 1, data[error.start]
        return f"is not UTF-8 (byte 0x{byte:02x} in line {line}): save it as UTF-8"
    return None


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that only its owner can read. It replaces the old one once it is completely on the disk."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        # Path.open takes no mode, and others must not be able to read a key even for a moment.
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
    """Return the value in a JSON file, or None if the file is missing or is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
