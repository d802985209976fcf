"""The reference transport: the same calls through boto3's clients. DYNAMODB_CLIENT=boto3 selects it."""

from __future__ import annotations

import queue
import threading
import time
from functools import lru_cache
from typing import Any

import boto3.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

from trestle.store import dynamodb
from trestle.store.connection import CONNECT_SECONDS
from trestle.store.endpoint import DYNAMODB, Service

_given: list[Any] = []


def use(client: Any) -> None:
    """Send all DynamoDB calls through this client, for tools that use their user's credentials."""
    client.meta.events.register("needs-retry.dynamodb", _note_uncertainty)
    _given[:] = [client]


@lru_cache
def shared_client(service: str = DYNAMODB.name, region: str = "") -> Any:
    """Return the process's only client of a service, with the signed transport's attempts and time-outs."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": dynamodb.ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=dynamodb.ATTEMPT_SECONDS,
        parameter_validation=False,
    )
    session: Any = boto3.session.Session()
    client = session.client(service, config=config, region_name=region or None)
    client.meta.events.register(f"needs-retry.{service}", _note_uncertainty)
    return client


def _note_uncertainty(
    response: Any, caught_exception: Exception | None, request_dict: dict[str, Any], **_: Any
) -> None:
    """Record in each attempt's answer whether an earlier attempt may have been carried out."""
    context = request_dict["context"]
    uncertain = context.get("uncertain", False)
    if response is None:
        done = not isinstance(caught_exception, EndpointConnectionError | ConnectTimeoutError)
    else:
        found = response[1]
        found["ResponseMetadata"]["Uncertain"] = uncertain
        status = found["ResponseMetadata"]["HTTPStatusCode"]
        done = dynamodb.may_have_run(found.get("Error", {}).get("Code", ""), status)
    context["uncertain"] = uncertain or done


def call(
    action: str,
    payload: dict[str, Any],
    *,
    deadline: float | None = None,
    service: Service = DYNAMODB,
    region: str = "",
) -> dynamodb.Reply:
    """Call DynamoDB, or another service, as `trestle.store.dynamodb.call` does.

    botocore has no deadlines, so the call runs in a thread, which is abandoned when the time is up. An abandoned write
    may still be carried out, like one whose answer was lost.
    """
    try:
        if service is DYNAMODB:
            client = _given[0] if _given else shared_client()
        else:
            client = shared_client(service.name, region)
    except BotoCoreError as error:
        raise _service_error(error) from error
    if deadline is None:
        return _call(client, action, payload)
    answers: queue.SimpleQueue[dynamodb.Reply | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put(_call(client, action, payload))
        except Exception as error:
            answers.put(error)

    try:
        left = deadline - time.monotonic()
        if left <= 0:
            raise queue.Empty
        threading.Thread(target=work, daemon=True).start()
        answer = answers.get(timeout=left)
    except queue.Empty:
        raise dynamodb.ServiceUnavailable("TimeoutError", "DynamoDB gave no answer.", 0, {}, 0) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _call(client: Any, action: str, payload: dict[str, Any]) -> dynamodb.Reply:
    try:
        body = client._make_api_call(action, payload)
    except ClientError as error:
        found = dict(error.response)
        found.pop("message", None)
        found.pop("Message", None)  # the spelling in errors of transactions
        metadata: Any = found.pop("ResponseMetadata", {})
        details: Any = found.pop("Error", {})
        code, status = details.get("Code", ""), metadata.get("HTTPStatusCode", 0)
        kind = dynamodb.ServiceUnavailable if dynamodb.is_transient(code, status) else dynamodb.ServiceError
        raised = kind(code, details.get("Message", ""), status, found, metadata.get("RetryAttempts", 0))
        raised.request_id = metadata.get("RequestId", "")
        raised.uncertain = metadata.get("Uncertain", False)
        raise raised from error
    except BotoCoreError as error:
        raise _service_error(error) from error
    metadata = body.pop("ResponseMetadata")
    return dynamodb.Reply(body, metadata["RetryAttempts"], metadata.get("RequestId", ""))


def _service_error(error: BotoCoreError) -> dynamodb.ServiceError:
    """Return the error to raise when DynamoDB gave no answer."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return dynamodb.ServiceError("CredentialsError", str(error), 0, {}, 0)
    retries = dynamodb.ATTEMPTS - 1
    return dynamodb.ServiceUnavailable(type(error).__name__, "DynamoDB gave no answer.", 0, {}, retries)
