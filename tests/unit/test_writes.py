"""Test single writes and transactions: all or nothing, exactly once, and a reason if they fail.

moto ignores a transaction's token, so a retry after a lost response meets its own records.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import build
from tests.unit.api import OPERATIONS, TABLE, Api, error, lose_answer, succeed
from tests.unit.conftest import KEYS
from tools.testing.functions import LAMBDA_SRC
from trestle.context import Context
from trestle.entity import Entity
from trestle.errors import Changed, NotFound, Refusal, TooLarge, Unavailable
from trestle.item import Item
from trestle.store.check import presence
from trestle.store.delete import deletion
from trestle.store.dynamodb import ServiceError
from trestle.store.get import get
from trestle.store.put import creation
from trestle.store.transaction import MAX_WRITES, TransactionTooLarge, commit
from trestle.store.update import patching, replacement
from trestle.store.writes import Cancelled, Write, refusal

ITEMS = Entity("items", TABLE)
NIGHTS = Entity("nights", "test-nights")
THEN, NOW = "2026-01-02T03:04:05.000006Z", "2026-02-03T04:05:06.000007Z"


@pytest.fixture
def client(api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A DynamoDB client, with a table for each entity."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("botocore.retries.quota.RetryQuota.acquire", lambda *_: True)
    api.client.create_table(TableName=NIGHTS.table, **KEYS)
    return api.client


def item(name: str, **doc: Any) -> Item:
    return Item(name, doc, THEN, THEN, 1)


def make(entity: Entity, *names: str, owner: str = "") -> None:
    for name in names:
        commit(Context(), [creation(entity, owner, item(name, n=1))])


def stored_versions(client: Any) -> dict[str, Any]:
    """Return the versions of both tables' records by key."""
    tables = (ITEMS.table, NIGHTS.table)
    return {each["id"]["S"]: each["version"]["N"] for name in tables for each in client.scan(TableName=name)["Items"]}


def cancellation(*codes: str, message: str = "no", **more: Any) -> Any:
    """Return a fault: DynamoDB cancels a transaction for these reasons."""
    reasons = [{"Code": code} if code == "None" else {"Code": code, "Message": message} for code in codes]
    return error("TransactionCanceledException", CancellationReasons=reasons, **more)


def every_action() -> list[Write]:
    """Return a write of each kind, on the items new, old, old2, gone and there."""
    return [
        creation(NIGHTS, "", item("new", n=1)),
        replacement(ITEMS, "", "old", {"n": 2}, [(THEN, 1)], at=NOW),
        patching(ITEMS, "", "old2", {"m": 3}, None),
        deletion(ITEMS, "", "gone", [(THEN, 1)]),
        presence(NIGHTS, "", "there", [(THEN, 1)]),
    ]


AFTER = {"new": "1", "old": "2", "old2": "2", "there": "1"}


@pytest.fixture
def prepared(client: Any) -> Any:
    make(ITEMS, "old", "old2", "gone")
    make(NIGHTS, "there")
    return client


def test_several_writes_are_one_transaction_over_their_tables(api: Api, prepared: Any) -> None:
    context, before = Context(), len(api.calls)
    commit(context, every_action())
    assert api.calls[before:] == ["TransactWriteItems"]
    assert stored_versions(prepared) == AFTER
    changed = get(ITEMS, Context(), "old")
    assert (changed.doc, changed.created_at, changed.updated_at) == ({"n": 2}, THEN, NOW)
    assert get(ITEMS, Context(), "old2").doc == {"n": 1, "m": 3}
    assert get(ITEMS, Context(), "old2").updated_at > NOW
    (call,) = context.calls
    assert (call.action, list(call.tables)) == ("TransactWriteItems", [NIGHTS.table, TABLE])


def test_a_single_write_is_an_ordinary_request(api: Api, prepared: Any) -> None:
    before = len(api.calls)
    for write in every_action():
        commit(Context(), [write])
    actions = ["PutItem", "UpdateItem", "UpdateItem", "DeleteItem", "TransactWriteItems"]
    commit(Context(), [])  # no writes, no request
    assert api.calls[before:] == actions
    assert stored_versions(prepared) == AFTER


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("together", [True, False])
def test_a_condition_that_fails_stops_every_write(prepared: Any, index: int, together: bool) -> None:
    """The error has the first failed write and the record it met."""
    met = ["new", "old", "old2", "gone", "there"][index]
    if index == 0:
        make(NIGHTS, "new")
    elif index in (1, 4):
        commit(Context(), [patching(ITEMS if index == 1 else NIGHTS, "", met, {}, None)])
    else:
        commit(Context(), [deletion(ITEMS, "", met, None)])
    before = stored_versions(prepared)
    writes = every_action() if together else [every_action()[index]]
    with pytest.raises(Cancelled) as caught:
        commit(Context(), writes)
    assert stored_versions(prepared) == before
    assert (caught.value.index, caught.value.kind) == (index if together else 0, "condition")
    if index in (2, 3):
        assert caught.value.record == {}
    else:
        assert caught.value.record["id"] == {"S": met}
    kinds = {1: Changed, 2: NotFound, 3: NotFound, 4: Changed}
    if index:
        assert type(refusal(writes[caught.value.index].entity, caught.value)) is kinds[index]


@pytest.mark.parametrize(
    "faults", [[lose_answer], [lose_answer, lose_answer], [error("InternalServerError", 500), lose_answer]]
)
def test_a_transaction_recognises_itself_after_a_lost_response(api: Api, prepared: Any, faults: list[Any]) -> None:
    with api.fault("TransactWriteItems", *faults):
        commit(Context(), every_action())
    assert stored_versions(prepared) == AFTER, "nothing counts twice"


def test_a_transaction_of_deletions_recognises_itself(api: Api, client: Any) -> None:
    make(ITEMS, "a", "b", "c")
    writes = [deletion(ITEMS, "", "a", [(THEN, 1)]), presence(ITEMS, "", "c"), deletion(ITEMS, "", "b", None)]
    with api.fault("TransactWriteItems", lose_answer):
        commit(Context(), writes)
    assert stored_versions(client) == {"c": "1"}
    with pytest.raises(Cancelled) as caught:  # a new call, so it cannot be its own
        commit(Context(), writes)
    assert (caught.value.index, caught.value.record) == (0, {})


@pytest.mark.parametrize(
    "others",
    [
        [deletion(ITEMS, "", "a", None)],  # the other item still exists, so our transaction did not run
        [deletion(ITEMS, "", "a", None), creation(ITEMS, "", item("a", n=2)), deletion(ITEMS, "", "b", None)],
    ],
)
def test_deletions_by_others_are_not_taken_for_our_own(api: Api, client: Any, others: list[Write]) -> None:
    make(ITEMS, "a", "b")

    def overtake(_: Any) -> None:
        for other in others:
            commit(Context(), [other])

    def never(request: Any) -> Any:
        overtake(request)
        return error("InternalServerError", 500)(request)

    before = [deletion(ITEMS, "", "a", [(THEN, 1)]), deletion(ITEMS, "", "b", None)]
    with api.fault("TransactWriteItems", never), pytest.raises(Cancelled):
        commit(Context(), before)


def test_a_transaction_of_checks_never_counts_as_done(api: Api, client: Any) -> None:
    with api.fault("TransactWriteItems", lose_answer), pytest.raises(Cancelled):
        commit(Context(), [presence(ITEMS, "", "a")])


def test_a_token_proves_nothing_after_another_write(api: Api, client: Any) -> None:
    """A missing record does not prove a deletion either; DynamoDB recognises a retry by its token."""
    make(ITEMS, "a", "b")
    writes = [deletion(ITEMS, "", "a", None), patching(ITEMS, "", "b", {"n": 2}, [(THEN, 1)])]

    def overtaken(request: Any) -> Any:
        commit(Context(), [deletion(ITEMS, "", "a", None)])
        return error("InternalServerError", 500)(request)

    with api.fault("TransactWriteItems", overtaken), pytest.raises(Cancelled) as caught:
        commit(Context(), writes)
    assert caught.value.index == 0
    assert stored_versions(client) == {"b": "1"}


def pair() -> list[Write]:
    return [creation(ITEMS, "", item("a")), creation(NIGHTS, "", item("b"))]


@pytest.mark.parametrize(
    ("codes", "index", "kind"),
    [
        (("None", "TransactionConflict"), 1, "conflict"),
        (("TransactionConflict", "TransactionConflict"), 0, "conflict"),
        (("TransactionConflict", "ConditionalCheckFailed"), 1, "condition"),
        (("ThrottlingError", "ConditionalCheckFailed"), 1, "condition"),
        (("ConditionalCheckFailed", "ConditionalCheckFailed"), 0, "condition"),
    ],
)
def test_a_lost_race_is_raised_to_the_caller(
    api: Api, client: Any, codes: tuple[str, str], index: int, kind: str
) -> None:
    before = len(api.calls)
    with api.fault("TransactWriteItems", cancellation(*codes)), pytest.raises(Cancelled) as caught:
        commit(Context(), pair())
    assert (caught.value.index, caught.value.kind, caught.value.record) == (index, kind, {})
    assert len(api.calls) == before + 1


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
@pytest.mark.parametrize("other", ["None", "TransactionConflict"])
def test_a_throttled_transaction_is_unavailable_after_its_retries(
    api: Api, client: Any, monkeypatch: pytest.MonkeyPatch, code: str, other: str
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("trestle.store.transaction.time.sleep", pauses.append)
    context = Context()
    with api.fault("TransactWriteItems", *[cancellation(other, code)] * 3), pytest.raises(Unavailable):
        commit(context, pair())
    for call in context.calls:
        assert (call.throttled, call.code, call.status) == (True, "TransactionCanceledException", 400)
    assert (len(context.calls), len(pauses)) == (3, 2)
    with api.fault("TransactWriteItems", cancellation(other, code)):
        commit(context, pair())
    assert [call.throttled for call in context.calls[3:]] == [True, False]


def test_a_throttled_transaction_is_not_retried_after_the_deadline(
    api: Api, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trestle.store.dynamodb.pause", lambda *_: 60.0)
    context = Context(deadline=time.monotonic() + 30)
    with api.fault("TransactWriteItems", cancellation("None", "ThrottlingError")), pytest.raises(Unavailable):
        commit(context, pair())
    assert len(context.calls) == 1


def test_a_retry_of_a_throttled_transaction_recognises_its_first_attempt(
    api: Api, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first attempt succeeded, and only its response was lost."""
    monkeypatch.setattr("trestle.store.transaction.time.sleep", lambda _: None)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    context = Context(writer="function:payments")
    with api.fault("TransactWriteItems", lose_answer, cancellation("None", "ThrottlingError"), succeed):
        commit(context, pair())


@pytest.mark.parametrize("writer", ["", "import", "function:payments"])
def test_a_record_has_its_writer(api: Api, client: Any, writer: str) -> None:
    context = Context(writer=writer)
    first, second = pair()
    commit(context, [first, second])
    commit(context, [first, second])  # a retry after a lost response: moto runs it again
    for write in (first, second):
        key = write.payload.get("Key") or {"id": write.payload["Item"]["id"]}
        token = client.get_item(TableName=write.entity.table, Key=key)["Item"]["write"]["S"]
        assert token == write.token
        assert token.rpartition("/")[0] == writer


@pytest.mark.parametrize(
    "fault",
    [
        cancellation("None", "ValidationError", message="Item size to update has exceeded the maximum allowed size"),
        error("ValidationException", message="Item size has exceeded the maximum allowed size"),
        error("ValidationException", message="Transaction request exceeds the 4MB transaction size limit"),
        error("ValidationException", message="The transaction is larger than 4 MB"),
    ],
)
def test_a_transaction_that_is_too_large_is_reported(api: Api, client: Any, fault: Any) -> None:
    with api.fault("TransactWriteItems", fault), pytest.raises(TooLarge):
        commit(Context(), pair())


def test_an_item_over_400_kb_stops_a_transaction(client: Any) -> None:
    with pytest.raises(TooLarge, match="400 KB"):
        commit(Context(), [creation(ITEMS, "", item("a", t="x" * 410_000)), creation(NIGHTS, "", item("b"))])
    assert stored_versions(client) == {}


@pytest.mark.parametrize(
    "fault",
    [
        cancellation("None", "ValidationError", message="An operand has an incorrect data type."),
        cancellation("ItemCollectionSizeLimitExceeded", "None"),
        cancellation(),
        error("TransactionCanceledException"),
        error("AccessDeniedException"),
        error("IdempotentParameterMismatchException"),
        error("ValidationException", message="The parameter cannot be converted to a numeric value: s3cr3t"),
    ],
)
def test_internal_errors_are_not_hidden(api: Api, client: Any, fault: Any) -> None:
    with api.fault("TransactWriteItems", fault), pytest.raises(ServiceError) as caught:
        commit(Context(), pair())
    assert "s3cr3t" not in str(caught.value)


def test_the_number_of_writes_is_limited(api: Api, client: Any) -> None:
    before = len(api.calls)
    writes = [creation(ITEMS, "", item(f"i{number}")) for number in range(MAX_WRITES + 1)]
    with pytest.raises(TransactionTooLarge, match="at most 100 writes; this one has 101"):
        commit(Context(), writes)
    assert len(api.calls) == before
    commit(Context(), writes[:-1])
    assert len(api.calls) == before + 1


def test_two_writes_on_one_item_are_refused_with_its_id(api: Api, client: Any) -> None:
    before = len(api.calls)
    with pytest.raises(ValueError, match="one write per item; items a has two"):
        commit(Context(), [creation(ITEMS, "ada", item("a")), presence(ITEMS, "ada", "a")])
    assert len(api.calls) == before
    make(NIGHTS, "a")
    commit(Context(), [creation(ITEMS, "", item("a")), presence(NIGHTS, "", "a"), creation(ITEMS, "ada", item("a"))])


def test_zips_without_hooks_have_no_transactions() -> None:
    sources = build.Sources(LAMBDA_SRC.parent)
    for function in OPERATIONS.values():
        files = sources.files(function, "index.py")
        assert ("trestle/store/writes.py" in files) == (function not in ("get", "list")), function
        assert not {"trestle/store/transaction.py", "trestle/store/check.py"} & files.keys(), function


# --- One write that meets a transaction of somebody else ---

CONFLICT = error("TransactionConflictException", message="Transaction is ongoing for the item")
REQUESTS = [
    ("POST", "/items", "PutItem"),
    ("PUT", "/items/a", "UpdateItem"),
    ("PATCH", "/items/a", "UpdateItem"),
    ("DELETE", "/items/a", "DeleteItem"),
]


@pytest.mark.parametrize(("method", "path", "action"), REQUESTS)
def test_a_request_waits_for_a_transaction_on_its_item(
    api: Api, client: Any, method: str, path: str, action: str
) -> None:
    make(ITEMS, "a")
    with api.fault(action, CONFLICT, CONFLICT):
        assert api.request(method, path, {"n": 2}).status < 300
    make(ITEMS, *([] if method != "DELETE" else ["a"]))
    with api.fault(action, CONFLICT, CONFLICT, CONFLICT):
        answer = api.request(method, path, {"n": 3})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json["detail"] == "A transaction is changing the item. Try again in a moment."


@pytest.mark.parametrize(
    "faults", [[lose_answer, CONFLICT], [lose_answer, CONFLICT, CONFLICT], [CONFLICT, lose_answer]]
)
@pytest.mark.parametrize(("method", "path", "action"), REQUESTS)
def test_a_request_that_waited_recognises_itself(
    api: Api, client: Any, method: str, path: str, action: str, faults: list[Callable[..., Any]]
) -> None:
    if method != "POST":
        make(ITEMS, "a")
    with api.fault(action, *faults, succeed):
        assert api.request(method, path, {"n": 2}).status < 300
    versions = {"POST": ["1"], "DELETE": []}
    assert list(stored_versions(client).values()) == versions.get(method, ["2"])


def test_a_commit_of_one_write_reports_the_conflict(api: Api, client: Any) -> None:
    with api.fault("PutItem", CONFLICT, CONFLICT, CONFLICT), pytest.raises(Cancelled) as caught:
        commit(Context(), [creation(ITEMS, "", item("a"))])
    assert (caught.value.index, caught.value.kind) == (0, "conflict")
    assert isinstance(refusal(ITEMS, caught.value), Refusal)
