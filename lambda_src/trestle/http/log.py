"""The function's log: one JSON line per request, change or job, without its content.

The line is also a metric document in CloudWatch's embedded metric format, from which CloudWatch extracts metrics
without further requests. Source: "Specification: Embedded metric format" in the CloudWatch user guide.
"""

from __future__ import annotations

import json
import sys
import time

from trestle.http.settings import LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Call

# AWS bills logs by the byte, so the lines have no blanks between members.
_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode
_COUNTED = {
    "invalid-request": "ValidationFailures",
    "invalid-item": "ValidationFailures",
    "conflict": "Conflicts",
    "precondition-failed": "Conflicts",
}
_HAPPENED = {"throttled": "Throttles", "replayed": "Replays", "refused": "Refusals", "coldStart": "ColdStarts"}


class Log:
    """Writes a line for each request to stderr, which Lambda's runtime sends to CloudWatch.

    level: the lowest level to write. namespace: CloudWatch's namespace for the metrics, "" for no metrics.
    dimensions: the fields that are the metrics' dimensions; a line without a value for the last one has no metrics.
    The logging module is not used, since it would add 20 ms to each cold start.
    """

    __slots__ = ("_constants", "_dimensions", "_level", "_namespace")

    def __init__(self, level: int, namespace: str, dimensions: tuple[str, ...] = ("entity", "operation")) -> None:
        self._level = level
        self._namespace = namespace
        self._dimensions = dimensions
        self._constants: dict[tuple[str, ...], str] = {}

    def write(self, fields: dict[str, Any], error: Exception | None = None) -> None:
        """Write a request's line, or only its metrics if the level excludes the line."""
        level = "ERROR" if fields["status"] >= 500 else "INFO"
        line: dict[str, Any] = {}
        if LEVELS[level] >= self._level:
            line = {"level": level, **fields}
            if error and level == "ERROR":
                from trestle.http.error_chain import error_chain

                errors = error_chain(error)
                line["error"], *causes = map(str, errors)
                if causes:
                    line["causes"] = causes
                line["trace"] = "\n".join(each.trace for each in errors)
        # Without an operation the event belongs to no route.
        if self._namespace and fields[self._dimensions[-1]]:
            document = line or {name: fields[name] for name in self._dimensions}
            sys.stderr.write(f"{_encode(document)[:-1]},{self._metrics(fields)}}}\n")
        elif line:
            sys.stderr.write(f"{_encode(line)}\n")
        sys.stderr.flush()

    def _metrics(self, fields: dict[str, Any]) -> str:
        """Return the JSON members that turn a line, which already has the dimensions, into a metric document.

        Each event that occurred counts 1. Others are omitted, since CloudWatch bills every metric that it receives.
        """
        counted = ["Requests"]
        if fields["status"] >= 500:
            counted.append("Faults")
        if fields.get("problem") in _COUNTED:
            counted.append(_COUNTED[fields["problem"]])
        counted += [name for member, name in _HAPPENED.items() if fields.get(member)]
        return f'"Latency":{fields["durationMs"]},{self._constant(*counted)}{time.time_ns() // 1_000_000}}}'

    def _constant(self, *counted: str) -> str:
        """Return the members that documents with these counts share, up to the time. Encoding them takes 15 us."""
        if counted not in self._constants:
            metrics = [{"Name": name, "Unit": "Count"} for name in counted]
            directive = {
                "Namespace": self._namespace,
                "Dimensions": [self._dimensions],
                "Metrics": [*metrics, {"Name": "Latency", "Unit": "Milliseconds"}],
            }
            members = _encode({**dict.fromkeys(counted, 1), "_aws": {"CloudWatchMetrics": [directive]}})
            self._constants[counted] = f'{members[1:-2]},"Timestamp":'
        return self._constants[counted]


def add_calls(fields: dict[str, Any], calls: Sequence[Call]) -> None:
    """Add the number and capacity of the DynamoDB calls to the log's fields. Retries count as requests."""
    fields["databaseRequests"] = 0
    for call in calls:
        if call.service != "DynamoDB":
            continue
        fields["databaseRequests"] += 1 + call.retries
        if call.units is not None:
            fields["consumedCapacity"] = fields.get("consumedCapacity", 0) + call.units
        if call.throttled:
            fields["throttled"] = True
