"""Correct CloudWatch: alarms."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

from tools.laptop.corrections import Params


def correct(cloudwatch: Any) -> None:
    """Correct aws_cloudwatch_metric_alarm and _composite_alarm: most settings are dropped or not reported."""
    put, describe = cloudwatch._put_metric_alarm, cloudwatch._describe_alarms

    def put_metric_alarm(params: Params, data: Params, is_cbor: bool, is_json: bool = False) -> Any:
        sent = data if is_cbor or is_json else nest(params)
        answer = put(params, data, is_cbor, is_json)
        if answer[0] == 200:
            alarm = cloudwatch._alarms[sent["AlarmName"]]
            kept = ("EvaluateLowSampleCountPercentile", "InsufficientDataActions", "Metrics")
            alarm |= {key: sent[key] for key in kept if key in sent}
            for query in alarm.get("Metrics", []):
                if "MetricStat" in query:
                    query["MetricStat"]["Period"] = int(query["MetricStat"]["Period"])
                query["ReturnData"] = str(query.get("ReturnData", True)).lower() == "true"
            if "Metrics" in sent:  # each query has its own, but the emulator invents some for the alarm
                for key in ("Dimensions", "MetricName", "Namespace", "Period", "Statistic"):
                    alarm.pop(key, None)
        return answer

    def describe_alarms(params: Params, data: Params, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return describe(params, data, is_cbor, is_json)
        status, _, body = describe(params, nest(params), False, True)
        if status != 200:
            return describe(params, data, False)
        found = json.loads(body)
        for alarm in [alarm for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found[kind]]:
            for key in [key for key in alarm if key.endswith("Timestamp")]:
                alarm[key] = cloudwatch._ts_iso(alarm[key])
        xml = f"<DescribeAlarmsResult>{as_xml(found)}</DescribeAlarmsResult>"
        return cloudwatch._xml(200, "DescribeAlarmsResponse", xml)

    cloudwatch._put_metric_alarm = put_metric_alarm
    cloudwatch._describe_alarms = describe_alarms


def nest(params: Params) -> Params:
    """Return the parameters of AWS's Query protocol as objects and lists."""
    found: Params = {}
    for name, value in params.items():
        *parents, last = name.split(".")
        below = found
        for key in parents:
            below = below.setdefault(key, {})
        below[last] = value[0] if isinstance(value, list) else value
    members: Params = as_lists(found)
    return members


def as_lists(found: Any) -> Any:
    """Return objects whose only property is "member", by number, as lists."""
    if not isinstance(found, dict):
        return found
    if found.keys() == {"member"}:
        numbered = sorted((int(number), value) for number, value in found["member"].items())
        return [as_lists(value) for _, value in numbered]
    return {key: as_lists(value) for key, value in found.items()}


def as_xml(found: Any) -> str:
    """Return a JSON response as a Query response, without null values."""
    if isinstance(found, dict):
        return "".join(f"<{k}>{as_xml(v)}</{k}>" for k, v in found.items() if v is not None)
    if isinstance(found, list):
        return "".join(f"<member>{as_xml(value)}</member>" for value in found)
    return escape(str(found).lower() if isinstance(found, bool) else str(found))
