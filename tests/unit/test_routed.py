"""Test the single function of an entity whose operations share one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.api import Api
from tests.unit.conftest import Make
from tools.testing.events import event


@pytest.fixture
def api(make_api: Make) -> Api:
    """An entity's single function."""
    return make_api({"filters": {"status": {}}, "ttl": "until"}, functions=["entity"])


def logged_operations(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """Return the operations in the log lines since the last call."""
    return [json.loads(line)["operation"] for line in capsys.readouterr().err.splitlines()]


def test_one_function_routes_every_operation(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    created = api.request("POST", "/items", {"status": "open"})
    path = f"/items/{created.json['id']}"
    assert (created.status, logged_operations(capsys)) == (201, ["create"])
    read = api.request("GET", path)
    assert (read.json, read.etag, logged_operations(capsys)) == (created.json, created.etag, ["get"])
    listed = api.request("GET", "/items", query={"status": "open"})
    assert (listed.json["items"], logged_operations(capsys)) == ([created.json], ["list"])
    replaced = api.request("PUT", path, {"n": 1}, headers={"If-Match": created.etag})
    assert (replaced.json["n"], replaced.json["version"], logged_operations(capsys)) == (1, 2, ["replace"])
    merged = api.request("PATCH", path, {"m": 2})
    assert (merged.json["n"], merged.json["m"], logged_operations(capsys)) == (1, 2, ["merge"])
    assert (api.request("DELETE", path).status, logged_operations(capsys)) == (204, ["delete"])
    assert (api.request("GET", path).status, logged_operations(capsys)) == (404, ["get"])


def test_a_collection_at_the_root(api: Api) -> None:
    created = api.request("POST", "/", {}, collection="/")
    assert (created.status, created.headers["Location"]) == (201, created.json["id"])
    assert api.request("GET", f"/{created.json['id']}", collection="/").json == created.json
    assert api.request("GET", "/", collection="/").json["count"] == 1


@pytest.mark.parametrize("foreign", [None, {}, event("TRACE", "/items"), event("POST", "/items/a")])
def test_an_event_without_an_operation_is_500(api: Api, capsys: pytest.CaptureFixture[str], foreign: Any) -> None:
    assert api.invoke("entity", foreign).status == 500
    assert logged_operations(capsys) == [None]
