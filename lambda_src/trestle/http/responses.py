"""Responses in the format of API Gateway's REST proxy integration."""

from __future__ import annotations

from trestle.http.requests import ANONYMOUS, Request
from trestle.strict_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.own.operations import HookedOperations

    Present = Callable[[list[dict[str, Any]], Context], None]

_EXPOSED = "ETag, Location, Link, Retry-After, Idempotency-Replayed, Item-Owner"


def presenter_of(entity: Entity, hooks: HookedOperations | None) -> Present | None:
    """Return the function that modifies items in place before they are sent, or None if there is none."""
    present = hooks.present if hooks else None
    if any("read" in rules for rules in entity.fields.values()):
        from trestle.operations.fields import presenter_for  # most entities do not need it

        return presenter_for(entity, present)
    return present


class Response:
    """A response. content: the value to send as JSON, None for no body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, content: Any = None, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = "" if content is None else dumps(content)
        self.headers = headers or {}

    def proxy(self, request: Request | None, cors_origins: Sequence[str]) -> dict[str, Any]:
        """Return the Lambda function's result, with CORS headers for the request's origin."""
        headers = {**_cors_headers(request, cors_origins), **self.headers}
        # A shared cache might not distinguish callers.
        if request and request.caller != ANONYMOUS:
            headers["Cache-Control"] = "no-store"
        if self.body:
            headers.setdefault("Content-Type", "application/json")
        return {"statusCode": self.status, "headers": headers, "body": self.body, "isBase64Encoded": False}


def _cors_headers(request: Request | None, cors_origins: Sequence[str]) -> dict[str, str]:
    if "*" in cors_origins:
        return {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
    origin = request and request.header("origin")
    if not origin or origin not in cors_origins:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": _EXPOSED,
        "Vary": "Origin",
    }
