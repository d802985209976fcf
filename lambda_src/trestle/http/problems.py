"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

from trestle import errors
from trestle.http.responses import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The kind, status and title of each refusal; the gateway's own answers use the same table.
_KINDS: dict[type[errors.Refusal], tuple[str, int, str]] = {
    errors.InvalidRequest: ("invalid-request", 400, "Invalid request"),
    errors.Unauthorized: ("unauthorized", 401, "Unauthorized"),
    errors.Forbidden: ("forbidden", 403, "Forbidden"),
    errors.NotFound: ("not-found", 404, "Not found"),
    errors.Conflict: ("conflict", 409, "Conflict"),
    errors.Changed: ("precondition-failed", 412, "Precondition failed"),
    errors.TooLarge: ("content-too-large", 413, "Content too large"),
    errors.UnsupportedMediaType: ("unsupported-media-type", 415, "Unsupported media type"),
    errors.InvalidItem: ("invalid-item", 422, "Invalid item"),
    errors.KeyReused: ("idempotency-key-reused", 422, "Idempotency key reused"),
    errors.Unavailable: ("service-unavailable", 503, "Service unavailable"),
}
_INTERNAL = ("internal-error", 500, "Internal error")
_RETRY_AFTER_SECONDS = "1"


def kind_of(error: Exception) -> tuple[str, int, str]:
    """Return the kind, status and title of an error; anything but a Refusal is an internal error."""
    if not isinstance(error, errors.Refusal):
        return _INTERNAL
    if isinstance(error, errors.Refused):
        return error.code, error.status, error.code.replace("-", " ").replace("_", " ").capitalize()
    return _KINDS[type(error)]


def problem(error: Exception, request_id: str) -> Response:
    """Return the answer to an error. Callers get no details of an internal error."""
    kind, status, title = kind_of(error)
    if isinstance(error, errors.Refusal):
        detail, faults = error.detail, error.faults
    else:
        detail, faults = "The request failed on our side. The logs have the cause under this requestId.", []
    content: dict[str, Any] = {
        "type": f"urn:trestle:problem:{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "requestId": request_id,
    }
    if faults:
        content["errors"] = faults
    headers = {"Content-Type": "application/problem+json"}
    if status == 401:
        # API Gateway renames this header to x-amzn-Remapped-WWW-Authenticate; its own 401 keeps the name.
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = _RETRY_AFTER_SECONDS
    if isinstance(error, errors.Refused) and error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Response(status, content, headers)
