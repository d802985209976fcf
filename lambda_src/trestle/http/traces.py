"""Send X-Ray subsegments for a request, change or job, and for its calls to AWS services.

Lambda creates the segment. This module is imported only for sampled requests. Sources: "AWS X-Ray segment documents"
and "Sending trace data to X-Ray" in the X-Ray developer guide.
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
    """Send the trace of a request that ends now, and add the trace's id to the log's fields."""
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

    header: the value of _X_AMZN_TRACE_ID. fields: the request's log fields. calls: its calls to AWS services. began,
    ended: seconds since 1970.
    Returns the trace's id. Sends nothing and returns "" if the header names no trace or there is no daemon.
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
    """Send one datagram. A failure affects no other datagram."""
    host, _, port = address.rpartition(":")
    try:
        socket.inet_aton(host)  # an address only: resolving a name would take time
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.setblocking(False)
            daemon.sendto(f"{_HEADER}{_encode(document)}".encode(), (host, int(port)))
    except (OSError, OverflowError, ValueError):
        # No daemon, a full buffer, or a document that is too large: a request never fails because of its trace.
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
    """Return X-Ray's fields for the tables or the queue of a call."""
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
    """Return X-Ray's flags: "fault" for 5xx and for no answer (0), "error" for 4xx."""
    flags = {"throttle": throttled, "error": 400 <= status < 500, "fault": status >= 500 or status == 0}
    return {name: value for name, value in flags.items() if value}


def _cause(error: Exception) -> dict[str, Any]:
    """Return X-Ray's description of an error and its causes, with their stacks."""
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
