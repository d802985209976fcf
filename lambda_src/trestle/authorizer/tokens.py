"""Verify access tokens.

PyJWT verifies the signature, the issuer, the audience and the times (RFC 7519, RFC 8725). Before that, this module
refuses tokens that two parsers could interpret differently, and tokens that are not access tokens.
"""

from __future__ import annotations

import time
from math import isfinite

import jwt
from jwt.utils import base64url_decode

from trestle.authorizer.errors import Refused
from trestle.errors import InvalidRequest
from trestle.operations.claims import is_subject
from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trestle.authorizer.keys import Keys

ALGORITHMS = ("ES256", "RS256")
MAX_BYTES = 8192
MAX_KEY_ID = 256
MAX_TIME = 2**53
# The issuer's clock may be this far ahead of ours. The leeway applies to nbf and iat, but not to exp.
LEEWAY_SECONDS = 60

_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
_REASONS: dict[type[Exception], str] = {
    jwt.InvalidSignatureError: "signature",
    jwt.InvalidAudienceError: "audience",
    jwt.MissingRequiredClaimError: "audience",  # the others are checked before
    jwt.ImmatureSignatureError: "not valid yet",
}


def verified(token: Any, keys: Keys, issuer: str, audiences: Sequence[str]) -> dict[str, Any]:
    """Return an access token's claims. Raise Refused, and IssuerError if the issuer's keys are unavailable."""
    header, claims = _read(token)
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise Refused("algorithm")
    if "crit" in header or "b64" in header:
        raise Refused("critical header")
    if not isinstance(kid, str | None) or (kid is not None and not 0 < len(kid) <= MAX_KEY_ID):
        raise Refused("key id")
    _check_kind(header, claims)
    # A token that fails these checks causes no request to the issuer.
    if claims.get("iss") != issuer:
        raise Refused("issuer")
    if not is_subject(claims.get("sub")):
        raise Refused("subject")
    _check_times(claims)
    found = keys.find(kid, algorithm)
    reason = "unknown key"
    for key in found:
        try:
            jwt.decode(
                token, key, [key.algorithm_name], issuer=issuer, audience=audiences, leeway=LEEWAY_SECONDS,
                options={"require": ["aud", "exp", "iss", "sub"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            reason = _REASONS.get(type(error), "malformed")
        else:
            return claims
    raise Refused(reason)


def groups_of(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return the groups in a claim, which is a list, or a text with one group."""
    claim = claims.get(name)
    groups = claim if isinstance(claim, list) else [claim]
    return [each for each in groups if isinstance(each, str) and each]


def scopes_of(claims: Mapping[str, Any]) -> list[str]:
    """Return a token's scopes from `scope` (RFC 9068), or from `scp`, the name in Okta and Entra ID."""
    claim = claims.get("scope", claims.get("scp"))
    if isinstance(claim, str):
        return claim.split(" ") if claim else []
    return [each for each in claim if isinstance(each, str)] if isinstance(claim, list) else []


def _read(token: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a token before its verification. Raise Refused."""
    if not isinstance(token, str) or not token.isascii():
        raise Refused("malformed")
    if len(token) > MAX_BYTES:
        raise Refused("too long")
    parts = token.split(".")
    # Except for padding, PyJWT accepts only one text for the same bytes.
    if len(parts) != 3 or not all(parts) or "=" in token:
        raise Refused("malformed")
    return _object(parts[0]), _object(parts[1])


def _object(part: str) -> dict[str, Any]:
    """Return the JSON object in a part of a token. Raise Refused, also for repeated names."""
    try:
        value = loads(base64url_decode(part).decode())
    except (InvalidRequest, ValueError):
        value = None
    if not isinstance(value, dict):
        raise Refused("malformed")
    return value


def _check_kind(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """Raise Refused for tokens that are evidently not access tokens.

    RFC 9068 gives access tokens the type at+jwt, but few issuers do. The first defence against ID tokens is their
    audience, which is the app; see docs/explanation/security.md.
    """
    type_ = header.get("typ")
    type_ = type_.lower() if isinstance(type_, str) else type_
    if type_ not in _TYPES:
        raise Refused("type")
    # The claim typ of Keycloak, and token_use of Cognito, contain the purpose of a token.
    use, kind = claims.get("token_use", "access"), claims.get("typ")
    is_access = type_ not in (None, "jwt") or kind == "Bearer"
    if (
        use != "access"
        or kind in ("ID", "Refresh", "Offline", "Logout")
        or "at_hash" in claims
        or "c_hash" in claims
        or ("nonce" in claims and not is_access)
    ):
        raise Refused("no access token")


def _check_times(claims: Mapping[str, Any]) -> None:
    """Raise Refused unless the times are numbers, and the token has not expired."""
    for name in ("exp", "iat", "nbf"):
        if name in claims and not _is_time(claims[name]):
            raise Refused("times")
    if "exp" not in claims:
        raise Refused("no expiry")
    if claims["exp"] <= time.time():
        raise Refused("expired")


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and 0 <= value <= MAX_TIME
