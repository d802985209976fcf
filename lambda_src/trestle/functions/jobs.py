"""Functions with a queue: each job or event is an SQS message.

The queue counts the attempts. A failed message stays in the queue, hidden for the duration of the backoff. After its
last attempt the queue moves it to the dead-letter queue. Sources: "Using Lambda with Amazon SQS" in the Lambda
developer guide, "Amazon SQS visibility timeout" in the SQS developer guide.
"""

from __future__ import annotations

from trestle import app
from trestle.clock import timestamp
from trestle.functions.messages import Envelope, decode, event_of
from trestle.functions.units import MalformedError, Time, Unit, UnitError, Worker
from trestle.own.messages import job_message
from trestle.store.queues import change_visibility, send_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from trestle.own.function import Function


def handler(function: Function) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the Lambda handler of a function with a queue."""
    return _Jobs(function).handle


class Jobs:
    """Calls a function with jobs, and continues jobs for which it returns Again."""

    __slots__ = ("_queue", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._queue: str = worker.config["queue"]["url"]

    def work(self, unit: Unit, envelope: Envelope, attempt: int) -> str:
        """Call the function with a job. Return "done" or "again". Raises like Worker.call, and UnitError."""
        job = app.Job(envelope.body, id=envelope.id, attempt=attempt, first_at=envelope.at)
        result = self._worker.call(unit, job)
        if not isinstance(result, app.Again):
            return "done"
        try:
            message = job_message(result.body, turn=envelope.turn + 1)
        except (TypeError, ValueError) as error:  # whose messages contain names and types of the body, but no values
            raise UnitError(f"{self._worker.name} returned Again with an invalid body: {error}") from error
        send_message(unit.context, self._queue, message)
        return "again"


class _Jobs:
    def __init__(self, function: Function) -> None:
        self._worker = Worker(function)
        self._jobs = Jobs(self._worker)
        self._is_event = function.kind == "event"
        queue = function.config["queue"]
        self._url: str = queue["url"]
        self._attempts: int = queue["attempts"]
        self._first, self._longest = queue["backoff"]

    def handle(self, event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        """Handle a batch of messages, and return the ids of those that stay in the queue."""
        left = Time(lambda_context)
        failed = []
        for index, record in enumerate(event["Records"]):
            if (index and left.is_up()) or not self._handle(record, lambda_context, left):
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}

    def _handle(self, record: dict[str, Any], lambda_context: Any, left: Time) -> bool:
        """Handle a message. Return False if it stays in the queue."""
        message_id: str = record["messageId"]
        attempt = int(record["attributes"]["ApproximateReceiveCount"])
        kind = "eventId" if self._is_event else "jobId"
        unit = Unit(message_id, left.deadline, {kind: message_id, "attempt": attempt})
        try:
            found = decode(record["body"], "The message")
            if self._is_event:
                event = event_of(found)
                unit.name(kind, event.id)
                self._worker.call_once(unit, "an event", event)
                result = "done"
            else:
                sent_at = timestamp(int(record["attributes"]["SentTimestamp"]) * 1000)
                envelope = Envelope(found, message_id, sent_at)
                unit.name(kind, envelope.id)
                unit.fields["turn"] = envelope.turn
                result = self._jobs.work(unit, envelope, attempt)
        except Exception as error:
            left.note(unit.seconds())
            result, failure = self._fail(record, unit, error, left)
            self._worker.write(unit, lambda_context, result, failure)
            return False
        left.note(unit.seconds())
        self._worker.write(unit, lambda_context, result)
        return True

    def _fail(self, record: dict[str, Any], unit: Unit, error: Exception, left: Time) -> tuple[str, Exception | None]:
        """Hide a message until its next attempt. Return the result for the log, and the error, if any."""
        attempt: int = unit.fields["attempt"]
        is_last = attempt >= self._attempts
        is_retry = isinstance(error, app.Retry)
        # After the last attempt the queue moves the message when it becomes visible, and a malformed message needs no
        # backoff.
        seconds = 0
        if not is_last and not isinstance(error, MalformedError):
            after = error.after if isinstance(error, app.Retry) else None
            seconds = min(self._backoff(attempt) if after is None else after, app.MAX_RETRY_SECONDS - int(left.spent()))
            unit.fields["retryAfter"] = seconds
        result = "dead-letter" if is_last else "retry" if is_retry else "failed"
        failure: Exception | None = None if is_retry and not is_last else error
        try:
            change_visibility(unit.context, self._url, record["receiptHandle"], seconds)
        except Exception as lost:  # then the message becomes visible after the queue's visibility timeout
            unit.fields.pop("retryAfter", None)
            failure = failure or lost
        return result, failure

    def _backoff(self, attempt: int) -> int:
        """Return the seconds to wait after an attempt: exponential backoff up to the maximum."""
        return int(min(self._first * 2 ** min(attempt - 1, 32), self._longest))
