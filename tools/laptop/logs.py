"""What the functions logged, read from the emulator's CloudWatch Logs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError

from tools.laptop.emulator import Running, client

INTERVAL = 0.5  # seconds between two looks
OVERLAP = 10_000  # milliseconds that each look goes back, for lines that arrive late


class LogLine(NamedTuple):
    """One line of one function's log; the time is in milliseconds of the epoch."""

    time: int
    function: str
    stream: str
    message: str

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.time / 1000).astimezone()
        return f"{at:%H:%M:%S} {self.function:<16} {self.message.rstrip()}"


def follow(outputs: dict[str, Any], running: Running, since: int = 0, *, forever: bool) -> None:
    """Print the functions' log lines since a time in milliseconds of the epoch, oldest first.

    Forever is until the emulator stops or Ctrl-C.
    """
    functions = {
        f"/aws/lambda/{name}": f"{entity}.{operation}"
        for entity, operations in outputs["function_names"].items()
        for operation, name in operations.items()
    }
    logs = client("logs", running)
    shown: Counter[LogLine] = Counter()
    while True:
        try:
            found = Counter(lines(logs, functions, since))
        except BotoCoreError:
            return  # the emulator was stopped from elsewhere
        for line in sorted((found - shown).elements()):
            print(line, flush=True)
        if not forever:
            return
        since = max([since, *(line.time - OVERLAP for line in found)])
        since = min(since, int(time.time() * 1000) - OVERLAP)  # where the clock was set back
        shown = Counter({line: count for line, count in found.items() if line.time >= since})
        time.sleep(INTERVAL)


def lines(logs: Any, functions: dict[str, str], since: int) -> Iterator[LogLine]:
    """Yield the lines since a time, in milliseconds of the epoch, of the log groups of the functions."""
    pages = logs.get_paginator("filter_log_events")
    for group, function in functions.items():
        for page in pages.paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                yield LogLine(event["timestamp"], function, event.get("logStreamName", ""), event["message"])
