"""Errors as log and trace show them: by type and place, and with their message if it can quote nobody's data.

An error's message may hold the value that caused it, and so a part of a request or an item: int() quotes its
argument, a KeyError the name of a property. Imported only when an error is logged.
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


class LoggedError:
    """An error. frames: (path, line, function), the innermost last; message: "" if it must not be repeated."""

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
        """The type and the frames, a line each."""
        return "\n  ".join((self.type, *(f"{path}:{line} {name}" for path, line, name in self.frames)))

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


def error_chain(error: BaseException) -> list[LoggedError]:
    """Return an error and its causes, the first cause last."""
    return [LoggedError(each) for each, _ in zip(_errors(error), range(MAX_ERRORS), strict=False)]


def _errors(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
