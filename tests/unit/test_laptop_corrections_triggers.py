"""Test the emulator's triggers: retries of batches, and messages of schedules."""

from __future__ import annotations

import json
import re
import time
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from tools.laptop.corrections import events, secretsmanager
from tools.laptop.corrections.queues import correct_order, correct_policies, correct_restarts
from tools.laptop.corrections.streams import Batch, failures, remaining_batches

RECORDS = [(position, {"dynamodb": {"SequenceNumber": f"n{position}"}}) for position in range(4, 8)]
REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
ERROR: dict[str, Any] = {"error": True}


def named(*names: Any) -> dict[str, Any]:
    return {"body": {"batchItemFailures": [{"itemIdentifier": name} for name in names]}}


def positions(batches: list[Batch]) -> list[tuple[list[int], int]]:
    return [([position for position, _ in batch.records], batch.failed) for batch in batches]


WHOLE = [4, 5, 6, 7]
BISECT = {"BisectBatchOnFunctionError": True}
LEFT: list[tuple[dict[str, Any], dict[str, Any], list[tuple[list[int], int]]]] = [
    ({}, {"body": None}, []),
    ({}, named("n6"), []),  # ignored by a mapping without partial batch responses
    ({}, ERROR, [(WHOLE, 3)]),
    (REPORTS, named(), []),
    (REPORTS, {"body": None}, []),
    (REPORTS, named("n7", "n6"), [([6, 7], 0)]),
    (REPORTS, named("n4"), [(WHOLE, 3)]),
    (REPORTS, named("another"), [(WHOLE, 3)]),
    (REPORTS, named(""), [(WHOLE, 3)]),
    (REPORTS | BISECT, named("n4"), [([4, 5], 2), ([6, 7], 2)]),
    (BISECT, ERROR, [([4, 5], 2), ([6, 7], 2)]),
    ({"MaximumRetryAttempts": 3}, ERROR, [(WHOLE, 3)]),
    ({"MaximumRetryAttempts": -1}, ERROR, [(WHOLE, 3)]),
]  # fmt: skip


@pytest.mark.parametrize(("mapping", "answer", "left"), LEFT)
def test_batches_that_are_retried(mapping: Any, answer: Any, left: Any) -> None:
    batches, given_up = remaining_batches(mapping, Batch(RECORDS, failed=2), answer, 10)
    assert (positions(batches), given_up) == (left, "")


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({"MaximumRetryAttempts": 2}, "RetryAttemptsExhausted"),
        ({"MaximumRetryAttempts": 0}, "RetryAttemptsExhausted"),
        ({"MaximumRetryAttempts": 9, "MaximumRecordAgeInSeconds": 60}, "MaxRecordAgeExceeded"),
    ],
)
def test_records_are_given_up(mapping: Any, why: str) -> None:
    assert remaining_batches(mapping, Batch(RECORDS, failed=2), ERROR, 61) == ([], why)
    assert remaining_batches(mapping | REPORTS, Batch(RECORDS[:1], failed=2), named("n4"), 61) == ([], why)


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, []),
        ("", ["a", "b"]),
        ("{", ["a", "b"]),
        ({}, []),
        ({"batchItemFailures": None}, []),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, ["b"]),
        (json.dumps({"batchItemFailures": [{"itemIdentifier": "b"}]}), ["b"]),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, ["a", "b"]),
        ({"batchItemFailures": [{"id": "b"}]}, ["a", "b"]),
        ({"batchItemFailures": ["b"]}, ["a", "b"]),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]}, ["a", "b"]),
    ],
)
def test_an_unreadable_response_fails_the_batch(answer: Any, failed: list[str]) -> None:
    assert failures(answer, ["a", "b"]) == failed


def rates(expression: str) -> int | None:
    found = re.fullmatch(r"rate\((\d+) minutes?\)", expression)
    return int(found[1]) * 60 if found else None


def test_a_schedule_is_due_on_time_over_restarts() -> None:
    """A new rate is due at once, a rate from before a restart at its next time, and neither drifts."""
    began = 1_000_000.0
    stored = {
        ("new",): {"ScheduleExpression": "rate(5 minutes)", "CreationDate": began + 7},
        ("old",): {"ScheduleExpression": "rate(5 minutes)", "CreationDate": began - 650},
        ("cron",): {"ScheduleExpression": "cron(0 3 * * ? *)", "CreationDate": began - 650},
    }
    ticks: list[None] = []
    schedules = SimpleNamespace(
        _tick_schedules=lambda: ticks.append(None), _schedule_last_fired={},
        _schedules=SimpleNamespace(all_items=stored.items),
    )  # fmt: skip
    service = SimpleNamespace(_parse_rate_seconds=rates)
    background = SimpleNamespace(is_serving=False, began=began)
    events.correct_times(schedules, service, background)
    tick: Any = schedules._tick_schedules
    tick()
    assert not ticks
    background.is_serving = True
    fired: dict[Any, float] = schedules._schedule_last_fired
    fired["old",] = began - 3  # later than planned
    tick()
    assert fired == {("new",): began + 7 - 300, ("old",): began - 50}
    fired.pop(("old",))
    tick()
    assert 0 <= time.time() - fired["old",] < 300
    assert (fired["old",] - (began - 650)) % 300 == 0


def test_a_schedule_sends_when_it_was_due() -> None:
    service = SimpleNamespace(_parse_rate_seconds=rates)
    every = {"ScheduleExpression": "rate(2 minutes)", "CreationDate": 1_767_225_600.0}
    assert events.latest_due_time(service, every, 1_767_225_600 + 250.5) == 1_767_225_600 + 240
    assert (
        events.latest_due_time(service, {"ScheduleExpression": "cron(* * * * ? *)"}, 1_767_225_663.2) == 1_767_225_660
    )
    said = events.with_context('{"at": "<aws.scheduler.scheduled-time>", "b": "<aws.other>"}', "arn", 1_767_225_660)
    assert said == '{"at": "2026-01-01T00:01:00Z", "b": "<aws.other>"}'


def test_a_restart_updates_queue_urls_and_forgets_calls_in_progress() -> None:
    taken, waiting = {"taken": True, "visible_at": 9e9}, {"visible_at": 9e9}
    queues = ScopedDict({("1", "eu", "http://old/1/jobs"): {"name": "jobs", "messages": [taken, waiting]}})
    index = ScopedDict({("1", "eu", "jobs"): "http://old/1/jobs"})
    service = SimpleNamespace(
        load_persisted_state=lambda _: None, _queues=queues, _queue_name_to_url=index,
        _queue_url_for_account=lambda account, name: f"http://new/{account}/{name}",
        _rebuild_queue_name_index=lambda: index.set_scoped("1", "eu", "jobs", "rebuilt"),
    )  # fmt: skip
    correct_restarts(service)
    load: Any = service.load_persisted_state
    load({})
    assert queues._data == {
        ("1", "eu", "http://new/1/jobs"): {
            "name": "jobs", "url": "http://new/1/jobs", "messages": [{"visible_at": taken["visible_at"]}, waiting]
        }
    }  # fmt: skip
    assert taken["visible_at"] <= time.time() < waiting["visible_at"]
    assert index._data == {("1", "eu", "jobs"): "rebuilt"}


class ScopedDict:
    """A fake of the emulator's dictionaries by account and region."""

    def __init__(self, data: dict[tuple[str, str, str], Any]) -> None:
        self._data = data

    def pop_scoped(self, account: str, region: str, key: str) -> Any:
        return self._data.pop((account, region, key))

    def set_scoped(self, account: str, region: str, key: str, value: Any) -> None:
        self._data[account, region, key] = value

    def clear(self) -> None:
        self._data.clear()


def test_a_process_ends_after_its_response() -> None:
    ended: list[Any] = []
    busy, idle, other = (SimpleNamespace(in_use=in_use) for in_use in (True, False, False))
    runtime = SimpleNamespace(
        _lock=Lock(), _workers={"1:eu:f:1": [busy, idle], "1:eu:fg:1": [other]}, kill_workers=ended.extend
    )
    secretsmanager.retire_workers(runtime, "1:eu:f:")
    assert runtime._workers == {"1:eu:f:1": [], "1:eu:fg:1": [other]}
    while ended != [idle]:
        time.sleep(0.01)
    busy.in_use = False
    while ended != [idle, busy]:
        time.sleep(0.01)


class Lock:
    """A fake lock."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_queues_that_require_tls_accept_requests() -> None:
    """The emulator has no TLS but enforces queue policies, so only this denial is ignored."""
    real = import_module("ministack.core.iam_evaluator")
    evaluator = SimpleNamespace(evaluate_resource_policy=real.evaluate_resource_policy)
    correct_policies(evaluator)

    def decision(evaluate: Any, action: str = "sqs:SendMessage", **condition: Any) -> str:
        denial = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", **condition}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
        context = real.EvalContext("*", "Service", "", action, "arn:aws:sqs:us-west-2:1:q", "us-west-2")
        return str(evaluate(policy, context, service="events.amazonaws.com").decision)

    without_tls = {"Bool": {"aws:SecureTransport": "false"}}
    assert decision(real.evaluate_resource_policy, Condition=without_tls) == "Deny"
    assert decision(evaluator.evaluate_resource_policy, Condition=without_tls) == "ImplicitDeny"
    assert decision(evaluator.evaluate_resource_policy, "s3:GetObject", Condition=without_tls) == "Deny"
    assert decision(evaluator.evaluate_resource_policy) == "Deny"


def test_a_queue_may_be_created_before_its_dead_letter_queue() -> None:
    class RefusedError(Exception):
        """A fake of the emulator's error."""

    def refuse(_: str) -> None:
        raise RefusedError

    known = {"arn:aws:sqs:eu:1:known"}
    service = SimpleNamespace(
        _Err=RefusedError, _validate_redrive_policy=refuse, get_region=lambda: "eu", get_account_id=lambda: "1",
        _queue_by_arn=lambda arn: arn in known or None,
    )  # fmt: skip
    correct_order(service)
    validate: Any = service._validate_redrive_policy

    def policy(target: str, count: Any) -> str:
        return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": count}, separators=(",", ":"))

    validate(policy("arn:aws:sqs:eu:1:later", 3))
    for target, count in (("known", 3), ("later", 0), ("later", 1001)):
        with pytest.raises(RefusedError):
            validate(policy(f"arn:aws:sqs:eu:1:{target}", count))
    for text in (policy("arn:aws:sqs:us:1:later", 3), policy("arn:aws:sns:eu:1:later", 3), "", "[]"):
        with pytest.raises(RefusedError):
            validate(text)
