"""The Lambda handler of a function of app/, by its kind. Each kind's modules are imported only where they run."""

from __future__ import annotations

import json

from trestle.errors import QuotableError
from trestle.own.code import CodeError
from trestle.own.function import Function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Handler = Callable[[dict[str, Any], Any], Any]


class KindError(QuotableError):
    """A function is of no known kind."""


def make_handler(environment: Mapping[str, str]) -> Handler:
    """Return the Lambda handler of the function that an environment describes.

    If its module cannot be imported, routes answer 500; otherwise this raises CodeError, and Lambda tries again.
    """
    kind = json.loads(environment["FUNCTION"])["kind"]
    if kind == "routes":
        from trestle.functions import routes

        try:
            function = Function.from_environment(environment)
        except CodeError as error:
            return routes.broken(environment, error)
        return routes.handler(function, environment)
    raise KindError(f"This version cannot run functions of the kind {kind}.")
