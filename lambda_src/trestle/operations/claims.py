"""The claims of an access token, as the gateway hands them on after it has verified the token."""

from __future__ import annotations

from trestle.operations.ids import is_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def access_claims(gateway: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the claims in an event's requestContext, None if they are not those of an access token."""
    authorizer = gateway.get("authorizer")
    claims = authorizer.get("claims") if isinstance(authorizer, dict) else None
    # A subject has only the characters of an id: any other could make its keys those of another owner.
    if not isinstance(claims, dict) or claims.get("token_use") != "access" or not is_id(claims.get("sub")):
        return None
    return claims


def groups_of(claims: Mapping[str, Any]) -> list[str]:
    """Return the caller's groups: the claim is a list, or the text that a gateway makes of one, "a,b" or "[a b]"."""
    claim = claims.get("cognito:groups")
    if isinstance(claim, str):
        return claim.removeprefix("[").removesuffix("]").replace(",", " ").split()
    return claim if isinstance(claim, list) else []
