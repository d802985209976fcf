"""Print the logs of deployed functions and of the API, one line per request."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tools.aws.monitor import CRASHES, REFUSED, LogEvent, LogTail, lambda_group
from tools.console import print_note, printable
from tools.errors import UserError
from tools.suggestions import correction

if TYPE_CHECKING:
    from tools.environment import Environment

INTERVAL = 2.0  # seconds between two reads: AWS allows few calls of FilterLogEvents per second
# The beginnings of Lambda's own lines about each call.
PLATFORM = ("START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "INIT_START ", "RESTORE_", "EXTENSION\t")
GATEWAY = "gateway"
AUTHORIZER = "authorizer"  # a name that no function of app/ can have


class Line(NamedTuple):
    """A line to print. Its time is in milliseconds since the epoch."""

    time: int
    text: str

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.time / 1000).astimezone()
        return f"{at:%H:%M:%S}.{self.time % 1000:03} {printable(self.text)}"


def run_logs(options: argparse.Namespace) -> int:
    """Print log lines, oldest first. With --follow, continue until Ctrl-C."""
    environment: Environment = options.environment
    outputs = environment.outputs()
    names = sources(outputs, environment.system, options.entity, options.function)
    logs = environment.client("logs")
    since = int((time.time() - options.since) * 1000)
    tails = {name: LogTail(logs, group, since) for group, name in names.items()}
    is_any = False
    while True:
        for line in look(tails, options.request or ""):
            print(line, flush=True)
            is_any = True
        if not options.follow:
            break
        time.sleep(INTERVAL)
        for tail in tails.values():
            tail.drop_old()
    if not is_any:
        print_note(f"Nothing was logged in the last {words(options.since)}. Go further back with SINCE=1d.")
    return 0


def sources(outputs: dict[str, Any], system: str, entity: str | None, function: str | None) -> dict[str, str]:
    """Return display names by log group: of an entity, of a function of app/, or of everything with the gateway.

    Raise UserError if there is no such entity or function.
    """
    own = {key: each["name"] for key, each in outputs.get("functions", {}).items()}
    if authorizer := outputs.get("authorizer_name"):
        own[AUTHORIZER] = authorizer
    entities: dict[str, dict[str, str]] = outputs["function_names"]
    for kind, name, known in (("entity", entity, entities), ("function", function, own)):
        if name and name not in known:
            remedy = correction(name, known, f"name one of {', '.join(sorted(known))}" if known else "it has none")
            raise UserError(f"{system} has no {kind} {name}: {remedy}", exit_code=2)
    found: dict[str, list[str]] = {}
    is_all = not (entity or function)
    for key, operations in entities.items():
        if is_all or key == entity:
            for operation, name in operations.items():
                found.setdefault(lambda_group(name), []).append(f"{key}.{operation}")
    named = {group: names[0] if len(names) == 1 else names[0].partition(".")[0] for group, names in found.items()}
    named |= {lambda_group(name): key for key, name in own.items() if is_all or key == function}
    if is_all:
        named[f"/aws/apigateway/{system}"] = GATEWAY
    return named


def look(tails: dict[str, LogTail], request: str) -> list[Line]:
    """Return the lines since the last call that contain the request's id, oldest first."""
    return sorted(line for name, tail in tails.items() for line in read(name, tail, request))


def read(name: str, tail: LogTail, request: str) -> Iterator[Line]:
    """Yield the new lines of one log group; none if the group does not exist any more."""
    # A pattern in quotation marks matches the lines that contain the text.
    only = {"filterPattern": json.dumps(request)} if request else {}
    try:
        for event in tail.read(**only):
            # The emulator ignores the filter.
            if request in event.message and (text := (of_gateway if name == GATEWAY else of_function)(name, event)):
                yield Line(event.time, text)
    except tail.logs.exceptions.ResourceNotFoundException:  # the function was deleted since then
        return


def of_function(name: str, event: LogEvent) -> str:
    """Return a readable form of a function's line, or "" for a line about no request."""
    message = event.message.strip()
    fields = fields_of(message)
    if fields is None:
        if message.startswith(PLATFORM) and not any(each in message for each in CRASHES):
            return ""
        if REFUSED in message:  # the authorizer has logged its own line
            return ""
        return f"{name}: {message}"
    identity = fields.get("requestId", "-")
    if "status" not in fields:  # the user's code printed or logged it
        return f"{fields.get('level', 'INFO')} {name}: {fields.get('message', message)} {identity}"
    called = (
        name if "." in name or name == AUTHORIZER else f"{name}.{fields.get('operation') or fields.get('call') or '?'}"
    )
    parts = [str(fields["status"]), called, f"{fields.get('durationMs', '?')} ms", str(identity)]
    parts += [f"owner={fields['owner']}"] if "owner" in fields else []
    parts += [str(fields[each]) for each in ("result", "problem", "reason") if each in fields]
    parts += ["cold"] if fields.get("coldStart") else []
    text = " ".join(parts)
    return f"{text}\n{fields['error']}" if "error" in fields else text


def of_gateway(_: str, event: LogEvent) -> str:
    """Return a line for a request that API Gateway answered itself, or "" if a function has logged it."""
    fields = fields_of(event.message)
    if fields is None or fields.get("lambdaRequestId", "-") not in ("-", ""):
        return ""
    why = fields.get("error", "-")
    return " ".join((
        str(fields.get("status", "?")), GATEWAY, str(fields.get("method", "?")), str(fields.get("path", "?")),
        str(fields.get("requestId", "-")), *([] if why in ("-", "") else [str(why)]),
    ))  # fmt: skip


def fields_of(message: str) -> dict[str, Any] | None:
    """Return the fields of a line of JSON, or None for another line."""
    try:
        found = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def words(seconds: int) -> str:
    """Return a period in words: 600 is "10 minutes"."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}s" if number != 1 else unit
    raise AssertionError(seconds)
