"""Authorize signed-in users by the claims of the token that the gateway has verified.

For operations that need sign-in, the gateway accepts only valid access tokens. It does not check groups, nor the
scopes of an issuer's tokens, so this module does. It also checks the sign-in again, so that a route that is open by
mistake exposes nothing.
"""

from __future__ import annotations

import time

from trestle.errors import Forbidden, Unauthorized
from trestle.operations.claims import no_owner_detail, owner_of, token_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class Access:
    """Who may use which operations, and whose items they reach.

    signed_in: the operations that need a signed-in user. groups: the required group by operation. scopes: the required
    scope by operation, for an issuer's tokens; the gateway checks the scopes of a user pool.
    owner: what owns items, "sub" or "claim:NAME", so that every operation needs sign-in; "" for items without owners.
    needs_owner: whether every token has to name an owner. Tokens of callers who reach other owners' items need not.
    """

    __slots__ = ("_groups", "_needs_owner", "_owner", "_scopes", "_signed_in")

    def __init__(
        self,
        signed_in: Sequence[str],
        groups: Mapping[str, str],
        scopes: Mapping[str, str],
        owner: str,
        *,
        needs_owner: bool = True,
    ) -> None:
        self._signed_in = signed_in
        self._groups = groups
        self._scopes = scopes
        self._owner = owner
        self._needs_owner = needs_owner

    def admit(self, gateway: dict[str, Any], operation: str) -> str:
        """Return the owner whose items the caller may reach, "" for an entity without owners.

        gateway: the event's requestContext. The caller's token alone determines the owner. Raises Unauthorized,
        Forbidden.
        """
        group = self._groups.get(operation)
        scope = self._scopes.get(operation)
        if group is None and scope is None and operation not in self._signed_in and not self._owner:
            return ""
        token = token_of(gateway)
        if token is None:
            raise Unauthorized("Sign in, and send the access token as Authorization: Bearer <token>.")
        # The gateway caches a Lambda authorizer's answer for up to five minutes.
        if token.expires is not None and token.expires <= time.time():
            raise Unauthorized("The access token has expired. Sign in again, or refresh it.")
        if group is not None and group not in token.groups:
            raise Forbidden(f"This is for members of the group {group}: once you are one, sign in again.")
        if scope is not None and scope not in token.scopes:
            raise Forbidden(f"The access token lacks the scope {scope}. Request it when you sign in.")
        if not self._owner:
            return ""
        owner = owner_of(token, self._owner)
        if owner is None and self._needs_owner:
            raise Forbidden(no_owner_detail(self._owner))
        return owner or ""
