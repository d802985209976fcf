"""The function's log: one JSON line per request, never what the request or the item holds."""

from __future__ import annotations

import json
import sys

from trestle.config import CONFIG, LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def log(level: str, fields: dict[str, Any], error: BaseException | None = None) -> None:
    """Write a line to stderr when LOG_LEVEL lets the level through.

    The runtime sends stderr to CloudWatch. The logging module would cost 20 ms of each cold start.
    """
    if LEVELS[level] < CONFIG.log_level:
        return
    line = {"level": level, **fields}
    if error:
        from traceback import format_exception  # only failures pay its 15 ms

        line["error"] = f"{type(error).__name__}: {error}"
        line["trace"] = "".join(format_exception(error))
    sys.stderr.write(f"{json.dumps(line, default=str)}\n")
    sys.stderr.flush()
