"""Faults in own functions: one sentence each, which names the place and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan import rules
from tests.plan.conftest import SMALL
from tests.plan.planner import Planner, Values
from tests.plan.test_refusals import faulty_values, set_at
from tools.terraform import ROOT
from tools.tfvars import variable_types

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

ENTITIES: Values = {
    "nights": {"ids": "client", "operations": []},
    "notes": {"access": {"default": "cognito"}, "owner": "sub"},
    "orders": {"operations": ["create", "get", "list"], "schema": "schemas/order.json"},
    "top": {"operations": ["list"], "path": "v1/top"},
}


def route(key: str, **attributes: object) -> Values:
    """Return a function with one route."""
    return {"routes": {key: {"call": "pay", **attributes}}}


def changes(entity: str, kind: str, **becomes: object) -> Values:
    """Return a function on one change."""
    return {"changes": {entity: [{"kind": kind, "becomes": becomes}]}}


def statement(action: str, resource: str) -> Values:
    return {"statements": [{"actions": [action], "resources": [resource]}]}


ACCOUNT = "arn:aws:{}:us-west-2:123456789012:"

# Faults of single functions, by the function's name: its attributes, and the rest of the sentence.
ALONE: dict[str, tuple[Values, str]] = {
    "my mail": ({}, ': "my mail" contains a space. Write up to 31'),
    "Mail": ({}, ': "Mail" contains the capital letter M. Write'),
    "a" * 32: ({}, f': "{"a" * 32}" has 32 characters. Write'),
    "a--b": ({}, ': "a--b" has a hyphen at its start or end, or two in a row. Write'),
    "2a": ({}, ': "2a" has a word that does not begin with a letter. Write'),
    "kinds": (
        {**route("GET /k"), "queue": {}},
        ".kinds has queue and routes, but a function may have only one of them. Keep one, and write",
    ),
    "code": ({"code": "a/b"}, '.code.code: "a/b" is not a module in app/, or a module and a function. Write, for'),
    "code2": ({"code": "a:b:c"}, '.code2.code: "a:b:c" is not a module in app/'),
    "coded": (
        {**route("GET /k2"), "code": "pay:pay"},
        '.coded.code: "pay:pay" names a function, but each route names its own in call. Write code = "pay".',
    ),
    "key": (route("/orders"), '.key.routes["/orders"]: the key is not a method and a path. Write one such'),
    "key2": (route("GET  /x"), '.key2.routes["GET  /x"]: the key is not a method and a path.'),
    "method": (route("HEAD /x"), '.method.routes["HEAD /x"]: "HEAD" is not a method that routes support. Write'),
    "small": (route("get /x"), '.small.routes["get /x"]: "get" is not a method that routes support. Write GET,'),
    "long": (route("GET /a/b/c/d/e/f"), '.long.routes["GET /a/b/c/d/e/f"]: the path has 6 segments. Write at most'),
    "slash": (route("GET /a/"), '.slash.routes["GET /a/"]: the segment "" of the path is empty. Write letters,'),
    "brace": (
        route("GET /a/{id"),
        '.brace.routes["GET /a/{id"]: the segment "{id" of the path is neither plain text nor a parameter. Write',
    ),
    "greedy": (route("GET /a/{id+}"), '.greedy.routes["GET /a/{id+}"]: the segment "{id+}" of the path is neither'),
    "dots": (route("GET /a/../b"), '.dots.routes["GET /a/../b"]: clients resolve the segment ".." before they send'),
    "document": (
        route("POST /openapi.json"),
        '.document.routes["POST /openapi.json"]: the OpenAPI document is at /openapi.json. Write another',
    ),
    "health": (route("GET /ping/x"), '.health.routes["GET /ping/x"]: API Gateway uses /ping for its own health'),
    "twice": (route("GET /a/{x}/{x}"), '.twice.routes["GET /a/{x}/{x}"] has the parameter {x} twice. Give one'),
    "call": (
        {"routes": {"GET /r1": {"call": "pay now"}}},
        '.call.routes["GET /r1"].call: "pay now" is not the name of a Python',
    ),
    "access": (
        route("GET /r2", access="staff"),
        '.access.routes["GET /r2"].access: "staff" is not an access mode. Write "open", "api_key",',
    ),
    "body": (
        route("POST /r3", body="payment.json"),
        '.body.routes["POST /r3"].body: "payment.json" is not a valid path. Write schemas/NAME.json',
    ),
    "answers": (
        route("GET /r4", answers={"200": "a.json"}),
        '.answers.routes["GET /r4"].answers["200"]: "a.json" is not a valid path. Write schemas/NAME.json',
    ),
    "status": (
        route("GET /r5", answers={"ok": "schemas/order.json"}),
        '.status.routes["GET /r5"].answers: "ok" is not the status of a response. Write one from 200 to',
    ),
    "empty": (
        route("DELETE /r6", answers={"204": "schemas/order.json"}),
        '.empty.routes["DELETE /r6"].answers: a response with 204 has no body, so it has no schema. Leave it out.',
    ),
    "bodyless": (
        route("GET /r7", body="schemas/order.json"),
        '.bodyless.routes["GET /r7"].body: a GET has no body. Leave body out, or write a POST, PUT or PATCH.',
    ),
    "accepts": (
        route("POST /r8", accepts=["json"]),
        '.accepts.routes["POST /r8"].accepts: "json" is not a media type. Write one such as "application/json"',
    ),
    "text": (
        route("POST /r9", accepts=["text/csv"], body="schemas/order.json"),
        '.text.routes["POST /r9"].accepts: the JSON Schema schemas/order.json cannot validate a body of the type',
    ),
    "summary": (route("GET /r10", summary=""), '.summary.routes["GET /r10"].summary is empty. Write a sentence'),
    "entity": ({"uses": {"rooms": ["get"]}}, '.entity.uses: there is no entity "rooms". Write one of nights, notes'),
    "operation": ({"uses": {"orders": ["put"]}}, '.operation.uses.orders: there is no operation "put". Write any of'),
    "useless": ({"uses": {"orders": []}}, ".useless.uses.orders is empty. Write any of create, delete"),
    "fields": ({"fields": "all"}, '.fields.fields: "all" is not a valid value. Write "caller" or'),
    "callerless": (
        {"fields": "any"},
        ".callerless.fields: no caller sends requests to a function without routes, so it reads and writes every",
    ),
    "owners": ({"owners": "all"}, '.owners.owners: "all" is not a valid value. Write "caller" or'),
    "secret": ({"secrets": {"stripe": "sk-x"}}, ".secret.secrets.stripe is not the ARN of a secret. Write one such as"),
    "parameter": (
        {"secrets": {"a": ACCOUNT.format("ssm") + "parameter/x"}},
        ".parameter.secrets.a is not the ARN of a secret.",
    ),
    "named": (
        {"secrets": {"a b": ACCOUNT.format("secretsmanager") + "secret:x-AbCdEf"}},
        '.named.secrets: a secret cannot have the name "a b". Write up to 64 letters',
    ),
    "setting": (
        {"settings": {"currency": "EUR"}},
        '.setting.settings: "currency" is not the name of a setting. Write up to 64 capital letters',
    ),
    "ours": ({"settings": {"FUNCTION": "x"}}, ".ours.settings.FUNCTION: Trestle sets this variable. Write another"),
    "lambdas": (
        {"settings": {"AWS_REGION": "x"}},
        ".lambdas.settings.AWS_REGION: Lambda or Python reads this variable. Write",
    ),
    "all": (statement("*", "*"), '.all.statements[0].actions: "*" allows everything. Write the actions that'),
    "service": (statement("s3:*", "*"), '.service.statements[0].actions: "s3:*" allows every action of a service.'),
    "action": (statement("SendEmail", "*"), '.action.statements[0].actions: "SendEmail" is not an action. Write one'),
    "iam": (
        statement("iam:PassRole", "*"),
        ".iam.statements[0].actions: iam:PassRole could change the permissions of this function and others.",
    ),
    "gateway": (
        statement("apigateway:PATCH", "*"),
        ".gateway.statements[0].actions: apigateway:PATCH could change the API's own rules. Leave it out.",
    ),
    "resource": (statement("ses:SendEmail", "x"), '.resource.statements[0].resources: "x" is not an ARN. Write one'),
    "actionless": (
        {"statements": [{"actions": [], "resources": ["*"]}]},
        ".actionless.statements[0].actions is empty. Write at least one, or remove the statement.",
    ),
    "slow": (
        {**route("GET /r11"), "timeout": 30},
        ".slow.timeout is 30. Write a whole number from 1 to 29: API Gateway waits for 29 seconds.",
    ),
    "slower": ({"timeout": 901}, ".slower.timeout is 901. Write a whole number from 1 to 900."),
    "memory": ({"memory_size": 64}, ".memory.memory_size is 64. Write a whole number from 128 to 10240."),
    "level": ({"log_level": "LOUD"}, '.level.log_level: "LOUD" is not a level. Write "DEBUG", "INFO", "WARNING" or'),
    "attempts": ({"queue": {"attempts": 0}}, ".attempts.queue.attempts is 0. Write a whole number from 1 to 1000."),
    "backoff": (
        {"queue": {"backoff": "10-60"}},
        '.backoff.queue.backoff: "10-60" does not have two times. Write the first and the longest wait in s, m or h',
    ),
    "backwards": (
        {"queue": {"backoff": "1h-10s"}},
        '.backwards.queue.backoff: the first wait of "1h-10s" exceeds the longest. Write one such as "10s-1h".',
    ),
    "patient": (
        {"queue": {"backoff": "1h-13h"}},
        '.patient.queue.backoff: SQS waits for at most 12 hours, not "1h-13h". Write one such as "1m-12h".',
    ),
    "schedule": ({"schedule": "daily"}, '.schedule.schedule: "daily" is not a schedule. Write rate(NUMBER UNIT)'),
    "rate": ({"schedule": "rate(0 days)"}, '.rate.schedule: "rate(0 days)" is not a schedule. Write rate'),
    "at": ({"schedule": "at(2027-01-01T00:00:00)"}, '.at.schedule: "at(2027-01-01T00:00:00)" is not a schedule.'),
    "unix": (
        {"schedule": "cron(0 3 * * *)"},
        '.unix.schedule: "cron(0 3 * * *)" has 5 fields, but cron has six: minutes, hours, day of the month',
    ),
    "hour": (
        {"schedule": "cron(0 24 * * ? *)"},
        '.hour.schedule: "24" in "cron(0 24 * * ? *)" is not valid for hours. Write 0 to 23, lists with commas',
    ),
    "month": (
        {"schedule": "cron(0 3 1 JANUARY ? *)"},
        '.month.schedule: "JANUARY" in "cron(0 3 1 JANUARY ? *)" is not valid for the month. Write 1 to 12 or',
    ),
    "step": ({"schedule": "cron(*/0 3 * * ? *)"}, '.step.schedule: "*/0" in "cron(*/0 3 * * ? *)" is not valid'),
    "days": (
        {"schedule": "cron(0 3 * * * *)"},
        '.days.schedule: "cron(0 3 * * * *)" gives both the day of the month and the day of the week. Write ?',
    ),
    "no-days": (
        {"schedule": "cron(0 3 ? * ? *)"},
        '.no-days.schedule: "cron(0 3 ? * ? *)" gives neither the day of the month nor the day of the week.',
    ),
    "february": (
        {"schedule": "cron(0 3 30,31 2 ? *)"},
        '.february.schedule: no month of "cron(0 3 30,31 2 ? *)" has a day 30,31. Write at most 29, or L for the',
    ),
    "thirty": (
        {"schedule": "cron(0 3 31 4,6,9,11 ? *)"},
        '.thirty.schedule: no month of "cron(0 3 31 4,6,9,11 ? *)" has a day 31. Write at most 30, or L for the',
    ),
    "routeless": ({"routes": {}}, ".routeless.routes is empty. Write at least one, or leave routes out."),
    "changeless": ({"changes": {}}, ".changeless.changes is empty. Write at least one, or leave changes out."),
    "source": ({"event": {"source": ""}}, '.source.event.source: "" is not an event source. Write one such as'),
    "detail": (
        {"event": {"source": "aws.s3", "detail": {"bucket..name": ["x"]}}},
        '.detail.event.detail: "bucket..name" is not the path of a property. Write one such as "bucket.name".',
    ),
    "details": (
        {"event": {"source": "aws.s3", "detail": {"bucket.name": []}}},
        '.details.event.detail["bucket.name"] is empty or contains null. Write the values to handle',
    ),
    "bus": ({"event": {"source": "a", "bus": "a b"}}, '.bus.event.bus: "a b" is not the name or the ARN of an event'),
    "changed": (changes("rooms", "created"), '.changed.changes: there is no entity "rooms". Write one of nights,'),
    "kind": (
        changes("nights", "modified"),
        '.kind.changes.nights[0].kind: "modified" is not a kind of change. Write "created", "updated"',
    ),
    "expired": (
        changes("nights", "expired"),
        ".expired.changes.nights[0].kind: items of nights do not expire. Add ttl to the entity, or write another kind.",
    ),
    "becomes": (
        changes("orders", "updated", state="x"),
        '.becomes.changes.orders[0].becomes.state: schemas/order.json has no property "state". Write one of',
    ),
    "typed": (
        changes("orders", "updated", quantity="many"),
        '.typed.changes.orders[0].becomes.quantity: "many" is not of the type integer. Write a value of this type.',
    ),
    "gone": (
        changes("orders", "deleted", status="open"),
        ".gone.changes.orders[0].becomes: an item that is deleted has no new values. Leave becomes out",
    ),
    "unchanged": ({"changes": {"nights": []}}, ".unchanged.changes.nights is empty. Write, for example, [{"),
    "imports": ({"imports": True}, ".imports.imports is for functions with changes, but this one has none. Leave it"),
}  # fmt: skip

# Faults of functions in combination with others, and with the API.
TOGETHER: dict[str, tuple[Values, str]] = {
    "orders-get": ({}, '.orders-get: the entity orders already has a function "shop-orders-get-test" (get). Write'),
    "flow": ({}, ".flow: another role of the system has this name. Choose another."),
    "ask-failed": ({}, ".ask-failed: the function ask already has a resource in AWS whose name ends in -failed."),
    "ask": (route("POST /ask", accepts=["application/json", "text/csv"]), ""),
    "askew": (route("POST /ask"), '.askew.routes["POST /ask"]: functions.ask.routes["POST /ask"] is the same route.'),
    "same": (
        {"routes": {"GET /same/{x}": {"call": "x"}, "GET /same/{y}": {"call": "y"}}},
        '.same.routes["GET /same/{y}"]: functions.same.routes["GET /same/{x}"] is the same route. Leave one of',
    ),
    "shadow": (
        route("GET /orders/{id}"),
        '.shadow.routes["GET /orders/{id}"]: the operation get of orders has this route. Remove it from the entity\'s',
    ),
    "batch": (route("POST /v1/top/batch"), '.batch.routes["POST /v1/top/batch"]: /v1/top/batch is reserved for top.'),
    "sibling": (
        route("POST /orders/{order}/pay"),
        '.sibling.routes["POST /orders/{order}/pay"]: {order} stands where the operation get of orders has {id}, but '
        "API Gateway allows only one name there. Write {id}.",
    ),
    "lacking": (route("DELETE /orders/{id}"), ""),
    "absent": (
        route("POST /absent", body="schemas/absent.json"),
        '.absent.routes["POST /absent"].body: there is no schemas/absent.json. Write it, or leave',
    ),
    "sends": ({"sends": ["nobody"]}, '.sends.sends: there is no function "nobody". Write one of jobs.'),
    "sender": ({"sends": ["ask"]}, ".sender.sends: ask has no queue to send to. Write one of jobs."),
    "jobs": ({"queue": {}, "sends": ["jobs"]}, ""),
    "tables": (
        statement("dynamodb:PutItem", ACCOUNT.format("dynamodb") + "table/shop-ord*"),
        f'.tables.statements[0]: dynamodb:PutItem on "{ACCOUNT.format("dynamodb")}table/shop-ord*" reaches the table '
        "of orders. Write uses = { orders = [...] } instead, or name the resources that the statement is for.",
    ),
    "tables2": (statement("dynamodb:Query", "*"), '.tables2.statements[0]: dynamodb:Query on "*" reaches the table of'),
    "indexes": (
        statement("dynamodb:Query", ACCOUNT.format("dynamodb") + "table/shop-orders-test/index/*"),
        ".indexes.statements[0]: dynamodb:Query on",
    ),
    "others": (statement("dynamodb:Query", ACCOUNT.format("dynamodb") + "table/other"), ""),
    "invokes": (
        statement("lambda:InvokeFunction", ACCOUNT.format("lambda") + "function:shop-*"),
        ".invokes.statements[0]: lambda:InvokeFunction on",
    ),
    "queues": (
        statement("sqs:ReceiveMessage", ACCOUNT.format("sqs") + "shop-jobs-test"),
        f'.queues.statements[0]: sqs:ReceiveMessage on "{ACCOUNT.format("sqs")}shop-jobs-test" reaches the queue '
        "shop-jobs-test. Write sends instead",
    ),
    "console": (
        statement("s3:PutObject", "arn:aws:s3:::shop-website-*"),
        '.console.statements[0]: s3:PutObject on "arn:aws:s3:::shop-website-*" reaches the bucket of',
    ),
    "roles": (
        statement("sts:AssumeRole", "arn:aws:iam::123456789012:role/deploy"),
        '.roles.statements[0]: sts:AssumeRole on "arn:aws:iam::123456789012:role/deploy" reaches roles of',
    ),
    "logs": (
        statement("logs:DeleteLogGroup", "*"),
        '.logs.statements[0]: logs:DeleteLogGroup on "*" reaches the log of shop-',
    ),
    "users": (
        statement("cognito-idp:AdminAddUserToGroup", "*"),
        '.users.statements[0]: cognito-idp:AdminAddUserToGroup on "*" reaches the users and groups of the sign-in.',
    ),
    "pool": (statement("cognito-idp:AdminGetUser", ACCOUNT.format("cognito-idp") + "userpool/us-west-2_a"), ""),
    "keys": (
        statement("kms:PutKeyPolicy", ACCOUNT.format("kms") + "key/*"),
        f'.keys.statements[0]: kms:PutKeyPolicy on "{ACCOUNT.format("kms")}key/*" reaches the key of this system. Name',
    ),
    "others-secrets": (
        statement("secretsmanager:GetSecretValue", "*"),
        '.others-secrets.statements[0]: secretsmanager:GetSecretValue on "*" reaches the secrets of other functions.',
    ),
    "own-secrets": (statement("secretsmanager:PutSecretValue", ACCOUNT.format("secretsmanager") + "secret:mine-*"), ""),
    "abroad": (statement("sts:AssumeRole", "arn:aws:iam::210987654321:role/partner"), ""),
    "reader-a": (changes("notes", "created"), ""),
    "reader-b": (changes("notes", "updated"), ""),
    "reader-c": (
        changes("notes", "deleted"),
        ".reader-c.changes.notes: reader-a and reader-b already read the changes of",
    ),
    # A function does not get its own changes, so only longer loops are endless.
    "alone": ({**changes("nights", "updated"), "uses": {"nights": ["merge"]}}, ""),
    "ping": (
        {**changes("top", "created"), "uses": {"orders": ["merge"]}},
        ".ping.changes: the function would run itself through the writes of pong. Remove an operation that leads back",
    ),
    "pong": (
        {**changes("orders", "updated"), "uses": {"top": ["create"]}},
        ".pong.changes: the function would run itself through the writes of ping. Remove an operation that leads back",
    ),
    # pong does not run on these changes, so there is no loop.
    "creator": ({**changes("top", "deleted"), "uses": {"orders": ["create"]}}, ""),
}  # fmt: skip

RIGHT: Values = {
    "routes": {
        "routes": {
            "GET /": {"call": "root", "access": "cognito:scope=read"},
            "GET /a/{first}/b/{second}/c": {"call": "deep", "query": "schemas/order.json"},
            "PATCH /nights/{night}": {"call": "_own", "accepts": ["application/merge-patch+json"]},
            "GET /openapi.json/x": {"call": "x"},
            "POST /batch": {"call": "x", "answers": {"202": "schemas/order.json", "409": "schemas/order.json"}},
        },
        "timeout": 29,
    },
    **{
        f"cron-{n}": {"schedule": f"cron({fields})"}
        for n, fields in zip(
            "abcdefghi",
            [
                "0 3 * * ? *", "*/15 0-6,22,23 ? * MON-FRI *", "0/5 8-17 ? * 2-6 2027-2030", "0 0 L * ? *",
                "59 23 ? 1,JUL FRI#2 *", "0 8 15W * ? *", "0 0 ? * 6L *", "0 10 1-7/2 jan-mar ? 2199",
                "0 3 29,30 2,4 ? *",
            ],
            strict=True,
        )
    },
    "rate-a": {"schedule": "rate(1 day)"},
    "rate-b": {"schedule": "rate(90 minutes)"},
    "queue": {"queue": {"attempts": 1000, "backoff": "1s-1m"}, "code": "nowhere:deliver"},
    "slow": {"queue": {"attempts": 14, "backoff": "12h-12h"}, "timeout": 900},
    "event": {"event": {"source": "com.example.shop", "bus": "shop"}},
    "secrets": {"secrets": {"a": ACCOUNT.format("secretsmanager") + "secret:prod/stripe-AbCdEf"}},
    "changes": {
        **changes("orders", "updated", status="paid", quantity="3"),
        "imports": True,
        "settings": {"EMPTY": "", "TZ": "UTC"},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for checking the rules. The planner has built the packages."""
    return rules.preconditions(tmp_path_factory.mktemp("functions"))


def sentences(folder: Path, functions: Values, entities: Values = ENTITIES) -> list[str]:
    """Return the faults of functions, except those of their code."""
    said = "\n".join(rules.rule_errors(folder, {**SMALL, "entities": entities, "functions": functions}))
    return [line for line in said.splitlines() if "there is no app/" not in line]


@pytest.fixture(scope="module", params=[ALONE, TOGETHER], ids=["alone", "together"])
def faults(folder: Path, request: pytest.FixtureRequest) -> tuple[dict[str, tuple[Values, str]], list[str]]:
    return request.param, sentences(folder, {name: values for name, (values, _) in request.param.items()})


def test_each_fault_has_one_message(faults: tuple[dict[str, tuple[Values, str]], list[str]]) -> None:
    expected = [f"functions{sentence}" for _, sentence in faults[0].values() if sentence]
    unsaid = [sentence for sentence in expected if not any(said.startswith(sentence) for said in faults[1])]
    unexpected = [said for said in faults[1] if not any(said.startswith(sentence) for sentence in expected)]
    assert (unsaid, unexpected) == ([], [])
    assert len(faults[1]) == len(expected)


def test_what_lies_just_within_is_accepted(folder: Path) -> None:
    assert sentences(folder, RIGHT) == []


def test_null_is_no_function(folder: Path) -> None:
    assert sentences(folder, {"mail": None}) == ["functions.mail is null. Write mail = {}, or remove it."]


def test_a_system_may_have_no_routes_but_those_of_functions(folder: Path) -> None:
    nights = {"nights": ENTITIES["nights"]}
    assert sentences(folder, {"x": route("GET /x")}, nights) == []
    assert sentences(folder, {"jobs": {}}, nights)[0].startswith("entities: no entity has an operation and no function")


# Texts that may be empty: a setting's value.
MAY_BE_EMPTY = [("settings", "NAME")]


def test_no_empty_text_or_key_and_no_repetition_is_accepted(folder: Path) -> None:
    kind = variable_types(ROOT / "variables.tf").attributes["functions"].element
    assert kind
    places = [*faulty_values(kind)]
    said = sentences(folder, {f"place{n}": set_at(kind, place, value) for n, (place, value) in enumerate(places)})
    refused = {each.removeprefix("functions.").replace(":", ".").split(".")[0] for each in said}
    assert [place for n, (place, _) in enumerate(places) if f"place{n}" not in refused] == MAY_BE_EMPTY
    assert sentences(folder, {"": {}})[0].startswith('functions: "" is empty. Write up to 31 lower-case letters')
