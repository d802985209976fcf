"""Turn errors of AWS into one sentence with the remedy."""

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

# Errors that mean an unknown caller. Other errors concern a known caller.
CREDENTIAL_ERRORS = (ConfigNotFound, ConfigParseError, CredentialRetrievalError, NoAuthTokenError, NoCredentialsError,
                     PartialCredentialsError, ProfileNotFound, SSOError, TokenRetrievalError)  # fmt: skip
CREDENTIAL_ERROR_CODES = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch",
                          "UnrecognizedClientException")  # fmt: skip
SIGN_IN = "Sign in, for example with `aws sso login`, and set AWS_PROFILE."


def explain_aws_error(error: BotoCoreError | ClientError, remedy: str) -> str:
    """Return AWS's message and the remedy; to an unknown caller, how to sign in."""
    text = str(error).strip().rstrip(".")
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    if isinstance(error, CREDENTIAL_ERRORS) or code in CREDENTIAL_ERROR_CODES:
        return f"No valid AWS credentials: {text}. {SIGN_IN}"
    return f"AWS refused: {text}. {remedy}"
