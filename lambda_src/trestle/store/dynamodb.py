"""DynamoDB's low-level API: each action is one signed HTTP request, retried as the AWS SDKs do.

The parameter `service` selects another service with a JSON protocol, such as SQS.

`trestle.store.boto3_client` makes the same calls through boto3's client. The tests compare this transport with it;
docs/decisions/ says why it is not the default. Source of the retries: "Retry behavior" in the AWS SDKs and Tools
Reference Guide, mode "standard".
"""

from __future__ import annotations

import binascii
import json
import os
import time

from trestle.errors import QuotableError
from trestle.store import credentials, endpoint, signing
from trestle.store.connection import CONNECT_SECONDS, Answer, BrokenAnswerError, Connection
from trestle.store.endpoint import DYNAMODB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.store.endpoint import Service

ATTEMPTS = 3
# The time limit of one attempt. DynamoDB answers in milliseconds, and three attempts fit into a function's 30 seconds.
ATTEMPT_SECONDS = 5.0
# The upper bound of the first pause, which doubles with each further one: botocore's figures for DynamoDB since
# 1.44.
PAUSE_SECONDS = 0.025
THROTTLED_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 20.0

THROTTLED = frozenset(
    (
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
    )
)
TRANSIENT = frozenset(
    ("InternalServerError", "ReplicatedWriteConflictException", "RequestTimeout", "RequestTimeoutException")
)
TRANSIENT_STATUSES = (429, 500, 502, 503, 504)
# The messages of these errors may quote the request.
QUOTING = ("SerializationException", "ValidationException")
CLOCK_CODES = ("RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch")
# AWS tolerates a difference of five minutes, so a smaller difference than this cannot be the reason for a refusal.
CLOCK_TOLERANCE_SECONDS = 240

_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode
_connections: dict[tuple[Service, str], Connection] = {}
_clock_offset = 0.0


class Reply:
    """A service's answer.

    `body` is its JSON; DynamoDB's has low-level attribute values, {"Item": {"id": {"S": "..."}}}. `retries` is 0 if
    the first attempt succeeded. After a retry, a write may have been carried out twice. `request_id` is the request's
    id in AWS.
    """

    __slots__ = ("body", "request_id", "retries")

    def __init__(self, body: dict[str, Any], retries: int, request_id: str = "") -> None:
        self.body = body
        self.retries = retries
        self.request_id = request_id


class ServiceError(QuotableError):
    """The service refused the request.

    code: the exception's short name, such as "ConditionalCheckFailedException". status: the HTTP status, 0 without an
    answer. body: the rest of the answer's JSON, such as the old item that the request asked for, under "Item".
    retries, request_id: see Reply. uncertain: whether an earlier attempt may have been carried out, because its answer
    was lost or DynamoDB failed; attempts that were throttled or never sent were not carried out.
    """

    def __init__(self, code: str, message: str, status: int, body: dict[str, Any], retries: int) -> None:
        super().__init__(code if code in QUOTING else f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.body = body
        self.retries = retries
        self.request_id = ""
        self.uncertain = False


class ServiceUnavailable(ServiceError):  # noqa: N818 - the name is a state callers answer 503 to
    """No attempt succeeded: the service throttled, failed or was unreachable, or the deadline passed."""


def call(
    action: str,
    payload: dict[str, Any],
    *,
    deadline: float | None = None,
    service: Service = DYNAMODB,
    region: str = "",
) -> Reply:
    """Send `payload` as a service's `action` ("PutItem", "Query", ...) and return its answer.

    deadline: the time.monotonic() value after which the caller does not need the answer. region: the function's by
    default. Raises ServiceError, and its subclass ServiceUnavailable when attempts or time run out.
    """
    now = time.monotonic()
    until = now + ATTEMPTS * (ATTEMPT_SECONDS + LONGEST_PAUSE_SECONDS) if deadline is None else deadline
    body = _encode(payload).encode()
    retries = 0
    uncertain = False
    while True:
        try:
            reply = _attempt(service, region, action, body, min(until, now + ATTEMPT_SECONDS))
            reply.retries = retries
            return reply
        except OSError as error:
            failure = ServiceUnavailable(type(error).__name__, f"{service.title} gave no answer.", 0, {}, retries)
            failure.__cause__ = error
        except credentials.CredentialsError as error:
            raise ServiceError("CredentialsError", str(error), 0, {}, retries) from error
        except ServiceError as error:
            error.retries = retries
            error.uncertain = uncertain
            if not isinstance(error, ServiceUnavailable):
                raise
            failure = error
        if _connection(service, region or endpoint.region()).sent and may_have_run(failure.code, failure.status):
            failure.uncertain = uncertain = True
        seconds = pause(failure.code, retries)
        now = time.monotonic() + seconds
        if retries + 1 == ATTEMPTS or now >= until:
            raise failure
        time.sleep(seconds)
        retries += 1


def connect() -> None:
    """Open the connection at cold start, while Lambda gives the function a full processor.

    Importing this module calls it. It does nothing outside Lambda, and nothing before a SnapStart snapshot, whose
    copies would start with a dead connection. It ignores failures, since the first request tries again and reports
    them.
    """
    if os.environ.get("DYNAMODB_CLIENT") == "boto3":
        return
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") in ("on-demand", "provisioned-concurrency"):
        try:
            _connection(DYNAMODB, endpoint.region()).open(time.monotonic() + CONNECT_SECONDS)
        except (OSError, ValueError):
            return


def _attempt(service: Service, region: str, action: str, body: bytes, deadline: float) -> Reply:
    """Send one signed request and return its answer.

    Raises ServiceUnavailable for a transient error, ServiceError for any other, OSError without a valid answer.
    """
    region = region or endpoint.region()
    connection = _connection(service, region)
    connection.sent = False
    headers = signing.signed_headers(
        service,
        action,
        body,
        endpoint=connection.endpoint,
        credentials=credentials.current(deadline),
        region=region,
        now=time.time() + _clock_offset,
    )
    headers["user-agent"] = "trestle"
    answer = connection.request("POST", headers, body, deadline)
    checksum = answer.headers.get("x-amz-crc32")
    if checksum is not None and checksum != str(binascii.crc32(answer.body)):
        raise BrokenAnswerError("The answer's checksum does not match.")
    try:
        # SQS sends empty answers to some actions.
        found = _decode(answer.body.decode()) if answer.body or service is DYNAMODB else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        if answer.status == 200:
            raise BrokenAnswerError("The answer is not a JSON object.")
        found = {}
    request_id = answer.headers.get("x-amzn-requestid", "")
    if answer.status == 200:
        return Reply(found, 0, request_id)
    code = str(found.pop("__type", answer.status)).rpartition("#")[2]
    message = str(found.pop("message", None) or found.pop("Message", ""))
    again = is_transient(code, answer.status) or (code in CLOCK_CODES and _set_clock(answer))
    failure = (ServiceUnavailable if again else ServiceError)(code, message, answer.status, found, 0)
    failure.request_id = request_id
    raise failure


def _connection(service: Service, region: str) -> Connection:
    """Return the only connection to a service in `region`, open or not."""
    if (service, region) not in _connections:
        _connections[service, region] = Connection(endpoint.Endpoint(endpoint.url(region, service)))
    return _connections[service, region]


def is_transient(code: str, status: int) -> bool:
    """Return whether an error is transient, so that a retry may succeed."""
    return status in TRANSIENT_STATUSES or code in THROTTLED or code in TRANSIENT


def may_have_run(code: str, status: int) -> bool:
    """Return whether a request that failed with this error (status 0: no answer) may have been carried out."""
    return not status or (status >= 500 and code not in THROTTLED)


def pause(code: str, retries: int) -> float:
    """Return the seconds until the next attempt: exponential backoff with full jitter."""
    from random import random  # imported here, since it takes 5 ms and only retries need it

    longest = THROTTLED_PAUSE_SECONDS if code in THROTTLED else PAUSE_SECONDS
    longest = min(longest * 2.0**retries, LONGEST_PAUSE_SECONDS)
    return random() * longest  # noqa: S311 - jitter is no secret


def _set_clock(answer: Answer) -> bool:
    """Adopt the server's time if our clock caused the refusal of a signature. Return whether it did."""
    global _clock_offset  # noqa: PLW0603 - one clock
    from email.utils import parsedate_to_datetime

    try:
        offset = parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return False
    if abs(offset - _clock_offset) < CLOCK_TOLERANCE_SECONDS:
        return False
    _clock_offset = offset
    return True


connect()
