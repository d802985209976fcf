"""Signed-in users, by the claims of the token that the gateway has verified.

Where an operation needs sign-in, the gateway accepts only access tokens. It does not know groups, so this module
checks them. It also checks the sign-in again, so that a route that was left open by mistake exposes nothing.
"""

from __future__ import annotations

from trestle.errors import Forbidden, Unauthorized
from trestle.operations.claims import access_claims, groups_of

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
        claims = access_claims(gateway)
        if claims is None:
            raise Unauthorized("Sign in, and send the access token as Authorization: Bearer <token>.")
        if group is not None and group not in groups_of(claims):
            raise Forbidden(f"This is for members of the group {group}: once you are one, sign in again.")
        owner: str = claims["sub"] if self._owner_scoped else ""
        return owner
