"""Test functions of app/: how they are called, what they can access, and the errors that operators see."""

from __future__ import annotations

import json
import re
import textwrap
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.api import error as fails
from tests.unit.conftest import Make, Own
from trestle import app, errors
from trestle.context import Context
from trestle.http.error_chain import error_chain
from trestle.http.log import Log
from trestle.http.settings import LEVELS
from trestle.own import output
from trestle.own.code import CodeError
from trestle.own.function import Function
from trestle.own.messages import MAX_MESSAGE_BYTES, job_message
from trestle.own.scope import NotHereError
from trestle.store import boto3_client, services

USER = {"sub": "3f0c2f4e-9b1d-4a51-8f7e-2d6f1f0a9c11", "token_use": "access"}
OTHER = "9a0c2f4e-0000-4a51-8f7e-2d6f1f0a9c11"
SIGNED_IN = {"authorizer": {"claims": USER}}

VALUE, NEW, BYTES = "a value", "another", "eA=="


def call(function: Function, *arguments: Any, **context: Any) -> Any:
    return function.call("handle", Context(request_id="r-1", **context), *arguments)


def cause(function: Function, *arguments: Any, **context: Any) -> Exception:
    """Run a function that fails; return the cause of its CodeError."""
    with pytest.raises(CodeError, match=r"^The function payments failed at app/payments\.py:") as error:
        call(function, *arguments, **context)
    assert isinstance(error.value.__cause__, Exception)
    return error.value.__cause__


# --- Calls


def test_a_function_gets_its_arguments_and_a_context(own: Own) -> None:
    function = own("""
        def handle(job, context):
            return job, context.via, context.operation, context.request_id, context.caller, context.seconds_left() > 99
    """)
    assert call(function, 7) == (7, "function:payments", "handle", "r-1", None, True)
    assert (function.name, function.kind, function.level) == ("payments", "job", 20)


def test_a_route_has_a_caller_and_the_time_of_its_request(own: Own) -> None:
    function = own(
        """
        def handle(request, context):
            return context.via, context.caller.owner, context.seconds_left(), context.now[-1]
        """,
        kind="routes",
    )
    assert call(function, None, gateway=SIGNED_IN, deadline=0.0) == ("api", USER["sub"], 0.0, "Z")


def test_context_transaction_is_refused_in_a_function(own: Own) -> None:
    function = own("def handle(job, context):\n    context.transaction.delete('orders', 'a')\n")
    error = cause(function, None)
    assert isinstance(error, NotHereError)
    assert str(error) == "A function has no item whose write others could join. Use transaction() instead."


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        ("Refuse('No.', status=409)", errors.Refused),
        ("NotFound()", app.NotFound),
        ("Taken()", app.Taken),
        ("Changed()", app.Changed),
        ("Invalid()", app.Invalid),
        ("Unavailable()", app.Unavailable),
        ("Retry(after=5)", app.Retry),
    ],
)
def test_outcomes_are_returned_unchanged(own: Own, raised: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        call(own(f"def handle(job, context):\n    raise {raised}\n"), None)


@pytest.mark.parametrize("raised", ["ValueError('a secret')", "SystemExit('a secret')", "KeyboardInterrupt"])
def test_other_errors_are_reported_with_their_place(own: Own, raised: str) -> None:
    function = own(f"def handle(job, context):\n    raise {raised}\n")
    with pytest.raises(CodeError, match=r"^The function payments failed at app/payments.py:3 with \w+\.$") as error:
        call(function, None)
    assert "a secret" not in str(error.value)


def test_a_missing_function(own: Own) -> None:
    function = own("handle = 5")
    with pytest.raises(CodeError, match=r"^app/payments.py defines no function handle\.$"):
        call(function, None)


def test_a_module_with_an_import_error(own: Own) -> None:
    with pytest.raises(CodeError, match=r"^The import of app/payments.py failed at app/payments.py:2 with NameError"):
        own("missing")


def test_log_lines_name_the_function_and_its_call(own: Own, capsys: pytest.CaptureFixture[str]) -> None:
    function = own("""
        import logging
        print("early")
        def handle(job, context):
            print("now")
            logging.warning("mind")
    """)
    call(function, None)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    named = {"requestId": "r-1", "function": "payments", "call": "handle"}
    assert lines == [
        {"level": "INFO", "function": "payments", "message": "early"},
        {"level": "INFO", **named, "message": "now"},
        {"level": "WARNING", **named, "logger": "root", "message": "mind"},
    ]


def test_log_levels_work_as_in_generated_functions() -> None:
    assert output.LEVELS == LEVELS


# --- Settings, secrets, jobs


def test_settings(own: Own) -> None:
    function = own(
        """
        CURRENCY = setting("CURRENCY")
        def handle(job, context):
            return CURRENCY, setting(job)
        """,
        settings=["CURRENCY"],
        environment={"CURRENCY": "EUR", "HOME": "hidden"},
    )
    assert call(function, "CURRENCY") == ("EUR", "EUR")
    error = cause(function, "HOME")
    assert isinstance(error, PermissionError)
    assert str(error) == ('payments has no setting "HOME". Write HOME = "<value>" in functions.payments.settings.')


@pytest.fixture
def aws_calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The calls of other AWS services; "answer" is their response."""
    found: dict[str, Any] = {"calls": [], "answer": {"SecretString": VALUE}}

    def request(service: Any, _: Any, action: str, payload: Any, *, region: str = "") -> Any:
        found["calls"].append((service.name, action, payload, region))
        if isinstance(found["answer"], Exception):
            raise found["answer"]
        return found["answer"]

    for module in ("secrets", "queues"):
        monkeypatch.setattr(f"trestle.store.{module}.request", request)
    return found


READ = "def handle(job, context):\n    return secret(job)\n"
ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-AbCdEf"


def test_a_secret_is_read_once_in_five_minutes(
    own: Own, aws_calls: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    function = own(READ, secrets={"stripe": ARN})
    clock = [1000.0]
    monkeypatch.setattr("trestle.own.function.time.monotonic", lambda: clock[0])
    for passed, value in ((0, VALUE), (299, VALUE), (2, NEW)):
        clock[0] += passed
        assert call(function, "stripe") == value
        aws_calls["answer"] = {"SecretString": NEW}
    assert aws_calls["calls"] == [("secretsmanager", "GetSecretValue", {"SecretId": ARN}, "eu-west-1")] * 2


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ({"SecretBinary": BYTES}, "The secret is binary. Store it as text, as SecretString."),
        (
            services.RefusedError.__new__(services.RefusedError, None, "", ""),
            "Secrets Manager refused GetSecretValue with AccessDeniedException.",
        ),
    ],
)
def test_an_unreadable_secret(own: Own, aws_calls: dict[str, Any], answer: Any, detail: str) -> None:
    if isinstance(answer, Exception):
        answer.args = (detail,)
    aws_calls["answer"] = answer
    error = cause(own(READ, secrets={"stripe": ARN}), "stripe")
    assert str(error) == (f'The secret "stripe" of payments cannot be read. {detail} Check functions.payments.secrets.')


def test_secrets_that_are_unavailable_for_now(own: Own, aws_calls: dict[str, Any]) -> None:
    aws_calls["answer"] = errors.Unavailable("Secrets Manager cannot answer now. Try again in a moment.")
    with pytest.raises(app.Unavailable, match="Secrets Manager"):
        call(own(READ, secrets={"stripe": ARN}), "stripe")


def test_a_secret_missing_in_the_tfvars(own: Own, aws_calls: dict[str, Any]) -> None:
    error = cause(own(READ), "stripe")
    assert isinstance(error, PermissionError)
    assert str(error) == 'payments has no secret "stripe". Write stripe = "<ARN>" in functions.payments.secrets.'
    with pytest.raises(CodeError, match="NotHereError"):
        own("secret('stripe')", secrets={"stripe": ARN})
    assert aws_calls["calls"] == []


SEND = "def handle(job, context):\n    send('deliver', job['body'], delay=job.get('delay', 0))\n"
QUEUE = "https://sqs.us-west-2.amazonaws.com/123456789012/shop-deliver-prod"


def test_a_job_is_sent(own: Own, aws_calls: dict[str, Any]) -> None:
    function = own(SEND, sends={"deliver": QUEUE})
    call(function, {"body": {"n": Decimal("1.50"), "big": 10**20, "t": "é"}, "delay": 900})
    call(function, {"body": None})
    (service, action, first, _), (_, _, second, _) = aws_calls["calls"]
    assert (service, action, first["QueueUrl"], first["DelaySeconds"]) == ("sqs", "SendMessage", QUEUE, 900)
    message = json.loads(first["MessageBody"], parse_float=Decimal)
    assert list(message) == ["id", "at", "body", "turn"]
    assert (message["body"], message["turn"]) == ({"n": Decimal("1.5"), "big": 10**20, "t": "é"}, 0)
    assert "DelaySeconds" not in second
    assert json.loads(second["MessageBody"])["body"] is None


UNKEPT = (
    "a number that cannot be stored. Numbers may have 38 significant digits and magnitudes from 1e-130 to 9.99e125."
)


@pytest.mark.parametrize(
    ("job", "kind", "detail"),
    [
        ({"body": 1.5}, TypeError, "The body is a float. Use int or Decimal."),
        ({"body": {"a": [1.5]}}, TypeError, "/a/0 is a float. Use int or Decimal for the numbers of items."),
        ({"body": {"a": {1, 2}}}, TypeError, "/a is a set, which JSON lacks."),
        ({"body": Decimal("NaN")}, ValueError, "The value is NaN, which JSON lacks."),
        ({"body": (1,)}, TypeError, "The value is a tuple, which JSON lacks."),
        ({"body": "\ud800"}, ValueError, "The value contains a lone surrogate."),
        ({"body": 10**200}, ValueError, f"The value is {UNKEPT}"),
        ({"body": 1, "delay": 901}, ValueError, "delay is 901. Use whole seconds, 0 to 900."),
        ({"body": 1, "delay": -1}, ValueError, "delay is -1. Use whole seconds, 0 to 900."),
        ({"body": 1, "delay": True}, ValueError, "delay is True. Use whole seconds, 0 to 900."),
        (
            {"body": "é" * (MAX_MESSAGE_BYTES // 2)},
            ValueError,
            "The body is over the 256 KiB that a queue accepts. Store it, and send its id.",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_invalid_job(own: Own, aws_calls: dict[str, Any], job: Any, kind: type[Exception], detail: str) -> None:
    error = cause(own(SEND, sends={"deliver": QUEUE}), job)
    assert isinstance(error, kind)
    assert str(error) == detail
    assert aws_calls["calls"] == []


def test_the_largest_job_fits(own: Own, aws_calls: dict[str, Any]) -> None:
    room = MAX_MESSAGE_BYTES - len(job_message(""))
    call(own(SEND, sends={"deliver": QUEUE}), {"body": "x" * room})
    assert len(aws_calls["calls"][0][2]["MessageBody"]) == MAX_MESSAGE_BYTES


def test_a_queue_missing_in_the_tfvars(own: Own) -> None:
    error = cause(own(SEND), {"body": 1})
    assert isinstance(error, PermissionError)
    assert str(error) == 'payments may not send to "deliver". Add "deliver" to functions.payments.sends.'


def test_a_queue_that_refuses_and_one_that_does_not_respond(own: Own, aws_calls: dict[str, Any]) -> None:
    function = own(SEND, sends={"deliver": QUEUE})
    aws_calls["answer"] = services.RefusedError.__new__(services.RefusedError, None, "", "")
    aws_calls["answer"].args = ("SQS refused SendMessage with QueueDoesNotExist.",)
    assert str(cause(function, {"body": 1})) == (
        'payments cannot send to "deliver". SQS refused SendMessage with QueueDoesNotExist. '
        "Check functions.payments.sends."
    )
    aws_calls["answer"] = errors.Unavailable("SQS cannot answer now. Try again in a moment.")
    with pytest.raises(app.Unavailable, match="SQS"):
        call(function, {"body": 1})


# --- Entities


def seeded(api: Any, name: str, item_id: str, owner: str = "") -> None:
    key = f"{owner}#{item_id}" if owner else item_id
    record = {
        "id": {"S": key}, "collection": {"S": f"{owner}#{name}" if owner else name},
        "createdAt": {"S": "2026-01-01T00:00:00.000000Z"}, "updatedAt": {"S": "2026-01-01T00:00:00.000000Z"},
        "version": {"N": "1"}, "doc": {"M": {}},
    }  # fmt: skip
    api.put_item(TableName=f"test-{name}", Item=record)


GET = "def handle(job, context):\n    return entity('orders').get('a')\n"
ORDERS = {"orders": {"operations": ["get"]}}
OWNED = {"orders": {"operations": ["get"], "options": {"owner": "sub"}}}


def test_an_operation_missing_in_uses(own: Own) -> None:
    lacks = 'payments may not get "orders". Write orders = ["get"] in functions.payments.uses.'
    assert str(cause(own(GET), None)) == lacks
    assert str(cause(own(GET, used={"orders": {"operations": ["list"]}}), None)) == lacks
    # A function may not do what only its entities' hooks may.
    assert str(cause(own(GET, used=ORDERS, uses={"rooms": ["get"]}), None)) == lacks
    with pytest.raises(app.NotFound):
        call(own(GET, used=ORDERS, uses={"orders": ["get"]}), None)


def test_items_of_the_caller_and_items_without_an_owner(own: Own) -> None:
    function = own(GET, used=OWNED, kind="routes")
    client = boto3_client.shared_client()
    seeded(client, "orders", "a", USER["sub"])
    assert call(function, None, gateway=SIGNED_IN).owner == USER["sub"]
    assert str(cause(function, None, gateway={})) == (
        'payments may not get "orders": its items have owners, and nobody is signed in. '
        'Say whose: entity("orders").of(owner). This needs owners = "any" in functions.payments.'
    )
    seeded(client, "orders", "b", OTHER)
    with pytest.raises(app.NotFound):
        call(own(GET.replace("'a'", "'b'"), used=OWNED), None, gateway=SIGNED_IN)


# --- Writes

SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 8},
        "price": {"type": "number", "readOnly": True},
        "done": {"type": "boolean", "default": False},
        "tags": {"type": "object"},
    },
    "required": ["title", "price"],
    "additionalProperties": False,
}
EVERYTHING = ["create", "delete", "get", "list", "merge", "replace"]


def entities(**orders: Any) -> Any:
    return {"orders": {"operations": EVERYTHING, "schema": SCHEMA, **orders}}


def run(own: Own, code: str, *, used: Any = None, context: Any = None, **more: Any) -> Any:
    """Run a function with this body and return its result; `e` is its entity."""
    body = textwrap.indent(textwrap.dedent(code), "    ")
    function = own(f"e = entity('orders')\ndef handle(job, context):\n{body}", used=used or entities(), **more)
    return call(function, None, **(context or {}))


def test_own_code_writes_properties_that_clients_cannot(own: Own) -> None:
    made, merged, replaced, updated = run(
        own,
        """
        made = e.create({"title": "a", "price": 1})
        merged = e.merge(made.id, {"price": 2, "tags": {"x": 1}}, if_match=made.etag)
        replaced = e.replace(made.id, {"title": "b", "price": 3}, if_match=merged.etag)
        updated = e.update(made.id, lambda draft: draft.update(price=draft["price"] + 1))
        assert e.get(made.id) == updated and e.get(made.id).etag == updated.etag
        return made, merged, replaced, updated
        """,
    )
    assert made == {"title": "a", "price": 1, "done": False}
    assert merged == {"title": "a", "price": 2, "done": False, "tags": {"x": 1}}
    assert replaced == {"title": "b", "price": 3, "done": False}
    assert updated == {"title": "b", "price": 4, "done": False}
    assert [each.version for each in (made, merged, replaced, updated)] == [1, 2, 3, 4]


@pytest.mark.parametrize("hooks", ["", "def before_create(draft, context): pass\ndef before_update(d, c, x): pass\n"])
@pytest.mark.parametrize(
    ("code", "pointer"),
    [
        ("e.create({'title': 'a'})", "/price"),
        ("e.create({'title': 'a' * 9, 'price': 1})", "/title"),
        ("e.create({'title': 'a', 'price': 'x'})", "/price"),
        ("e.create({'title': 'a', 'price': 1, 'new': 1})", "/new"),
        ("e.replace(i, {'title': 'a'})", "/price"),
        ("e.replace(i, {'title': 5, 'price': 1})", "/title"),
        ("e.merge(i, {'price': None})", "/price"),
        ("e.merge(i, {'title': 5})", "/title"),
        ("e.merge(i, {'tags': {'x': 1}, 'price': 'x'})", "/price"),
        ("e.update(i, lambda draft: draft.pop('price'))", "/price"),
        ("e.update(i, lambda draft: draft.update(title=5))", "/title"),
    ],
)
def test_own_code_must_obey_the_schema(own: Own, code: str, pointer: str, hooks: str) -> None:
    used = entities(**({"source": hooks} if hooks else {}))
    with pytest.raises(app.Invalid) as error:
        run(own, f"i = e.create({{'title': 'a', 'price': 1}}).id\n{code}", used=used)
    assert [fault["pointer"] for fault in error.value.faults] == [pointer]


def test_a_schema_of_the_whole_object_validates_the_whole(own: Own) -> None:
    schema = {**SCHEMA, "anyOf": [{"required": ["tags"]}, {"properties": {"done": {"const": False}}}]}
    with pytest.raises(app.Invalid):
        run(
            own,
            "i = e.create({'title': 'a', 'price': 1}).id\ne.merge(i, {'done': True})",
            used=entities(schema=schema),
        )


@pytest.mark.parametrize(
    ("code", "kind", "detail"),
    [
        ("e.get('nope')", app.NotFound, "There is no item with this id."),
        ("e.replace('nope', doc)", app.NotFound, "There is no item with this id."),
        ("e.merge('nope', {'price': 2})", app.NotFound, "There is no item with this id."),
        ("e.merge('nope', {'tags': {'x': 1}})", app.NotFound, "There is no item with this id."),
        ("e.update('nope', lambda draft: None)", app.NotFound, "There is no item with this id."),
        ("e.delete('nope')", app.NotFound, "There is no item with this id."),
        ("e.delete('no#pe')", app.NotFound, "There is no item with this id."),
        ("e.merge(5, {})", app.NotFound, "There is no item with this id."),
        ("e.create(doc, id='a')", app.Taken, "An item with this id already exists."),
        ("e.create(doc, id='no#pe')", app.Invalid, "The item's id is not valid."),
        ("e.replace('a', doc, if_match='\"x-7\"')", app.Changed, "The item has changed."),
        ("e.merge('a', {}, if_match='nonsense')", app.Changed, "The item has changed."),
        ("e.merge('a', {'tags': {'x': 1}}, if_match='\"x-7\"')", app.Changed, "The item has changed."),
        ("e.delete('a', if_match='\"x-7\"')", app.Changed, "The item has changed."),
        ("e.create({**doc, 'title': 'x', 'tags': {'t': 'x' * 410_000}})", app.Invalid, "The item would exceed"),
        ("e.create(doc, key='')", app.Invalid, "The idempotency key is empty or not a text."),
        ("e.create(doc, key=5)", app.Invalid, "The idempotency key is empty or not a text."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("hooks", ["", "def before_delete(c, x): pass\ndef before_update(d, c, x): pass\n"])
def test_outcomes_of_writes(own: Own, code: str, kind: type[Any], detail: str, hooks: str) -> None:
    used = entities(options={"ids": "client"}, **({"source": hooks} if hooks else {}))
    with pytest.raises(kind) as error:
        run(own, f"doc = {{'title': 'a', 'price': 1}}\ne.create(doc, id='a')\n{code}", used=used)
    assert error.value.detail.startswith(detail)


def test_ids_chosen_by_the_server(own: Own) -> None:
    with pytest.raises(app.Invalid, match=r'^"orders" has ids = "server": leave out id'):
        run(own, "e.create({'title': 'a', 'price': 1}, id='a')")


KEYED = """
    first = e.create({"title": "a", "price": 1}, key="k")
    again = e.create({"title": "a", "price": 2}, key="k")
    assert (again.id, again["price"], again.version) == (first.id, 1, 1)
    assert e.create({"title": "a", "price": 1}, key="l").id != first.id
    assert e.create({"title": "a", "price": 1}).id != first.id
    try:
        e.create({"title": "b", "price": 1}, key="k")
    except Taken as error:
        assert error.detail == "This idempotency key was used with a different object before."
        return first.id
"""


def test_an_idempotency_key_is_the_functions_own(own: Own) -> None:
    made = run(own, KEYED, context={"gateway": SIGNED_IN, "caller": "ada"})
    other = {"gateway": {}, "caller": "bob"}
    assert run(own, "return e.create({'title': 'a', 'price': 9}, key='k').id", context=other) == made
    # Hooks do not run again: the result is the item that they made of the first object.
    hooks = "def before_create(draft, context):\n    draft['done'] = True\n"
    code = """
        first = e.create({"title": "h", "price": 1}, key="m")
        return first["done"], e.create({"title": "h", "price": 1}, key="m").id == first.id
    """
    assert run(own, code, used=entities(source=hooks)) == (True, True)


def test_an_idempotency_key_needs_no_read_permission(own: Own, make_api: Make) -> None:
    function = own(
        "def handle(job, context):\n    return entity('orders').create({'n': 1}, key='k').id\n",
        used={"orders": {"operations": ["create"]}},
    )
    calls = make_api().calls
    before = len(calls)
    assert call(function, None) == call(function, None)
    assert calls[before:] == ["PutItem", "PutItem"]


HOOKS = """
def before_create(draft, context):
    print(context.via, context.operation, context.caller and context.caller.id)
    if draft["title"] == "no":
        raise Refuse("No.", status=409, code="no")
    draft["price"] = 7
    context.transaction.create("log", {"made": context.operation})
def before_update(draft, current, context):
    print(context.via, context.operation, sorted(draft.changed))
    draft["price"] = current["price"] + 1
def before_delete(current, context):
    print(context.via, context.operation)
    if current["title"] == "keep":
        raise Refuse("Keep it.")
"""


def test_hooks_of_the_entity_run_for_own_code(own: Own, capsys: pytest.CaptureFixture[str]) -> None:
    used = {**entities(source=HOOKS), "log": {"operations": ["create", "list"]}}
    code = """
        made = e.create({"title": "a"})
        assert made == {"title": "a", "done": False, "price": 7}
        assert e.merge(made.id, {"title": "b"})["price"] == 8
        assert e.replace(made.id, {"title": "c", "price": 1})["price"] == 9
        assert e.update(made.id, lambda draft: draft.update(title="d"))["price"] == 10
        e.delete(made.id)
        return [dict(item) for item in entity("log").list()]
    """
    assert run(own, code, used=used, context={"gateway": SIGNED_IN}) == [{"made": "create"}]
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == [
        f"function:payments create {USER['sub']}",
        "function:payments merge ['title']",
        "function:payments replace ['price', 'title']",
        "function:payments merge ['title']",
        "function:payments delete",
    ]
    assert {line["entity"] for line in lines} == {"orders"}


@pytest.mark.parametrize("write", ["e.create({'title': 'no'})", "e.delete(e.create({'title': 'keep'}).id)"])
def test_a_hook_refuses_own_code_too(own: Own, write: str) -> None:
    used = {**entities(source=HOOKS), "log": {"operations": ["create"]}}
    with pytest.raises(app.Refuse, match=r"^(No|Keep it)\.$"):
        run(own, write, used=used)


@pytest.mark.parametrize("write", ["e.create({'title': 'a', 'price': 1})", "t.create(e, {'title': 'a', 'price': 1})"])
def test_the_error_names_a_hook_that_breaks_the_schema(own: Own, write: str) -> None:
    used = entities(source="def before_create(draft, context):\n    draft['price'] = 'x'\n")
    with pytest.raises(CodeError, match=r"^The hook before_create of orders at app/orders\.py:2 left what is not"):
        run(own, f"with transaction() as t:\n    {write}", used=used)


@pytest.mark.parametrize(
    ("call_", "detail"),
    [
        ("entity('orders').create({})", "A hook cannot create an item by itself."),
        ("entity('orders').delete('a')", "A hook cannot delete an item by itself."),
        ("secret('stripe')", r"A hook cannot call secret\(\)"),
        ("setting('CURRENCY')", r"A hook cannot call setting\(\)"),
        ("send('deliver', 1)", r"A hook cannot call send\(\)"),
        ("transaction()", "A hook cannot open a transaction."),
    ],
)
def test_hooks_in_a_function_have_only_their_own_permissions(own: Own, call_: str, detail: str) -> None:
    granted: dict[str, Any] = {"secrets": {"stripe": ARN}, "settings": ["CURRENCY"], "sends": {"deliver": QUEUE}}
    used = entities(source=f"def before_create(draft, context):\n    {call_}\n")
    with pytest.raises(CodeError, match=r"^The hook before_create of orders failed") as error:
        run(own, "e.create({'title': 'a', 'price': 1})", used=used, **granted)
    assert isinstance(error.value.__cause__, NotHereError)
    assert re.search(detail, str(error.value.__cause__))


def test_update_runs_again_after_a_lost_race(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trestle.own.flows.time.sleep", lambda _: None)
    code = """
        i = e.create({"title": "a", "price": 1}).id
        runs = []
        def change(draft):
            runs.append((draft["price"], draft.id == i, sorted(draft.changed)))
            if len(runs) < LOSES:
                e.merge(i, {"price": draft["price"] + 10})
            draft["price"] += 1
        try:
            return runs, e.update(i, change)["price"]
        except Changed as error:
            return runs, error.detail
    """
    assert run(own, code.replace("LOSES", "3")) == ([(1, True, []), (11, True, []), (21, True, [])], 22)
    runs, detail = run(own, code.replace("LOSES", "9"))
    assert [price for price, _, _ in runs] == [1, 11, 21, 31]
    assert detail == "Other requests keep changing the item. Try again."


def test_update_requires_read_and_write_permissions(own: Own) -> None:
    for operations, lacks in ((["merge"], "get"), (["get"], "merge")):
        used = {"orders": {"operations": operations}}
        error = cause(own("def handle(j, c):\n    entity('orders').update('a', print)\n", used=used), None)
        assert str(error).startswith(f'payments may not {lacks} "orders"')
    used = {"orders": {"operations": ["get", "replace", "create"]}}
    assert run(own, "return e.update(e.create({'n': 1}).id, lambda draft: draft.update(n=2))", used=used) == {"n": 2}


def test_records_name_the_function_that_wrote_them(own: Own) -> None:
    code = """
        a, b = e.create({"title": "a", "price": 1}).id, e.create({"title": "b", "price": 1}).id
        e.merge(b, {"price": 2})
        with transaction() as t:
            c = t.create(e, {"title": "c", "price": 1})
            t.merge(e, a, {"price": 3})
        return a, b, c
    """
    client = boto3_client.shared_client()
    for item_id in run(own, code):
        record = client.get_item(TableName="test-orders", Key={"id": {"S": item_id}})["Item"]
        writer, _, token = record["write"]["S"].partition("/")
        assert (writer, len(token)) == ("function:payments", 24)


# --- Owners

ANY = {"owners": "any"}
OWNERS = {"options": {"owner": "sub"}}
SEEDED = f"""
    for owner in ("{OTHER}", "{USER["sub"]}"):
        for n in range(3):
            e.of(owner).create({{"title": owner[:2], "price": n}})
"""


def owned(own: Own, code: str, **more: Any) -> Any:
    return run(own, textwrap.dedent(SEEDED) + textwrap.dedent(code), used=entities(**OWNERS), **{**ANY, **more})


def test_functions_for_any_owner(own: Own) -> None:
    code = f"""
        mine, other = e.of("{USER["sub"]}"), e.of("{OTHER}")
        (first, *_), (theirs, *_) = list(mine.list()), list(other.list())
        assert first.owner == "{USER["sub"]}" and theirs.owner == "{OTHER}"
        assert mine.find(theirs.id) is None and other.find(first.id) is None
        for write in (lambda: mine.merge(theirs.id, {{}}), lambda: mine.delete(theirs.id)):
            try:
                write()
            except NotFound:
                continue
            raise AssertionError
        one, two = (of.create({{"title": "k", "price": 1}}, key="k") for of in (mine, other))
        assert one.owner != two.owner
        other.delete(two.id)
        assert mine.get(one.id)["title"] == "k"
        return sorted((item.owner, item["price"]) for item in e.everyone.list())
    """
    expected = sorted([(OTHER, n) for n in range(3)] + [(USER["sub"], n) for n in (0, 1, 1, 2)])
    assert owned(own, code) == expected


def test_all_owners_items_are_listed_page_by_page(own: Own) -> None:
    code = """
        found, cursor = [], None
        while True:
            page = e.everyone.page(limit=4, cursor=cursor)
            found += [(item.owner, item.id) for item in page.items]
            cursor = page.next
            if cursor is None:
                assert len(set(found)) == len(found) == 6
                return found
    """
    assert len(owned(own, code)) == 6


FILTERS = {"title": {"sort": "price"}, "done": {}}


def test_all_owners_items_can_be_filtered(own: Own) -> None:
    used = entities(options={"owner": "sub", "filters": FILTERS})
    code = textwrap.dedent(SEEDED) + textwrap.dedent(f"""
        def prices(**where):
            where = {{name.replace("__", "."): value for name, value in where.items()}}
            whole = sorted(item["price"] for item in e.everyone.list(where))
            paged, cursor = [], None
            while True:
                page = e.everyone.page(where, limit=2, cursor=cursor)
                paged += [item["price"] for item in page.items]
                cursor = page.next
                if cursor is None:
                    assert sorted(paged) == whole
                    return whole
        return prices(title="{OTHER[:2]}", price__gte=1), prices(done=False), prices(done=True), prices(
            done=False, createdAt__prefix="2"), prices(title="x")
    """)
    assert run(own, code, used=used, **ANY) == ([1, 2], [0, 0, 1, 1, 2, 2], [], [0, 0, 1, 1, 2, 2], [])


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("e.everyone.page(order='desc')", 'The items of "orders" have no order. Leave out order.'),
        ("list(e.everyone.list(order='up'))", 'order is "up". Use "asc" or "desc".'),
        ("e.everyone.page(cursor='x')", "The cursor is not valid: Is not a cursor of this list."),
        ("e.everyone.page(cursor=e.of(O).page(limit=1).next)", "The cursor is not valid: Belongs to another list"),
        ("e.of(O).page(cursor=e.everyone.page(limit=1).next)", "The cursor is not valid: Belongs to another list"),
        ("e.of(O).page(cursor=e.of(M).page(limit=1).next)", "The cursor is not valid: Belongs to another list"),
        ("e.of('x' * 257)", "The owner is not valid. Use a text of 1 to 256 bytes."),
        ("e.of('')", "The owner is not valid. Use a text of 1 to 256 bytes."),
        ("e.of('\\ud800')", "The owner is not valid. Use a text of 1 to 256 bytes."),
        ("e.of(None)", "The owner is not valid. Use a text of 1 to 256 bytes."),
    ],
)
def test_calls_that_reach_no_owner(own: Own, code: str, detail: str) -> None:
    with pytest.raises(app.Invalid) as error:
        owned(own, f"O, M = '{OTHER}', '{USER['sub']}'\n{code}")
    assert error.value.detail.startswith(detail)


def test_a_transaction_acts_for_the_owner_of_its_entities(own: Own) -> None:
    code = f"""
        mine, other = e.of("{USER["sub"]}"), e.of("{OTHER}")
        (first, *_), (theirs, second, *_) = list(mine.list()), list(other.list())
        with transaction() as t:
            t.merge(other, theirs.id, {{"price": 8}}, if_match=theirs.etag)
            t.check(mine, first.id)
            t.delete(other, second.id)
            made = t.create(other, {{"title": "new", "price": 9}})
        assert other.get(made)["price"] == 9 and mine.find(made) is None and other.find(second.id) is None
        for entity, error in ((mine, NotFound), (e.everyone, PermissionError)):
            try:
                with transaction() as t:
                    t.merge(entity, theirs.id, {{"price": 1}})
            except error:
                continue
            raise AssertionError(entity)
        return other.get(theirs.id)["price"]
    """
    assert owned(own, code) == 8


def test_a_forged_cursor_reaches_no_other_owner(own: Own) -> None:
    code = """
        import base64, json
        page = e.everyone.page(limit=1)
        seal, *_ = json.loads(base64.urlsafe_b64decode(page.next + "=="))
        def forged(*position):
            return base64.urlsafe_b64encode(json.dumps([seal, *position]).encode()).decode().rstrip("=")
        for position in (("a",), ("a", "b" * 257), ("a#b", "c"), ("a", ""), ("a", "b", "c"), ("a", 5)):
            try:
                e.everyone.page(cursor=forged(*position))
            except Invalid:
                continue
            raise AssertionError(position)
    """
    owned(own, code)


def tenant_of(owner: object, subject: str = "ada") -> Any:
    """Return the requestContext of a caller with a tenant."""
    return {"authorizer": {"claims": {**USER, "sub": subject, "tenant": owner}}}


def test_a_tenants_user_reaches_only_the_tenants_items(own: Own) -> None:
    used = entities(options={"owner": "claim:tenant", "ids": "client", "filters": FILTERS})
    seed = own(
        "def handle(job, context):\n"
        "    for owner, id in (('acme', 'a'), ('zinc', 'z'), ('ada', 'u')):\n"
        "        entity('orders').of(owner).create({'title': 't', 'price': 1}, id=id)\n",
        used=used, **ANY,
    )  # fmt: skip
    call(seed, None)
    code = """
        def handle(reach, context):
            e = entity("orders")
            return reach(e, context)
    """
    function = own(textwrap.dedent(code), used=used, kind="routes")

    def logged_owners(owner: object, reach: Any) -> Any:
        return call(function, reach, gateway=tenant_of(owner))

    assert logged_owners("acme", lambda e, c: [*(item.owner for item in e.list()), c.caller.owner]) == ["acme"] * 2
    assert logged_owners("acme", lambda e, _: [item.id for item in e.list({"title": "t"})]) == ["a"]
    assert logged_owners("acme", lambda e, _: [e.find(each) is None for each in ("a", "z", "u")]) == [False, True, True]
    foreign = logged_owners(
        "zinc", lambda e, _: (e.create({"title": "t", "price": 1}, id="y"), e.page(limit=1).next)[1]
    )
    with pytest.raises(app.Invalid, match="Belongs to another list"):
        logged_owners("acme", lambda e, _: e.page(limit=1, cursor=foreign))
    for other in ("zinc", "ada"):
        error = cause(function, lambda e, _, of=other: e.of(of).find("z"), gateway=tenant_of("acme"))
        assert isinstance(error, PermissionError)
    error = cause(function, lambda e, _: list(e.everyone.list()), gateway=tenant_of("acme"))
    assert isinstance(error, PermissionError)
    for missing in (None, "", 5, ["acme"]):
        with pytest.raises(app.Refuse) as refusal:
            logged_owners(missing, lambda e, _: e.find("a"))
        assert (refusal.value.status, refusal.value.code) == (403, "forbidden")


@pytest.mark.parametrize(
    ("owners", "seen"), [(["claim:tenant"], "acme"), (["sub", "claim:tenant"], "ada"), ([""], "ada"), ([], "ada")]
)
def test_log_lines_name_the_caller_as_the_used_entities_owner(own: Own, owners: list[str], seen: str) -> None:
    used = {f"orders{n}": {"operations": ["get"], "options": {"owner": owner}} for n, owner in enumerate(owners)}
    function = own("def handle(job, context):\n    return context.caller.owner\n", used=used, kind="routes")
    assert call(function, None, gateway=tenant_of("acme")) == seen


def test_owners_are_the_callers_by_default(own: Own) -> None:
    function = own(
        f"def handle(job, context):\n    return entity('orders').of(job).find('a'), '{OTHER}'\n",
        used=entities(**OWNERS), kind="routes",
    )  # fmt: skip
    assert call(function, USER["sub"], gateway=SIGNED_IN) == (None, OTHER)
    refusal = 'payments may not reach the items of other owners. This needs owners = "any" in functions.payments.'
    assert str(cause(function, OTHER, gateway=SIGNED_IN)) == refusal
    assert str(cause(function, OTHER)) == refusal
    everyone = own("def handle(j, c):\n    return entity('orders').everyone.page()\n", used=entities(**OWNERS))
    assert str(cause(everyone, None, gateway=SIGNED_IN)) == refusal


def test_everyone_supports_only_lists(own: Own) -> None:
    for write in ("get('a')", "delete('a')", "create({})", "merge('a', {})", "update('a', print)"):
        function = own(f"def handle(j, c):\n    entity('orders').everyone.{write}\n", used=entities(**OWNERS), **ANY)
        error = cause(function, None)
        assert isinstance(error, PermissionError)
        assert str(error).endswith('"orders" of everyone. Say whose item it is: of(owner).')


def test_an_entity_without_owners(own: Own) -> None:
    assert run(own, "e.create({'title': 'a', 'price': 1})\nreturn len(e.everyone.page().items)", **ANY) == 1
    function = own("def handle(j, c):\n    entity('orders').of('ada').get('a')\n", used=entities(), **ANY)
    assert str(cause(function, None)) == 'The items of "orders" have no owners. Leave out of().'


def test_hooks_act_for_the_owner_of_the_item(own: Own) -> None:
    hooks = f"""
def before_create(draft, context):
    draft["title"] = str(len(entity("carts").page().items))
    entity("carts").of(draft.owner).page()
    try:
        entity("carts").of("{USER["sub"]}").page()
    except PermissionError as error:
        draft["tags"] = {{"error": str(error)}}
"""
    used = {**entities(**OWNERS, source=hooks), "carts": {"operations": ["create", "list"], **OWNERS}}
    code = f"""
        entity("carts").of("{OTHER}").create({{}})
        return e.of("{OTHER}").create({{"title": "x", "price": 1}})
    """
    made = run(own, code, used=used, context={"gateway": SIGNED_IN}, **ANY)
    assert made["title"] == "1"
    assert made["tags"] == {"error": "before_create of orders may not reach the items of other owners."}


# --- Transactions

TRANSACTED = """
    a = e.create({"title": "a", "price": 1}, id="a")
    b = e.create({"title": "b", "price": 1}, id="b")
    def titles():
        return {item.id: item["title"] for item in e.list()}
"""


def run_transaction(own: Own, code: str, **more: Any) -> Any:
    used = entities(options={"ids": "client"}, **more)
    return run(own, textwrap.dedent(TRANSACTED) + textwrap.dedent(code), used=used)


def test_a_transaction_is_committed_at_the_end_of_its_block(own: Own) -> None:
    code = """
        with transaction() as t:
            assert t.create("orders", {"title": "c", "price": 1}, id="c") == "c"
            t.merge(e, "a", {"title": "A"}, if_match=a.etag)
            t.merge(e, "b", {"tags": {"x": 1}})
            assert titles() == {"a": "a", "b": "b"}
        with transaction() as t:
            pass
        with transaction() as t:
            t.check(e, "a")
            t.delete(e, "c")
        return titles(), e.get("b")["tags"]
    """
    assert run_transaction(own, code) == ({"a": "A", "b": "b"}, {"x": 1})


def test_a_block_that_raises_writes_nothing(own: Own) -> None:
    code = """
        try:
            with transaction() as t:
                t.delete(e, "a")
                raise KeyError
        except KeyError:
            return titles()
    """
    assert run_transaction(own, code) == {"a": "a", "b": "b"}


@pytest.mark.parametrize("hooks", ["", "def before_delete(c, x): pass\ndef before_update(d, c, x): pass\n"])
@pytest.mark.parametrize(
    ("write", "kind"),
    [
        ("create(e, {'title': 'c', 'price': 1}, id='a'", app.Taken),
        ("merge(e, 'nope', {'price': 1}", app.NotFound),
        ("merge(e, 'a', {'price': 1}, if_match=b.etag", app.Changed),
        ("delete(e, 'nope'", app.NotFound),
        ("delete(e, 'a', if_match=b.etag", app.Changed),
        ("check(e, 'nope'", app.Changed),
        ("check(e, 'a', if_match=b.etag", app.Changed),
        ("check(e, 'no#pe'", app.NotFound),
    ],
)
def test_a_failed_write_in_a_transaction(own: Own, write: str, kind: type[Exception], hooks: str) -> None:
    more = {"source": hooks} if hooks else {}
    with pytest.raises(kind):
        run_transaction(own, f"with transaction() as t:\n    t.merge(e, 'b', {{'price': 2}})\n    t.{write})\n", **more)
    refused = f"with transaction() as t:\n    t.{write}, otherwise=Refuse('Sold.', status=409))\n"
    refused = refused.replace("id='a'", "id='b'").replace("'a'", "'b'").replace("b.etag", "a.etag")
    with pytest.raises(app.Refuse, match=r"^Sold\.$"):
        run(own, "a, b = e.get('a'), e.get('b')\n" + refused, used=entities(options={"ids": "client"}, **more))


def test_a_transaction_whose_item_changed_meanwhile(own: Own) -> None:
    code = """
        with transaction() as t:
            t.merge(e, "a", {"tags": {"x": 1}}, otherwise=Refuse("Never."))
            e.merge("a", {"price": 5})
    """
    with pytest.raises(app.Changed, match=r"^The item has changed\.$"):
        run_transaction(own, code)


def test_unsupported_calls_in_a_transaction(own: Own) -> None:
    code = """
        found = []
        with transaction() as t:
            for n in range(101):
                try:
                    t.create(e, {"title": "x", "price": n}, id=f"x{n}")
                except ValueError as error:
                    found.append(str(error))
        late = transaction()
        for use in (t, late):
            try:
                use.delete(e, "a")
            except RuntimeError as error:
                found.append(str(error))
        return found, len(titles())
    """
    closed = "The transaction is not open. Write `with transaction() as t:`, and use t in its block."
    assert run_transaction(own, code) == (["A transaction takes at most 100 writes.", closed, closed], 102)


def test_a_transaction_is_committed_once(own: Own) -> None:
    code = """
        once = transaction()
        with once:
            once.create(e, {"title": "x", "price": 1}, id="x")
            try:
                with once:
                    pass
            except RuntimeError as nested:
                found = [str(nested)]
        try:
            with once:
                pass
        except RuntimeError as again:
            found.append(str(again))
        return found, "x" in titles()
    """
    used = "The transaction was opened before. Call transaction() for a new one."
    assert run_transaction(own, code)[0] == [used, used]


@pytest.mark.parametrize(
    "code",
    [
        "replace('a', doc, if_match=5)",
        "merge('a', {}, if_match=5)",
        "delete('a', if_match=5)",
    ],
)
def test_an_etag_that_is_not_a_string(own: Own, code: str) -> None:
    error = cause(own(f"def handle(job, context):\n    doc = {{}}\n    entity('orders').{code}", used=entities()), None)
    assert str(error) == "if_match is a int. Use the etag of an item, or None."


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("create({}, id='s3cr3t')", '"orders" has ids = "server": leave out id, or set ids = "client".'),
        ("create({}, key=5)", "The idempotency key is empty or not a text. Use a text of at least 1 character."),
        ("page(limit=1234567)", "limit is not valid. Use a whole number, 1 to 100."),
        ("page(cursor='s3cr3t')", "The cursor does not belong to this list."),
        ("page(order='s3cr3t')", 'order is not valid. Use "asc" or "desc".'),
        ("page({'s3cr3t': 1})", '"orders" has no such filter. Declared: none.'),
        ("of('s3cr3t' * 99)", "The owner is not valid. Use a text of 1 to 256 bytes."),
    ],
)
def test_the_log_says_which_argument_is_not_valid_and_quotes_no_value(own: Own, code: str, reason: str) -> None:
    with pytest.raises(app.Invalid) as raised:
        run(own, f"e.{code}")
    assert [str(each) for each in error_chain(raised.value)] == ["Invalid", f"ArgumentError: {reason}"]


def test_a_transaction_at_import_is_not_committed(own: Own) -> None:
    with pytest.raises(CodeError, match="NotHereError"):
        own("with transaction() as t:\n    t.delete('orders', 'a')\n", used=entities())


CONFLICT = fails(
    "TransactionCanceledException", CancellationReasons=[{"Code": "None"}, {"Code": "TransactionConflict"}]
)
TWO = "with transaction() as t:\n    t.delete(e, 'a')\n    t.delete(e, 'b')\nreturn titles()\n"


def test_a_conflict_with_another_transaction_is_retried(
    own: Own, make_api: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trestle.own.flows.time.sleep", lambda _: None)
    api = make_api()
    with api.fault("TransactWriteItems", CONFLICT, CONFLICT, CONFLICT):
        assert run_transaction(own, TWO) == {}
    with api.fault("TransactWriteItems", *[CONFLICT] * 4), pytest.raises(app.Changed, match=r"^Other requests keep"):
        run_transaction(own, TWO)


def test_a_transaction_that_is_throttled(own: Own, make_api: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trestle.store.transaction.time.sleep", lambda _: None)
    throttled = fails("TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}] * 2)
    api = make_api()
    with api.fault("TransactWriteItems", throttled, throttled):
        assert run_transaction(own, TWO) == {}
    with api.fault("TransactWriteItems", *[throttled] * 3), pytest.raises(app.Unavailable):
        run_transaction(own, TWO)


# --- Filters


@pytest.mark.parametrize(
    ("where", "detail"),
    [
        ({"title": "x" * 3000}, "title: the text has over 1024 bytes, which no filter finds."),
        ({"title": "é" * 600}, "title: the text has over 1024 bytes, which no filter finds."),
        ({"title": "\ud800"}, "title contains a lone surrogate."),
        ({"title": {1}}, "title is a set, which JSON lacks."),
        ({"title": None}, "title: filters take texts, numbers and booleans, not a NoneType."),
        ({"title": "a", "price.gt": "1"}, "price.gt: use a number."),
        ({"title": "a", "price.gt": True}, "price.gt: use a number."),
        ({"done": True, "createdAt.gt": 5}, "createdAt.gt: use a text of 1 character or more."),
        ({"done": True, "createdAt.gt": ""}, "createdAt.gt: use a text of 1 character or more."),
        (
            {"done": True, "createdAt.gt": "soon"},
            'createdAt.gt: use a date or a time, such as "2026-01-31" or "2026-01-31T12:00:00Z".',
        ),
        ({"price.gt": 1}, "The query is not valid."),
        ({"nope": 1}, '"orders" has no filter "nope".'),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_filters_that_find_nothing(own: Own, where: Any, detail: str) -> None:
    used = entities(options={"filters": FILTERS})
    function = own("def handle(where, context):\n    list(entity('orders').list(where))\n", used=used)
    with pytest.raises(app.Invalid) as error:
        call(function, where)
    assert error.value.detail.startswith(detail)


@pytest.mark.parametrize("limit", [0, 101, True, 5.0, "5", None])
def test_a_limit_must_be_a_whole_number(own: Own, limit: Any) -> None:
    function = own("def handle(limit, context):\n    entity('orders').page(limit=limit)\n", used=entities())
    with pytest.raises(app.Invalid, match=r"Use a whole number, 1 to 100\."):
        call(function, limit)


def test_a_cursor_that_is_not_a_string(own: Own) -> None:
    function = own("def handle(cursor, context):\n    entity('orders').page(cursor=cursor)\n", used=entities())
    with pytest.raises(app.Invalid, match=r"The cursor is a int\. Use `next` of the page before\."):
        call(function, 5)


def test_a_refusal_cannot_be_changed() -> None:
    refuse = app.Refuse("No.", status=409)
    for name, value in {"status": 200, "code": "x", "detail": "", "faults": [], "retry_after": 1}.items():
        with pytest.raises(AttributeError, match=f"Refuse: {name} cannot be changed. Create another Refuse."):
            setattr(refuse, name, value)
    refuse.__cause__ = ValueError()


CONFLICT_ALONE = fails("TransactionConflictException")


def test_a_create_that_loses_every_race(own: Own, make_api: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    api = make_api()
    with api.fault("PutItem", *[CONFLICT_ALONE] * 12), pytest.raises(app.Changed, match=r"^Other requests keep"):
        run(own, "e.create({'title': 'a', 'price': 1})")


@pytest.mark.parametrize("code", ["list(e.everyone.list())", "e.everyone.page()"])
def test_a_table_that_does_not_respond(own: Own, make_api: Make, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    api = make_api()
    function = own(f"def handle(j, c):\n    e = entity('orders')\n    {code}\n", used=entities(**OWNERS), **ANY)
    with api.fault("Scan", *[fails("InternalServerError", 500)] * 3), pytest.raises(app.Unavailable):
        call(function, None)


def test_all_owners_items_are_read_to_the_end_without_expired_ones(own: Own) -> None:
    """moto's pages end at 1 MB, like DynamoDB's."""
    used = entities(options={"owner": "sub", "ttl": "ends"}, schema={"type": "object"})
    code = """
        for n in range(12):
            e.of(f"user-{n}").create({"text": "x" * 150_000, "ends": 1 if n % 4 == 0 else 9_999_999_999})
        whole = sorted(item.owner for item in e.everyone.list())
        found, cursor = [], None
        while True:
            page = e.everyone.page(limit=100, cursor=cursor)
            found += [item.owner for item in page.items]
            cursor = page.next
            if cursor is None:
                return whole, sorted(found)
    """
    left = sorted(f"user-{n}" for n in range(12) if n % 4)
    assert run(own, code, used=used, **ANY) == (left, left)


def test_a_cursor_that_the_table_refuses(own: Own, make_api: Make) -> None:
    api = make_api()
    code = """
        page = e.everyone.page(limit=1)
        return page.next
    """
    cursor = owned(own, code)
    function = own(
        "def handle(cursor, c):\n    entity('orders').everyone.page(cursor=cursor)\n", used=entities(**OWNERS), **ANY
    )
    with api.fault("Scan", fails("ValidationException")), pytest.raises(app.Invalid, match="Is not a cursor"):
        call(function, cursor)


def test_no_log_line_has_a_secrets_value(
    own: Own, aws_calls: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """In each way to fail with it: own code's message, a refused call, Trestle's own message."""
    aws_calls["answer"] = {"SecretString": VALUE * 3}
    source = """
        def handle(job, context):
            value = secret("stripe")
            if job == "raise":
                raise ValueError(value)
            if job == "chain":
                try:
                    int(value)
                except ValueError as error:
                    raise KeyError(value) from error
            if job == "entity":
                entity(value).get(value)
            if job == "send":
                send(value, value)
            if job == "filter":
                entity("orders").page({"title": value})
            if job == "write":
                entity("orders").create({"title": value, value: value, "price": Decimal("NaN")})
            if job == "exit":
                raise SystemExit(value)
    """
    granted: dict[str, Any] = {"secrets": {"stripe": ARN}}
    function = own(f"from decimal import Decimal\n{textwrap.dedent(source)}", used=entities(), **granted)
    for job in ("none", "raise", "chain", "entity", "send", "filter", "write", "exit"):
        try:
            call(function, job)
        except (CodeError, app.Invalid, app.NotFound) as error:
            Log(20, "").write({"requestId": "r-1", "status": 500}, error)
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.err.splitlines() + printed.out.splitlines()]
    assert len(lines) == 7
    assert VALUE not in printed.err + printed.out
    assert VALUE not in repr(function) + repr(app._runtime)


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("entity(job).get('a')", "payments may not get an entity of this name, which no entity can have."),
        ("secret(job)", "The name is none of functions.payments.secrets."),
        ("setting(job)", "The name is none of functions.payments.settings."),
        ("send(job, 1)", "The name is none of functions.payments.sends."),
    ],
)
@pytest.mark.parametrize("job", ["ada@example.com", "x" * 65, "", 5, None])
def test_invalid_names_are_not_repeated_in_messages(own: Own, code: str, detail: str, job: Any) -> None:
    assert str(cause(own(f"def handle(job, c):\n    {code}\n", used=entities()), job)) == detail
