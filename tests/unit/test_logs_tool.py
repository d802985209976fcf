"""Test `make logs`: one line per request, from the logs of functions and gateway."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.unit import commands
from tests.unit.api import Api
from tests.unit.commands import FakeEnvironment
from tests.unit.conftest import ENVIRONMENT
from tools.laptop.logs import LogLine

REGION = ENVIRONMENT["AWS_REGION"]
ROOT = Path(__file__).parent.parent.parent
OUTPUTS = {
    "function_names": {
        "todos": {"create": "shop-todos-create-dev", "get": "shop-todos-get-dev"},
        "notes": {"create": "shop-notes-entity-dev", "get": "shop-notes-entity-dev"},
    },
    "functions": {"payments": {"name": "shop-payments-dev"}},
    "authorizer_name": "shop-authorizer-dev",
}


class Groups:
    """Log groups under moto, and their lines."""

    def __init__(self) -> None:
        self.client = boto3.client("logs", region_name=REGION)
        self.at = int(time.time() * 1000)

    def write(self, group: str, *lines: str, ago: int = 0) -> None:
        """Write lines, each a millisecond after the previous one."""
        if not self.client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            self.client.create_log_group(logGroupName=group)
            self.client.create_log_stream(logGroupName=group, logStreamName="s")
        events = []
        for line in lines:
            self.at += 1
            events.append({"timestamp": self.at - ago * 1000, "message": line})
        self.client.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> Iterator[Groups]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        found = Groups()
        environment = FakeEnvironment(OUTPUTS, {"logs": found.client})
        monkeypatch.setattr("tools.commands.find_environment", lambda *_: environment)
        yield found


def run(*arguments: str) -> int:
    return commands.run("logs", "--env", "dev", *arguments)


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the output without times."""
    return [re.sub(r"^\d\d:\d\d:\d\d\.\d{3} ", "", line) for line in capsys.readouterr().out.splitlines()]


def gateway_line(**values: Any) -> str:
    """Return a line in the stage's access log format; a missing value is "-"."""
    stage = (ROOT / "modules/api/stage.tf").read_text()
    names = re.findall(r"^ +(\w+) += \"\$context\.", stage, re.MULTILINE)
    assert set(values) <= set(names)
    return json.dumps(dict.fromkeys(names, "-") | values)


def test_one_line_per_request(groups: Groups, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """Uses lines written by the real functions, and the stage's real format."""
    api.create({"title": "a"})
    api.request("GET", "/items/nobody")
    created, missing = capsys.readouterr().err.splitlines()
    groups.write(
        "/aws/lambda/shop-todos-create-dev", "START RequestId: 1 Version: 2\n", created, "END RequestId: 1\n",
        "REPORT RequestId: 1\tDuration: 3 ms\n",
    )  # fmt: skip
    groups.write("/aws/lambda/shop-todos-get-dev", missing)
    groups.write("/aws/lambda/shop-payments-dev", '{"level":"INFO","requestId":"r-1","message":"hello"}')
    groups.write(
        "/aws/apigateway/shop-dev", gateway_line(status="201", lambdaRequestId="1"),
        gateway_line(status="403", method="POST", path="/todos", requestId="r-2", error="INVALID_API_KEY"),
    )  # fmt: skip
    assert run() == 0
    said = printed(capsys)
    assert re.fullmatch(r"201 todos\.create [\d.]+ ms \S+( cold)?", said[0])
    assert re.fullmatch(r"404 todos\.get [\d.]+ ms \S+ not-found( cold)?", said[1])
    assert said[2:] == ["INFO payments: hello r-1", "403 gateway POST /todos r-2 INVALID_API_KEY"]


def test_an_error_and_a_crash(groups: Groups, capsys: pytest.CaptureFixture[str]) -> None:
    failed = {"level": "ERROR", "status": 500, "call": "pay", "durationMs": 2, "requestId": "r-1", "error": "KeyError"}
    groups.write(
        "/aws/lambda/shop-payments-dev", json.dumps(failed), "2026 1 Task timed out after 3.00 seconds\n",
        "REPORT RequestId: 1 Status: error\tRuntime.ExitError\n",
    )  # fmt: skip
    assert run("--function", "payments") == 0
    assert printed(capsys) == [
        "500 payments.pay 2 ms r-1", "    KeyError", "payments: 2026 1 Task timed out after 3.00 seconds",
        "payments: REPORT RequestId: 1 Status: error\tRuntime.ExitError",
    ]  # fmt: skip


def test_input_cannot_control_the_terminal_or_forge_lines(groups: Groups, capsys: pytest.CaptureFixture[str]) -> None:
    forged = "a\x1b[2Jb\x9b1mc\u202ed\ue000\ud800\r\n12:00:00.000 200 todos.get 1 ms r-9"
    said = json.dumps({"level": "INFO", "message": forged, "requestId": "r-1"})
    groups.write("/aws/lambda/shop-payments-dev", said, "[ERROR] KeyError: x\x1b[2J\nTraceback:\n\u00a0\u00a0File y")
    assert run("--function", "payments") == 0
    assert printed(capsys) == [
        "INFO payments: a\\x1b[2Jb\\x9b1mc\\u202ed\\ue000\\ud800",
        "    12:00:00.000 200 todos.get 1 ms r-9 r-1",
        "payments: [ERROR] KeyError: x\\x1b[2J", "    Traceback:", "      File y",
    ]  # fmt: skip
    assert "\x1b" not in str(LogLine(0, "f", "s", forged))
    assert str(LogLine(0, "f", "s", forged)).count("\n    ") == 1


def test_a_refused_token_is_one_line(groups: Groups, capsys: pytest.CaptureFixture[str]) -> None:
    decided = {"status": 401, "function": "authorizer", "reason": "expired", "durationMs": 1, "requestId": "r-1"}
    crash = "[ERROR] Exception: Unauthorized\rTraceback (most recent call last):\r  File x"
    groups.write("/aws/lambda/shop-authorizer-dev", json.dumps(decided), crash)
    assert run() == run("--function", "authorizer") == 0
    assert printed(capsys) == 2 * ["401 authorizer 1 ms r-1 expired"]


def test_lines_are_selected(groups: Groups, capsys: pytest.CaptureFixture[str]) -> None:
    def line(number: int, operation: str) -> str:
        return json.dumps({"status": 200, "operation": operation, "durationMs": 1, "requestId": f"r-{number}"})

    groups.write("/aws/lambda/shop-todos-get-dev", line(1, "get"), line(2, "get"))
    groups.write("/aws/lambda/shop-notes-entity-dev", line(3, "create"))
    groups.write("/aws/lambda/shop-payments-dev", line(4, "pay"))
    groups.write("/aws/lambda/shop-todos-create-dev", line(5, "create"), ago=7000)
    all_lines = [
        "200 todos.get 1 ms r-1", "200 todos.get 1 ms r-2", "200 notes.create 1 ms r-3", "200 payments.pay 1 ms r-4",
    ]  # fmt: skip
    for arguments, expected in (
        ((), all_lines),
        (("--entity", "todos"), all_lines[:2]),
        (("--entity", "notes", "--function", "payments"), all_lines[2:]),
        (("--request", "r-2"), all_lines[1:2]),
        (("--since", "2h"), ["200 todos.create 1 ms r-5", *all_lines]),
    ):
        assert run(*arguments) == 0
        assert printed(capsys) == expected, arguments


def test_follow_prints_new_lines(
    groups: Groups, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(range(3))

    def sleep(_: float) -> None:
        if (number := next(looks)) == 2:
            raise KeyboardInterrupt
        groups.write("/aws/lambda/shop-payments-dev", f"line {number}")

    monkeypatch.setattr("tools.aws.logs.time.sleep", sleep)
    assert run("--function", "payments", "--follow") == 130
    assert printed(capsys) == ["payments: line 0", "payments: line 1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--entity", "todoes"), "shop-dev has no entity todoes: did you mean todos?"),
        (("--function", "mail"), "shop-dev has no function mail: name one of authorizer, payments"),
    ],
)
def test_wrong_arguments(
    groups: Groups, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert groups
    assert run(*arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("since", ["1w", "h", "0m", "1.5h", "10000d", "٣m"])
def test_an_invalid_period(groups: Groups, since: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert groups
    with pytest.raises(SystemExit) as stopped:
        run("--since", since)
    assert stopped.value.code == 2
    assert f"{since} is not a period: write a number and s, m, h or d, such as 15m." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("since", "said"), [("10m", "10 minutes"), ("1h", "hour"), ("48h", "2 days"), ("90s", "90 seconds")]
)
def test_nothing_was_logged(groups: Groups, since: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert groups
    assert run("--since", since) == 0
    assert f"Nothing was logged in the last {said}. Go further back with SINCE=1d." in "".join(capsys.readouterr())
