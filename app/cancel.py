"""POST /bookings/{id}/cancel, for the guest who has booked and for staff."""

from __future__ import annotations

from app.bookings import end
from trestle.app import Context, Entity, Refuse, Request, Response, entity


def cancel(request: Request, context: Context) -> Response:
    """Cancel a booking, and give its nights back."""
    bookings = bookings_for(request, context)
    booking = bookings.get(request.path["id"])
    if booking["status"] != "booked":
        raise Refuse(f"The booking is {booking['status']}.", status=409, code="not-booked")
    end(bookings, booking, "cancelled")
    return Response(200, {**booking, "id": booking.id, "status": "cancelled"})


def bookings_for(request: Request, context: Context) -> Entity:
    """Return the bookings that the caller may cancel: staff may cancel those of the guest whose booking it is."""
    bookings = entity("bookings")
    if context.caller and "staff" in context.caller.groups:
        return bookings.of(entity("guests").get(request.path["id"])["guest"])
    return bookings
