"""Read the functions' logs from the emulator's CloudWatch Logs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError

from tools.console import printable
from tools.laptop.emulator import Running, client

INTERVAL = 0.5  # seconds between two reads
OVERLAP = 10_000  # milliseconds that each read goes back, for lines that arrive late


class LogLine(NamedTuple):
    """One line of a function's log. The time is in milliseconds since the epoch."""

    time: int
    function: str
    stream: str
    message: str

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.time / 1000).astimezone()
        return f"{at:%H:%M:%S} {self.function:<16} {printable(self.message.rstrip())}"


class Follower:
    """Prints log lines of functions as they arrive. `functions` may change between reads."""

    def __init__(self, outputs: dict[str, Any], running: Running, since: int) -> None:
        self.functions = functions_of(outputs)
        self.running = running
        self._logs = client("logs", running)
        self._since = since
        self._shown: Counter[LogLine] = Counter()

    def look(self) -> bool:
        """Print the new lines, oldest first. Return whether the emulator still responds."""
        try:
            found = Counter(lines(self._logs, self.functions, self._since))
        except BotoCoreError:
            return False  # another command has stopped the emulator
        for line in sorted((found - self._shown).elements()):
            print(line, flush=True)
        since = max([self._since, *(line.time - OVERLAP for line in found)])
        self._since = min(since, int(time.time() * 1000) - OVERLAP)  # if the clock was set back
        self._shown = Counter({line: count for line, count in found.items() if line.time >= self._since})
        return True


def functions_of(outputs: dict[str, Any]) -> dict[str, str]:
    """Return each function's name, which is ENTITY.OPERATION or its key in the tfvars, by its log group."""
    own = {f"/aws/lambda/{function['name']}": key for key, function in outputs.get("functions", {}).items()}
    if name := outputs.get("authorizer_name"):
        own[f"/aws/lambda/{name}"] = "authorizer"
    return own | {
        f"/aws/lambda/{name}": f"{entity}.{operation}"
        for entity, operations in outputs["function_names"].items()
        for operation, name in operations.items()
    }


def follow(outputs: dict[str, Any], running: Running, since: int = 0, *, forever: bool) -> None:
    """Print the functions' log lines since a time in milliseconds since the epoch, oldest first.

    With `forever`, go on until Ctrl-C or until the emulator stops.
    """
    follower = Follower(outputs, running, since)
    while follower.look() and forever:
        time.sleep(INTERVAL)


def lines(logs: Any, functions: dict[str, str], since: int) -> Iterator[LogLine]:
    """Yield the lines of the functions' log groups since a time in milliseconds since the epoch."""
    pages = logs.get_paginator("filter_log_events")
    for group, function in functions.items():
        try:
            for page in pages.paginate(logGroupName=group, startTime=since):
                for event in page["events"]:
                    yield LogLine(event["timestamp"], function, event.get("logStreamName", ""), event["message"])
        except logs.exceptions.ResourceNotFoundException:
            continue  # an apply has just deleted the function
