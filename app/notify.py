"""Tell guests and other systems of new and cancelled bookings, after they were written."""

from __future__ import annotations

from contextlib import suppress

from trestle.app import Change, Context, Taken, entity, send

TEXTS = {
    "booked": "Your room is booked from {arrival} to {departure}.",
    "cancelled": "Your booking from {arrival} to {departure} is cancelled.",
}


def handle(change: Change, context: Context) -> None:
    """Leave the guest a notice, and send a webhook. A change may come twice; its notice is made once."""
    booking = change.item
    status = booking["status"]
    notice = {"booking": booking.id, "text": TEXTS[status].format_map(booking)}
    with suppress(Taken):  # The change was delivered before. Its webhook may not have been sent, so go on.
        entity("notices").of(booking.owner).create(notice, id=change.id)
    event = {"type": f"booking.{status}", "timestamp": change.at, "data": {"id": booking.id, "room": booking["room"]}}
    send("webhook", {"id": change.id, "event": event})
