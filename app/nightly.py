"""The job of every night: bookings whose departure is past become "stayed"."""

from __future__ import annotations

from contextlib import suppress

from app.bookings import end
from trestle.app import Again, Changed, Context, Job, NotFound, entity

MARGIN = 30  # seconds, more than a page takes
PAGE = 100


def handle(job: Job, context: Context) -> Again | None:
    """Go through the bookings page by page. When the time is up, another job goes on where this one has stopped."""
    bookings = entity("bookings")
    today = context.now[:10]
    cursor = job.body
    while True:
        page = bookings.everyone.page(limit=PAGE, cursor=cursor)
        for booking in page.items:
            if booking["status"] == "booked" and booking["departure"] < today:
                with suppress(Changed, NotFound):  # Somebody has just changed it. The next night looks again.
                    end(bookings.of(booking.owner), booking, "stayed")
        cursor = page.next
        if cursor is None:
            return None
        if context.seconds_left() < MARGIN:
            return Again(cursor)
