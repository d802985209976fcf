"""The credentials that sign requests: from the environment or, under SnapStart, the credential endpoint."""

from __future__ import annotations

import os
import time

from trestle.errors import QuotableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Keys are renewed this long before they expire. A renewal that fails is no error while the old key is valid.
RENEW_SECONDS = 300

# Hosts that plain http is allowed for: the loopback, and the addresses of ECS and EKS. Source: the SDKs'
# reference guide, "Container credential provider".
PLAIN_HOSTS = ("127.0.0.1", "localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")


class Credentials:
    """An access key, its secret and, for roles, the session token."""

    __slots__ = ("access_key", "secret_key", "token")

    def __init__(self, access_key: str, secret_key: str, token: str | None) -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token


class CredentialsError(QuotableError):
    """There are no credentials. The message says what is missing, and never contains a key."""


class CredentialEndpointError(QuotableError, OSError):
    """The credential endpoint returned no keys, perhaps temporarily."""


_cached: tuple[str, Credentials, float] | None = None


def current(deadline: float) -> Credentials:
    """Return the current credentials. They are read for each signature, so that new ones take effect at once.

    `deadline` is a time.monotonic() value that limits the request to the credential endpoint.
    """
    environment = os.environ
    access_key = environment.get("AWS_ACCESS_KEY_ID")
    if access_key:
        secret_key = environment.get("AWS_SECRET_ACCESS_KEY")
        if not secret_key:
            raise CredentialsError("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not.")
        return Credentials(access_key, secret_key, environment.get("AWS_SESSION_TOKEN"))
    url = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        raise CredentialsError("No credentials: set AWS_ACCESS_KEY_ID or AWS_CONTAINER_CREDENTIALS_FULL_URI.")
    return _from_endpoint(url, deadline)


def _from_endpoint(url: str, deadline: float) -> Credentials:
    global _cached  # noqa: PLW0603 - one set of keys for the life of the process
    now = time.time()
    usable = _cached if _cached and _cached[0] == url and now < _cached[2] else None
    if usable and now < usable[2] - RENEW_SECONDS:
        return usable[1]
    try:
        fetched, ends = _fetch(url, deadline)
    except CredentialEndpointError:
        if usable:
            return usable[1]
        raise
    _cached = (url, fetched, ends)
    return fetched


def _fetch(url: str, deadline: float) -> tuple[Credentials, float]:
    """Return the credential endpoint's keys and when they expire, in seconds since 1970."""
    import json
    from datetime import datetime

    from trestle.store.connection import Connection
    from trestle.store.endpoint import Endpoint

    endpoint = Endpoint(url)
    if not endpoint.tls and endpoint.host not in PLAIN_HOSTS:
        raise CredentialsError("The credential endpoint must be https or on this machine.")
    headers = {"host": endpoint.authority, "accept": "application/json", **_authorization()}
    connection = Connection(endpoint)
    try:
        answer = connection.request("GET", headers, b"", deadline)
        if answer.status != 200:
            raise ValueError(f"status {answer.status}")
        found: dict[str, Any] = json.loads(answer.body)
        ends = datetime.fromisoformat(found["Expiration"]).timestamp()
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"]), ends
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CredentialEndpointError("The credential endpoint gave no keys.") from error
    finally:
        connection.close()


def _authorization() -> dict[str, str]:
    """Return the authorization header for the endpoint, from the token file or the environment variable."""
    path = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    if path:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs 8 ms of a cold start
            token = file.read().strip()
    else:
        token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if "\r" in token or "\n" in token:
        raise CredentialsError("The credential endpoint's authorization token holds a line break.")
    return {"authorization": token} if token else {}
