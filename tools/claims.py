"""Parse claims from a command line or a form: NAME=VALUE."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Claims that Cognito sets itself, or that no trigger may change:
# https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
RESERVED_BY_COGNITO = frozenset((
    "acr", "amr", "at_hash", "aud", "auth_time", "azp", "client_id", "device_key", "event_id", "exp", "iat",
    "identities", "iss", "jti", "nbf", "nonce", "origin_jti", "scope", "sub", "token_use", "username", "version",
))  # fmt: skip

CLAIM_NAME, LONGEST_CLAIM, MOST_CLAIMS = re.compile(r"[!-<>-~]{1,128}"), 1024, 20

# Characters in tokens. RFC 6749, 3.3, defines scopes. Groups have no spaces, which separate them in
# a form.
SCOPE, LONGEST_NAME = re.compile(r"[!#-\[\]-~]{1,256}"), 256


def parse_claim(text: str) -> tuple[str, str]:
    """Return the name and the value of a claim. Raise ValueError with the fault if it is malformed."""
    name, equals, value = text.partition("=")
    if not equals or not CLAIM_NAME.fullmatch(name):
        raise ValueError(
            f"{text!r} is not a claim: write NAME=VALUE, with a name of 1 to 128 printable ASCII characters without "
            "spaces, such as tenant_id=acme"
        )
    if len(value) > LONGEST_CLAIM or not value.isprintable():
        raise ValueError(
            f"the value of {name} is not text of at most {LONGEST_CLAIM} printable characters: shorten it, or remove "
            "control characters"
        )
    return name, value


def unique_claims(claims: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return claims by name. Raise ValueError with the fault if one is repeated, or if there are too many."""
    names = [name for name, _ in claims]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{repeated} is given twice: a claim has one value")
    if len(claims) > MOST_CLAIMS:
        raise ValueError(f"{len(claims)} claims are given: a token takes {MOST_CLAIMS} at most")
    return dict(claims)


def name_fault(what: str, name: str) -> str | None:
    """Return why a text is not a valid name of a user or a group, or None."""
    if not name.strip():
        return f"the {what} is empty: write a name, such as ada"
    if len(name) > LONGEST_NAME or not name.isprintable():
        return f"the {what} {name[:40]!r} is not text of at most {LONGEST_NAME} printable characters: choose another"
    return None


def scope_fault(scope: str) -> str | None:
    """Return why a text is not a valid scope, or None."""
    if SCOPE.fullmatch(scope):
        return None
    return (
        f"{scope[:40]!r} is not a scope: write 1 to 256 printable ASCII characters without spaces, quotes and "
        "backslashes, such as notes:read"
    )
