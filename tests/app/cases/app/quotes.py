"""Quote a parcel's price from a typed query."""

from __future__ import annotations

from decimal import Decimal

from trestle.app import Context, Request, Response

RATES = {"CH": Decimal("7.5"), "DE": Decimal("4.9"), "FR": Decimal("5.1")}


def quote(request: Request, context: Context) -> Response:
    price = RATES[request.query["country"]] * request.query["quantity"]
    if request.query["express"]:
        price *= 2
    return Response(200, {"price": price}, {"Cache-Control": "public, max-age=3600"})
