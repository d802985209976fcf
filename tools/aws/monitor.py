"""What takes a release back: alarms, faults of the new versions, and answers of 4xx beyond the usual.

The functions' logs are read for it, since no metric tells versions apart: the lines that our handler writes,
and what Lambda says of requests that gave none. They stand in streams that are named after the version.
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
    from tools.aws.release import Place

# The alarms of an environment are called NAME-ENVIRONMENT, or NAME-ENVIRONMENT/something.
ALARMS = ["CompositeAlarm", "MetricAlarm"]

# What Lambda says of a request that gave no answer.
CRASHES = ("[ERROR]", "Task timed out", "Runtime.ExitError", "Traceback (most recent call last)")
INVOKED = "START RequestId: "  # begins each request's lines, however few a function writes itself

# The answers of 4xx by a version, which says itself who it is. The emulator takes this as "everything".
REFUSALS = '{{ $.functionVersion = "{}" && $.status >= 400 && $.status < 500 }}'
FEWEST, TIMES, MORE = 10, 3, 0.1  # Trying.refusals

LATE = 60_000  # milliseconds that each look at a log goes back, for lines that arrive late
SKEW = 300  # seconds that a clock may be off: AWS refuses who is further off


@dataclass(frozen=True)
class Line:
    """A line of a function's log; the time is in milliseconds of the epoch, by AWS's clock."""

    time: int
    stream: str
    message: str


@dataclass
class Tail:
    """What comes into the log of a function: each look reads on from where the last one ended."""

    logs: Any
    function: str
    since: int
    seen: set[Line] = field(default_factory=set)

    def read(self, **only: str) -> Iterator[Line]:
        """Yield the lines that no look before has seen."""
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self.function}", startTime=self.since, **only
        )
        for page in pages:
            for event in page["events"]:
                line = Line(event["timestamp"], event["logStreamName"], event["message"])
                if line not in self.seen:
                    self.seen.add(line)
                    yield line

    def forget(self) -> None:
        """Forget what no later look will read again."""
        self.since = max([self.since, *(line.time - LATE for line in self.seen)])
        self.seen = {line for line in self.seen if line.time >= self.since}


@dataclass
class Trying:
    """A version that is tried: what it has answered, and what the live one has refused meanwhile."""

    logs: Any
    function: str
    version: str
    live: str
    percent: int
    compared: bool  # whether the log knows enough of both
    began: float = field(init=False)  # in seconds of the epoch, by this machine's clock
    was_reached: bool = False
    answers: int = 0
    faults: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    refused_by_live: int = 0
    tail: Tail = field(init=False)
    live_tail: Tail | None = None

    def __post_init__(self) -> None:
        self.began = time.time()
        self.tail = Tail(self.logs, self.function, int((self.began - SKEW) * 1000))
        # What is there before anybody meets the version is of an earlier trial, whatever clock is right.
        for _ in self.own():
            pass

    def own(self) -> Iterator[Line]:
        """Yield the version's own new lines: a stream is named after the day it began and the version."""
        first_and_now = (self.began - SKEW, time.time() + SKEW)
        for day in sorted({f"{datetime.fromtimestamp(at, UTC):%Y/%m/%d}" for at in first_and_now}):
            yield from self.tail.read(logStreamNamePrefix=f"{day}/[{self.version}]")
        self.tail.forget()

    def look(self) -> None:
        """Count what has come since the last look."""
        for line in self.own():
            fields = parsed(line.message)
            status = answer_of(fields)
            self.was_reached |= line.message.startswith(INVOKED) or status > 0
            self.answers += status > 0
            if said := fault(line.message):
                self.faults.append(f"{self.function} {self.version}: {said}")
            elif fields and 400 <= status < 500:
                self.refused[f"{status} {fields.get('problem', '')}".rstrip()] += 1
            # The live version is compared from the first request on that this one has met.
            if self.was_reached and not self.live_tail:
                self.live_tail = Tail(self.logs, self.function, line.time)
        # Most versions never get there; until then the live one's log, which is the larger, is left alone.
        if self.live_tail and self.refused.total() >= FEWEST:
            for line in self.live_tail.read(filterPattern=REFUSALS.format(self.live)):
                fields = parsed(line.message) or {}
                ours = fields.get("functionVersion") == self.live
                self.refused_by_live += ours and 400 <= answer_of(fields) < 500
            self.live_tail.forget()

    def refusals(self) -> str | None:
        """Return what to say if callers are told 4xx clearly more often than by the live version, or None.

        That is three times as often and ten points of a hundred more, and not before there are ten. How many
        requests the live version has met follows from the percentage: counting them would take reading them.
        """
        if not self.compared:
            return None
        count, expected = self.refused.total(), self.refused_by_live * self.percent / (100 - self.percent)
        if count < max(FEWEST, TIMES * expected + MORE * self.answers):
            return None
        kinds = ", ".join(f"{number} x {kind}" for kind, number in self.refused.most_common(3))
        return (
            f"{self.function} {self.version}: {count} of its {self.answers} answers ({kinds}), where the "
            f"live version gave {expected:.0f} to as many requests"
        )


class Watch:
    """Looks at alarms and logs while versions are tried."""

    def __init__(self, place: Place, moved: Functions, live: Versions, canary: Canary, faults: int) -> None:
        """Look at what is there before anybody meets the versions; as many faults are too many."""
        self.place, self.faults = place, faults
        self.alarms, logs = place.client("cloudwatch"), place.client("logs")
        self.before = frozenset(self.going_off())
        self.trying = []
        for name, version in canary.versions.items():
            both = (moved.configuration(name, each) for each in (version, live[name]))
            compared = canary.percent < 100 and all(map(logs_answers, both))
            self.trying.append(Trying(logs, name, version, live[name], canary.percent, compared))

    def going_off(self) -> Iterator[str]:
        """Yield the environment's alarms that are going off."""
        pages = self.alarms.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=self.place.system, AlarmTypes=ALARMS
        )
        for page in pages:
            for alarm in page.get("CompositeAlarms", []) + page.get("MetricAlarms", []):
                name: str = alarm["AlarmName"]
                ours = name == self.place.system or name.startswith(f"{self.place.system}/")
                if ours and alarm["StateValue"] == "ALARM":
                    yield name

    def found(self) -> list[str]:
        """Return the faults of the versions."""
        return [fault for each in self.trying for fault in each.faults]

    def look(self) -> str | None:
        """Return why the versions must be taken back, or None."""
        if alarms := sorted(set(self.going_off()) - self.before):
            return f"the alarm {' and '.join(alarms)} went off."
        for each in self.trying:
            each.look()
        found = self.found()
        if len(found) >= self.faults:
            return "\n  ".join([f"faults of the new versions ({len(found)}):", *found[:5]])
        if refusals := [said for each in self.trying if (said := each.refusals())]:
            return "\n  ".join(["answers of 4xx. If they are meant to be, release it with percent = 100:", *refusals])
        return None

    def unreached(self) -> list[str]:
        """Return the functions whose new versions have met no request."""
        return [each.function for each in self.trying if not each.was_reached]

    def uncompared(self) -> list[str]:
        """Return the functions whose answers of 4xx cannot be compared."""
        return [each.function for each in self.trying if not each.compared]


def logs_answers(configuration: dict[str, Any]) -> bool:
    """Whether a version's log has a line for each answer: above INFO it tells of faults alone."""
    variables = configuration.get("Environment", {}).get("Variables", {})
    return variables.get("LOG_LEVEL", "INFO") in ("DEBUG", "INFO")


def parsed(message: str) -> dict[str, Any] | None:
    """Return what a line of ours holds, or None for one of Lambda's."""
    try:
        line = json.loads(message)
    except ValueError:
        return None
    return line if isinstance(line, dict) else {}


def answer_of(fields: dict[str, Any] | None) -> int:
    """Return the status that a line tells of, or 0."""
    status = (fields or {}).get("status")
    return status if isinstance(status, int) else 0


def fault(message: str) -> str | None:
    """Return what to say of a line in a function's log that tells of a fault, or None."""
    line = parsed(message)
    if line is None:
        return message.strip().splitlines()[0] if any(sign in message for sign in CRASHES) else None
    if (status := answer_of(line)) < 500:
        return None
    return f"{status}, {line.get('error', 'no error named')} (requestId {line.get('requestId')})"
