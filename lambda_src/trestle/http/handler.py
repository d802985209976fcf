"""The Lambda handler of an endpoint: request, context, errors, log and trace."""

from __future__ import annotations

import os
import time

from trestle.context import Context
from trestle.entity import Entity
from trestle.http.log import Log, add_calls
from trestle.http.problems import kind_of, problem
from trestle.http.requests import Request
from trestle.http.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from trestle.http.callers import Access
    from trestle.http.responses import Response

    class Endpoint(Protocol):
        """Answers the requests of one operation on one entity."""

        operation: str

        def __call__(self, request: Request, context: Context) -> Response:
            """Return the answer to a request, or raise."""
            ...

    MakeEndpoint = Callable[[Entity], Endpoint]
    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

# Kept free at the end of the function's time, so that it answers 503 before Lambda stops it.
_MARGIN_SECONDS = 0.5
# API Gateway gives up after 29 s, regardless of the function's timeout. No write may start after that.
_GATEWAY_SECONDS = 28.5


def handler(make_endpoint: MakeEndpoint) -> Handler:
    """Return the Lambda handler of one endpoint."""
    entity = Entity.from_environment(os.environ)
    endpoint = make_endpoint(entity)
    return _handle(entity, lambda _: endpoint)


def routed(make_endpoints: Mapping[tuple[str, str], MakeEndpoint]) -> Handler:
    """Return the Lambda handler of several endpoints.

    make_endpoints: by method and path below the collection, "" or "{id}". The gateway has routes only for the entity's
    operations, so that others never arrive here.
    """
    entity = Entity.from_environment(os.environ)
    endpoints = {route: make_endpoint(entity) for route, make_endpoint in make_endpoints.items()}
    paths = {path for _, path in endpoints}

    def endpoint_of(event: dict[str, Any]) -> Endpoint:
        path = event["resource"].rpartition("/")[2]
        return endpoints[event["httpMethod"], path if path in paths else ""]

    return _handle(entity, endpoint_of)


def _handle(entity: Entity, endpoint_of: Callable[[dict[str, Any]], Endpoint]) -> Handler:
    settings = Settings(os.environ)
    access = None
    if entity.owner or settings.signed_in or settings.groups or settings.scopes:
        from trestle.http.callers import Access

        access = Access(
            settings.signed_in, settings.groups, settings.scopes, entity.owner, needs_owner=not entity.is_shared
        )

    def names(endpoint: Endpoint | None) -> dict[str, Any]:
        return {"entity": entity.name, "operation": endpoint.operation if endpoint else None}

    if entity.is_shared:
        from trestle.http.others import naming_owners, reaching

        return Handling(settings, reaching(entity, endpoint_of), naming_owners(names), access).handle
    return Handling(settings, endpoint_of, names, access).handle


class Handling:
    """Answers a Lambda function's requests, and keeps what it can prepare at cold start.

    endpoint_of: returns the endpoint of an event. names: returns the log's fields for an endpoint, or for None if the
    event has no endpoint. access: who may use which endpoint, None for everybody. dimensions: see trestle.http.log.Log.
    """

    def __init__(
        self,
        settings: Settings,
        endpoint_of: Callable[[dict[str, Any]], Endpoint],
        names: Callable[[Any], dict[str, Any]],
        access: Access | None,
        dimensions: tuple[str, ...] = ("entity", "operation"),
    ) -> None:
        self._settings = settings
        self._endpoint_of = endpoint_of
        self._names = names
        self._access = access
        self._log = Log(settings.log_level, settings.metrics_namespace, dimensions)
        self._is_cold = True

    def handle(self, event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        """Answer an event of API Gateway's REST proxy integration."""
        started, began = time.monotonic(), time.time()
        request_id = lambda_context.aws_request_id
        endpoint = request = context = error = None
        try:
            endpoint = self._endpoint_of(event)
            request_id = event["requestContext"]["requestId"]
            remaining = lambda_context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
            request = Request(event)
            context = Context(
                caller=request.caller, deadline=started + min(remaining, _GATEWAY_SECONDS),
                operation=endpoint.operation, request_id=request_id, gateway=request.gateway,
            )  # fmt: skip
            if self._access:
                context.owner = self._access.admit(request.gateway, endpoint.operation)
            response = endpoint(request, context)
        except Exception as raised:
            error = raised
            response = problem(raised, request_id)
        answer = response.proxy(request, self._settings.cors_origins)
        calls = context.calls if context else ()
        fields = {
            "requestId": request_id,
            "lambdaRequestId": lambda_context.aws_request_id,
            "functionVersion": self._settings.function_version,
            "environment": self._settings.environment,
            **self._names(endpoint),
            "status": answer["statusCode"],
            "durationMs": round((time.monotonic() - started) * 1000, 1),
            "coldStart": self._is_cold,
        }
        self._is_cold = False
        add_calls(fields, calls)
        if request:
            fields |= request.sender
        if error:
            fields["problem"] = kind_of(error)[0]
        if "Idempotency-Replayed" in answer["headers"]:
            fields["replayed"] = True
        if "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", ""):
            from trestle.http.traces import add_trace  # only a few requests are sampled

            add_trace(fields, calls, error, began)
        self._log.write(fields, error)
        return answer
