"""Secrets of AWS Secrets Manager."""

from __future__ import annotations

from trestle.errors import QuotableError
from trestle.store.endpoint import Service
from trestle.store.services import request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context

SECRETS_MANAGER = Service(
    "secretsmanager", "secretsmanager", title="Secrets Manager", version="1.1", variable="SECRETS_MANAGER"
)


class BinarySecretError(QuotableError):
    """A secret is binary instead of text."""


def secret_value(context: Context, arn: str) -> str:
    """Return the current text of a secret. Its ARN contains the region.

    Raise BinarySecretError, Unavailable, RefusedError.
    """
    region = arn.split(":")[3]
    found = request(SECRETS_MANAGER, context, "GetSecretValue", {"SecretId": arn}, region=region)
    value = found.get("SecretString")
    if not isinstance(value, str):
        raise BinarySecretError("The secret is binary. Store it as text, as SecretString.")
    return value
