"""Correct EventBridge: the messages that rules and schedules send to queues.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from tools.laptop.corrections import Params
from tools.laptop.corrections.rights import is_allowed

INTERVAL = 1.0  # seconds between two checks of the schedules


def correct(schedules: Any, events: Any, queues: Any, evaluator: Any, background: Any) -> None:
    """Correct ministack.services.scheduler and ministack.services.eventbridge."""
    correct_targets(events, queues, evaluator, background)
    correct_times(schedules, events, background)


def correct_targets(events: Any, queues: Any, evaluator: Any, background: Any) -> None:
    """Correct messages: schedules do not replace <aws.scheduler.…>, and roles and queues' policies are not checked."""
    invoke = events._invoke_target

    def invoke_if_allowed(target: Params, event: Params, rule: Params, view: Any = None) -> None:
        arn, is_schedule = target.get("Arn", ""), "ScheduleExpression" in rule and "Target" in rule
        if ":sqs:" in arn:
            if is_schedule:
                allowed = is_allowed(evaluator, target.get("RoleArn", "::::::"), "sqs:SendMessage", arn)
            else:
                allowed = queues.queue_policy_allows(
                    arn, "events.amazonaws.com", rule["Arn"], rule["Arn"].split(":")[4]
                )
            if not allowed:
                who = f"the role of the schedule {rule['Name']}" if is_schedule else "the queue's policy"
                background.log(f"An event for {arn} is dropped: {who} does not allow sqs:SendMessage.")
                return
        if is_schedule and target.get("Input"):
            target = target | {
                "Input": with_context(target["Input"], rule["Arn"], latest_due_time(events, rule, time.time()))
            }
        invoke(target, event, rule, view)
        background.mark_changed()

    events._invoke_target = invoke_if_allowed


def with_context(text: str, arn: str, scheduled: float) -> str:
    """Return the input of a schedule's target with its context attributes replaced."""
    at = datetime.fromtimestamp(scheduled, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {
        "execution-id": str(uuid.uuid4()), "scheduled-time": at, "schedule-arn": arn, "attempt-number": "1"
    }  # fmt: skip
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def latest_due_time(events: Any, schedule: Params, now: float) -> float:
    """Return a schedule's latest planned time before now, in seconds since the epoch."""
    if interval := events._parse_rate_seconds(schedule["ScheduleExpression"]):
        began = schedule["CreationDate"]
        return float(began + (now - began) // interval * interval)
    return now // 60 * 60


def correct_times(schedules: Any, events: Any, background: Any) -> None:
    """Correct times: a new rate waits, a rate from before a restart does not, and checks are ten seconds apart."""
    tick, fired = schedules._tick_schedules, schedules._schedule_last_fired

    def tick_on_time() -> None:
        if not background.is_serving:
            return
        for key, schedule in list(schedules._schedules.all_items()):
            if not (interval := events._parse_rate_seconds(schedule["ScheduleExpression"])):
                continue
            if key not in fired and schedule["CreationDate"] >= background.began:
                fired[key] = schedule["CreationDate"] - interval  # AWS calls the target of a new rate at once
            else:
                # Skip the times at which the emulator was not running, without a drift of the next time.
                fired[key] = latest_due_time(events, schedule, fired.get(key, time.time()))
        tick()

    schedules._tick_schedules, schedules._SCHEDULE_TICK_INTERVAL = tick_on_time, INTERVAL
