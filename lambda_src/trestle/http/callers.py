"""Signed-in users, by the claims of the token that the gateway has verified.

Where an operation needs sign-in, the gateway accepts only access tokens. It does not know groups, so this module
checks them. It also checks the sign-in again, so that a route that was left open by mistake exposes nothing.
"""

from __future__ import annotations

from trestle.errors import Forbidden, Unauthorized
from trestle.operations.ids import is_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class Access:
    """Who may use which operations, and whose items they reach.

    signed_in: the operations that need a signed-in user. groups: the group of those that are for its members.
    owner_scoped: whether each user reaches only their own items, which needs sign-in for every operation.
    """

    __slots__ = ("_groups", "_owner_scoped", "_signed_in")

    def __init__(self, signed_in: Sequence[str], groups: Mapping[str, str], *, owner_scoped: bool) -> None:
        self._signed_in = signed_in
        self._groups = groups
        self._owner_scoped = owner_scoped

    def admit(self, gateway: dict[str, Any], operation: str) -> str:
        """Return the owner whose items the caller of an event's requestContext reaches, "" without owners.

        The owner is the subject of the caller's token, which no other user of the pool ever has. Raises
        Unauthorized, Forbidden.
        """
        group = self._groups.get(operation)
        if group is None and operation not in self._signed_in and not self._owner_scoped:
            return ""
        claims = _claims(gateway)
        if group is not None and group not in _groups(claims.get("cognito:groups")):
            raise Forbidden(f"This is for members of the group {group}: once you are one, sign in again.")
        owner: str = claims["sub"] if self._owner_scoped else ""
        return owner


def _claims(gateway: dict[str, Any]) -> dict[str, Any]:
    authorizer = gateway.get("authorizer")
    claims = authorizer.get("claims") if isinstance(authorizer, dict) else None
    # A subject has only the characters of an id: any other could make its keys those of another owner.
    if not isinstance(claims, dict) or claims.get("token_use") != "access" or not is_id(claims.get("sub")):
        raise Unauthorized("Sign in, and send the access token as Authorization: Bearer <token>.")
    return claims


def _groups(claim: Any) -> list[str]:
    """Return the names in the claim: a list, or the text that a gateway makes of one, "a,b" or "[a b]"."""
    if isinstance(claim, str):
        return claim.removeprefix("[").removesuffix("]").replace(",", " ").split()
    return claim if isinstance(claim, list) else []
