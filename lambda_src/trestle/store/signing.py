"""AWS Signature Version 4 for POST requests of AWS's JSON protocols.

Source: "Create a signed AWS API request" in the IAM User Guide. The tests compare every signature with botocore's.
"""

from __future__ import annotations

import hashlib
import hmac
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.store.credentials import Credentials
    from trestle.store.endpoint import Endpoint, Service

_key: tuple[tuple[str, str, str, str], bytes] = (("", "", "", ""), b"")


def signed_headers(
    service: Service,
    action: str,
    body: bytes,
    *,
    endpoint: Endpoint,
    credentials: Credentials,
    region: str,
    now: float,
) -> dict[str, str]:
    """Return the headers of a signed request, in signing order.

    `action` is the service's, for example "GetItem"; `now` is seconds since the epoch.
    """
    timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    date = timestamp[:8]
    headers = {
        "content-type": f"application/x-amz-json-{service.version}",
        "host": endpoint.authority,
        "x-amz-date": timestamp,
    }
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    headers["x-amz-target"] = f"{service.target}.{action}"
    # They are already in alphabetical order, which the canonical form requires.
    names = ";".join(headers)
    lines = "".join([f"{name}:{value}\n" for name, value in headers.items()])
    canonical = f"POST\n{endpoint.path}\n\n{lines}\n{names}\n{_hash(body)}"
    scope = f"{date}/{region}/{service.name}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{_hash(canonical.encode())}"
    key = _signing_key(credentials.secret_key, date, region, service.name)
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    """Return the signing key of a secret, day, region and service. The latest one is cached, since it lasts a day."""
    global _key  # noqa: PLW0603 - a one-entry cache
    wanted = (secret_key, date, region, service)
    if _key[0] != wanted:
        key = f"AWS4{secret_key}".encode()
        for part in (date, region, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        _key = (wanted, key)
    return _key[1]
