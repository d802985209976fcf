"""The caller of a request, as own code sees it."""

from __future__ import annotations

from trestle.app import Caller
from trestle.operations.claims import access_claims, groups_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context


def caller_of(context: Context) -> Caller | None:
    """Return who sent a request, None where it did not come through the gateway."""
    gateway = context.gateway
    if gateway is None:
        return None
    claims = access_claims(gateway)
    if claims is not None:
        subject: str = claims["sub"]
        # Cognito gives a client that signs in by itself its own id as the subject.
        return Caller(
            "machine" if claims.get("client_id") == subject else "user", subject,
            owner=subject, groups=groups_of(claims), scopes=str(claims.get("scope", "")).split(),
            claims=claims,
        )  # fmt: skip
    identity = gateway.get("identity") or {}
    if arn := identity.get("userArn"):
        return Caller("iam", arn)
    if key := identity.get("apiKeyId"):
        return Caller("key", key)
    return Caller()
