"""Test functions on changes: the stream records they get, the change objects, and failures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.unit import own_functions
from tests.unit.conftest import ENVIRONMENT, Make
from tests.unit.own_functions import STREAM, Deployed, image, lines, messages, new_queue, record
from tools.aws import functions as tool
from tools.aws import reindex, transfer
from trestle.entity import Entity

NOTE = "def handle(change, context):\n    seen.append(change)\n"
FAILS = NOTE + "    if change.item.get('bad'):\n        raise KeyError('s3cr3t')\n"
TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

FAILED = "CodeError: The function own failed at app/own.py:4 with "

Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Return a factory of functions on changes: deployed(source, filters, imports=True)."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def make(source: str = NOTE, filters: Any = (), **config: Any) -> Deployed:
        settings = {
            "kind": "changes", "changes": {"items": list(filters)}, "tables": {"test-items": "items"},
            "dead_letters": new_queue("failed"), **config,
        }  # fmt: skip
        environment = config.pop("environment", {})
        return own_functions.deploy(tmp_path, source, settings, **environment)

    with mock_aws():
        yield make


def batch(*records: Any) -> dict[str, Any]:
    return {"Records": list(records)}


def failed_numbers(answer: Any) -> list[int]:
    """Return the numbers of the records that are delivered again."""
    assert set(answer) == {"batchItemFailures"}
    return [int(each["itemIdentifier"]) for each in answer["batchItemFailures"]]


def number(text: str) -> dict[str, str]:
    return {"N": text}


def text(value: str) -> dict[str, str]:
    return {"S": value}


def seen_changes(function: Deployed) -> list[tuple[Any, ...]]:
    """Return the changes with which the function was called."""
    changes = function.code.seen
    return [(each.kind, each.item.id, dict(each.item), each.before and dict(each.before)) for each in changes]


def test_a_change_has_the_item_before_and_after(deploy_function: Deploy) -> None:
    function = deploy_function()
    old = image("a", 1, {"price": number("1.10"), "n": number("12345678901234567890123456789012345678")})
    new = image("a", 2, {"price": number("2.5"), "status": text("open")})
    assert failed_numbers(function(batch(record(1, old, None), record(2, new, old), record(3, None, new)))) == []
    first = {"price": Decimal("1.1"), "n": 12345678901234567890123456789012345678}
    second = {"price": Decimal("2.5"), "status": "open"}
    assert seen_changes(function) == [
        ("created", "a", first, None), ("updated", "a", second, first), ("deleted", "a", second, None),
    ]  # fmt: skip
    assert {type(each.item["price"]) for each in function.code.seen} == {Decimal}
    updated = function.code.seen[1]
    assert (updated.id, updated.entity, updated.at) == ("event-2", "items", "2026-01-01T00:00:00.000000Z")
    assert (updated.item.version, updated.item.updated_at) == (2, "2026-01-01T00:00:00.000002Z")
    assert (updated.before.version, updated.item.owner) == (1, "")


def test_changes_of_owned_items_have_the_owner(deploy_function: Deploy) -> None:
    function = deploy_function()
    function(batch(record(1, image("ada#a", 1, {"owner": text("someone else")}), None)))
    (change,) = function.code.seen
    assert (change.item.id, change.item.owner, dict(change.item)) == ("a", "ada", {"owner": "someone else"})


def test_the_tables_of_several_entities(deploy_function: Deploy) -> None:
    tables = {"test-items": "items", "test-orders": "orders"}
    function = deploy_function(changes={"items": [], "orders": [{"kind": "deleted"}]}, tables=tables)
    orders = STREAM.replace("test-items", "test-orders")
    one = image("a", 1, {})
    function(batch(record(1, one, None), record(2, one, None, stream=orders), record(3, None, one, stream=orders)))
    assert [(each.entity, each.kind) for each in function.code.seen] == [("items", "created"), ("orders", "deleted")]


@pytest.mark.parametrize(
    ("old", "new", "more", "kinds"),
    [
        # An item that the time to live deletes has expired; an item that a client deletes has not,
        # even after its time.
        (image("a", 1, {}, expires=number("1767225000")), None, {"userIdentity": TTL}, ["expired"]),
        (image("a", 1, {}, expires=number("1767225000")), None, {}, ["deleted"]),
        (image("a", 1, {}), None, {"userIdentity": {**TTL, "principalId": "other.amazonaws.com"}}, ["deleted"]),
        # A new item replaces an expired one.
        (
            image("a", 4, {}, expires=number("1767225000")),
            image("a", 1, {}, createdAt=text("2026-01-01T00:00:00.5Z")), {}, ["expired", "created"],
        ),
        # A restored item replaces one that had not expired.
        (image("a", 4, {}), image("a", 9, {}, createdAt=text("2025-01-01T00:00:00.000000Z")), {}, ["updated"]),
        (
            image("a", 4, {}, expires=number("4000000000")),
            image("a", 4, {}, createdAt=text("2025-01-01T00:00:00.000000Z")), {}, ["updated"],
        ),
        # A reindex keeps the version.
        (image("a", 4, {}), image("a", 4, {}, by_status=text("s:open")), {}, []),
        # Another program broke the record, and somebody fixed it.
        ({"id": text("a")}, image("a", 1, {}), {}, ["created"]),
    ],
)  # fmt: skip
def test_kinds_of_changes(deploy_function: Deploy, old: Any, new: Any, more: Any, kinds: list[str]) -> None:
    function = deploy_function()
    assert failed_numbers(function(batch(record(1, new, old, **more)))) == []
    assert [each.kind for each in function.code.seen] == kinds
    ids = [each.id for each in function.code.seen]
    assert len(set(ids)) == len(ids)
    assert all(each.item.id == "a" for each in function.code.seen)


@pytest.mark.parametrize("record_", [
    record(1, {"id": text("a"), "doc": text("s3cr3t")}, None),
    record(1, None, {"id": text("a"), "doc": text("s3cr3t")}),
])  # fmt: skip
def test_a_record_that_is_not_an_item_is_logged_and_skipped(
    deploy_function: Deploy, capsys: pytest.CaptureFixture[str], record_: Any
) -> None:
    function = deploy_function()
    assert failed_numbers(function(batch(record_, record(2, image("b", 1, {}), None)))) == []
    assert [each.item.id for each in function.code.seen] == ["b"]
    invalid, done = lines(capsys.readouterr().err)
    assert (invalid["level"], invalid["result"], invalid["status"], done["result"]) == ("ERROR", "invalid", 500, "done")
    assert invalid["error"].startswith("InvalidRecordError: The record a of items is not an item: ")
    assert "s3cr3t" not in json.dumps(invalid)


@pytest.mark.parametrize(
    ("value", "written", "is_equal"),
    [
        (text("shipped"), "shipped", True),
        (text("shipped "), "shipped", False),
        (text("1"), "1", True),
        (text(""), "", True),
        (number("1"), "1", True),
        (number("1.50"), "1.5", True),
        (number("1.5"), "1.50", True),
        (number("1000"), "1e3", True),
        (number("12345678901234567890.1"), "12345678901234567890.1", True),
        (number("1"), "1_0", False),
        (number("10"), "1_0", False),
        (number("1"), "true", False),
        (number("1"), "", False),
        (number("1"), "one", False),
        ({"BOOL": True}, "true", True),
        ({"BOOL": False}, "false", True),
        ({"BOOL": True}, "True", False),
        ({"BOOL": True}, "1", False),
        ({"NULL": True}, "null", True),
        ({"NULL": True}, "", False),
        ({"L": []}, "[]", False),
        ({"M": {}}, "{}", False),
        (None, "null", False),
    ],
)  # fmt: skip
def test_becomes_compares_old_and_new_values(deploy_function: Deploy, value: Any, written: str, is_equal: bool) -> None:
    function = deploy_function(filters=[{"kind": "updated", "becomes": {"status": written}}])
    new = image("a", 2, {} if value is None else {"status": value})
    function(batch(record(1, new, image("a", 1, {"status": text("another")}))))
    assert len(function.code.seen) == is_equal
    # The property already had the value, so it does not "become" it.
    function(batch(record(2, image("a", 3, new["doc"]["M"]), new)))
    assert len(function.code.seen) == is_equal


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ([], ["created", "updated", "updated", "deleted", "expired"]),
        ([{}], ["created", "updated", "updated", "deleted", "expired"]),
        ([{"kind": "created"}], ["created"]),
        ([{"kind": "deleted"}, {"kind": "expired"}], ["deleted", "expired"]),
        ([{"kind": "updated", "becomes": {"status": "b"}}], ["updated"]),
        ([{"becomes": {"status": "a"}}], ["created", "updated"]),
        ([{"kind": "updated", "becomes": {"status": "a", "n": "1"}}], []),
        ([{"kind": "updated", "becomes": {"status": "b", "n": "1"}}], ["updated"]),
        ([{"kind": "deleted", "becomes": {"status": "a"}}], []),
        ([{"kind": "created"}, {"kind": "created"}], ["created"]),
    ],
)
def test_filters(deploy_function: Deploy, filters: Any, kinds: list[str]) -> None:
    function = deploy_function(filters=filters)
    a, b = image("a", 1, {"status": text("a")}), image("a", 2, {"status": text("b"), "n": number("1")})
    again = image("a", 3, {"status": text("a")})
    function(batch(
        record(1, a, None), record(2, b, a), record(3, again, b), record(4, None, again),
        record(5, None, image("b", 1, {}), userIdentity=TTL),
    ))  # fmt: skip
    assert [each.kind for each in function.code.seen] == kinds


@pytest.mark.parametrize(
    ("writer", "imports", "kinds"),
    [
        ("", False, ["created", "updated"]),
        ("function:own/", False, []),
        ("function:owner/", False, ["created", "updated"]),
        ("import/", False, []),
        ("import/", True, ["created", "updated"]),
    ],
)
def test_a_function_gets_no_own_writes_and_imports_only_on_request(
    deploy_function: Deploy, writer: str, imports: bool, kinds: list[str]
) -> None:
    function = deploy_function(imports=imports)
    a, b = image("a", 1, {}, write=text(f"{writer}0011")), image("a", 2, {}, write=text(f"{writer}0012"))
    function(batch(record(1, a, None), record(2, b, a), record(3, None, b)))
    assert [each.kind for each in function.code.seen] == [*kinds, "deleted"]


def test_an_import_over_an_expired_item_still_reports_the_expiry(deploy_function: Deploy) -> None:
    function = deploy_function()
    new = image("a", 1, {}, createdAt=text("2026-01-01T00:00:00.5Z"), write=text("import/0011"))
    function(batch(record(1, new, image("a", 1, {}, expires=number("1767225000")))))
    assert [each.kind for each in function.code.seen] == ["expired"]


def test_a_failure_delays_only_its_item(deploy_function: Deploy) -> None:
    function = deploy_function(FAILS)
    bad = image("a", 1, {"bad": {"BOOL": True}})
    records = [
        record(1, image("z", 1, {}), None), record(2, bad, None), record(3, image("b", 1, {}), None),
        record(4, image("a", 2, {}), bad), record(5, image("b", 2, {}), image("b", 1, {})),
    ]  # fmt: skip
    assert failed_numbers(function(batch(*records))) == [2, 4]
    # Lambda sends all records from the first failure on again; those already handled are skipped.
    assert failed_numbers(function(batch(*records[1:]))) == [2, 4]
    assert [each.id for each in function.code.seen] == ["event-1", "event-2", "event-3", "event-5", "event-2"]


def test_the_same_id_in_two_tables_is_two_items(deploy_function: Deploy) -> None:
    tables = {"test-items": "items", "test-orders": "orders"}
    function = deploy_function(FAILS, changes={"items": [], "orders": []}, tables=tables)
    orders = STREAM.replace("test-items", "test-orders")
    bad = image("a", 1, {"bad": {"BOOL": True}})
    assert failed_numbers(function(batch(record(1, bad, None), record(2, image("a", 1, {}), None, stream=orders)))) == [
        1
    ]
    assert len(function.code.seen) == 2


def test_the_fifth_failure_sends_the_whole_change_to_the_dead_letters(
    deploy_function: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    spoils = FAILS.replace("if change", "change.item['name'] = 'spoilt'\n    if change")
    function = deploy_function(spoils)
    queue = own_functions.sqs().get_queue_url(QueueName="failed")["QueueUrl"]
    old = image("ada#a", 1, {"price": number("12345678901234567890.1"), "odd": text("\uffff \U0001f600")})
    bad = image("ada#a", 2, {"bad": {"BOOL": True}, "deep": {"L": [{"M": {"n": number("1.5")}}]}})
    records = [record(7, bad, old), record(8, image("ada#a", 3, {}), bad)]
    for _ in range(4):
        assert failed_numbers(function(batch(*records))) == [7, 8]
        assert messages(queue) == []
    capsys.readouterr()
    assert failed_numbers(function(batch(*records))) == []
    assert [each.id for each in function.code.seen] == [*["event-7"] * 5, "event-8"]
    dead, done = lines(capsys.readouterr().err)
    assert (dead["result"], dead["attempt"], dead["level"], dead["status"]) == ("dead-letter", 5, "ERROR", 500)
    assert (done["result"], done["attempt"], done["changeId"]) == ("done", 1, "event-8")
    (body,) = own_functions.sqs().receive_message(QueueUrl=queue)["Messages"]
    letter = json.loads(body["Body"], parse_float=Decimal)
    stamps = {"createdAt": "2026-01-01T00:00:00.000001Z"}
    assert letter == {
        "function": "own",
        "error": {"type": "KeyError", "place": "app/own.py:7"},
        "attempts": 5,
        "change": {
            "id": "event-7", "entity": "items", "kind": "updated", "owner": "ada",
            "item": {
                "id": "a", "bad": True, "deep": [{"n": Decimal("1.5")}], **stamps,
                "updatedAt": "2026-01-01T00:00:00.000002Z", "version": 2,
            },
            "before": {
                "id": "a", "price": Decimal("12345678901234567890.1"), "odd": "\uffff \U0001f600", **stamps,
                "updatedAt": "2026-01-01T00:00:00.000001Z", "version": 1,
            },
            "at": "2026-01-01T00:00:00.000000Z",
        },
    }  # fmt: skip
    # After `make redrive` it is the same change.
    answer = function({"trestle": {"change": json.dumps(letter["change"], default=str)}})
    assert answer == {"error": {"type": "KeyError", "place": "app/own.py:7"}}
    assert (function.code.seen[-1].id, function.code.seen[-1].item.owner) == ("event-7", "ada")


def test_a_change_that_fails_now_and_then_is_counted_from_its_last_success(deploy_function: Deploy) -> None:
    function = deploy_function(NOTE + "    if len(seen) % 5:\n        raise ValueError\n")
    one = batch(record(1, image("a", 1, {}), None))
    assert [failed_numbers(function(one)) for _ in range(5)] == [[1], [1], [1], [1], []]
    assert [failed_numbers(function(one)) for _ in range(4)] == [[1], [1], [1], [1]]


def test_a_dead_letter_that_is_too_large_has_the_position(deploy_function: Deploy) -> None:
    function = deploy_function(FAILS)
    queue = own_functions.sqs().get_queue_url(QueueName="failed")["QueueUrl"]
    large = image("a", 1, {"bad": {"BOOL": True}, "text": text("x" * 270_000)})
    for _ in range(5):
        answer = function(batch(record(7, large, None)))
    assert failed_numbers(answer) == []
    (letter,) = messages(queue)
    assert letter == {
        "function": "own", "error": {"type": "KeyError", "place": "app/own.py:6"}, "attempts": 5,
        "DDBStreamBatchInfo": {
            "streamArn": STREAM, "startSequenceNumber": f"{7:021}", "endSequenceNumber": f"{7:021}", "batchSize": 1,
        },
    }  # fmt: skip


def test_a_change_without_a_dead_letter_queue_is_retried(
    deploy_function: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    function = deploy_function(FAILS)
    queue = own_functions.sqs().get_queue_url(QueueName="failed")["QueueUrl"]
    bad = batch(record(1, image("a", 1, {"bad": {"BOOL": True}}), None))
    own_functions.sqs().delete_queue(QueueUrl=queue)
    for _ in range(6):
        assert failed_numbers(function(bad)) == [1]
    assert {line["result"] for line in lines(capsys.readouterr().err)} == {"failed"}
    new_queue("failed")
    assert failed_numbers(function(bad)) == []
    assert [letter["attempts"] for letter in messages(queue)] == [7]


def test_records_without_time_left_are_retried_and_not_counted(deploy_function: Deploy) -> None:
    function = deploy_function(FAILS)
    bad = image("c", 1, {"bad": {"BOOL": True}})
    records = [record(1, image("a", 1, {}), None), record(2, image("b", 1, {}), None), record(3, bad, None)]
    for _ in range(9):
        assert failed_numbers(function(batch(*records), millis=1000)) == [2, 3]
    assert [each.id for each in function.code.seen] == ["event-1"]
    for _ in range(4):
        assert failed_numbers(function(batch(record(3, bad, None)))) == [3]
    assert failed_numbers(function(batch(record(3, bad, None)))) == []


def test_a_slow_function_is_not_called_without_enough_time(
    deploy_function: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("trestle.functions.units.time.monotonic", lambda: clock[0])
    function = deploy_function(NOTE)
    function.code.seen = type("Slow", (list,), {"append": lambda self, each: clock.__setitem__(0, clock[0] + 20)})()
    records = [record(each, image(f"i{each}", 1, {}), None) for each in range(1, 6)]
    assert failed_numbers(function(batch(*records), millis=60_000)) == [3, 4, 5]


@pytest.mark.parametrize(
    ("raises", "error", "status", "type_"),
    [
        ("raise KeyError('s3cr3t')", f"{FAILED}KeyError.", 500, "KeyError"),
        ("raise Refuse('s3cr3t')", f"{FAILED}Refuse.", 500, "Refuse"),
        ("raise NotFound('s3cr3t')", f"{FAILED}NotFound.", 500, "NotFound"),
        ("raise Unavailable('s3cr3t')", "Unavailable", 503, "Unavailable"),
        ("raise Retry(5)", f"{FAILED}Retry.", 500, "Retry"),
        ("raise SystemExit('s3cr3t')", f"{FAILED}SystemExit.", 500, "SystemExit"),
        ("return Again('s3cr3t')", "UnitError: own returned Again for a change. Only jobs can", 500, "UnitError"),
    ],
)  # fmt: skip
def test_the_log_has_the_errors_type_and_place_but_no_data(
    deploy_function: Deploy, capsys: pytest.CaptureFixture[str], raises: str, error: str, status: int, type_: str
) -> None:
    function = deploy_function(f"def handle(change, context):\n    {raises}\n")
    assert failed_numbers(function(batch(record(1, image("a", 1, {"name": text("s3cr3t")}), None)))) == [1]
    printed = capsys.readouterr().err
    (line,) = lines(printed)
    assert "s3cr3t" not in printed.replace("Unavailable: s3cr3t", "")
    assert line["error"].startswith(error)
    assert line["status"] == status
    wanted = {
        "requestId": "event-1", "function": "own", "call": "handle", "changeId": "event-1", "entity": "items",
        "kind": "created", "attempt": 1, "result": "failed",
    }  # fmt: skip
    assert wanted.items() <= line.items()
    answer = function({"trestle": {"change": {"entity": "items", "kind": "created", "item": {"id": "a"}}}})
    assert answer["error"]["type"] == type_


def test_an_empty_batch(deploy_function: Deploy) -> None:
    assert failed_numbers(deploy_function()(batch())) == []


def test_remembered_failures_are_limited(deploy_function: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trestle.functions.changes._REMEMBERED", 1)
    function = deploy_function(FAILS)
    first = record(1, image("a", 1, {"bad": {"BOOL": True}}), None)
    others = [record(each, image(f"b{each}", 1, {}), None) for each in (2, 3)]
    for _ in range(2):
        assert failed_numbers(function(batch(first, *others))) == [1]
    assert [each.id for each in function.code.seen] == ["event-1", "event-2", "event-3", "event-1", "event-2"]


def test_metrics_are_counted_by_function(deploy_function: Deploy, capsys: pytest.CaptureFixture[str]) -> None:
    function = deploy_function(environment={"METRICS_NAMESPACE": "shop-test"})
    function(batch(record(1, image("a", 1, {}), None)))
    (line,) = lines(capsys.readouterr().err)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("shop-test", [["function"]])
    assert (line["Requests"], line["ColdStarts"]) == (1, 1)


# --- A real stream: writes of the API, the tools and functions


@pytest.fixture
def stream(make_api: Make, deploy_function: Deploy) -> Any:
    api = make_api({"ids": "client", "ttl": "until"})
    api.client.update_table(
        TableName="test-items", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    return api


def read(api: Any) -> dict[str, Any]:
    """Return all records of the stream, as Lambda sends them."""
    streams = boto3.client("dynamodbstreams", region_name="us-west-2")
    arn = api.client.describe_table(TableName="test-items")["Table"]["LatestStreamArn"]
    found = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        page = streams.get_records(ShardIterator=iterator["ShardIterator"])
        found += [tool._as_sent(each, arn) for each in page["Records"]]
    return batch(*found)


def test_changes_of_writes_by_the_api_and_the_tools(stream: Any, deploy_function: Deploy) -> None:
    function = deploy_function()
    stream.create({"id": "a", "n": 1})
    stream.request("PUT", "/items/a", {"n": 2})
    stream.request("PATCH", "/items/a", {"n": 3})
    names = {"#c": "collection"}  # as if written before the filter was declared
    stream.client.update_item(
        TableName="test-items", Key={"id": text("a")}, UpdateExpression="REMOVE #c", ExpressionAttributeNames=names
    )
    entity = Entity("items", "test-items", {"ids": "client", "ttl": "until"})
    done = reindex.ReindexResult()
    reindex.reindex(stream.client, entity, done, rate=1e9)
    assert done.changed == 1
    stream.request("DELETE", "/items/a")
    function(read(stream))
    kinds = [(kind, doc.get("n"), before and before["n"]) for kind, _, doc, before in seen_changes(function)]
    assert kinds == [("created", 1, None), ("updated", 2, 1), ("updated", 3, 2), ("deleted", 3, None)]


def test_a_function_does_not_get_its_own_writes(stream: Any, deploy_function: Deploy) -> None:
    items = {"table": "test-items", "options": {"ids": "client"}, "operations": ["create", "merge"]}
    merges = "    entity('items').merge(change.item.id, {'done': True})\n"
    creates = "    entity('items').create({}, id=f'of-{change.item.id}')\n"
    function = deploy_function(NOTE + merges + creates, environment={"ENTITIES": json.dumps({"items": items})})
    stream.create({"id": "a"})
    function(read(stream))
    assert stream.request("GET", "/items/a").json["done"] is True
    assert stream.request("GET", "/items/of-a").status == 200
    function(read(stream))
    assert [each.kind for each in function.code.seen] == ["created", "created"]  # the first record is read twice


def test_changes_of_an_import(stream: Any, deploy_function: Deploy) -> None:
    target = transfer.DeployedEntity(Entity("items", "test-items", {"ids": "client"}), stream.client)
    stamps = {"createdAt": "2026-01-02T03:04:05.000006Z", "updatedAt": "2026-02-02T03:04:05.000006Z", "version": 3}
    for replace in (False, True):
        text_ = json.dumps({"id": "a", "again": replace, **stamps})
        transfer.write(io.BytesIO(text_.encode()), target, transfer.ImportResult(), rate=1e9, replace=replace)
    for imports, count in ((False, 0), (True, 2)):
        function = deploy_function(imports=imports)
        function(read(stream))
        assert len(function.code.seen) == count
