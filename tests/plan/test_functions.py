"""Own functions in a plan: their code, settings and permissions, and the API's methods that they serve."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.plan.conftest import SMALL
from tests.plan.planner import Plan, Planner, Values, project_of
from tests.plan.test_openapi import document

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

STRIPE = "arn:aws:secretsmanager:us-west-2:000000000000:secret:stripe"
CODE = {
    "backfill": "def handle(job, context): ...\n",
    "bookings": "def before_create(draft, context): ...\n",
    "mail_out": "def handle(change, context): ...\n",
    "notify": "def deliver(job, context): ...\n",
    "payments": "def pay(request, context): ...\ndef webhook(request, context): ...\n",
    "report": "def handle(job, context): ...\n",
    "thumbs": "def handle(event, context): ...\n",
}
ENTITIES: Values = {
    "bookings": {
        "hooks": {"code": "bookings", "uses": {"before_create": {"nights": ["create"]}}},
        "operations": ["create"],
    },
    "nights": {"ids": "client", "operations": []},
    "notes": {"access": {"default": "cognito"}, "operations": ["list"], "owner": "sub"},
    "orders": {"ids": "client", "operations": ["create", "get"], "schema": "schemas/order.json"},
}
FUNCTIONS: Values = {
    "payments": {
        "routes": {
            "POST /orders/{id}/pay": {
                "call": "pay",
                "access": "cognito:group=staff",
                "body": "schemas/order.json",
                "query": "schemas/order.json",
                "answers": {"200": "schemas/order.json", "409": "schemas/order.json"},
            },
            "PATCH /orders/{id}": {"call": "pay", "summary": "Change an order", "description": "Until it is paid."},
            "GET /orders/latest": {"call": "pay", "access": "iam"},
            "GET /stock-list": {"call": "pay"},
            "GET /stock_list": {"call": "pay"},
            "POST /hooks/{from_whom}": {"call": "webhook", "access": "open", "accepts": ["text/csv"]},
        },
        "uses": {"orders": ["get", "merge"], "bookings": ["create"]},
        "secrets": {"stripe": STRIPE},
        "settings": {"CURRENCY": "EUR"},
        "statements": [{"actions": ["ses:SendEmail"], "resources": ["arn:aws:ses:us-west-2:000000000000:identity/a"]}],
        "sends": ["deliver"],
    },
    "mail-out": {
        "changes": {
            "orders": [{"kind": "created"}, {"kind": "updated", "becomes": {"quantity": "3", "status": "paid"}}]
        },
        "imports": True,
    },
    "deliver": {"code": "notify:deliver", "queue": {"attempts": 12, "backoff": "1m-4h"}, "log_level": "DEBUG"},
    "report": {
        "schedule": "cron(0 3 * * ? *)",
        "uses": {"notes": ["list"]},
        "owners": "any",
        "timeout": 900,
        "memory_size": 512,
        "reserved_concurrency": 1,
    },
    "thumbs": {"event": {"source": "aws.s3", "types": ["Object Created"]}},
    "backfill": {"uses": {"notes": ["list"]}},
}
QUEUES = "https://sqs.us-west-2.amazonaws.com/000000000000/shop-"


@pytest.fixture(scope="module")
def plans(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    """A system with a function of each kind."""
    project = str(project_of(tmp_path_factory.mktemp("functions"), CODE))
    own: Values = {**SMALL, "entities": ENTITIES, "functions": FUNCTIONS, "project": project}
    return planner.systems("functions", {"own": own})


@pytest.fixture(scope="module")
def own(plans: dict[str, Plan]) -> Plan:
    return plans["own"]


def function(plan: Plan, name: str) -> Values:
    """Return a planned function."""
    return plan.resources[f'module.own_function["{name}"].aws_lambda_function.this']


def settings(plan: Plan, name: str) -> dict[str, Any]:
    """Return a function's environment variables, with JSON decoded."""
    variables: dict[str, str] = function(plan, name)["environment"][0]["variables"]
    return {n: json.loads(v) if n in ("ENTITIES", "FUNCTION") else v for n, v in variables.items()}


def rights(plan: Plan, name: str) -> dict[str, set[str]]:
    """Return a function's actions by resource, without those that every function has and those of its trigger."""
    policy = json.loads(plan.resources[f'module.own_function["{name}"].aws_iam_role_policy.this']["policy"])
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(sids) == len(set(sids))
    of_triggers = {"CallAgain", "ReadChanges", "ReceiveJobs", "SendDeadLetters", "WriteLogs", "WriteTraces"}
    return {
        resource.removeprefix("arn:aws:"): set(statement["Action"])
        for statement in policy["Statement"]
        if statement["Sid"] not in of_triggers
        for resource in statement["Resource"]
    }


@pytest.mark.parametrize(
    ("name", "zip_", "timeout"),
    [
        ("backfill", "app.backfill", 60),
        ("deliver", "app.notify", 60),
        ("mail-out", "app.mail_out", 60),
        ("payments", "app.payments", 29),
        ("report", "app.report", 900),
        ("thumbs", "app.thumbs", 60),
    ],
)
def test_a_function_runs_the_zip_of_its_module(own: Plan, name: str, zip_: str, timeout: int) -> None:
    found = function(own, name)
    assert found["function_name"] == f"shop-{name}-test"
    assert found["filename"].endswith(f"/dist/{zip_}.zip")
    assert found["handler"] == "index.lambda_handler"
    assert found["timeout"] == timeout
    role = own.resources[f'module.own_function["{name}"].aws_iam_role.this']["name"]
    assert role == f"shop-{name}-test-us-west-2"
    assert own.resources[f'module.own_function["{name}"].aws_lambda_alias.live']["name"] == "live"


def test_a_function_has_the_size_that_it_is_given(own: Plan) -> None:
    report, deliver = function(own, "report"), function(own, "deliver")
    assert (report["memory_size"], report["reserved_concurrent_executions"]) == (512, 1)
    assert (deliver["memory_size"], deliver["reserved_concurrent_executions"]) == (256, -1)
    assert settings(own, "deliver")["LOG_LEVEL"] == "DEBUG"


def test_the_function_of_routes_knows_them(own: Plan) -> None:
    found = settings(own, "payments")
    assert found["CURRENCY"] == "EUR"
    assert (found["CORS_ORIGINS"], found["ENVIRONMENT"], found["METRICS_NAMESPACE"]) == ("*", "test", "shop-test")
    assert found["FUNCTION"] == {
        "code": "payments",
        "kind": "routes",
        "name": "payments",
        "routes": {
            "GET /orders/latest": {"access": "iam", "call": "pay"},
            "GET /stock-list": {"access": "api_key", "call": "pay"},
            "GET /stock_list": {"access": "api_key", "call": "pay"},
            "PATCH /orders/{id}": {"access": "api_key", "call": "pay"},
            "POST /hooks/{from_whom}": {"accepts": ["text/csv"], "access": "open", "call": "webhook"},
            "POST /orders/{id}/pay": {
                "access": "cognito", "answers": {"200": "order", "409": "order"}, "body": "order", "call": "pay",
                "group": "staff", "query": "order",
            },
        },
        "secrets": {"stripe": STRIPE},
        "sends": {"deliver": f"{QUEUES}deliver-test"},
        "settings": ["CURRENCY"],
        "uses": {"bookings": ["create"], "orders": ["get", "merge"]},
    }  # fmt: skip
    assert found["ENTITIES"] == {
        "bookings": {
            "hooks": "bookings", "operations": ["create"], "table": "shop-bookings-test",
            "options": {"ids": "server", "list": "created"},
        },
        "nights": {
            "operations": ["create"], "options": {"ids": "client", "list": "created"}, "table": "shop-nights-test",
        },
        "orders": {"operations": ["get", "merge"], "options": {"schema": "order"}, "table": "shop-orders-test"},
    }  # fmt: skip


def test_functions_of_other_kinds_know_what_starts_them(own: Plan) -> None:
    queue = {"attempts": 5, "backoff": [10, 3600]}
    found = {name: settings(own, name)["FUNCTION"] for name in FUNCTIONS if name != "payments"}
    assert found == {
        "backfill": {
            "code": "backfill", "handle": "handle", "kind": "job", "name": "backfill",
            "queue": {**queue, "url": f"{QUEUES}backfill-test"},
        },
        "deliver": {
            "code": "notify", "handle": "deliver", "kind": "queue", "name": "deliver",
            "queue": {"attempts": 12, "backoff": [60, 14400], "url": f"{QUEUES}deliver-test"},
        },
        "mail-out": {
            "changes": {
                "orders": [{"kind": "created"}, {"becomes": {"quantity": 3, "status": "paid"}, "kind": "updated"}]
            },
            "code": "mail_out", "dead_letters": f"{QUEUES}mail-out-failed-test", "handle": "handle", "imports": True,
            "kind": "changes", "name": "mail-out", "tables": {"shop-orders-test": "orders"},
        },
        "report": {
            "code": "report", "handle": "handle", "kind": "schedule", "name": "report", "owners": "any",
            "queue": {**queue, "url": f"{QUEUES}report-test"},
        },
        "thumbs": {
            "code": "thumbs", "handle": "handle", "kind": "event", "name": "thumbs",
            "queue": {**queue, "url": f"{QUEUES}thumbs-test"},
        },
    }  # fmt: skip


def test_a_function_has_its_declared_permissions_and_those_of_hooks_it_runs(own: Plan) -> None:
    tables = "dynamodb:us-west-2:000000000000:table/shop-"
    assert rights(own, "payments") == {
        f"{tables}bookings-test": {"dynamodb:GetItem", "dynamodb:PutItem"},
        f"{tables}nights-test": {"dynamodb:PutItem"},
        f"{tables}orders-test": {"dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:UpdateItem"},
        "secretsmanager:us-west-2:000000000000:secret:stripe": {"secretsmanager:GetSecretValue"},
        "secretsmanager:us-west-2:000000000000:secret:stripe-??????": {"secretsmanager:GetSecretValue"},
        "ses:us-west-2:000000000000:identity/a": {"ses:SendEmail"},
        "sqs:us-west-2:000000000000:shop-deliver-test": {"sqs:SendMessage"},
    }


@pytest.mark.parametrize("name", ["deliver", "mail-out", "thumbs"])
def test_a_function_without_uses_reaches_no_table(own: Plan, name: str) -> None:
    assert rights(own, name) == {}
    assert "ENTITIES" not in settings(own, name)


def test_all_owners_items_are_scanned_and_one_owners_are_not(own: Plan) -> None:
    table = "dynamodb:us-west-2:000000000000:table/shop-notes-test"
    assert rights(own, "backfill") == {f"{table}/index/created": {"dynamodb:Query"}}
    assert rights(own, "report") == {f"{table}/index/created": {"dynamodb:Query"}, table: {"dynamodb:Scan"}}


def test_outputs_list_functions(own: Plan) -> None:
    found = own.outputs["functions"]
    assert found["mail-out"]["dead_letters_url"] == f"{QUEUES}mail-out-failed-test"
    assert found["mail-out"]["queue_url"] is None
    assert found["payments"]["routes"] == sorted(FUNCTIONS["payments"]["routes"])
    assert found["deliver"]["queue_url"] == f"{QUEUES}deliver-test"
    assert own.outputs["own_code"]["shop-payments-test"] == {
        "hooks": ["bookings.before_create"],
        "uses": {"bookings": ["create"], "nights": ["create"], "orders": ["get", "merge"]},
    }
    assert own.outputs["own_code"]["shop-thumbs-test"] == {"hooks": [], "uses": {}}


METHODS = {
    "GET /orders/latest": ("AWS_IAM", False, {}),
    "PATCH /orders/{id}": ("NONE", True, {"path.id": True}),
    "POST /hooks/{from_whom}": ("NONE", False, {"path.from_whom": True}),
    "POST /orders/{id}/pay": (
        "COGNITO_USER_POOLS",
        False,
        {"path.id": True}
        | dict.fromkeys([f"querystring.{name}" for name in ("productId", "quantity", "status", "userId")], False),
    ),
}


@pytest.mark.parametrize("route", METHODS)
def test_a_route_is_a_method_of_the_api(own: Plan, route: str) -> None:
    authorization, needs_key, parameters = METHODS[route]
    method = own.resources[f'module.api.aws_api_gateway_method.route["{route}"]']
    assert method["http_method"] == route.split(maxsplit=1)[0]
    assert (method["authorization"], method["api_key_required"]) == (authorization, needs_key)
    assert (method["request_parameters"] or {}) == {
        f"method.request.{name}": needed for name, needed in parameters.items()
    }
    model = method["request_models"]["application/json"]
    assert model.startswith("Order") == route.endswith("/pay")
    assert model == "Empty" or route.endswith("/pay")
    permission = own.resources[f'module.api.aws_lambda_permission.route["{route}"]']
    assert permission["function_name"] == "shop-payments-test"
    assert permission["qualifier"] == "live"


def test_permissions_have_names_of_their_own(own: Plan) -> None:
    found = [p["statement_id"] for p in own.all("aws_lambda_permission").values() if "api-gateway" in p["statement_id"]]
    assert len(found) == len(set(found)) == 4 + 6
    assert all(len(each) <= 100 for each in found)


def test_other_methods_of_a_route_are_405_and_preflights_know_it(own: Plan) -> None:
    def allowed(path: str) -> str:
        answer = own.resources[f'module.api.aws_api_gateway_integration_response.mock["ANY {path}"]']
        allow: str = answer["response_parameters"]["method.response.header.Allow"]
        return allow

    assert allowed("/orders/{id}") == "'GET, OPTIONS, PATCH'"
    assert allowed("/orders/{id}/pay") == "'OPTIONS, POST'"
    preflight = own.resources['module.api.aws_api_gateway_integration_response.mock["OPTIONS /hooks/{from_whom}"]']
    methods = preflight["response_parameters"]["method.response.header.Access-Control-Allow-Methods"]
    assert methods == "'OPTIONS, POST'"


def test_static_segments_are_reserved_ids(own: Plan) -> None:
    variables = own.resources['module.function["orders.create"].aws_lambda_function.this']["environment"][0][
        "variables"
    ]
    assert json.loads(variables["ENTITY_OPTIONS"])["reserved_ids"] == ["latest"]


def test_the_document_describes_routes(own: Plan) -> None:
    found = document(own)
    OpenAPIV30SpecValidator(found).validate()
    pay = found["paths"]["/orders/{id}/pay"]["post"]
    assert pay["operationId"] == "postOrdersByIdPay", "another route calls pay as well"
    ids = [found["paths"][path]["get"]["operationId"] for path in ("/stock-list", "/stock_list")]
    assert all(re.fullmatch("getStockList[A-F0-9][a-f0-9]{5}", each) for each in ids), ids
    assert len(set(ids)) == 2
    assert (pay["summary"], pay["tags"]) == ("Pay", ["orders"])
    assert pay["description"] == "Served by the function payments. For members of the group staff."
    assert pay["requestBody"]["required"] is True
    request, response = (f"#/components/schemas/Order{kind}" for kind in ("Request", "Response"))
    assert pay["requestBody"]["content"] == {"application/json": {"schema": {"$ref": request}}}
    assert pay["responses"]["200"]["content"] == {"application/json": {"schema": {"$ref": response}}}
    assert pay["responses"]["409"]["content"]["application/json"] == {"schema": {"$ref": response}}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    assert pay["responses"]["409"]["content"]["application/problem+json"] == problem
    assert {"400", "401", "403", "413", "415", "422", "4XX", "500"} <= set(pay["responses"])
    assert {p["name"]: p["schema"]["type"] for p in pay["parameters"]} == {
        "productId": "string", "quantity": "integer", "status": "string", "userId": "string",
    }  # fmt: skip
    assert found["components"]["schemas"]["OrderRequest"]["properties"]["quantity"]["default"] == 1
    assert "default" not in found["components"]["schemas"]["OrderResponse"]["properties"]["quantity"]
    change = found["paths"]["/orders/{id}"]["patch"]
    assert (change["summary"], change["description"]) == ("Change an order", "Until it is paid.")
    assert change["requestBody"] == {"content": {"application/json": {"schema": {}}}, "required": False}
    assert change["responses"]["2XX"]["content"] == {"*/*": {"schema": {}}}
    assert found["paths"]["/orders/{id}/pay"]["parameters"][0]["schema"] == {"$ref": "#/components/schemas/Id"}
    assert "400" in found["paths"]["/orders/latest"]["get"]["responses"]
    hook = found["paths"]["/hooks/{from_whom}"]
    assert hook["parameters"][0]["name"] == "from_whom"
    assert hook["parameters"][0]["schema"] == {"minLength": 1, "type": "string"}
    assert (hook["post"]["operationId"], hook["post"]["security"], hook["post"]["tags"]) == (
        "webhook",
        [],
        ["payments"],
    )
    assert hook["post"]["requestBody"]["content"] == {"text/csv": {"schema": {"type": "string"}}}
    assert {"description": "The function payments", "name": "payments"} in found["tags"]
