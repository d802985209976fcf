"""Users who have signed in, by the claims of the token that the gateway has checked.

The gateway lets access tokens alone pass where an operation asks for sign-in, and knows nothing of groups:
those are judged here. That somebody has signed in is judged again, so that a route which was left open by
mistake gives nothing away.
"""

from __future__ import annotations

from trestle.config import CONFIG
from trestle.errors import Forbidden, Unauthorized
from trestle.operations.ids import is_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def admit(context: dict[str, Any], operation: str) -> None:
    """Let the caller of an event's request context pass to an operation. Raises Unauthorized, Forbidden."""
    group = CONFIG.groups.get(operation)
    if group is None and operation not in CONFIG.signed_in and not CONFIG.owner_scoped:
        return
    claims = _claims(context)
    if group is not None and group not in _groups(claims.get("cognito:groups")):
        raise Forbidden(f"This is for members of the group {group}: once you are one, sign in again.")


def user(context: dict[str, Any]) -> str:
    """The subject of the caller's token, which no other user of the pool ever has. Raises Unauthorized."""
    subject: str = _claims(context)["sub"]
    return subject


def _claims(context: dict[str, Any]) -> dict[str, Any]:
    authorizer = context.get("authorizer")
    claims = authorizer.get("claims") if isinstance(authorizer, dict) else None
    # A subject has the characters of an id: with others it could pass for another's in front of a key.
    if not isinstance(claims, dict) or claims.get("token_use") != "access" or not is_id(claims.get("sub")):
        raise Unauthorized("Sign in, and send the access token as Authorization: Bearer <token>.")
    return claims


def _groups(claim: Any) -> list[str]:
    """The names in the claim: a list, or the text that a gateway makes of one, "a,b" or "[a b]"."""
    if isinstance(claim, str):
        return claim.removeprefix("[").removesuffix("]").replace(",", " ").split()
    return claim if isinstance(claim, list) else []
