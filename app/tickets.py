"""GET /bookings/{id}/ticket.svg: a QR code for the check-in desk."""

from __future__ import annotations

import segno

from trestle.app import Context, Request, Response, entity


def ticket(request: Request, context: Context) -> Response:
    booking = entity("bookings").get(request.path["id"])
    code = segno.make(f"booking:{booking.id}", micro=False)
    return Response(200, code.svg_inline(scale=4), {"Content-Type": "image/svg+xml"})
