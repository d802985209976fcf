"""The rules of bookings: a room has one guest a night, and its rate makes the price."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from trestle.app import Context, Draft, Entity, Item, Refuse, Transaction, entity, transaction

MAX_NIGHTS = 60
FIXED = ("room", "arrival", "departure", "guests")


def before_create(draft: Draft, context: Context) -> None:
    """Price the booking and claim its nights, all of them or none."""
    room = entity("rooms").find(draft["room"])
    if room is None:
        raise Refuse("There is no such room.", pointer="/room")
    if draft["guests"] > room["beds"]:
        raise Refuse(f"{room['name']} has {room['beds']} beds.", pointer="/guests")
    nights = nights_of(draft)
    if not 1 <= len(nights) <= MAX_NIGHTS:
        raise Refuse(f"A booking has 1 to {MAX_NIGHTS} nights.", pointer="/departure")
    draft["price"] = room["rate"] * len(nights)
    draft["status"] = "booked"
    # Staff cancel bookings by their ids alone, see app/cancel.py.
    context.transaction.create("guests", {"guest": draft.owner}, id=draft.id)
    changed = Refuse("The room has just changed. Try again.", status=409, code="room-changed", pointer="/room")
    context.transaction.check("rooms", room.id, if_match=room.etag, otherwise=changed)
    for night in nights:
        context.transaction.create(
            "nights",
            {"booking": draft.id},
            id=f"{draft['room']}.{night}",
            otherwise=Refuse(f"The room is taken on {night}.", status=409, code="room-taken", pointer="/arrival"),
        )


def before_update(draft: Draft, current: Item, context: Context) -> None:
    """Keep what the price and the nights depend on."""
    if fixed := [name for name in FIXED if name in draft.changed]:
        raise Refuse("Delete the booking and make a new one.", status=409, code="fixed", pointer=f"/{fixed[0]}")


def before_delete(current: Item, context: Context) -> None:
    """Give the nights back."""
    context.transaction.delete("guests", current.id)
    if current["status"] == "booked":
        give_nights_back(current, context.transaction)


def end(bookings: Entity, booking: Item, status: str) -> None:
    """Set the last status of a booking, unless it has changed, and give its nights back."""
    with transaction() as writes:
        writes.merge(bookings, booking.id, {"status": status}, if_match=booking.etag)
        give_nights_back(booking, writes)


def give_nights_back(booking: Item, writes: Transaction) -> None:
    for night in nights_of(booking):
        writes.delete("nights", f"{booking['room']}.{night}")


def nights_of(booking: Mapping[str, Any]) -> list[str]:
    """Return the dates of a booking's nights, at most one more than are allowed."""
    arrival, departure = (date.fromisoformat(booking[day]) for day in ("arrival", "departure"))
    nights = min((departure - arrival).days, MAX_NIGHTS + 1)
    return [(arrival + timedelta(days=night)).isoformat() for night in range(nights)]
