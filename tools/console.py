"""Show steps and progress on stderr, and tables."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Sequence

ERASE = "\r\033[K"  # the line that progress is shown on

# A count, such as "[3/12] module.table" or "[15 of 60 s] 0 faults".
COUNT = re.compile(r"\[([\d,]+)(?:(?:/| of )([\d,]+))?[^\]]*\]")


class Console:
    """Show steps on stderr. Progress is a step that begins with a count, such as "[3/12] module.table".

    On a terminal, progress rewrites one line. Elsewhere it is a line every few seconds, and the
    last count, [12/12], is always shown.
    """

    QUIET = 5.0  # seconds between two lines of progress if a line cannot be rewritten

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.last = self.began

    def __call__(self, text: str) -> None:
        """Show one step."""
        now = time.monotonic()
        count = COUNT.match(text)
        is_last = bool(count and count[1] == count[2])
        if count and not is_last and not sys.stderr.isatty() and now - self.last < self.QUIET:
            return
        self.last = now
        line = f"{now - self.began:4.0f} s  {text}"
        if not sys.stderr.isatty():
            print(line, file=sys.stderr, flush=True)
        elif count:
            width = shutil.get_terminal_size().columns - 1
            print(f"{ERASE}{line[:width]}", end="", file=sys.stderr, flush=True)
        else:
            print(f"{ERASE}{line}", file=sys.stderr, flush=True)


def print_note(text: str) -> None:
    """Print a note on stderr, in place of a line of progress. A command's result goes to stdout."""
    print(f"{ERASE if sys.stderr.isatty() else ''}{text}", file=sys.stderr, flush=True)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to a reader who may stop reading early, as in `make live | head -1`."""
    try:
        print(*lines, sep="\n", flush=True)
    except BrokenPipeError:
        drop_output()


def printable(text: str) -> str:
    """Return untrusted text in a form that is safe on a terminal: control characters escaped, further lines indented.

    A request can thus neither hide nor forge a line of a log.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").split("\n")
    shown = (
        "".join(sign if sign.isprintable() or sign == "\t" else sign.encode("unicode_escape").decode() for sign in line)
        for line in lines
    )
    return "\n    ".join(shown)


def drop_output() -> None:
    """Discard the pending output of stdout, which Python would fail to write at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def table_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line of a table. A column is as wide as `widths` says; a negative width aligns it right."""
    aligned = (
        f"{cell:>{-width}}" if width < 0 else f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)
    )
    return "".join(aligned).rstrip()
