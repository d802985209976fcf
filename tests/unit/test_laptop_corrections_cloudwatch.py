"""Test the corrections of alarms, saved queries and log searches without an emulator."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tools.laptop.corrections import cloudwatch, logs


def test_query_parameters_are_objects_and_lists() -> None:
    sent = {
        "AlarmName": ["a"],
        "Metrics.member.10.Id": ["last"],
        "Metrics.member.2.MetricStat.Metric.Dimensions.member.1.Name": ["entity"],
        "Metrics.member.2.Id": ["first"],
    }
    metric = {"Dimensions": [{"Name": "entity"}]}
    assert cloudwatch.nest(sent) == {
        "AlarmName": "a",
        "Metrics": [{"MetricStat": {"Metric": metric}, "Id": "first"}, {"Id": "last"}],
    }


def test_xml_and_json_responses_have_the_same_content() -> None:
    found = {"a": [{"b": True, "c": None}, {"b": 'x < "y" & z'}], "d": 1.5}
    assert cloudwatch.as_xml(found) == (
        '<a><member><b>true</b></member><member><b>x &lt; "y" &amp; z</b></member></a><d>1.5</d>'
    )


class FakeCloudWatch(SimpleNamespace):
    """The emulator's CloudWatch alarms: it stores the threshold and invents a statistic."""

    def __init__(self) -> None:
        super().__init__(_alarms={}, _ts_iso=lambda at: f"at {at}", refuse=False)

    def _put_metric_alarm(self, params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        sent = data if is_json else {key: value[0] for key, value in params.items()}
        name = sent["AlarmName"]
        if not self.refuse:
            self._alarms[name] = {"AlarmName": name, "Threshold": 5.0, "Statistic": "Average", "Period": 60}
        return (400 if self.refuse else 200, {}, b"")

    def _describe_alarms(self, params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if not is_json:
            return (400, {}, b"as it stands")
        found = {"MetricAlarms": list(self._alarms.values()), "CompositeAlarms": [{"StateTimestamp": 7}]}
        return (400 if self.refuse else 200, {}, json.dumps(found))

    def _xml(self, status: int, root: str, inner: str) -> Any:
        return (status, root, inner)


def test_an_alarms_metrics_are_stored() -> None:
    service = FakeCloudWatch()
    cloudwatch.correct(service)
    sent = {
        "AlarmName": ["a"],
        "Metrics.member.1.Id": ["m"],
        "Metrics.member.1.MetricStat.Period": ["300"],
        "Metrics.member.1.ReturnData": ["false"],
        "Metrics.member.2.Expression": ["m / 2"],
    }
    assert service._put_metric_alarm(sent, {}, False)[0] == 200
    metrics = [
        {"Id": "m", "MetricStat": {"Period": 300}, "ReturnData": False},
        {"Expression": "m / 2", "ReturnData": True},
    ]
    assert service._alarms["a"] == {"AlarmName": "a", "Threshold": 5.0, "Metrics": metrics}
    status, _, xml = service._describe_alarms({}, {}, False)
    assert status == 200
    for part in ("<Period>300</Period>", "<Expression>m / 2</Expression>", "at 7</StateTimestamp>"):
        assert part in xml
    assert json.loads(service._describe_alarms({}, {}, False, True)[2])["MetricAlarms"]

    assert service._put_metric_alarm({}, {"AlarmName": "b"}, False, True)[0] == 200
    assert service._alarms["b"]["Statistic"] == "Average", "an alarm on a single metric is unchanged"

    service.refuse = True
    assert service._put_metric_alarm(sent, {}, False)[0] == 400
    assert service._describe_alarms({}, {}, False) == (400, {}, b"as it stands")


def test_saved_queries_are_stored_changed_and_deleted() -> None:
    other = {"statusCode": 200}

    async def handle_request(*_: Any) -> Any:
        return other

    running = {"a-query": {"queryId": "a-query"}}
    service = SimpleNamespace(handle_request=handle_request, json_response=lambda found: found, _queries=running)
    logs.correct_saved_queries(service)

    def ask(action: str, **sent: str) -> Any:
        headers = {"x-amz-target": f"Logs_20140328.{action}"}
        return asyncio.run(service.handle_request("POST", "/", headers, json.dumps(sent).encode(), {}))

    def names(prefix: str = "") -> list[str]:
        found = ask("DescribeQueryDefinitions", queryDefinitionNamePrefix=prefix)["queryDefinitions"]
        return [query["name"] for query in found]

    assert ask("DescribeLogGroups") == other
    assert names() == []
    one = ask("PutQueryDefinition", name="shop/one")
    ask("PutQueryDefinition", name="other/one")
    assert (names(), names("shop/")) == (["shop/one", "other/one"], ["shop/one"])
    assert ask("PutQueryDefinition", name="shop/two", **one) == one
    assert names("shop/") == ["shop/two"]
    assert [ask("DeleteQueryDefinition", **one) for _ in range(2)] == [{"success": True}, {"success": False}]
    assert names() == ["other/one"]
    assert "a-query" in running


def test_logs_are_searched_by_prefix_and_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LARGEST_PAGE", 5)
    streams = {
        "day/[1]a": [(time, f"a{time}") for time in (1, 1, 1, 2, 3, 3)],
        "day/[12]b": [(time, f"b{time}") for time in (1, 2, 2, 3)],
    }

    def filter_log_events(data: dict[str, Any]) -> Any:
        if data["logGroupName"] not in service._log_groups:
            return 400, {}, b"no such group"
        names = data.get("logStreamNames") or list(streams)
        lines = [line for name in names for line in streams.get(name, []) if line[0] >= data["startTime"]]
        events = [{"timestamp": time, "message": message} for time, message in sorted(lines)]
        return 200, {}, json.dumps({"events": events[: data["limit"]]}).encode()

    service = SimpleNamespace(
        _filter_log_events=filter_log_events,
        _log_groups={"g": {"streams": streams}},
        json_response=lambda found: (200, {}, json.dumps(found).encode()),
    )
    logs.correct_log_search(service)

    def search(**data: Any) -> list[str]:
        told: list[str] = []
        while True:
            _, _, body = service._filter_log_events({"logGroupName": "g", "startTime": 0, **data})
            found = json.loads(body)
            told += [event["message"] for event in found["events"]]
            if "nextToken" not in found:
                return told
            data["nextToken"] = found["nextToken"]

    lines = sorted(line for stream in streams.values() for line in stream)
    assert search() == search(limit=1) == search(limit=3) == [message for _, message in lines]
    assert search(startTime=2) == [message for time, message in lines if time >= 2]
    assert search(logStreamNamePrefix="day/[1]") == ["a1", "a1", "a1", "a2", "a3", "a3"]
    assert search(logStreamNamePrefix="day/[2]") == []
    assert service._filter_log_events({"logGroupName": "x", "logStreamNamePrefix": "d"})[0] == 400
