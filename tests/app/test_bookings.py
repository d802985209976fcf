"""The rules of bookings, as app/bookings.py has them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app import bookings
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


def test_the_rate_makes_the_price(ada: Client, room: Item) -> None:
    made = ada.post("/bookings", stay(room, 1, 4, price=1))
    assert (made.status, made.json["price"], made.json["status"]) == (201, 241.5, "booked")


def test_a_booking_claims_its_nights_and_gives_them_back(system: System, ada: Client, room: Item) -> None:
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
def test_what_breaks_a_rule_is_refused(ada: Client, room: Item, change: dict[str, Any], pointer: str) -> None:
    answer = ada.post("/bookings", {**stay(room, 1, 4), **change})
    assert answer.status == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_what_the_price_depends_on_is_fixed(ada: Client, room: Item) -> None:
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


def test_bookings_need_a_guest_who_has_signed_in_and_rooms_a_key(system: System, room: Item) -> None:
    assert system.anonymous.post("/bookings", stay(room, 1, 4)).status == 401
    assert system.anonymous.get(f"/rooms/{room.id}").json["name"] == "Attic"
    assert system.anonymous.delete(f"/rooms/{room.id}").status == 403
    assert system.key().delete(f"/rooms/{room.id}").status == 204


def test_a_request_that_is_sent_again_books_once(system: System, ada: Client, room: Item) -> None:
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
