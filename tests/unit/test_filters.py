"""Test filters: lists by a property's value and another property's range."""

from __future__ import annotations

import base64
import itertools
import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api import TABLE, Api, error, modules
from tests.unit.conftest import ENVIRONMENT, Make
from tests.unit.test_list import encode_cursor, follow
from trestle.store.derived import number_key
from trestle.strict_json import dumps

TASK = {
    "type": "object",
    "required": ["dueDate", "rank"],
    "properties": {
        "status": {"type": "string"},
        "completed": {"type": "boolean"},
        "size": {"type": "integer"},
        "price": {"type": ["null", "number"]},
        "note": {},
        "dueDate": {"type": "string", "minLength": 1},
        "rank": {"type": "number"},
    },
}
FILTERS: dict[str, dict[str, str]] = {
    "status": {"sort": "dueDate"},
    "completed": {},
    "size": {"sort": "rank"},
    "price": {},
    "note": {"sort": "dueDate"},
}
OPTIONS = {"schema": "task", "filters": FILTERS}
DUE = {"dueDate": "2026-01-01", "rank": 1}


@pytest.fixture
def tasks(make_api: Make) -> Api:
    """The API of an entity with filters."""
    return make_api(OPTIONS, {"task": TASK}, numeric=["rank"])


def list_items(api: Api, **query: str) -> list[Any]:
    """Return a list's items."""
    return [
        item
        for page in follow(api, **{name.replace("__", "."): v for name, v in query.items()})
        for item in page["items"]
    ]


def record(api: Api, item_id: str) -> dict[str, Any]:
    stored: dict[str, Any] = api.client.get_item(TableName=TABLE, Key={"id": {"S": item_id}})["Item"]
    return {name: value for name, value in stored.items() if name.startswith(("by_", "number_", "sort_"))}


def test_a_filter_is_one_query(tasks: Api) -> None:
    wanted = tasks.create({**DUE, "status": "open"})
    tasks.create({**DUE, "status": "done"})
    answer, requests = tasks.requests_of("GET", "/items", query={"status": "open"})
    assert (answer.json, requests) == ({"items": [wanted], "count": 1, "next": None}, ["Query"])


@pytest.mark.parametrize(
    ("name", "value", "texts", "others"),
    [
        ("status", "open", ["open"], ["Open", "ope", "open ", "b:true"]),
        ("status", "", [""], ["s:"]),
        ("status", "ü b:true/&+%#", ["ü b:true/&+%#"], []),
        ("status", "x" * 1024, ["x" * 1024], []),
        ("completed", True, ["true"], ["false"]),
        ("completed", False, ["false"], ["true"]),
        ("size", 5, ["5", "5.0", "5e0", "0.5e1"], ["50", "-5"]),
        ("size", 0, ["0", "-0", "0.0"], ["1"]),
        ("size", 10**30, ["1e30", "1" + "0" * 30], ["1e31", "1.234567890123456789012345678e99"]),
        ("price", 0.1, ["0.1", "1e-1", "0.10"], ["0.10000000000000001"]),
        ("price", Decimal("0.10000000000000001"), ["0.10000000000000001"], ["0.1"]),
        ("note", "any", ["any"], ["other"]),
    ],
)
def test_values_are_equal_as_in_json(tasks: Api, name: str, value: Any, texts: list[str], others: list[str]) -> None:
    item_id = tasks.create(dumps({**DUE, name: value}))["id"]
    for text in texts:
        assert [item["id"] for item in list_items(tasks, **{name: text})] == [item_id]
    for text in others:
        assert list_items(tasks, **{name: text}) == []


@pytest.mark.parametrize("value", [None, [], {}, [1], "x" * 1025, "ü" * 513])
def test_items_that_no_filter_finds_are_stored(tasks: Api, value: Any) -> None:
    item = tasks.create({**DUE, "note": value})
    assert tasks.request("GET", f"/items/{item['id']}").json == item
    assert "by_note" not in record(tasks, item["id"])


def test_an_empty_text_sorts_before_all_others(make_api: Make) -> None:
    api = make_api({"filters": {"status": {"sort": "dueDate"}}})
    items = [api.create({"status": "open", "dueDate": due}) for due in ("b", "", "\u0001")]
    assert list_items(api, status="open") == [items[1], items[2], items[0]]
    assert list_items(api, status="open", order="desc", limit="1") == [items[0], items[2], items[1]]
    assert list_items(api, status="open", dueDate__gt="a") == [items[0]]
    assert list_items(api, status="open", dueDate__lt="b") == [items[1], items[2]]
    assert list_items(api, status="open", limit="1") == [items[1], items[2], items[0]]


@pytest.mark.parametrize("due", ["x" * 1025, 5, None, True])
def test_an_item_with_an_invalid_sort_value_is_not_indexed(make_api: Make, due: Any) -> None:
    api = make_api({"filters": {"status": {"sort": "dueDate"}}})
    item = api.create({"status": "open", "dueDate": due})
    assert record(api, item["id"]) == {"by_status": {"S": "s:open"}}
    assert list_items(api, status="open") == []
    assert api.request("PATCH", f"/items/{item['id']}", {"dueDate": "2026"}).status == 200
    assert [each["id"] for each in list_items(api, status="open")] == [item["id"]]


@pytest.mark.parametrize("rank", ["5", None, True, []])
def test_a_numeric_sort_accepts_only_numbers(tasks: Api, rank: Any) -> None:
    assert number_key(rank) is None
    assert number_key(Decimal("0.10000000000000001")) == {"N": "0.10000000000000001"}


def test_changes_move_an_item_from_filter_to_filter(tasks: Api) -> None:
    path = f"/items/{tasks.create({**DUE, 'status': 'open'})['id']}"
    replaced, requests = tasks.requests_of("PUT", path, {**DUE, "dueDate": "2027", "completed": True})
    assert requests == ["UpdateItem"]
    assert (list_items(tasks, status="open"), list_items(tasks, completed="true")) == ([], [replaced.json])
    patch = {"status": "done", "completed": None, "rank": 9, "size": 3}
    patched, requests = tasks.requests_of("PATCH", path, patch)
    assert requests == ["UpdateItem"]
    assert list_items(tasks, completed="true") == []
    assert list_items(tasks, status="done") == list_items(tasks, size="3", rank__gte="9") == [patched.json]
    assert record(tasks, patched.json["id"]) == {
        "by_status": {"S": "s:done"},
        "by_size": {"S": "n:3"},
        "sort_dueDate": {"S": "2027"},
        "number_rank": {"N": "9"},
    }
    deep, requests = tasks.requests_of("PATCH", path, {"status": "deep", "note": {"a": 1}})
    assert requests == ["GetItem", "UpdateItem"]
    assert list_items(tasks, status="deep") == [deep.json]
    assert tasks.request("PATCH", path, {"unrelated": 1}).status == 200
    assert len(list_items(tasks, status="deep")) == 1
    assert tasks.request("DELETE", path).status == 204
    assert list_items(tasks, status="deep") == []


RANGES = [
    *({}, {"gt": "b"}, {"gte": "b"}, {"lt": "c"}, {"lte": "c"}, {"prefix": "b"}, {"prefix": "bb"}),
    *({low: one, high: two} for low in ("gt", "gte") for high in ("lt", "lte") for one, two in ("bc", "cb", "bb")),
]


def meets(value: Any, conditions: dict[str, Any]) -> bool:
    tests = {
        "gt": lambda bound: value > bound,
        "gte": lambda bound: value >= bound,
        "lt": lambda bound: value < bound,
        "lte": lambda bound: value <= bound,
        "prefix": lambda bound: value.startswith(bound),  # noqa: PLW0108 - numbers have no startswith
    }
    return all(tests[operator](bound) for operator, bound in conditions.items())


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_ranges_of_texts(tasks: Api, order: str) -> None:
    dates = ["a", "b", "b", "bb", "bbb", "c", "c", "c\u0001", "d", "ü"]
    for due in dates:
        tasks.create({"dueDate": due, "rank": 1, "status": "open"})
        tasks.create({"dueDate": due, "rank": 1, "status": "other"})
    for conditions, limit in itertools.product(RANGES, ("1", "3", "100")):
        query = {f"dueDate.{operator}": bound for operator, bound in conditions.items()}
        listed = [item["dueDate"] for item in list_items(tasks, status="open", order=order, limit=limit, **query)]
        wanted = sorted((due for due in dates if meets(due, conditions)), reverse=order == "desc")
        assert listed == wanted, conditions


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_ranges_of_numbers(tasks: Api, order: str) -> None:
    ranks = [-10, -1.5, 0, 2, 2, 9, 10, 10.5, 100]
    for rank in ranks:
        tasks.create({"dueDate": "a", "rank": rank, "size": 1})
    bounds = {"b": 2, "c": 10}
    for conditions in RANGES:
        if "prefix" in conditions:
            continue
        numbers = {operator: bounds[bound] for operator, bound in conditions.items()}
        query = {f"rank.{operator}": f"{bound}.0" for operator, bound in numbers.items()}
        listed = [item["rank"] for item in list_items(tasks, size="1", order=order, limit="2", **query)]
        assert listed == sorted((rank for rank in ranks if meets(rank, numbers)), reverse=order == "desc")


def test_a_range_by_creation_takes_dates_and_times_of_any_offset(tasks: Api) -> None:
    item = tasks.create({**DUE, "completed": False})
    made_at = item["createdAt"]
    whole_second = f"{made_at[:19]}Z"
    for query, wanted in [
        ({"gte": made_at[:10]}, 1),
        ({"lt": made_at[:10]}, 0),
        ({"gte": whole_second}, 1),
        ({"lt": whole_second}, 0),
        ({"lte": made_at}, 1),
        ({"gt": made_at}, 0),
        ({"gte": f"{made_at[:26]}+00:00"}, 1),
        ({"gte": f"{made_at[:26]}-00:01"}, 0),
        ({"gte": f"{made_at[:26]}+14:00", "lte": f"{made_at[:26]}-14:00"}, 1),
        ({"lte": "2016-12-31T23:59:60z"}, 0),
        ({"prefix": made_at[:7]}, 1),
        ({"prefix": "2016"}, 0),
    ]:
        listed = list_items(tasks, completed="false", **{f"createdAt.{name}": value for name, value in query.items()})
        assert len(listed) == wanted, query


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ranks=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 2])), max_size=12),
    limit=st.integers(1, 13),
    order=st.sampled_from(["asc", "desc"]),
    low=st.none() | st.tuples(st.sampled_from(["gt", "gte"]), st.integers(-1, 6)),
    high=st.none() | st.tuples(st.sampled_from(["lt", "lte"]), st.integers(-1, 6)),
)
def test_pages_of_a_filter_hold_every_matching_item_once(
    tasks: Api,
    ranks: list[tuple[int, int]],
    limit: int,
    order: str,
    low: tuple[str, int] | None,
    high: tuple[str, int] | None,
) -> None:
    for item in list_items(tasks, limit="100"):
        tasks.request("DELETE", f"/items/{item['id']}")
    conditions = dict(each for each in (low, high) if each)
    made = [tasks.create({"dueDate": "a", "rank": rank, "size": size}) for rank, size in ranks]
    wanted = [item for item in made if item["size"] == 1 and meets(item["rank"], conditions)]
    query = {f"rank.{operator}": str(bound) for operator, bound in conditions.items()}
    pages = follow(tasks, size="1", limit=str(limit), order=order, **query)
    listed = [item for page in pages for item in page["items"]]
    assert sorted(item["id"] for item in listed) == sorted(item["id"] for item in wanted)
    listed_ranks = [item["rank"] for item in listed]
    assert listed_ranks == sorted(listed_ranks, reverse=order == "desc")
    assert [page["count"] for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages) == max(1, -(-len(wanted) // limit))


def test_the_link_repeats_the_filter_as_sent(tasks: Api) -> None:
    for _ in range(2):
        tasks.create({**DUE, "completed": True})
    query = {"completed": "true", "createdAt.gte": "2026-01-01T00:00:00+01:00", "limit": "1"}
    link = tasks.request("GET", "/items", query=query).headers["Link"]
    sent = dict(parse_qsl(urlsplit(link.partition(">")[0].strip("<")).query))
    assert sent.items() > query.items()


ODD = [
    *("", " ", "\0", "é", "😀", "0", "-1", "+1", "1e5", "\u0661", "9" * 5000, "1" + "0" * 400, "NaN", "null", "true"),
    *("[]", "{}", '"', "%", "===", "bnVsbA", "e30", "W10", "2026-13-01", "2026-02-30T00:00:00Z"),
    *(
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00+24:00",
        "10000-01-01",
        "-001-01-01",
        "\u0661\u0662\u0663\u0664-01-01",
    ),
]
# All texts that the strict reader accepts.
TIMES = {
    "0000-01-01": ">", "0000-02-29T00:00:00Z": ">", "0001-01-01T00:00:00+23:59": ">", "0999-01-01": ">",
    "1969-12-31T23:59:60Z": ">", "9999-12-31": "<", "9999-12-31T23:59:59.999999999-23:59": "<",
    "9999-12-31T23:59:60Z": "<",
}  # fmt: skip
OUR_WORDS = ("Must ", "Is ", "Belongs ", "Numbers may have ")


@pytest.mark.parametrize(
    "name", ["completed", "createdAt.gt", "createdAt.lte", "cursor", "fields", "limit", "order", "price", "size"]
)
def test_no_python_message_reaches_a_caller(tasks: Api, name: str) -> None:
    for value in [*ODD, *TIMES]:
        filtered = {"completed": "true"} if name.startswith("createdAt") else {}
        answer = tasks.request("GET", "/items", query={**filtered, name: value})
        assert answer.status in (200, 400), (value, answer.json)
        for fault in answer.json.get("errors", ()):
            assert fault["detail"].startswith(OUR_WORDS), (value, fault)
            assert "Exceeds" not in fault["detail"]


def test_every_valid_time_can_bound_a_list(tasks: Api) -> None:
    item = tasks.create({**DUE, "completed": True})
    for text, sign in TIMES.items():
        for operator in ("gt", "gte", "lt", "lte"):
            query = {"completed": "true", f"createdAt.{operator}": text}
            found = tasks.request("GET", "/items", query=query).json["items"]
            assert found == ([item] if (sign == ">") == operator.startswith("g") else []), query


def query_faults(api: Api, **query: Any) -> dict[str, str]:
    """Return a query's faults by parameter."""
    answer, requests = api.requests_of("GET", "/items", query=query)
    assert (answer.status, requests) == (400, []), query
    return {fault["parameter"]: fault["detail"] for fault in answer.json["errors"]}


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ({"completed": "yes"}, {"completed": "Must be true or false"}),
        ({"completed": "True"}, {"completed": "Must be true or false"}),
        *(
            ({"size": text}, {"size": "Must be a number"})
            for text in ("", "x", "1_0", "٣", " 1", "1 ", "[1]", "1 2", "01", "-")
        ),
        ({"size": "1.5"}, {"size": "Must be a whole number"}),
        ({"size": "123456789012345678901234567890.5"}, {"size": "Must be a whole number"}),
        (
            {"price": "1e999"},
            {"price": "Numbers may have 38 significant digits and magnitudes from 1e-130 to 9.99e125"},
        ),
        ({"status": "x" * 1025}, {"status": "Must have at most 1024 bytes"}),
        ({"status": ["a", "b"]}, {"status": "Is repeated"}),
        ({"status": "a", "dueDate.gte": ""}, {"dueDate.gte": "Must not be empty"}),
        ({"status": "a", "dueDate.gte": "x" * 1025}, {"dueDate.gte": "Must have at most 1024 bytes"}),
        ({"size": "1", "rank.lt": "x"}, {"rank.lt": "Must be a number"}),
        (
            {"completed": "true", "createdAt.gt": "2026-02-30"},
            {"createdAt.gt": "Must be a date, such as 2026-01-31, or a date-time (RFC 3339)"},
        ),
        ({"dueDate.gte": "2026"}, {"dueDate.gte": "Is for lists that are filtered by status or note"}),
        (
            {"size": "1", "dueDate.gte": "2026"},
            {"dueDate.gte": "Is for lists that are filtered by status or note"},
        ),
        (
            {"status": "a", "createdAt.gte": "2026-01-01"},
            {"createdAt.gte": "Is for lists that are filtered by completed or price"},
        ),
        (
            {"status": "a", "completed": "true", "size": "1"},
            {
                "completed": "One filter can be used at a time: leave out this one or status",
                "size": "One filter can be used at a time: leave out this one or status",
            },
        ),
        (
            {"status": "a", "dueDate.gt": "a", "dueDate.gte": "b"},
            {"dueDate.gte": "Cannot be used together with dueDate.gt"},
        ),
        (
            {"status": "a", "dueDate.lte": "a", "dueDate.lt": "b"},
            {"dueDate.lt": "Cannot be used together with dueDate.lte"},
        ),
        (
            {"status": "a", "dueDate.prefix": "a", "dueDate.lt": "b"},
            {"dueDate.lt": "Cannot be used together with dueDate.prefix"},
        ),
    ],
)
def test_a_wrong_filter_is_400_with_the_reason(tasks: Api, query: dict[str, str], faults: dict[str, str]) -> None:
    assert query_faults(tasks, **query) == faults


@pytest.mark.parametrize(
    "name",
    ["state", "dueDate", "dueDate.", "dueDate.eq", "status.gte", "rank.prefix", "version", "createdAt", "."],
)
def test_an_unknown_filter_is_400_with_the_known_ones(tasks: Api, name: str) -> None:
    detail = query_faults(tasks, **{name: "1", "size": "1"})[name]
    filters = "status, completed, size, price, note"
    assert detail.startswith(f"Is unknown; known here: limit, cursor, order, fields, {filters}, dueDate.gt, ")
    assert detail.endswith("rank.gt, rank.gte, rank.lt, rank.lte")


def test_a_cursor_belongs_to_its_filter_value_conditions_and_order(tasks: Api) -> None:
    for _ in range(3):
        tasks.create({**DUE, "status": "open", "note": "open"})
    query = {"status": "open", "dueDate.gte": "2026", "limit": "1"}
    cursor = tasks.request("GET", "/items", query=query).json["next"]
    assert tasks.request("GET", "/items", query={**query, "cursor": cursor, "limit": "2"}).json["count"] == 2
    for other in (
        {},
        {"status": "open"},
        {"status": "done", "dueDate.gte": "2026"},
        {"note": "open", "dueDate.gte": "2026"},
        {"status": "open", "dueDate.gt": "2026"},
        {"status": "open", "dueDate.gte": "2025"},
        {**query, "order": "desc"},
    ):
        assert "another" in query_faults(tasks, **other, cursor=cursor)["cursor"]
    again = {"limit": "1", "dueDate.gte": "2026", "status": "open", "order": "asc", "cursor": cursor}
    assert tasks.request("GET", "/items", query=again).status == 200


def test_a_cursor_that_dynamodb_refuses_is_400(tasks: Api) -> None:
    for _ in range(2):
        tasks.create({**DUE, "size": 1})
    query = {"size": "1", "limit": "1"}
    cursor = tasks.request("GET", "/items", query=query).json["next"]
    with tasks.fault("Query", error("ValidationException", message="The provided starting key is invalid")):
        answer = tasks.request("GET", "/items", query={**query, "cursor": cursor})
    assert (answer.status, answer.json["errors"]) == (
        400,
        [{"parameter": "cursor", "detail": "Is not a cursor of this list"}],
    )
    with tasks.fault("Query", error("AccessDeniedException")):
        assert tasks.request("GET", "/items", query={**query, "cursor": cursor}).status == 500
    seal = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
    assert query_faults(tasks, **query, cursor=encode_cursor(seal, "a")) == {"cursor": "Is not a cursor of this list"}


def test_an_unordered_entity_orders_its_filters(make_api: Make) -> None:
    api = make_api({**OPTIONS, "list": "unordered"}, {"task": TASK}, numeric=["rank"])
    items = [api.create({"dueDate": due, "rank": 1, "status": "open"}) for due in ("b", "a", "c")]
    assert query_faults(api, order="asc") == {"order": "This list has no order"}
    assert list_items(api, status="open", order="desc", limit="1") == [items[2], items[0], items[1]]
    assert len(list_items(api, limit="2")) == 3


def test_functions_without_filters_do_not_load_their_code() -> None:
    extra = {f"trestle.{name}" for name in ("http.filters", "operations.filters", "store.selections", "store.derived")}
    assert not extra & modules("list", ENVIRONMENT)
    filters = {"ENTITY_OPTIONS": json.dumps({"filters": OPTIONS["filters"]})}
    assert modules("list", {**ENVIRONMENT, **filters}) >= extra


NARROW = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "title": "Status", "default": "open", "enum": ["open", "é"]},
        "kind": {"type": "string", "enum": [""]},
        "code": {"type": "string", "pattern": "^[A-Z]+$", "minLength": 2, "maxLength": 3},
        "day": {"type": "string", "format": "date"},
        "stars": {"type": "integer", "minimum": 1, "maximum": 5, "exclusiveMaximum": True},
        "price": {"type": "number", "multipleOf": 0.25, "minimum": 0, "exclusiveMinimum": True},
        "sure": {"type": "boolean", "enum": [True]},
        "other": {"type": "string", "not": {"enum": ["no"]}},
        "level": {"type": "integer", "enum": [1, 10]},
        "plain": {"type": "string", "title": "Plain", "description": "Any", "default": "x"},
    },
}


@pytest.fixture
def narrow(make_api: Make) -> Api:
    """The API of an entity whose properties allow few values."""
    return make_api({"schema": "narrow", "filters": {name: {} for name in NARROW["properties"]}}, {"narrow": NARROW})


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("status", "opne", 'Must be one of "open", "é"'),
        ("status", "", 'Must be one of "open", "é"'),
        ("kind", "x", 'Must be one of ""'),
        ("code", "a", "Must have at least 2 characters; Must match the pattern ^[A-Z]+$"),
        ("code", "ABCD", "Must have at most 3 characters"),
        ("day", "2026-02-30", "Must be of the format date"),
        ("stars", "0", "Must be at least 1"),
        ("stars", "5", "Must be less than 5"),
        ("price", "0.1", "Must be a multiple of 0.25"),
        ("price", "0", "Must be more than 0"),
        ("sure", "false", "Must be one of true"),
        ("other", "no", "Must not meet the schema's exclusion (not)"),
        ("level", "2", "Must be one of 1, 10"),
        ("level", "1.5", "Must be a whole number"),
    ],
)
def test_an_impossible_value_is_400(narrow: Api, name: str, value: str, detail: str) -> None:
    assert query_faults(narrow, **{name: value}) == {name: detail}


def test_possible_values_are_found(narrow: Api) -> None:
    values = {
        "status": "é", "kind": "", "code": "ABC", "day": "2026-02-28", "stars": "4.0", "price": "0.5",
        "sure": "true", "other": "yes", "level": "1e1", "plain": "",
    }  # fmt: skip
    item = narrow.create({**values, "stars": 4, "price": 0.5, "sure": True, "level": 10})
    for name, value in values.items():
        assert list_items(narrow, **{name: value}) == [item], name
