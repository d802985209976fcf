"""Receive webhooks: check the signature of the raw bytes, and leave the work to a queue."""

from __future__ import annotations

import hashlib
import hmac

from trestle.app import Context, Job, Refuse, Request, Response, entity, secret, send


def receive(request: Request, context: Context) -> Response:
    signed = hmac.new(secret("signing").encode(), request.raw, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signed, request.headers.get("x-signature", "")):
        raise Refuse("The signature does not match the body.", status=403, code="signature")
    send("settle", request.body)
    return Response(202)


def settle(job: Job, context: Context) -> None:
    """Record a refund. A second delivery changes nothing."""
    if job.body["type"] == "refunded":
        orders = entity("orders").of(job.body["customer"])
        order = orders.get(job.body["order"])
        if order["status"] == "paid":
            orders.merge(order.id, {"status": "refunded"}, if_match=order.etag)
