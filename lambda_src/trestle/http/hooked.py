"""The Lambda handlers of generated operations with hooks, which wrap those of trestle.http.handler."""

from __future__ import annotations

import os

from trestle.http import handler as plain
from trestle.http.settings import Settings
from trestle.own.code import CodeError
from trestle.own.operations import operations_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.http.handler import Endpoint, Handler, MakeEndpoint
    from trestle.http.requests import Request
    from trestle.http.responses import Response
    from trestle.own.operations import HookedOperations

    class MakeHookedEndpoint(Protocol):
        """An endpoint's class."""

        operation: str

        def __call__(self, entity: Entity, hooks: HookedOperations | None = None) -> Endpoint:
            """Return the endpoint of an entity with its hooks."""
            ...


def handler(make_endpoint: MakeHookedEndpoint) -> Handler:
    """Return the Lambda handler of one endpoint of an entity with hooks."""
    return plain.handler(_with_hooks(make_endpoint))


def routed(make_endpoints: Mapping[tuple[str, str], MakeHookedEndpoint]) -> Handler:
    """Return the Lambda handler of several endpoints of an entity with hooks, like trestle.http.handler.routed."""
    return plain.routed({route: _with_hooks(make_endpoint) for route, make_endpoint in make_endpoints.items()})


def _with_hooks(make_endpoint: MakeHookedEndpoint) -> MakeEndpoint:
    def make(entity: Entity) -> Endpoint:
        try:
            hooks = operations_of(entity, os.environ, Settings(os.environ).log_level)
        except CodeError as error:
            return _Broken(make_endpoint.operation, error)
        return make_endpoint(entity, hooks)

    return make


class _Broken:
    """An endpoint whose hooks failed to load: it answers each request with an error and a log line."""

    def __init__(self, operation: str, error: CodeError) -> None:
        self.operation = operation
        self._error = error
        self._traceback = error.__traceback__

    def __call__(self, request: Request, context: Context, *_: Any, **__: Any) -> Response:  # noqa: ARG002 - an endpoint's
        raise self._error.with_traceback(self._traceback)
