"""Faults as log and trace tell them: by type and place, and in words where these can quote nobody's data.

An error's words may hold what it choked on, and that a part of a request or an item: int() quotes its
argument, a KeyError the name of a property. Imported for faults alone.
"""

from __future__ import annotations

from trestle.errors import QuotableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# X-Ray takes documents of up to 64 KB. The last frames and the first errors are where it went wrong.
MAX_ERRORS = 5
MAX_FRAMES = 50
MAX_CHARACTERS = 500


class Fault:
    """An error. frames: (path, line, function), the innermost last; words: "" where it has none to repeat."""

    __slots__ = ("frames", "type", "words")

    def __init__(self, error: BaseException) -> None:
        self.type = type(error).__name__
        self.words = str(error)[:MAX_CHARACTERS] if isinstance(error, QuotableError) else ""
        frames = []
        step = error.__traceback__
        while step:
            code = step.tb_frame.f_code
            frames.append((code.co_filename, step.tb_lineno, code.co_name))
            step = step.tb_next
        self.frames = frames[-MAX_FRAMES:]

    @property
    def trace(self) -> str:
        """The type and where the error was met, a line each."""
        return "\n  ".join((self.type, *(f"{path}:{line} {name}" for path, line, name in self.frames)))

    def __str__(self) -> str:
        return f"{self.type}: {self.words}" if self.words else self.type


def chain(error: BaseException) -> list[Fault]:
    """An error and what led to it, the last cause last."""
    return [Fault(each) for each, _ in zip(_errors(error), range(MAX_ERRORS), strict=False)]


def _errors(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
