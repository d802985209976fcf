"""X-Ray: the request and its calls on DynamoDB as subsegments of the segment that Lambda makes.

Imported for sampled requests alone. Sources: "AWS X-Ray segment documents" and "Sending trace data to X-Ray"
in its developer guide.
"""

from __future__ import annotations

import json
import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Call

_HEADER = '{"format": "json", "version": 1}\n'
_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode


def send(
    header: str,
    fields: dict[str, Any],
    calls: Sequence[Call],
    error: Exception | None,
    *,
    began: float,
    ended: float,
) -> str:
    """Send the request's trace to the daemon at AWS_XRAY_DAEMON_ADDRESS.

    header: what _X_AMZN_TRACE_ID says. fields: the request's, as they are logged. calls: on DynamoDB. began,
    ended: seconds since 1970.
    Returns the trace's id; "", and sends nothing, where the header names no trace or there is no daemon.
    """
    named = dict(part.split("=", 1) for part in header.split(";") if "=" in part)
    address = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    if not address or "Root" not in named or "Parent" not in named:
        return ""
    place = {"trace_id": named["Root"], "parent_id": named["Parent"]}
    request = _request_segment(fields, error, began, ended) | place
    parts = [_call_segment(call) | {"trace_id": named["Root"], "parent_id": request["id"]} for call in calls]
    for document in (request, *parts):
        _send_document(address, document)
    return named["Root"]


def _send_document(address: str, document: dict[str, Any]) -> None:
    """One datagram, and one that does not go keeps no other back."""
    host, _, port = address.rpartition(":")
    try:
        socket.inet_aton(host)  # a name would have to be looked up, which waits
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.setblocking(False)
            daemon.sendto(f"{_HEADER}{_encode(document)}".encode(), (host, int(port)))
    except (OSError, OverflowError, ValueError):
        # No daemon, no room in the buffer, too large: a trace is not worth a request that fails or waits.
        return


def _request_segment(fields: dict[str, Any], error: Exception | None, began: float, ended: float) -> dict[str, Any]:
    status = fields["status"]
    names = ("requestId", "entity", "operation", "status")
    segment = {
        **_subsegment(".".join(filter(None, (fields["entity"], fields["operation"])))),
        "start_time": began,
        "end_time": ended,
        # By these X-Ray finds a trace again: annotation.requestId = "...".
        "annotations": {name: fields[name] for name in names if fields[name] is not None},
        "http": {"response": {"status": status}},
        **_flags(status, throttled="throttled" in fields),
    }
    if error and status >= 500:
        segment["cause"] = _cause(error)
    return segment


def _call_segment(call: Call) -> dict[str, Any]:
    segment = {
        **_subsegment("DynamoDB"),
        "start_time": call.began,
        "end_time": call.ended,
        "namespace": "aws",
        "aws": {
            "operation": call.action,
            "region": os.environ.get("AWS_REGION"),
            "table_name": call.table,
            "request_id": call.request_id,
            "retries": call.retries,
        },
        **_flags(call.status, throttled=call.throttled),
    }
    if call.status:
        segment["http"] = {"response": {"status": call.status}}
    if call.code:
        segment["cause"] = {"exceptions": [{"id": _id(), "type": call.code, "remote": True}]}
    return segment


def _subsegment(name: str) -> dict[str, Any]:
    return {"type": "subsegment", "id": _id(), "name": name}


def _id() -> str:
    return os.urandom(8).hex()


def _flags(status: int, *, throttled: bool) -> dict[str, bool]:
    """What X-Ray colours by: a fault is the server's, an error the caller's; no answer, 0, is a fault."""
    flags = {"throttle": throttled, "error": 400 <= status < 500, "fault": status >= 500 or status == 0}
    return {name: value for name, value in flags.items() if value}


def _cause(error: Exception) -> dict[str, Any]:
    """An error and its causes, each with its stack."""
    from trestle.http.error_chain import error_chain

    exceptions: list[dict[str, Any]] = []
    for each in error_chain(error):
        stack = [{"path": path, "line": line, "label": name} for path, line, name in each.frames]
        found = {"id": _id(), "type": each.type, "stack": stack}
        if each.message:
            found["message"] = each.message
        if exceptions:
            exceptions[-1]["cause"] = found["id"]
        exceptions.append(found)
    return {"exceptions": exceptions}
