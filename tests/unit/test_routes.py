"""Test routes of own code on the real handler: the request that own code gets, and the response that callers get."""

from __future__ import annotations

import base64
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api import Answer, check_problem
from tests.unit.conftest import ENVIRONMENT, Make
from tools.terraform import ROOT
from tools.testing.events import event
from tools.testing.functions import Handler, LambdaContext, load_handler
from trestle.app import FloatError, Response
from trestle.functions.answers import AnswerError, Answers
from trestle.own.values import UnkeepableError, ValueTypeError

USER = {"sub": "3f0c2f4e-9b1d-4a51-8f7e-2d6f1f0a9c11", "token_use": "access"}
NOTE = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "maxLength": 5},
        "count": {"type": "number", "default": 1},
        "state": {"type": "string", "readOnly": True},
    },
    "required": ["text", "state"],
    "additionalProperties": False,
}
QUERY = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
        "price": {"type": "number"},
        "open": {"type": "boolean"},
        "tag": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2},
        "days": {"type": "array", "items": {"type": "integer"}},
        "a/b~c": {"type": "string", "enum": ["x"]},
        "name": {"type": "string"},
    },
    "required": ["name"],
}
RECEIPT = {"type": "object", "properties": {"paid": {"type": "number"}}, "required": ["paid"]}
PAYMENT = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
SCHEMAS = {
    "payment": PAYMENT,
    "note": NOTE,
    "query": QUERY,
    "receipt": RECEIPT,
    "notes": {"type": "array", "items": {"type": "integer"}},
}


class Routes:
    """A function with routes; its module is app/own.py."""

    def __init__(self, folder: Path, source: str, routes: Mapping[str, Any], **environment: str) -> None:
        (folder / "schemas").mkdir()
        for name, schema in SCHEMAS.items():
            (folder / "schemas" / f"{name}.json").write_text(json.dumps(schema))
        (folder / "app").mkdir()
        (folder / "app/own.py").write_text(f"from trestle.app import *\n{textwrap.dedent(source)}")
        function = {"name": "payments", "kind": "routes", "code": "own", "routes": routes}
        variables = {
            **ENVIRONMENT, "FUNCTION": json.dumps(function), "LAMBDA_TASK_ROOT": str(folder), **environment
        }  # fmt: skip
        for name in [name for name in sys.modules if name.partition(".")[0] == "app"]:
            del sys.modules[name]
        with mock.patch.object(sys, "path", [str(folder), *sys.path]):
            self.handler: Handler = load_handler("app", "index.py", variables)
        self._routes = routes

    def send(self, route: str, sent: Any = None, path: Mapping[str, str] | None = None, **parts: Any) -> Answer:
        """Send a request to a route such as "POST /orders/{id}/pay"; `sent` is the body: a string, or JSON."""
        method, _, resource = route.partition(" ")
        body = sent if sent is None or isinstance(sent, str) else json.dumps(sent)
        millis = parts.pop("millis", 30_000)
        given = event(method, resource, body=body, **parts)
        given |= {"resource": resource, "pathParameters": dict(path) if path else None}
        result = self.handler(given, LambdaContext(millis))
        assert set(result) == {"statusCode", "headers", "body", "isBase64Encoded"}
        answer = Answer(result["statusCode"], result["headers"], result["body"])
        if answer.headers.get("Content-Type") == "application/problem+json":
            check_problem(answer)
        return answer


Serve = Callable[..., Routes]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Return a factory of functions with routes: serve(source, {route: options}, CHECK_ANSWERS="1")."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    number = 0

    def make(source: str, routes: Any = None, **environment: str) -> Routes:
        nonlocal number
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        return Routes(folder, source, routes or {"POST /pay": {"call": "pay"}}, **environment)

    yield make
    sys.modules.pop("app.own", None)
    sys.modules.pop("app", None)


ECHO = """
def pay(request, context):
    members = ("route", "path", "query", "headers", "body", "raw", "idempotency_key")
    pay.got = {name: getattr(request, name) for name in members}
    return Response(204)
"""


def got() -> dict[str, Any]:
    """Return the last input of ECHO's function."""
    found: dict[str, Any] = sys.modules["app.own"].pay.got
    return found


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().err.splitlines()[-1])
    return line


# --- Bodies


@pytest.mark.parametrize(
    ("options", "body", "headers", "status", "kind"),
    [
        ({}, "{", {}, 400, "invalid-request"),
        ({}, '{"a": 1, "a": 2}', {}, 400, "invalid-request"),
        ({}, "[NaN]", {}, 400, "invalid-request"),
        ({}, '"\ud800"', {}, 400, "invalid-request"),
        ({}, "[" * 33 + "]" * 33, {}, 400, "invalid-request"),
        ({}, "[1e999]", {}, 400, "invalid-request"),
        ({}, f'"{"x" * 400 * 1024}"', {}, 413, "content-too-large"),
        ({}, "x", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        ({"accepts": ["application/xml"]}, "{}", {}, 415, "unsupported-media-type"),
        ({"accepts": ["application/xml"]}, "{}", {"Content-Type": "application/json"}, 415, "unsupported-media-type"),
        ({"accepts": ["application/json"]}, "x", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        ({"accepts": ["image/*"]}, "x", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        ({"body": "note"}, None, {}, 400, "invalid-request"),
        ({"body": "note"}, " \n", {"Content-Type": "text/plain"}, 400, "invalid-request"),
        ({"body": "note"}, "[]", {}, 422, "invalid-item"),
        ({"body": "note"}, '{"text": "longer", "more": 1}', {}, 422, "invalid-item"),
        ({"body": "notes"}, "[1.5]", {}, 422, "invalid-item"),
    ],
)
def test_a_body_that_is_not_valid_is_refused(
    serve: Serve, options: Any, body: str | None, headers: Any, status: int, kind: str
) -> None:
    routes = serve("def pay(request, context): raise AssertionError", {"POST /pay": {"call": "pay", **options}})
    answer = routes.send("POST /pay", body, headers=headers)
    assert (answer.status, answer.json["type"]) == (status, f"urn:trestle:problem:{kind}"), answer.body


def test_every_fault_of_a_body_has_its_pointer_up_to_twenty(serve: Serve) -> None:
    routes = serve(ECHO, {"POST /pay": {"call": "pay", "body": "note"}})
    answer = routes.send("POST /pay", {"text": 1, "more": 2, "count": "3"})
    assert answer.json["detail"] == "The body does not fit its schema."
    assert {fault["pointer"] for fault in answer.json["errors"]} == {"/text", "/more", "/count"}
    many = routes.send("POST /pay", {str(number): 1 for number in range(50)})
    assert len(many.json["errors"]) == 20


@pytest.mark.parametrize("base64_", [False, True])
def test_a_body_that_is_not_utf_8_is_refused_as_json_and_taken_as_bytes(serve: Serve, base64_: bool) -> None:
    routes = serve(ECHO, {"POST /pay": {"call": "pay", "accepts": ["application/json", "image/*"]}})
    sent = base64.b64encode(b"\xff\xfe").decode() if base64_ else "\ud800"
    assert routes.send("POST /pay", sent, base64=base64_).status == 400
    answer = routes.send("POST /pay", sent, base64=base64_, headers={"Content-Type": "Image/PNG; a=b"})
    assert answer.status == (204 if base64_ else 400)
    if base64_:
        assert (got()["body"], got()["raw"]) == (None, b"\xff\xfe")
        assert routes.send("POST /pay", "no base64", base64=True).status == 400


@pytest.mark.parametrize(
    ("options", "body", "value"),
    [
        ({}, None, None),
        ({}, "", None),
        ({}, "  ", None),
        ({}, '"text"', "text"),
        ({}, "null", None),
        ({}, '{"a": [1.5, 1e40, 100]}', {"a": [Decimal("1.5"), Decimal("1E+40"), 100]}),
        ({}, "12345678901234567890123456789012345678", 12345678901234567890123456789012345678),
        ({"accepts": ["application/json"]}, "[1]", [1]),
        ({"body": "notes"}, "[1, 2.0]", [1, 2]),
        # A client's value of a readOnly property is ignored, and defaults are filled in.
        ({"body": "note"}, '{"text": "a", "state": "paid"}', {"text": "a", "count": 1}),
        ({"body": "note"}, '{"text": "a", "count": 0.1}', {"text": "a", "count": Decimal("0.1")}),
    ],
)
def test_own_code_gets_a_bodys_value_and_bytes(serve: Serve, options: Any, body: Any, value: Any) -> None:
    routes = serve(ECHO, {"POST /pay": {"call": "pay", **options}})
    assert routes.send("POST /pay", body).status == 204
    assert (got()["body"], got()["raw"]) == (value, (body or "").encode())
    assert repr(got()["body"]) == repr(value)


@pytest.mark.parametrize(
    ("accepts", "media_type", "value"),
    [
        ([], "application/merge-patch+json", [1]),
        (["application/json"], "application/vnd.a+json; charset=utf-8", [1]),
        (["application/ld+json"], "Application/LD+json", [1]),
        (["text/csv", "application/json"], "text/csv", None),
        (["*/*"], "text/csv", None),
        (["*/*"], "application/json", [1]),
        (["text/*"], "text/csv", None),
    ],
)
def test_a_route_accepts_the_media_types_that_it_names(
    serve: Serve, accepts: list[str], media_type: str, value: Any
) -> None:
    routes = serve(ECHO, {"POST /pay": {"call": "pay", "accepts": accepts}})
    assert routes.send("POST /pay", "[1]", headers={"Content-Type": media_type}).status == 204
    assert (got()["body"], got()["raw"]) == (value, b"[1]")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("body", ["{", "x" * 500_000, "\ud800"])
def test_a_method_without_a_body_ignores_one(serve: Serve, method: str, body: str) -> None:
    routes = serve(ECHO, {f"{method} /pay": {"call": "pay"}})
    assert routes.send(f"{method} /pay", body, headers={"Content-Type": "text/plain"}).status == 204
    assert (got()["body"], got()["raw"]) == (None, b"")


# --- Paths, queries, headers


@pytest.mark.parametrize(
    ("path", "status"),
    [({"id": "a b"}, 400), ({"id": "%FF"}, 400), ({"id": "a", "name": "%FF"}, 400), ({"id": "a"}, 204)],
)
def test_parameters_of_the_path_are_checked(serve: Serve, path: dict[str, str], status: int) -> None:
    routes = serve(ECHO, {"POST /a/{id}/{name}": {"call": "pay"}})
    answer = routes.send("POST /a/{id}/{name}", path={"name": "b", **path})
    assert answer.status == status
    if status == 400:
        (fault,) = answer.json["errors"]
        assert path[fault["parameter"]] != "b"


def test_own_code_gets_the_parameters_of_the_path_decoded(serve: Serve) -> None:
    routes = serve(ECHO, {"POST /a/{id}/{name}": {"call": "pay"}})
    assert routes.send("POST /a/{id}/{name}", path={"id": "x-%31", "name": "50%25%2Fü%20"}).status == 204
    assert (got()["route"], got()["path"]) == ("POST /a/{id}/{name}", {"id": "x-1", "name": "50%/ü "})


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ({}, {"name": "Is required"}),
        ({"name": "a", "more": "1"}, {"more": "Is unknown; known here: limit, price, open, tag, days, a/b~c, name"}),
        ({"name": ["a", "b"]}, {"name": "Is repeated"}),
        ({"name": "\ud800"}, {"name": "Must be UTF-8"}),
        *(
            ({"name": "a", "limit": text}, {"limit": "Must be an integer"})
            for text in (
                "",
                "x",
                " 1",
                "1 ",
                "+1",
                "1.5",
                "01",
                "0x1",
                "1_0",
                "٣",
                "1e999",
                "true",
                "-",
                "[1]",
                "{",
                '"1"',
            )
        ),
        ({"name": "a", "limit": "0"}, {"limit": "Must be at least 1"}),
        ({"name": "a", "limit": ["1", "2"]}, {"limit": "Is repeated"}),
        ({"name": "a", "price": "x"}, {"price": "Must be a number"}),
        ({"name": "a", "price": "1" * 39 + "7"}, {"price": "Must be a number"}),
        ({"name": "a", "open": "1"}, {"open": "Must be true or false"}),
        ({"name": "a", "open": "True"}, {"open": "Must be true or false"}),
        ({"name": "a", "tag": ["abc", "abcd"]}, {"tag": "Must have at most 3 characters"}),
        ({"name": "a", "tag": ["a", "b", "c"]}, {"tag": "Must have at most 2 elements"}),
        ({"name": "a", "days": ["1", "x"]}, {"days": "Must be an integer"}),
        ({"name": "a", "a/b~c": "y"}, {"a/b~c": 'Must be one of "x"'}),
        (
            {"limit": "x", "open": "y"},
            {"limit": "Must be an integer", "open": "Must be true or false", "name": "Is required"},
        ),
    ],
)
def test_a_query_that_is_not_valid_is_refused(serve: Serve, query: Any, faults: dict[str, str]) -> None:
    routes = serve(ECHO, {"GET /pay": {"call": "pay", "query": "query"}})
    answer = routes.send("GET /pay", query=query)
    assert (answer.status, answer.json["type"]) == (400, "urn:trestle:problem:invalid-request")
    assert {fault["parameter"]: fault["detail"] for fault in answer.json["errors"]} == faults


def test_own_code_gets_the_query_in_the_types_of_its_schema(serve: Serve) -> None:
    routes = serve(ECHO, {"GET /pay": {"call": "pay", "query": "query"}})
    sent = {"name": "ü", "price": "0.10", "open": "false", "tag": "a", "days": ["1", "-2"], "a/b~c": "x"}
    assert routes.send("GET /pay", query=sent).status == 204
    assert got()["query"] == {
        "name": "ü", "price": Decimal("0.1"), "open": False, "tag": ["a"], "days": [1, -2], "a/b~c": "x", "limit": 10,
    }  # fmt: skip
    assert isinstance(got()["query"]["price"], Decimal)


def test_a_query_without_a_schema_has_texts(serve: Serve) -> None:
    routes = serve(ECHO, {"GET /pay": {"call": "pay"}})
    assert routes.send("GET /pay", query={"a": "1", "b": ""}).status == 204
    assert got()["query"] == {"a": "1", "b": ""}
    assert routes.send("GET /pay", query={"a": ["1", "2"]}).json["errors"] == [
        {"parameter": "a", "detail": "Is repeated"}
    ]


def test_own_code_gets_the_headers_and_the_idempotency_key(serve: Serve) -> None:
    routes = serve(ECHO)
    for bad in ("", "x" * 256, "ü"):
        assert routes.send("POST /pay", headers={"Idempotency-Key": bad}).status == 400
    assert routes.send("POST /pay", headers={"Idempotency-Key": "k", "X-Two": ["a", "b"]}).status == 204
    assert (got()["idempotency_key"], got()["headers"]["x-two"]) == ("k", "a, b")
    assert routes.send("POST /pay").status == 204
    assert got()["idempotency_key"] is None


# --- Access


@pytest.mark.parametrize(
    ("options", "claims", "status"),
    [
        ({"access": "cognito"}, None, 401),
        ({"access": "cognito"}, {**USER, "token_use": "id"}, 401),
        ({"access": "cognito"}, USER, 204),
        ({"access": "cognito", "group": "staff"}, None, 401),
        ({"access": "cognito", "group": "staff"}, {**USER, "cognito:groups": "guests"}, 403),
        ({"access": "cognito", "group": "staff"}, {**USER, "cognito:groups": "guests,staff"}, 204),
        ({"access": "jwt"}, None, 401),
        ({"access": "jwt", "scope": "pay"}, None, 401),
        ({"access": "open"}, None, 204),
        ({"access": "api_key"}, None, 204),
        ({}, None, 204),
    ],
)
def test_the_function_checks_sign_in_and_groups_again(serve: Serve, options: Any, claims: Any, status: int) -> None:
    other = {"call": "pay", "access": "cognito", "group": "others"}
    routes = serve(ECHO, {"POST /pay": {"call": "pay", **options}, "POST /other": other})
    assert routes.send("POST /pay", claims=claims).status == status


@pytest.mark.parametrize(
    ("options", "token", "status"),
    [
        ({}, {}, 204),
        ({}, {"exp": 5}, 401),
        ({"group": "staff"}, {}, 403),
        ({"group": "staff"}, {"groups": ["guests", "staff"]}, 204),
        ({"scope": "pay"}, {"groups": ["pay"]}, 403),
        ({"scope": "pay"}, {"scopes": ["see", "pay"]}, 204),
    ],
)
def test_the_function_checks_an_issuers_token(serve: Serve, options: Any, token: Any, status: int) -> None:
    routes = serve(ECHO, {"POST /pay": {"call": "pay", "access": "jwt", **options}})
    known = {"sub": "auth0|1", "groups": [], "scopes": [], "claims": {}, "exp": 2**40}
    assert routes.send("POST /pay", jwt=known | token).status == status


def test_own_code_gets_the_caller(serve: Serve) -> None:
    routes = serve(
        """
        def pay(request, context):
            caller = context.caller
            return Response(200, [caller.kind, caller.owner, sorted(caller.groups), context.via])
        """
    )
    answer = routes.send("POST /pay", claims={**USER, "cognito:groups": "b,a"})
    assert answer.json == ["user", USER["sub"], ["a", "b"], "api"]
    assert routes.send("POST /pay").json[0] == "anonymous"


@pytest.mark.parametrize(("millis", "seconds"), [(10_000, 9.5), (900_000, 28.5)])
def test_own_code_gets_the_gateways_deadline(serve: Serve, millis: int, seconds: float) -> None:
    routes = serve("def pay(request, context): return Response(200, str(context.seconds_left()))")
    left = float(routes.send("POST /pay", millis=millis).body)
    assert seconds - 2 < left <= seconds


# --- Responses


TOO_LARGE = "AnswerError: Its body is over the 6080 KiB that Lambda can answer with."
BAD_NAME = "AnswerError: A header's name is not valid. Use letters, digits and hyphens."


def returns(expression: str) -> str:
    return (
        "from decimal import Decimal\nfrom http import HTTPStatus\nclass Text(str): pass\n"
        f"def pay(request, context): return {expression}\n"
    )


@pytest.mark.parametrize(
    ("expression", "status", "content_type", "body"),
    [
        ("Response(200)", 200, None, ""),
        ("Response(204)", 204, None, ""),
        ("Response(599)", 599, None, ""),
        ("Response(HTTPStatus.CREATED, {})", 201, "application/json", "{}"),
        ("Response(200, {'a': [1, True, None, 'ü']})", 200, "application/json", '{"a":[1,true,null,"ü"]}'),
        ("Response(200, [])", 200, "application/json", "[]"),
        ("Response(200, {'n': Decimal('0.10'), 'm': 10**37, 'k': Decimal('1e2')})", 200, "application/json",
         f'{{"n":0.1,"m":{10**37},"k":100}}'),
        ("Response(200, Item({'a': Decimal('1.5')}, id='x'))", 200, "application/json", '{"a":1.5}'),
        ("Response(200, 'hé')", 200, "text/plain; charset=utf-8", "hé"),
        ("Response(200, Text('a'))", 200, "text/plain; charset=utf-8", "a"),
        ("Response(200, '<p>', {'content-type': 'text/html'})", 200, "text/html", "<p>"),
        ("Response(200, {'a': 1}, {'Content-Type': 'application/geo+json'})", 200, "application/geo+json", '{"a":1}'),
    ],
)  # fmt: skip
def test_a_routes_result_is_the_response(
    serve: Serve, expression: str, status: int, content_type: str | None, body: str
) -> None:
    answer = serve(returns(expression)).send("POST /pay")
    assert (answer.status, answer.headers.get("Content-Type"), answer.body) == (status, content_type, body)
    assert type(answer.status) is int
    assert type(answer.body) is str
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("None", "AnswerError: It is None, not a Response."),
        ("{'s3cr3t': 1}", "AnswerError: It is a dict, not a Response."),
        ("(200, 's3cr3t')", "AnswerError: It is a tuple, not a Response."),
        ("Refuse('s3cr3t')", "AnswerError: It is a Refuse, not a Response."),
        ("Response(199)", "AnswerError: Its status is 199. Use 200 to 599."),
        ("Response(600)", "AnswerError: Its status is 600. Use 200 to 599."),
        ("Response(True)", "AnswerError: Its status is a bool. Use an int, 200 to 599."),
        ("Response('s3cr3t')", "AnswerError: Its status is a str. Use an int, 200 to 599."),
        ("Response(204, {})", "AnswerError: It has a body, which a 204 cannot have."),
        ("Response(304, '')", "AnswerError: It has a body, which a 304 cannot have."),
        ("Response(200, b's3cr3t')", "AnswerError: Its body is a bytes. Use a dict or list, a text, or None."),
        ("Response(200, 1)", "AnswerError: Its body is an int. Use a dict or list, a text, or None."),
        ("Response(200, ('s3cr3t',))", "AnswerError: Its body is a tuple. Use a dict or list, a text, or None."),
        ("Response(200, {'a': [1, 0.5]})", "FloatError: /a/1 is a float. Use int or Decimal for the numbers of items."),
        ("Response(200, {'a': {'s3cr3t'}})", "ValueTypeError: /a is a set, which JSON lacks."),
        ("Response(200, {1: 2})", "ValueTypeError: / has a name that is a int. Names are texts."),
        ("Response(200, [Decimal('NaN')])", "UnkeepableError: /0 is NaN, which JSON lacks."),
        ("Response(200, {'a': '\\ud800'})", "UnkeepableError: /a contains a lone surrogate."),
        ("Response(200, '\\ud800')", "UnkeepableError: The body contains a lone surrogate."),
        ("Response(200, 's3cr3t' * 1100000)", TOO_LARGE),
        ("Response(200, '\\x00' * 1100000)", TOO_LARGE),
        ("Response(200, None, {'a b': 's3cr3t'})", BAD_NAME),
        ("Response(200, None, {'a\\r\\nb': '1'})", BAD_NAME),
        ("Response(200, None, {'ü': '1'})", BAD_NAME),
        ("Response(200, None, {1: '1'})", BAD_NAME),
        ("Response(200, None, {'': '1'})", "AnswerError: A header's name is empty."),
        ("Response(200, None, {'a': '1', 'A': '2'})", 'AnswerError: The header "A" is there twice.'),
        ("Response(200, None, {'a': 1})", "AnswerError: The header a is an int. Use a text."),
        *(
            (f"Response(200, None, {{'a': '{value}'}})",
             "AnswerError: The header a has a line break or another character that is not printable ASCII.")
            for value in ("s3cr3t\\r\\nSet-Cookie: a=b", "\\n", "\\x00", "\\x7f", "ü")
        ),
        ("Response(200, None, {'Content-Length': '1'})",
         "AnswerError: Content-Length is a header that Trestle and API Gateway write. Leave it out."),
        ("Response(200, None, {'access-control-allow-origin': 's3cr3t'})",
         "AnswerError: access-control-allow-origin is a header that Trestle and API Gateway write. Leave it out."),
        ("changed(headers=[])", "AnswerError: Its headers are a list. Use a dict."),
        ("Response.__new__(Response)", "AnswerError: Its status is None. Use an int, 200 to 599."),
    ],
)  # fmt: skip
def test_an_invalid_result_is_500_and_logged_with_its_place(
    serve: Serve, capsys: pytest.CaptureFixture[str], expression: str, reason: str
) -> None:
    changed = "def changed(**more):\n    made = Response(200)\n    made.headers = more['headers']\n    return made\n"
    answer = serve(returns(expression) + changed).send("POST /pay")
    assert (answer.status, answer.json["type"]) == (500, "urn:trestle:problem:internal-error")
    line = last_line(capsys)
    assert line["error"] == "CodeError: The function payments at app/own.py:5 returned what is not valid."
    assert line["causes"] == [reason]
    assert "s3cr3t" not in json.dumps(line) + answer.body


def test_a_decorated_function_is_named_where_it_is_defined(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    routes = serve(
        """
        import functools

        @functools.cache
        def pay(request, context):
            pass
        """
    )
    assert routes.send("POST /pay").status == 500
    assert last_line(capsys)["error"] == "CodeError: The function payments at app/own.py:5 returned what is not valid."


@pytest.mark.parametrize(
    ("decorator", "place"),
    [
        (
            "class decorator(object):\n    def __init__(self, _): pass\n    def __call__(self, *_): pass\n",
            " at app/own.py:5",
        ),
        ("def decorator(_): return functools.partial(print)\n", ""),
    ],
)
def test_a_decorator_may_return_an_object(
    serve: Serve, capsys: pytest.CaptureFixture[str], decorator: str, place: str
) -> None:
    source = f"import functools\n{decorator}@decorator\ndef pay(request, context): pass\n"
    routes = serve(source)
    assert routes.send("POST /pay").status == 500
    line = last_line(capsys)
    assert line["error"] == f"CodeError: The function payments{place} returned what is not valid."


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("Response(200, {'paid': 1})", None),
        ("Response(200, {'paid': Decimal('0.5'), 'more': 1})", None),
        ("Response(202, [1])", None),
        ("Response(204)", None),
        ("Response(303, None, {'Location': '/a'})", None),
        ("Response(201)", "Its status is 201, and the route's answers declare 200, 202."),
        ("Response(303, 'a')", "Its status is 303, and the route's answers declare 200, 202."),
        (
            "Response(200, {'paid': '1'})",
            "Its body does not fit the schema of 200. /paid: Must be a number, not a string.",
        ),
        ("Response(200, {})", "Its body does not fit the schema of 200. /paid: Is required."),
        ("Response(200)", "Its body does not fit the schema of 200. /: Must be an object, not null."),
        ("Response(200, 'a')", "Its body does not fit the schema of 200. /: Must be an object, not a string."),
        ("Response(202, ['s3cr3t'])", "Its body does not fit the schema of 202. /0: Must be an integer, not a string."),
        ("Response(201, {'paid': 1})", "Its status is 201, and the route's answers declare 200, 202."),
    ],
)
def test_responses_are_validated_if_the_environment_says_so(
    serve: Serve, capsys: pytest.CaptureFixture[str], expression: str, fault: str | None
) -> None:
    route = {"POST /pay": {"call": "pay", "answers": {"200": "receipt", "202": "notes"}}}
    assert serve(returns(expression), route).send("POST /pay").status < 400
    checked = serve(returns(expression), route, CHECK_ANSWERS="1").send("POST /pay")
    line = last_line(capsys)
    if fault is None:
        assert checked.status < 400
    else:
        assert (checked.status, line["causes"]) == (500, [f"AnswerError: {fault}"])
    assert serve(returns(expression), CHECK_ANSWERS="1").send("POST /pay").status < 400


@pytest.mark.parametrize(
    ("headers", "claims", "expected"),
    [
        ({}, None, None),
        ({}, USER, "no-store"),
        ({"cache-control": "max-age=60"}, USER, "max-age=60"),
        ({"Cache-Control": "max-age=60"}, None, "max-age=60"),
    ],
)
def test_own_codes_cache_control_takes_precedence(
    serve: Serve, headers: Any, claims: Any, expected: str | None
) -> None:
    answer = serve(returns(f"Response(200, 'a', {headers})")).send("POST /pay", claims=claims)
    assert {name.lower(): value for name, value in answer.headers.items()}.get("cache-control") == expected
    assert sum(name.lower() == "cache-control" for name in answer.headers) == (expected is not None)


def test_only_scripts_of_allowed_origins_see_a_response_and_its_headers(serve: Serve) -> None:
    source = returns("Response(200, 'a', {'X-Total': '3', 'vary': 'Accept', 'ETag': '\"1\"'})")
    routes = serve(source, CORS_ORIGINS="https://a.example https://b.example")
    answer = routes.send("POST /pay", headers={"origin": "https://b.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://b.example"
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert exposed.count("ETag") == 1
    assert exposed[-1] == "X-Total"
    assert answer.headers["Vary"] == "Origin, Accept"
    other = routes.send("POST /pay", headers={"origin": "https://c.example"})
    assert not [name for name in other.headers if name.startswith("Access-Control")]
    anyone = serve(source).send("POST /pay")
    assert (anyone.headers["Vary"], anyone.headers["Access-Control-Allow-Origin"]) == ("Accept", "*")


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(), st.characters(), st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=8,
)
unhurried = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@given(body=st.lists(values) | st.dictionaries(st.text() | st.integers(), values))
@unhurried
def test_a_response_has_exactly_the_returned_value_or_is_refused(body: Any) -> None:
    try:
        answer = Answers(None).answer(Response(200, body))
    except (FloatError, ValueTypeError, UnkeepableError):
        return
    assert json.loads(answer.body, parse_float=Decimal) == body
    assert answer.body.encode()


@given(name=st.text(), value=st.text())
@unhurried
def test_a_header_has_no_line_breaks(name: str, value: str) -> None:
    try:
        ((name, value),) = Answers(None).answer(Response(204, None, {name: value})).headers.items()
    except AnswerError:
        return
    assert re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name)
    assert re.fullmatch(r"[\t\x20-\x7e]*", value)


# --- Errors


@pytest.mark.parametrize(
    ("raised", "status", "kind", "detail"),
    [
        ("Refuse('Sold out.', status=409, code='sold-out', retry_after=7)", 409, "sold-out", "Sold out."),
        ("NotFound()", 404, "not-found", "There is no item with this id."),
        ("NotFound('No such order.')", 404, "not-found", "No such order."),
        ("Taken()", 409, "conflict", "An item with this id already exists."),
        ("Changed()", 409, "conflict", "The item has changed."),
        ("Unavailable()", 503, "service-unavailable", "The database does not respond. Try again in a moment."),
        ("Invalid('s3cr3t')", 500, "internal-error", None),
        ("Retry(5)", 500, "internal-error", None),
        ("KeyError('s3cr3t')", 500, "internal-error", None),
        ("SystemExit('s3cr3t')", 500, "internal-error", None),
        ("KeyboardInterrupt", 500, "internal-error", None),
    ],
)
def test_a_routes_error_is_the_response(
    serve: Serve, capsys: pytest.CaptureFixture[str], raised: str, status: int, kind: str, detail: str | None
) -> None:
    answer = serve(f"def pay(request, context):\n    raise {raised}").send("POST /pay")
    assert (answer.status, answer.json["type"]) == (status, f"urn:trestle:problem:{kind}")
    assert detail in (None, answer.json["detail"])
    assert answer.headers.get("Retry-After") == {409: "7" if kind == "sold-out" else None, 503: "1"}.get(status)
    line = last_line(capsys)
    assert (line["status"], line["problem"]) == (status, kind)
    if status == 500:
        kind = raised.partition("(")[0]
        assert line["error"] == f"CodeError: The function payments failed at app/own.py:3 with {kind}."
    assert "s3cr3t" not in json.dumps(line) + answer.body


@pytest.mark.parametrize("kind", ["NotFound", "Taken", "Changed", "Invalid", "Unavailable"])
@pytest.mark.parametrize("detail", ["5", "''", "'\\ud800'"])
def test_an_invalid_detail_is_a_value_error(
    serve: Serve, capsys: pytest.CaptureFixture[str], kind: str, detail: str
) -> None:
    answer = serve(f"def pay(request, context):\n    raise {kind}({detail})").send("POST /pay")
    assert (answer.status, answer.json["type"]) == (500, "urn:trestle:problem:internal-error")
    assert "with ValueError" in last_line(capsys)["error"]


@pytest.mark.parametrize(
    ("source", "place"), [("1 / 0", "app/own.py:2 with ZeroDivisionError"), ("def", "app/own.py:2 with SyntaxError")]
)
def test_every_route_of_a_module_that_cannot_be_imported_is_500(
    serve: Serve, capsys: pytest.CaptureFixture[str], source: str, place: str
) -> None:
    routes = serve(source)
    for _ in range(2):
        assert routes.send("POST /pay").status == 500
        line = last_line(capsys)
        assert (line["level"], line["route"]) == ("ERROR", "POST /pay")
        assert place in line["error"]
        assert len(line["trace"].splitlines()) < 30


@pytest.mark.parametrize(("method", "resource"), [("GET", "/pay"), ("POST", "/pay/more")])
def test_a_route_missing_in_this_release_is_500(
    serve: Serve, capsys: pytest.CaptureFixture[str], method: str, resource: str
) -> None:
    assert serve(ECHO).send(f"{method} {resource}").status == 500
    line = last_line(capsys)
    assert line["error"] == (
        f"RouteError: payments has no route {method} {resource}. The gateway's routes belong to another release."
    )
    assert (line["function"], line["call"], line["route"]) == ("payments", None, None)


def test_an_event_that_is_not_a_request_is_500(serve: Serve) -> None:
    result = serve(ECHO).handler({}, LambdaContext())
    assert result["statusCode"] == 500


def test_the_docs_route_reads_and_writes_an_item(make_api: Make, serve: Serve) -> None:
    document = (ROOT / "docs/reference/own-code.md").read_text(encoding="utf-8")
    (code,) = (each for each in re.findall("```python\n(.*?)```", document, re.DOTALL) if "def pay(" in each)
    orders = make_api()
    uses = {"orders": {"table": "test-items", "options": {}, "operations": ["get", "merge"]}}
    route = "POST /orders/{id}/pay"
    routes = serve(code, {route: {"call": "pay", "body": "payment"}}, ENTITIES=json.dumps(uses))
    order = orders.create({"status": "open"})
    assert routes.send(route, {}, {"id": order["id"]}).status == 422
    assert orders.request("GET", f"/items/{order['id']}").json == order
    assert routes.send(route, {"amount": 5}, {"id": "nothing"}).status == 404
    paid = routes.send(route, {"amount": 0.5}, {"id": order["id"]})
    assert (paid.status, paid.json) == (200, {"order": order["id"], "paid": 0.5})
    assert orders.request("GET", f"/items/{order['id']}").json["status"] == "paid"
    again = routes.send(route, {"amount": 5}, {"id": order["id"]})
    assert (again.status, again.json["type"]) == (409, "urn:trestle:problem:already-paid")


def test_a_write_that_lost_a_race_is_409(make_api: Make, serve: Serve) -> None:
    item = make_api().create({"a": 1})
    uses = {"orders": {"table": "test-items", "options": {}, "operations": ["merge"]}}
    source = f"def pay(request, context): entity('orders').merge({item['id']!r}, {{}}, if_match='\"old\"')"
    answer = serve(source, ENTITIES=json.dumps(uses)).send("POST /pay")
    assert (answer.status, answer.json["type"]) == (409, "urn:trestle:problem:conflict")


def test_a_call_that_the_tfvars_do_not_allow_is_500_and_logged_with_the_remedy(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = serve("def pay(request, context): entity('orders').get('a')").send("POST /pay")
    assert answer.status == 500
    assert last_line(capsys)["causes"] == [
        'RightError: payments may not get "orders". Write orders = ["get"] in functions.payments.uses.'
    ]


# --- Log, metrics and traces


def test_the_log_line_has_the_function_its_call_and_its_route(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    routes = serve(ECHO, METRICS_NAMESPACE="Shop")
    capsys.readouterr()
    routes.send("POST /pay", claims=USER)
    (text,) = capsys.readouterr().err.splitlines()
    line = json.loads(text)
    assert {name: line[name] for name in ("level", "function", "call", "route", "status", "coldStart", "caller")} == {
        "level": "INFO", "function": "payments", "call": "pay", "route": "POST /pay", "status": 204, "coldStart": True,
        "caller": USER["sub"],
    }  # fmt: skip
    assert not {"entity", "operation"} & line.keys()
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Shop", [["function"]])
    assert {metric["Name"] for metric in directive["Metrics"]} == {"Requests", "Latency", "ColdStarts"}
    routes.send("POST /pay")
    assert last_line(capsys)["coldStart"] is False


def test_a_sampled_request_has_a_trace_of_its_function(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000")
    monkeypatch.setattr("trestle.http.traces._send_document", lambda _, document: sent.append(document))
    serve(ECHO).send("POST /pay")
    (document,) = sent
    assert document["name"] == "payments.pay"
    assert {name: document["annotations"][name] for name in ("function", "call", "route", "status")} == {
        "function": "payments", "call": "pay", "route": "POST /pay", "status": 204
    }  # fmt: skip


# --- Kinds
