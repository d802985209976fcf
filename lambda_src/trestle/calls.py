"""The calls on DynamoDB of the request at hand, which its line in the log and its trace tell of."""

from __future__ import annotations


class Call:
    """One call on DynamoDB, its retries included.

    began, ended: seconds since 1970. status: of HTTP, 0 when no answer came. code: the error's short name, ""
    without one. units: the capacity units it consumed, None where DynamoDB did not say.
    """

    __slots__ = ("action", "began", "code", "ended", "request_id", "retries", "status", "throttled", "units")

    def __init__(self, action: str, began: float, ended: float, retries: int, request_id: str) -> None:
        self.action = action
        self.began = began
        self.ended = ended
        self.retries = retries
        self.request_id = request_id
        self.status = 200
        self.code = ""
        self.throttled = False
        self.units: float | None = None


# One list is enough, since Lambda gives a process one request at a time; the handler empties it after each.
CALLS: list[Call] = []
