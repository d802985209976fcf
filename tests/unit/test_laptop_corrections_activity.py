"""Test the activity data that the console's home page gets on the laptop."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tools.laptop.corrections import activity
from tools.laptop.corrections.apigateway import REQUEST

CONSOLE = "d1.cloudfront.net"
ALIAS = {"FunctionVersion": "7", "RoutingConfig": {"AdditionalVersionWeights": {"8": 0.1}}}
FUNCTIONS = {
    ("1", "us-west-2", "todos"): {"aliases": {"live": ALIAS}},
    ("1", "us-west-2", "authorizer"): {"aliases": {"live": {"FunctionVersion": "2"}}},
    ("1", "us-west-2", "other"): {"aliases": {}},
}


class Clock:
    """A fake clock in seconds of the epoch."""

    now = 1_000_000_020.0  # twenty seconds into a minute

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counted(clock: Clock) -> activity.Activity:
    functions = SimpleNamespace(all_items=lambda: list(FUNCTIONS.items()))
    return activity.Activity(SimpleNamespace(_functions=functions), clock)


def test_an_hour_is_counted_by_route_and_outcome(counted: activity.Activity, clock: Clock) -> None:
    began = counted.summary()["since"]
    for status in (200, 404, 429, 500):
        counted.count("GET /todos", status)
    clock.now += 30 * 60
    counted.count("GET /todos", 304)
    counted.count("POST /todos", 201)
    assert counted.summary()["since"] == began
    assert counted.summary()["routes"] == {
        "GET /todos": {"requests": 5, "refused": 2, "failed": 1},
        "POST /todos": {"requests": 1, "refused": 0, "failed": 0},
    }
    clock.now += 31 * 60
    assert counted.summary()["routes"]["GET /todos"] == {"requests": 1, "refused": 0, "failed": 0}
    assert counted.summary()["since"] > began
    clock.now += 60 * 60
    counted.count("GET /orders", 200)
    assert list(counted.summary()["routes"]) == ["GET /orders"]


def test_the_versions_in_service_are_reported(counted: activity.Activity) -> None:
    assert counted.summary()["functions"] == [
        {"name": "authorizer", "version": "2", "canary": None},
        {"name": "todos", "version": "7", "canary": {"version": "8", "weight": 0.1}},
    ]


def test_routes_are_counted_and_preflights_and_paths_without_a_route_are_not(counted: activity.Activity) -> None:
    async def execute(_api: str, _stage: str, _method: str, path: str) -> Any:
        REQUEST.set({"resource_path": "" if path == "/nothing" else "/todos/{id}"})
        return 404, {}, b""

    gateway = SimpleNamespace(handle_execute=execute)
    activity.correct(gateway, counted)
    for method, path in (("GET", "/todos/secret"), ("OPTIONS", "/todos/1"), ("GET", "/nothing")):
        answer = asyncio.run(gateway.handle_execute("a", "test", method, path))
        assert answer == (404, {}, b"")
    assert counted.summary()["routes"] == {"GET /todos/{id}": {"requests": 1, "refused": 1, "failed": 0}}


@pytest.mark.parametrize(
    ("host", "method", "path", "served"),
    [
        (CONSOLE, "GET", "/activity.json", True),
        (CONSOLE, "POST", "/activity.json", False),
        (CONSOLE, "GET", "/config.json", False),
        ("127.0.0.1:4566", "GET", "/activity.json", False),
        ("evil.example", "GET", "/activity.json", False),
    ],
)
def test_only_the_consoles_origin_serves_it(
    counted: activity.Activity, host: str, method: str, path: str, served: bool
) -> None:
    passed: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        passed.append(scope)

    async def send(message: Any) -> None:
        sent.append(message)

    cloudfront = SimpleNamespace(_distributions={"d": {"DomainName": CONSOLE}})
    serve = activity.serve(app, cloudfront, counted)
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", host.encode())]}
    asyncio.run(serve(scope, None, send))
    assert bool(sent) == served
    assert bool(passed) != served
    if served:
        assert json.loads(sent[1]["body"]) == counted.summary()
        assert (b"cache-control", b"no-store") in sent[0]["headers"]


def test_other_events_are_passed_on(counted: activity.Activity) -> None:
    passed: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        passed.append(scope)

    asyncio.run(activity.serve(app, SimpleNamespace(_distributions={}), counted)({"type": "lifespan"}, None, None))
    assert passed == [{"type": "lifespan"}]
