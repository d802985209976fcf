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


BROWSERS = [(b"origin", b"null"), (b"sec-fetch-site", b"none"), (b"user-agent", b"Mozilla/5.0 (X11)")]
API = "/_aws/execute-api/x/dev/todos"
CALL = b"Action=CreateUser&X-Amz-Credential=test/20260101/us-west-2/iam/aws4_request"


class Served:
    """A server behind the wrapper: what it was asked, and what the client got."""

    def __init__(self, *distributions: str) -> None:
        self.seen: list[Any] = []
        self.sent: list[Any] = []
        names = {name: {"DomainName": name} for name in distributions}
        cloudfront = SimpleNamespace(_distributions=names)
        self.serve = corrections.serve_to_whom_it_is_for(self.app, cloudfront, "4566")

    async def app(self, scope: Any, *_: Any) -> None:
        self.seen.append(scope)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def ask(
        self, host: bytes, path: str, *headers: tuple[bytes, bytes], method: str = "GET", query: bytes = b""
    ) -> str | None:
        """Who answers: the host that the emulator is asked for, or None where it is not asked at all."""
        self.seen.clear()
        scope = {"type": "http", "method": method, "path": path, "query_string": query}
        asyncio.run(self.serve(scope | {"headers": [(b"host", host), *headers]}, None, self.send))
        return str(dict(self.seen[0]["headers"])[b"host"], "ascii") if self.seen else None


CONSOLE = "d1.cloudfront.net"


@pytest.mark.parametrize(
    ("host", "path", "header", "served"),
    [
        (b"localhost:4566", "/", None, CONSOLE),
        (b"LOCALHOST:4566", "/", None, CONSOLE),
        (b"localhost:4566", "/api/todos", b"authorization", CONSOLE),
        (b"127.0.0.1:4566", "/", None, "127.0.0.1:4566"),
        (b"localhost:4566", API, None, "localhost:4566"),
        (b"localhost:4566", "/", b"x-amz-date", "localhost:4566"),
        (b"localhost:4566", "/", b"x-amz-target", "localhost:4566"),
        (b"bucket.localhost:4566", "/key", None, "bucket.localhost:4566"),
        (CONSOLE.encode(), "/", None, CONSOLE),
        (b"other.cloudfront.net", "/", None, None),
        (b"localhost.example.com", "/", None, None),
        (b"notlocalhost:4566", "/", None, None),
        (b"127.0.0.1.example.com:4566", "/", b"x-amz-date", None),
        (b"", "/", None, None),
    ],
)  # fmt: skip
def test_localhost_is_the_distribution_and_other_names_are_nothing(
    host: bytes, path: str, header: bytes | None, served: str | None
) -> None:
    server = Served(CONSOLE)
    assert server.ask(host, path, *([(header, b"x")] if header else [])) == served
    assert [message.get("status") for message in server.sent] == ([] if served else [403, None])


def test_the_distribution_is_asked_over_tls_and_for_all_that_was_sent() -> None:
    server, cookies = Served(CONSOLE), [(b"cookie", b"a=1"), (b"cookie", b"b=2")]
    server.ask(b"localhost:4566", "/", (b"x-forwarded-proto", b"http"), *cookies)
    there = [(b"host", CONSOLE.encode()), (b"x-forwarded-proto", b"https")]
    assert server.seen[0]["headers"] == [*cookies, *there]


@pytest.mark.parametrize("sign", BROWSERS)
@pytest.mark.parametrize(
    ("host", "asked", "served"),
    [
        (b"localhost:4566", "GET /", CONSOLE),
        (b"localhost:4566", "GET /config.json", CONSOLE),
        (b"localhost:4566", "GET /0123456789abcdef/vendor/x.js", CONSOLE),
        (b"localhost:4566", "DELETE /api/todos/1", CONSOLE),
        (CONSOLE.encode(), "GET /", CONSOLE),
        (b"localhost:4566", f"GET {API}", None),
        (b"localhost:4566", "POST /_ministack/reset", None),
        (b"localhost:4566", "GET /health", None),
        (b"localhost:4566", "POST /login", None),
        (b"localhost:4566", "POST /v2/email/outbound-emails", None),
        (b"localhost:4566", "PUT /v20180820/bucket/b", None),
        (b"localhost:4566", "POST /2015-03-31/functions", None),
        (b"127.0.0.1:4566", f"GET {API}", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", f"OPTIONS {API}", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "GET /oauth2/authorize", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /login", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /oauth2/token", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /oauth2/revoke", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "OPTIONS /oauth2/token", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "GET /logout", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /oauth2/authorize", None),
        (b"127.0.0.1:4566", "GET /login", None),
        (b"127.0.0.1:4566", "POST /_aws/execute-api/x", None),
        (b"127.0.0.1:4566", "POST /login?", None),
        (b"127.0.0.1:4566", "GET /us-west-2_x/.well-known/jwks.json", None),
        (b"127.0.0.1:4566", "POST /_ministack/reset", None),
        (b"127.0.0.1:4566", "POST /2015-03-31/functions", None),
        (b"127.0.0.1:4566", "OPTIONS /2015-03-31/functions", None),
        (b"127.0.0.1:4566", "GET /apikeys", None),
        (b"127.0.0.1:4566", "POST /", None),
        (b"bucket.localhost:4566", "GET /key", None),
        (b"localhost.example.com", "GET /", None),
    ],
)
def test_browsers_get_no_aws(host: bytes, asked: str, served: str | None, sign: tuple[bytes, bytes]) -> None:
    method, path = asked.split(" ")
    server = Served(CONSOLE)
    for header in (b"accept", b"x-amz-date", b"x-amz-target"):
        found = server.ask(host, path, sign, (header, b"x"), method=method, query=CALL)
        assert found == served, header


def test_without_a_distribution_localhost_is_the_emulator() -> None:
    server = Served()
    assert server.ask(b"localhost:4566", "/") == "localhost:4566"
    assert server.ask(b"localhost:4566", "/", BROWSERS[0]) is None
    assert server.ask(b"localhost:4566", "/api/todos", BROWSERS[0]) is None
    assert server.ask(b"localhost:4566", API, BROWSERS[0]) == "localhost:4566"
    server.seen.clear()
    asyncio.run(server.serve({"type": "lifespan"}, None, server.send))
    assert server.seen == [{"type": "lifespan"}]


def test_web_sockets_are_no_way_round() -> None:
    server = Served(CONSOLE)
    scope = {"type": "websocket", "path": "/mqtt", "query_string": b""}
    for headers in ([(b"host", b"evil.example")], [(b"host", b"127.0.0.1"), BROWSERS[0]]):
        asyncio.run(server.serve(scope | {"headers": headers}, None, server.send))
    assert (server.seen, server.sent) == ([], [{"type": "websocket.close"}] * 2)


def test_a_changed_function_tells_its_version() -> None:
    answers = [(200, {"ETag": "2"}, b""), (412, {}, b"")]
    cloudfront = SimpleNamespace(_cf_update_function=lambda *_: answers.pop(0))
    corrections.correct_changed_functions(cloudfront)
    assert cloudfront._cf_update_function("mount", {}, b"")[1] == {"ETag": "2", "ETtag": "2"}
    assert cloudfront._cf_update_function("mount", {}, b"") == (412, {}, b"")


def test_which_account_asks_does_not_change_who_answers() -> None:
    other = {"DomainName": "d2.cloudfront.net"}
    every = SimpleNamespace(to_dict=lambda: {1: {"DomainName": CONSOLE}, 2: other})
    cloudfront = SimpleNamespace(_distributions=every, _fetch_from_origin=None)
    corrections.correct_distributions(cloudfront, None)
    find: Any = cloudfront.find_distribution_for_label
    assert (find("d2"), find("d3")) == (other, None)
