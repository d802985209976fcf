"""The Lambda handler of a function of app/, by its kind. Only the kind's own modules are imported."""

from __future__ import annotations

import json

from trestle.own.code import CodeError
from trestle.own.function import Function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Handler = Callable[[dict[str, Any], Any], Any]


def make_handler(environment: Mapping[str, str]) -> Handler:
    """Return the Lambda handler of the function that the environment variables describe.

    If its module cannot be imported, routes answer 500 and direct invocations get the error. Other invocations fail,
    and Lambda retries them.
    """
    kind = json.loads(environment["FUNCTION"])["kind"]
    if kind == "routes":
        from trestle.functions import routes

        try:
            function = Function.from_environment(environment)
        except CodeError as error:
            return routes.broken(environment, error)
        return routes.handler(function, environment)
    try:
        function = Function.from_environment(environment)
    except CodeError as error:
        return _broken(error)
    if kind == "changes":
        from trestle.functions import changes

        return _or_direct(function, changes.handler(function))
    from trestle.functions import jobs

    return _or_direct(function, jobs.handler(function))


def _or_direct(function: Function, handle: Handler) -> Handler:
    """Return a handler of a function's own events and of direct invocations."""
    made: list[Handler] = []

    def choose(event: dict[str, Any], lambda_context: Any) -> Any:
        if "trestle" not in event:
            return handle(event, lambda_context)
        if not made:
            from trestle.functions import direct

            made.append(direct.handler(function))
        return made[0](event, lambda_context)

    return choose


def _broken(error: CodeError) -> Handler:
    """Return the handler of a function whose code cannot be imported."""
    trace = error.__traceback__

    def fail(event: dict[str, Any], _: Any) -> Any:
        if "trestle" in event:
            from trestle.functions.units import fault_of

            return {"error": fault_of(error)}
        raise error.with_traceback(trace)

    return fail
