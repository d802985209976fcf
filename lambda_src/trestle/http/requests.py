"""Read a request from API Gateway's REST proxy event."""

from __future__ import annotations

from trestle.errors import InvalidRequest, TooLarge, UnsupportedMediaType
from trestle.item import RESERVED
from trestle.operations.ids import RULE, is_id
from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

MAX_BODY_BYTES = 400 * 1024
MAX_ADDRESS_CHARACTERS = 45
MAX_USER_AGENT_CHARACTERS = 256
ANONYMOUS = "anonymous"
NOT_JSON = "The body must be application/json or another +json type."
_NOT_UTF_8 = "The body is not valid UTF-8."
_NONE: Mapping[str, Callable[[str], Any]] = {}


class Request:
    """One request. Each part is parsed and validated on access.

    caller: the signed-in user, the IAM identity or the API key that the gateway has authenticated, in this order,
    since several people may share a key. An issuer's users have the prefix "jwt:", since their names could equal those
    of other callers. gateway: the event's requestContext.
    """

    __slots__ = ("_event", "_headers", "_identity", "_taken", "caller", "gateway")

    def __init__(self, event: dict[str, Any]) -> None:
        self._event = event
        self._taken: str | None = None
        self.gateway: dict[str, Any] = event["requestContext"]
        headers: dict[str, list[str]] = event.get("multiValueHeaders") or {}
        self._headers = {name.lower(): values for name, values in headers.items()}
        identity = self._identity = _dict_of(self.gateway.get("identity"))
        authorizer = _dict_of(self.gateway.get("authorizer"))
        user = _dict_of(authorizer.get("claims")).get("sub")
        if "jwt" in authorizer:
            from trestle.operations.claims import token_of  # functions without sign-in do not need it

            token = token_of(self.gateway)
            user = token and f"jwt:{token.subject}"
        self.caller: str = user or identity.get("userArn") or identity.get("apiKeyId") or ANONYMOUS

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name; repeated headers are joined by commas."""
        return {name: ", ".join(values) for name, values in self._headers.items()}

    def header(self, name: str) -> str | None:
        """Return a header's value by lower-case name, or None. Repeated headers are joined by commas."""
        values = self._headers.get(name)
        return ", ".join(values) if values else None

    @property
    def item_id(self) -> str:
        """The id in the path. Raises InvalidRequest."""
        item_id = self.path_parameter("id")
        if not is_id(item_id):
            raise InvalidRequest("The id in the path is not valid.", [{"parameter": "id", "detail": RULE}])
        return item_id

    @property
    def path_parameters(self) -> dict[str, str]:
        """The parameters of the path by name. Raises InvalidRequest."""
        found = {name: self.path_parameter(name) for name in self._event.get("pathParameters") or ()}
        if "id" in found:
            found["id"] = self.item_id
        return found

    def path_parameter(self, name: str) -> str:
        """Return a parameter of the path. Raise InvalidRequest if it is not UTF-8."""
        value: str = self._event["pathParameters"][name]
        if "%" in value:
            from urllib.parse import unquote  # few paths need it, and it adds 4 ms to a cold start

            try:
                value = unquote(value, errors="strict")
            except ValueError:
                faults = [{"parameter": name, "detail": "Must be UTF-8"}]
                raise InvalidRequest("The path is not valid.", faults) from None
        return value

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters as sent, with the first value of repeated ones."""
        return {name: values[0] for name, values in self.repeated_query.items()}

    @property
    def repeated_query(self) -> dict[str, list[str]]:
        """The query's parameters as sent, with all their values."""
        return self._event.get("multiValueQueryStringParameters") or {}

    def take(self, name: str) -> list[str]:
        """Return all values of a query parameter, which `parameters` then omits."""
        self._taken = name
        return self.repeated_query.get(name, [])

    def parameters(self, parsers: Mapping[str, Callable[[str], Any]] = _NONE) -> dict[str, Any]:
        """Return the query's parameters, parsed. A parser raises ValueError with the reason.

        Raises InvalidRequest for all parameters that are unknown, repeated or refused by their parser.
        """
        parsed: dict[str, Any] = {}
        faults: list[dict[str, str]] = []
        for name, values in self.repeated_query.items():
            if name == self._taken:
                continue
            try:
                if name not in parsers:
                    known = ", ".join(parsers) or "none"
                    raise ValueError(f"Is unknown; known here: {known}")
                if len(values) > 1:
                    raise ValueError("Is repeated")
                parsed[name] = parsers[name](values[0])
            except ValueError as error:
                faults.append({"parameter": name, "detail": str(error)})
        if faults:
            raise InvalidRequest("The query is not valid.", faults)
        return parsed

    @property
    def media_type(self) -> str:
        """The body's media type in lower case, without parameters; "" without a Content-Type header."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the body's media type is JSON or missing."""
        media_type = self.media_type
        return media_type in ("", "application/json") or media_type.endswith("+json")

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object in the body. Raises InvalidRequest, UnsupportedMediaType, TooLarge."""
        if not self.is_json:
            raise UnsupportedMediaType(NOT_JSON)
        text = text_of(self.raw)
        if not text or text.isspace():
            raise InvalidRequest("The body is empty. Send a JSON object.")
        value = loads(text)
        if not isinstance(value, dict):
            faults = [{"pointer": "", "detail": "Must be an object"}]
            raise InvalidRequest("The body must be a JSON object.", faults)
        return value

    def document(self, item_id: str | None = None) -> dict[str, Any]:
        """Return the body without the server's properties. Raise like `body`, and for an id other than item_id."""
        body = self.body
        if item_id is not None and body.get("id", item_id) != item_id:
            faults = [{"pointer": "/id", "detail": "Must be the id in the path, or be omitted"}]
            raise InvalidRequest("The body's id is not the path's.", faults)
        return client_properties(body)

    @property
    def idempotency_key(self) -> str:
        """The Idempotency-Key, "" without one. Raises InvalidRequest."""
        key = self.header("idempotency-key")
        if key is None:
            return ""
        if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
            raise InvalidRequest("Idempotency-Key must have 1 to 255 printable ASCII characters.")
        return key

    @property
    def sender(self) -> dict[str, Any]:
        """The log's fields about the sender: caller, address and user agent, as far as they are known.

        API keys appear by their id, never by their value.
        """
        identity = self._identity
        known: dict[str, Any] = {}
        if address := identity.get("sourceIp"):
            known["sourceIp"] = address
        # The console's distribution sets this header. Callers can forge it, so it is only logged.
        viewer = self.header("x-viewer-address")
        if viewer and len(viewer) <= MAX_ADDRESS_CHARACTERS and not viewer.strip("0123456789abcdef.:"):
            known["viewerIp"] = viewer
        if agent := identity.get("userAgent"):
            known["userAgent"] = str(agent)[:MAX_USER_AGENT_CHARACTERS]
        if self.caller != ANONYMOUS:
            known["caller"] = self.caller
        return known

    def location(self, item_id: str) -> str:
        """Return a new item's URL relative to the request's, which works under any stage, domain and base path."""
        segment = self.gateway["path"].rpartition("/")[2]
        return f"{segment}/{item_id}" if segment else item_id

    @property
    def raw(self) -> bytes:
        """The body's bytes. Raises InvalidRequest, TooLarge."""
        body: str = self._event.get("body") or ""
        try:
            if self._event.get("isBase64Encoded"):
                from binascii import a2b_base64

                data = a2b_base64(body, strict_mode=True)
            else:
                data = body.encode()
        except ValueError:  # raised for invalid base64 and lone surrogates
            raise InvalidRequest(_NOT_UTF_8) from None
        if len(data) > MAX_BODY_BYTES:
            raise TooLarge(f"The body is over {MAX_BODY_BYTES // 1024} KiB.")
        return data


def text_of(raw: bytes) -> str:
    """Return the text of a body. Raise InvalidRequest if it is not UTF-8."""
    try:
        return raw.decode()
    except ValueError:
        raise InvalidRequest(_NOT_UTF_8) from None


def _dict_of(value: Any) -> dict[str, Any]:
    """Return a part of the event if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def client_properties(body: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a body that belong to the client."""
    return {name: value for name, value in body.items() if name not in RESERVED}
