"""Test records that another program wrote: JSON values are shown, other records are logged and skipped."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.api import TABLE, Api, error
from tests.unit.conftest import Make
from tools.aws import reindex, transfer
from trestle.entity import Entity
from trestle.store.records import has_expired
from trestle.strict_json import loads

ITEMS = Entity("items", TABLE)
STAMP = {"S": "2026-01-02T03:04:05.000006Z"}
WHOLE: dict[str, Any] = {"createdAt": STAMP, "updatedAt": STAMP, "version": {"N": "1"}, "doc": {"M": {}}}
HUGE = f"9.{'9' * 37}E+125"
# DynamoDB values without a JSON equivalent, and what the API shows for them.
SHOWN: list[tuple[dict[str, Any], Any]] = [
    ({"NS": ["38", "40", "1.5", "1E+40"]}, [38, 40, 1.5, 1e40]),
    ({"SS": ["red", "green"]}, ["red", "green"]),
    ({"SS": ["5"]}, ["5"]),
    ({"SS": ["[1]"]}, ["[1]"]),
    ({"SS": [""]}, [""]),
    ({"M": {"in": {"L": [{"SS": ["{}"]}, {"NS": ["7"]}]}}}, {"in": [["{}"], [7]]}),
    ({"NULL": True}, None),
    ({"N": HUGE}, Decimal(HUGE)),
]
# Records that are not items, with the reason.
VALUE = "holds a value that JSON does not have, or a version that is no whole number"
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "bare": (dict.fromkeys(WHOLE), "lacks createdAt and doc and updatedAt and version"),
    "binary": ({"doc": {"M": {"a": {"B": b"x"}}}}, VALUE),
    "binaries": ({"doc": {"M": {"a": {"BS": [b"x"]}}}}, VALUE),
    "deep": ({"doc": {"M": {"a": {"L": [{"M": {"a": {"B": b"x"}}}]}}}}, VALUE),
    "half": ({"version": {"N": "1.5"}}, VALUE),
    "huge": ({"doc": {"M": {"a": {"N": "1e126"}}}}, VALUE),
    "undocumented": ({"doc": None}, "lacks doc"),
    "list": ({"doc": {"L": []}}, "has doc as L instead of M"),
    "text": (
        {"doc": {"S": "{}"}, "version": {"S": "1"}},
        "has version as S instead of N and doc as S instead of M",
    ),
    "time": ({"createdAt": {"N": "1"}}, "has createdAt as N instead of S"),
    "unversioned": ({"version": None}, "lacks version"),
}  # fmt: skip


def store_record(api: Api, name: str, change: dict[str, Any]) -> None:
    record = {"id": {"S": name}, **WHOLE, **change}
    api.client.put_item(TableName=TABLE, Item={key: value for key, value in record.items() if value})


def stored_record(api: Api, name: str) -> Any:
    return api.client.get_item(TableName=TABLE, Key={"id": {"S": name}}).get("Item")


def export_items(api: Api) -> tuple[dict[str, Any], transfer.ExportResult]:
    out = io.StringIO()
    done = transfer.export(transfer.DeployedEntity(ITEMS, api.client), TABLE, out.write)
    return {item["id"]: item for item in map(loads, out.getvalue().splitlines())}, done


def run_reindex(api: Api, entity: Entity = ITEMS) -> reindex.ReindexResult:
    done = reindex.ReindexResult()
    reindex.reindex(api.client, entity, done, rate=1e9)
    return done


@pytest.mark.parametrize(("value", "shown"), SHOWN)
def test_values_that_json_can_express_are_shown_and_kept(api: Api, value: dict[str, Any], shown: Any) -> None:
    store_record(api, "a", {"doc": {"M": {"theirs": value}}})
    read = api.request("GET", "/items/a")
    found = loads(read.body)["theirs"]
    shown = found if "NS" in value and sorted(found) == sorted(shown) else shown  # a set has no order
    assert (read.status, found) == (200, shown)
    assert run_reindex(api).changed == 1
    assert api.request("GET", "/items").json["items"] == [read.json]
    assert export_items(api)[0] == {"a": loads(read.body)}
    patched = api.request("PATCH", "/items/a", {"mine": 1}, headers={"If-Match": read.etag})
    assert (loads(patched.body)["theirs"], patched.json["mine"]) == (shown, 1)
    assert sort_sets(stored_record(api, "a")["doc"]["M"]["theirs"]) == sort_sets(value)
    nested = api.request("PATCH", "/items/a", {"mine": {"more": 1}})
    assert (loads(nested.body)["theirs"], nested.json["mine"]) == (shown, {"more": 1})
    replaced = api.request("PUT", "/items/a", nested.body)
    assert loads(replaced.body)["theirs"] == shown
    assert api.request("DELETE", "/items/a").status == 204


def sort_sets(value: Any) -> Any:
    """Sort the sets in a value, since DynamoDB's have no order."""
    if isinstance(value, dict):
        return {
            kind: sorted(each) if kind in ("NS", "SS") else sort_sets(each)
            for kind, each in value.items()
            if kind != "N"
        }
    return [sort_sets(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", ODD)
def test_a_record_that_is_not_an_item_can_be_deleted(make_api: Make, name: str) -> None:
    api = make_api({"ids": "client"})
    store_record(api, name, ODD[name][0])
    before = stored_record(api, name)
    assert api.request("GET", f"/items/{name}").status == 500
    assert api.request("PATCH", f"/items/{name}", {"b": {"c": 1}}).status == 500
    assert api.request("POST", "/items", {"id": name}).status == 409
    assert api.request("POST", "/items", {"id": name}, headers={"Idempotency-Key": "k"}).status == 409
    assert api.request("DELETE", f"/items/{name}", headers={"If-Match": '"1-1"'}).status == 412
    assert stored_record(api, name) == before
    assert api.request("DELETE", f"/items/{name}").status == 204


def test_an_invalid_record_stops_neither_export_nor_reindex(api: Api) -> None:
    store_record(api, "fine", {"doc": {"M": {"a": {"NS": ["1", "2"]}}}})
    for name, (change, _) in ODD.items():
        store_record(api, name, change)
    before = {name: stored_record(api, name) for name in ODD}
    items, done = export_items(api)
    assert (list(items), done.items) == (["fine"], 1)
    wanted = [f"{name}: {why}" for name, (_, why) in sorted(ODD.items())]
    assert sorted(done.left_out) == wanted
    run = run_reindex(api)
    assert (run.read, run.changed, sorted(run.left_out)) == (len(ODD) + 1, 1, wanted)
    assert {name: stored_record(api, name) for name in ODD} == before
    assert stored_record(api, "fine")["collection"] == {"S": "items"}


@pytest.mark.parametrize("expires", [{"S": "soon"}, {"N": "1.5"}, {"BOOL": True}])
def test_only_a_number_is_a_time_to_live(make_api: Make, expires: dict[str, Any]) -> None:
    api = make_api({"ttl": "until"})
    store_record(api, "a", {"expires": expires})
    status = 404 if "N" in expires else 200
    assert api.request("GET", "/items/a").status == status
    assert has_expired(Entity("items", TABLE, {"ttl": "until"}), stored_record(api, "a")) == (status == 404)


@pytest.mark.parametrize("stamp", ["yesterday", " ", "2026-01-02", "1" * 1000, "²" * 30, 'a"b', "a\r\nb"])
def test_times_of_another_form_are_not_exported(api: Api, stamp: str) -> None:
    store_record(api, "a", {"createdAt": {"S": stamp}})
    reason = "has a createdAt that is no time"
    read = api.request("GET", "/items/a")
    if stamp.isascii() and stamp.isprintable() and '"' not in stamp:
        reason = "/createdAt Must be a time in UTC such as 2026-01-02T03:04:05.000006Z"
        assert (read.status, read.json["createdAt"], read.etag) == (200, stamp, f'"{stamp}-1"')
    else:
        assert read.status == 500, "no header can contain it"
    items, done = export_items(api)
    assert (items, done.left_out) == ({}, [f"a: {reason}"])
    assert api.request("DELETE", "/items/a").status == 204


def test_ids_of_another_form_are_not_exported(api: Api) -> None:
    store_record(api, "a b", {})
    items, done = export_items(api)
    assert (items, [each.partition(" Must")[0] for each in done.left_out]) == ({}, ["a b: /id"])


def test_an_item_without_room_for_its_keys_is_reported(make_api: Make) -> None:
    options: dict[str, Any] = {"filters": {"tag": {}}}
    api = make_api(options)
    for name in ("large", "small"):
        store_record(api, name, {"doc": {"M": {"tag": {"S": "x"}}}})
    full = error("ValidationException", message="Item size to update has exceeded the maximum allowed size")
    with api.fault("UpdateItem", full):
        done = run_reindex(api, Entity("items", TABLE, options))
    assert (done.changed, len(done.left_out)) == (1, 1)
    assert done.left_out[0].endswith("would exceed DynamoDB's 400 KB with the keys of its filters")
    denied = error("AccessDeniedException")
    with api.fault("UpdateItem", denied), pytest.raises(ClientError, match="AccessDenied"):
        run_reindex(api, Entity("items", TABLE, options))


def test_an_import_keeps_records_that_are_not_items(api: Api) -> None:
    store_record(api, "a", ODD["binary"][0])
    line = json.dumps({"id": "a", "a": 1, "createdAt": STAMP["S"], "updatedAt": STAMP["S"], "version": 1})
    done = transfer.ImportResult()
    transfer.write(io.BytesIO(line.encode()), transfer.DeployedEntity(ITEMS, api.client), done, rate=1e9)
    assert str(done) == "1 refused"
