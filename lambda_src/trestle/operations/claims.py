"""The caller's access token, as the gateway hands it on after it has verified the token."""

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

    subject: who it was issued to. A user pool's have the characters of an id; another issuer's are any printable
    text. groups and scopes: what it was issued for. claims: all of its claims. expires: the time from which on it
    is not valid, in seconds since 1970; None where the gateway judges that for each request.
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
    """Return the access token of an event's requestContext, None if it has none."""
    authorizer = gateway.get("authorizer")
    if not isinstance(authorizer, dict):
        return None
    # The user pool's authorizer puts what a token says below "claims", so no token brings a "jwt" of its own.
    if "jwt" in authorizer:
        return _of_issuer(authorizer["jwt"])
    claims = authorizer.get("claims")
    # A subject has only the characters of an id: any other could make its keys those of another owner.
    if not isinstance(claims, dict) or claims.get("token_use") != "access" or not is_id(claims.get("sub")):
        return None
    return Token(claims["sub"], _groups_of(claims), str(claims.get("scope", "")).split(), claims, None)


def owner_of(token: Token, owner: str) -> str | None:
    """Return whose items the bearer of a token reaches, None if the token does not tell.

    owner: what owns items, "sub" or "claim:NAME", as an entity has it.
    """
    found = token.subject if owner == "sub" else token.claims.get(owner.removeprefix("claim:"))
    return found if is_owner(found) else None


def no_owner(owner: str) -> str:
    """Return why the bearer of a token reaches nobody's items."""
    return f"The access token has no {owner.removeprefix('claim:')} that can own items: a text of 1 to 256 bytes."


def is_subject(value: Any) -> bool:
    """Return whether a value can be the subject of an issuer's token: printable text of at most 255 bytes."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= MAX_SUBJECT_BYTES


def _of_issuer(text: Any) -> Token | None:
    """Return the token that Trestle's Lambda authorizer describes, None if the text is not of that form."""
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
    """Return a user pool's groups: the claim is a list, or the text that a gateway makes of one, "a,b" or "[a b]"."""
    claim = claims.get("cognito:groups")
    if isinstance(claim, str):
        return claim.removeprefix("[").removesuffix("]").replace(",", " ").split()
    return claim if isinstance(claim, list) else []
