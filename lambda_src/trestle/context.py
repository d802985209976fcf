"""The context of a request: what travels with it through operations and store."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Call:
    """One call on a service, its retries included.

    service: its title, such as "DynamoDB". tables: the names of those it is on, none of other services. queue: the
    URL of the queue of SQS that it is on, "" of other services. began, ended: seconds since 1970. status: of HTTP, 0
    when no answer came. code: the error's short name, "" without one. units: the capacity units it consumed, None
    where DynamoDB did not say.
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
    """On whose behalf operations run, and for how long.

    caller: who asks, "" for nobody. An idempotency key belongs to its caller.
    owner: the user whose items the operations are about, "" for an entity whose items have no owners.
    deadline: the value of time.monotonic() after which nobody waits for the result, None for never.
    calls: the calls on services so far, which the request's log line and trace report.
    operation, request_id: of the request, "" without one. gateway: the event's requestContext, None without one.
    writer: who writes, "function:NAME" or "import", "" for the API's own operations. Records keep it.
    is_trusted: whether the operations may read and write every property, whoever sent the request.
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
        """Return the same request's context for operations on an owner's items, "" for items without owners."""
        context = Context(
            caller=self.caller, owner=owner, deadline=self.deadline,
            operation=self.operation, request_id=self.request_id, gateway=self.gateway,
            writer=self.writer,
        )  # fmt: skip
        context.calls = self.calls
        context.is_trusted = self.is_trusted
        return context
