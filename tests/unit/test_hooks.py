"""Test hooks on the real handlers: their arguments, their effects, and what callers see of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.api import OPERATIONS, TABLE, Api, lose_answer
from tests.unit.api import error as fails
from tests.unit.conftest import Hooked, Make
from trestle.context import Context
from trestle.entity import Entity
from trestle.operations.create import NO_ID
from trestle.own.operations import operations_of

SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 20},
        "price": {"type": "number"},
        "done": {"type": "boolean", "default": False},
    },
    "required": ["title"],
}
NIGHTS = {"ids": "client"}
REASONS = [{"Code": "None"}, {"Code": "TransactionConflict"}]
conflict = fails("TransactionCanceledException", CancellationReasons=REASONS)
USER = {"sub": "3f0c2f4e-9b1d-4a51-8f7e-2d6f1f0a9c11", "token_use": "access"}

WRITES: list[tuple[str, Any]] = [("PUT", {"a": 2}), ("PATCH", {"a": 3}), ("DELETE", None)]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    monkeypatch.setattr("botocore.retries.quota.RetryQuota.acquire", lambda *_: True)


def table_of(make_api: Make, name: str, options: Any = None) -> Api:
    """Return the functions, without hooks, of an entity that hooks use."""
    return make_api(options or NIGHTS, TABLE_NAME=f"test-{name}", ENTITY=name)


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the log lines since the last call."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def failed_line(answer: Any, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the log line of a request that failed in own code, after checking that the caller got no details."""
    assert answer.status == 500
    assert answer.json["type"] == "urn:trestle:problem:internal-error"
    (line,) = (line for line in lines_of(capsys) if line.get("status") == 500)
    return line


# --- before_create


def test_a_draft_is_the_item_with_its_defaults_and_may_be_changed(hooked: Hooked) -> None:
    api = hooked(
        """
        def before_create(draft, context):
            assert (draft["title"], draft["done"]) == ("a", False)
            assert draft.changed == {"title", "done"}
            assert (context.via, context.operation) == ("api", "create")
            draft["title"] += draft.id[:2]
            draft["made"] = context.now[:4]
            del draft["done"]
        """,
        schema=SCHEMA,
    )
    made = api.create({"title": "a"})
    assert made["title"] == f"a{made['id'][:2]}"
    assert made["made"] == made["createdAt"][:4]
    assert "done" not in made
    assert api.request("GET", f"/items/{made['id']}").json == made


def test_an_invalid_body_is_refused_before_hooks_run(hooked: Hooked) -> None:
    api = hooked("def before_create(draft, context): raise RuntimeError", schema=SCHEMA)
    assert api.request("POST", "/items", {"title": 1}).status == 422
    assert api.request("POST", "/items", {}).status == 422


def test_an_empty_hook_sends_no_further_request(hooked: Hooked) -> None:
    api = hooked("def before_create(draft, context): pass")
    answer, requests = api.requests_of("POST", "/items", {"a": [1, {"b": 1.5}]})
    assert (answer.status, requests) == (201, ["PutItem"])
    assert answer.json["a"] == [1, {"b": 1.5}]


def test_numbers_are_exact_and_never_floats(hooked: Hooked) -> None:
    api = hooked(
        """
        from decimal import Decimal
        def before_create(draft, context):
            assert [type(n) for n in draft["n"]] == [int, Decimal, Decimal, Decimal], draft
            draft["sum"] = sum(draft["n"])  # in 28 digits, as Python does by default
            draft["half"] = Decimal("0.50")
            draft["whole"] = Decimal("2.00")
            draft["big"] = 12345678901234567890123456789012345678
        """
    )
    answer = api.request("POST", "/items", '{"n": [1, 0.1, 0.2, 123456789012345.123456789012345678]}')
    assert answer.status == 201
    assert '"sum":123456789012346.4234567890123' in answer.body
    assert '"half":0.5,"whole":2,"big":12345678901234567890123456789012345678' in answer.body


@pytest.mark.parametrize(
    ("change", "type_", "named"),
    [
        ("draft['price'] = 1.5", "FloatError", "/price is a float"),
        ("draft.update(price=[{'n': 1.5}])", "FloatError", "/price/0/n is a float"),
        ("draft.setdefault('price', 1.5)", "FloatError", "/price is a float"),
        ("draft |= {'price': 1.5}", "FloatError", "/price is a float"),
        ("draft['list'].append(1.5)", "FloatError", "/list/0 is a float"),
        ("draft['price'] = 10 ** 39 + 1", "UnkeepableError", "/price is a number that cannot be stored"),
        ("draft['price'] = Decimal(1) / 3 + Decimal('1e20')", None, None),
        ("draft['price'] = Decimal('1e126')", "UnkeepableError", "/price is a number that cannot be stored"),
        ("draft['price'] = Decimal('NaN')", "UnkeepableError", "/price is NaN"),
        ("draft['price'] = (1, 2)", "ValueTypeError", "/price is a tuple"),
        ("draft['list'] = [set()]", "ValueTypeError", "/list/0 is a set"),
        ("draft[5] = 1", "ValueTypeError", "/ has a name that is a int"),
        ("draft['price'] = {5: 1}", "ValueTypeError", "/price has a name that is a int"),
        ("draft['text'] = chr(0xd800)", "UnkeepableError", "/text contains a lone surrogate"),
        ("draft['version'] = 2", "UnkeepableError", "/version is a property that only the server sets"),
        ("draft['deep'] = eval('[' * 40 + ']' * 40)", "UnkeepableError", "nested deeper than 32"),
    ],
)
def test_values_that_no_item_can_have_are_logged(
    hooked: Hooked, capsys: pytest.CaptureFixture[str], change: str, type_: str | None, named: str | None
) -> None:
    source = f"from decimal import Decimal\ndef before_create(draft, context):\n    {change}\n"
    api = hooked(source)
    answer = api.request("POST", "/items", {"list": []})
    if type_ is None or named is None:
        assert answer.status == 201
        return
    line = failed_line(answer, capsys)
    assert line["error"].startswith("CodeError: ")
    assert type_ in line["error"] + line["causes"][0]
    assert "before_create of items" in line["error"]
    assert named in line["causes"][0]


def test_subclasses_of_values_are_stored_as_their_base(hooked: Hooked) -> None:
    api = hooked(
        """
        import enum
        class Colour(str, enum.Enum): RED = "red"
        class Size(enum.IntEnum): BIG = 3
        def before_create(draft, context):
            draft["colour"], draft["size"], draft["both"] = Colour.RED, Size.BIG, Draft({"a": None, "b": True})
        """
    )
    made = api.create({})
    assert (made["colour"], made["size"], made["both"]) == ("red", 3, {"a": None, "b": True})
    assert api.request("GET", f"/items/{made['id']}").json == made


def test_an_equal_value_of_another_type_is_a_change(hooked: Hooked) -> None:
    api = hooked("def before_create(draft, context): draft['n'] = True\n")
    assert api.create({"n": 1})["n"] is True


def test_the_schema_validates_a_hooks_result(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    api = hooked("def before_create(draft, context): draft['title'] = 'x' * 21", schema=SCHEMA)
    line = failed_line(api.request("POST", "/items", {"title": "a"}), capsys)
    assert "The hook before_create of items at app/rules.py:2 left what is not valid" in line["error"]
    assert "/title: Must have at most 20 characters" in line["causes"][0]


def test_the_server_fills_in_read_only_properties(hooked: Hooked) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "price": {"type": "integer", "readOnly": True}},
        "required": ["price"],
    }
    api = hooked(
        """
        def before_create(draft, context):
            assert "price" not in draft
            draft["price"] = draft["n"] * 2
        def before_update(draft, current, context):
            assert draft["price"] == current["price"]
            draft["price"] = draft["n"] * 3
        """,
        schema=schema,
    )
    made = api.create({"n": 2, "price": 1})
    assert made["price"] == 4
    assert api.request("PUT", f"/items/{made['id']}", {"n": 3}).json["price"] == 9
    assert api.request("PATCH", f"/items/{made['id']}", {"n": 4, "price": 1}).json["price"] == 12


def test_a_hook_that_leaves_out_a_required_read_only_property_fails(
    hooked: Hooked, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = {"type": "object", "properties": {"price": {"type": "integer", "readOnly": True}}, "required": ["price"]}
    api = hooked("def before_create(draft, context): pass", schema=schema)
    line = failed_line(api.request("POST", "/items", {}), capsys)
    assert "/price: Is required" in line["causes"][0]


# --- Refuse, and other errors


def test_refuse_determines_the_response(hooked: Hooked) -> None:
    api = hooked(
        """
        def before_create(draft, context):
            raise Refuse("Sold out.", status=409, code="sold-out", pointer="/room", retry_after=60)
        """
    )
    answer = api.request("POST", "/items", {})
    assert (answer.status, answer.headers["Retry-After"]) == (409, "60")
    assert answer.json == {
        "type": "urn:trestle:problem:sold-out",
        "title": "Sold out",
        "status": 409,
        "detail": "Sold out.",
        "requestId": answer.json["requestId"],
        "errors": [{"pointer": "/room", "detail": "Sold out."}],
    }


RAISED = [
    ("Refuse('No.')", 422, "refused"),
    ("Refuse('No.', status=503)", 503, "refused"),
    ("Unavailable()", 503, "service-unavailable"),
    ("NotFound()", 500, "internal-error"),
    ("Taken()", 500, "internal-error"),
    ("Changed()", 500, "internal-error"),
    ("Invalid('s3cr3t')", 500, "internal-error"),
    ("KeyError('s3cr3t')", 500, "internal-error"),
    ("SystemExit('s3cr3t')", 500, "internal-error"),
    ("KeyboardInterrupt('s3cr3t')", 500, "internal-error"),
    ("type('Own', (BaseException,), {})('s3cr3t')", 500, "internal-error"),
    (r"Refuse('s3cr3t\ud800')", 500, "internal-error"),
    ("Refuse('No.', status=401)", 500, "internal-error"),
]


@pytest.mark.parametrize("hook", ["before_create(draft, context)", "before_update(draft, current, context)",
                                  "before_delete(current, context)", "present(items, context)"])  # fmt: skip
def test_errors_that_a_hook_raises(
    hooked: Hooked, make_api: Make, capsys: pytest.CaptureFixture[str], hook: str
) -> None:
    item = make_api().create({"a": 1})
    cases = ", ".join(f"lambda: {raised}" for raised, _, _ in RAISED)
    api = hooked(
        f"cases = iter([each for each in ({cases},) for _ in range(2)])\ndef {hook}:\n    raise next(cases)()\n"
    )
    name, path = hook.partition("(")[0], f"/items/{item['id']}"
    requests: dict[str, list[tuple[str, str, Any]]] = {
        "before_create": [("POST", "/items", {})] * 2,
        "before_update": [("PUT", path, {"b": 1}), ("PATCH", path, {"b": 1})],
        "before_delete": [("DELETE", path, None)] * 2,
        "present": [("GET", path, None), ("GET", "/items", None)],
    }
    for _, status, kind in RAISED:
        for method, target, body in requests[name]:
            capsys.readouterr()
            answer = api.request(method, target, body)
            assert (answer.status, answer.json["type"]) == (status, f"urn:trestle:problem:{kind}")
            assert ("Retry-After" in answer.headers) == (status == 503)
            (line,) = lines_of(capsys)
            assert line["problem"] == kind
            if status == 500:
                assert line["error"].startswith(f"CodeError: The hook {name} of items failed at app/rules.py:")
                assert "s3cr3t" not in json.dumps(line)
                assert "s3cr3t" not in answer.body
    assert make_api().request("GET", path).json == item


def test_a_module_that_cannot_be_imported_fails_each_request_and_the_log_says_where(
    hooked: Hooked, capsys: pytest.CaptureFixture[str]
) -> None:
    for source, place in [
        ("raise KeyError('s3cr3t')", "app/rules.py:2"),
        ("raise GeneratorExit('s3cr3t')", "app/rules.py:2"),
        ("def f(:", "app/rules.py:2"),
    ]:
        api = hooked(source)
        for _ in range(2):
            line = failed_line(api.request("POST", "/items", {}), capsys)
            assert line["error"].startswith(f"CodeError: The import of app/rules.py failed at {place} with ")
            assert "s3cr3t" not in json.dumps(line)


def test_a_missing_module_fails_each_request(make_api: Make, capsys: pytest.CaptureFixture[str]) -> None:
    api = make_api({"hooks": "rules"}, code={})
    line = failed_line(api.request("POST", "/items", {}), capsys)
    assert line["error"] == (
        "CodeError: The import of app/rules.py failed at an unknown line with ModuleNotFoundError."
    )


# --- before_update


def test_an_update_hook_gets_the_current_and_the_new_item(hooked: Hooked) -> None:
    api = hooked(
        """
        def before_update(draft, current, context):
            draft["seen"] = [context.operation, sorted(draft.changed), current["n"], current.version, draft.id]
            draft["tag"] = current.etag
            draft.pop("nothing", None)
            current["n"] = 7
        """,
        schema={"properties": {"n": {"default": 5}}},
    )
    made = api.request("POST", "/items", {"n": 1, "a": {"b": 1, "c": 2}, "same": [1]})
    item_id, path = made.json["id"], f"/items/{made.json['id']}"
    patched = api.request("PATCH", path, {"a": {"b": 3}, "same": [1], "new": True})
    assert patched.json["seen"] == ["merge", ["a", "new"], 1, 1, item_id]
    assert (patched.json["tag"], patched.json["a"], patched.json["version"]) == (made.etag, {"b": 3, "c": 2}, 2)
    assert patched.json["createdAt"] == made.json["createdAt"] < patched.json["updatedAt"]
    replaced = api.request("PUT", path, {"same": [1]})
    assert replaced.json["seen"] == ["replace", ["a", "n", "new", "seen", "tag"], 1, 2, item_id]
    assert replaced.json["n"] == 5
    read = api.request("GET", path)
    assert (read.json, read.etag) == (replaced.json, replaced.etag)


def test_an_update_reads_once_and_writes_on_condition(hooked: Hooked) -> None:
    api = hooked("def before_update(draft, current, context): pass\ndef before_delete(current, context): pass")
    path = f"/items/{api.create({'a': 1})['id']}"
    for method, body in (("PUT", {"a": 2}), ("PATCH", {"a": 3})):
        answer, requests = api.requests_of(method, path, body)
        assert (answer.status, requests) == (200, ["GetItem", "UpdateItem"])
    answer, requests = api.requests_of("DELETE", path)
    assert (answer.status, requests) == (204, ["GetItem", "DeleteItem"])
    for method, body in WRITES:
        answer, requests = api.requests_of(method, path, body)
        assert (answer.status, requests) == (404, ["GetItem"])


def test_if_match_is_checked_before_the_hook_runs(hooked: Hooked) -> None:
    api = hooked(
        "def before_update(draft, current, context): draft['ran'] = True\ndef before_delete(current, context): pass"
    )
    made = api.request("POST", "/items", {})
    path, match = f"/items/{made.json['id']}", {"If-Match": made.etag}
    assert api.request("PATCH", path, {"a": 1}, headers=match).json["ran"] is True
    for method, body in WRITES:
        assert api.request(method, path, body, headers=match).status == 412


def test_a_put_that_merges_runs_the_same_hook(hooked: Hooked) -> None:
    api = hooked(
        "def before_update(draft, current, context): draft['names'] = sorted(draft.changed)", options={"put": "merge"}
    )
    path = f"/items/{api.create({'a': 1})['id']}"
    assert api.request("PUT", path, {"b": 2}).json["names"] == ["b"]
    assert api.request("PUT", path, {"b": 3}).json["a"] == 1


def test_a_patch_is_validated_in_its_changes(
    hooked: Hooked, make_api: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    old = make_api().create({"price": 1})  # stored without the title that the schema now requires
    api = hooked(
        "def before_update(draft, current, context): draft['done'] = draft.get('note', 'x') == 'x' or 5",
        schema=SCHEMA,
    )
    path = f"/items/{old['id']}"
    assert api.request("PATCH", path, {"price": 2}).status == 200
    assert api.request("PATCH", path, {"price": "x"}).status == 422
    assert api.request("PUT", path, {"price": 2}).status == 422
    line = failed_line(api.request("PATCH", path, {"note": "y"}), capsys)
    assert "The hook before_update of items at app/rules.py:2 left what is not valid" in line["error"]
    assert "/done: Must be a boolean" in line["causes"][0]
    assert "/title" not in line["causes"][0]


def test_a_replacement_is_validated_as_a_whole(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    api = hooked("def before_update(draft, current, context): del draft['title']", schema=SCHEMA)
    path = f"/items/{api.create({'title': 'a'})['id']}"
    line = failed_line(api.request("PUT", path, {"title": "b"}), capsys)
    assert "/title: Is required" in line["causes"][0]


def test_operations_without_a_hook_are_unchanged(hooked: Hooked) -> None:
    api = hooked("def present(items, context): pass")
    answer, requests = api.requests_of("POST", "/items", {"a": 1})
    path = f"/items/{answer.json['id']}"
    assert requests == ["PutItem"]
    assert api.requests_of("PUT", path, {"a": 2})[1] == ["UpdateItem"]
    assert api.requests_of("PATCH", path, {"a": 3})[1] == ["UpdateItem"]
    assert api.requests_of("DELETE", path)[1] == ["DeleteItem"]


# --- present


PRESENT = """
def present(items, context):
    for item in items:
        item.pop("hidden", None)
        item["shown"] = [len(items), context.operation]
        item["half"] = item["n"] / 2
"""


def test_present_adds_and_hides_properties_in_every_response(hooked: Hooked, make_api: Make) -> None:
    api = hooked(PRESENT)
    made = api.request("POST", "/items", {"n": 0.5, "hidden": 1})
    assert made.json["shown"] == [1, "create"]
    path = f"/items/{made.json['id']}"
    answers: dict[str, Any] = {
        "get": api.request("GET", path),
        "replace": api.request("PUT", path, {"n": 1.5, "hidden": 1}),
        "merge": api.request("PATCH", path, {"n": 2.5}),
    }
    for operation, answer in answers.items():
        assert answer.json["shown"] == [1, operation]
        assert "hidden" not in answer.json
    assert answers["merge"].json["half"] == 1.25
    api.create({"n": 0.5})
    listed = api.request("GET", "/items").json["items"]
    assert [each["shown"] for each in listed] == [[2, "list"]] * 2
    stored = make_api().request("GET", path).json
    assert (stored["hidden"], "shown" in stored) == (1, False)


def test_texts_in_arrays_are_not_changed(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    api = hooked("def present(items, context): items[0]['tags'].append('b' if items[0]['tags'] else chr(0xd800))")
    assert [api.create({"tags": [tag]})["tags"] for tag in ("a", "ä")] == [["a", "b"], ["ä", "b"]]
    failed_line(api.request("POST", "/items", {"tags": []}), capsys)


def test_the_time_of_a_hook_is_when_it_starts(hooked: Hooked) -> None:
    api = hooked(
        """
        import time
        def before_create(draft, context):
            time.sleep(0.002)
            draft["times"] = [context.now, context.now]
            draft["later"] = Context().now
        """
    )
    made = api.create({})
    assert made["times"][0] == made["times"][1] < made["later"] <= made["createdAt"]


def test_fields_apply_after_present(hooked: Hooked) -> None:
    api = hooked(PRESENT)
    made = api.create({"n": 1.5})
    listed = api.request("GET", "/items", query={"fields": "shown"}).json["items"]
    assert listed == [{"id": made["id"], "shown": [1, "list"]}]


def test_a_presented_item_never_returns_304_and_its_tag_works_in_if_match(hooked: Hooked) -> None:
    api = hooked("def present(items, context): items[0]['x'] = 1")
    made = api.request("POST", "/items", {})
    path = f"/items/{made.json['id']}"
    read = api.request("GET", path, headers={"If-None-Match": made.etag})
    assert (read.status, read.json["x"], read.etag) == (200, 1, made.etag)
    assert api.request("PATCH", path, {"a": 1}, headers={"If-Match": read.etag}).status == 200
    assert api.request("GET", path, headers={"If-None-Match": "x"}).status == 400


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("items.clear()", "The list had 1 items before the hook, and has 0 after it"),
        ("items[0]['n'] = 1.5", "/n is a float"),
        ("items[0] = 5", "An item is a dict, not a int"),
        ("items[0]['n'] = [[1.5]]", "/n/0/0 is a float"),
        ("items[0]['n'] = eval('[' * 40 + ']' * 40)", "nested deeper than 32"),
        ("items[0]['n'] = eval('{1:' * 40 + '1' + '}' * 40)", "has a name that is a int"),
        ("items[0]['n'] = eval('{\"a\":' * 40 + '1' + '}' * 40)", "nested deeper than 32"),
        ("context.transaction.delete('nights', 'x')", "only changes how items are shown"),
    ],
)
def test_errors_of_present(hooked: Hooked, capsys: pytest.CaptureFixture[str], body: str, named: str) -> None:
    api = hooked(f"def present(items, context):\n    {body}\n")
    line = failed_line(api.request("POST", "/items", {}), capsys)
    assert "present of items" in line["error"]
    assert named in line["causes"][0]


def test_the_single_function_runs_all_hooks(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    api = hooked(
        """
        def before_create(draft, context): draft["made"] = True
        def before_update(draft, current, context): draft["changed"] = True
        def before_delete(current, context): raise Refuse("Never.", status=403, code="kept")
        def present(items, context): items[0]["shown"] = True
        """,
        functions=["entity"],
    )
    path = f"/items/{api.create({})['id']}"
    assert api.request("PATCH", path, {}).json.keys() >= {"made", "changed", "shown"}
    assert api.request("DELETE", path).json["type"] == "urn:trestle:problem:kept"


# --- Who calls


def issuer_context(subject: str, **claims: Any) -> dict[str, Any]:
    """Return the Lambda authorizer's context for an issuer's token."""
    known = {"sub": subject, "tenants": ["a", {"b": 1}], **claims}
    return {"sub": subject, "groups": ["g h"], "scopes": ["s:t"], "claims": known, "exp": 2**40}


@pytest.mark.parametrize(
    ("parts", "seen"),
    [
        ({}, ["anonymous", "", "", [], []]),
        ({"identity": {"apiKeyId": "key1"}}, ["key", "key1", "", [], []]),
        (
            {"identity": {"userArn": "arn:aws:iam::1:role/x", "apiKeyId": "k"}},
            ["iam", "arn:aws:iam::1:role/x", "", [], []],
        ),
        (
            {"claims": {**USER, "cognito:groups": "a,b", "scope": "x/read y", "client_id": "c"}},
            ["user", USER["sub"], USER["sub"], ["a", "b"], ["x/read", "y"]],
        ),
        ({"claims": {**USER, "client_id": USER["sub"]}}, ["machine", USER["sub"], USER["sub"], [], []]),
        ({"claims": {**USER, "token_use": "id"}}, ["anonymous", "", "", [], []]),
        ({"jwt": issuer_context("auth0|1")}, ["user", "auth0|1", "auth0|1", ["g h"], ["s:t"]]),
        (
            {"jwt": issuer_context("app@clients", azp="app")},
            ["machine", "app@clients", "app@clients", ["g h"], ["s:t"]],
        ),
        ({"jwt": issuer_context("0oa1", cid="0oa1")}, ["machine", "0oa1", "0oa1", ["g h"], ["s:t"]]),
        ({"jwt": issuer_context("x", idtyp="app")}, ["machine", "x", "x", ["g h"], ["s:t"]]),
        ({"jwt": issuer_context("x", azp="y", client_id="z")}, ["user", "x", "x", ["g h"], ["s:t"]]),
    ],
)
def test_a_hook_knows_the_caller(hooked: Hooked, parts: Any, seen: list[Any]) -> None:
    api = hooked(
        """
        def before_create(draft, context):
            caller = context.caller
            draft["seen"] = [caller.kind, caller.id, caller.owner, sorted(caller.groups), sorted(caller.scopes)]
            draft["claims"] = dict(caller.claims)
            draft["id_"] = context.request_id
            assert 20 < context.seconds_left() < 30
        """
    )
    made = api.create({}, **parts)
    assert made["seen"] == seen
    claims = parts.get("claims") or parts.get("jwt", {}).get("claims")
    assert made["claims"] == (claims if seen[0] in ("user", "machine") else {})
    assert made["id_"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


def test_a_tool_runs_hooks_without_a_caller(hooked: Hooked, make_api: Make) -> None:
    hooked(
        """
        def before_create(draft, context):
            draft["seen"] = [context.caller, context.via, context.seconds_left() > 10**6]
        """
    )
    found = Entity("items", TABLE)
    level = {"ENTITY_OPTIONS": '{"hooks": "rules"}'}
    item, replayed = operations_of(found, level, 20).create(found, Context(), {}, NO_ID)
    assert (item.doc["seen"], replayed) == ([None, "import", True], False)


# --- What hooks read


ROOMS: dict[str, Any] = {
    "operations": ["get", "list"],
    "options": {"ids": "client", "filters": {"kind": {"sort": "beds"}}},
}
READS = """
def before_create(draft, context):
    rooms = entity("rooms")
    draft["got"] = eval(draft.pop("call"))
"""


def test_a_hook_reads_other_entities(hooked: Hooked, make_api: Make) -> None:
    rooms_of = {**ROOMS, "schema": {"properties": {"beds": {"type": "integer"}}}, "numeric": ["beds"]}
    api = hooked(READS, uses={"rooms": rooms_of})
    options = {**ROOMS["options"], "schema": "rooms"}
    rooms = make_api(options, {"rooms": rooms_of["schema"]}, TABLE_NAME="test-rooms", ENTITY="rooms")
    for number in range(4):
        rooms.create({"id": f"r{number}", "beds": number, "kind": "double" if number else "single", "price": 1.5})
    first = rooms.request("GET", "/items/r0")

    def got(call: str) -> Any:
        return api.create({"call": call})["got"]

    assert got("dict(rooms.get('r0'))") == {"beds": 0, "kind": "single", "price": 1.5}
    assert got("type(rooms.get('r0')['price']).__name__") == "Decimal"
    assert got("rooms.get('r0').etag") == first.etag
    assert got("[rooms.get('r0').id, rooms.get('r0').version, rooms.get('r0').owner]") == ["r0", 1, ""]
    assert got("[rooms.find('r9'), rooms.find('a#b'), rooms.find('r1').id]") == [None, None, "r1"]
    assert got("[room.id for room in rooms.list()]") == ["r0", "r1", "r2", "r3"]
    assert got("[room.id for room in rooms.list(order='desc')]") == ["r3", "r2", "r1", "r0"]
    assert got("[room.id for room in rooms.list({'kind': 'double', 'beds.gte': 2})]") == ["r2", "r3"]
    page = got("(lambda page: [[room.id for room in page.items], page.next])(rooms.page(limit=3))")
    assert page[0] == ["r0", "r1", "r2"]
    assert got(f"(lambda page: [len(page.items), page.next])(rooms.page(cursor={page[1]!r}))") == [1, None]
    since = rooms.request("GET", "/items/r2").json["createdAt"]
    assert got(f"entity('rooms').page({{'kind': 'single'}}, 1).next or {since!r}") == since


def test_lists_are_read_page_by_page(hooked: Hooked, make_api: Make) -> None:
    api = hooked(READS, uses={"rooms": {"operations": ["list"]}})
    rooms = make_api(TABLE_NAME="test-rooms", ENTITY="rooms")
    for number in range(101):
        rooms.create({"n": number})
    answer, requests = api.requests_of("POST", "/items", {"call": "[room['n'] for room in rooms.list()]"})
    assert answer.json["got"] == list(range(101))
    assert requests == ["Query", "Query", "PutItem"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ("rooms.get('nobody')", "NotFound", ""),
        ("rooms.get('a#b')", "NotFound", ""),
        ("list(rooms.list({'colour': 1}))", "Invalid", ""),
        ("list(rooms.list({'beds.gt': 1}))", "Invalid", "beds.gt: Is for lists that are filtered by kind"),
        ("rooms.page(limit=101)", "Invalid", ""),
        ("rooms.page(order='up')", "Invalid", ""),
        ("rooms.page(cursor='x')", "Invalid", ""),
        ("rooms.page({'kind': 1.5})", "FloatError", "kind is a float"),
        ("entity('plain').page(order='desc')", "Invalid", ""),
        ("entity('dated').page({'kind': 'a', 'createdAt.gt': 'monday'})", "Invalid", ""),
        ("entity('plain').get('x')", "RightError",
         'of items may not get "plain". Write plain = ["get"] in entities.items.hooks.uses.before_create.'),
        ("entity('other').find('x')", "RightError", 'may not get "other"'),
        ("entity('notes').find('x')", "RightError", "its items have owners"),
        ("secret('x')", "NotHereError", "A hook cannot call secret()"),
        ("setting('x')", "NotHereError", "A hook cannot call setting()"),
        ("send('x', {}, delay=1)", "NotHereError", "A hook cannot call send()"),
        ("transaction()", "NotHereError", "Use context.transaction"),
    ],
)  # fmt: skip
def test_entities_that_a_hook_cannot_read(
    hooked: Hooked, capsys: pytest.CaptureFixture[str], call: str, error: str, message: str
) -> None:
    api = hooked(
        READS,
        uses={
            "rooms": ROOMS,
            "plain": {"operations": ["list"], "options": {"list": "unordered"}},
            "dated": {"operations": ["list"], "options": {"filters": {"kind": {}}}},
            "notes": {"operations": ["get"], "options": {"owner": "sub"}},
        },
    )
    line = failed_line(api.request("POST", "/items", {"call": call}), capsys)
    assert line["error"].endswith(f"with {error}.")
    assert message in "; ".join(line["causes"])


def test_bounds_of_creation_may_have_any_offset(hooked: Hooked, make_api: Make) -> None:
    used = {"operations": ["list"], "options": {"filters": {"kind": {}}}}
    api = hooked(READS, uses={"rooms": used})
    make_api(used["options"], TABLE_NAME="test-rooms", ENTITY="rooms").create({"kind": "a"})
    call = "[room['kind'] for room in rooms.list({{'kind': 'a', 'createdAt.gte': {0!r}}})]"
    assert api.create({"call": call.format("2020-01-01T00:00:00+02:00")})["got"] == ["a"]
    assert api.create({"call": call.format("2999-01-01")})["got"] == []
    assert api.create({"call": call.format("x").replace("gte", "prefix")})["got"] == []


def test_a_filter_with_an_impossible_value_is_invalid(hooked: Hooked) -> None:
    api = hooked(
        """
        def before_create(draft, context):
            try:
                entity("rooms").page({"kind": draft["kind"]})
            except Invalid as error:
                draft["got"] = error.detail
        """,
        uses={"rooms": {"operations": ["list"], "options": {"filters": {"kind": {}}}}},
    )
    for kind in (None, {"a": 1}, [1]):
        got = api.create({"kind": kind})["got"]
        assert got == f"kind: filters take texts, numbers and booleans, not a {type(kind).__name__}."


def test_a_database_that_does_not_respond_is_503(hooked: Hooked) -> None:
    api = hooked(READS, uses={"rooms": {"operations": ["get", "list"]}})
    for call, action in (("rooms.find('x')", "GetItem"), ("rooms.page()", "Query")):
        with api.fault(action, *[fails("ThrottlingException")] * 3):
            assert api.request("POST", "/items", {"call": call}).status == 503


def test_a_hook_acts_for_the_caller_in_entities_with_owners(hooked: Hooked, make_api: Make) -> None:
    owned = {"owner": "sub", "ids": "client"}
    api = hooked(READS, uses={"rooms": {"operations": ["get", "list"], "options": owned}})
    rooms = make_api(owned, TABLE_NAME="test-rooms", ENTITY="rooms")
    rooms.as_user("ada").create({"id": "a"})
    rooms.as_user("bob").create({"id": "b"})
    call = "[[room.id, room.owner] for room in rooms.list()] + [rooms.find('b')]"
    assert api.as_user("ada").create({"call": call})["got"] == [["a", "ada"], None]


def test_a_hook_acts_for_the_tenant_in_entities_of_tenants(hooked: Hooked, make_api: Make) -> None:
    owned = {"owner": "claim:tenant", "ids": "client"}
    api = hooked(READS, options={"owner": "sub"}, uses={"rooms": {"operations": ["get", "list"], "options": owned}})
    rooms = make_api(owned, TABLE_NAME="test-rooms", ENTITY="rooms")
    for tenant, item_id in (("acme", "a"), ("zinc", "b"), ("ada", "c")):
        rooms.as_user("somebody", tenant=tenant).create({"id": item_id})
    call = "[[room.id, room.owner] for room in rooms.list()] + [rooms.find('b'), rooms.find('c')]"
    assert api.as_user("ada", tenant="acme").create({"call": call})["got"] == [["a", "acme"], None, None]
    answer = api.as_user("ada").request("POST", "/items", {"call": call})
    assert (answer.status, answer.json["detail"][:37]) == (403, "The access token has no tenant that c")


@pytest.mark.parametrize(("owner", "seen"), [("sub", "ada"), ("claim:tenant", "acme")])
def test_a_caller_is_named_as_the_owner_of_the_items(hooked: Hooked, owner: str, seen: str) -> None:
    source = "def before_create(draft, context):\n    draft['caller'] = context.caller.owner\n"
    api = hooked(source, options={"owner": owner})
    assert api.as_user("ada", tenant="acme").create({})["caller"] == seen


def test_a_draft_has_its_owner(hooked: Hooked) -> None:
    api = hooked(
        """
        def before_create(draft, context):
            draft["owners"] = [draft.owner]

        def before_update(draft, current, context):
            draft["owners"] = [*current["owners"], draft.owner]
        """,
        options={"owner": "sub"},
    ).as_user("ada")
    made = api.create({})
    assert api.request("PATCH", f"/items/{made['id']}", {}).json["owners"] == ["ada", "ada"]


def test_no_input_leads_a_hook_to_another_owners_item(hooked: Hooked, make_api: Make) -> None:
    owned = {"owner": "sub", "ids": "client"}
    api = hooked(
        """
        def before_create(draft, context):
            rooms, named = entity("rooms"), draft["named"]
            if draft["way"] == "find":
                draft["got"] = rooms.find(named)
            elif draft["way"] == "page":
                page = rooms.page({}, 1, named)
                draft["got"], draft["next"] = page.items, page.next
            elif draft["way"] == "merge":
                context.transaction.merge("rooms", named, {"a": 2})
            else:
                getattr(context.transaction, draft["way"])("rooms", named)
        """,
        uses={"rooms": {"operations": ["get", "list", "merge", "delete"], "options": owned}},
    )
    rooms = make_api(owned, TABLE_NAME="test-rooms", ENTITY="rooms")
    first, second = (rooms.as_user("ada").create({"id": each, "a": 1}) for each in ("r1", "r2"))
    cursor = api.as_user("ada").create({"way": "page", "named": None})["next"]
    for named in ("r1", "ada#r1", "ada/r1", "../ada/r1", "", None, 5, ["r1"], {"S": "r1"}):
        assert api.as_user("bob").create({"way": "find", "named": named})["got"] is None
        for way, status in (("merge", 404), ("delete", 404), ("check", 404 if named != "r1" else 409)):
            assert api.as_user("bob").request("POST", "/items", {"way": way, "named": named}).status == status
    assert api.as_user("bob").request("POST", "/items", {"way": "page", "named": cursor}).status == 500
    for room in (first, second):
        assert rooms.as_user("ada").request("GET", f"/items/{room['id']}").json == room


def test_entities_are_not_read_as_a_module_is_imported(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    uses = {"rooms": {"operations": ["get"]}}
    api = hooked(
        "rooms = entity('rooms')\ndef before_create(draft, context): draft['got'] = rooms.find('x')", uses=uses
    )
    assert api.create({})["got"] is None
    api = hooked("rooms = entity('rooms').find('x')\ndef before_create(draft, context): pass", uses=uses)
    line = failed_line(api.request("POST", "/items", {}), capsys)
    assert "not while a module is imported" in line["causes"][0]


# --- What hooks write


ANY = ["create", "merge", "delete", "get"]
WRITES_OF = """
def before_create(draft, context):
    transaction = context.transaction
    for call in draft["calls"]:
        eval(call)
def before_update(draft, current, context):
    before_create(draft, context)
def before_delete(current, context):
    before_create(current, context)
"""


def test_a_hooks_writes_join_the_items_transaction(hooked: Hooked, make_api: Make) -> None:
    api = hooked(WRITES_OF, uses={"nights": {"operations": ANY, "options": NIGHTS}})
    nights = table_of(make_api, "nights")
    for name in "abcd":
        nights.create({"id": name, "n": 1, "deep": {"x": 1, "y": 2}})
    calls = [
        "transaction.create('nights', {'n': 5}, id='e')",
        "transaction.merge('nights', 'a', {'n': 2, 'deep': None})",
        "transaction.merge('nights', 'b', {'deep': {'x': None}})",
        "transaction.delete(entity('nights'), 'c')",
        "transaction.check('nights', 'd')",
    ]
    answer, requests = api.requests_of("POST", "/items", {"calls": calls})
    assert (answer.status, requests) == (201, ["GetItem", "TransactWriteItems"])
    found = {each["id"]: each for each in nights.request("GET", "/items").json["items"]}
    assert ("".join(sorted(found)), found["e"]["n"], found["e"]["version"]) == ("abde", 5, 1)
    assert ("deep" in found["a"], found["a"]["n"], found["a"]["version"]) == (False, 2, 2)
    assert (found["b"]["deep"], found["b"]["n"], found["b"]["version"]) == ({"y": 2}, 1, 2)
    assert found["d"]["version"] == 1
    path = f"/items/{answer.json['id']}"
    assert api.request("GET", path).json == answer.json
    patched = api.request("PATCH", path, {"calls": ["transaction.delete('nights', 'e')"]})
    assert (patched.status, patched.json["version"]) == (200, 2)
    read = api.request("GET", path)
    assert (read.json, read.etag) == (patched.json, patched.etag)
    api.request("PATCH", path, {"calls": ["transaction.create('nights', {}, 'c')"]})
    assert api.request("DELETE", path).status == 409  # c already exists
    assert api.request("GET", path).status == 200
    nights.request("DELETE", "/items/c")
    assert api.request("DELETE", path).status == 204
    assert nights.request("GET", "/items/c").status == 200


@pytest.mark.parametrize(
    ("call", "status", "kind"),
    [
        ("create('nights', {}, 'a')", 409, "conflict"),
        ("merge('nights', 'x', {'n': 2})", 404, "not-found"),
        ("merge('nights', 'x', {'n': {}})", 404, "not-found"),
        ("merge('nights', 'a#b', {'n': 2})", 404, "not-found"),
        ("merge('nights', 'a', {'n': 2}, if_match='x')", 409, "conflict"),
        ("merge('nights', 'a', {'n': {}}, if_match='x')", 409, "conflict"),
        ("delete('nights', 'x')", 404, "not-found"),
        ("delete('nights', 'a#b')", 404, "not-found"),
        ("delete('nights', 'a', if_match=Item(version=2, created_at='x').etag)", 409, "conflict"),
        ("check('nights', 'x')", 409, "conflict"),
        ("check('nights', 'a#b')", 404, "not-found"),
        ("check('nights', 'a', if_match='x')", 409, "conflict"),
    ],
)
def test_a_failed_write_cancels_all_writes(hooked: Hooked, make_api: Make, call: str, status: int, kind: str) -> None:
    api = hooked(WRITES_OF, uses={"nights": {"operations": ANY, "options": NIGHTS}})
    nights = table_of(make_api, "nights")
    made = nights.create({"id": "a"})
    other = "transaction.create('nights', {}, 'other')"
    answer = api.request("POST", "/items", {"calls": [other, f"transaction.{call}"]})
    assert (answer.status, answer.json["type"]) == (status, f"urn:trestle:problem:{kind}")
    otherwise = f"{call[:-1]}, otherwise=Refuse('No.', status=403, code='taken'))"
    answer = api.request("POST", "/items", {"calls": [other, f"transaction.{otherwise}"]})
    assert (answer.status, answer.json["type"], answer.json["detail"]) == (403, "urn:trestle:problem:taken", "No.")
    assert api.request("GET", "/items").json["items"] == []
    assert nights.request("GET", "/items").json["items"] == [made]


@pytest.mark.parametrize("match", ["", "if_match=entity('nights').get('a').etag"])
def test_an_item_in_the_expected_state_is_written(hooked: Hooked, make_api: Make, match: str) -> None:
    api = hooked(WRITES_OF, uses={"nights": {"operations": ANY, "options": NIGHTS}})
    nights = table_of(make_api, "nights")
    for call in ("check('nights', 'a', {})", "merge('nights', 'a', {{'n': {{}}}}, {})", "delete('nights', 'a', {})"):
        nights.request("POST", "/items", {"id": "a"})
        assert api.request("POST", "/items", {"calls": [f"transaction.{call.format(match)}"]}).status == 201


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ("create('nights', {}, 'a#b')", "Invalid", "The item's id is not valid. /id: "),
        ("create('rooms', {}, 'a')", "Invalid", ""),
        ("create('rooms', {'n': 'x'})", "Invalid", "/n: Must be an integer"),
        ("create('rooms', {'n': 1.5})", "FloatError", "/n is a float"),
        ("create('rooms', {'id': 'a'})", "UnkeepableError", "/id is a property that only the server sets"),
        ("merge('rooms', 'a', {'n': 'x'})", "Invalid", "/n: Must be an integer"),
        ("create('nights', {}, 'a', otherwise='no')", "OtherwiseError", "otherwise is a str. Use Refuse(...)."),
        ("check('nights', 'a') or transaction.delete('nights', 'a')",
         "TransactionError", 'already writes the item "a" of "nights"'),
        ("check('nights', 'a') or [*map(transaction.create, ['nights'] * 99, [{}] * 99)]",
         "TransactionError", "A transaction takes at most 99 writes"),
        ("delete('rooms', 'a')", "RightError", 'may not delete "rooms"'),
        ("check('closed', 'a')", "RightError", 'Write closed = ["get"] in entities.items.hooks.uses.before_create.'),
    ],
)  # fmt: skip
def test_writes_that_a_hook_may_not_do(
    hooked: Hooked, capsys: pytest.CaptureFixture[str], call: str, error: str, message: str
) -> None:
    schema = {"properties": {"n": {"type": "integer"}}}
    uses = {
        "nights": {"operations": ANY, "options": NIGHTS},
        "rooms": {"operations": ["create", "merge"], "schema": schema},
    }
    api = hooked(WRITES_OF, uses=uses)
    line = failed_line(api.request("POST", "/items", {"calls": [f"transaction.{call}"]}), capsys)
    assert line["error"].endswith(f"with {error}.")
    assert message in "; ".join(line["causes"])


def test_a_hook_does_not_write_its_own_item(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    api = hooked(
        """
        def before_update(draft, current, context):
            context.transaction.merge("items", current.id, {"a": 1})
        """,
        uses={"items": {"operations": ["merge"]}},
    )
    item_id = api.create({})["id"]
    line = failed_line(api.request("PATCH", f"/items/{item_id}", {}), capsys)
    assert line["error"] == f"TransactionError: A transaction has one write per item; items {item_id} has two."


def test_a_hooks_writes_obey_their_entitys_rules(hooked: Hooked, make_api: Make) -> None:
    options = {"filters": {"kind": {}}, "owner": "sub", "ttl": "until"}
    schema = {"properties": {"kind": {"default": "new"}, "set": {"readOnly": True}}}
    api = hooked(WRITES_OF, uses={"nights": {"operations": ANY, "options": options, "schema": schema}})
    nights = make_api({**options, "schema": "nights"}, {"nights": schema}, TABLE_NAME="test-nights", ENTITY="nights")
    api.as_user("ada").create({"calls": ["transaction.create('nights', {'set': 1, 'until': '2999-01-01'})"]})
    (night,) = nights.as_user("ada").request("GET", "/items", query={"kind": "new"}).json["items"]
    assert (night["set"], night["version"]) == (1, 1)
    assert nights.as_user("bob").request("GET", "/items").json["items"] == []
    (record,) = api.client.scan(TableName="test-nights")["Items"]
    assert record["owner"] == {"S": "ada"}
    assert int(record["expires"]["N"]) > 32_000_000_000
    calls = [f"transaction.merge('nights', {night['id']!r}, {{'kind': 'old', 'set': 2}})"]
    api.as_user("ada").create({"calls": calls})
    (night,) = nights.as_user("ada").request("GET", "/items", query={"kind": "old"}).json["items"]
    assert night["set"] == 2


def test_hooks_of_items_that_a_hook_writes_run_in_the_same_transaction(hooked: Hooked, make_api: Make) -> None:
    nights_rules = """
        def before_create(draft, context):
            draft["by"] = [context.caller.id, draft.id]
            context.transaction.create("log", {}, "made")
        def before_update(draft, current, context):
            draft["was"] = current["n"]
            if draft["n"] == 3:
                raise Refuse("Never 3.", code="three")
        def before_delete(current, context):
            if current["n"] == 2:
                raise Refuse("Not while 2.", code="two")
    """
    nights_of = {"operations": ANY, "options": NIGHTS, "source": nights_rules}
    api = hooked(WRITES_OF, uses={"nights": nights_of, "log": {"operations": ["create"], "options": NIGHTS}})
    parts = {"identity": {"apiKeyId": "key1"}}

    def calls(*found: str) -> Any:
        return api.request("POST", "/items", {"calls": [f"transaction.{call}" for call in found]}, **parts)

    assert calls("create('nights', {'n': 1}, 'a')").status == 201
    nights, log = table_of(make_api, "nights"), table_of(make_api, "log")
    assert nights.request("GET", "/items/a").json["by"] == ["key1", "a"]
    assert log.request("GET", "/items/made").status == 200
    assert calls("create('nights', {'n': 1}, 'b')").status == 409  # the log's item exists
    assert nights.request("GET", "/items/b").status == 404
    assert calls("merge('nights', 'a', {'n': 2})").status == 201
    assert nights.request("GET", "/items/a").json["was"] == 1
    assert calls("merge('nights', 'a', {'n': 3})").json["type"] == "urn:trestle:problem:three"
    assert calls("delete('nights', 'a')").json["type"] == "urn:trestle:problem:two"
    assert calls("merge('nights', 'a', {'n': 4})").status == 201
    assert calls("delete('nights', 'a')").status == 201
    assert nights.request("GET", "/items/a").status == 404


def test_an_error_in_a_nested_hook_names_that_hook(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    rules = "def before_create(draft, context): entity('log').find('x')"
    api = hooked(WRITES_OF, uses={"nights": {"operations": ANY, "source": rules}})
    line = failed_line(api.request("POST", "/items", {"calls": ["transaction.create('nights', {})"]}), capsys)
    assert line["error"] == "CodeError: The hook before_create of nights failed at app/nights.py:2 with RightError."
    assert "in entities.nights.hooks.uses.before_create." in line["causes"][0]


# --- Races


RACE = """
runs = []
def before_update(draft, current, context):
    runs.append(current.version)
    draft["runs"] = len(runs)
    draft["seen"] = draft.get("seen", 0) + 1
    interfere(current)
def before_delete(current, context):
    runs.append(current.version)
    interfere(current)
"""


def with_rival(api: Api, rival: Callable[[Any], None]) -> None:
    """Make another client write while a hook runs."""
    vars(sys.modules["app.rules"])["interfere"] = rival


@pytest.mark.parametrize("claims", [False, True], ids=["one write", "a transaction"])
@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_lost_race_runs_the_hooks_again_on_the_current_item(
    hooked: Hooked, make_api: Make, method: str, claims: bool
) -> None:
    claim = "\n    context.transaction.create('nights', {}, 'claim')\n" if claims else "\n"
    source = RACE.replace("    interfere(current)\n", f"    interfere(current){claim}")
    api = hooked(source, uses={"nights": {"operations": ANY, "options": NIGHTS}})
    rival = make_api()
    for losses, status in ((2, 204 if method == "DELETE" else 200), (4, 409)):
        path = f"/items/{rival.create({'n': 0})['id']}"
        left = [1] * losses

        def interfere(current: Any, path: str = path, left: list[int] = left) -> None:
            if left:
                rival.request("PATCH", path, {"n": current["n"] + left.pop()})

        with_rival(api, interfere)
        answer = api.request(method, path, None if method == "DELETE" else {"a": 1})
        assert (answer.status, left) == (status, [])
        read = rival.request("GET", path)
        if method != "DELETE" and status == 200:
            assert read.json == answer.json
            assert (answer.json["seen"], answer.json["version"]) == (1, 4)
            assert answer.json.get("n") == (2 if method == "PATCH" else None)
        if claims:
            table_of(make_api, "nights").request("DELETE", "/items/claim")


def test_a_lost_race_with_if_match_is_412(hooked: Hooked, make_api: Make) -> None:
    api, rival = hooked(RACE), make_api()
    made = rival.request("POST", "/items", {"n": 0})
    path = f"/items/{made.json['id']}"
    with_rival(api, lambda current: rival.request("PATCH", path, {"n": 1}) and None)
    for method, body in WRITES:
        match = {"If-Match": rival.request("GET", path).etag}
        assert api.request(method, path, body, headers=match).status == 412
    with_rival(api, lambda current: rival.request("DELETE", path) and None)
    assert api.request("PATCH", path, {"a": 1}).status == 404


def test_a_race_about_another_item_runs_the_hooks_again(hooked: Hooked, make_api: Make) -> None:
    api = hooked(
        """
        def before_create(draft, context):
            assert context.transaction is context.transaction
            context.transaction.merge("nights", "a", {"deep": {"mine": True}}, otherwise=Refuse("No."))
            interfere(draft)
        """,
        uses={"nights": {"operations": ANY, "options": NIGHTS}},
    )
    nights = table_of(make_api, "nights")
    nights.create({"id": "a"})
    left = [1, 2]
    with_rival(api, lambda _: nights.request("PATCH", "/items/a", {"n": left.pop()}) and None if left else None)
    assert api.request("POST", "/items", {}).status == 201
    assert nights.request("GET", "/items/a").json["deep"] == {"mine": True}
    left += [1] * 4
    answer = api.request("POST", "/items", {})
    assert (answer.status, answer.json["type"], left) == (409, "urn:trestle:problem:conflict", [])


def test_a_conflict_of_transactions_runs_the_hooks_again(hooked: Hooked) -> None:
    api = hooked(WRITES_OF, uses={"nights": {"operations": ANY, "options": NIGHTS}})
    calls = {"calls": ["transaction.create('nights', {}, 'a')"]}
    with api.fault("TransactWriteItems", conflict):
        assert api.request("POST", "/items", calls).status == 201
    with api.fault("TransactWriteItems", *[conflict] * 4):
        assert api.request("POST", "/items", {"calls": []} | calls).status == 409


def test_a_conflict_with_another_clients_transaction_runs_the_hooks_again(hooked: Hooked) -> None:
    api = hooked("runs = []\ndef before_create(draft, context):\n    runs.append(1)\n    draft['run'] = len(runs)\n")
    with api.fault("PutItem", *[fails("TransactionConflictException")] * 3):
        assert api.create({})["run"] == 2


def test_an_entity_without_uses_reads_nothing(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    api = hooked("def before_create(draft, context): entity('rooms').find('x')")
    line = failed_line(api.request("POST", "/items", {}), capsys)
    assert 'Write rooms = ["get"] in entities.items.hooks.uses.before_create.' in line["causes"][0]


# --- Idempotency keys


COUNTED = """
runs = []
def before_create(draft, context):
    runs.append(1)
    draft["run"] = len(runs)
    if "claim" in draft:
        context.transaction.create("nights", {}, draft["claim"], otherwise=Refuse("Taken.", status=409, code="taken"))
"""


def test_a_repeated_key_returns_the_current_item_and_runs_no_hook(hooked: Hooked, make_api: Make) -> None:
    api = hooked(COUNTED, uses={"nights": {"operations": ANY, "options": NIGHTS}})
    key = {"Idempotency-Key": "k"}
    answer, requests = api.requests_of("POST", "/items", {"claim": "a"}, headers=key)
    assert (answer.status, requests) == (201, ["GetItem", "TransactWriteItems"])
    again, requests = api.requests_of("POST", "/items", {"claim": "a"}, headers=key)
    assert (again.status, again.json, again.etag, requests) == (201, answer.json, answer.etag, ["GetItem"])
    assert again.headers["Idempotency-Replayed"] == "true"
    other = api.request("POST", "/items", {"claim": "b"}, headers=key)
    assert (other.status, other.json["type"]) == (422, "urn:trestle:problem:idempotency-key-reused")
    make_api().request("PATCH", f"/items/{answer.json['id']}", {"later": True})
    again = api.request("POST", "/items", {"claim": "a"}, headers=key)
    assert (again.json["later"], again.json["version"], again.json["run"]) == (True, 2, 1)


def test_two_concurrent_requests_with_a_key_create_one_item(hooked: Hooked, make_api: Make) -> None:
    """Both find no item and run the hook; the second write then meets the first one's item."""
    api = hooked(
        COUNTED.replace("    if ", "    interfere(draft)\n    if "),
        uses={"nights": {"operations": ANY, "options": NIGHTS}},
    )
    for body in ({"claim": "a"}, {}):
        key = {"Idempotency-Key": f"k{body}"}
        first: list[Any] = []

        def interfere(_: Any, body: Any = body, key: Any = key, first: Any = first) -> None:
            if not first:
                first.append(None)
                first.append(api.request("POST", "/items", body, headers=key))

        with_rival(api, interfere)
        answer = api.request("POST", "/items", body, headers=key)
        assert (answer.status, answer.json) == (201, first[1].json)
        assert answer.headers["Idempotency-Replayed"] == "true"


def test_a_write_with_a_lost_response_counts_once(hooked: Hooked, make_api: Make) -> None:
    api = hooked("def before_create(draft, context): pass\ndef before_update(draft, current, context): pass")
    with api.fault("PutItem", lose_answer):
        made = api.create({})
    with api.fault("UpdateItem", lose_answer):
        patched = api.request("PATCH", f"/items/{made['id']}", {"a": 1})
    assert patched.json["version"] == 2
    assert make_api().request("GET", f"/items/{made['id']}").json == patched.json


def test_ids_chosen_by_clients(hooked: Hooked) -> None:
    api = hooked("def before_create(draft, context): draft['own'] = draft.id", options=NIGHTS)
    assert api.create({"id": "a"})["own"] == "a"
    assert api.request("POST", "/items", {"id": "a"}).status == 409
    assert api.request("POST", "/items", {"id": "a#b"}).status == 400


# --- What hooks print and log


def test_output_of_a_hook_is_json_with_the_requests_id(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    api = hooked(
        """
        import logging, sys
        print("imported")
        def before_create(draft, context):
            print("one", 2)
            assert sys.stdout.writable()
            print("\\ud800")
            print("a\\nb", end="")
            logging.getLogger("shop").warning("%s rooms", 3)
            logging.info("more")
            logging.debug("less")
            try:
                raise KeyError("k")
            except KeyError:
                logging.exception("failed")
        """
    )
    (imported,) = lines_of(capsys)
    assert imported == {"level": "INFO", "entity": "items", "message": "imported"}
    api.create({})
    *lines, last = lines_of(capsys)
    known = {"requestId": last["requestId"], "entity": "items", "operation": "create"}
    assert all(line.items() >= known.items() for line in lines)
    told = [{name: line[name] for name in line if name not in (*known, "trace")} for line in lines]
    assert told == [
        {"level": "INFO", "message": "one 2"},
        {"level": "INFO", "message": "\ud800"},
        {"level": "INFO", "message": "a"},
        {"level": "WARNING", "logger": "shop", "message": "3 rooms"},
        {"level": "INFO", "logger": "root", "message": "more"},
        {"level": "ERROR", "logger": "root", "message": "failed"},
        {"level": "INFO", "message": "b"},
    ]
    assert "KeyError" in lines[5]["trace"]
    assert last["status"] == 201
    print("out")
    assert capsys.readouterr().out == "out\n"


def test_lines_of_a_nested_hook_name_its_entity(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    source = "import logging\ndef before_create(draft, context):\n    print('{0}')\n    logging.info('{0}')\n"
    outer = f"    context.transaction.create('nights', {{}}){source.format('after').partition(':')[2]}"
    nights = {"operations": ["create"], "source": source.format("within")}
    hooked(source.format("before") + outer, uses={"nights": nights}).create({})
    told = [(line["entity"], line["message"]) for line in lines_of(capsys) if "message" in line]
    assert told == [("items", "before")] * 2 + [("nights", "within")] * 2 + [("items", "after")] * 2


def test_print_does_not_load_logging(
    hooked: Hooked, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = hooked("def before_create(draft, context): print('a')")
    monkeypatch.delitem(sys.modules, "logging")
    api.create({})
    assert lines_of(capsys)[0]["message"] == "a"


def test_the_log_level_applies_to_hooks(hooked: Hooked, capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    source = """
        import logging
        def before_create(draft, context):
            print("quiet")
            logging.warning("quiet")
            logging.error("loud")
    """
    before = logging.getLogger().level
    api = hooked(source, LOG_LEVEL="ERROR")
    api.create({})
    text = capsys.readouterr().err
    assert "quiet" not in text
    assert json.loads(text.splitlines()[-1])["message"] == "loud"
    assert logging.getLogger().level == before


def test_lambdas_handler_does_not_repeat_a_hooks_log_lines(
    hooked: Hooked, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    class Handler(logging.StreamHandler[Any]):
        pass

    Handler.__module__ = "awslambdaric.bootstrap"
    own = Handler()
    monkeypatch.setattr(logging.getLogger(), "handlers", [own])
    api = hooked(
        """
        import logging
        def before_create(draft, context):
            logging.error("once")
            logging.error("%d", "no number")
        """
    )
    api.create({})
    text = capsys.readouterr().err
    assert text.count("once") == 1
    assert text.count("--- Logging error ---") == 1
    assert logging.getLogger().handlers == [own]


def test_each_operation_has_a_handler_with_hooks(hooked: Hooked) -> None:
    api = hooked("def present(items, context): items[0]['x'] = 1", functions=tuple(OPERATIONS.values()))
    made = api.request("POST", "/items", {}).json
    path = f"/items/{made['id']}"
    for method, target, body in (("GET", path, None), ("PUT", path, {}), ("PATCH", path, {})):
        assert api.request(method, target, body).json["x"] == 1
    assert api.request("GET", "/items").json["items"][0]["x"] == 1
    assert api.request("DELETE", path).status == 204
