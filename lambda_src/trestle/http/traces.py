"""X-Ray: the request, change or job and its calls on services as subsegments of the segment that Lambda makes.

Imported for sampled requests alone. Sources: "AWS X-Ray segment documents" and "Sending trace data to X-Ray"
in its developer guide.
"""

from __future__ import annotations

import json
import os
import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Call

_HEADER = '{"format": "json", "version": 1}\n'
_ANNOTATIONS = ("requestId", "entity", "operation", "function", "call", "route", "result", "status")
_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode


def add_trace(fields: dict[str, Any], calls: Sequence[Call], error: Exception | None, began: float) -> None:
    """Send the trace of what began at a time and ends now, if X-Ray samples it, and add its id to the log's fields."""
    header = os.environ["_X_AMZN_TRACE_ID"]
    if trace_id := send(header, fields, calls, error, began=began, ended=time.time()):
        fields["xrayTraceId"] = trace_id


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

    header: what _X_AMZN_TRACE_ID says. fields: the request's, as they are logged. calls: on services. began,
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
    """Send one datagram; a failure does not stop the others."""
    host, _, port = address.rpartition(":")
    try:
        socket.inet_aton(host)  # resolving a name would take time
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.setblocking(False)
            daemon.sendto(f"{_HEADER}{_encode(document)}".encode(), (host, int(port)))
    except (OSError, OverflowError, ValueError):
        # No daemon, a full buffer, a document that is too large: no request fails or waits for its trace.
        return


def _request_segment(fields: dict[str, Any], error: Exception | None, began: float, ended: float) -> dict[str, Any]:
    status = fields["status"]
    what = [fields.get("entity") or fields.get("function"), fields.get("operation") or fields.get("call")]
    segment = {
        **_subsegment(".".join(filter(None, what))),
        "start_time": began,
        "end_time": ended,
        # X-Ray searches traces by these: annotation.requestId = "...".
        "annotations": {name: fields[name] for name in _ANNOTATIONS if fields.get(name) is not None},
        "http": {"response": {"status": status}},
        **_flags(status, throttled="throttled" in fields),
    }
    if error and status >= 500:
        segment["cause"] = _cause(error)
    return segment


def _call_segment(call: Call) -> dict[str, Any]:
    segment = {
        **_subsegment(call.service),
        "start_time": call.began,
        "end_time": call.ended,
        "namespace": "aws",
        "aws": {
            "operation": call.action,
            "region": os.environ.get("AWS_REGION"),
            **_resources(call),
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


def _resources(call: Call) -> dict[str, Any]:
    """Return what a call is on, as X-Ray names it."""
    if call.queue:
        return {"queue_url": call.queue}
    if not call.tables:
        return {}
    return {"table_name": call.tables[0]} if len(call.tables) == 1 else {"table_names": call.tables}


def _subsegment(name: str) -> dict[str, Any]:
    return {"type": "subsegment", "id": _id(), "name": name}


def _id() -> str:
    return os.urandom(8).hex()


def _flags(status: int, *, throttled: bool) -> dict[str, bool]:
    """Return X-Ray's flags: fault for the server's errors and for no answer (0), error for the caller's."""
    flags = {"throttle": throttled, "error": 400 <= status < 500, "fault": status >= 500 or status == 0}
    return {name: value for name, value in flags.items() if value}


def _cause(error: Exception) -> dict[str, Any]:
    """Return an error and its causes, each with its stack."""
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
