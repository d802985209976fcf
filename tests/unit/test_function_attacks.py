"""Attack functions of app/ that pass callers' input to entity() unchecked: nobody reaches another owner's items."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.conftest import Own
from tests.unit.test_functions import call, entities
from trestle import app
from trestle.context import Context
from trestle.own.code import CodeError
from trestle.own.function import Function
from trestle.store import boto3_client

ADA, BOB = "0ada0000-9b1d-4a51-8f7e-2d6f1f0a9c11", "0b0b0000-9b1d-4a51-8f7e-2d6f1f0a9c11"
MARK = "ada's alone"

# A function that passes on every argument of its caller.
SOURCE = """
    e = entity("orders")
    def seed(job, context):
        ada, bob = e.of(job["ada"]), e.of(job["bob"])
        made = ada.create({"title": job["mark"][:8], "price": 1}, id="hers")
        ada.create({"title": job["mark"][:8], "price": 2}, id="hers-too")
        bob.create({"title": "b", "price": 1}, id="his")
        bob.create({"title": "b", "price": 2}, id="his-too")
        pages = ada.page(limit=1), ada.page({"title": job["mark"][:8]}, limit=1), e.everyone.page(limit=1)
        return (*(page.next for page in pages), made.etag)

    def handle(job, context):
        at = e.of(job["owner"]) if "owner" in job else e
        what, item_id, doc, etag = job["what"], job.get("id"), {"title": "x", "price": 9}, job.get("etag")
        if what == "get":
            return [at.find(item_id)]
        if what == "list":
            return list(at.list(job.get("where", {})))
        if what == "page":
            return at.page(job.get("where", {}), 100, job.get("cursor")).items
        if what == "everyone":
            return e.everyone.page(cursor=job.get("cursor")).items
        if what == "create":
            return [at.create(doc, id=item_id, key=job.get("key"))]
        if what == "replace":
            return [at.replace(item_id, doc, etag)]
        if what == "merge":
            return [at.merge(item_id, {"price": 9}, etag)]
        if what == "update":
            return [at.update(item_id, lambda draft: draft.update(price=9))]
        if what == "delete":
            return [at.delete(item_id, etag)]
        with transaction() as t:
            {
                "t-create": lambda: t.create(at, doc, item_id),
                "t-merge": lambda: t.merge(at, item_id, {"price": 9}, if_match=etag),
                "t-delete": lambda: t.delete(at, item_id, if_match=etag),
                "t-check": lambda: t.check(at, item_id, if_match=etag),
            }[what]()
"""
WHATS = [
    *("get", "list", "page", "everyone", "create", "replace", "merge", "update", "delete"),
    *("t-create", "t-merge", "t-delete", "t-check"),
]


def records() -> dict[str, Any]:
    """Return Ada's stored records."""
    found = boto3_client.shared_client().scan(TableName="test-orders")["Items"]
    return {record["id"]["S"]: record for record in found if record["owner"]["S"] == ADA}


def signed_in(user: str) -> dict[str, Any]:
    return {"authorizer": {"claims": {"sub": user, "token_use": "access"}}}


@pytest.fixture
def attack(own: Own) -> Callable[[dict[str, Any]], None]:
    """Return a function that calls as Bob and checks that Ada's items are neither returned nor changed."""
    used = entities(options={"owner": "sub", "ids": "client", "filters": {"title": {"sort": "price"}}})
    trusted = own(SOURCE, used=used, owners="any", kind="routes")
    cursors = trusted.call("seed", _context(BOB), {"ada": ADA, "bob": BOB, "mark": MARK})
    function: Function = own(SOURCE, used=used, kind="routes")
    before = records()
    assert len(before) == 2

    def attempt(job: dict[str, Any]) -> None:
        sent = {**job, **{name: cursors[job[name]] for name in ("cursor", "etag") if isinstance(job.get(name), int)}}
        try:
            found = call(function, sent, gateway=signed_in(BOB)) or []
        except (CodeError, app.NotFound, app.Taken, app.Changed, app.Invalid):
            found = []
        for item in filter(None, found):
            assert item.owner == BOB
            assert item.get("title") != MARK[:8]
        assert records() == before

    return attempt


def _context(user: str) -> Context:
    return Context(gateway=signed_in(user))


def forged(cursor: str, *position: Any) -> str:
    seal, *_ = json.loads(base64.urlsafe_b64decode(f"{cursor}=="))
    return base64.urlsafe_b64encode(json.dumps([seal, *position]).encode()).decode().rstrip("=")


IDS = [
    "hers",
    "hers-too",
    f"{ADA}#hers",
    f"#{ADA}#hers",
    f"../{ADA}#hers",
    f"{ADA}%23hers",
    "*",
    f"{ADA}\0hers",
    5,
    None,
    ["hers"],
]


@pytest.mark.parametrize("what", WHATS)
def test_ids_reach_no_other_owner(attack: Callable[[dict[str, Any]], None], what: str) -> None:
    for item_id in IDS:
        attack({"what": what, "id": item_id})
        attack({"what": what, "id": item_id, "etag": 3})


@pytest.mark.parametrize("what", WHATS)
def test_callers_cannot_name_an_owner(attack: Callable[[dict[str, Any]], None], what: str) -> None:
    for owner in (ADA, f"{BOB}#{ADA}", f"{ADA}#", "*", "", f"{ADA} ", None, 5):
        attack({"what": what, "owner": owner, "id": "hers", "cursor": 2})


def test_cursors_filters_and_keys_reach_no_other_owner(attack: Callable[[dict[str, Any]], None]) -> None:
    for what in ("page", "everyone"):
        for cursor in (0, 1, 2):
            for where in (
                {},
                {"title": MARK[:8]},
                {"title": f"{ADA}#s:{MARK[:8]}"},
                {"title": MARK[:8], "price.gte": 0},
            ):
                attack({"what": what, "cursor": cursor, "where": where})
                attack({"what": "list", "where": where})
    for key in ("k", f"{ADA}", "function:payments", "\0"):
        attack({"what": "create", "key": key})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    job=st.fixed_dictionaries(
        {"what": st.sampled_from(WHATS)},
        optional={
            "id": st.sampled_from(IDS) | st.text(max_size=20),
            "owner": st.sampled_from([ADA, BOB, "*"]) | st.text(max_size=20),
            "cursor": st.sampled_from([0, 1, 2]) | st.text(max_size=30),
            "where": st.dictionaries(
                st.sampled_from(["title", "price.gt", "price.lte"]), st.text(max_size=9) | st.integers()
            ),
            "key": st.text(max_size=9),
            "etag": st.sampled_from([3]) | st.text(max_size=9),
        },
    )
)
def test_no_input_reaches_another_owner(attack: Callable[[dict[str, Any]], None], job: dict[str, Any]) -> None:
    attack(job)


def test_a_forged_position_stays_with_its_owner(own: Own) -> None:
    used = entities(options={"owner": "sub", "ids": "client"})
    source = SOURCE + "\n    def first(job, context):\n        return e.page(limit=1).next\n"
    function = own(source, used=used, owners="any", kind="routes")
    for owner, item_id in ((ADA, "hers"), (BOB, "his"), (BOB, "his-too")):
        function.call("handle", _context(owner), {"what": "create", "id": item_id})
    cursor = function.call("first", _context(BOB), None)
    for position in (("hers", "2000-01-01T00:00:00.000000Z"), ("a", "\0"), ("his", f"{ADA}#"), (f"{ADA}#hers", "2")):
        job = {"what": "page", "cursor": forged(cursor, *position)}
        try:
            found = function.call("handle", _context(BOB), job)
        except app.Invalid:
            continue
        assert {item.owner for item in found} <= {BOB}
