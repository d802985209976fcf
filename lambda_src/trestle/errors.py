"""The reasons for which requests are refused. The http layer gives each one its status."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FAULTS = 20


class QuotableError(Exception):
    """An error whose message contains no part of a request or an item, so that logs and traces may include it."""


class Refusal(Exception):  # noqa: N818 - these are outcomes, not failures of the program
    """A request that ends without success.

    detail: one sentence for the caller. faults: at most 20 of {"pointer" or "parameter": where, "detail": why}.
    """

    def __init__(self, detail: str, faults: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = list(faults[:MAX_FAULTS])


class InvalidRequest(Refusal):
    """The request is malformed."""


class InvalidItem(Refusal):
    """The item does not meet its schema."""


class UnsupportedMediaType(Refusal):
    """The body's declared type is not JSON."""


class TooLarge(Refusal):
    """The body, or the resulting item, is too large."""


class Unauthorized(Refusal):
    """The caller is unknown."""


class Forbidden(Refusal):
    """The caller is known but not allowed to do this."""


class NotFound(Refusal):
    """There is no such item."""


class Changed(Refusal):
    """The item is not in the state the caller expects."""


class Conflict(Refusal):
    """The id is in use, or concurrent writers won every attempt."""


class KeyReused(Refusal):
    """An idempotency key was reused with a different body."""


class Refused(Refusal):
    """Own code refuses the request.

    status: the HTTP status. code: the problem's kind. retry_after: the seconds until a retry may succeed, or None.
    """

    def __init__(
        self, detail: str, faults: Sequence[dict[str, str]], *, status: int, code: str, retry_after: int | None
    ) -> None:
        super().__init__(detail, faults)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class Unavailable(Refusal, QuotableError):  # noqa: N818 - an outcome as well
    """The table does not respond. A retry may succeed."""
