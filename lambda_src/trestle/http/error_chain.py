"""Errors in logs and traces: type, place, and the message if it cannot contain personal data.

A message may quote the value that caused the error, and thereby a part of a request or an item: int() quotes its
argument, a KeyError the name of a property. This module is imported only when an error is logged.
"""

from __future__ import annotations

from trestle.errors import QuotableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# X-Ray accepts documents of up to 64 KB. The last frames and the first errors are the most useful ones.
MAX_ERRORS = 5
MAX_FRAMES = 50
MAX_CHARACTERS = 500


class LoggedError:
    """An error. frames: (path, line, function), innermost last. message: "" if it may contain personal data."""

    __slots__ = ("frames", "message", "type")

    def __init__(self, error: BaseException) -> None:
        self.type = type(error).__name__
        self.message = str(error)[:MAX_CHARACTERS] if isinstance(error, QuotableError) else ""
        frames = []
        step = error.__traceback__
        while step:
            code = step.tb_frame.f_code
            frames.append((code.co_filename, step.tb_lineno, code.co_name))
            step = step.tb_next
        self.frames = frames[-MAX_FRAMES:]

    @property
    def trace(self) -> str:
        """The type and the frames, one per line."""
        return "\n  ".join((self.type, *(f"{path}:{line} {name}" for path, line, name in self.frames)))

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


def error_chain(error: BaseException) -> list[LoggedError]:
    """Return an error followed by its causes, the root cause last."""
    return [LoggedError(each) for each, _ in zip(_errors(error), range(MAX_ERRORS), strict=False)]


def _errors(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
