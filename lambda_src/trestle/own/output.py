"""Output of own code: JSON lines with the request's id for what it prints and logs."""

from __future__ import annotations

import io
import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.context import Context

# Numbered as in logging.
LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
_INFO = LEVELS["INFO"]
_encode = json.JSONEncoder(default=str, ensure_ascii=False, separators=(",", ":")).encode


class Output(io.TextIOBase):
    """A context manager that replaces standard output and logging's handler while own code runs.

    It writes to standard error, which Lambda's runtime sends to CloudWatch. level: the lowest level to write, numbered
    as in logging; printed lines have the level INFO. entity: the hook's entity. function: the function's key in the
    tfvars.
    """

    __slots__ = ("_context", "_entity", "_function", "_level", "_logging", "_rest", "_stdout")

    def __init__(self, level: int, context: Context, *, entity: str = "", function: str = "") -> None:
        self._level = level
        self._context = context
        self._entity = entity
        self._function = function
        self._rest = ""

    def __enter__(self) -> Output:
        self._stdout = sys.stdout
        self._logging = None
        sys.stdout = self
        # Own code or Lambda's runtime may have imported it. This package does not, since it adds 20 ms to a cold start.
        if "logging" in sys.modules:
            from trestle.own.logs import redirect

            self._logging = redirect(self.line, self._level)
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout = self._stdout
        if self._logging:
            from trestle.own.logs import restore

            restore(self._logging)
        if self._rest:
            self.write("\n")

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write the complete lines of a text, and keep the rest for later."""
        *lines, self._rest = f"{self._rest}{text}".split("\n")
        if self._level <= _INFO:
            for line in lines:
                self.line("INFO", message=line)
        return len(text)

    def line(self, level: str, **members: Any) -> None:
        """Write one line of JSON."""
        context = self._context
        fields = {"requestId": context.request_id}
        if self._function:
            fields |= {"function": self._function, "call": context.operation}
        else:
            fields |= {"entity": self._entity, "operation": context.operation}
        known = {name: value for name, value in fields.items() if value}
        line = _encode({"level": level, **known, **members})
        # A lone surrogate, which UTF-8 cannot encode, is written as an escape.
        sys.stderr.write(f"{line.encode(errors='backslashreplace').decode()}\n")
        sys.stderr.flush()
