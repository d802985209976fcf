"""Test each example, applied unchanged, over HTTP; the OpenAPI document describes every response."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import boto3
import pytest

from tests.local.api import Api
from tests.local.conftest import EXAMPLES, Start
from tests.local.described_api import DescribedApi
from tests.local.runner import ROOT, Local

Keys = dict[str, str]


@dataclass(frozen=True)
class Example:
    """A running example."""

    local: Local
    url: str
    keys: Keys

    def api(self, key: str | None = None) -> DescribedApi:
        """Return a client with the key of this name, or without a key."""
        return DescribedApi(Api(self.url, self.keys[key] if key else None))

    def as_user(self, user: str) -> DescribedApi:
        """Return a client for a user."""
        done = self.local("token", "--user", user)
        assert (done.returncode, done.stderr) == (0, "")
        return DescribedApi(Api(self.url, None, done.stdout.strip()))


def example_fixture(name: str) -> Callable[[Start], Example]:
    """Return a fixture that keeps one example running for a file's tests."""

    @pytest.fixture(scope="module", name=name.replace("-", "_"))
    def fixture(start_example: Start) -> Example:
        local = start_example(name).result()
        outputs = local.outputs()
        return Example(local, outputs["api_url"], outputs["api_keys"])

    return fixture


_items, _shop, _vpc_items, _movies, _todos, _notes = map(example_fixture, EXAMPLES[:6])


def list_items(api: DescribedApi, path: str) -> list[dict[str, object]]:
    """Return a list's items."""
    answer = api("GET", path)
    assert answer.status == 200, answer.content
    items: list[dict[str, object]] = answer.json["items"]
    return items


# --- items: any object; everyone creates, reads, lists and deletes ---


def test_items_are_created_and_deleted(items: Example) -> None:
    api = items.api()
    made = api.create("/items", {"id": "lamp-1", "name": "lamp", "price": 12.5})
    assert (made.json["id"], made.location) == ("lamp-1", f"{items.url}/items/lamp-1")
    assert api("GET", made.location).json == made.json
    assert made.json in list_items(api, "/items")
    assert api("DELETE", made.location).status == 204
    api("GET", made.location).problem(404, "not-found")


def test_items_have_ids_of_clients_or_the_server(items: Example) -> None:
    api = items.api()
    api.create("/items", {"id": "once"})
    api("POST", "/items", {"id": "once"}).problem(409, "conflict")
    assert len(api.create("/items", {"name": "chair"}).json["id"]) > 10


def test_items_cannot_be_changed(items: Example) -> None:
    api = items.api()
    made = api.create("/items", {"name": "lamp"})
    for method in ("PUT", "PATCH"):
        answer = api.api(method, made.location, {"name": "chair"})
        answer.problem(405, "method-not-allowed")
        assert set(answer.headers["Allow"].split(", ")) == {"DELETE", "GET", "OPTIONS"}


def test_items_have_one_function(items: Example) -> None:
    names = items.local.outputs()["function_names"]["items"]
    assert set(names) == {"create", "delete", "get", "list"}
    assert len(set(names.values())) == 1


# --- shop: three entities with different operations ---


@pytest.mark.slow
def test_shop_reads_users_that_another_program_wrote(shop: Example) -> None:
    api = shop.api()
    port, name = shop.local.port, shop.local.outputs()["table_names"]["users"]
    table = boto3.client(
        "dynamodb", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-west-2",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    at = "2026-01-02T03:04:05.000006Z"
    texts = {"id": "ada", "createdAt": at, "updatedAt": at, "collection": "users"}
    item = {attribute: {"S": text} for attribute, text in texts.items()}
    doc = {"name": {"S": "Ada"}, "email": {"S": "ada@example.com"}}
    table.put_item(TableName=name, Item={**item, "version": {"N": "1"}, "doc": {"M": doc}})
    user = {
        "name": "Ada",
        "email": "ada@example.com",
        "id": "ada",
        "createdAt": at,
        "updatedAt": at,
        "version": 1,
    }
    assert api("GET", "/users/ada").json == user
    assert list_items(api, "/users") == [user]
    api.api("POST", "/users", {"name": "Bob"}).problem(405, "method-not-allowed")


@pytest.mark.slow
def test_shop_accepts_orders_and_never_deletes_them(shop: Example) -> None:
    api = shop.api()
    order = api.create("/orders", {"userId": "ada", "productId": "p1"})
    assert (order.json["quantity"], order.json["status"]) == (1, "open")
    paid = api.create("/orders", {"userId": "bob", "productId": "p1", "quantity": 2, "status": "paid"})
    assert list_items(api, "/orders?status=open") == [order.json]
    assert list_items(api, "/orders?userId=bob") == [paid.json]
    api("GET", "/orders?quantity=2").problem(400, "invalid-request")
    problem = api("POST", "/orders", {"quantity": 0, "status": "lost"}).problem(422, "invalid-item")
    assert {e["pointer"] for e in problem["errors"]} == {"/quantity", "/status"}
    for method in ("PUT", "PATCH", "DELETE"):
        api.api(method, order.location).problem(405, "method-not-allowed")


@pytest.mark.slow
def test_shop_stores_products(shop: Example) -> None:
    api = shop.api()
    made = api.create("/products", {"name": "Lamp", "price": 12.50, "tags": ["light"]})
    changed = api("PATCH", made.location, {"price": 9.99}, If_Match=made.headers["ETag"])
    assert (changed.json["price"], changed.json["tags"], changed.json["version"]) == (9.99, ["light"], 2)
    api("PUT", made.location, {"name": "Lamp"}, If_Match=made.headers["ETag"]).problem(412, "precondition-failed")
    replaced = api("PUT", made.location, {"name": "Lamp"})
    assert "tags" not in replaced.json
    api("PUT", made.location, {"price": -1}).problem(422, "invalid-item")
    # Another program writes the rating; clients cannot.
    assert "rating" not in api("PATCH", made.location, {"rating": 5}).json
    table = boto3.client(
        "dynamodb", endpoint_url=f"http://127.0.0.1:{shop.local.port}", region_name="us-west-2",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    table.update_item(
        TableName=shop.local.outputs()["table_names"]["products"],
        Key={"id": {"S": made.json["id"]}},
        UpdateExpression="SET doc.rating = :rating",
        ExpressionAttributeValues={":rating": {"N": "4.5"}},
    )
    for method, sent in (
        ("PATCH", {"rating": None}),
        ("PUT", {"name": "Lamp", "rating": "best"}),
        ("PUT", {"name": "Lamp"}),
    ):
        assert api(method, made.location, sent).json["rating"] == 4.5
    assert api("DELETE", made.location).status == 204


@pytest.mark.slow
def test_shop_notifies_of_incidents_and_their_end(shop: Example) -> None:
    aws = partial(
        boto3.client, endpoint_url=f"http://127.0.0.1:{shop.local.port}", region_name="us-west-2",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    cloudwatch, sns, sqs = aws("cloudwatch"), aws("sns"), aws("sqs")
    (topic,) = sns.list_topics()["Topics"]
    arn = "arn:aws:sqs:us-west-2:000000000000:mails"
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]}
    queue = sqs.create_queue(QueueName="mails", Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
    sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn)
    # The emulator does not evaluate expressions, so their results are set.
    for operation, state in (("create", "ALARM"), ("list", "ALARM"), ("create", "OK"), ("list", "OK")):
        name = f"shop-demo/orders/{operation}/errors"
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="A drill")
    mails = [
        json.loads(json.loads(message["Body"])["Message"])
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    ]
    told = sorted((mail["AlarmName"], mail["NewStateValue"]) for mail in mails)
    assert told == [("shop-demo", "ALARM"), ("shop-demo", "OK")], "one mail at its start, one at its end"
    assert "docs/how-to/runbook.md#an-alarm-comes" in mails[0]["AlarmDescription"]


@pytest.mark.slow
def test_shop_has_no_changes_after_a_restart(shop: Example) -> None:
    file = ROOT / "examples" / "shop.tfvars"
    assert not shop.local.system.has_changes([file])
    assert shop.local("down").returncode == 0
    assert shop.local.up(file).returncode == 0
    assert not shop.local.system.has_changes([file])


# --- vpc-items: the items example in its own network ---


@pytest.mark.slow
def test_vpc_items_require_a_key(vpc_items: Example) -> None:
    vpc_items.api()("GET", "/items").problem(403, "forbidden")
    api = vpc_items.api("default")
    made = api.create("/items", {"name": "lamp"})
    assert api("PUT", made.location, {"name": "chair"}).json["version"] == 2
    assert [item["name"] for item in list_items(api, "/items")] == ["chair"]
    assert api("DELETE", made.location).status == 204
    assert list_items(api, "/items") == []


# --- movies: a collection at the root, with two kinds of keys ---


@pytest.mark.slow
def test_movies_are_created_at_the_root(movies: Example) -> None:
    api = movies.api("standard")
    made = api.create("/", {"year": "2023", "title": "kkkg", "id": "12"})
    assert {name: made.json[name] for name in ("id", "title", "year")} == {
        "id": "12",
        "title": "kkkg",
        "year": "2023",
    }
    assert made.location == f"{movies.url}/12"
    bare = Api(movies.url, movies.keys["standard"])("POST", "", {"year": "2024", "title": "bare", "id": "13"})
    assert bare.location == made.location[:-1] + "3", "with and without a slash at the end of the URL"
    premium = movies.api("premium")
    assert premium("GET", "/12").json == made.json
    premium("POST", "/", {"title": "another", "id": "12"}).problem(409, "conflict")
    assert [api("DELETE", path).status for path in ("/12", "/13")] == [204, 204]


@pytest.mark.slow
def test_movies_of_a_year_by_title(movies: Example) -> None:
    api = movies.api("premium")
    for year, title in (
        ("1999", "Magnolia"),
        ("1999", "Ghost Dog"),
        ("1999", "Galaxy Quest"),
        ("1927", "Gloria"),
    ):
        api.create("/", {"year": year, "title": title})
    assert [m["title"] for m in list_items(api, "/?year=1999")] == ["Galaxy Quest", "Ghost Dog", "Magnolia"]
    assert [m["title"] for m in list_items(api, "/?year=1999&title.prefix=G&order=desc")] == [
        "Ghost Dog",
        "Galaxy Quest",
    ]
    page = api("GET", "/?year=1999&limit=2")
    assert page.next
    assert [m["title"] for m in api("GET", page.next).json["items"]] == ["Magnolia"]


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, "not-a-key"])
def test_movies_require_a_key(movies: Example, key: str | None) -> None:
    Api(movies.url, key)("GET", "/12").problem(403, "forbidden")
    Api(movies.url, key)("POST", "/", {"title": "kkkg"}).problem(403, "forbidden")


# --- todos: PUT that merges, defaults, a filter; customers require a key ---


def test_todos_merge_with_put(todos: Example) -> None:
    api = todos.api()
    made = api.create("/todos", {"title": "Buy milk"})
    assert (made.json["description"], made.json["completed"]) == ("", False)
    done = api("PUT", made.location, {"completed": True})
    assert (done.json["title"], done.json["completed"], done.json["version"]) == ("Buy milk", True, 2)
    api("PUT", made.location, {"completed": "yes"}).problem(422, "invalid-item")
    assert api("DELETE", made.location).status == 204


def test_todos_are_filtered_by_done(todos: Example) -> None:
    api = todos.api()
    titles = [uuid.uuid4().hex for _ in range(3)]
    made = [api.create("/todos", {"title": title}) for title in titles]
    api("PUT", made[1].location, {"completed": True})
    assert [t["title"] for t in list_items(api, "/todos?completed=true")] == [titles[1]]
    assert [t["title"] for t in list_items(api, "/todos?completed=false&order=desc")] == [titles[2], titles[0]]
    problem = api("GET", "/todos?completed=maybe").problem(400, "invalid-request")
    assert [e["parameter"] for e in problem["errors"]] == ["completed"]


def test_customers_require_a_key(todos: Example) -> None:
    ada = {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@example.com",
        "phone": "+44 20 7946 0000",
    }
    todos.api()("POST", "/customers", ada).problem(403, "forbidden")
    api = todos.api("default")
    made = api.create("/customers", {**ada, "address": {"city": "London"}})
    api.create("/customers", {"firstName": "Alan", "lastName": "Turing", "email": "alan@example.com"})
    assert list_items(api, "/customers?lastName=Lovelace") == [made.json]
    problem = api("POST", "/customers", {**ada, "email": "ada", "phone": "none"}).problem(422, "invalid-item")
    assert {e["pointer"] for e in problem["errors"]} == {"/email", "/phone"}


def test_todos_are_described_with_their_defaults_and_filters(todos: Example) -> None:
    api = todos.api()
    operation = api.operation("GET", f"{todos.url}/todos")
    parameters = {p["name"]: p["schema"] for p in map(api.resolve, operation["parameters"])}
    assert parameters["completed"] == {"type": "boolean"}
    body = api.operation("POST", f"{todos.url}/todos")["requestBody"]["content"]["application/json"]["schema"]
    assert api.resolve(body)["properties"]["completed"]["default"] is False


# --- notes: each user has their own ---


@pytest.mark.slow
def test_notes_require_sign_in(notes: Example) -> None:
    answer = notes.api()("GET", "/notes")
    answer.problem(401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    ada = notes.as_user("ada")
    made = ada.create("/notes", {"title": "Milk", "tag": "home"})
    assert (made.json["text"], made.json["pinned"]) == ("", False)
    changed = ada("PATCH", made.location, {"pinned": True}, If_Match=made.headers["ETag"])
    assert list_items(ada, "/notes?pinned=true") == [changed.json]
    replaced = ada("PUT", made.location, {"title": "Milk and eggs", "tag": "home"})
    assert list_items(ada, "/notes?tag=home&title.prefix=Milk") == [replaced.json]
    ada("POST", "/notes", {"title": ""}).problem(422, "invalid-item")
    assert ada("DELETE", made.location).status == 204
    ada("GET", made.location).problem(404, "not-found")


@pytest.mark.slow
def test_notes_of_others_are_not_found(notes: Example) -> None:
    ada, bob = notes.as_user("ada"), notes.as_user("bob")
    hers, his = (api.create("/notes", {"title": "Secret", "tag": "work"}) for api in (ada, bob))
    for path in ("/notes", "/notes?tag=work"):
        assert (list_items(ada, path), list_items(bob, path)) == ([hers.json], [his.json])
    bob("GET", hers.location).problem(404, "not-found")
    bob("PATCH", hers.location, {"title": "Mine"}).problem(404, "not-found")
    bob("DELETE", hers.location).problem(404, "not-found")
    assert ada("GET", hers.location).json == hers.json
