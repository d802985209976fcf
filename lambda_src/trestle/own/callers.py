"""The caller of a request, as own code sees it."""

from __future__ import annotations

from trestle.app import Caller
from trestle.operations.claims import owner_of, token_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.operations.claims import Token


def caller_of(context: Context, owner: str) -> Caller | None:
    """Return who sent a request, None where it did not come through the gateway.

    owner: what owns the items that they reach, "sub" or "claim:NAME".
    """
    gateway = context.gateway
    if gateway is None:
        return None
    token = token_of(gateway)
    if token is not None:
        return Caller(
            "machine" if _is_machine(token) else "user", token.subject,
            owner=owner_of(token, owner) or "", groups=token.groups, scopes=token.scopes, claims=token.claims,
        )  # fmt: skip
    identity = gateway.get("identity") or {}
    if arn := identity.get("userArn"):
        return Caller("iam", arn)
    if key := identity.get("apiKeyId"):
        return Caller("key", key)
    return Caller()


def _is_machine(token: Token) -> bool:
    """Return whether a client has signed in by itself, without a user.

    Cognito and Okta give its token the client's id as the subject, and Auth0 the same with "@clients" behind it.
    Entra says so in idtyp, if the optional claim is on.
    """
    clients = [token.claims.get(name) for name in ("client_id", "azp", "cid", "appid")]
    return token.subject.removesuffix("@clients") in clients or token.claims.get("idtyp") == "app"
