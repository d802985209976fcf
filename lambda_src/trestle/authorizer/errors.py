"""Reasons for which a token is refused or cannot be verified. Messages never quote the token."""

from trestle.errors import QuotableError


class Refused(Exception):  # noqa: N818 - an outcome, not a failure of the program
    """The token is not valid here. reason: a few words for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class IssuerError(QuotableError):
    """The issuer does not answer, or its answer does not conform to OpenID Connect Discovery."""


class UnreachableError(IssuerError):
    """The issuer does not answer, or something between answers in its place."""
