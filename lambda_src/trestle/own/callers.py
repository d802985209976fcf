"""The Caller of a request for own code."""

from __future__ import annotations

from trestle.app import Caller
from trestle.operations.claims import owner_of, token_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.operations.claims import Token


def caller_of(context: Context, owner: str) -> Caller | None:
    """Return the caller of a request, None if the request did not come through the gateway.

    owner: the entity's attribute, "sub" or "claim:NAME".
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
    """Return whether the token belongs to a client that signed in without a user.

    In tokens of Cognito and Okta the subject is the client's id, in those of Auth0 the id with the suffix "@clients".
    Entra sets idtyp, if that optional claim is on.
    """
    clients = [token.claims.get(name) for name in ("client_id", "azp", "cid", "appid")]
    return token.subject.removesuffix("@clients") in clients or token.claims.get("idtyp") == "app"
