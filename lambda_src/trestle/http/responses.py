"""Responses as API Gateway's REST proxy integration takes them."""

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
    """Return what changes views of items before they are answered, in place, None if nothing does."""
    present = hooks.present if hooks else None
    if any("read" in rules for rules in entity.fields.values()):
        from trestle.operations.fields import concealing  # most entities do without

        return concealing(entity, present)
    return present


class Response:
    """An answer: `content` is written as JSON into `body`, None for no body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, content: Any = None, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = "" if content is None else dumps(content)
        self.headers = headers or {}

    def proxy(self, request: Request | None, cors_origins: Sequence[str]) -> dict[str, Any]:
        """Return the answer as the Lambda function returns it, with CORS headers for the request's origin."""
        headers = {**_cors_headers(request, cors_origins), **self.headers}
        # A cache between us and the callers might not distinguish them.
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
