"""Python's logging in own code. Imported only if something else has imported logging."""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    WriteLine = Callable[..., None]
    Before = tuple[list[logging.Handler], int, WriteLine]

_format = logging.Formatter()
_root = logging.getLogger()


class _Lines(logging.Handler):
    """Writes log records as lines of JSON."""

    write_line: WriteLine = print  # replaced before it is used

    def emit(self, record: logging.LogRecord) -> None:
        """Write a log record as a line."""
        try:
            members = {"logger": record.name, "message": record.getMessage()}
            if record.exc_info:
                members["trace"] = _format.formatException(record.exc_info)
        except Exception:  # such as arguments that do not match the message
            self.handleError(record)
        else:
            self.write_line(record.levelname, **members)


_lines = _Lines()


def redirect(write_line: WriteLine, level: int) -> Before:
    """Send log records of a level or above to `write_line`, in place of Lambda's own handler.

    Return the argument for `restore`.
    """
    before = _root.handlers, _root.level, _lines.write_line
    _lines.write_line = write_line
    _lines.level = level
    _root.handlers = [_lines, *(each for each in _root.handlers if not _is_replaced(each))]
    if _root.level != level:
        _root.setLevel(level)
    return before


def restore(before: Before) -> None:
    """Restore the previous state of logging."""
    _root.handlers, level, _lines.write_line = before
    if _root.level != level:
        _root.setLevel(level)


def _is_replaced(handler: logging.Handler) -> bool:
    """Return whether a handler is Lambda's, or ours of an outer hook."""
    return handler is _lines or type(handler).__module__.startswith("awslambdaric")
