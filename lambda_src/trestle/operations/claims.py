"""Read the claims of the caller's access token, which API Gateway has verified."""

from __future__ import annotations

import json

from trestle.item import is_owner
from trestle.operations.ids import is_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeGuard

MAX_SUBJECT_BYTES = 255  # OpenID Connect Core, section 2


class Token:
    """A verified access token.

    subject: the user or client. A user pool's subjects have the characters of ids; another issuer's are any printable
    text. groups, scopes: those of the token. claims: all claims. expires: the expiry time in seconds since 1970; None
    if the gateway checks it for each request.
    """

    __slots__ = ("claims", "expires", "groups", "scopes", "subject")

    def __init__(
        self, subject: str, groups: list[str], scopes: list[str], claims: dict[str, Any], expires: int | None
    ) -> None:
        self.subject = subject
        self.groups = groups
        self.scopes = scopes
        self.claims = claims
        self.expires = expires


def token_of(gateway: Mapping[str, Any]) -> Token | None:
    """Return the access token of an event's requestContext, or None."""
    authorizer = gateway.get("authorizer")
    if not isinstance(authorizer, dict):
        return None
    # The user pool's authorizer puts a token's claims under "claims", so that no token can set "jwt" itself.
    if "jwt" in authorizer:
        return _of_issuer(authorizer["jwt"])
    claims = authorizer.get("claims")
    # A subject has only the characters of ids. Other characters could form the key of another owner's item.
    if not isinstance(claims, dict) or claims.get("token_use") != "access" or not is_id(claims.get("sub")):
        return None
    return Token(claims["sub"], _groups_of(claims), str(claims.get("scope", "")).split(), claims, None)


def owner_of(token: Token, owner: str) -> str | None:
    """Return the owner whose items the bearer of a token reaches, None if the token names none.

    owner: the entity's attribute, "sub" or "claim:NAME".
    """
    found = token.subject if owner == "sub" else token.claims.get(owner.removeprefix("claim:"))
    return found if is_owner(found) else None


def no_owner_detail(owner: str) -> str:
    """Return the detail of the problem that a token names no owner. owner: as for owner_of."""
    return f"The access token has no {owner.removeprefix('claim:')} that can own items: a text of 1 to 256 bytes."


def is_subject(value: Any) -> bool:
    """Return whether a value can be the subject of an issuer's token: printable text of at most 255 bytes."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= MAX_SUBJECT_BYTES


def _of_issuer(text: Any) -> Token | None:
    """Return the token in the JSON text of Trestle's Lambda authorizer, None for any other text."""
    try:
        found = json.loads(text)
    except (RecursionError, TypeError, ValueError):
        return None
    if not isinstance(found, dict) or not is_subject(found.get("sub")):
        return None
    groups, scopes = found.get("groups"), found.get("scopes")
    claims, expires = found.get("claims"), found.get("exp")
    if not (_is_texts(groups) and _is_texts(scopes) and isinstance(claims, dict) and type(expires) is int):
        return None
    return Token(found["sub"], groups, scopes, claims, expires)


def _is_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _groups_of(claims: Mapping[str, Any]) -> list[str]:
    """Return a user pool's groups. API Gateway may convert the claim, a list, to a string: "a,b" or "[a b]"."""
    claim = claims.get("cognito:groups")
    if isinstance(claim, str):
        return claim.removeprefix("[").removesuffix("]").replace(",", " ").split()
    return claim if isinstance(claim, list) else []
