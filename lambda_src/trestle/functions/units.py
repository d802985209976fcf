"""A function's units of work: changes, jobs and events, each with a context and a log line."""

from __future__ import annotations

import os
import time

from trestle import app, errors
from trestle.context import Context
from trestle.http.log import Log, add_calls
from trestle.http.settings import Settings
from trestle.own.code import CodeError, failure, place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.own.function import Function

# Kept free at the end of the function's time, so that it answers before Lambda stops it.
_MARGIN_SECONDS = 0.5


class UnitError(errors.QuotableError):
    """A function's argument or result is not valid. The message contains only names and places."""


class MalformedError(UnitError):
    """A message, or the argument of a direct invocation, does not have the required form."""


class Time:
    """The remaining time of an invocation."""

    __slots__ = ("_longest", "_started", "deadline")

    def __init__(self, lambda_context: Any) -> None:
        self._started = time.monotonic()
        self._longest = 1.0
        self.deadline: float = self._started + lambda_context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS

    def spent(self) -> float:
        """Return the seconds since the invocation began."""
        return time.monotonic() - self._started

    def is_up(self) -> bool:
        """Return whether another unit might not end in time, if it takes as long as the longest one, or a second."""
        return time.monotonic() + self._longest > self.deadline

    def note(self, seconds: float) -> None:
        """Record the duration of a unit."""
        self._longest = max(self._longest, seconds)


class Unit:
    """A change, job or event in progress.

    fields: the log fields besides those that all lines have. since: the start in seconds since 1970.
    """

    __slots__ = ("_began", "context", "fields", "since")

    def __init__(self, unit_id: str, deadline: float, fields: dict[str, Any]) -> None:
        self._began, self.since = time.monotonic(), time.time()
        self.context = Context(request_id=unit_id, deadline=deadline)
        self.fields = fields

    def name(self, kind: str, unit_id: str) -> None:
        """Set the unit's id, which has this name in the log."""
        self.context.request_id = self.fields[kind] = unit_id

    def seconds(self) -> float:
        """Return the duration so far, in seconds."""
        return time.monotonic() - self._began


class Worker:
    """Calls a function with its units, and writes the log. A process makes one at cold start."""

    def __init__(self, function: Function) -> None:
        settings = self._settings = Settings(os.environ)
        self.name = function.name
        self.config = function.config
        self._function = function
        self._handle: str = function.config.get("handle") or "handle"
        self._log = Log(settings.log_level, settings.metrics_namespace, ("function",))
        self._is_cold = True

    def call(self, unit: Unit, argument: app.Change | app.Job | app.Event) -> Any:
        """Call the function's handler.

        Raises CodeError, errors.Unavailable, and own code's app.Retry and other outcomes. Raises UnitError if own code
        returned an exception.
        """
        try:
            result = self._function.call(self._handle, unit.context, argument)
        except (CodeError, errors.Unavailable, app.Retry):
            raise
        except app.Unavailable as error:
            raise errors.Unavailable(error.detail) from error
        except Exception as error:  # Refuse, NotFound and the like have no caller here
            raise failure(f"The function {self.name}", error) from error
        if isinstance(result, BaseException):  # otherwise it would count as success
            raise UnitError(f"{self.name} returned {type(result).__name__}. Raise it instead.")
        if result is app.Again or result is app.Retry:
            instead = "return Again(body)" if result is app.Again else "raise Retry()"
            raise UnitError(f"{self.name} returned the class {result.__name__}: {instead} instead.")
        return result

    def call_once(self, unit: Unit, what: str, argument: app.Change | app.Event) -> None:
        """Call the function's handler with a unit other than a job. what: the unit's kind.

        Raises like `call`, and UnitError for Again. Retry is an ordinary failure.
        """
        try:
            result = self.call(unit, argument)
        except app.Retry as error:
            raise failure(f"The function {self.name}", error) from error
        if isinstance(result, app.Again):
            raise UnitError(f"{self.name} returned Again for {what}. Only jobs can continue. Call send() instead.")

    def write(self, unit: Unit, lambda_context: Any, result: str, error: Exception | None = None) -> None:
        """Write the unit's log line. error: the reason of the failure, None after success."""
        status = 200 if error is None else 503 if isinstance(error, errors.Unavailable) else 500
        fields: dict[str, Any] = {
            "requestId": unit.context.request_id,
            "lambdaRequestId": lambda_context.aws_request_id,
            "functionVersion": self._settings.function_version,
            "environment": self._settings.environment,
            "function": self.name,
            "call": self._handle,
            **unit.fields,
            "result": result,
            "status": status,
            "durationMs": round(unit.seconds() * 1000, 1),
            "coldStart": self._is_cold,
        }
        self._is_cold = False
        add_calls(fields, unit.context.calls)
        if "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", ""):
            from trestle.http.traces import add_trace  # only a few units are sampled

            add_trace(fields, unit.context.calls, error, unit.since)
        self._log.write(fields, error)


def fault_of(error: BaseException) -> dict[str, str]:
    """Return an error's type and line in app/, and the message of a UnitError, which contains no data."""
    if isinstance(error, UnitError):
        return {"type": type(error).__name__, "place": "", "detail": str(error)}
    cause = error.__cause__ if isinstance(error, CodeError | errors.Unavailable) and error.__cause__ else error
    return {"type": type(cause).__name__, "place": place_of(cause)}
