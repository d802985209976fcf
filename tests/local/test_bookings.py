"""Test the bookings example over HTTP: its hooks price, claim nights and refuse, also for concurrent clients.

Its functions cancel, notify, send webhooks and process past bookings, as in AWS.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.api import Answer, Api
from tests.local.conftest import up
from tests.local.described_api import DescribedApi
from tests.local.runner import ROOT, Local
from tests.local.test_examples import Example
from tests.local.test_roles import RIGHTS, Roles, is_allowed, own_requests
from tests.receiver import Receiver, receiving

CLIENTS = 24

# What the operations of bookings may do besides their own requests: read the current item, and
# `uses`.
HOOKS: dict[str, dict[str, set[str]]] = {
    "create": {"bookings": {"GetItem"}, "guests": {"PutItem"}, "nights": {"PutItem"}, "rooms": {"GetItem"}},
    "delete": {"bookings": {"GetItem"}, "guests": {"DeleteItem"}, "nights": {"DeleteItem"}},
    "merge": {},
    "replace": {"bookings": {"GetItem"}},
}

# What the functions of app/ may do by `uses`.
FUNCTIONS: dict[str, dict[str, set[str]]] = {
    "cancel": {"bookings": {"GetItem", "UpdateItem"}, "guests": {"GetItem"}, "nights": {"DeleteItem"}},
    "nightly": {
        "bookings": {"GetItem", "Query on the index", "Scan", "UpdateItem"},
        "nights": {"DeleteItem"},
    },
    "notify": {"notices": {"PutItem"}},
    "tickets": {"bookings": {"GetItem"}},
    "webhook": {},
}
VALUE = "a value for this machine"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def bookings(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example with webhooks to the receiver."""
    folder = tmp_path_factory.mktemp("bookings")
    text = (ROOT / "examples" / "bookings.tfvars").read_text()
    assert text.count('WEBHOOK_URL = ""') == 1
    (folder / "bookings.tfvars").write_text(text.replace('URL = ""', f'URL = "{receiver.url}/hooks"'))
    local = Local(folder / "local")
    try:
        up(local, folder / "bookings.tfvars")
        kept = local("secret", "webhook", stdin=f"{VALUE}\n")
        assert kept.returncode == 0, kept.stderr
        outputs = local.outputs()
        yield Example(local, outputs["api_url"], outputs["api_keys"])
    finally:
        local("down")


def eventually(find: Callable[[], Any]) -> Any:
    """Wait for a true value and return it; the test's own limit ends the wait."""
    while not (found := find()):
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def ada(bookings: Example) -> DescribedApi:
    return bookings.as_user("ada")


@pytest.fixture
def room(bookings: Example) -> str:
    made = bookings.api("default").create("/rooms", {"name": "Attic", "beds": 2, "rate": 80.5})
    found: str = made.json["id"]
    return found


def stay(room: str, arrival: int, departure: int, **more: Any) -> dict[str, Any]:
    """Return a booking of days in January."""
    return {"room": room, "arrival": f"2027-01-{arrival:02}", "departure": f"2027-01-{departure:02}", **more}


def nights(example: Example) -> set[str]:
    """Return the ids of all booked nights in the table."""
    outputs = example.local.outputs()
    found = example.local.client("dynamodb").scan(TableName=outputs["table_names"]["nights"], ConsistentRead=True)
    return {record["id"]["S"] for record in found["Items"]}


def test_the_price_is_computed_from_the_rate_and_not_by_clients(ada: DescribedApi, room: str) -> None:
    made = ada.create("/bookings", stay(room, 1, 4, price=1, status="cancelled"))
    assert (made.json["price"], made.json["status"], made.json["guests"]) == (241.5, "booked", 1)
    assert ada("GET", made.location).json == made.json
    changed = ada("PATCH", made.location, {"price": 1, "note": "late"})
    assert (changed.json["price"], changed.json["note"]) == (241.5, "late")


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"room": "nowhere"}, "/room", "There is no such room."),
        ({"guests": 3}, "/guests", "Attic has 2 beds."),
        ({"departure": "2027-01-01"}, "/departure", "A booking has 1 to 60 nights."),
        ({"departure": "2027-12-31"}, "/departure", "A booking has 1 to 60 nights."),
    ],
)
def test_bookings_that_break_a_rule_are_refused(
    ada: DescribedApi, room: str, change: dict[str, Any], pointer: str, detail: str
) -> None:
    problem = ada("POST", "/bookings", {**stay(room, 1, 4), **change}).problem(422, "refused")
    assert problem["detail"] == detail
    assert problem["errors"] == [{"pointer": pointer, "detail": detail}]


def test_a_taken_night_is_named_and_nothing_is_written(bookings: Example, ada: DescribedApi, room: str) -> None:
    ada.create("/bookings", stay(room, 10, 12))
    before = nights(bookings)
    mallory = bookings.as_user("mallory")
    problem = mallory("POST", "/bookings", stay(room, 8, 11)).problem(409, "room-taken")
    assert problem["detail"] == "The room is taken on 2027-01-10."
    assert nights(bookings) == before
    assert mallory("GET", "/bookings").json["items"] == []


def test_a_deleted_booking_releases_its_nights(bookings: Example, ada: DescribedApi, room: str) -> None:
    made = ada.create("/bookings", stay(room, 20, 23))
    assert {f"{room}.2027-01-{day}" for day in (20, 21, 22)} <= nights(bookings)
    assert ada("DELETE", made.location).status == 204
    assert not any(night.startswith(room) for night in nights(bookings))
    ada.create("/bookings", stay(room, 20, 23))


def test_properties_that_determine_the_price_cannot_change(ada: DescribedApi, room: str) -> None:
    made = ada.create("/bookings", stay(room, 5, 6))
    for method, body in [("PATCH", {"departure": "2027-01-09"}), ("PUT", stay(room, 5, 9))]:
        problem = ada(method, made.location, body).problem(409, "fixed")
        assert problem["errors"][0]["pointer"] == "/departure"
    assert ada("PUT", made.location, stay(room, 5, 6)).json["price"] == made.json["price"]


def test_a_repeated_request_books_once(bookings: Example, ada: DescribedApi, room: str) -> None:
    first, again = (ada("POST", "/bookings", stay(room, 14, 16), Idempotency_Key=f"once-{room}") for _ in range(2))
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    ada("POST", "/bookings", stay(room, 15, 16), Idempotency_Key=f"other-{room}").problem(409, "room-taken")


def test_concurrent_bookings_never_share_a_night(bookings: Example, room: str) -> None:
    """Every client books some of the same four nights; a client that loses has booked none."""
    tokens = bookings.local("token", "--user", "eve").stdout.strip()
    api = Api(bookings.url, None, tokens)
    stays = [stay(room, 1 + n % 3, 3 + n % 3) for n in range(CLIENTS)]

    def book(body: dict[str, Any]) -> Answer:
        return api("POST", "/bookings", body)

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(book, stays))
    assert {answer.status for answer in answers} <= {201, 409}, [answer.content for answer in answers]
    won = [body for body, answer in zip(stays, answers, strict=True) if answer.status == 201]
    taken = [
        f"{room}.2027-01-{day:02}"
        for body in won
        for day in range(int(body["arrival"][-2:]), int(body["departure"][-2:]))
    ]
    assert 1 <= len(won) <= 2
    assert len(taken) == len(set(taken))
    assert {night for night in nights(bookings) if night.startswith(room)} == set(taken)


def test_the_roles_of_hooks_allow_only_what_uses_names(bookings: Example) -> None:
    roles = Roles(bookings.local)
    for role in roles.arns:
        entity, _, operation = role.partition(".")
        roles.assume(role)
        for name, table in roles.outputs["table_names"].items():
            tried = own_requests(roles.client("dynamodb"), table)
            allowed = {what for what, request in tried.items() if is_allowed(request)}
            own = RIGHTS[operation] if name == entity else set()
            hooks = HOOKS.get(operation, {}).get(name, set()) if entity == "bookings" else set()
            assert allowed == own | hooks, (role, table)


# --- Functions


def test_a_guest_cancels_and_others_may_book(bookings: Example, ada: DescribedApi, room: str) -> None:
    made = ada.create("/bookings", stay(room, 1, 4))
    bob = bookings.as_user("bob")
    assert bob("POST", f"{made.location}/cancel").status == 404
    assert bookings.api()("POST", f"{made.location}/cancel").status == 401
    cancelled = ada("POST", f"{made.location}/cancel")
    assert (cancelled.status, cancelled.json["status"], cancelled.json["price"]) == (200, "cancelled", 241.5)
    assert not any(night.startswith(room) for night in nights(bookings))
    ada("POST", f"{made.location}/cancel").problem(409, "not-booked")
    bob.create("/bookings", stay(room, 1, 4))


def test_staff_cancel_for_a_guest(bookings: Example, ada: DescribedApi, room: str) -> None:
    made = ada.create("/bookings", stay(room, 1, 4))
    token = bookings.local("token", "--user", "eve", "--group", "staff").stdout.strip()
    staff = Api(bookings.url, None, token)
    assert staff("GET", made.location).status == 404
    assert staff("POST", f"{made.location}/cancel").json["status"] == "cancelled"
    assert ada("GET", made.location).json["status"] == "cancelled"


def test_a_ticket_is_a_picture(ada: DescribedApi, room: str) -> None:
    made = ada.create("/bookings", stay(room, 1, 4))
    ticket = ada.api("GET", f"{made.location}/ticket.svg")
    assert (ticket.status, ticket.headers["Content-Type"]) == (200, "image/svg+xml")
    assert ticket.content.startswith(b"<svg")


def test_a_change_becomes_a_notice_and_a_signed_webhook(bookings: Example, receiver: Receiver, room: str) -> None:
    carl = bookings.as_user("carl")
    made = carl.create("/bookings", stay(room, 1, 4)).json["id"]
    notice = eventually(lambda: carl("GET", "/notices").json["items"])[0]
    assert (notice["booking"], notice["text"]) == (made, "Your room is booked from 2027-01-01 to 2027-01-04.")

    def received() -> list[Any]:
        return [each for each in list(receiver.requests) if json.loads(each.body)["data"]["id"] == made]

    sent = eventually(received)[0]
    assert (sent.path, json.loads(sent.body)["type"]) == ("/hooks", "booking.booked")
    signed = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
    expected = base64.b64encode(hmac.digest(VALUE.encode(), signed, hashlib.sha256)).decode()
    assert sent.headers["webhook-signature"] == f"v1,{expected}"


def test_the_nightly_job_ends_past_bookings(bookings: Example, ada: DescribedApi, room: str) -> None:
    past = ada.create("/bookings", {"room": room, "arrival": "2020-01-01", "departure": "2020-01-03"})
    later = ada.create("/bookings", {"room": room, "arrival": "2120-01-01", "departure": "2120-01-03"})
    done = bookings.local("run", "nightly")
    assert done.returncode == 0, done.stderr
    assert ada("GET", past.location).json["status"] == "stayed"
    assert ada("GET", later.location).json["status"] == "booked"
    assert {f"{room}.2120-01-01", f"{room}.2120-01-02"} == {each for each in nights(bookings) if each.startswith(room)}


def test_the_roles_of_functions_allow_only_what_uses_names(bookings: Example) -> None:
    roles = Roles(bookings.local)
    assert roles.own_arns.keys() == FUNCTIONS.keys()
    for name, uses in FUNCTIONS.items():
        roles.assume(name)
        for entity, table in roles.outputs["table_names"].items():
            tried = own_requests(roles.client("dynamodb"), table)
            assert {what for what, request in tried.items() if is_allowed(request)} == uses.get(entity, set()), name


def test_a_secret_is_not_in_logs_state_or_outputs(bookings: Example) -> None:
    """The value is only in this machine's file of secrets and in the emulated Secrets Manager."""
    folder = bookings.local.folder
    files = [file for file in folder.rglob("*") if file.is_file() and VALUE.encode() in file.read_bytes()]
    assert [file for file in files if "secrets" not in file.name and "emulator/state" not in str(file)] == []
    assert VALUE not in bookings.local("outputs").stdout
