"""Calls to AWS services other than DynamoDB over the same signed transport."""

from __future__ import annotations

import time

from trestle.context import Call
from trestle.errors import QuotableError, Unavailable
from trestle.store import table
from trestle.store.dynamodb import THROTTLED, ServiceError, ServiceUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.context import Context
    from trestle.store.dynamodb import Reply
    from trestle.store.endpoint import Service

# SQS's error when KMS, whose key encrypts the queues, throttles it.
_THROTTLED = "KmsThrottled"


class RefusedError(QuotableError):
    """A service refused a call. The message names the service and the error's code.

    code: the error's short name, such as "ResourceNotFoundException".
    """

    def __init__(self, service: Service, action: str, code: str) -> None:
        super().__init__(f"{service.title} refused {action} with {code}.")
        self.code = code


def request(
    service: Service, context: Context, action: str, payload: dict[str, Any], *, region: str = ""
) -> dict[str, Any]:
    """Call a service before the context's deadline, add the call to the context, and return its answer.

    region: the function's by default. Raise Unavailable after as many attempts as for DynamoDB, and RefusedError.
    """
    began = time.time()
    try:
        reply = table.send(action, payload, deadline=context.deadline, service=service, region=region)
    except ServiceError as error:
        failed = _call(service, action, payload, began, error)
        failed.status, failed.code = error.status, error.code
        failed.throttled = error.code in THROTTLED or error.code == _THROTTLED
        context.calls.append(failed)
        if isinstance(error, ServiceUnavailable) or error.code == _THROTTLED:
            raise Unavailable(f"{service.title} cannot answer now. Try again in a moment.") from error
        raise RefusedError(service, action, error.code) from error
    context.calls.append(_call(service, action, payload, began, reply))
    return reply.body


def _call(service: Service, action: str, payload: dict[str, Any], began: float, result: Reply | ServiceError) -> Call:
    call = Call(action, (), began=began, ended=time.time(), retries=result.retries, request_id=result.request_id)
    call.service = service.title
    call.queue = payload.get("QueueUrl", "")
    return call
