"""Why there is no decision for a token, in words that quote nothing of it."""

from trestle.errors import QuotableError


class Refused(Exception):  # noqa: N818 - an outcome, not a failure of the program
    """The token is not valid here. reason: for the log, in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class IssuerError(QuotableError):
    """The issuer does not answer, or not as OpenID Connect Discovery has it."""


class UnreachableError(IssuerError):
    """The issuer does not answer, or what is on the way to it does."""
