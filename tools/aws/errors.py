"""What AWS refuses, as one sentence with the remedy."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

# Errors that mean an unknown caller. Others mean a known caller without the right.
CREDENTIAL_ERRORS = (ConfigNotFound, ConfigParseError, CredentialRetrievalError, NoAuthTokenError, NoCredentialsError,
                     PartialCredentialsError, ProfileNotFound, SSOError, TokenRetrievalError)  # fmt: skip
CREDENTIAL_ERROR_CODES = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch",
                          "UnrecognizedClientException")  # fmt: skip
SIGN_IN = "Sign in, for example by `aws sso login`, and set AWS_PROFILE."


def explain_aws_error(error: BotoCoreError | ClientError, remedy: str) -> str:
    """Return what AWS said and what to do: the remedy, unless AWS does not know the caller."""
    text = str(error).strip().rstrip(".")
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    if isinstance(error, CREDENTIAL_ERRORS) or code in CREDENTIAL_ERROR_CODES:
        return f"AWS does not know you: {text}. {SIGN_IN}"
    return f"AWS refused: {text}. {remedy}"
