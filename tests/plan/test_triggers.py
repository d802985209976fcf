"""The triggers of own functions: queues, streams, schedules and events, and the permissions to use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plan import rules
from tests.plan.conftest import BUCKET, FUNCTIONS, MAILS, SMALL, STRIPE, with_code
from tests.plan.planner import UNKNOWN, Plan, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share


@pytest.fixture(scope="module")
def full(triggers: dict[str, Plan]) -> Plan:
    return triggers["full"]


def arn(service: str, name: str) -> str:
    """Return the ARN of a resource in the planned account."""
    return f"arn:aws:{service}:us-west-2:000000000000:{name}"


def statements(plan: Plan, address: str) -> dict[str, Values]:
    """Return the statements of a planned policy by their Sid, without those of logs and traces."""
    found = json.loads(plan.resources[address]["policy"])["Statement"]
    return {
        s["Sid"]: s
        for s in found
        if s["Sid"] not in ("AttachToNetwork", "DenyNetworkToCode", "WriteLogs", "WriteTraces")
    }


def rights(plan: Plan, function: str) -> dict[str, tuple[list[str], list[str]]]:
    """Return a function's permissions by Sid: actions and resources."""
    found = statements(plan, f'module.own_function["{function}"].aws_iam_role_policy.this')
    return {sid: (s["Action"], s["Resource"]) for sid, s in found.items()}


def queue(plan: Plan, function: str, kind: str = "work[0]") -> Values:
    return plan.resources[f'module.queue["{function}"].aws_sqs_queue.{kind}']


def mapping(plan: Plan, kind: str, key: str) -> Values:
    return plan.resources[f'aws_lambda_event_source_mapping.{kind}["{key}"]']


# --- Queues ---


def test_every_function_but_the_apis_has_a_dead_letter_queue(full: Plan) -> None:
    names = {a.split('"')[1]: q["name"] for a, q in full.all("aws_sqs_queue").items() if "dead_letters" in a}
    assert names == {name: f"shop-{name}-failed-test" for name in FUNCTIONS if name != "pay"}
    work = {a.split('"')[1]: q["name"] for a, q in full.all("aws_sqs_queue").items() if "work" in a}
    assert work == {name: f"shop-{name}-test" for name in ("backfill", "deliver", "heard", "report", "thumbs")}


def test_a_job_is_tried_as_often_as_the_queue_says_and_kept_when_it_fails(full: Plan) -> None:
    found = queue(full, "deliver")
    assert json.loads(found["redrive_policy"]) == {
        "deadLetterTargetArn": arn("sqs", "shop-deliver-failed-test"), "maxReceiveCount": 12,
    }  # fmt: skip
    assert found["visibility_timeout_seconds"] == 120, "twice the timeout"
    assert queue(full, "report")["visibility_timeout_seconds"] == 1800
    failed = queue(full, "deliver", "dead_letters")
    assert json.loads(failed["redrive_allow_policy"]) == {
        "redrivePermission": "byQueue", "sourceQueueArns": [arn("sqs", "shop-deliver-test")],
    }  # fmt: skip
    assert json.loads(queue(full, "mail", "dead_letters")["redrive_allow_policy"]) == {"redrivePermission": "denyAll"}
    # A message that moves keeps its age.
    assert found["message_retention_seconds"] == 7 * 86400
    assert failed["message_retention_seconds"] == 14 * 86400


def test_messages_are_encrypted(triggers: dict[str, Plan]) -> None:
    for found in triggers["full"].all("aws_sqs_queue").values():
        assert found["kms_master_key_id"] == UNKNOWN
    for found in triggers["lean"].all("aws_sqs_queue").values():
        assert (found["kms_master_key_id"], found["sqs_managed_sse_enabled"]) == (None, True)


def test_queues_take_nothing_without_tls_and_from_other_rules(full: Plan) -> None:
    for found in full.all("aws_sqs_queue").values():
        tls, *allowed = json.loads(found["policy"])["Statement"]
        resource = arn("sqs", found["name"])
        assert tls == {
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": resource,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }  # fmt: skip
        rule = {"shop-thumbs": "rule/shop-thumbs-test", "shop-heard": "rule/orders/shop-heard-test"}
        sender = next((r for name, r in rule.items() if found["name"].startswith(name)), None)
        assert allowed == (
            []
            if sender is None
            else [
                {
                    "Sid": "Rules", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage", "Resource": resource,
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": [arn("events", sender)]},
                        "StringEquals": {"aws:SourceAccount": "000000000000"},
                    },
                }
            ]
        )  # fmt: skip


def test_the_key_lets_eventbridge_send_where_there_are_rules(full: Plan, plan: Plan) -> None:
    sids = {s["Sid"]: s for s in json.loads(full.one("aws_kms_key")["policy"])["Statement"]}
    assert sids["Events"] == {
        "Sid": "Events", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}},
    }  # fmt: skip
    assert "Events" not in {s["Sid"] for s in json.loads(plan.one("aws_kms_key")["policy"])["Statement"]}


# --- Consumers ---


def test_jobs_are_handed_over_one_by_one_to_the_version_that_is_live(full: Plan) -> None:
    found = mapping(full, "jobs", "deliver")
    assert found["event_source_arn"] == arn("sqs", "shop-deliver-test")
    assert found["function_name"] == arn("lambda", "function:shop-deliver-test:live")
    assert (found["batch_size"], found["enabled"]) == (1, True)
    assert found["function_response_types"] == ["ReportBatchItemFailures"]
    assert {a.split('"')[1] for a in full.all("aws_lambda_event_source_mapping") if ".jobs[" in a} == {
        "backfill", "deliver", "heard", "report", "thumbs",
    }  # fmt: skip


@pytest.mark.parametrize(("function", "most"), [("deliver", [7]), ("thumbs", [2]), ("report", [])])
def test_lambda_receives_no_more_than_may_run(full: Plan, function: str, most: list[int]) -> None:
    """A message that Lambda receives but cannot run counts as a failed attempt. Lambda's minimum is two."""
    assert [c["maximum_concurrency"] for c in mapping(full, "jobs", function)["scaling_config"]] == most


def test_changes_are_handed_over_in_batches_that_are_split(full: Plan) -> None:
    found = mapping(full, "changes", "mail.orders")
    assert found["function_name"] == arn("lambda", "function:shop-mail-test:live")
    assert found["batch_size"] == 100
    assert found["bisect_batch_on_function_error"] is True
    assert found["function_response_types"] == ["ReportBatchItemFailures"]
    assert found["maximum_batching_window_in_seconds"] == 0
    assert found["maximum_retry_attempts"] == 10
    assert found["starting_position"] == "LATEST"
    assert found["destination_config"] == [
        {"on_failure": [{"destination_arn": arn("sqs", "shop-mail-failed-test")}]}
    ]  # fmt: skip
    assert found["enabled"] is False, "reserved_concurrency = 0 stops a function, and its changes wait"


def patterns(plan: Plan, key: str) -> list[Values]:
    (criteria,) = mapping(plan, "changes", key)["filter_criteria"]
    return [json.loads(each["pattern"]) for each in criteria["filter"]]


def test_lambda_judges_the_kind_of_change_and_texts(full: Plan) -> None:
    def updated(**values: Any) -> Values:
        return {"dynamodb": {"NewImage": {"doc": {"M": values}}}, "eventName": ["MODIFY"]}

    found = patterns(full, "mail.orders")
    assert len(found) == 4
    for wanted in (
        updated(status={"S": ["shipped"]}),
        # A number has several forms, so the function checks it.
        updated(status={"S": ["paid"]}),
        {"eventName": ["INSERT"]},
        {"eventName": ["REMOVE"]},
    ):
        assert wanted in found
    # If items expire, a new item may replace an expired one.
    assert patterns(full, "mail.todos") == [{"eventName": ["MODIFY", "REMOVE"]}]


# --- Schedules and events ---


def test_a_schedule_sends_jobs_at_its_time(full: Plan) -> None:
    found = full.one("aws_scheduler_schedule")
    assert (found["name"], found["group_name"]) == ("report", "shop-test")
    assert (found["schedule_expression"], found["schedule_expression_timezone"]) == ("cron(0 3 * * ? *)", "UTC")
    assert found["flexible_time_window"] == [{"maximum_window_in_minutes": None, "mode": "OFF"}]
    assert found["kms_key_arn"] == UNKNOWN
    (target,) = found["target"]
    assert target["arn"] == arn("sqs", "shop-report-test")
    assert target["dead_letter_config"] == [{"arn": arn("sqs", "shop-report-failed-test")}]
    # Scheduler replaces these words only if they are literal.
    assert '"<aws.scheduler.execution-id>"' in target["input"]
    assert json.loads(target["input"]) == {
        "id": "<aws.scheduler.execution-id>", "at": "<aws.scheduler.scheduled-time>", "body": None,
    }  # fmt: skip
    assert full.one("aws_scheduler_schedule_group")["tags"]["Environment"] == "test"


def test_a_schedules_role_may_send_to_its_queues_alone(triggers: dict[str, Plan]) -> None:
    full = triggers["full"]
    role = full.one("aws_iam_role", 'schedule["report"]')
    assert role["name"] == "shop-report-schedule-test-us-west-2"
    assert role["permissions_boundary"] == "arn:aws:iam::123456789012:policy/bounds"
    (trust,) = json.loads(role["assume_role_policy"])["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {
        "aws:SourceAccount": "000000000000", "aws:SourceArn": arn("scheduler", "schedule-group/shop-test"),
    }}  # fmt: skip
    sent = statements(full, 'aws_iam_role_policy.schedule["report"]')
    assert sent == {"SendJobs": {
        "Sid": "SendJobs", "Effect": "Allow", "Action": "sqs:SendMessage",
        "Resource": [arn("sqs", "shop-report-test"), arn("sqs", "shop-report-failed-test")],
    }}  # fmt: skip
    assert full.one("aws_iam_role_policy", "schedule_key")["policy"] == UNKNOWN
    lean = [a for a in triggers["lean"].resources if "schedule" in a]
    assert sorted(a.partition("[")[0] for a in lean) == [
        "aws_iam_role.schedule", "aws_iam_role_policy.schedule", "aws_scheduler_schedule.this",
        "aws_scheduler_schedule_group.this",
    ]  # fmt: skip


def test_events_are_asked_for_by_source_types_and_detail(full: Plan) -> None:
    rule = full.one("aws_cloudwatch_event_rule", "thumbs")
    assert (rule["name"], rule["event_bus_name"]) == ("shop-thumbs-test", "default")
    assert json.loads(rule["event_pattern"]) == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": ["shop-pictures"], "of": {"the": {"owner": ["a", "b"]}}},
            "object": {"key": ["a.png"]},
            "reason": ["PutObject"],
        },
    }
    heard = full.one("aws_cloudwatch_event_rule", "heard")
    assert (json.loads(heard["event_pattern"]), heard["event_bus_name"]) == ({"source": ["shop.orders"]}, "orders")
    target = full.one("aws_cloudwatch_event_target", "heard")
    assert (target["arn"], target["event_bus_name"]) == (arn("sqs", "shop-heard-test"), "orders")
    assert target["dead_letter_config"] == [{"arn": arn("sqs", "shop-heard-failed-test")}]


# --- Permissions ---


RECEIVE = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]


def test_a_function_may_do_what_its_trigger_needs_and_no_more(full: Plan) -> None:
    streams = [f"{arn('dynamodb', f'table/shop-{entity}-test')}/stream/*" for entity in ("orders", "todos")]
    reads = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
    assert rights(full, "mail") == {
        "ReadChanges": (reads, streams),
        "SendDeadLetters": (["sqs:SendMessage"], [arn("sqs", "shop-mail-failed-test")]),
    }
    for name in ("deliver", "report"):
        assert rights(full, name) == {
            "ReceiveJobs": (RECEIVE, [arn("sqs", f"shop-{name}-test")]),
            "CallAgain": (["sqs:SendMessage"], [arn("sqs", f"shop-{name}-test")]),
        }
    assert rights(full, "thumbs") == {
        "Own0": (["s3:GetObject"], [f"{BUCKET}/*"]),
        "Own1": (["sns:Publish"], [MAILS]),
        "ReceiveJobs": (RECEIVE, [arn("sqs", "shop-thumbs-test")]),
    }
    assert rights(full, "pay") == {
        "ReadSecrets": (["secretsmanager:GetSecretValue"], [STRIPE]),
        "SendJobs": (["sqs:SendMessage"], [arn("sqs", "shop-deliver-test")]),
    }


# --- Network ---


def test_only_functions_with_egress_reach_the_internet(full: Plan) -> None:
    assert full.outputs["security_group_ids"].keys() == {"egress", "endpoints", "functions"}
    group = full.one("aws_security_group", "egress")
    assert group["name"] == "shop-test-egress"
    rule = full.one("aws_vpc_security_group_egress_rule", "internet")
    assert (rule["cidr_ipv4"], rule["from_port"], rule["to_port"]) == ("0.0.0.0/0", 443, 443)


def test_endpoints_let_pass_what_functions_say_that_they_use(full: Plan) -> None:
    endpoints = {e["service_name"].rpartition(".")[2]: e for e in full.all("aws_vpc_endpoint").values()}
    ours, own = json.loads(endpoints["s3"]["policy"])["Statement"]
    assert ours["Condition"] == {"StringEquals": {"aws:ResourceAccount": "000000000000"}}
    assert own == {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": [f"{BUCKET}/*"]}
    (tables,) = json.loads(endpoints["dynamodb"]["policy"])["Statement"]
    assert "dynamodb:ConditionCheckItem" in tables["Action"], "own code checks items in transactions"


CALLS: dict[str, tuple[Values, str | None]] = {
    "of_secrets": (
        {"routes": {"GET /x": {"access": "open", "call": "pay"}}, "secrets": {"stripe": STRIPE}},
        "Secrets Manager",
    ),
    "of_queues": ({"queue": {}}, "SQS"),
    "of_schedules": ({"schedule": "rate(1 day)"}, "SQS"),
    "of_changes": ({"changes": {"todos": [{"kind": "created"}]}}, "SQS"),
    "of_senders": ({"routes": {"GET /x": {"access": "open", "call": "pay"}}, "sends": ["other"]}, "SQS"),
    "of_both": ({"queue": {}, "secrets": {"stripe": STRIPE}}, "Secrets Manager and SQS"),
    "of_none": ({"routes": {"GET /x": {"access": "open", "call": "pay"}}}, None),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, code: str) -> Path:
    return rules.preconditions(tmp_path_factory.mktemp("refused") / "root")


def faults(root: Path, code: str, functions: Values, network: Values | None) -> list[str]:
    """Return the faults of functions in a network."""
    entities: Values = {"todos": {"operations": ["get"]}}
    values = {**SMALL, "entities": entities, "functions": with_code(functions), "network": network, "project": code}
    return [line for text in rules.rule_errors(root, values) for line in text.splitlines()]


@pytest.mark.parametrize("case", CALLS)
def test_a_network_reaches_what_functions_call(root: Path, code: str, case: str) -> None:
    function, services = CALLS[case]
    name = case.replace("_", "-")
    functions = {name: function}
    said = [line for line in faults(root, code, functions, {}) if "cannot reach" in line]
    if services is None:
        assert said == []
    else:
        assert len(said) == 1
        assert said[0].startswith(f"functions.{name}: the function calls {services}, which it cannot reach.")
    for enough in ({"endpoints": ["secretsmanager", "sqs"]}, None):
        assert not [line for line in faults(root, code, functions, enough) if "network" in line]
    with_egress = {name: {**function, "egress": True}}
    assert not [line for line in faults(root, code, with_egress, {"nat": "single"}) if "network" in line]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            {"queue": {"attempts": 60, "backoff": "1h-12h"}},
            "functions.x.queue: 60 attempts may take 29 days, and the queue keeps a job for 7 days. Write fewer",
        ),
        (
            {"event": {"source": "a", "detail": {"a.b.c.d.e": ["1"]}}},
            'functions.x.event.detail: "a.b.c.d.e" has more than four parts. Name an outer property, and check',
        ),
        (
            {"event": {"source": "a", "detail": {"a": ["1"], "a.b": ["1"]}}},
            'functions.x.event.detail: "a" cannot have values, since "a.b" is inside it. Leave one',
        ),
    ],
)
def test_what_aws_would_lose_is_refused(root: Path, code: str, function: Values, sentence: str) -> None:
    (said,) = faults(root, code, {"x": function}, None)
    assert said.startswith(sentence)


def test_egress_needs_a_way_out(root: Path, code: str) -> None:
    functions = {"x": {"routes": {"GET /x": {"access": "open", "call": "pay"}}, "egress": True}}
    (said,) = faults(root, code, functions, {})
    assert said.startswith(
        'functions.x.egress: the network has no route to the internet. Write nat = "single" in network, or '
    )
    assert faults(root, code, functions, None) == []
