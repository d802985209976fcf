"""Test cost estimates: each line against a calculation by hand, and every resource type is known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit import commands
from tools.aws import cost
from tools.errors import UserError
from tools.terraform import ROOT

TABLE = json.loads(cost.PRICES.read_text())
FUNCTION: dict[str, Any] = {"memory_size": 256, "environment": [{"variables": {}}], "snap_start": []}
NAMES = {"items": {"create": "f-create", "get": "f-get", "list": "f-list"}}


def resource(kind: str, name: str = "this", **values: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": kind, "name": name, "values": values}


def plan(
    *resources: dict[str, Any], names: Any = NAMES, tables: Any = None, region: str = "us-west-2"
) -> dict[str, Any]:
    functions = [
        resource("aws_lambda_function", **FUNCTION, function_name=f) for e in names.values() for f in e.values()
    ]
    outputs = {"function_names": names, "table_names": tables or {}}
    return {
        "variables": {"region": {"value": region}},
        "planned_values": {
            "outputs": {name: {"value": value} for name, value in outputs.items()},
            "root_module": {
                "resources": [{**resource("aws_iam_policy_document"), "mode": "data"}],
                "child_modules": [{"resources": [*resources], "child_modules": [{"resources": functions}]}],
            },
        },
    }


def lines(document: dict[str, Any], requests: int = 1_000_000) -> dict[str, tuple[float, float]]:
    made = cost.Estimate(document, requests, TABLE).lines()
    assert len({line.label for line in made}) == len(made)
    return {line.label: (round(line.fixed, 2), round(line.by_request, 2)) for line in made}


def test_costs_of_requests() -> None:
    table = resource(
        "aws_dynamodb_table",
        name="t",
        global_secondary_index=[{}, {}],
        point_in_time_recovery=[{"enabled": True}],
    )
    table["values"]["name"] = "t"
    document = plan(
        table,
        resource("aws_api_gateway_stage", xray_tracing_enabled=True),
        resource("aws_api_gateway_method_settings", settings=[{"metrics_enabled": True}]),
        resource("aws_cloudwatch_log_group", retention_in_days=365),
        resource("aws_cloudtrail"),
        resource("aws_kms_key"),
        tables={"items": "t"},
    )
    assert lines(document) == {
        "API Gateway: requests": (0, 3.50),
        "Data transfer to the internet": (0, 0.56),
        "Lambda: requests": (0, 0.20),
        "Lambda: 12 ms a request": (0, 0.04),
        # 500,000 reads of one unit and 200,000 pages of 3.5; 300,000 writes of three units.
        "DynamoDB: reads": (0, 0.15),
        "DynamoDB: writes, with indexes": (0, 0.56),
        "DynamoDB: 1 GB and its indexes": (0.75, 0),
        "DynamoDB: point-in-time recovery": (0.20, 0),
        "CloudTrail: events of tables": (0, 1.00),
        "CloudWatch Logs: ingestion": (0, 0.91),
        "CloudWatch Logs: storage, 365 days": (0, 0.1),
        "CloudWatch: 15 metrics of the gateway": (4.50, 0),
        "X-Ray: traces, at most": (0, 5.00),
        "KMS: customer keys": (1.00, 0),
        "KMS: requests": (0.08, 0),
    }
    idle = lines(document, 0)
    assert idle == {label: (fixed, 0) for label, (fixed, _) in lines(document).items() if label in idle}
    assert set(idle) == {
        "DynamoDB: 1 GB and its indexes",
        "DynamoDB: point-in-time recovery",
        "KMS: customer keys",
        "KMS: requests",
    }
    assert lines(document, 10_000_000)["X-Ray: traces, at most"] == (0, 14.98)


@pytest.mark.parametrize(("key", "asked"), [("arn:aws:kms:us-west-2:1:key/0a", True), ("", False)])
def test_an_existing_key_costs_only_its_requests(key: str, asked: bool) -> None:
    table = resource("aws_dynamodb_table")
    table["values"]["name"] = "t"
    logs = resource("aws_cloudwatch_log_group", retention_in_days=0)
    function = resource("aws_lambda_function", **FUNCTION, function_name="f-own", kms_key_arn=key)
    found = lines(plan(table, logs, function, tables={"items": "t"}))
    assert ("KMS: customer keys" in found, "KMS: requests" in found) == (False, asked)


def test_costs_of_verifying_tokens() -> None:
    methods = [resource("aws_api_gateway_method", "route", authorization=kind) for kind in ("CUSTOM", "NONE")]
    mock = resource("aws_api_gateway_method", "mock", authorization="NONE")
    function = {**FUNCTION, "memory_size": 512, "function_name": "f-authorizer"}
    logs = resource("aws_cloudwatch_log_group", retention_in_days=0)
    document = plan(*methods, mock, logs, resource("aws_lambda_function", **function))
    without = lines(document, 100_000_000)
    document["planned_values"]["outputs"]["authorizer_name"] = {"value": "f-authorizer"}
    found = lines(document, 100_000_000)
    # Half of 100 million requests carry a token, ten requests per token: 5 million invocations of
    # 10 ms at 0.5 GB.
    assert found["Lambda: verifying tokens"] == (0, round(5 * 0.20 + 5_000_000 * 0.010 * 0.5 * 0.0000133334, 2))
    assert found.keys() - without.keys() == {"Lambda: verifying tokens"}
    # Each of these logs a line of 1.1 KB, besides each request's lines; $0.50 per GB.
    incoming = (100_000_000 * 1.9 + 5_000_000 * 1.1) / 1024 / 1024 * 0.50
    assert found["CloudWatch Logs: ingestion"] == (0, round(incoming, 2))
    assert "sends 10 requests in the five minutes" in cost.Estimate(document, 1, TABLE).report("x")
    assert "five minutes" not in cost.Estimate(plan(), 1, TABLE).report("x")


def test_the_share_of_missing_operations_goes_to_the_others() -> None:
    names = {"a": {"get": "g"}, "b": {"list": "l", "replace": "r"}}
    estimate = cost.Estimate(plan(names=names), 1000, TABLE)
    assert [estimate.requests_of("a", share) for share in cost.SHARES] == [500, 0, 0]
    assert [estimate.requests_of("b", share) for share in cost.SHARES] == [0, 200, 300]


def test_functions_cost_by_their_size() -> None:
    document = plan()
    big, *_ = document["planned_values"]["root_module"]["child_modules"][0]["child_modules"][0]["resources"]
    big["values"] = {**FUNCTION, "function_name": "f-create", "memory_size": 1024, "snap_start": [{}]}
    big["values"]["environment"] = [{"variables": {"METRICS_NAMESPACE": "x"}}]
    found = lines(document, 10_000_000)
    # 3 of 10 requests take 1 GB, the others 0.25.
    assert found["Lambda: 12 ms a request"] == (0, round((3 + 7 / 4) * 12_000 * 0.0000133334, 2))
    assert found["Lambda: snapshots (SnapStart)"] == (3.95, 0)
    assert found["CloudWatch: 9 metrics of the functions"] == (2.70, 0)


def test_fixed_costs_do_not_depend_on_use() -> None:
    query = [{"metric": [{}]}, {"metric": [{}]}, {"metric": [], "expression": "a/b"}]
    found = lines(
        plan(
            resource("aws_cloudwatch_composite_alarm"),
            resource("aws_cloudwatch_dashboard"),
            resource("aws_cloudwatch_metric_alarm", metric_query=query),
            resource("aws_cloudwatch_metric_alarm", metric_name="Errors"),
            resource("aws_cognito_user_pool_client", allowed_oauth_flows=["client_credentials"]),
            resource("aws_cognito_user_pool_client"),
            resource("aws_eip"),
            resource("aws_nat_gateway"),
            resource("aws_subnet", "private"),
            resource("aws_subnet", "private"),
            resource("aws_subnet", "public"),
            resource("aws_vpc_endpoint", vpc_endpoint_type="Interface"),
            resource("aws_vpc_endpoint", vpc_endpoint_type="Gateway"),
            resource("aws_wafv2_web_acl", rule=[{}, {}, {}]),
            names={},
        ),
        0,
    )
    assert found == {
        "CloudWatch: alarms on 3 metrics": (0.30, 0),
        "CloudWatch: composite alarms": (0.50, 0),
        "CloudWatch: dashboards": (3.00, 0),
        "Cognito: machine clients": (6.00, 0),
        "VPC: NAT gateways": (32.85, 0),
        "VPC: interface endpoints": (14.60, 0),
        "VPC: public addresses of NAT gateways": (3.65, 0),
        "WAF: web ACL, rules, requests": (8.00, 0),
    }


def test_costs_of_own_functions() -> None:
    document = plan(
        resource("aws_lambda_event_source_mapping", batch_size=1),
        resource("aws_lambda_event_source_mapping", batch_size=1),
        resource("aws_lambda_event_source_mapping", batch_size=100),
        resource("aws_api_gateway_method_settings", settings=[{"metrics_enabled": True}]),
        resource("aws_scheduler_schedule"),
        resource("aws_lambda_function", **{**FUNCTION, "environment": [{"variables": {"METRICS_NAMESPACE": "x"}}]},
                 function_name="pay"),
    )  # fmt: skip
    document["variables"]["functions"] = {
        "value": {
            "pay": {"routes": {"POST /pay": {}, "GET /pay": {}}, "secrets": {"stripe": "arn"}},
            "mail": {"changes": {"orders": []}},
            "report": {"schedule": "rate(1 day)"},
        }
    }
    found = lines(document)
    assert found["SQS: polling for jobs, at most"] == (0.53, 0), "reading streams is free"
    assert found["Secrets Manager: reads"] == (0.04, 0)
    assert found["CloudWatch: 25 metrics of the gateway"] == (7.50, 0)
    assert found["CloudWatch: 18 metrics of the functions"] == (5.40, 0)
    report = cost.Estimate(document, 1_000_000, TABLE).report("dev")
    assert "Requests for your own routes cost as much as requests for operations" in report
    assert "aws_scheduler_schedule: 1.00 for a million runs." in report
    assert not cost.Estimate(document, 1_000_000, TABLE).unknown_types()


def test_the_report() -> None:
    document = plan(
        resource("aws_kms_key"),
        resource("aws_sns_topic_subscription"),
        resource("aws_new_thing"),
        region="eu-west-1",
    )
    said = cost.Estimate(document, 2_000_000, TABLE).report("dev").splitlines()
    assert said[0] == (f"dev, 2,000,000 requests a month: dollars a month, prices of us-east-1, {TABLE['date']}.")
    rows = {line[:20].strip(): line.split()[-3:] for line in said[2:] if line[-3:-2] == "."}
    assert rows["Lambda: requests"] == ["0.00", "0.20", "0.40"]
    assert rows["total"] == ["1.08", "0.24", "1.56"]
    assert said[-4:] == [
        "Prices of eu-west-1 differ, by up to a third.",
        "Not in the table, priced by use:",
        "  aws_sns_topic_subscription: 2.00 for 100,000 mails.",
        "Without a price in tools/aws/prices.json: aws_new_thing.",
    ]
    idle = cost.Estimate(plan(names={}), 0, TABLE).report("none").splitlines()
    assert idle[-3].split() == ["total", "0.00", "0.00", "0.00"]
    assert idle[-1].startswith("Assumed: ")


def test_responses_of_a_private_api_leave_through_endpoints() -> None:
    labels = {}
    for kind in ("REGIONAL", "PRIVATE"):
        api = resource("aws_api_gateway_rest_api", endpoint_configuration=[{"types": [kind]}])
        estimate = cost.Estimate(plan(api, resource("aws_api_gateway_stage")), 2_000_000, TABLE)
        labels[kind] = {line.label: line.by_request for line in estimate.lines()}
    inside = labels["PRIVATE"]["Data through VPC endpoints"]
    assert inside == pytest.approx(labels["REGIONAL"]["Data transfer to the internet"] / 9)
    assert "Data transfer to the internet" not in labels["PRIVATE"]


def test_no_type_is_in_two_lists() -> None:
    by_use = set(TABLE["by_use"])
    assert not set(TABLE["free"]) & {*TABLE["monthly"], *TABLE["computed"], *by_use}
    assert not set(TABLE["computed"]) & {*TABLE["monthly"], *by_use}
    for names in (
        TABLE["free"],
        TABLE["computed"],
        [*TABLE["monthly"]],
        [*TABLE["by_use"]],
        [*TABLE["prices"]],
    ):
        assert names == sorted(names)


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    file = ROOT / "environments" / "dev.tfvars"
    monkeypatch.setattr(cost, "plan_without_aws", lambda _: plan(names={}))
    monkeypatch.setattr(cost, "build_functions", lambda _: None)
    assert commands.run("cost", "--var-file", file) == 0
    assert capsys.readouterr().out.startswith(f"{file}, 1,000,000 requests a month")
    monkeypatch.chdir(ROOT)
    assert commands.run("cost", "--env", "dev", "--requests", "5") == 0
    assert capsys.readouterr().out.startswith("environments/dev.tfvars, 5 requests a month")
    for arguments, code, said in [
        (["--var-file", "no.tfvars"], 1, "There is no var-file no.tfvars: name an existing one."),
        (["--env", "none"], 1, "There is no var-file environments/none.tfvars: name an existing one."),
        (["--env", ""], 2, "Name the environment: make cost ENV=dev"),
    ]:
        assert commands.run("cost", *arguments) == code
        assert capsys.readouterr().err.strip() == said

    for requests in ("-1", "x", "1.5", "\u0661", "1_000"):
        with pytest.raises(SystemExit) as stopped:
            commands.run("cost", "--env", "dev", "--requests", requests)
        assert stopped.value.code == 2
        said = f"argument --requests: {requests} is not a whole number: write 0 or more, with digits only."
        assert capsys.readouterr().err.strip().endswith(said)

    def fail(_: Any) -> Any:
        raise UserError("No.", exit_code=4)

    monkeypatch.setattr(cost, "plan_without_aws", fail)
    assert commands.run("cost", "--env", "dev") == 4
