"""Tokens of any OpenID Connect issuer: the function that verifies them, and the checks of gateway and functions."""

from __future__ import annotations

import json
import re

import pytest

from tests.plan.conftest import BOUNDARY
from tests.plan.planner import UNKNOWN, Plan, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

AUTHORIZER = "shop-authorizer-test"
ACCOUNT = "us-west-2:000000000000"


@pytest.fixture(name="issued")
def issued_plan(systems: dict[str, Plan]) -> Plan:
    return systems["issued"]


def authorizer(plan: Plan) -> Values:
    return plan.one("aws_lambda_function", "module.authorizer")


def options(plan: Plan, function: str) -> Values:
    environment = plan.one("aws_lambda_function", f'"{function}"')["environment"][0]["variables"]
    found: Values = json.loads(environment["ENTITY_OPTIONS"])
    return found


def test_there_is_no_authorizer_where_nothing_asks_for_one(plan: Plan) -> None:
    assert not [address for address in plan.resources if "authorizer" in address]
    assert plan.outputs["authorizer_name"] is None


def test_authorizer_knows_the_issuer_and_has_no_rights_and_no_vpc(issued: Plan) -> None:
    function = authorizer(issued)
    assert (function["function_name"], function["timeout"], function["memory_size"]) == (AUTHORIZER, 10, 512)
    assert function["vpc_config"] == [], "the issuer is on the internet"
    assert function["reserved_concurrent_executions"] == -1
    assert function["filename"].endswith("dist/authorizer.zip")
    variables = function["environment"][0]["variables"]
    assert {k: v for k, v in variables.items() if k != "JWT"} == {
        "ENVIRONMENT": "test", "LOG_LEVEL": "INFO", "METRICS_NAMESPACE": "shop-test",
    }  # fmt: skip
    assert json.loads(variables["JWT"]) == {
        "audiences": ["https://api.example.com", "shop"],
        "groups_claim": "https://example.com/roles",
        "issuer": "https://example.eu.auth0.com/",
    }
    assert issued.one("aws_iam_role", "module.authorizer")["permissions_boundary"] == BOUNDARY
    policy = issued.one("aws_iam_role_policy", 'module.authorizer["authorizer"].aws_iam_role_policy.this')["policy"]
    assert [statement["Sid"] for statement in json.loads(policy)["Statement"]] == ["WriteLogs", "WriteTraces"]
    assert issued.outputs["authorizer_name"] == AUTHORIZER


def test_gateway_asks_the_authorizer_for_what_looks_like_a_token(issued: Plan) -> None:
    found = issued.one("aws_api_gateway_authorizer", ".tokens[0]")
    assert (found["type"], found["authorizer_result_ttl_in_seconds"]) == ("TOKEN", 300)
    assert found["identity_source"] == "method.request.header.Authorization"
    path = "arn:aws:apigateway:us-west-2:lambda:path/2015-03-31/functions"
    assert found["authorizer_uri"] == f"{path}/arn:aws:lambda:{ACCOUNT}:function:{AUTHORIZER}:live/invocations"
    form = re.compile(found["identity_validation_expression"])
    assert form.fullmatch("Bearer aZ0-_.bY9-_.cX8-_")
    for text in (
        "",
        "Bearer",
        "Bearer a.b",
        "Bearer a.b.c.d.e",
        "Bearer a..c",
        "Basic YTpi",
        "a.b.c",
        "Bearer a.b.c x",
    ):
        assert not form.search(text), text
    permission = issued.one("aws_lambda_permission", ".tokens[0]")
    assert (permission["function_name"], permission["qualifier"]) == (AUTHORIZER, "live")
    assert permission["source_arn"] == UNKNOWN, "the authorizer alone, by its id"


@pytest.mark.parametrize(
    ("key", "authorization", "kind"),
    [
        ("todos.create", "CUSTOM", "tokens"), ("todos.merge", "CUSTOM", "tokens"), ("todos.delete", "CUSTOM", "tokens"),
        ("todos.get", "COGNITO_USER_POOLS", "users"), ("todos.list", "NONE", None),
    ],
)  # fmt: skip
def test_each_method_asks_for_its_own_tokens(issued: Plan, key: str, authorization: str, kind: str | None) -> None:
    method = issued.one("aws_api_gateway_method", f'"{key}"')
    assert method["authorization"] == authorization
    assert method["authorizer_id"] == (UNKNOWN if kind else None)
    # The gateway checks scopes only in the user pool's tokens.
    assert bool(method["authorization_scopes"]) == (kind == "users")
    if kind:
        references = issued.configuration["module_calls"]["api"]["module"]
        assert f"aws_api_gateway_authorizer.{kind}" in json.dumps(references)


def test_functions_judge_groups_and_scopes(issued: Plan) -> None:
    create, delete, get, merge = (options(issued, f"todos.{o}") for o in ("create", "delete", "get", "merge"))
    assert (create["signed_in"], create["scopes"]) == (["create"], {"create": "todos:write"})
    assert (delete["signed_in"], delete["groups"]) == (["delete"], {"delete": "/Support Team"})
    assert (get["signed_in"], get["groups"]) == (["get"], {"get": "admins"})
    assert merge["signed_in"] == ["merge"]
    assert not any("scopes" in each for each in (delete, get, merge)), "the user pool's are the gateway's business"
    assert sorted(options(issued, "notes.entity")["signed_in"]) == ["create", "get"]


def test_groups_of_an_issuer_are_none_of_the_user_pool(issued: Plan) -> None:
    assert issued.one("aws_cognito_user_group")["name"] == "admins"
    assert issued.counts["aws_cognito_resource_server"] == 0


def test_document_has_a_bearer_of_the_issuer(issued: Plan) -> None:
    document = json.loads(issued.outputs["openapi_document"])
    schemes = document["components"]["securitySchemes"]
    assert sorted(schemes) == ["cognito", "jwt"]
    assert [schemes["jwt"][member] for member in ("type", "scheme", "bearerFormat")] == ["http", "bearer", "JWT"]
    assert "https://example.eu.auth0.com/.well-known/openid-configuration" in schemes["jwt"]["description"]
    todo = document["paths"]["/todos/{id}"]
    assert todo["delete"]["security"] == [{"jwt": []}]
    assert todo["delete"]["description"].endswith("For members of the group /Support Team.")
    assert document["paths"]["/todos"]["post"]["description"].endswith("For tokens with the scope todos:write.")
    assert {"401", "403", "503"} <= todo["delete"]["responses"].keys()


def test_gateway_says_503_when_the_authorizer_fails(issued: Plan) -> None:
    for kind in ("AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE"):
        response = issued.one("aws_api_gateway_gateway_response", f'"{kind}"')
        assert response["status_code"] == "503"
        assert response["response_parameters"]["gatewayresponse.header.Retry-After"] == "'5'"
        problem = json.loads(response["response_templates"]["application/json"])
        assert problem["type"] == "urn:trestle:problem:service-unavailable"


def test_alarms_and_dashboard_tell_refused_tokens_from_faults(issued: Plan) -> None:
    alarms = {
        alarm["alarm_name"].removeprefix("shop-test/authorizer/function/"): alarm
        for alarm in issued.all("aws_cloudwatch_metric_alarm").values()
        if alarm["alarm_name"].startswith("shop-test/authorizer/")
    }
    assert alarms.keys() == {"duration", "error-rate", "errors", "throttles"}
    queries = {query["id"]: query for query in alarms["errors"]["metric_query"]}
    assert queries["total"]["expression"] == "FILL(errors, 0) - FILL(refusals, 0)"
    refusals = queries["refusals"]["metric"][0]
    assert (refusals["namespace"], refusals["metric_name"]) == ("shop-test", "Refusals")
    assert refusals["dimensions"] == {"function": "authorizer"}
    assert alarms["duration"]["threshold"] == 8000, "80 % of its 10 seconds"
    assert alarms["errors"]["alarm_description"].endswith("docs/how-to/runbook.md#authorizer")
    composite = issued.one("aws_cloudwatch_composite_alarm", '.entity["authorizer"]')
    assert composite["alarm_rule"].count("ALARM(") == 4
    dashboard = json.loads(issued.one("aws_cloudwatch_dashboard")["dashboard_body"])
    titles = {widget["properties"].get("title") for widget in dashboard["widgets"]}
    assert {f"function authorizer: {what}" for what in ("requests", "errors", "latency, ms", "throttles")} <= titles
    query = issued.one("aws_cloudwatch_query_definition", '"faults"')
    assert f"/aws/lambda/{AUTHORIZER}" in query["log_group_names"]
