"""AWS's size limits: systems of up to 60 entities stay below them, or the plan states the size."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.plan.planner import ROOT, UNKNOWN, Plan, Planner, TerraformError, Values, run
from tools.laptop.corrections.apigateway import unpack

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

KB = 1024
TEMPLATE = 300 * KB

# The largest supported number of entities, with all features, and the longest names that functions'
# names allow.
LARGEST: Values = {
    "name": "a-name-of-twenty-cha",
    "environment": "an-environment-of-20",
    "region": "us-west-2",
    "alarms": {},
    "audit": {},
    "backup": {"monthly_days": 365},
    "deletion_protection": True,
    "entities": {
        f"entity-no-n{n:02}": {
            "access": {"default": "api_key", "get": "cognito", "list": "cognito:scope=read"},
            "filters": {"status": {"sort": "quantity"}, "userId": {}},
            "path": f"v1/entity-no-n{n:02}",
            "schema": "schemas/order.json",
        }
        for n in range(60)
    },
    "network": {"endpoints": ["kms"]},
    "waf": {},
    "website": {},
}


def api_module(
    folder: Path, planner: Planner, documents: dict[str, str], routes: dict[str, Values] | None = None
) -> Path:
    """Create a root that only calls modules/api, once for each document."""
    folder.mkdir()
    (folder / "modules").symlink_to(ROOT / "modules")
    (folder / ".terraform.lock.hcl").write_text((ROOT / ".terraform.lock.hcl").read_text())
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(document)
    scope = {"account_id": "1", "dns_suffix": "amazonaws.com", "partition": "aws", "region": "us-west-2"}
    problems = json.loads((ROOT / "contract" / "problems.json").read_text())
    call = {
        "source": "./modules/api", "authorizer": None, "cors_origins": ["*"], "description": "", "exposed_headers": [],
        "kms_key_arn": None, "log_retention_days": 1, "models": {"Patch": "{}"}, "problems": problems,
        "request_headers": [], "routes": routes or {}, "scope": scope,
        "stage": "test", "tags": {}, "throttle": {"burst_limit": 1, "rate_limit": 1}, "user_pool_arn": None,
        "disable_execute_api_endpoint": False, "validate_bodies": False, "vpc_endpoint_ids": None,
    }  # fmt: skip
    modules = {
        name: {
            **call,
            "name": name,
            "docs": {"access": "open", "document": f'${{file("${{path.root}}/{name}.json")}}', "path": "openapi.json"},
        }
        for name in documents
    }
    (folder / "main.tf.json").write_text(json.dumps({"module": modules}))
    planner.init(folder)
    return folder


def document_template(plan: Plan, module: str) -> str:
    address = f'module.{module}.aws_api_gateway_integration_response.mock["GET /openapi.json"]'
    found: str = plan.resources[address]["response_templates"]["application/json"]
    return found


def large_document(schemas: int, unlike: int = 0) -> Values:
    """Return a document whose schemas have most properties in common."""
    shared: Values = {f"p{n}": {"type": "string", "description": f"$shared #{n}, é. " * 8} for n in range(9)}
    shared["quoted"] = {"description": 'It\'s "quoted"'}
    return {
        "openapi": "3.0.3",
        "components": {
            "schemas": {
                f"Schema{s}": {
                    "properties": {**shared, "own": {"description": f"{s}-" * unlike}},
                    "$ref": "#/components/responses/NotFound",
                }
                for s in range(schemas)
            }
        },
    }


def test_a_document_too_large_for_a_template_is_packed(planner: Planner, tmp_path: Path) -> None:
    small, large = large_document(3), large_document(400)
    documents = {
        "small": json.dumps(small),
        "large": json.dumps(large, separators=(",", ":"), ensure_ascii=False),
    }
    assert len(documents["large"]) > TEMPLATE
    root = api_module(tmp_path / "root", planner, documents)
    plan = Plan(planner.make_plan(root, "documents", (), {}), prefix="")
    assert "#set" not in document_template(plan, "small"), "as it stands while it fits"
    packed = document_template(plan, "large")
    assert len(packed.encode()) < TEMPLATE
    assert json.loads(unpack(packed)) == large
    assert json.loads(document_template(plan, "small")) == small


def test_a_document_too_large_even_so_is_refused_with_its_size(planner: Planner, tmp_path: Path) -> None:
    root = api_module(tmp_path / "root", planner, {"huge": json.dumps(large_document(400, 400))})
    with pytest.raises(
        TerraformError, match=r"too large for API Gateway: \d+ KB as a mapping template, which may have 300"
    ):
        run(root, planner.environment, "plan", input=False, lock=False)


@pytest.mark.slow
def test_more_resources_than_an_api_has_by_default_are_a_warning(planner: Planner, tmp_path: Path) -> None:
    """The quota can be raised, so the plan continues with a warning."""
    routes: dict[str, Values] = {
        f"r{n}": {
            "access": "open", "function": "f", "method": "GET", "model": "Empty", "parameters": [],
            "path": f"p{n}/b/c/d/e", "qualifier": "live", "scopes": [],
        }
        for n in range(60)
    }  # fmt: skip
    root = api_module(tmp_path / "root", planner, {"wide": "{}"}, routes)
    plan = Plan(planner.make_plan(root, "resources", (), {}), prefix="")
    failed = [check for check in plan.data["checks"] if check["status"] == "fail"]
    (message,) = [problem["message"] for check in failed for i in check["instances"] for problem in i["problems"]]
    assert plan.counts["aws_api_gateway_resource"] == 301
    assert message.startswith("The API has 302 resources, and API Gateway allows 300")


def metrics(widget: Values) -> int:
    """Return the number of metrics in a widget, including expressions."""
    return len(widget["properties"].get("metrics", []))


def dashboards(plan: Plan) -> list[list[Values]]:
    """Return the widgets of each dashboard."""
    return [json.loads(d["dashboard_body"])["widgets"] for d in plan.all("aws_cloudwatch_dashboard").values()]


def check_dashboards(plan: Plan) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"""
    for widgets in dashboards(plan):
        assert len(widgets) <= 500
        assert max(map(metrics, widgets)) <= 500
        assert sum(map(metrics, widgets)) <= 2500


@pytest.fixture(scope="session")
def largest_plan(planner: Planner) -> Plan:
    return planner(**LARGEST)


@pytest.mark.slow
def test_sixty_entities_with_long_names_are_below_every_limit(largest_plan: Plan) -> None:
    plan = largest_plan
    inline: dict[str, int] = defaultdict(int)
    for address, policy in plan.all("aws_iam_role_policy").items():
        # An unknown text is a key's policy, with one or two statements.
        inline[address.partition(".aws_iam_role_policy")[0] + address.partition("[")[2]] += len(
            "" if policy["policy"] == UNKNOWN else policy["policy"].replace(" ", "")
        )
    assert max(inline.values()) + 1500 <= 10240
    sizes = {
        "aws_vpc_endpoint": 20480,
        "aws_kms_key": 32 * KB,
        "aws_s3_bucket_policy": 20 * KB,
        "aws_backup_vault_policy": 10 * KB,
        "aws_sns_topic_policy": 30 * KB,
    }
    for kind, limit in sizes.items():
        found = [values["policy"] for values in plan.all(kind).values()]
        assert found, kind
        assert max(map(len, found)) <= limit, kind
    for rule in [alarm["alarm_rule"] for alarm in plan.all("aws_cloudwatch_composite_alarm").values()]:
        assert len(rule) <= 10240
        assert rule.count("ALARM(") <= 100
    assert max(len(values["name"]) for values in plan.all("aws_iam_role").values()) <= 64
    assert len({values["name"] for values in plan.all("aws_iam_role").values()}) == plan.counts["aws_iam_role"]
    assert max(len(values["bucket"]) for values in plan.all("aws_s3_bucket").values()) <= 63
    assert max(len(values["name"]) for values in plan.all("aws_cloudfront_function").values()) <= 64
    assert plan.counts["aws_api_gateway_resource"] < 300
    assert sum(len(m["schema"]) for m in plan.all("aws_api_gateway_model").values()) <= 400 * KB
    values = [
        len(field["equals"] or [])
        for trail in plan.all("aws_cloudtrail").values()
        for selector in trail["advanced_event_selector"]
        for field in selector["field_selector"]
    ]
    assert sum(values) <= 500
    assert all(len(q["log_group_names"]) <= 50 for q in plan.all("aws_cloudwatch_query_definition").values())
    templates: list[Any] = [
        template
        for response in plan.all("aws_api_gateway_integration_response").values()
        for template in (response["response_templates"] or {}).values()
    ]
    assert max(len(template.encode()) for template in templates) <= TEMPLATE


@pytest.mark.slow
def test_the_dashboard_of_sixty_entities_is_split(largest_plan: Plan) -> None:
    check_dashboards(largest_plan)
    titles = [w["properties"].get("title", "") for widgets in dashboards(largest_plan) for w in widgets]
    for entity in LARGEST["entities"]:
        assert titles.count(f"{entity}: requests") == 1
    bodies = {d["dashboard_name"]: d["dashboard_body"] for d in largest_plan.all("aws_cloudwatch_dashboard").values()}
    first = f"{LARGEST['name']}-{LARGEST['environment']}-us-west-2"
    assert len(bodies) > 2
    assert all(f"Dashboard `{name}`: entity-no-" in bodies[first] for name in bodies.keys() - {first})


def test_a_dashboard_stays_below_cloudwatchs_limits(plan: Plan) -> None:
    check_dashboards(plan)
