"""Direct invocations, by `make run`, `make redrive` and `local.py run`: one job, change or event.

The event is {"trestle": {"job" | "change" | "event": an object, or its JSON text}}. The result is {"result": "done" |
"again" | "retry"} or {"error": {"type", "place", "detail"?}}, and never contains data. A job that answers "retry" is
not retried.
"""

from __future__ import annotations

from trestle import app
from trestle.clock import now
from trestle.functions.messages import Envelope, argument_of, change_of, event_of, new_id
from trestle.functions.units import MalformedError, Time, Unit, Worker, fault_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from trestle.own.function import Function

_ARGUMENTS = {"changes": "change", "event": "event", "queue": "job", "schedule": "job", "job": "job"}


def handler(function: Function) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the handler of a function's direct invocations."""
    return _Direct(function).handle


class _Direct:
    def __init__(self, function: Function) -> None:
        self._worker = Worker(function)
        self._kind = function.kind

    def handle(self, event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        """Call the function, and return the result of the invocation."""
        left = Time(lambda_context)
        unit = Unit(lambda_context.aws_request_id, left.deadline, {"direct": True})
        try:
            result = self._call(unit, event["trestle"])
        except app.Retry:  # for jobs only; elsewhere it is a failure
            result = "retry"
        except Exception as error:
            self._worker.write(unit, lambda_context, "failed", error)
            return {"error": fault_of(error)}
        self._worker.write(unit, lambda_context, result)
        return {"result": result}

    def _call(self, unit: Unit, given: Any) -> str:
        name = _ARGUMENTS[self._kind]
        if not isinstance(given, dict) or given.keys() != {name}:
            raise MalformedError(f'{self._worker.name} takes {{"trestle": {{"{name}": ...}}}}.')
        found = argument_of(given[name], f"The {name}")
        if name == "job":
            from trestle.functions.jobs import Jobs

            envelope = Envelope(found, new_id(), now())
            unit.name("jobId", envelope.id)
            return Jobs(self._worker).work(unit, envelope, 1)
        if name == "event":
            event = event_of(found)
            unit.name("eventId", event.id)
            self._worker.call_once(unit, "an event", event)
            return "done"
        change = change_of(found, sorted(self._worker.config["changes"]))
        unit.name("changeId", change.id)
        unit.fields |= {"entity": change.entity, "kind": change.kind}
        self._worker.call_once(unit, "a change", change)
        return "done"
