"""Python's logging in own code. Imported only where something else has imported logging."""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    WriteLine = Callable[..., None]

_format = logging.Formatter()


class Redirection(logging.Handler):
    """Sends what is logged to the lines of own code, in place of Lambda's own handler, until its end."""

    def __init__(self, write_line: WriteLine, level: int) -> None:
        super().__init__(level)
        self._write_line = write_line
        root = logging.getLogger()
        self._before = root.handlers, root.level
        root.handlers = [each for each in root.handlers if not type(each).__module__.startswith("awslambdaric")]
        root.addHandler(self)
        if root.level != level:
            root.setLevel(level)

    def end(self) -> None:
        """Leave logging as it was."""
        root = logging.getLogger()
        root.handlers, level = self._before
        if root.level != level:
            root.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line."""
        try:
            members = {"logger": record.name, "message": record.getMessage()}
            if record.exc_info:
                members["trace"] = _format.formatException(record.exc_info)
        except Exception:  # such as arguments that do not fit the message
            self.handleError(record)
        else:
            self._write_line(record.levelname, **members)
