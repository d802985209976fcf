"""The Lambda handler round an endpoint: the request, its deadline, errors, the log, the trace."""

from __future__ import annotations

import os
import time

from trestle.calls import CALLS
from trestle.config import CONFIG
from trestle.http.log import log
from trestle.http.problems import kind_of, problem
from trestle.http.requests import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from trestle.http.responses import Response

    Endpoint = Callable[[Request], Response]
    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
    Operation = tuple[str, Endpoint]

_GUARDED = CONFIG.owner_scoped or bool(CONFIG.signed_in or CONFIG.groups)
if _GUARDED:
    from trestle.http.callers import admit

# Of the function's time, kept back from calls on the database to answer 503 rather than be killed.
_MARGIN_SECONDS = 0.5
# API Gateway gives up after 29 s, however long the function may take: nothing may be written after that.
_GATEWAY_SECONDS = 28.5


def handler(operation: str, endpoint: Endpoint) -> Handler:
    """The Lambda handler of an endpoint; `operation` is its name in the log and in the entity's options."""
    return _handler(lambda _: (operation, endpoint))


def routed(operations: Mapping[tuple[str, bool], Operation]) -> Handler:
    """The Lambda handler of several endpoints, by method and by whether the path names an item.

    The gateway has routes for the operations that the entity has: others do not come here.
    """
    return _handler(lambda event: operations[event["httpMethod"], bool(event.get("pathParameters"))])


def _handler(operation_of: Callable[[dict[str, Any]], Operation]) -> Handler:
    cold = True

    def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        nonlocal cold
        started, began = time.monotonic(), time.time()
        request_id = context.aws_request_id
        operation = None
        request = None
        error: Exception | None = None
        try:
            operation, endpoint = operation_of(event)
            request_id = event["requestContext"]["requestId"]
            remaining = context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
            deadline = started + min(remaining, _GATEWAY_SECONDS)
            request = Request(event, deadline)
            if _GUARDED:
                admit(request.context, operation)
            answer = endpoint(request).proxy(request)
        except Exception as raised:
            error = raised
            answer = problem(raised, request_id).proxy(request)
        fields = {
            "requestId": request_id,
            "lambdaRequestId": context.aws_request_id,
            "functionVersion": CONFIG.function_version,
            "environment": CONFIG.environment,
            "entity": CONFIG.entity,
            "operation": operation,
            "status": answer["statusCode"],
            "durationMs": round((time.monotonic() - started) * 1000, 1),
            "coldStart": cold,
        }
        cold = False
        _add_calls(fields)
        if request:
            fields |= request.sender
        if error:
            fields["problem"] = kind_of(error)[0]
        if "Idempotency-Replayed" in answer["headers"]:
            fields["replayed"] = True
        trace = os.environ.get("_X_AMZN_TRACE_ID", "")
        if "Sampled=1" in trace:
            ended = time.time()
            from trestle.http.traces import send  # few of a busy function's requests are sampled

            if trace_id := send(trace, fields, error, began, ended):
                fields["xrayTraceId"] = trace_id
        log(fields, error)
        CALLS.clear()
        return answer

    return lambda_handler


def _add_calls(fields: dict[str, Any]) -> None:
    """Add what the request has asked of DynamoDB to what is logged; retries are requests too."""
    fields["databaseRequests"] = 0
    for call in CALLS:
        fields["databaseRequests"] += 1 + call.retries
        if call.units is not None:
            fields["consumedCapacity"] = fields.get("consumedCapacity", 0) + call.units
        if call.throttled:
            fields["throttled"] = True
