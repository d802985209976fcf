"""Test the bookings example's hooks and functions in app/."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.error
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from app import bookings
from tests.receiver import Receiver, receiving
from trestle.app import Item
from trestle.testing import Client, System

pytestmark = pytest.mark.system("examples/bookings.tfvars")


@pytest.fixture
def ada(system: System) -> Client:
    return system.user("ada")


@pytest.fixture
def room(system: System) -> Item:
    return system.entity("rooms").create({"name": "Attic", "beds": 2, "rate": Decimal("80.5")})


def stay(room: Item, arrival: int, departure: int, **more: Any) -> dict[str, Any]:
    return {"room": room.id, "arrival": f"2027-01-{arrival:02}", "departure": f"2027-01-{departure:02}", **more}


def nights(system: System) -> set[str]:
    return {night.id.partition(".")[2] for night in system.entity("nights").all()}


def test_the_price_is_computed_from_the_rate(ada: Client, room: Item) -> None:
    made = ada.post("/bookings", stay(room, 1, 4, price=1))
    assert (made.status, made.json["price"], made.json["status"]) == (201, 241.5, "booked")


def test_a_booking_claims_its_nights_and_releases_them(system: System, ada: Client, room: Item) -> None:
    made = ada.post("/bookings", stay(room, 1, 4))
    assert nights(system) == {"2027-01-01", "2027-01-02", "2027-01-03"}
    assert ada.delete(f"/bookings/{made.json['id']}").status == 204
    assert nights(system) == set()


def test_a_taken_night_is_refused_and_nothing_is_written(system: System, ada: Client, room: Item) -> None:
    ada.post("/bookings", stay(room, 10, 12))
    answer = system.user("bob").post("/bookings", stay(room, 8, 11))
    assert answer.status == 409
    assert answer.json["type"] == "urn:trestle:problem:room-taken"
    assert answer.json["detail"] == "The room is taken on 2027-01-10."
    assert nights(system) == {"2027-01-10", "2027-01-11"}
    assert len(system.entity("bookings").all()) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"room": "nowhere"}, "/room"),
        ({"guests": 3}, "/guests"),
        ({"departure": "2027-01-01"}, "/departure"),
        ({"departure": "2027-12-31"}, "/departure"),
    ],
)
def test_bookings_that_break_a_rule_are_refused(ada: Client, room: Item, change: dict[str, Any], pointer: str) -> None:
    answer = ada.post("/bookings", {**stay(room, 1, 4), **change})
    assert answer.status == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_properties_that_determine_the_price_cannot_change(ada: Client, room: Item) -> None:
    made = ada.post("/bookings", stay(room, 1, 4))
    path = f"/bookings/{made.json['id']}"
    assert ada.patch(path, {"guests": 2}).status == 409
    changed = ada.patch(path, {"note": "late"}, If_Match=made.etag)
    assert (changed.status, changed.json["note"], changed.json["price"]) == (200, "late", 241.5)
    assert ada.patch(path, {"note": "later"}, If_Match=made.etag).status == 412


def test_guests_see_their_own_bookings(system: System, ada: Client, room: Item) -> None:
    made = ada.post("/bookings", stay(room, 1, 4))
    assert ada.list("/bookings") == [made.json]
    bob = system.user("bob")
    assert bob.list("/bookings") == []
    assert bob.get(f"/bookings/{made.json['id']}").status == 404


def test_bookings_require_a_signed_in_guest_and_rooms_a_key(system: System, room: Item) -> None:
    assert system.anonymous.post("/bookings", stay(room, 1, 4)).status == 401
    assert system.anonymous.get(f"/rooms/{room.id}").json["name"] == "Attic"
    assert system.anonymous.delete(f"/rooms/{room.id}").status == 403
    assert system.key().delete(f"/rooms/{room.id}").status == 204


def test_a_repeated_request_books_once(system: System, ada: Client, room: Item) -> None:
    first, second = (ada.post("/bookings", stay(room, 1, 4), Idempotency_Key="a1") for _ in range(2))
    assert second.json == first.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(system.entity("bookings").all()) == 1


def test_a_room_that_changes_meanwhile_is_not_booked_at_its_old_rate(
    system: System, ada: Client, room: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights_of = bookings.nights_of

    def raise_rate_meanwhile(draft: Any) -> list[str]:
        assert system.key().patch(f"/rooms/{room.id}", {"rate": 99}).status == 200
        return nights_of(draft)

    with monkeypatch.context() as patch:
        patch.setattr("app.bookings.nights_of", raise_rate_meanwhile)
        answer = ada.post("/bookings", stay(room, 1, 4))
    assert (answer.status, answer.json["type"]) == (409, "urn:trestle:problem:room-changed")
    assert nights(system) == set()
    assert ada.post("/bookings", stay(room, 1, 4)).json["price"] == 297


# --- POST /bookings/{id}/cancel


@pytest.fixture
def booking(ada: Client, room: Item) -> str:
    """The path of one of Ada's bookings."""
    return f"/bookings/{ada.post('/bookings', stay(room, 1, 4)).json['id']}"


def test_a_guest_cancels_and_others_may_book(system: System, ada: Client, room: Item, booking: str) -> None:
    answer = ada.post(f"{booking}/cancel")
    assert (answer.status, answer.json["status"], answer.json["price"]) == (200, "cancelled", 241.5)
    assert nights(system) == set()
    assert ada.get(booking).json["version"] == 2
    again = ada.post(f"{booking}/cancel")
    assert (again.status, again.json["type"]) == (409, "urn:trestle:problem:not-booked")
    assert system.user("bob").post("/bookings", stay(room, 2, 3)).status == 201
    assert ada.delete(booking).status == 204
    assert nights(system) == {"2027-01-02"}


def test_staff_cancel_for_guests_and_guests_only_for_themselves(system: System, ada: Client, booking: str) -> None:
    assert system.anonymous.post(f"{booking}/cancel").status == 401
    assert system.user("bob").post(f"{booking}/cancel").status == 404
    staff = system.user("eve", groups=["staff"])
    assert staff.get(booking).status == 404  # only the guest may use the entity's own routes
    assert staff.post("/bookings/nowhere/cancel").status == 404
    assert staff.post(f"{booking}/cancel").json["status"] == "cancelled"
    assert ada.get(booking).json["status"] == "cancelled"


def test_a_booking_that_changes_meanwhile_is_not_cancelled(
    system: System, ada: Client, booking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights_of = bookings.nights_of

    def change_meanwhile(found: Any) -> list[str]:
        assert ada.patch(booking, {"note": "late"}).status == 200
        return nights_of(found)

    with monkeypatch.context() as patch:
        patch.setattr("app.bookings.nights_of", change_meanwhile)
        assert ada.post(f"{booking}/cancel").status == 409
    assert (ada.get(booking).json["status"], len(nights(system))) == ("booked", 3)
    assert ada.post(f"{booking}/cancel").json["status"] == "cancelled"


def test_the_ticket_is_a_picture(system: System, ada: Client, booking: str) -> None:
    ticket = ada.get(f"{booking}/ticket.svg")
    assert (ticket.status, ticket.headers["Content-Type"]) == (200, "image/svg+xml")
    assert ticket.text.startswith("<svg")
    assert "</svg>" in ticket.text
    assert system.user("bob").get(f"{booking}/ticket.svg").status == 404


# --- Notices and webhooks, on changes


@pytest.fixture
def receiver(system: System) -> Iterator[Receiver]:
    with receiving() as found:
        system.secrets["webhook"] = "whsec"
        system.settings["WEBHOOK_URL"] = f"{found.url}/hooks"
        yield found


def test_guests_get_each_notice_once(system: System, ada: Client, booking: str) -> None:
    ada.patch(booking, {"note": "late"})
    ada.post(f"{booking}/cancel")
    assert ada.list("/notices") == []
    system.deliver(twice=True)
    assert [notice["text"] for notice in ada.list("/notices")] == [
        "Your room is booked from 2027-01-01 to 2027-01-04.",
        "Your booking from 2027-01-01 to 2027-01-04 is cancelled.",
    ]
    assert system.user("bob").list("/notices") == []


def test_webhooks_are_signed(system: System, ada: Client, booking: str, receiver: Receiver) -> None:
    ada.post(f"{booking}/cancel")
    system.deliver()
    first, second = (json.loads(each.body) for each in receiver.requests)
    assert (first["type"], second["type"]) == ("booking.booked", "booking.cancelled")
    assert first["data"]["id"] == second["data"]["id"] == booking.rpartition("/")[2]
    for each in receiver.requests:
        signed = f"{each.headers['webhook-id']}.{each.headers['webhook-timestamp']}.".encode() + each.body
        expected = base64.b64encode(hmac.digest(b"whsec", signed, hashlib.sha256)).decode()
        assert each.headers["webhook-signature"] == f"v1,{expected}"
    assert receiver.requests[0].headers["webhook-id"] != receiver.requests[1].headers["webhook-id"]


def test_a_retried_webhook_has_the_same_id(system: System, booking: str, receiver: Receiver) -> None:
    receiver.answers = [(500, {}, b""), (503, {"Retry-After": "120"}, b"")]
    system.clock.set("2027-01-01T12:00:00Z")
    with pytest.raises(urllib.error.HTTPError):
        system.deliver()
    system.deliver(retry=True)
    ids = {each.headers["webhook-id"] for each in receiver.requests}
    assert (len(receiver.requests), len(ids)) == (3, 1)
    assert system.clock.time() >= 1798804800 + 120
    assert system.dead_letters("webhook") == []


def test_a_receiver_that_never_responds_leaves_a_dead_letter(system: System, booking: str, receiver: Receiver) -> None:
    receiver.answers = [(500, {}, b"")] * 8
    system.deliver(retry=True)
    (letter,) = system.dead_letters("webhook")
    assert letter["event"]["type"] == "booking.booked"
    assert len(receiver.requests) == 8


def test_without_a_receiver_no_webhook_is_sent(system: System, booking: str) -> None:
    system.deliver()
    assert system.jobs("webhook") == system.dead_letters("webhook") == []


# --- The nightly job


def test_past_bookings_become_stays_page_by_page(
    system: System, ada: Client, room: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.post("/bookings", stay(room, 1, 4))
    ada.post("/bookings", stay(room, 4, 6))
    system.user("bob").post("/bookings", stay(room, 6, 9))
    monkeypatch.setattr("app.nightly.MARGIN", 10**6)  # no time is ever left
    monkeypatch.setattr("app.nightly.PAGE", 1)
    system.clock.set("2027-01-06T03:00:00Z")
    system.run("nightly")
    assert [each["status"] for each in system.entity("bookings").all()].count("stayed") == 1
    assert nights(system) == {f"2027-01-0{day}" for day in range(4, 9)}
    system.clock.advance(days=30)
    system.run("nightly")
    assert {each["status"] for each in system.entity("bookings").all()} == {"stayed"}
    assert nights(system) == set()


def test_a_booking_that_is_cancelled_meanwhile_stays_cancelled(
    system: System, ada: Client, room: Item, booking: str
) -> None:
    system.lists.lag()
    ada.post(f"{booking}/cancel")
    system.clock.set("2027-02-01T03:00:00Z")
    system.run("nightly")
    assert ada.get(booking).json["status"] == "cancelled"
