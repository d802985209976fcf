"""What own code prints and logs: lines of JSON with the request's id, beside the line of the request itself."""

from __future__ import annotations

import io
import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.context import Context

# As logging counts.
LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
_INFO = LEVELS["INFO"]
_encode = json.JSONEncoder(default=str, ensure_ascii=False, separators=(",", ":")).encode


class Output(io.TextIOBase):
    """Takes the place of standard output, and of logging's handler, while own code runs: a context manager.

    level: the lowest level that is written, as logging counts; what is printed is of the level INFO. It writes to
    standard error, which Lambda's runtime sends to CloudWatch. entity: of a hook. function: of app/, by its key in
    the tfvars.
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
        # Imported by own code or by Lambda's runtime: this package does without, at 20 ms of a cold start.
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
        """Return True: it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Write each line of a text that has its end; keep the rest for later."""
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
        # A lone surrogate, which UTF-8 does not have, is written as its escape.
        sys.stderr.write(f"{line.encode(errors='backslashreplace').decode()}\n")
        sys.stderr.flush()
