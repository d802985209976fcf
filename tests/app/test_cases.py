"""Test the ten use cases in tests/app/cases with trestle.testing: own code's API must be enough for them."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.receiver import Receiver, receiving
from trestle.app import Item
from trestle.testing import Client, System

pytestmark = pytest.mark.system("tests/app/cases/cases.tfvars", folder="tests/app/cases")

ORDER = {"amount": 40, "email": "ada@example.com"}


@pytest.fixture
def ada(system: System) -> Client:
    return system.user("ada")


@pytest.fixture
def order(ada: Client) -> str:
    made: str = ada.post("/orders", ORDER).json["id"]
    return made


@pytest.fixture
def outside() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def provider(system: System, outside: Receiver) -> Receiver:
    system.secrets["provider"] = "pk-live"
    system.settings["PROVIDER"] = outside.url
    return outside


# --- Checkout by card through an external provider


def test_checkout_charges_the_card(ada: Client, order: str, provider: Receiver) -> None:
    provider.answers = [(200, {}, b'{"id": "ch-1"}')]
    answer = ada.post(f"/orders/{order}/pay", {"card": "tok"})
    assert (answer.status, answer.json) == (200, {"order": order, "charge": "ch-1"})
    (sent,) = provider.requests
    assert (sent.path, json.loads(sent.body)) == ("/charges", {"amount": 40, "card": "tok"})
    assert (sent.headers["authorization"], sent.headers["idempotency-key"]) == ("Bearer pk-live", order)
    now = ada.get(f"/orders/{order}")
    assert (now.json["status"], now.json["charge"], now.etag) == ("paid", "ch-1", answer.etag)
    again = ada.post(f"/orders/{order}/pay", {"card": "tok"})
    assert (again.status, again.json["type"]) == (409, "urn:trestle:problem:not-open")
    assert len(provider.requests) == 1


def test_checkout_reports_failures(system: System, ada: Client, order: str, provider: Receiver) -> None:
    path = f"/orders/{order}/pay"
    assert system.anonymous.post(path, {"card": "tok"}).status == 401
    assert system.user("bob").post(path, {"card": "tok"}).status == 404
    assert ada.post(path, {}).status == 422
    assert provider.requests == []
    provider.answers = [(402, {}, b""), (500, {}, b"")]
    declined = ada.post(path, {"card": "tok"})
    assert (declined.status, declined.json["errors"][0]["pointer"]) == (402, "/card")
    failing = ada.post(path, {"card": "tok"})
    assert (failing.status, failing.headers["Retry-After"]) == (503, "5")
    assert ada.get(f"/orders/{order}").json["status"] == "open"


# --- Reservations without overlaps


def test_overlapping_times_are_refused(system: System) -> None:
    reserve = "/tables/7/slots"
    assert system.anonymous.post(reserve, {"hours": [18, 19], "name": "Ada"}).status == 201
    answer = system.anonymous.post(reserve, {"hours": [19, 20], "name": "Bob"})
    assert (answer.status, answer.json["detail"]) == (409, "The table is taken at 19:00.")
    assert {slot.id for slot in system.entity("slots").all()} == {"7.18", "7.19"}
    assert system.anonymous.post("/tables/8/slots", {"hours": [19], "name": "Bob"}).status == 201


# --- Mail on a change, and exactly-once effects


@pytest.fixture
def mails() -> Any:
    """The mails that SES sent, oldest first."""
    import boto3
    from moto.ses.models import ses_backends

    client = boto3.client("ses")
    client.verify_email_identity(EmailAddress="shop@example.com")
    return ses_backends["123456789012"][client.meta.region_name].sent_messages


def pay(ada: Client, order: str, provider: Receiver) -> None:
    provider.answers = [(200, {}, b'{"id": "ch-1"}')]
    assert ada.post(f"/orders/{order}/pay", {"card": "tok"}).status == 200


def test_mail_goes_out_on_changes(system: System, ada: Client, provider: Receiver, mails: Any) -> None:
    order = ada.post("/orders", ORDER).json["id"]
    pay(ada, order, provider)
    assert ada.patch(f"/orders/{order}", {"amount": 41}).status == 200
    assert ada.delete(f"/orders/{order}").status == 204
    assert mails == []
    system.deliver()
    assert [mail.subject for mail in mails] == ["We have got your order", "Thank you for your payment"]
    assert mails[0].destinations["ToAddresses"] == ["ada@example.com"]


def test_points_count_once_for_repeated_deliveries(
    system: System, ada: Client, order: str, provider: Receiver, mails: Any
) -> None:
    pay(ada, order, provider)
    pay(ada, ada.post("/orders", ORDER).json["id"], provider)
    system.deliver(twice=True)
    assert system.entity("accounts").all() == [{"points": 80}]
    assert len(system.entity("claims").all()) == 2
    assert len(mails) == 8  # mails have no claims


# --- A report over all items, which continues in further jobs


def test_the_report_goes_through_all_orders(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        system.entity("orders").create(ORDER, owner=f"user-{number}")
    monkeypatch.setattr("app.report.PAGE", 3)
    monkeypatch.setattr("app.report.MARGIN", 10**6)  # no time is ever left
    system.clock.set("2027-01-01T03:00:00Z")
    system.run("report")
    (report,) = system.entity("reports").all()
    assert (report.id, report) == ("2027-01-01", {"orders": {"open": 7}, "amount": 280})
    assert system.jobs("report") == []
    system.run("report")
    assert len(system.entity("reports").all()) == 1


# --- Uploads


def test_a_picture_is_uploaded_past_the_api(system: System, ada: Client) -> None:
    signed = ada.post("/pictures").json
    assert signed["url"].startswith("https://shop-pictures.s3.")
    assert signed["id"] in signed["url"]
    detail = {"bucket": {"name": "shop-pictures"}, "object": {"key": signed["id"], "size": 512}}
    assert system.emit("aws.s3", "Object Created", {**detail, "bucket": {"name": "another"}}) == []
    assert system.emit("aws.s3", "Object Created", detail) == ["uploaded"]
    system.deliver(twice=True)
    assert system.anonymous.get(f"/pictures/{signed['id']}").json["size"] == 512


# --- Incoming webhooks


def test_webhooks_require_a_valid_signature(
    system: System, ada: Client, order: str, provider: Receiver, mails: Any
) -> None:
    pay(ada, order, provider)
    system.secrets["signing"] = "whsec"
    text = json.dumps({"type": "refunded", "order": order, "customer": "ada"}, indent=3)
    signature = hmac.new(b"whsec", text.encode(), hashlib.sha256).hexdigest()
    refused = system.anonymous.post("/webhooks/provider", text, X_Signature="0" * 64)
    assert (refused.status, refused.json["type"]) == (403, "urn:trestle:problem:signature")
    assert system.anonymous.post("/webhooks/provider", text, X_Signature=signature).status == 202
    assert system.jobs("settle") == [json.loads(text)]
    system.deliver(twice=True)
    assert ada.get(f"/orders/{order}").json["status"] == "refunded"


def test_a_job_that_always_fails_becomes_a_dead_letter(system: System) -> None:
    system.secrets["signing"] = "whsec"
    text = json.dumps({"type": "refunded", "order": "nowhere", "customer": "ada"})
    signature = hmac.new(b"whsec", text.encode(), hashlib.sha256).hexdigest()
    assert system.anonymous.post("/webhooks/provider", text, X_Signature=signature).status == 202
    with pytest.raises(Exception, match="There is no item with this id"):
        system.deliver()
    system.deliver(retry=True)
    assert system.dead_letters("settle") == [json.loads(text)]


# --- Outgoing webhooks


def test_webhooks_are_retried_with_growing_pauses(system: System, outside: Receiver) -> None:
    system.secrets["outgoing"] = "whsec"
    outside.answers = [(500, {}, b""), (429, {"Retry-After": "600"}, b"")]
    job = {"url": f"{outside.url}/hook", "event": {"type": "order.paid"}}
    system.clock.set("2027-01-01T12:00:00Z")
    with pytest.raises(urllib.error.HTTPError):
        system.run("deliver", job)
    system.send("deliver", job)
    system.deliver()
    system.deliver()  # not due yet
    assert len(outside.requests) == 2
    system.clock.advance(seconds=599)
    system.deliver()
    assert len(outside.requests) == 2
    system.clock.advance(seconds=2)
    system.deliver()
    first, second, third = outside.requests
    assert hmac.new(b"whsec", third.body, hashlib.sha256).hexdigest() == third.headers["x-signature"]
    assert second.headers["x-delivery"] == third.headers["x-delivery"] != first.headers["x-delivery"]
    system.deliver()
    assert len(outside.requests) == 3
    outside.answers = [(410, {}, b"")]
    system.run("deliver", job)


# --- A route with a typed query


def test_a_query_has_types(system: System) -> None:
    answer = system.anonymous.get("/quotes", query={"country": "CH", "quantity": 3, "express": "true"})
    assert (answer.status, answer.json) == (200, {"price": 45})
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert system.anonymous.get("/quotes?country=DE").json == {"price": 4.9}
    for wrong in ("country=US", "country=CH&quantity=few", "country=CH&size=1", "quantity=2"):
        assert system.anonymous.get(f"/quotes?{wrong}").status in (400, 422)


# --- A job that is run once, by hand


def test_a_backfill_reaches_every_owner(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Item] = [system.entity("orders").create(ORDER, owner=f"user-{n}") for n in range(3)]
    system.entity("orders").create({**ORDER, "currency": "CHF"}, owner="bob")
    system.run("backfill")
    found = {order.owner: order["currency"] for order in system.entity("orders").all()}
    assert found == {**{item.owner: "EUR" for item in made}, "bob": "CHF"}
    system.run("backfill")
    assert [order.version for order in system.entity("orders").all()].count(2) == 3


def test_the_cases_are_complete() -> None:
    """A case without a test would prove nothing."""
    folder = Path(__file__).parent / "cases" / "app"
    assert sorted(file.stem for file in folder.glob("*.py")) == [
        "backfill", "checkout", "deliver", "mail", "points", "quotes", "report", "tables", "uploads", "webhooks",
    ]  # fmt: skip
