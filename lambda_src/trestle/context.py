"""The context of a request, which all operations and the store receive."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Call:
    """One call to an AWS service, with its retries.

    service: the service's title, such as "DynamoDB". tables: the names of the DynamoDB tables that the call is about.
    queue: the URL of the SQS queue that it is about, "" for other services. began, ended: seconds since 1970. status:
    the HTTP status, 0 without an answer. code: the error's short name, "" without an error. units: the capacity units
    that it consumed, None if DynamoDB did not report them.
    """

    __slots__ = (
        "action", "began", "code", "ended", "queue", "request_id", "retries", "service", "status", "tables",
        "throttled", "units",
    )  # fmt: skip

    def __init__(
        self, action: str, tables: Sequence[str], *, began: float, ended: float, retries: int, request_id: str
    ) -> None:
        self.action = action
        self.tables = tables
        self.began = began
        self.ended = ended
        self.retries = retries
        self.request_id = request_id
        self.status = 200
        self.code = ""
        self.throttled = False
        self.units: float | None = None
        self.service = "DynamoDB"
        self.queue = ""


class Context:
    """The caller on whose behalf operations run, and the time that they have.

    caller: the caller's name, "" for none. Idempotency keys are separate for each caller.
    owner: the owner whose items the operations reach, "" for an entity without owners.
    deadline: the value of time.monotonic() after which nobody waits for the result, None for no deadline.
    calls: the calls to AWS services so far, which the request's log line and trace report.
    operation, request_id: those of the request, "" without a request. gateway: the event's requestContext, or None.
    writer: the writer that records keep: "function:NAME", "import", or "" for the API's own operations.
    is_trusted: whether the operations may read and write every property, regardless of the caller.
    """

    __slots__ = ("caller", "calls", "deadline", "gateway", "is_trusted", "operation", "owner", "request_id", "writer")

    def __init__(
        self,
        *,
        caller: str = "",
        owner: str = "",
        deadline: float | None = None,
        operation: str = "",
        request_id: str = "",
        gateway: dict[str, Any] | None = None,
        writer: str = "",
    ) -> None:
        self.caller = caller
        self.owner = owner
        self.deadline = deadline
        self.operation = operation
        self.request_id = request_id
        self.gateway = gateway
        self.writer = writer
        self.is_trusted = False
        self.calls: list[Call] = []

    def for_owner(self, owner: str) -> Context:
        """Return the same request's context for the items of an owner, "" for items without owners."""
        context = Context(
            caller=self.caller, owner=owner, deadline=self.deadline,
            operation=self.operation, request_id=self.request_id, gateway=self.gateway,
            writer=self.writer,
        )  # fmt: skip
        context.calls = self.calls
        context.is_trusted = self.is_trusted
        return context
