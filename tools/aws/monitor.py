"""Watch a canary: alarms, faults of the new versions, and unusually many 4xx responses.

Metrics do not distinguish versions, so the functions' logs are read: our handler's lines, and
Lambda's own lines about crashes. The names of log streams contain the version.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tools.aws.versions import Canary, Functions, Versions

if TYPE_CHECKING:
    from tools.environment import Environment

# The alarms of an environment are named NAME-ENVIRONMENT or NAME-ENVIRONMENT/something.
ALARMS = ["CompositeAlarm", "MetricAlarm"]

# What Lambda logs about a request without a response.
CRASHES = ("[ERROR]", "Task timed out", "Runtime.ExitError", "Traceback (most recent call last)")
# An authorizer rejects a token with this exception: it is the only one for which API Gateway
# returns 401.
REFUSED = "Exception: Unauthorized"
INVOKED = "START RequestId: "  # Lambda writes this line for each request

# The 4xx responses of a version. The emulator ignores the filter and returns every line.
CLIENT_ERRORS_FILTER = '{{ $.functionVersion = "{}" && $.status >= 400 && $.status < 500 }}'
MIN_CLIENT_ERRORS, MAX_RATIO, MAX_EXTRA_SHARE = 10, 3, 0.1  # see Candidate.excess_client_errors

OVERLAP = 60_000  # milliseconds that each read of a log goes back, for lines that arrive late
SKEW = 300  # seconds that a clock may be off: AWS rejects requests beyond that


@dataclass(frozen=True)
class LogEvent:
    """A line of a function's log. The time is AWS's, in milliseconds since the epoch."""

    time: int
    stream: str
    message: str


def lambda_group(function: str) -> str:
    """Return the name of a function's log group."""
    return f"/aws/lambda/{function}"


@dataclass
class LogTail:
    """The new lines of a log group: each read continues where the last one ended."""

    logs: Any
    group: str
    since: int
    seen: set[LogEvent] = field(default_factory=set)

    def read(self, **only: str) -> Iterator[LogEvent]:
        """Yield the lines that no earlier read has returned."""
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.group, startTime=self.since, **only
        )
        for page in pages:
            for event in page["events"]:
                line = LogEvent(event["timestamp"], event["logStreamName"], event["message"])
                if line not in self.seen:
                    self.seen.add(line)
                    yield line

    def drop_old(self) -> None:
        """Forget the lines that no later read can return again."""
        self.since = max([self.since, *(line.time - OVERLAP for line in self.seen)])
        self.seen = {line for line in self.seen if line.time >= self.since}


@dataclass
class Candidate:
    """A version in the canary: its responses, and the live version's 4xx since this version's first request."""

    logs: Any
    function: str
    version: str
    live: str
    percent: int
    is_comparable: bool  # whether both versions log every response
    began: float = field(init=False)  # in seconds since the epoch, by this machine's clock
    was_invoked: bool = False
    answers: int = 0
    faults: list[str] = field(default_factory=list)
    client_errors: Counter[str] = field(default_factory=Counter)
    live_client_errors: int = 0
    tail: LogTail = field(init=False)
    live_tail: LogTail | None = None

    def __post_init__(self) -> None:
        self.began = time.time()
        self.tail = LogTail(self.logs, lambda_group(self.function), int((self.began - SKEW) * 1000))
        # Skip the lines that are already there: they belong to an earlier canary. Their times do not
        # show this if the clocks differ.
        for _ in self.new_events():
            pass

    def new_events(self) -> Iterator[LogEvent]:
        """Yield the version's new lines. A stream's name has the day it began and the version."""
        first_and_now = (self.began - SKEW, time.time() + SKEW)
        for day in sorted({f"{datetime.fromtimestamp(at, UTC):%Y/%m/%d}" for at in first_and_now}):
            yield from self.tail.read(logStreamNamePrefix=f"{day}/[{self.version}]")
        self.tail.drop_old()

    def check(self) -> None:
        """Count the faults and responses since the last check."""
        for line in self.new_events():
            fields = parse_log_line(line.message)
            status = status_of(fields)
            self.was_invoked |= line.message.startswith(INVOKED) or status > 0
            self.answers += status > 0
            if said := describe_fault(line.message):
                self.faults.append(f"{self.function} {self.version}: {said}")
            elif fields and 400 <= status < 500:
                self.client_errors[f"{status} {fields.get('problem', '')}".rstrip()] += 1
            # The comparison starts with this version's first request.
            if self.was_invoked and not self.live_tail:
                self.live_tail = LogTail(self.logs, lambda_group(self.function), line.time)
        # The live version's log is large, and most canaries never need it.
        if self.live_tail and self.client_errors.total() >= MIN_CLIENT_ERRORS:
            for line in self.live_tail.read(filterPattern=CLIENT_ERRORS_FILTER.format(self.live)):
                fields = parse_log_line(line.message) or {}
                is_own = fields.get("functionVersion") == self.live
                self.live_client_errors += is_own and 400 <= status_of(fields) < 500
            self.live_tail.drop_old()

    def excess_client_errors(self) -> str | None:
        """Return a message if the version returns 4xx clearly more often than the live version, or None.

        That means at least ten 4xx, three times the live version's rate, and ten percentage points
        more. The number of the live version's requests is derived from the percentage, since
        counting them would mean reading its whole log.
        """
        if not self.is_comparable:
            return None
        count, expected = self.client_errors.total(), self.live_client_errors * self.percent / (100 - self.percent)
        if count < max(MIN_CLIENT_ERRORS, MAX_RATIO * expected + MAX_EXTRA_SHARE * self.answers):
            return None
        kinds = ", ".join(f"{number} x {kind}" for kind, number in self.client_errors.most_common(3))
        return (
            f"{self.function} {self.version}: {count} of {self.answers} responses ({kinds}); "
            f"the live version returned {expected:.0f} for as many requests"
        )


class Monitor:
    """Checks alarms and logs during a canary."""

    def __init__(
        self, environment: Environment, functions: Functions, live: Versions, canary: Canary, faults: int
    ) -> None:
        """Note the alarms and log lines from before the canary. Roll back at this many `faults`."""
        self.environment, self.faults, self.workers = environment, faults, functions.workers
        self.alarms, logs = environment.client("cloudwatch"), environment.client("logs")
        self.before = frozenset(self.active_alarms())
        self.candidates = []
        for name, version in canary.versions.items():
            both = (functions.configuration(name, each) for each in (version, live[name]))
            # Workers receive no requests, so they return no 4xx.
            is_comparable = (
                canary.percent < 100 and name not in functions.workers and all(map(logs_every_response, both))
            )
            self.candidates.append(Candidate(logs, name, version, live[name], canary.percent, is_comparable))

    def active_alarms(self) -> Iterator[str]:
        """Yield the environment's alarms in the state ALARM."""
        pages = self.alarms.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=self.environment.system, AlarmTypes=ALARMS
        )
        for page in pages:
            for alarm in page.get("CompositeAlarms", []) + page.get("MetricAlarms", []):
                name: str = alarm["AlarmName"]
                is_own = name == self.environment.system or name.startswith(f"{self.environment.system}/")
                if is_own and alarm["StateValue"] == "ALARM":
                    yield name

    def all_faults(self) -> list[str]:
        """Return the faults of all versions in the canary."""
        return [fault for each in self.candidates for fault in each.faults]

    def check(self) -> str | None:
        """Return why the versions must be rolled back, or None."""
        if alarms := sorted(set(self.active_alarms()) - self.before):
            return f"the alarm {' and '.join(alarms)} went off."
        for each in self.candidates:
            each.check()
        found = self.all_faults()
        if len(found) >= self.faults:
            return "\n  ".join([f"faults of the new versions ({len(found)}):", *found[:5]])
        if excess_client_errors := [said for each in self.candidates if (said := each.excess_client_errors())]:
            return "\n  ".join(
                ["more 4xx responses. If you expect them, release with percent = 100:", *excess_client_errors]
            )
        return None

    def untested_functions(self) -> list[str]:
        """Return the functions whose new versions received no requests."""
        return [each.function for each in self.candidates if not each.was_invoked]

    def incomparable_functions(self) -> list[str]:
        """Return the functions whose 4xx responses cannot be compared."""
        return [
            each.function for each in self.candidates if not each.is_comparable and each.function not in self.workers
        ]


def logs_every_response(configuration: dict[str, Any]) -> bool:
    """Return whether a version logs every response: above INFO it logs only faults."""
    variables = configuration.get("Environment", {}).get("Variables", {})
    return variables.get("LOG_LEVEL", "INFO") in ("DEBUG", "INFO")


def parse_log_line(message: str) -> dict[str, Any] | None:
    """Return the fields of our handler's line, or None for a line that Lambda wrote."""
    try:
        line = json.loads(message)
    except ValueError:
        return None
    return line if isinstance(line, dict) else {}


def status_of(fields: dict[str, Any] | None) -> int:
    """Return the status in a line's fields, or 0."""
    status = (fields or {}).get("status")
    return status if isinstance(status, int) else 0


def describe_fault(message: str) -> str | None:
    """Return a description of the fault that a log line reports, or None."""
    line = parse_log_line(message)
    if line is None:
        is_crash = any(sign in message for sign in CRASHES) and REFUSED not in message
        return message.strip().splitlines()[0] if is_crash else None
    if (status := status_of(line)) < 500:
        return None
    return f"{status}, {line.get('error', 'no error named')} (requestId {line.get('requestId')})"
