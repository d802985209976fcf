"""Check out by card through an external payment provider."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from trestle.app import Context, Refuse, Request, Response, entity, secret, setting


def pay(request: Request, context: Context) -> Response:
    """Charge the card for one of the caller's orders. The order's id as idempotency key prevents a second charge."""
    order = entity("orders").get(request.path["id"])
    if order["status"] != "open":
        raise Refuse(f"The order is {order['status']}.", status=409, code="not-open")
    charge = post("/charges", {"amount": order["amount"], "card": request.body["card"]}, key=order.id)
    paid = entity("orders").merge(order.id, {"status": "paid", "charge": charge["id"]}, if_match=order.etag)
    return Response(200, {"order": paid.id, "charge": paid["charge"]}, {"ETag": paid.etag})


def post(path: str, body: dict[str, Any], *, key: str) -> Any:
    headers = {
        "Authorization": f"Bearer {secret('provider')}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    request = urllib.request.Request(f"{setting('PROVIDER')}{path}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 402:
            raise Refuse("The card was declined.", status=402, code="declined", pointer="/card") from None
        raise Refuse("The card cannot be charged now.", status=503, code="provider", retry_after=5) from error
    except OSError as error:
        raise Refuse("The card cannot be charged now.", status=503, code="provider", retry_after=5) from error
