"""Turn a route's result into a response."""

from __future__ import annotations

from trestle import app
from trestle.errors import QuotableError
from trestle.http.responses import Response
from trestle.own.values import is_plain, plain
from trestle.strict_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trestle.http.requests import Request

# A Lambda response has at most 6 MB of JSON, in which the body is escaped once more.
MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 64 * 1024
_FITTING_CHARACTERS = MAX_ANSWER_BYTES // 8
# The characters of header names besides letters and digits (RFC 9110, token).
_PUNCTUATION = "!#$%&'*+-.^_`|~"
# The gateway sets these itself.
_FRAMING = {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
# Scripts can read these anyway, or the platform already exposes them.
_EXPOSED = {
    "cache-control", "content-language", "content-type", "etag", "expires", "idempotency-replayed", "last-modified",
    "link", "location", "pragma", "retry-after", "set-cookie", "vary",
}  # fmt: skip
_WITHOUT_BODY = (204, 205, 304)
_MAX_LOGGED = 5


class AnswerError(QuotableError):
    """A route's result cannot be sent. The message says why, without values."""


class Answer(Response):
    """A route's response. Its Cache-Control and Content-Type win, and CORS exposes all of its headers."""

    __slots__ = ()

    def __init__(self, status: int, body: str, headers: dict[str, str]) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    def proxy(self, request: Request | None, cors_origins: Sequence[str]) -> dict[str, Any]:
        """Return the Lambda function's result, like trestle.http.responses.Response."""
        answer = super().proxy(request, cors_origins)
        headers: dict[str, str] = answer["headers"]
        if "Cache-Control" in self.headers:
            headers["Cache-Control"] = self.headers["Cache-Control"]
        if "Vary" in self.headers and "*" not in cors_origins:
            headers["Vary"] = f"Origin, {self.headers['Vary']}"
        own = [name for name in self.headers if name.lower() not in _EXPOSED]
        if own and "Access-Control-Expose-Headers" in headers:
            headers["Access-Control-Expose-Headers"] = ", ".join((headers["Access-Control-Expose-Headers"], *own))
        return answer


class Answers:
    """Turns a route's results into responses.

    schemas: the schemas of its answers by status, None if answers are not validated.
    """

    __slots__ = ("_schemas",)

    def __init__(self, schemas: Mapping[str, dict[str, Any]] | None) -> None:
        self._schemas = schemas

    def answer(self, returned: Any) -> Answer:
        """Return the response. Raise AnswerError, FloatError, ValueTypeError or UnkeepableError."""
        if not isinstance(returned, app.Response):
            raise AnswerError(f"It is {_article(returned)}, not a Response.")
        # A subclass may not have called __init__.
        status, value = getattr(returned, "status", None), getattr(returned, "body", None)
        if not isinstance(status, int) or isinstance(status, bool):
            raise AnswerError(f"Its status is {_article(status)}. Use an int, 200 to 599.")
        status = int(status)  # such as http.HTTPStatus
        if not 200 <= status <= 599:
            raise AnswerError(f"Its status is {status}. Use 200 to 599.")
        headers = _headers_of(getattr(returned, "headers", None))
        if value is not None and status in _WITHOUT_BODY:
            raise AnswerError(f"It has a body, which a {status} cannot have.")
        if isinstance(value, dict | list):
            value = value if is_plain(value) else plain(value)
            body = dumps(value)
            headers.setdefault("Content-Type", "application/json")
        elif isinstance(value, str):
            body = value = plain(value, "The body")
            headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        elif value is None:
            body = ""
        else:
            raise AnswerError(f"Its body is {_article(value)}. Use a dict or list, a text, or None.")
        if len(body) > _FITTING_CHARACTERS and len(dumps(body).encode()) > MAX_ANSWER_BYTES:
            raise AnswerError(f"Its body is over the {MAX_ANSWER_BYTES // 1024} KiB that Lambda can answer with.")
        if self._schemas is not None:
            _check(self._schemas, status, value)
        return Answer(status, body, headers)


def _check(schemas: Mapping[str, dict[str, Any]], status: int, value: Any) -> None:
    """Raise AnswerError for an undeclared answer, or a body that does not match its schema."""
    schema = schemas.get(str(status))
    if schema is None:
        # These have no body that a schema could describe.
        if value is None and (status in _WITHOUT_BODY or 300 <= status < 400):
            return
        raise AnswerError(f"Its status is {status}, and the route's answers declare {', '.join(schemas)}.")
    from trestle.schema.validation import validate

    faults = validate(value, schema)[:_MAX_LOGGED]
    if faults:
        # The details contain the schema's rules and the types of values, but no values.
        each = "; ".join(f"{fault['pointer'] or '/'}: {fault['detail']}" for fault in faults)
        raise AnswerError(f"Its body does not fit the schema of {status}. {each}.")


def _headers_of(given: Any) -> dict[str, str]:
    """Return a response's headers; those that Trestle sets get their usual spelling. Raise AnswerError."""
    if not isinstance(given, dict):
        raise AnswerError(f"Its headers are {_article(given)}. Use a dict.")
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in given.items():
        if (
            not isinstance(name, str)
            or not name.isascii()
            or not (name.translate(_WITHOUT_PUNCTUATION) or "a").isalnum()
        ):
            raise AnswerError("A header's name is not valid. Use letters, digits and hyphens.")
        lower = name.lower()
        if not name or lower in seen:
            raise AnswerError(f'The header "{name}" is there twice.' if name else "A header's name is empty.")
        if lower in _FRAMING or lower.startswith("access-control-"):
            raise AnswerError(f"{name} is a header that Trestle and API Gateway write. Leave it out.")
        if not isinstance(value, str):
            raise AnswerError(f"The header {name} is {_article(value)}. Use a text.")
        if not value.isascii() or not value.replace("\t", " ").isprintable():
            raise AnswerError(f"The header {name} has a line break or another character that is not printable ASCII.")
        seen.add(lower)
        headers[_USUAL.get(lower, name)] = value
    return headers


def _article(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


_USUAL = {"cache-control": "Cache-Control", "content-type": "Content-Type", "vary": "Vary"}
_WITHOUT_PUNCTUATION = dict.fromkeys(map(ord, _PUNCTUATION))
