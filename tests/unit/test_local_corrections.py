"""The emulator's corrections: pinned to one version, and what they do without an emulator."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local import corrections

ROOT = Path(__file__).resolve().parents[2]


def test_the_corrections_are_for_the_version_that_is_pinned() -> None:
    pinned = re.search(r"^ministack==(\S+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    assert pinned
    assert corrections.PINNED == pinned[1] == version("ministack"), (
        "Go through local/corrections.py for the new version: drop what it does right by now, "
        "run `make verify`, then raise PINNED"
    )


def test_another_version_is_not_started() -> None:
    program = (
        "import importlib.metadata as m, runpy; m.version = lambda name: '9.9.9'; "
        f"runpy.run_path({str(ROOT / 'local' / 'corrections.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == "The local run corrects MiniStack 1.5.33, but 9.9.9 is installed: run `make setup`.\n"
    )


SCOPES = "authorizationScopes"
STAGE = {"apiId": "x", "stage": "dev"}
PATCHES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"a": 1}, {"op": "replace", "path": "/a", "value": "text"}, {"a": "text"}),
    ({}, {"op": "add", "path": "/apiKeyRequired", "value": "true"}, {"apiKeyRequired": True}),
    ({}, {"op": "add", "path": "/throttle/rateLimit", "value": "1.5"}, {"throttle": {"rateLimit": 1.5}}),
    ({"t": {}}, {"op": "add", "path": "/t/a~1b", "value": "x"}, {"t": {"a/b": "x"}}),
    ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
    ({"l": ["a"]}, {"op": "add", "path": "/l/b"}, {"l": ["a", "b"]}),
    ({"l": ["a", "b"]}, {"op": "remove", "path": "/l/a"}, {"l": ["b"]}),
    ({"apiStages": []}, {"op": "add", "path": "/apiStages", "value": "x:dev"}, {"apiStages": [STAGE]}),
    ({"apiStages": [STAGE]}, {"op": "remove", "path": "/apiStages", "value": "x:dev"}, {"apiStages": []}),
    ({SCOPES: ["a"]}, {"op": "add", "path": f"/{SCOPES}", "value": "b"}, {SCOPES: ["a", "b"]}),
    ({SCOPES: ["a"]}, {"op": "remove", "path": f"/{SCOPES}", "value": "a"}, {SCOPES: []}),
    ({SCOPES: None}, {"op": "add", "path": f"/{SCOPES}", "value": "b"}, {SCOPES: ["b"]}),
]  # fmt: skip


@pytest.mark.parametrize(("before", "operation", "after"), PATCHES)
def test_patches_keep_types(before: dict[str, Any], operation: dict[str, Any], after: dict[str, Any]) -> None:
    assert corrections.apply_patch(copy.deepcopy(before), [operation]) == after


def test_a_firewall_keeps_its_logging() -> None:
    arn, other = "arn:firewall", {"statusCode": 200}

    async def handle_request(*_: Any) -> Any:
        return other

    waf = SimpleNamespace(
        handle_request=handle_request, json_response=lambda found: found,
        _waf_err=lambda code, said: {"error": code}, _web_acls={"a": {"ARN": arn}},
    )  # fmt: skip
    corrections.correct_firewalls(waf)

    def ask(action: str, sent: Any) -> Any:
        headers = {"x-amz-target": f"AWSWAF_20190729.{action}"}
        return asyncio.run(waf.handle_request("POST", "/", headers, json.dumps(sent).encode(), {}))

    missing, named = {"error": "WAFNonexistentItemException"}, {"ResourceArn": arn}
    logging = {"LoggingConfiguration": {**named, "LogDestinationConfigs": ["arn:logs"]}}
    assert ask("GetWebACL", {}) == other
    assert ask("GetLoggingConfiguration", named) == missing
    assert ask("PutLoggingConfiguration", {"LoggingConfiguration": {"ResourceArn": "arn:another"}}) == missing
    assert ask("PutLoggingConfiguration", logging) == ask("GetLoggingConfiguration", named) == logging
    assert ask("DeleteLoggingConfiguration", named) == {}
    assert ask("GetLoggingConfiguration", named) == missing


def test_a_trail_keeps_the_tags_it_is_made_with() -> None:
    tagged: list[Any] = []
    answers: list[Any] = [(200, {}, b'{"TrailARN": "arn:trail"}'), (400, {}, b"{}")]
    cloudtrail = SimpleNamespace(
        _create_trail=lambda _: answers.pop(0), _add_tags=tagged.append, _DISPATCH={"GetTrail": None}
    )
    corrections.correct_trails(cloudtrail)
    create: Any = cloudtrail._DISPATCH["CreateTrail"]
    tags = [{"Key": "Team", "Value": "x"}]
    assert [create({"TagsList": tags})[0] for _ in range(2)] == [200, 400]
    assert tagged == [{"ResourceId": "arn:trail", "TagsList": tags}]


def test_a_vault_keeps_its_policy() -> None:
    other: Any = (404, {}, b"")
    vault = {"BackupVaultArn": "arn:vault", "BackupVaultName": "shop-test", "Locked": False}

    async def handle_request(*_: Any) -> Any:
        return other

    backup = SimpleNamespace(
        handle_request=handle_request, _ok=lambda found: found, _no_content=lambda: None,
        _vaults={"shop-test": vault},
    )  # fmt: skip
    corrections.correct_vault_policies(backup)

    def ask(method: str, path: str = "/backup-vaults/shop-test/access-policy", body: bytes = b"") -> Any:
        return asyncio.run(backup.handle_request(method, path, {}, body, {}))

    assert ask("GET") == ask("GET", "/backup-vaults/shop-test") == other
    assert ask("PUT", "/backup-vaults/another/access-policy", b'{"Policy": "{}"}') == other
    assert ask("PUT", body=b'{"Policy": "{}"}') is None
    assert ask("GET") == {"BackupVaultArn": "arn:vault", "BackupVaultName": "shop-test", "Policy": "{}"}
    assert ask("DELETE") is None
    assert ask("DELETE") is None
    assert ask("GET") == other


def test_an_alias_shares_out_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    routing = {"AdditionalVersionWeights": {"8": 0.25}}
    record = {"aliases": {"live": {"FunctionVersion": "7", "RoutingConfig": routing}, "plain": {}}}
    functions = SimpleNamespace(
        _get_func_record_for_ref=lambda reference: (record if reference == "arn:f" else None, None, reference)
    )
    corrections.correct_alias_weights(functions)
    draws = iter([0.2, 0.25, 0.2, 0.2])
    monkeypatch.setattr("random.random", lambda: next(draws))
    found = [
        functions._get_func_record_for_ref(f"arn:{name}")[2]
        for name in ("f:live", "f:live", "f:plain", "g:live")
    ]
    assert found == ["arn:f:8", "arn:f:live", "arn:f:plain", "arn:g:live"]


def test_a_crash_is_in_the_log() -> None:
    crash = {"error": True, "log": "", "body": {"errorType": "RuntimeError", "errorMessage": "no"}}
    answers: list[Any] = [{"body": "{}"}, {**crash, "log": "Traceback"}, crash]
    functions = SimpleNamespace(_execute_function_warm=lambda *_: answers.pop(0))
    corrections.correct_crash_logs(functions)
    logs = [functions._execute_function_warm({}, {}, "id").get("log") for _ in range(3)]
    assert logs == [None, "Traceback", "[ERROR] RuntimeError: no"]


def test_query_parameters_are_objects_and_lists() -> None:
    sent = {
        "AlarmName": ["a"],
        "Metrics.member.10.Id": ["last"],
        "Metrics.member.2.MetricStat.Metric.Dimensions.member.1.Name": ["entity"],
        "Metrics.member.2.Id": ["first"],
    }
    metric = {"Dimensions": [{"Name": "entity"}]}
    assert corrections.nested(sent) == {
        "AlarmName": "a",
        "Metrics": [{"MetricStat": {"Metric": metric}, "Id": "first"}, {"Id": "last"}],
    }


def test_answers_in_xml_hold_what_those_in_json_do() -> None:
    found = {"a": [{"b": True, "c": None}, {"b": 'x < "y" & z'}], "d": 1.5}
    assert corrections.as_xml(found) == (
        '<a><member><b>true</b></member><member><b>x &lt; "y" &amp; z</b></member></a><d>1.5</d>'
    )


class Alarms(SimpleNamespace):
    """The emulator's CloudWatch, as far as alarms go: it keeps a threshold, and makes a statistic up."""

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


def test_an_alarm_keeps_its_metrics() -> None:
    cloudwatch = Alarms()
    corrections.correct_alarms(cloudwatch)
    sent = {
        "AlarmName": ["a"],
        "Metrics.member.1.Id": ["m"],
        "Metrics.member.1.MetricStat.Period": ["300"],
        "Metrics.member.1.ReturnData": ["false"],
        "Metrics.member.2.Expression": ["m / 2"],
    }
    assert cloudwatch._put_metric_alarm(sent, {}, False)[0] == 200
    metrics = [
        {"Id": "m", "MetricStat": {"Period": 300}, "ReturnData": False},
        {"Expression": "m / 2", "ReturnData": True},
    ]
    assert cloudwatch._alarms["a"] == {"AlarmName": "a", "Threshold": 5.0, "Metrics": metrics}
    status, _, xml = cloudwatch._describe_alarms({}, {}, False)
    assert status == 200
    for part in ("<Period>300</Period>", "<Expression>m / 2</Expression>", "at 7</StateTimestamp>"):
        assert part in xml
    assert json.loads(cloudwatch._describe_alarms({}, {}, False, True)[2])["MetricAlarms"]

    assert cloudwatch._put_metric_alarm({}, {"AlarmName": "b"}, False, True)[0] == 200
    assert cloudwatch._alarms["b"]["Statistic"] == "Average", "one of a single metric is left as it is"

    cloudwatch.refuse = True
    assert cloudwatch._put_metric_alarm(sent, {}, False)[0] == 400
    assert cloudwatch._describe_alarms({}, {}, False) == (400, {}, b"as it stands")


def test_saved_queries_are_kept_changed_and_deleted() -> None:
    other = {"statusCode": 200}

    async def handle_request(*_: Any) -> Any:
        return other

    running = {"a-query": {"queryId": "a-query"}}
    logs = SimpleNamespace(handle_request=handle_request, json_response=lambda found: found, _queries=running)
    corrections.correct_saved_queries(logs)

    def ask(action: str, **sent: str) -> Any:
        headers = {"x-amz-target": f"Logs_20140328.{action}"}
        return asyncio.run(logs.handle_request("POST", "/", headers, json.dumps(sent).encode(), {}))

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
    monkeypatch.setattr(corrections, "LARGEST_PAGE", 5)
    streams = {
        "day/[1]a": [(time, f"a{time}") for time in (1, 1, 1, 2, 3, 3)],
        "day/[12]b": [(time, f"b{time}") for time in (1, 2, 2, 3)],
    }

    def filter_log_events(data: dict[str, Any]) -> Any:
        if data["logGroupName"] not in logs._log_groups:
            return 400, {}, b"no such group"
        names = data.get("logStreamNames") or list(streams)
        lines = [line for name in names for line in streams.get(name, []) if line[0] >= data["startTime"]]
        events = [{"timestamp": time, "message": message} for time, message in sorted(lines)]
        return 200, {}, json.dumps({"events": events[: data["limit"]]}).encode()

    logs = SimpleNamespace(
        _filter_log_events=filter_log_events,
        _log_groups={"g": {"streams": streams}},
        json_response=lambda found: (200, {}, json.dumps(found).encode()),
    )
    corrections.correct_log_search(logs)

    def search(**data: Any) -> list[str]:
        told: list[str] = []
        while True:
            _, _, body = logs._filter_log_events({"logGroupName": "g", "startTime": 0, **data})
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
    assert logs._filter_log_events({"logGroupName": "x", "logStreamNamePrefix": "d"})[0] == 400


def test_an_answer_that_got_lost_is_given_again() -> None:
    calls: list[str] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        calls.append(scope["path"])
        status = 500 if scope["path"] == "/broken" else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": str(len(calls)).encode()})

    served = corrections.replay_lost_answers(app)

    def ask(path: str, call: bytes | None) -> bytes:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"amz-sdk-invocation-id", call)] if call else []
        asyncio.run(served({"type": "http", "path": path, "headers": headers}, receive, send))
        body: bytes = sent[-1]["body"]
        return body

    assert [ask("/a", b"1"), ask("/a", b"1"), ask("/a", b"2")] == [b"1", b"1", b"2"]
    assert [ask("/a", None), ask("/a", None)] == [b"3", b"4"]
    assert [ask("/broken", b"3"), ask("/broken", b"3")] == [b"5", b"6"]


@pytest.mark.parametrize(
    ("host", "path", "header", "served"),
    [
        (b"localhost:4566", "/", None, True),
        (b"localhost:4566", "/api/todos", b"authorization", True),
        (b"127.0.0.1:4566", "/", None, False),
        (b"localhost.example.com", "/", None, False),
        (b"localhost:4566", "/_aws/execute-api/x/dev/todos", None, False),
        (b"localhost:4566", "/", b"x-amz-date", False),
        (b"localhost:4566", "/", b"x-amz-target", False),
    ],
)
def test_localhost_is_the_distribution(host: bytes, path: str, header: bytes | None, served: bool) -> None:
    seen: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        seen.append(scope)

    sent = [(b"host", host), (b"cookie", b"a=1"), (b"cookie", b"b=2"), *([(header, b"x")] if header else [])]
    cloudfront = SimpleNamespace(_distributions={"E1": {"DomainName": "d1.cloudfront.net"}})
    serve = corrections.serve_console(app, cloudfront)
    scope = {"type": "http", "path": path, "headers": sent}
    asyncio.run(serve(scope, None, None))
    there = [(b"host", b"d1.cloudfront.net"), (b"x-forwarded-proto", b"https")]
    assert seen == [scope | {"headers": [*sent[1:], *there]} if served else scope]


def test_without_a_distribution_localhost_is_the_emulator() -> None:
    seen: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        seen.append(scope)

    serve = corrections.serve_console(app, SimpleNamespace(_distributions={}))
    lifespan = {"type": "lifespan"}
    scope = {"type": "http", "path": "/", "headers": [(b"host", b"localhost:4566")]}
    for each in (lifespan, scope):
        asyncio.run(serve(each, None, None))
    assert seen == [lifespan, scope]
