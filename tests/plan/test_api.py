"""The REST API in the gateway: methods, responses without a function, stage and log."""

from __future__ import annotations

import json
import re

import pytest

from tests.plan.conftest import ORIGINS
from tests.plan.planner import ROOT, UNKNOWN, Plan, Values
from tools.laptop.corrections.apigateway import ALLOW_ORIGIN

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

# By operation: method, whether it is for one item, parameters besides the id, model.
METHODS = {
    "create": ("POST", False, {"header.Idempotency-Key"}, "TodosBody"),
    "list": ("GET", False, {f"querystring.{p}" for p in ("cursor", "fields", "limit", "order")}, "Empty"),
    "get": ("GET", True, {"header.If-Match", "header.If-None-Match"}, "Empty"),
    "replace": ("PUT", True, {"header.If-Match"}, "TodosBody"),
    "merge": ("PATCH", True, {"header.If-Match"}, "Patch"),
    "delete": ("DELETE", True, {"header.If-Match"}, "Empty"),
}

# Every type of gateway response, with the status and the kind of problem that callers get:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
GATEWAY_RESPONSES = {
    "ACCESS_DENIED": (403, "forbidden", "Forbidden"),
    "API_CONFIGURATION_ERROR": (500, "internal-error", "Internal error"),
    "AUTHORIZER_CONFIGURATION_ERROR": (503, "service-unavailable", "Service unavailable"),
    "AUTHORIZER_FAILURE": (503, "service-unavailable", "Service unavailable"),
    "BAD_REQUEST_BODY": (400, "invalid-request", "Invalid request"),
    "BAD_REQUEST_PARAMETERS": (400, "invalid-request", "Invalid request"),
    "DEFAULT_4XX": (403, "forbidden", "Forbidden"),
    "DEFAULT_5XX": (502, "bad-gateway", "Bad gateway"),
    "EXPIRED_TOKEN": (403, "forbidden", "Forbidden"),
    "INTEGRATION_FAILURE": (502, "bad-gateway", "Bad gateway"),
    "INTEGRATION_TIMEOUT": (504, "gateway-timeout", "Gateway timeout"),
    "INVALID_API_KEY": (403, "forbidden", "Forbidden"),
    "INVALID_SIGNATURE": (403, "forbidden", "Forbidden"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "not-found", "Not found"),
    "QUOTA_EXCEEDED": (429, "too-many-requests", "Too many requests"),
    "REQUEST_TOO_LARGE": (413, "content-too-large", "Content too large"),
    "RESOURCE_NOT_FOUND": (404, "not-found", "Not found"),
    "THROTTLED": (429, "too-many-requests", "Too many requests"),
    "UNAUTHORIZED": (401, "unauthorized", "Unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "unsupported-media-type", "Unsupported media type"),
    "WAF_FILTERED": (403, "forbidden", "Forbidden"),
}

EXPOSED = {"ETag", "Location", "Link", "Retry-After", "Idempotency-Replayed", "Item-Owner"}
REQUEST_HEADERS = {
    "Content-Type", "Authorization", "X-Api-Key", "X-Amz-Date", "X-Amz-Security-Token",
    "If-Match", "If-None-Match", "Idempotency-Key",
}  # fmt: skip


def mocks(plan: Plan, kind: str) -> dict[str, Values]:
    """Return the resources of a type that belong to a mock, by "METHOD /path"."""
    return {a.partition('"')[2].rpartition('"')[0]: v for a, v in plan.all(kind).items() if ".mock[" in a}


def headers(response: Values) -> dict[str, str]:
    """Return an integration response's fixed headers."""
    return {k.removeprefix("method.response.header."): v.strip("'") for k, v in response["response_parameters"].items()}


def names(header: str) -> set[str]:
    return set(re.split(r",\s*", header))


def trigger(plan: Plan) -> str:
    (value,) = plan.one("aws_api_gateway_deployment")["triggers"].values()
    assert isinstance(value, str)
    assert value != UNKNOWN
    return value


def test_api_is_regional_and_named(plan: Plan) -> None:
    api = plan.one("aws_api_gateway_rest_api")
    assert api["name"] == "shop-test"
    assert api["endpoint_configuration"][0]["types"] == ["REGIONAL"]
    assert api["body"] is None


def test_paths(plan: Plan) -> None:
    assert sorted(r["path_part"] for r in plan.all("aws_api_gateway_resource").values()) == [
        "openapi.json", "todos", "{id}",
    ]  # fmt: skip


def test_an_entity_at_the_root_has_only_items_below(systems: dict[str, Plan]) -> None:
    plan = systems["at_the_root"]
    parts = sorted(r["path_part"] for r in plan.all("aws_api_gateway_resource").values())
    assert parts == ["openapi.json", "{id}"]
    assert set(mocks(plan, "aws_api_gateway_method")) == {
        "GET /openapi.json",
        *(f"{method} /{part}" for method in ("ANY", "OPTIONS") for part in ("", "{id}", "openapi.json")),
    }


def test_entities_share_the_start_of_their_paths(systems: dict[str, Plan]) -> None:
    parts = sorted(r["path_part"] for r in systems["two_entities"].all("aws_api_gateway_resource").values())
    assert parts == ["customers", "openapi.json", "todos", "v1", "{id}", "{id}"]


def test_every_method_has_a_validator_and_a_model(plan: Plan) -> None:
    methods = plan.all("aws_api_gateway_method")
    assert len(methods) == 6 + 2 * 3 + 1
    for method in methods.values():
        assert method["request_validator_id"] == UNKNOWN, "set: null where no validator is named"
        assert set(method["request_models"]) == {"application/json"}
    validator = plan.one("aws_api_gateway_request_validator")
    assert (validator["validate_request_parameters"], validator["validate_request_body"]) == (True, False)


@pytest.mark.parametrize("operation", METHODS)
def test_method_of_an_operation(plan: Plan, operation: str) -> None:
    http_method, on_item, parameters, model = METHODS[operation]
    method = plan.one("aws_api_gateway_method", f'"todos.{operation}"')
    assert method["http_method"] == http_method
    wanted = {f"method.request.{p}": False for p in parameters}
    assert method["request_parameters"] == wanted | ({"method.request.path.id": True} if on_item else {})
    assert method["request_models"] == {"application/json": model}
    assert (method["authorization"], method["api_key_required"]) == ("NONE", True)


@pytest.mark.parametrize("operation", METHODS)
def test_integration_invokes_the_alias(plan: Plan, operation: str) -> None:
    integration = plan.one("aws_api_gateway_integration", f'"todos.{operation}"')
    assert (integration["type"], integration["integration_http_method"]) == ("AWS_PROXY", "POST")
    assert integration["http_method"] == METHODS[operation][0]
    function = f"arn:aws:lambda:us-west-2:000000000000:function:shop-todos-{operation}-test:live"
    assert integration["uri"] == f"arn:aws:apigateway:us-west-2:lambda:path/2015-03-31/functions/{function}/invocations"
    permission = plan.one("aws_lambda_permission", f'"todos.{operation}"')
    assert (permission["qualifier"], permission["principal"]) == ("live", "apigateway.amazonaws.com")
    assert permission["function_name"] == f"shop-todos-{operation}-test"
    assert permission["source_arn"] == UNKNOWN, "set: anybody's API could call without it"


@pytest.mark.parametrize(
    ("operation", "authorization", "key"),
    [("get", "NONE", False), ("list", "AWS_IAM", False), ("create", "NONE", True)],
)
def test_access_by_operation(systems: dict[str, Plan], operation: str, authorization: str, key: bool) -> None:
    method = systems["mixed_access"].one("aws_api_gateway_method", f'"todos.{operation}"')
    assert (method["authorization"], method["api_key_required"]) == (authorization, key)


def test_models_hold_an_object(plan: Plan) -> None:
    anything: Values = {"createdAt": {}, "id": {}, "updatedAt": {}, "version": {}}
    models = {m["name"]: json.loads(m["schema"]) for m in plan.all("aws_api_gateway_model").values()}
    assert models == {
        "TodosBody": {"type": "object", "properties": anything},
        "Patch": {"type": "object"},
    }
    for method in plan.all("aws_api_gateway_method").values():
        assert set(method["request_models"].values()) <= {*models, "Empty"}, "Empty is every API's own"


def test_model_is_the_schema_that_the_gateway_understands(systems: dict[str, Plan]) -> None:
    schema = json.loads((ROOT / "schemas" / "order.json").read_text())
    model = json.loads(systems["filtered"].one("aws_api_gateway_model", "TodosBody")["schema"])
    envelope = {"createdAt", "id", "updatedAt", "version"}
    assert {name: rule for name, rule in model["properties"].items() if name not in envelope} == schema["properties"]
    assert all(model["properties"][name] == {} for name in envelope), "a body may repeat them"
    assert "required" not in model, "all that is required has a default"
    assert model.keys() == {"type", "properties"}


def test_list_takes_what_the_filters_bring(systems: dict[str, Plan]) -> None:
    method = systems["filtered"].one("aws_api_gateway_method", '"todos.list"')
    names = {p.removeprefix("method.request.querystring.") for p in method["request_parameters"]}
    assert names == {
        "cursor", "fields", "limit", "order", "status", "userId",
        "quantity.gt", "quantity.gte", "quantity.lt", "quantity.lte",
        "createdAt.gt", "createdAt.gte", "createdAt.lt", "createdAt.lte", "createdAt.prefix",
    }  # fmt: skip
    method = systems["unordered"].one("aws_api_gateway_method", '"todos.list"')
    assert "method.request.querystring.order" not in method["request_parameters"]


def test_one_function_answers_every_route(systems: dict[str, Plan]) -> None:
    plan = systems["per_entity"]
    for operation, (http_method, _, _, _) in METHODS.items():
        uri = plan.one("aws_api_gateway_integration", f'"todos.{operation}"')["uri"]
        assert "function:shop-todos-entity-test:live/" in uri
        permission = plan.one("aws_lambda_permission", f'"todos.{operation}"')
        assert permission["function_name"] == "shop-todos-entity-test"
        assert permission["statement_id"] == f"api-gateway-todos-{operation}", "one policy holds them all"
        assert plan.one("aws_api_gateway_method", f'"todos.{operation}"')["http_method"] == http_method


@pytest.mark.parametrize(("system", "key"), [("two_operations", False), ("docs_for_holders_of_keys", True)])
def test_document_is_answered_without_a_function(systems: dict[str, Plan], system: str, key: bool) -> None:
    plan = systems[system]
    method = mocks(plan, "aws_api_gateway_method")["GET /openapi.json"]
    assert (method["authorization"], method["api_key_required"]) == ("NONE", key)
    assert mocks(plan, "aws_api_gateway_integration")["GET /openapi.json"]["type"] == "MOCK"
    response = mocks(plan, "aws_api_gateway_integration_response")["GET /openapi.json"]
    assert headers(response)["Content-Type"] == "application/json"
    template = response["response_templates"]["application/json"]
    [server] = json.loads(template)["servers"]
    assert server["url"].count("$") == template.count("$"), "a template expands it"
    assert "#" not in template, "a template expands it"
    assert json.loads(template)["components"]["schemas"]["TodosPage"]["properties"]["items"]["items"] == {
        "$ref": "#/components/schemas/TodosItem"
    }
    assert plan.outputs["openapi_url"] == UNKNOWN


def test_document_may_stay_away(systems: dict[str, Plan]) -> None:
    plan = systems["docs_for_nobody"]
    assert not [key for key in mocks(plan, "aws_api_gateway_method") if "openapi" in key]
    assert plan.outputs["openapi_url"] is None


def test_only_configured_operations_exist(systems: dict[str, Plan]) -> None:
    plan = systems["two_operations"]
    assert plan.counts["aws_lambda_function"] == 2
    routes = [m["http_method"] for a, m in plan.all("aws_api_gateway_method").items() if ".mock[" not in a]
    assert sorted(routes) == ["GET", "POST"]
    (allowed,) = {
        headers(r)["Allow"] for k, r in mocks(plan, "aws_api_gateway_integration_response").items() if k == "ANY /todos"
    }
    assert names(allowed) == {"GET", "OPTIONS", "POST"}


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/todos", {"GET", "POST", "OPTIONS"}), ("/todos/{id}", {"GET", "PUT", "PATCH", "DELETE", "OPTIONS"})],
)
def test_mocks_answer_preflights_and_other_methods(plan: Plan, path: str, methods: set[str]) -> None:
    for key, status in ((f"OPTIONS {path}", "204"), (f"ANY {path}", "405")):
        method = mocks(plan, "aws_api_gateway_method")[key]
        assert (method["authorization"], method["api_key_required"]) == ("NONE", False)
        integration = mocks(plan, "aws_api_gateway_integration")[key]
        assert integration["type"] == "MOCK"
        assert json.loads(integration["request_templates"]["application/json"]) == {"statusCode": int(status)}
        response = mocks(plan, "aws_api_gateway_integration_response")[key]
        assert response["status_code"] == status
        declared = mocks(plan, "aws_api_gateway_method_response")[key]
        assert declared["status_code"] == status
        assert declared["response_parameters"].keys() >= response["response_parameters"].keys()
        assert headers(response)["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in headers(response)

    preflight = headers(mocks(plan, "aws_api_gateway_integration_response")[f"OPTIONS {path}"])
    assert names(preflight["Access-Control-Allow-Methods"]) == methods
    assert names(preflight["Access-Control-Allow-Headers"]) >= REQUEST_HEADERS

    refusal = mocks(plan, "aws_api_gateway_integration_response")[f"ANY {path}"]
    assert names(headers(refusal)["Allow"]) == methods
    assert headers(refusal)["Content-Type"] == "application/problem+json"
    assert names(headers(refusal)["Access-Control-Expose-Headers"]) == EXPOSED
    problem = json.loads(refusal["response_templates"]["application/json"])
    assert (problem["type"], problem["title"], problem["status"], problem["requestId"]) == (
        "urn:trestle:problem:method-not-allowed", "Method not allowed", 405, "$context.requestId",
    )  # fmt: skip


def test_every_gateway_response_is_set(plan: Plan) -> None:
    assert {
        r["response_type"] for r in plan.all("aws_api_gateway_gateway_response").values()
    } == GATEWAY_RESPONSES.keys()


@pytest.mark.parametrize("kind", GATEWAY_RESPONSES)
def test_gateway_response_is_a_problem_with_cors(plan: Plan, kind: str) -> None:
    status, problem, title = GATEWAY_RESPONSES[kind]
    response = plan.one("aws_api_gateway_gateway_response", f'"{kind}"')
    assert response["status_code"] == str(status)
    assert set(response["response_templates"]) == {"application/json"}
    body = json.loads(response["response_templates"]["application/json"])
    assert body.keys() == {"type", "title", "status", "detail", "requestId"}
    assert (body["type"], body["title"], body["status"]) == (f"urn:trestle:problem:{problem}", title, status)
    assert body["requestId"] == "$context.requestId"
    assert "$context" not in body["detail"], "the gateway's own words name ARNs"
    given = {
        k.removeprefix("gatewayresponse.header."): v.strip("'") for k, v in response["response_parameters"].items()
    }
    assert given["Content-Type"] == "application/problem+json"
    assert given["Access-Control-Allow-Origin"] == "*"
    assert names(given["Access-Control-Expose-Headers"]) == EXPOSED
    assert ("Retry-After" in given) == (status in (429, 503))
    assert given.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)


def test_every_response_allows_a_single_origin(systems: dict[str, Plan]) -> None:
    plan = systems["one_origin"]
    for response in mocks(plan, "aws_api_gateway_integration_response").values():
        assert headers(response)["Access-Control-Allow-Origin"] == ORIGINS[0]
    for response in plan.all("aws_api_gateway_gateway_response").values():
        assert (
            response["response_parameters"]["gatewayresponse.header.Access-Control-Allow-Origin"] == f"'{ORIGINS[0]}'"
        )


def test_with_several_origins_responses_allow_the_callers(systems: dict[str, Plan]) -> None:
    plan = systems["many_origins"]
    for response in mocks(plan, "aws_api_gateway_integration_response").values():
        assert "Access-Control-Allow-Origin" not in headers(response)
        assert headers(response)["Vary"] == "Origin"
        template = response["response_templates"]["application/json"]
        assert "$context.responseOverride.header.Access-Control-Allow-Origin = $origin" in template
        assert template.count("https://a-rather-long-origin-") == 50
        # In Velocity, list literals have no methods, and a header's name has the caller's spelling.
        assert "].contains(" not in template
        assert "$headers.get('Origin')" in template
        assert "$headers.get('origin')" in template
        allowed = ALLOW_ORIGIN.search(template)
        assert allowed, "the local run knows this template"
        assert json.loads(allowed[1]) == ORIGINS[:50]
    for response in plan.all("aws_api_gateway_gateway_response").values():
        given = response["response_parameters"]
        assert given["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'"
        assert not any("method.request" in value for value in given.values()), "names are case-sensitive there"


def test_stage_and_its_settings(plan: Plan) -> None:
    stage = plan.one("aws_api_gateway_stage")
    assert stage["stage_name"] == "test"
    assert stage["xray_tracing_enabled"] is True
    assert not stage["cache_cluster_enabled"]
    settings = plan.one("aws_api_gateway_method_settings")
    assert (settings["method_path"], settings["stage_name"]) == ("*/*", "test")
    (values,) = settings["settings"]
    assert values["metrics_enabled"] is True
    assert values["logging_level"] == "ERROR"
    assert values["data_trace_enabled"] is False
    assert (values["throttling_rate_limit"], values["throttling_burst_limit"]) == (1000, 2000)


def test_throttle_is_configurable(systems: dict[str, Plan]) -> None:
    (values,) = systems["two_plans"].one("aws_api_gateway_method_settings")["settings"]
    assert (values["throttling_rate_limit"], values["throttling_burst_limit"]) == (10, 20)


def test_access_log_tells_who_asked_what_and_how_long_it_took(plan: Plan) -> None:
    (log,) = plan.one("aws_api_gateway_stage")["access_log_settings"]
    assert log["destination_arn"] == UNKNOWN
    fields = set(json.loads(log["format"]).values())
    assert fields >= {
        "$context.requestId", "$context.identity.sourceIp", "$context.identity.userAgent",
        "$context.identity.apiKeyId", "$context.responseLatency", "$context.integrationLatency",
        "$context.httpMethod", "$context.path", "$context.status", "$context.error.responseType",
    }  # fmt: skip
    assert fields >= {"$context.authorizer.claims.sub", "$context.wafResponseCode"}
    claims = set(re.findall(r"authorizer\.[\w.]*", log["format"]))
    assert claims == {"authorizer.claims.sub"}, "who it was, and neither name nor address"
    assert not any(secret in log["format"] for secret in ('identity.apiKey"', "requestOverride"))
    for group in (g for a, g in plan.all("aws_cloudwatch_log_group").items() if a.startswith("module.api.")):
        assert group["retention_in_days"] == 365
        assert group["kms_key_id"] == UNKNOWN


@pytest.mark.parametrize(
    ("system", "other"),
    [
        ("open", "signed_in"),
        ("signed_in", "with_scopes"),
        ("two_operations", "bodies_at_gateway"),
        ("two_operations", "docs_for_holders_of_keys"),
        ("two_operations", "filtered"),
        ("two_operations", "one_origin"),
        ("two_operations", "open"),
        ("two_operations", "other_path"),
        ("two_operations", "small"),
        ("small", "merging"),
        ("one_origin", "many_origins"),
    ],
)
def test_what_shapes_the_api_redeploys_it(systems: dict[str, Plan], system: str, other: str) -> None:
    assert trigger(systems[system]) != trigger(systems[other])


def test_what_does_not_shape_the_api_leaves_the_deployment_alone(plan: Plan, changed_plan: Plan) -> None:
    assert trigger(changed_plan) == trigger(plan)


def test_stage_moves_to_a_new_deployment_before_the_old_one_goes(plan: Plan) -> None:
    module = plan.configuration["module_calls"]["api"]["module"]
    resources = {
        r["type"]: r
        for r in module["resources"]
        if r["type"] in ("aws_api_gateway_deployment", "aws_api_gateway_stage")
    }
    waits = {d.partition(".")[0] for d in resources["aws_api_gateway_deployment"]["depends_on"]}
    assert waits >= {
        "aws_api_gateway_integration",
        "aws_api_gateway_integration_response",
        "aws_api_gateway_gateway_response",
    }
    stage = resources["aws_api_gateway_stage"]["expressions"]["deployment_id"]["references"]
    assert "aws_api_gateway_deployment.this.id" in stage
