"""The monitoring of an environment: alarms and their notifications, the dashboard, saved queries and metrics."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.plan.conftest import TOPIC
from tests.plan.planner import ROOT, UNKNOWN, Plan, Values
from tools import contract
from tools.aws import cost

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

OPERATIONS = sorted(contract.OPERATIONS)
FUNCTION = {"FunctionName": "shop-todos-get-test"}
OPERATION = {"entity": "todos", "operation": "get"}
STAGE = {"ApiName": "shop-test", "Stage": "test"}
PUT = {"TableName": "shop-todos-test", "Operation": "PutItem"}
QUERY = {"TableName": "shop-todos-test", "Operation": "Query"}
OWN_TOPIC = "arn:aws:sns:us-west-2:000000000000:shop-alarms-test"


def alarms(plan: Plan) -> dict[str, Values]:
    """Return the alarms of a plan by their names without the API's name."""
    found = plan.all("aws_cloudwatch_metric_alarm").values()
    return {alarm["alarm_name"].removeprefix("shop-test/"): alarm for alarm in found}


def metrics(alarm: Values) -> dict[str, Values]:
    """Return the metrics that an alarm looks at by their id in its expression."""
    return {query["id"]: query["metric"][0] for query in alarm["metric_query"] if query["metric"]}


def expression(alarm: Values) -> str:
    """Return the expression of an alarm."""
    (found,) = [query for query in alarm["metric_query"] if query["return_data"]]
    text: str = found["expression"] or found["id"]
    return text


def composite_members(plan: Plan, name: str) -> set[str]:
    """Return the alarms in a composite alarm's rule, by their names without the API's name."""
    (found,) = [c for c in plan.all("aws_cloudwatch_composite_alarm").values() if c["alarm_name"] == name]
    conditions = found["alarm_rule"].split(" OR ")
    return {re.sub(r'^ALARM\("shop-test/(.*)"\)$', r"\1", condition) for condition in conditions}


def notifying_alarms(plan: Plan) -> dict[str, Values]:
    """Return the alarms that notify, by name."""
    kinds = ("aws_cloudwatch_composite_alarm", "aws_cloudwatch_metric_alarm")
    found = [alarm for kind in kinds for alarm in plan.all(kind).values()]
    for alarm in found:
        assert alarm["alarm_actions"] == alarm["ok_actions"], alarm["alarm_name"]
    return {alarm["alarm_name"]: alarm for alarm in found if alarm["alarm_actions"]}


def widgets(plan: Plan) -> dict[str, Any]:
    """Return the dashboard's graphs by their title."""
    body = json.loads(plan.one("aws_cloudwatch_dashboard")["dashboard_body"])
    return {w["properties"]["title"]: w["properties"] for w in body["widgets"] if w["type"] == "metric"}


def alarm_widgets(plan: Plan) -> list[dict[str, Any]]:
    """Return the alarms on the dashboard."""
    body = json.loads(plan.one("aws_cloudwatch_dashboard")["dashboard_body"])
    return [widget for widget in body["widgets"] if widget["type"] == "alarm"]


@pytest.fixture(scope="module")
def alarmed_plan(systems: dict[str, Plan]) -> Plan:
    """All alarms at their defaults, for one entity of six operations."""
    return systems["watched"]


def test_every_function_table_and_stage_has_its_alarms(alarmed_plan: Plan) -> None:
    functions = {f"todos/{o}/{kind}" for o in OPERATIONS for kind in KINDS["function"]}
    tables = {f"todos/table/{kind}" for kind in KINDS["table"]}
    assert alarms(alarmed_plan).keys() == functions | tables | {f"gateway/{kind}" for kind in KINDS["gateway"]}


# The comparison, threshold and periods of each alarm; "get" stands for all functions.
KINDS: dict[str, dict[str, tuple[str, float, int, str]]] = {
    "function": {
        "duration": ("GreaterThanOrEqualToThreshold", 23200, 2, "duration"),
        "error-rate": (
            "GreaterThanThreshold", 5, 1,
            "IF(FILL(requests, 0) >= 20, "
            "100 * (FILL(errors, 0) + FILL(faults_get, 0)) / FILL(requests, 1), 0)",
        ),
        "errors": ("GreaterThanOrEqualToThreshold", 5, 2, "FILL(errors, 0) + FILL(faults_get, 0)"),
        "throttles": ("GreaterThanOrEqualToThreshold", 10, 1, "throttles"),
    },
    "gateway": {
        "4xx": ("GreaterThanOrEqualToThreshold", 10, 2, "refused"),
        "5xx": ("GreaterThanOrEqualToThreshold", 5, 2, "failed"),
        "latency": ("GreaterThanOrEqualToThreshold", 3000, 2, "IF(FILL(requests, 0) >= 20, latency, 0)"),
    },
    "table": {
        kind: (
            "GreaterThanOrEqualToThreshold", 1, 2,
            " + ".join(f"FILL({a}, 0)" for a in ("deleteitem", "getitem", "putitem", "query", "updateitem")),
        )
        for kind in ("system-errors", "throttles")
    },
}  # fmt: skip
KEYS = [
    f"{place}/{kind}"
    for what, place in (("function", "todos/get"), ("gateway", "gateway"), ("table", "todos/table"))
    for kind in KINDS[what]
]


@pytest.mark.parametrize("key", KEYS)
def test_alarm_compares(alarmed_plan: Plan, key: str) -> None:
    alarm = alarms(alarmed_plan)[key]
    what = {"todos/get": "function", "gateway": "gateway", "todos/table": "table"}[key.rpartition("/")[0]]
    assert (
        alarm["comparison_operator"], alarm["threshold"], alarm["evaluation_periods"], expression(alarm)
    ) == KINDS[what][key.rpartition("/")[2]]  # fmt: skip
    used = set(re.findall(r"[a-z_]+", expression(alarm)))
    assert metrics(alarm).keys() == used, "what is not looked at is paid for, too"


def test_alarms_are_quiet_where_nobody_calls(alarmed_plan: Plan) -> None:
    for key, alarm in alarms(alarmed_plan).items():
        assert alarm["treat_missing_data"] == "notBreaching", key
        assert {metric["period"] for metric in metrics(alarm).values()} == {300}, key


@pytest.mark.parametrize(
    ("key", "id_", "metric", "stat", "dimensions"),
    [
        ("todos/get/duration", "duration", "AWS/Lambda Duration", "Maximum", FUNCTION),
        ("todos/get/error-rate", "errors", "AWS/Lambda Errors", "Sum", FUNCTION),
        ("todos/get/error-rate", "faults_get", "shop-test Faults", "Sum", OPERATION),
        ("todos/get/error-rate", "requests", "AWS/Lambda Invocations", "Sum", FUNCTION),
        ("todos/get/throttles", "throttles", "AWS/Lambda Throttles", "Sum", FUNCTION),
        ("gateway/4xx", "refused", "AWS/ApiGateway 4XXError", "Sum", STAGE),
        ("gateway/5xx", "failed", "AWS/ApiGateway 5XXError", "Sum", STAGE),
        ("gateway/latency", "latency", "AWS/ApiGateway Latency", "p99", STAGE),
        ("gateway/latency", "requests", "AWS/ApiGateway Count", "Sum", STAGE),
        ("todos/table/throttles", "putitem", "AWS/DynamoDB ThrottledRequests", "Sum", PUT),
        ("todos/table/system-errors", "query", "AWS/DynamoDB SystemErrors", "Sum", QUERY),
    ],
)  # fmt: skip
def test_alarm_looks_at(
    alarmed_plan: Plan, key: str, id_: str, metric: str, stat: str, dimensions: dict[str, str]
) -> None:
    found = metrics(alarms(alarmed_plan)[key])[id_]
    assert (f"{found['namespace']} {found['metric_name']}", found["stat"]) == (metric, stat)
    assert found["dimensions"] == dimensions


def test_a_function_for_all_operations_sums_their_faults(systems: dict[str, Plan]) -> None:
    alarm = alarms(systems["watched_in_part"])["todos/entity/errors"]
    assert expression(alarm) == "FILL(errors, 0) + FILL(faults_create, 0) + FILL(faults_list, 0)"
    assert metrics(alarm)["faults_list"]["dimensions"] == {"entity": "todos", "operation": "list"}


def test_zero_leaves_a_kind_out_and_others_take_their_thresholds(systems: dict[str, Plan]) -> None:
    plan = systems["watched_in_part"]
    functions = ("todo-lists/get", "todos/entity")
    assert alarms(plan).keys() == {f"{f}/{kind}" for f in functions for kind in ("error-rate", "errors")}
    assert alarms(plan)["todos/entity/errors"]["threshold"] == 2
    assert "FILL(requests, 0) >= 50" in expression(alarms(plan)["todos/entity/error-rate"])
    assert composite_members(plan, "shop-test") == {"todo-lists", "todos"}


def test_without_metrics_of_our_own_alarms_know_lambdas_alone(systems: dict[str, Plan]) -> None:
    plan = systems["watched_without_metrics"]
    found = alarms(plan)
    assert expression(found["todos/get/errors"]) == "FILL(errors, 0)"
    namespaces = {metric["namespace"] for alarm in found.values() for metric in metrics(alarm).values()}
    assert namespaces == {"AWS/ApiGateway", "AWS/DynamoDB", "AWS/Lambda"}
    # Lambda counts refused tokens as errors, and anybody can send such tokens.
    authorizers = {key for key in found if key.startswith("authorizer/")}
    assert authorizers == {"authorizer/function/duration", "authorizer/function/throttles"}
    for function in plan.all("aws_lambda_function").values():
        assert "METRICS_NAMESPACE" not in function["environment"][0]["variables"]


def test_a_function_has_no_longer_than_the_gateway_waits(systems: dict[str, Plan]) -> None:
    alarm = alarms(systems["watched_without_metrics"])["todos/get/duration"]
    assert alarm["threshold"] == 14500, "half of 29 s: its own timeout is 60"


NOTIFYING = ["shop-test", "shop-test/gateway/4xx"]


def test_one_alarm_tells_of_what_is_ours_and_one_of_what_callers_do(alarmed_plan: Plan) -> None:
    """An alarm sends no further notifications while it lasts, so callers' errors must not hide the system's."""
    composites = {c["alarm_name"]: c for c in alarmed_plan.all("aws_cloudwatch_composite_alarm").values()}
    assert composites.keys() == {"shop-test", "shop-test/todos"}
    of_entity = {key for key in alarms(alarmed_plan) if key.startswith("todos/")}
    assert composite_members(alarmed_plan, "shop-test/todos") == of_entity
    assert composite_members(alarmed_plan, "shop-test") == {"gateway/5xx", "gateway/latency", "todos"}
    assert sorted(notifying_alarms(alarmed_plan)) == NOTIFYING
    assert [alarm["alarm_actions"] for alarm in notifying_alarms(alarmed_plan).values()] == 2 * [[OWN_TOPIC]]


def test_there_may_be_an_alarm_of_what_callers_do_alone(systems: dict[str, Plan]) -> None:
    plan = systems["watched_for_callers"]
    assert alarms(plan).keys() == {"gateway/4xx"}
    assert notifying_alarms(plan).keys() == {"shop-test/gateway/4xx"}
    assert plan.counts["aws_cloudwatch_composite_alarm"] == 0
    (widget,) = alarm_widgets(plan)
    assert [arn.rpartition(":")[2] for arn in widget["properties"]["alarms"]] == ["shop-test/gateway/4xx"]


def test_rules_stay_below_cloudwatchs_limits(alarmed_plan: Plan) -> None:
    """A rule may have 10,240 characters and 100 alarms. A name has up to 84 characters before its kind."""
    assert len(composite_members(alarmed_plan, "shop-test/todos")) == 26
    assert len(" OR ".join('ALARM("' + "x" * 100 + '")' for _ in range(26))) < 10240
    assert len(composite_members(alarmed_plan, "shop-test") - {"todos"}) == 100 - 98, (
        "entities, for which the variable has room"
    )
    assert len(" OR ".join('ALARM("' + "x" * 84 + '")' for _ in range(100))) < 10240


def test_topic_is_encrypted_and_for_our_alarms_alone(alarmed_plan: Plan) -> None:
    topic = alarmed_plan.one("aws_sns_topic")
    assert (topic["name"], topic["kms_master_key_id"]) == ("shop-alarms-test", UNKNOWN)
    policy = json.loads(alarmed_plan.one("aws_sns_topic_policy")["policy"])
    found = {s["Sid"]: s for s in policy["Statement"]}
    assert found.keys() == {"AlarmsPublish", "TlsOnly"}
    assert found["AlarmsPublish"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert found["AlarmsPublish"]["Condition"] == {
        "ArnEquals": {
            "aws:SourceArn": [f"arn:aws:cloudwatch:us-west-2:000000000000:alarm:{name}" for name in NOTIFYING]
        },
        "StringEquals": {"aws:SourceAccount": "000000000000"},
    }
    assert (found["TlsOnly"]["Effect"], found["TlsOnly"]["Principal"]) == ("Deny", "*")
    mails = alarmed_plan.all("aws_sns_topic_subscription").values()
    assert {(m["protocol"], m["endpoint"]) for m in mails} == {
        ("email", "a@example.com"), ("email", "b@example.com"),
    }  # fmt: skip


def test_alarms_may_use_the_topics_key(alarmed_plan: Plan) -> None:
    (statement,) = [
        s for s in json.loads(alarmed_plan.one("aws_kms_key")["policy"])["Statement"] if s["Sid"] == "Alarms"
    ]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    assert statement["Condition"]["ArnEquals"] == {
        "aws:SourceArn": [f"arn:aws:cloudwatch:us-west-2:000000000000:alarm:{name}" for name in NOTIFYING]
    }


def test_a_topic_there_is_already_is_told(systems: dict[str, Plan]) -> None:
    plan = systems["watched_by_others"]
    assert plan.counts["aws_sns_topic"] == plan.counts["aws_sns_topic_subscription"] == 0
    assert [alarm["alarm_actions"] for alarm in notifying_alarms(plan).values()] == 2 * [[TOPIC]]


def test_a_table_that_nothing_uses_yet_has_no_alarms(systems: dict[str, Plan]) -> None:
    plan = systems["watched_by_others"]
    assert len(plan.all("aws_dynamodb_table")) == 2
    assert {name.partition("/")[0] for name in alarms(plan)} == {"gateway", "todos"}


# --- Own functions


@pytest.fixture(scope="module")
def own_plan(triggers: dict[str, Plan]) -> Plan:
    """A function of each kind."""
    return triggers["full"]


OF_ANY = {"duration", "error-rate", "errors", "throttles"}
OF_A_QUEUE = {*OF_ANY, "dead-letters", "message-age"}
OWN_KINDS = {
    "backfill": OF_A_QUEUE, "deliver": OF_A_QUEUE, "heard": OF_A_QUEUE, "report": OF_A_QUEUE, "thumbs": OF_A_QUEUE,
    "mail": {*OF_ANY, "dead-letters", "iterator-age"},
    "pay": OF_ANY,
}  # fmt: skip


def test_every_own_function_has_its_alarms_and_they_notify(own_plan: Plan) -> None:
    found = {key for key in alarms(own_plan) if "/function/" in key}
    assert found == {f"{name}/function/{kind}" for name, kinds in OWN_KINDS.items() for kind in kinds}
    for name, kinds in OWN_KINDS.items():
        assert composite_members(own_plan, f"shop-test/{name}") == {f"{name}/function/{kind}" for kind in kinds}
    assert composite_members(own_plan, "shop-test") >= OWN_KINDS.keys()


@pytest.mark.parametrize(
    ("key", "metric", "dimensions", "threshold", "periods"),
    [
        ("deliver/function/dead-letters", "AWS/SQS ApproximateNumberOfMessagesVisible",
         {"QueueName": "shop-deliver-failed-test"}, 1, 1),
        ("mail/function/dead-letters", "AWS/SQS ApproximateNumberOfMessagesVisible",
         {"QueueName": "shop-mail-failed-test"}, 1, 1),
        ("report/function/message-age", "AWS/SQS ApproximateAgeOfOldestMessage",
         {"QueueName": "shop-report-test"}, 5550, 2),
        ("thumbs/function/message-age", "AWS/SQS ApproximateAgeOfOldestMessage",
         {"QueueName": "shop-thumbs-test"}, 3600, 2),
        ("mail/function/iterator-age", "AWS/Lambda IteratorAge", {"FunctionName": "shop-mail-test"}, 300_000, 2),
        ("report/function/duration", "AWS/Lambda Duration", {"FunctionName": "shop-report-test"}, 720_000, 2),
        ("pay/function/duration", "AWS/Lambda Duration", {"FunctionName": "shop-pay-test"}, 23_200, 2),
    ],
)  # fmt: skip
def test_an_alarm_of_an_own_function_looks_at(
    own_plan: Plan, key: str, metric: str, dimensions: dict[str, str], threshold: int, periods: int
) -> None:
    alarm = alarms(own_plan)[key]
    (found,) = metrics(alarm).values()
    assert (f"{found['namespace']} {found['metric_name']}", found["dimensions"]) == (metric, dimensions)
    assert (found["stat"], alarm["threshold"], alarm["evaluation_periods"]) == ("Maximum", threshold, periods)
    assert alarm["comparison_operator"] == "GreaterThanOrEqualToThreshold"


def test_a_job_that_still_has_attempts_is_not_too_old(own_plan: Plan) -> None:
    backoff = sum(min(4 * 3600, 60 * 2**number) for number in range(11))
    assert alarms(own_plan)["deliver/function/message-age"]["threshold"] == 900 + 12 * 60 + backoff


def test_faults_of_an_own_function_are_its_own_metrics(own_plan: Plan) -> None:
    alarm = alarms(own_plan)["pay/function/error-rate"]
    assert (
        expression(alarm)
        == "IF(FILL(requests, 0) >= 20, 100 * (FILL(errors, 0) + FILL(faults, 0)) / FILL(requests, 1), 0)"
    )
    faults = metrics(alarm)["faults"]
    assert (faults["namespace"], faults["dimensions"]) == ("shop-test", {"function": "pay"})


def test_the_dashboard_has_a_row_for_each_own_function(own_plan: Plan) -> None:
    found = widgets(own_plan)
    waiting = "waiting, and throttles; age (right)"
    for name in OWN_KINDS:
        (requests,) = found[f"function {name}: requests"]["metrics"]
        assert requests[:-1] == ["shop-test", "Requests", "function", name]
    queues = {m[3] for m in found[f"function deliver: {waiting}"]["metrics"] if m[0] == "AWS/SQS"}
    assert queues == {"shop-deliver-test", "shop-deliver-failed-test"}
    assert "IteratorAge" in {m[1] for m in found[f"function mail: {waiting}"]["metrics"]}
    assert {m[1] for m in found[f"function pay: {waiting}"]["metrics"]} == {"Throttles"}
    seconds = {m[0]["label"] for m in found["GB-seconds of the functions"]["metrics"] if isinstance(m[0], dict)}
    assert seconds >= {"orders", *(f"function {name}" for name in OWN_KINDS)}
    assert "/aws/lambda/shop-mail-test" in {m[3] for m in found["Bytes of logs"]["metrics"]}


def test_everything_of_own_functions_has_a_price(own_plan: Plan) -> None:
    table = json.loads(cost.PRICES.read_text(encoding="utf-8"))
    assert own_plan.counts["aws_scheduler_schedule"] == 1
    known = {*table["monthly"], *table["computed"], *table["by_use"], *table["free"]}
    assert own_plan.counts.keys() <= known, "write them into tools/aws/prices.json"


def test_queries_ask_own_functions_too(own_plan: Plan) -> None:
    groups = {f"/aws/lambda/shop-{name}-test" for name in OWN_KINDS}
    assert groups <= set(own_plan.one("aws_cloudwatch_query_definition", "faults")["log_group_names"])
    work = own_plan.one("aws_cloudwatch_query_definition", "jobs and changes")
    assert set(work["log_group_names"]) == groups - {"/aws/lambda/shop-pay-test"}


def anchors() -> set[str]:
    """Return the anchors of the runbook's headings in GitHub's form."""
    text = (ROOT / "docs" / "how-to" / "runbook.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alarm_names_a_section_that_is_there(alarmed_plan: Plan, own_plan: Plan) -> None:
    composites = own_plan.all("aws_cloudwatch_composite_alarm").values()
    for alarm in [*alarms(alarmed_plan).values(), *alarms(own_plan).values(), *composites]:
        section = re.search(r"What to do: docs/how-to/runbook\.md#([a-z0-9-]+)$", alarm["alarm_description"])
        assert section, alarm["alarm_name"]
        assert section[1] in anchors(), alarm["alarm_name"]


def test_dashboard_shows_every_entity(plan: Plan) -> None:
    found = widgets(plan)
    assert plan.one("aws_cloudwatch_dashboard")["dashboard_name"] == "shop-test-us-west-2"
    assert plan.outputs["dashboard_url"].endswith("#dashboards/dashboard/shop-test-us-west-2")
    requests = found["todos: requests"]["metrics"]
    assert [m[:-1] for m in requests] == [
        ["shop-test", "Requests", "entity", "todos", "operation", operation] for operation in OPERATIONS
    ]
    stats = Counter(m[-1]["stat"] for m in found["todos: latency, ms"]["metrics"])
    assert stats == {"p50": 6, "p99": 6}
    capacity = [m[:-1] for m in found["todos: capacity units; throttles (right)"]["metrics"]]
    table = ["TableName", "shop-todos-test"]
    assert ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", *table] in capacity
    index = ["AWS/DynamoDB", "ConsumedReadCapacityUnits", *table, "GlobalSecondaryIndexName", "created"]
    assert index in capacity
    assert ["AWS/DynamoDB", "ThrottledRequests", *table, "Operation", "Query"] in capacity


def test_dashboard_shows_what_is_paid_for(systems: dict[str, Plan]) -> None:
    found = widgets(systems["watched_in_part"])
    seconds = found["GB-seconds of the functions"]["metrics"]
    expressions = {m[0]["label"]: m[0]["expression"] for m in seconds if isinstance(m[0], dict)}
    ids = {m[-1]["id"]: m[3] for m in seconds if not isinstance(m[0], dict)}
    assert expressions == {
        "todo-lists": "(FILL(f_todo_lists_get, 0)) * 512 / 1024000",
        "todos": "(FILL(f_todos_entity, 0)) * 256 / 1024000",
    }
    assert ids == {
        "f_todo_lists_get": "shop-todo-lists-get-test",
        "f_todos_entity": "shop-todos-entity-test",
    }
    groups = {m[3] for m in found["Bytes of logs"]["metrics"]}
    assert groups >= {"/aws/apigateway/shop-test", "/aws/lambda/shop-todos-entity-test"}


def test_dashboard_begins_with_the_alarms_where_there_are_any(plan: Plan, alarmed_plan: Plan) -> None:
    assert alarm_widgets(plan) == []
    (widget,) = alarm_widgets(alarmed_plan)
    names = [arn.rpartition(":")[2] for arn in widget["properties"]["alarms"]]
    assert names[:2] == NOTIFYING
    assert set(names[2:]) == {f"shop-test/{name}" for name in composite_members(alarmed_plan, "shop-test")}


def test_without_metrics_of_our_own_the_dashboard_shows_lambdas(systems: dict[str, Plan]) -> None:
    found = widgets(systems["watched_without_metrics"])
    assert {m[0] for m in found["todos: requests"]["metrics"]} == {"AWS/Lambda"}
    assert {m[1] for m in found["todos: latency, ms"]["metrics"]} == {"Duration"}
    assert {m[0] for m in found["todos: errors"]["metrics"]} == {"AWS/Lambda"}


def test_dashboard_may_be_left_out(systems: dict[str, Plan]) -> None:
    plan = systems["unseen"]
    assert plan.counts["aws_cloudwatch_dashboard"] == 0
    assert plan.outputs["dashboard_url"] is None


QUERIES = {
    "cold starts", "faults", "one request", "refused requests", "requests by caller", "requests by status",
    "slow requests",
}  # fmt: skip


def test_queries_are_always_there(systems: dict[str, Plan], plan: Plan) -> None:
    for found in (plan, systems["unseen"]):
        names = {q["name"] for q in found.all("aws_cloudwatch_query_definition").values()}
        assert names == {f"shop-test/{name}" for name in QUERIES}


def test_a_request_is_looked_for_in_both_logs(plan: Plan) -> None:
    query = plan.one("aws_cloudwatch_query_definition", "one request")
    groups = {f"/aws/lambda/shop-todos-{operation}-test" for operation in OPERATIONS}
    assert set(query["log_group_names"]) == {*groups, "/aws/apigateway/shop-test"}


def test_queries_ask_for_what_the_access_log_has(plan: Plan) -> None:
    (settings,) = plan.one("aws_api_gateway_stage")["access_log_settings"]
    logged = json.loads(settings["format"]).keys()
    for name in ("refused requests", "requests by status"):
        query = plan.one("aws_cloudwatch_query_definition", name)
        assert query["log_group_names"] == ["/aws/apigateway/shop-test"]
        words = r"\b(and|as|asc|by|count|count_distinct|desc|filter|latest|limit|pct|sort|stats)\b"
        made = set(re.findall(r" as (\w+)", query["query_string"]))
        asked = set(re.findall(r"[A-Za-z]\w*", re.sub(words, "", query["query_string"])))
        assert asked - made <= logged, name
