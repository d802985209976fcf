"""Test releases: canaries, rollbacks, the release file and pruning."""

from __future__ import annotations

import datetime
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from tests.unit import commands
from tools import tfvars
from tools.aws import environment as aws_environment
from tools.aws import monitor
from tools.aws import release as tool
from tools.aws.environment import AwsEnvironment
from tools.aws.release import ReleaseSettings
from tools.aws.versions import Canary, Functions, Record, Release, versions_before_last_deployment
from tools.environment import function_names, worker_names
from tools.errors import UserError
from tools.terraform import ROOT

CREATE, GET = "shop-todos-create-test", "shop-todos-get-test"
REGION = "us-west-2"


def package(text: str) -> bytes:
    """Return a zip whose content depends on the text."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("index.py", text)
    return content.getvalue()


@dataclass
class Shop:
    """A fake environment with two functions, which publishes versions as Terraform does."""

    live_file: Path
    said: list[str] = field(default_factory=list)
    name: str = "test"
    system: str = "shop-test"
    apply_command: str = "make apply ENV=test"
    project: Path = ROOT
    release: ReleaseSettings = field(default_factory=lambda: ReleaseSettings(faults=1, minutes=1, percent=10))
    changes: tuple[str, ...] = ()  # functions that the next apply publishes
    naps: list[Callable[[], object]] = field(default_factory=list)  # run while a release waits, one per wait
    slept: float = 0
    code: int = 0  # exit code of the next apply
    workers: frozenset[str] = frozenset()
    # By function and stream: times in milliseconds of the epoch, and lines.
    logs: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)
    searched: list[dict[str, Any]] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=dict)  # cached: creating a client is slow

    def functions(self) -> dict[str, Any]:
        return {}

    def client(self, service: str, *, timeout: int | None = None) -> Any:
        if service == "logs":
            return self
        if service not in self.clients:
            make_client: Any = boto3.client  # typed for each service's literal name
            self.clients[service] = make_client(service, region_name=REGION)
        return self.clients[service]

    def function_names(self) -> set[str]:
        return {CREATE, GET, "shop-todos-list-test"}

    def worker_names(self) -> set[str]:
        return set(self.workers)

    def prepare(self) -> None:
        pass

    def outputs(self) -> dict[str, Any]:
        return {}

    def entities(self) -> dict[str, Any]:
        return {}

    def release_settings(self) -> dict[str, Any]:
        return asdict(self.release)

    def apply(self, arguments: list[str]) -> int:
        for name in self.changes:
            self.publish(name)
        return self.code

    def publish(self, name: str) -> str:
        code = package(str(len(self.versions(name))))
        found: str = self.client("lambda").update_function_code(FunctionName=name, ZipFile=code, Publish=True)[
            "Version"
        ]
        return found

    def versions(self, name: str) -> list[int]:
        return sorted(Functions(self.client("lambda"), frozenset()).published_versions(name))

    def live(self) -> dict[str, tuple[str, dict[str, float]]]:
        found = Functions(self.client("lambda"), frozenset(self.function_names())).aliases()
        return {name: (alias.version, dict(alias.weights)) for name, alias in found.items()}

    def ship(self, *, unproven: bool = True) -> int:
        return tool.release(self, self.said.append, [], self.sleep, unproven=unproven)

    def rollback(self) -> int:
        return tool.rollback(self, self.said.append)

    def sleep(self, seconds: float) -> None:
        """Run the next of `naps`; after the last one, let the canary's minutes be over."""
        self.slept += seconds
        if self.naps:
            self.naps.pop(0)()
        else:
            self.release = ReleaseSettings(self.release.faults, 0, self.release.percent)

    # --- CloudWatch Logs, since moto does not support filter patterns ---

    def get_paginator(self, operation: str) -> Any:
        assert operation == "filter_log_events"
        return self

    def paginate(self, **search: Any) -> list[Any]:
        self.searched.append(search)
        assert time.time() - 24 * 3600 < search["startTime"] / 1000 < time.time() + 3600
        found = [
            {"logStreamName": stream, "timestamp": at, "message": line}
            for (function, stream), lines in self.logs.items()
            for at, line in lines
            if search["logGroupName"] == f"/aws/lambda/{function}"
            and stream.startswith(search.get("logStreamNamePrefix", ""))
            and at >= search["startTime"]
        ]
        return [{"events": found[:2]}, {"events": []}, {"events": found[2:]}]


def write_log(shop: Shop, function: str, version: str, *lines: str, ahead: float = 0) -> None:
    """Write log lines of a version, on a clock some seconds ahead of this machine's."""
    at = time.time() + ahead
    day = f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y/%m/%d}"
    stream = shop.logs.setdefault((function, f"{day}/[{version}]abc"), [])
    stream += [(int(at * 1000), line) for line in lines]


START = "START RequestId: 5c Version: 2"


def line(status: int, number: int = 1, version: str = "", **more: Any) -> str:
    fields = {
        "status": status,
        "requestId": f"r-{number}",
        "functionVersion": version,
        "error": "KeyError: 'x'",
    }
    return json.dumps({**fields, **more})


def lines(version: str, good: int, bad: int, status: int = 404) -> list[str]:
    """Return the log lines of so many good and bad responses of a version, one per request."""
    return [line(200 if n < good else status, n, version, problem="not-found") for n in range(good + bad)]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    clock = [0.0]
    with mock_aws(config={"lambda": {"use_docker": False}}):
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions = boto3.client("lambda", region_name=REGION)
        for name in (CREATE, GET):
            functions.create_function(
                FunctionName=name, Role=role, Runtime="python3.13", Handler="index.lambda_handler",
                Code={"ZipFile": package("first")}, Publish=True,
            )  # fmt: skip
            functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        found = Shop(tmp_path / "environments" / "test.live.json")
        sleep = found.sleep

        def nap(seconds: float) -> None:
            clock[0] += seconds
            sleep(seconds)

        monkeypatch.setattr(found, "sleep", nap)
        monkeypatch.setattr("time.monotonic", lambda: clock[0])
        yield found


def test_a_release_is_a_canary_and_then_goes_live(shop: Shop) -> None:
    seen: list[Any] = []
    shop.changes = (GET,)
    shop.naps = [lambda: seen.extend([shop.live(), Record.read(shop.live_file)])]
    assert shop.ship() == 0
    tried, record = seen
    assert tried == {CREATE: ("1", {}), GET: ("1", {"2": 0.1})}
    assert record.live.versions == {CREATE: "1", GET: "1"}
    assert (record.canary.percent, record.canary.versions) == (10, {GET: "2"})
    assert shop.live() == {CREATE: ("1", {}), GET: ("2", {})}
    after = Record.read(shop.live_file)
    assert after.live == Release(after.live.since if after.live else "", {CREATE: "1", GET: "2"})
    assert after.canary is None
    assert [each.versions for each in after.history] == [{CREATE: "1", GET: "1"}]
    assert shop.slept == pytest.approx(60)
    assert f"10 % of the requests for 1 minutes: {GET} 1 -> 2." in shop.said
    assert f"Untested, because no request or job arrived: {GET}." in shop.said
    assert not [said for said in shop.said if "4xx" in said]
    assert shop.said[-1] == "Released: the new versions serve all requests."


def test_a_worker_gets_the_new_version_at_once_and_is_watched(shop: Shop) -> None:
    seen: list[Any] = []
    shop.workers = frozenset([GET])
    shop.changes = (CREATE, GET)
    shop.naps = [
        lambda: write_log(shop, CREATE, "2", line(201)),
        lambda: seen.extend([shop.live(), Record.read(shop.live_file)]),
    ]
    # The worker gets no job, and nobody can send a job to a schedule.
    assert shop.ship(unproven=False) == 0
    tried, record = seen
    assert tried == {CREATE: ("1", {"2": 0.1}), GET: ("2", {})}
    assert (record.live.versions, record.canary.versions) == ({CREATE: "1", GET: "1"}, {CREATE: "2", GET: "2"})
    assert shop.live() == {CREATE: ("2", {}), GET: ("2", {})}
    assert f"10 % of the requests for 1 minutes: {CREATE} 1 -> 2." in shop.said
    assert f"All jobs, events and changes, watched for 1 minutes: {GET} 1 -> 2." in shop.said
    assert f"Untested, because no request or job arrived: {GET}." in shop.said
    assert not [said for said in shop.said if "4xx" in said]


def test_a_failed_job_rolls_all_functions_back(shop: Shop) -> None:
    shop.workers = frozenset([GET])
    shop.changes = (CREATE, GET)
    shop.naps = [lambda: write_log(shop, GET, "2", line(500))]
    assert shop.ship() == 1
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
    assert "500, KeyError: 'x' (requestId r-1)" in shop.said[-1]
    assert Record.read(shop.live_file).canary is None


def test_a_rollback_during_a_canary_includes_workers(shop: Shop) -> None:
    shop.workers = frozenset([GET])
    shop.changes = (GET,)
    shop.naps = [shop.rollback]
    assert shop.ship() == 1
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
    # A rollback returns it to its earlier live version, as for other functions.
    shop.changes = (GET,)
    assert shop.ship() == 0
    assert shop.live()[GET] == ("3", {})
    assert shop.rollback() == 0
    assert shop.live()[GET] == ("1", {})


def test_own_functions_have_separate_outputs() -> None:
    outputs = {
        "function_names": {"todos": {"get": "g"}},
        "functions": {
            "pay": {"kind": "routes", "name": "p"},
            "mail": {"kind": "changes", "name": "m"},
            "report": {"kind": "schedule", "name": "r"},
        },
    }
    assert (function_names(outputs), worker_names(outputs)) == ({"g", "p", "m", "r"}, {"m", "r"})


def test_the_authorizer_is_released_like_any_function() -> None:
    outputs = {"function_names": {"todos": {"get": "g"}}, "authorizer_name": "a"}
    assert (function_names(outputs), worker_names(outputs)) == ({"a", "g"}, set())
    assert function_names({**outputs, "authorizer_name": None}) == {"g"}


def test_a_version_without_requests_does_not_go_live(shop: Shop) -> None:
    shop.changes = (CREATE, GET)
    # With SnapStart, Lambda logs lines before the first request.
    write_log(shop, GET, "2", "INIT_START Runtime Version: python:3.13.v1")
    shop.naps = [
        lambda: write_log(shop, CREATE, "2", line(201)),
        lambda: write_log(shop, GET, "2", "RESTORE_START"),
    ]
    assert shop.ship(unproven=False) == 1
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
    (said,) = (each for each in shop.said if each.startswith("Rolled back"))
    assert said.startswith(f"Rolled back: {GET} received no requests, so the new code is untested.")
    # With a log level above INFO there are only Lambda's own lines.
    shop.naps = [lambda: write_log(shop, GET, "3", START), lambda: write_log(shop, CREATE, "3", line(200))]
    assert shop.ship(unproven=False) == 0
    assert shop.live() == {CREATE: ("3", {}), GET: ("3", {})}


def test_a_version_that_cannot_be_deleted_is_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteFunction")

    monkeypatch.setattr(Functions, "prune", refuse)
    shop.changes = (GET,)
    assert shop.ship() == 0
    released, left = shop.said[-2:]
    assert released == "Released: the new versions serve all requests."
    assert left.startswith("Some old versions could not be deleted; the next release tries again: ")


def test_nothing_new_is_nothing_to_release(shop: Shop) -> None:
    assert shop.ship() == 0
    assert shop.said == ["Nothing to release: the live versions are the newest."]
    assert shop.slept == 0
    # A first release without a canary changes nothing: the newest versions are already live.
    assert not shop.live_file.exists()
    shop.changes = (GET,)
    assert shop.ship() == 0
    shop.changes = ()
    assert shop.ship() == 0
    assert Record.read(shop.live_file).live


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (line(500), "500, KeyError: 'x' (requestId r-1)"),
        (line(503), "503, KeyError: 'x' (requestId r-1)"),
        ("x Task timed out after 3.00 seconds\n\n", "x Task timed out after 3.00 seconds"),
        ("[ERROR] Runtime.ImportModuleError: no\nTraceback", "[ERROR] Runtime.ImportModuleError: no"),
    ],
)
def test_a_fault_of_a_new_version_rolls_it_back(shop: Shop, said: str, reason: str) -> None:
    shop.changes = (CREATE, GET)
    shop.naps = [lambda: write_log(shop, GET, "2", "START", line(200), said)]
    assert shop.ship() == 1
    assert shop.said[-1] == f"Rolled back: faults of the new versions (1):\n  {GET} 2: {reason}"
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
    record = Record.read(shop.live_file)
    assert record.live
    assert (record.live.versions, record.canary, record.history) == ({CREATE: "1", GET: "1"}, None, [])


@pytest.mark.parametrize(
    "said",
    [
        line(499),
        "[1]",
        '"Traceback"',
        '{"status": "500"}',
        "REPORT RequestId: 500",
        '{"level": "ERROR"}',
        "[ERROR] Exception: Unauthorized\nTraceback (most recent call last):",
    ],
)
def test_other_log_lines_are_not_faults(shop: Shop, said: str) -> None:
    shop.changes = (GET,)
    shop.naps = [lambda: write_log(shop, GET, "2", START, said)]
    assert shop.ship(unproven=False) == 0


def test_faults_of_the_live_version_do_not_count(shop: Shop) -> None:
    def fail() -> None:
        write_log(shop, GET, "1", line(500))
        write_log(shop, GET, "12", line(500))
        write_log(shop, CREATE, "2", line(500))

    shop.changes = (GET,)
    shop.naps = [fail]
    assert shop.ship() == 0


@pytest.mark.parametrize("ahead", [-240, 0, 240])
def test_faults_of_an_earlier_canary_do_not_count_despite_clock_skew(shop: Shop, ahead: float) -> None:
    shop.changes = (GET,)
    shop.naps = [lambda: write_log(shop, GET, "2", line(500), ahead=ahead)]
    assert shop.ship() == 1
    shop.changes, shop.release = (), ReleaseSettings(faults=1, minutes=1, percent=10)
    shop.naps = [lambda: write_log(shop, GET, "2", line(200), ahead=ahead)]
    assert shop.ship(unproven=False) == 0


def test_each_poll_reads_only_new_lines(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    began, day = time.time(), f"{datetime.datetime.now(datetime.UTC):%Y/%m/%d}"
    monkeypatch.setattr("time.time", lambda: began)
    shop.changes, shop.release = (GET,), ReleaseSettings(faults=3, minutes=10, percent=10)

    def later() -> None:
        write_log(shop, GET, "2", line(500))
        monkeypatch.setattr("time.time", lambda: began + 400)
        write_log(shop, GET, "2", line(500, 2))

    shop.naps = [later, lambda: None, lambda: None]
    assert shop.ship() == 0  # each of the two is counted once
    assert {search["logStreamNamePrefix"] for search in shop.searched} >= {f"{day}/[2]"}
    starts = [search["startTime"] / 1000 - began for search in shop.searched]
    assert starts[0] == pytest.approx(-monitor.SKEW, abs=0.01)
    assert starts[-1] == pytest.approx(400 - monitor.OVERLAP / 1000, abs=0.01)


def test_a_canary_over_midnight_reads_both_days(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    midnight = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC).timestamp()
    monkeypatch.setattr("time.time", lambda: midnight - 1000)
    shop.changes, shop.release = (GET,), ReleaseSettings(faults=3, minutes=60, percent=10)

    def after() -> None:
        write_log(shop, GET, "2", line(500, 1), line(500, 2))
        monkeypatch.setattr("time.time", lambda: midnight + 1000)
        write_log(shop, GET, "2", line(500, 3))

    shop.naps = [after]
    assert shop.ship() == 1
    assert [search["logStreamNamePrefix"] for search in shop.searched] == [
        "2026/11/21/[2]", "2026/11/21/[2]", "2026/11/21/[2]", "2026/11/22/[2]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tried", "live", "code"),
    [
        # good and bad responses of the canary, and of the live version
        ((0, 10), (90, 0), 1),
        ((0, 9), (90, 0), 0),  # too few to judge
        ((89, 11), (900, 0), 1),
        ((100, 11), (999, 0), 0),  # under 10 %
        ((60, 40), (810, 90), 1),
        ((61, 39), (810, 90), 0),  # under three times the live version's rate
        ((50, 50), (450, 450), 0),  # the same rate
    ],
)
def test_more_4xx_responses_than_before_roll_it_back(
    shop: Shop, tried: tuple[int, int], live: tuple[int, int], code: int
) -> None:
    def send() -> None:
        write_log(shop, GET, "2", START, *lines("2", *tried))
        write_log(shop, GET, "1", START, "no JSON", "[]", *lines("1", *live))

    shop.changes = (CREATE, GET)
    shop.naps = [send, lambda: None]
    assert shop.ship() == code
    assert shop.live() == {CREATE: ("2" if not code else "1", {}), GET: ("2" if not code else "1", {})}
    count = sum(tried)
    if code:
        assert shop.said[-1] == (
            "Rolled back: more 4xx responses. If you expect them, release with percent = 100:\n"
            f"  {GET} 2: {tried[1]} of {count} responses ({tried[1]} x 404 not-found); "
            f"the live version returned {live[1] // 9} for as many requests"
        )
    # The live version's log is long, so it is only read if there is a reason.
    patterns = {search["filterPattern"] for search in shop.searched if "filterPattern" in search}
    refused = '{ $.functionVersion = "1" && $.status >= 400 && $.status < 500 }'
    assert patterns == ({refused} if tried[1] >= 10 else set())


def test_responses_from_before_the_canary_are_not_compared(shop: Shop) -> None:
    write_log(shop, GET, "1", *lines("1", 0, 500), ahead=-200)
    shop.changes = (GET,)
    shop.naps = [lambda: write_log(shop, GET, "2", *lines("2", 0, 10))]
    assert shop.ship() == 1


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_log_level_without_4xx_responses_is_not_compared(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    def configuration(_: Functions, __: str, wanted: str) -> dict[str, Any]:
        level = "WARNING" if wanted == version else "DEBUG"
        return {"Environment": {"Variables": {"LOG_LEVEL": level}}}

    monkeypatch.setattr(Functions, "configuration", configuration)
    shop.changes = (GET,)
    shop.naps = [lambda: write_log(shop, GET, "2", *lines("2", 0, 50))]
    assert shop.ship() == 0
    assert f"4xx responses are not compared (log_level omits them): {GET}." in shop.said


def test_a_canary_of_all_requests_compares_nothing(shop: Shop) -> None:
    shop.changes, shop.release = (GET,), ReleaseSettings(faults=1, minutes=1, percent=100)
    shop.naps = [lambda: write_log(shop, GET, "2", *lines("2", 0, 50))]
    assert shop.ship() == 0
    assert f"4xx responses are not compared (no other version serves traffic): {GET}." in shop.said


def test_the_variable_sets_the_number_of_faults(shop: Shop) -> None:
    shop.changes = (GET,)
    shop.release = ReleaseSettings(faults=3, minutes=1, percent=10)
    # The first two are the same line, read twice.
    shop.naps = [lambda: write_log(shop, GET, "2", line(500), line(500), line(503))]
    assert shop.ship() == 0
    shop.changes = (GET,)
    shop.release = ReleaseSettings(faults=2, minutes=1, percent=10)
    shop.naps = [lambda: write_log(shop, GET, "3", line(500), line(503))]
    assert shop.ship() == 1


@pytest.mark.parametrize(
    ("alarm", "code"),
    [("shop-test", 1), ("shop-test/api-5xx", 1), ("shop-test-2/api-5xx", 0), ("shop-test-2", 0)],
)
def test_an_alarm_of_the_environment_rolls_it_back(shop: Shop, alarm: str, code: int) -> None:
    alarms = shop.client("cloudwatch")
    for name in (alarm, "shop-test/already"):
        alarms.put_metric_alarm(
            AlarmName=name, Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip

    def go_off(name: str) -> None:
        alarms.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")

    go_off("shop-test/already")
    shop.changes = (GET,)
    shop.naps = [lambda: go_off(alarm)]
    assert shop.ship() == code
    assert "Not watched, because already in ALARM: shop-test/already." in shop.said
    assert shop.live()[GET] == ("1" if code else "2", {})
    assert (f"Rolled back: the alarm {alarm} went off." in shop.said) == bool(code)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ClientError({}, "FilterLogEvents")])
def test_an_error_or_interrupt_rolls_it_back(shop: Shop, error: BaseException) -> None:
    def stop() -> None:
        raise error

    handler = signal.getsignal(signal.SIGINT)
    shop.changes = (GET,)
    shop.naps = [stop]
    with pytest.raises(type(error)):
        shop.ship()
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
    assert Record.read(shop.live_file).canary is None
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_interrupt_waits_for_the_rollback() -> None:
    with tool.ignore_signals():
        os.kill(os.getpid(), signal.SIGINT)


def test_a_concurrent_rollback_ends_the_canary(shop: Shop) -> None:
    shop.changes = (GET,)
    shop.naps = [shop.rollback]
    assert shop.ship() == 1
    assert shop.said[-2:] == [
        "The canary was rolled back.",
        "Rolled back: another command changed the aliases.",
    ]
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}


def test_one_release_at_a_time(shop: Shop) -> None:
    refused: list[str] = []

    def another() -> None:
        with pytest.raises(UserError) as error:
            shop.ship()
        refused.append(str(error.value))

    shop.changes = (GET,)
    shop.naps = [another]
    assert shop.ship() == 0
    assert refused == ["A canary is already running: wait until it ends, or cancel it with `make rollback ENV=test`."]


@pytest.mark.parametrize("error", [UserError("No."), KeyboardInterrupt()])
def test_a_failed_apply_keeps_the_live_versions(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    pinned: list[Record] = []

    def fail(_: list[str]) -> None:
        pinned.append(Record.read(shop.live_file))
        raise error

    monkeypatch.setattr(shop, "apply", fail)
    for _ in range(2):
        with pytest.raises(type(error)):
            shop.ship()
        assert pinned[-1].live
        assert pinned[-1].live.versions == {CREATE: "1", GET: "1"}
        assert not shop.live_file.exists()  # there was no live version
    pinned[-1].write()
    with pytest.raises(type(error)):
        shop.ship()
    assert Record.read(shop.live_file) == pinned[-1]


def test_a_rollback_goes_back_release_by_release(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    for changes in ((GET,), (CREATE, GET)):
        shop.changes, shop.release = changes, ReleaseSettings(1, 0, 10)
        assert shop.ship() == 0
    assert tool.show(shop) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("Live in shop-test: since 2")
    assert [row.split()[:2] for row in shown[2:4]] == [[CREATE, "2"], [GET, "3"]]
    assert shown[4] == "Roll back to:"
    assert [row.split(": ")[1] for row in shown[5:]] == [
        f"{CREATE} 2 -> 1, {GET} 3 -> 2",
        f"{CREATE} 2 -> 1, {GET} 3 -> 1",
    ]
    expected: dict[str, Any]
    for expected in ({CREATE: ("1", {}), GET: ("2", {})}, {CREATE: ("1", {}), GET: ("1", {})}):
        assert shop.rollback() == 0
        assert shop.live() == expected
        record = Record.read(shop.live_file)
        assert record.live
        assert record.live.versions == {name: version for name, (version, _) in expected.items()}
    with pytest.raises(UserError, match=r"nothing to roll back to: test\.live\.json records no earlier release\."):
        shop.rollback()


def test_a_rollback_ignores_deleted_functions(shop: Shop) -> None:
    versions = {CREATE: "1", GET: "9", "shop-old-get-test": "4"}
    Record(
        shop.live_file, Release("2026-01-01T00:00:00Z", {CREATE: "1", GET: "1"}), None, [Release("x", versions)]
    ).write()
    with pytest.raises(UserError, match="no function has an earlier live version"):
        shop.rollback()


def test_a_rollback_without_a_file_uses_the_last_deployment(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no function has an earlier live version"):
        shop.rollback()
    tool.show(shop)
    assert capsys.readouterr().out.endswith("Roll back to:\n  nothing\n")
    shop.publish(GET)
    shop.client("lambda").update_alias(FunctionName=GET, Name="live", FunctionVersion="2")
    hour = datetime.timedelta(hours=1)
    published = Functions.published_versions

    def an_hour_apart(self: Functions, name: str) -> dict[int, datetime.datetime]:
        return {version: at + version * hour for version, at in published(self, name).items()}

    monkeypatch.setattr(Functions, "published_versions", an_hour_apart)
    tool.show(shop)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "Live in shop-test: the newest versions, because there was no release yet."
    assert shown[-1] == f"  before the last deployment: {GET} 2 -> 1"
    assert shop.rollback() == 0
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
    assert shop.said[-1] == f"Rolled back: {GET} 2 -> 1."
    assert Record.read(shop.live_file).history == []


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_an_interrupted_rollback_is_finished(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], moved: int
) -> None:
    shop.changes, shop.release = (CREATE, GET), ReleaseSettings(1, 0, 10)
    for _ in range(2):
        assert shop.ship() == 0
    move = Functions.point_aliases

    def stop(self: Functions, versions: dict[str, str], canary: Canary | None = None) -> None:
        move(self, dict(list(versions.items())[:moved]), canary)
        raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "UpdateAlias")

    with monkeypatch.context() as patch:
        patch.setattr(Functions, "point_aliases", stop)
        with pytest.raises(ClientError):
            shop.rollback()
    assert len({version for version, _ in shop.live().values()}) == (2 if moved == 1 else 1)
    tool.show(shop)
    said = capsys.readouterr().out
    assert "test.live.json does not match the live versions: if the file is right, run `make apply ENV=test`" in said
    assert shop.rollback() == 0
    assert shop.live() == {CREATE: ("2", {}), GET: ("2", {})}
    changes = [f"{name} 3 -> 2" for name in (CREATE, GET)]
    assert shop.said[-1] == f"Rolled back: {', '.join(changes[moved % 2 :])}."
    record = Record.read(shop.live_file)
    assert record.live
    assert (record.live.versions, record.leaving) == ({CREATE: "2", GET: "2"}, None)
    assert shop.rollback() == 0  # one release further back
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_release_interrupted_while_going_live_is_rolled_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    move = Functions.point_aliases

    def stop(self: Functions, versions: dict[str, str], canary: Canary | None = None) -> None:
        if canary:
            return move(self, versions, canary)
        move(self, dict(list(versions.items())[:moved]))
        raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "UpdateAlias")

    shop.changes, shop.release = (CREATE, GET), ReleaseSettings(1, 0, 10)
    with monkeypatch.context() as patch:
        patch.setattr(Functions, "point_aliases", stop)
        with pytest.raises(ClientError):
            shop.ship()
    assert shop.rollback() == 0
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
    assert shop.said[-1] == f"Rolled back: {CREATE} 2 -> 1, {GET} 2 -> 1."


def test_an_abandoned_canary_is_rolled_back(shop: Shop) -> None:
    functions = shop.client("lambda")
    shop.publish(GET)
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    gone = "shop-gone-get-test"
    before = Release("2026-01-01T00:00:00Z", {CREATE: "1", GET: "1", gone: "3"})
    tried = Canary("2026-01-02T00:00:00Z", {GET: "2"}, 10)
    # The file knows the canary; the file is from before it; another checkout has promoted it, or
    # rolled it back.
    states = [(tried, "1", weights), (None, "1", weights), (tried, "2", {}), (tried, "1", {})]
    for canary, version, routing in states:
        Record(shop.live_file, before, canary, [Release("x", {GET: "1"})]).write()
        functions.update_alias(FunctionName=GET, Name="live", FunctionVersion=version, RoutingConfig=routing)
        assert shop.rollback() == 0
        assert shop.said[-1] == "The canary was rolled back."
        assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
        record = Record.read(shop.live_file)
        assert (record.live, record.canary, record.leaving) == (before, None, None)
        assert len(record.history) == 1
    shop.live_file.unlink()
    functions.update_alias(FunctionName=GET, Name="live", FunctionVersion="1", RoutingConfig=weights)
    assert shop.rollback() == 0
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}


def test_a_rollback_includes_an_alias_that_is_already_back(shop: Shop) -> None:
    shop.changes, shop.release = (CREATE, GET), ReleaseSettings(1, 0, 10)
    assert shop.ship() == 0
    shop.client("lambda").update_alias(FunctionName=GET, Name="live", FunctionVersion="1")
    assert shop.rollback() == 0
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}


@pytest.mark.parametrize("state", ["Active", "Inactive", "Pending", "Failed"])
def test_a_rollback_names_versions_that_cannot_serve(shop: Shop, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    shop.changes, shop.release = (CREATE, GET), ReleaseSettings(1, 0, 10)
    assert shop.ship() == 0

    def configuration(_: Functions, name: str, version: str) -> dict[str, Any]:
        assert version == "1"
        return {"State": state if name == GET else "Active", "StateReason": "The image is gone."}

    monkeypatch.setattr(Functions, "configuration", configuration)
    written, count = Record.read(shop.live_file), len(shop.said)
    if state == "Failed":
        remedy = (
            rf"Nothing was rolled back: {GET} 1 cannot serve requests, .* \(The image is gone\.\)\. "
            "Check out .*ENV=test"
        )
        with pytest.raises(UserError, match=remedy):
            shop.rollback()
        assert shop.live() == {CREATE: ("2", {}), GET: ("2", {})}
        assert Record.read(shop.live_file) == written
        return
    assert shop.rollback() == 0
    assert shop.live() == {CREATE: ("1", {}), GET: ("1", {})}
    warned = [
        said
        for said in shop.said[count:]
        if said.startswith(f"Deactivated by Lambda after a long time without requests: {GET}.")
    ]
    assert len(warned) == (state != "Active")


def test_functions_without_a_release_are_shown(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    Record(shop.live_file, Release("2026-01-01T00:00:00Z", {GET: "1"})).write()
    tool.show(shop)
    shown = capsys.readouterr().out
    assert shown.endswith(f"\nCreated since the last release, so each apply deploys their newest version: {CREATE}.\n")


def test_closing_stdout_early_is_not_an_error() -> None:
    command = "from tools.console import print_lines; print_lines(['x'] * 10**6)"
    with subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as telling:
        assert telling.stdout
        assert telling.stderr
        telling.stdout.readline()
        telling.stdout.close()
        assert telling.stderr.read() == b""
    assert telling.returncode == 0


def at(minute: int) -> datetime.datetime:
    return datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC) + datetime.timedelta(minutes=minute)


PUBLISHED = {
    "a": {1: at(0), 2: at(500), 3: at(1000)},
    "b": {1: at(1), 2: at(1006)},
    "c": {1: at(2)},
    "d": {1: at(1007)},
}


@pytest.mark.parametrize(
    ("live", "before"),
    [
        ({"a": "3", "b": "2", "c": "1"}, {"a": "2", "b": "1"}),
        ({"a": "3", "b": "1", "c": "1"}, {"a": "2"}),
        ({"a": "2", "b": "2", "c": "1"}, {"b": "1"}),
        ({"b": "2", "d": "1"}, {"b": "1"}),
        ({"a": "1", "b": "1", "c": "1"}, {}),
    ],
)
def test_the_live_versions_before_the_last_deployment(live: dict[str, str], before: dict[str, str]) -> None:
    assert versions_before_last_deployment(live, {name: PUBLISHED[name] for name in live}) == before


def test_old_versions_are_pruned_except_for_named_ones(shop: Shop) -> None:
    functions = shop.client("lambda")
    for _ in range(9):
        shop.publish(GET)
    assert shop.versions(GET) == [*range(1, 11)]
    functions.create_alias(
        FunctionName=GET, Name="mine", FunctionVersion="3",
        RoutingConfig={"AdditionalVersionWeights": {"4": 0.5}},
    )  # fmt: skip
    found = Functions(functions, frozenset(shop.function_names()))
    assert found.prune([Release("x", {GET: "2"})]) == 1  # 5; 1 is live, 6 to 10 are the last
    assert shop.versions(GET) == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert found.prune([]) == 1
    assert shop.versions(CREATE) == [1]


def test_releases_prune(shop: Shop) -> None:
    shop.changes, shop.release = (GET,), ReleaseSettings(1, 0, 10)
    for _ in range(6):  # only until the first deletion: moto reuses the numbers of deleted versions
        assert shop.ship() == 0
    assert shop.versions(GET) == [2, 3, 4, 5, 6, 7]
    assert [each.versions[GET] for each in Record.read(shop.live_file).history] == ["6", "5", "4", "3", "2"]
    assert "Old versions deleted: 1." in shop.said


def test_a_file_of_another_release_is_refused(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    Record(shop.live_file, Release("2026-01-01T00:00:00Z", {GET: "7"})).write()
    for command in (shop.ship, shop.rollback):
        with pytest.raises(
            UserError, match=rf"test\.live\.json does not match the live versions: {GET} is at 1, not at 7\. Get"
        ):
            command()
    tool.show(shop)
    assert capsys.readouterr().out.endswith(
        "test.live.json does not match the live versions: if the file is right, run `make apply ENV=test`.\n"
    )


def test_a_rollback_after_a_release_needs_no_terraform(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names come from the release file, since Terraform's backend may be down."""
    shop.changes, shop.release = (GET,), ReleaseSettings(1, 0, 10)
    assert shop.ship() == 0

    def unreachable() -> set[str]:
        raise UserError("terraform output failed")

    monkeypatch.setattr(shop, "function_names", unreachable)
    assert tool.rollback(shop, shop.said.append) == 0
    assert f"Rolled back: {GET} 2 -> 1." in shop.said
    assert tool.show(shop) == 0
    shown = capsys.readouterr().out
    assert f"  {GET}" in shown
    assert "Functions created since the last release are not listed: terraform output failed" in shown
    shop.live_file.unlink()
    commands: list[Callable[[], int]] = [lambda: tool.show(shop), shop.rollback, shop.ship]
    for command in commands:
        with pytest.raises(UserError, match="terraform output failed"):
            command()


def test_without_a_deployment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop, "function_names", lambda: {"none"})
    for command in (shop.ship, shop.rollback, lambda: tool.show(shop)):
        with pytest.raises(UserError, match="run `make deploy ENV=test` first, or check which account"):
            command()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"live": {}}',
        '{"live": {"since": "x", "versions": ["1"]}}',
        '{"live": {"since": "x", "versions": {"a": "z"}}}',
        '{"live": {"since": "x", "versions": {"a": true}}}',
        '{"live": {"since": "x", "versions": {}}, "canary": {"since": "x", "versions": {}}}',
        '{"live": {"since": "x", "versions": {}}, "canary": {"since": "x", "versions": {}, "percent": "x"}}',
        '{"live": {"since": "x", "versions": {}}, "leaving": [1]}',
        '{"live": {"since": "x", "versions": {}}, "history": [1]}',
        '{"live": {"since": "x", "versions": {}}, "history": [{"since": "x", "versions": {"a": "0"}}]}',
    ],
)
def test_an_unreadable_file_is_reported(tmp_path: Path, text: str) -> None:
    file = tmp_path / "test.live.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"test\.live\.json does not name the live versions: restore it from"):
        Record.read(file)


def test_the_file_is_read_as_written(tmp_path: Path) -> None:
    history = [Release(str(n), {GET: str(n)}) for n in range(1, 4)]
    canary, leaving = Canary("y", {GET: "10"}, 5), Release("z", {GET: "11"})
    record = Record(tmp_path / "a.json", Release("x", {GET: "9"}), canary, history, leaving)
    record.write()
    assert Record.read(record.path) == record
    assert not list(tmp_path.glob("*.partial"))


def test_versions_may_be_numbers_as_for_terraform(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"live": {"since": "x", "versions": {"a": 7}}, "history": null}')
    record = Record.read(file)
    assert record.live
    assert (record.live.versions, record.history, record.leaving) == ({"a": "7"}, [], None)


def test_an_environment_in_aws_by_its_tfvars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (aws_environment, tfvars):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "variables.tf").write_text((ROOT / "variables.tf").read_text())
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "prod.tfvars").write_text('name = "shop"\nenvironment = "production"\nentities = local.x\n')

    def found() -> AwsEnvironment:
        return AwsEnvironment("prod", lambda _: None)

    assert (found().system, found().region) == ("shop-production", "us-west-2")
    assert found().live_file == folder / "production.live.json"
    names = {"todos": {"get": "t", "list": "t"}, "orders": {"get": "o"}}
    outputs = {"api_url": "", "function_names": names}
    monkeypatch.setattr("tools.terraform.Terraform.outputs", lambda _: outputs)
    begun: list[str] = []
    monkeypatch.setattr("tools.terraform.Terraform.init", lambda _, argument: begun.append(argument))
    with pytest.raises(UserError, match=r"^There is no environments/prod\.s3\.tfbackend\. Run `make bootstrap`"):
        found().function_names()
    (folder / "prod.s3.tfbackend").write_text('bucket = "mine"\nkey = "k"\nregion = "eu-west-1"\n')
    assert found().function_names() == {"o", "t"}
    assert begun == ["-backend-config=environments/prod.s3.tfbackend"]
    found().terraform.data_dir.mkdir(parents=True)
    (found().terraform.data_dir / "terraform.tfstate").touch()
    assert found().function_names() == {"o", "t"}
    assert len(begun) == 1
    outputs.clear()
    with pytest.raises(UserError, match="Nothing is deployed yet: run `make deploy ENV=prod` first"):
        found().function_names()

    def refuse(_: object) -> None:
        raise UserError("terraform output failed: Access Denied.")

    monkeypatch.setattr("tools.terraform.Terraform.outputs", refuse)
    with pytest.raises(UserError, match=r"Denied\. Run `make preflight ENV=prod` to see why\.$"):
        found().function_names()
    for text in ('name = "shop"\n', 'name = "${x}"\nenvironment = "prod"\n', "{"):
        (folder / "prod.tfvars").write_text(text)
        with pytest.raises(UserError, match=r"environments/prod\.tfvars has no literal name and environment"):
            assert found().live_file


def test_an_environment_is_named_by_all_files_that_terraform_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "variables.tf").write_text((ROOT / "variables.tf").read_text())
    for module in (aws_environment, tfvars):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/prod.tfvars").write_text('environment = "prod"\n')
    (tmp_path / "terraform.tfvars").write_text('name = "other"\n')
    (tmp_path / "all.auto.tfvars.json").write_text('{"name": "shop"}')
    monkeypatch.setenv("TF_VAR_region", "eu-west-1")
    monkeypatch.setenv("TF_VAR_environment", "overruled")
    cloud = AwsEnvironment("prod", lambda _: None)
    assert (cloud.system, cloud.region) == ("shop-prod", "eu-west-1")


def test_a_failed_apply_releases_nothing(shop: Shop) -> None:
    shop.code = 1
    with pytest.raises(UserError, match=r"^Nothing was released: .* then run `make release ENV=test` again\.$"):
        shop.ship()
    assert not shop.live_file.exists()


def test_the_command_line(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert commands.run("live", "--env", "../x") == 2
    assert capsys.readouterr().err == "There is no environments/../x.tfvars: create it first.\n"
    monkeypatch.setenv("TRESTLE_LOCAL_DIR", str(tmp_path))
    monkeypatch.setattr("tools.laptop.systems.isolate", lambda _: None)  # the other tests share this process
    assert commands.run("live", "--env", "local") == 3
    assert capsys.readouterr().err == "No system has run here yet: start one with `python local.py up`.\n"
    monkeypatch.setattr("tools.commands.find_environment", lambda *_: shop)
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    shop.release = ReleaseSettings(faults=1, minutes=0, percent=100)
    shop.changes = (GET,)
    assert commands.run("release", "--env", "test", "--unproven") == 0
    shown = capsys.readouterr()
    assert shown.err.endswith("Commit environments/test.live.json: the next apply deploys the versions it names.\n")
    assert commands.run("rollback", "--env", "test") == 0
    assert capsys.readouterr().out.startswith("Live in shop-test: since ")
    monkeypatch.setattr(shop, "client", lambda _: (_ for _ in ()).throw(NoCredentialsError()))
    assert commands.run("live", "--env", "test") == 1
    assert capsys.readouterr().err.startswith("No valid AWS credentials: Unable to locate credentials. Sign in")
