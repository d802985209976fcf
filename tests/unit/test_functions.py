"""Functions of app/: how they are called, what they can reach, and what they raise for those who run them."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import ENVIRONMENT, Make
from trestle import app, errors
from trestle.context import Context
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

Own = Callable[..., Function]


@pytest.fixture
def own(make_api: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Own]:
    """Makes the function "payments" of this source, whose function `handle` is called.

    used: {"orders": {"operations": [...], "options": ..., "schema": ..., "source": hooks}}. The other arguments are
    members of its configuration.
    """

    def make(source: str, *, used: Any = None, kind: str = "job", environment: Any = None, **config: Any) -> Function:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder / "app").mkdir(parents=True)
        (folder / "schemas").mkdir()
        code = {"payments": source}
        entities = {}
        for name, each in (used or {}).items():
            options = dict(each.get("options", {}))
            if "schema" in each:
                (folder / "schemas" / f"{name}.json").write_text(json.dumps(each["schema"]))
                options["schema"] = name
            entities[name] = {"table": f"test-{name}", "options": options, "operations": each["operations"]}
            if "source" in each:
                code[name] = each["source"]
                entities[name]["hooks"] = name
            make_api(options={**each.get("options", {})}, functions=["get"], TABLE_NAME=f"test-{name}", ENTITY=name)
        for name, text in code.items():
            (folder / "app" / f"{name}.py").write_text(f"from trestle.app import *\n{textwrap.dedent(text)}")
        for name in [name for name in sys.modules if name.partition(".")[0] == "app"]:
            del sys.modules[name]
        monkeypatch.syspath_prepend(str(folder))
        variables = {
            **ENVIRONMENT,
            "LAMBDA_TASK_ROOT": str(folder),
            "FUNCTION": json.dumps({"name": "payments", "kind": kind, "code": "payments", **config}),
            **(environment or {}),
        }
        if entities:
            variables["ENTITIES"] = json.dumps(entities)
        return Function.from_environment(variables)

    yield make
    app._register(None)


def call(function: Function, *arguments: Any, **context: Any) -> Any:
    return function.call("handle", Context(request_id="r-1", **context), *arguments)


def cause(function: Function, *arguments: Any, **context: Any) -> Exception:
    """What a function raises that fails: the error behind its CodeError."""
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


def test_a_function_has_no_item_that_others_could_join(own: Own) -> None:
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
def test_outcomes_leave_a_function_as_they_are(own: Own, raised: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        call(own(f"def handle(job, context):\n    raise {raised}\n"), None)


@pytest.mark.parametrize("raised", ["ValueError('a secret')", "SystemExit('a secret')", "KeyboardInterrupt"])
def test_anything_else_is_a_fault_that_names_its_place(own: Own, raised: str) -> None:
    function = own(f"def handle(job, context):\n    raise {raised}\n")
    with pytest.raises(CodeError, match=r"^The function payments failed at app/payments.py:3 with \w+\.$") as error:
        call(function, None)
    assert "a secret" not in str(error.value)


def test_a_function_that_the_module_lacks(own: Own) -> None:
    function = own("handle = 5")
    with pytest.raises(CodeError, match=r"^app/payments.py defines no function handle\.$"):
        call(function, None)


def test_a_module_that_cannot_be_imported(own: Own) -> None:
    with pytest.raises(CodeError, match=r"^The import of app/payments.py failed at app/payments.py:2 with NameError"):
        own("missing")


def test_output_names_the_function_and_its_call(own: Own, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_levels_are_those_of_generated_functions() -> None:
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
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What AWS's other services were asked; "answer" is what they say."""
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
    own: Own, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    function = own(READ, secrets={"stripe": ARN})
    clock = [1000.0]
    monkeypatch.setattr("trestle.own.function.time.monotonic", lambda: clock[0])
    for passed, value in ((0, VALUE), (299, VALUE), (2, NEW)):
        clock[0] += passed
        assert call(function, "stripe") == value
        asked["answer"] = {"SecretString": NEW}
    assert asked["calls"] == [("secretsmanager", "GetSecretValue", {"SecretId": ARN}, "eu-west-1")] * 2


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ({"SecretBinary": BYTES}, "The secret holds binary data. Store it as text, as SecretString."),
        (
            services.RefusedError.__new__(services.RefusedError, None, "", ""),
            "Secrets Manager refused GetSecretValue with AccessDeniedException.",
        ),
    ],
)
def test_a_secret_that_cannot_be_read(own: Own, asked: dict[str, Any], answer: Any, detail: str) -> None:
    if isinstance(answer, Exception):
        answer.args = (detail,)
    asked["answer"] = answer
    error = cause(own(READ, secrets={"stripe": ARN}), "stripe")
    assert str(error) == (f'The secret "stripe" of payments cannot be read. {detail} Check functions.payments.secrets.')


def test_secrets_that_no_one_can_read_now(own: Own, asked: dict[str, Any]) -> None:
    asked["answer"] = errors.Unavailable("Secrets Manager cannot answer now. Try again in a moment.")
    with pytest.raises(app.Unavailable, match="Secrets Manager"):
        call(own(READ, secrets={"stripe": ARN}), "stripe")


def test_a_secret_that_the_tfvars_do_not_name(own: Own, asked: dict[str, Any]) -> None:
    error = cause(own(READ), "stripe")
    assert isinstance(error, PermissionError)
    assert str(error) == 'payments has no secret "stripe". Write stripe = "<ARN>" in functions.payments.secrets.'
    with pytest.raises(CodeError, match="NotHereError"):
        own("secret('stripe')", secrets={"stripe": ARN})
    assert asked["calls"] == []


SEND = "def handle(job, context):\n    send('deliver', job['body'], delay=job.get('delay', 0))\n"
QUEUE = "https://sqs.us-west-2.amazonaws.com/123456789012/shop-deliver-prod"


def test_a_job_is_sent(own: Own, asked: dict[str, Any]) -> None:
    function = own(SEND, sends={"deliver": QUEUE})
    call(function, {"body": {"n": Decimal("1.50"), "big": 10**20, "t": "é"}, "delay": 900})
    call(function, {"body": None})
    (service, action, first, _), (_, _, second, _) = asked["calls"]
    assert (service, action, first["QueueUrl"], first["DelaySeconds"]) == ("sqs", "SendMessage", QUEUE, 900)
    message = json.loads(first["MessageBody"], parse_float=Decimal)
    assert list(message) == ["id", "at", "body", "turn"]
    assert (message["body"], message["turn"]) == ({"n": Decimal("1.5"), "big": 10**20, "t": "é"}, 0)
    assert "DelaySeconds" not in second
    assert json.loads(second["MessageBody"])["body"] is None


@pytest.mark.parametrize(
    ("job", "kind", "detail"),
    [
        ({"body": 1.5}, TypeError, "The body is a float. Numbers are int or Decimal."),
        ({"body": {"a": [1.5]}}, TypeError, "/a/0 is a float. Numbers of items are int or Decimal."),
        ({"body": {"a": {1, 2}}}, TypeError, "/a is a set, which JSON does not have."),
        ({"body": Decimal("NaN")}, ValueError, " is NaN, which JSON does not have."),
        ({"body": 1, "delay": 901}, ValueError, "delay is 901. Use whole seconds, 0 to 900."),
        ({"body": 1, "delay": -1}, ValueError, "delay is -1. Use whole seconds, 0 to 900."),
        ({"body": 1, "delay": True}, ValueError, "delay is True. Use whole seconds, 0 to 900."),
        (
            {"body": "é" * (MAX_MESSAGE_BYTES // 2)},
            ValueError,
            "The body is over the 256 KiB that a queue takes. Store it, and send its id.",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_job_that_cannot_be_sent(
    own: Own, asked: dict[str, Any], job: Any, kind: type[Exception], detail: str
) -> None:
    error = cause(own(SEND, sends={"deliver": QUEUE}), job)
    assert isinstance(error, kind)
    assert str(error) == detail
    assert asked["calls"] == []


def test_the_largest_job_fits(own: Own, asked: dict[str, Any]) -> None:
    room = MAX_MESSAGE_BYTES - len(job_message(""))
    call(own(SEND, sends={"deliver": QUEUE}), {"body": "x" * room})
    assert len(asked["calls"][0][2]["MessageBody"]) == MAX_MESSAGE_BYTES


def test_a_queue_that_the_tfvars_do_not_name(own: Own) -> None:
    error = cause(own(SEND), {"body": 1})
    assert isinstance(error, PermissionError)
    assert str(error) == 'payments may not send to "deliver". Add "deliver" to functions.payments.sends.'


def test_a_queue_that_refuses_and_one_that_does_not_answer(own: Own, asked: dict[str, Any]) -> None:
    function = own(SEND, sends={"deliver": QUEUE})
    asked["answer"] = services.RefusedError.__new__(services.RefusedError, None, "", "")
    asked["answer"].args = ("SQS refused SendMessage with QueueDoesNotExist.",)
    assert str(cause(function, {"body": 1})) == (
        'payments cannot send to "deliver". SQS refused SendMessage with QueueDoesNotExist. '
        "Check functions.payments.sends."
    )
    asked["answer"] = errors.Unavailable("SQS cannot answer now. Try again in a moment.")
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
OWNED = {"orders": {"operations": ["get"], "options": {"owner_scoped": True}}}


def test_an_operation_that_uses_lacks(own: Own) -> None:
    lacks = 'payments may not get "orders". Write orders = ["get"] in functions.payments.uses.'
    assert str(cause(own(GET), None)) == lacks
    assert str(cause(own(GET, used={"orders": {"operations": ["list"]}}), None)) == lacks
    # What only the hooks of its entities may do, the function may not.
    assert str(cause(own(GET, used=ORDERS, uses={"rooms": ["get"]}), None)) == lacks
    with pytest.raises(app.NotFound):
        call(own(GET, used=ORDERS, uses={"orders": ["get"]}), None)


def test_items_of_the_caller_and_of_nobody(own: Own) -> None:
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
