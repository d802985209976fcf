"""The Lambda handler of a function with routes: API Gateway's requests call own code."""

from __future__ import annotations

import json

from trestle import app, errors
from trestle.entity import read_schema
from trestle.errors import InvalidItem, InvalidRequest, QuotableError, UnsupportedMediaType
from trestle.functions.answers import Answers
from trestle.functions.query import Query
from trestle.http.handler import Handling
from trestle.http.requests import NOT_JSON, text_of
from trestle.http.settings import Settings
from trestle.own.code import bad_result, failure, load
from trestle.own.values import exact, is_plain
from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from trestle.context import Context
    from trestle.functions.answers import Answer
    from trestle.http.handler import Handler
    from trestle.http.requests import Request
    from trestle.operations.validation import Validator
    from trestle.own.code import CodeError
    from trestle.own.function import Function

    Call = Callable[..., Any]


_WITHOUT_BODY = ("GET ", "DELETE ")


class RouteError(QuotableError):
    """The gateway knows a route that this version of the function lacks."""


def handler(function: Function, environment: Mapping[str, str]) -> Handler:
    """Return the Lambda handler of a function with routes."""
    return _handle(function.config, function.call, environment)


def broken(environment: Mapping[str, str], error: CodeError) -> Handler:
    """Return the handler of a function whose module could not be imported. It answers 500 and logs the error."""
    traceback = error.__traceback__

    def call(*_: Any) -> Any:
        raise error.with_traceback(traceback)

    return _handle(json.loads(environment["FUNCTION"]), call, environment)


def _handle(config: Mapping[str, Any], call: Call, environment: Mapping[str, str]) -> Handler:
    name: str = config["name"]
    settings = Settings(environment)
    routes = {route: Route(route, each, config, call, environment) for route, each in config["routes"].items()}
    signed_in = [route for route, each in config["routes"].items() if each.get("access") in ("cognito", "jwt")]
    groups = {route: each["group"] for route, each in config["routes"].items() if each.get("group")}
    scopes = {route: each["scope"] for route, each in config["routes"].items() if each.get("scope")}
    access = None
    if signed_in or groups or scopes:
        from trestle.http.callers import Access

        access = Access(signed_in, groups, scopes, "")

    def route_of(event: dict[str, Any]) -> Route:
        route = f"{event['httpMethod']} {event['resource']}"
        if route not in routes:
            raise RouteError(f"{name} has no route {route}. The gateway's routes belong to another release.")
        return routes[route]

    def names(route: Route | None) -> dict[str, Any]:
        return {
            "function": name,
            "call": route.call_name if route else None,
            "route": route.operation if route else None,
        }

    return Handling(settings, route_of, names, access, ("function",)).handle


class Route:
    """Answers the requests of one route. operation: the route. call_name: the name of own code's function."""

    __slots__ = ("_accepts", "_answers", "_call", "_code", "_name", "_query", "_validator", "call_name", "operation")

    def __init__(
        self,
        route: str,
        options: Mapping[str, Any],
        config: Mapping[str, Any],
        call: Call,
        environment: Mapping[str, str],
    ) -> None:
        self.operation = route
        self.call_name: str = options["call"]
        self._name: str = config["name"]
        self._code: str = config["code"]
        self._call = call
        self._accepts: list[str] = options.get("accepts") or []
        self._query = Query(read_schema(options["query"], environment) if options.get("query") else None)
        self._validator: Validator | None = None
        if options.get("body"):
            from trestle.operations.validation import Validator

            self._validator = Validator(read_schema(options["body"], environment))
        answers: dict[str, str] = options.get("answers") or {}
        schemas = None
        if answers and environment.get("CHECK_ANSWERS") == "1":
            schemas = {status: read_schema(schema, environment) for status, schema in answers.items()}
        self._answers = Answers(schemas)

    def __call__(self, request: Request, context: Context) -> Answer:
        """Return the response of own code. Raise a Refusal, or CodeError for any other failure."""
        path = request.path_parameters
        query = self._query.read(request.repeated_query)
        key = request.idempotency_key
        body, raw = self._body(request)
        sent = app.Request(
            self.operation, path=path, query=query if is_plain(query) else exact(query), headers=request.headers,
            body=body if is_plain(body) else exact(body), raw=raw, idempotency_key=key or None,
        )  # fmt: skip
        try:
            returned = self._call(self.call_name, context, sent)
        except app.NotFound as error:
            raise errors.NotFound(error.detail) from error
        except (app.Taken, app.Changed) as error:
            raise errors.Conflict(error.detail) from error
        except app.Unavailable as error:
            raise errors.Unavailable(error.detail) from error
        except (app.Invalid, app.Retry) as error:
            raise failure(f"The function {self._name}", error) from error
        try:
            return self._answers.answer(returned)
        except QuotableError as error:
            function = getattr(load(self._code), self.call_name)
            raise bad_result(f"The function {self._name}", function, "returned") from error

    def _body(self, request: Request) -> tuple[Any, bytes]:
        """Return the body's value (None unless it is JSON) and its bytes. Raise a Refusal.

        Bodies of GET and DELETE requests are ignored, as in operations.
        """
        if self.operation.startswith(_WITHOUT_BODY):
            return None, b""
        raw = request.raw
        if not raw.strip():
            if self._validator:
                raise InvalidRequest("The body is empty. Send a JSON value.")
            return None, raw
        self._check_media_type(request)
        if not request.is_json:
            return None, raw
        value = loads(text_of(raw))
        if self._validator:
            try:
                value = self._validator.complete(value)
            except InvalidItem as refusal:
                raise InvalidItem("The body does not fit its schema.", refusal.faults) from None
        return value, raw

    def _check_media_type(self, request: Request) -> None:
        """Raise UnsupportedMediaType unless the route accepts the body's type."""
        if request.is_json and (not self._accepts or "application/json" in self._accepts):
            return
        if not self._accepts:
            raise UnsupportedMediaType(NOT_JSON)
        media_type = request.media_type
        if media_type not in self._accepts and not {"*/*", f"{media_type.partition('/')[0]}/*"} & {*self._accepts}:
            raise UnsupportedMediaType(f"The body must be of one of these types: {', '.join(self._accepts)}.")
