"""Why a request is refused, in the domain's terms; the http layer gives each its status."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FAULTS = 20


class QuotableError(Exception):
    """An error whose message quotes nothing of a request or an item, so that log and trace may repeat it."""


class Refusal(Exception):  # noqa: N818 - these are outcomes, not failures of the program
    """A request that ends without success.

    detail: one sentence for the caller. faults: {"pointer" or "parameter": where, "detail": why}, at most 20.
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
    """The body, or the item it would make, is over the limit."""


class Unauthorized(Refusal):
    """The caller is unknown."""


class Forbidden(Refusal):
    """The caller is known, and not allowed to do this."""


class NotFound(Refusal):
    """There is no such item."""


class Changed(Refusal):
    """The item is not in the state the caller expects."""


class Conflict(Refusal):
    """The id is in use, or other writers won every race."""


class KeyReused(Refusal):
    """An idempotency key came back with another body."""


class Refused(Refusal):
    """Own code refuses the request.

    status: of HTTP. code: the problem's kind. retry_after: seconds until the request may succeed, or None.
    """

    def __init__(
        self, detail: str, faults: Sequence[dict[str, str]], *, status: int, code: str, retry_after: int | None
    ) -> None:
        super().__init__(detail, faults)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class Unavailable(Refusal, QuotableError):  # noqa: N818 - an outcome as well
    """The table does not answer now; the same request may succeed in a moment."""
