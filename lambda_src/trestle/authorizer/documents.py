"""Fetch the issuer's documents over HTTP, bounded in time and size, and only from the issuer's URLs."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from urllib.parse import urlsplit

from trestle.authorizer.errors import IssuerError, UnreachableError
from trestle.errors import InvalidRequest
from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from urllib.parse import SplitResult

CONNECT_SECONDS = 2  # also for each read
ALL_SECONDS = 4.5
MAX_BYTES = 256 * 1024
LOOPBACK = ("127.0.0.1", "::1", "localhost")
DISCOVERY = "/.well-known/openid-configuration"


class Documents:
    """Fetches an issuer's keys.

    A fetch takes at most 4.5 seconds, including name resolution.
    """

    def __init__(self, issuer: str) -> None:
        """issuer: its URL. Raise IssuerError if it is neither https nor http on this machine."""
        self._issuer = issuer
        self._allows_http = False
        self._allows_http = _is_loopback(self._address(issuer))
        self._connection: http.client.HTTPConnection | None = None
        self._context: ssl.SSLContext | None = None

    def keys(self) -> list[Any]:
        """Return the issuer's JSON Web Keys, unchanged. Raise IssuerError."""
        keys: list[Any] = _within(ALL_SECONDS, self._read_keys, self._abort)
        return keys

    def _read_keys(self) -> list[Any]:
        # OpenID Connect Discovery, section 4.1: a slash at the issuer's end is removed first.
        discovered = self._get(self._issuer.removesuffix("/") + DISCOVERY)
        if discovered.get("issuer") != self._issuer:
            raise IssuerError("The discovery document belongs to another issuer.")
        url = discovered.get("jwks_uri")
        if not isinstance(url, str):
            raise IssuerError("The discovery document names no jwks_uri.")
        keys = self._get(url).get("keys")
        if not isinstance(keys, list):
            raise IssuerError("The key set has no keys.")
        return keys

    def _address(self, url: str) -> SplitResult:
        """Return a URL's parts. Raise IssuerError unless it is https, or http for a local issuer."""
        try:
            parts = urlsplit(url)
            is_secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts))
            is_secure = is_secure and (parts.scheme == "https" or self._allows_http or url == self._issuer)
            if is_secure and parts.hostname and not parts.username and parts.port != 0:
                return parts
        except ValueError:  # an invalid port or address
            pass
        raise IssuerError("A URL of the issuer is not https.")

    def _get(self, url: str) -> dict[str, Any]:
        """Return the JSON object at a URL. Redirects are not followed. Raise IssuerError."""
        address = self._address(url)
        host = address.hostname or ""
        if address.scheme == "https":
            self._context = self._context or ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, address.port, timeout=CONNECT_SECONDS, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(host, address.port, timeout=CONNECT_SECONDS)
        self._connection = connection
        path = address._replace(scheme="", netloc="", fragment="").geturl() or "/"
        try:
            connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "trestle"})
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise IssuerError(f"The issuer answers {response.status}.")
            body = response.read(MAX_BYTES + 1)
        except (OSError, ValueError, http.client.HTTPException) as error:
            # The message may quote the answer.
            raise UnreachableError(f"The issuer cannot be read: {type(error).__name__}.") from None
        finally:
            connection.close()
        if len(body) > MAX_BYTES:
            raise IssuerError(f"A document of the issuer is over {MAX_BYTES // 1024} KiB.")
        try:
            document = loads(body.decode())
        except (InvalidRequest, UnicodeDecodeError):
            document = None
        if not isinstance(document, dict):
            raise IssuerError("A document of the issuer is not a JSON object.")
        return document

    def _abort(self) -> None:
        """End a pending operation of the connection."""
        plain = self._connection.sock if self._connection else None
        if plain:
            with contextlib.suppress(OSError):  # it has ended by itself
                plain.shutdown(socket.SHUT_RDWR)


def _is_loopback(address: SplitResult) -> bool:
    return address.scheme == "http" and address.hostname in LOOPBACK


def _within(seconds: float, work: Callable[[], Any], abort: Callable[[], None]) -> Any:
    """Return the result of `work`, or raise its exception, or IssuerError after a number of seconds."""
    result: list[Any] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            result.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        abort()
        raise UnreachableError(f"The issuer does not answer within {seconds} seconds.")
    if errors:
        raise errors[0]
    return result[0]
