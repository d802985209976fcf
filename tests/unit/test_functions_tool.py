"""Test `make run` and `make redrive`: functions are called, dead letters are redriven, and nothing is lost."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.unit import commands, own_functions
from tests.unit.api import Api
from tests.unit.commands import FakeEnvironment
from tests.unit.conftest import ENVIRONMENT, Make
from tests.unit.own_functions import Deployed, image, messages, new_queue, record
from tools.aws import functions as tool
from tools.testing.functions import LambdaContext

JOBS = "def handle(job, context):\n    seen.append(job)\n    if job.body == 'bad':\n        raise KeyError('s3cr3t')\n"
CHANGES = (
    "def handle(change, context):\n    seen.append(change)\n    if change.item.get('bad'):\n        raise KeyError\n"
)
EVENTS = "def handle(event, context):\n    seen.append(event)\n"
REGION = ENVIRONMENT["AWS_REGION"]
KINDS = {
    "pay": "routes",
    "mail": "changes",
    "deliver": "queue",
    "report": "schedule",
    "thumbs": "event",
    "backfill": "job",
}
FUNCTIONS: dict[str, dict[str, Any]] = {
    key: {
        "name": f"shop-{key}-dev", "kind": kind, "changes": [],
        "queue": None if kind in ("routes", "changes") else f"shop-{key}-dev",
        "dead_letters": None if kind == "routes" else f"shop-{key}-failed-dev",
    }
    for key, kind in KINDS.items()
}  # fmt: skip

Load = Callable[..., Deployed]


class Lambda:
    """A fake Lambda client whose `invoke` calls handlers in this process."""

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceNotFoundException(Exception):  # noqa: N818 - boto3's name
            pass

    class meta:  # noqa: N801 - boto3's name
        region_name = REGION

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[Any], Any]] = {}

    def invoke(self, FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert Qualifier == "live"
        if FunctionName not in self.handlers:
            raise self.exceptions.ResourceNotFoundException
        try:
            answer = self.handlers[FunctionName](json.loads(Payload))
        except TimeoutError as error:
            failed = {"errorType": "Sandbox.Timedout", "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(failed).encode())}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tool, "WAIT_SECONDS", 0)
    found = Lambda()
    with mock_aws():
        clients = {
            "lambda": found, "sqs": own_functions.sqs(),
            "dynamodbstreams": boto3.client("dynamodbstreams", region_name=REGION),
        }  # fmt: skip
        environment = FakeEnvironment({}, clients, own_functions=FUNCTIONS)
        monkeypatch.setattr("tools.commands.find_environment", lambda *_: environment)
        yield found


@pytest.fixture
def load(tmp_path: Path, client: Lambda) -> Load:
    """Return a factory of functions with their queues: load("deliver", JOBS)."""

    def make(key: str, source: str) -> Deployed:
        known = FUNCTIONS[key]
        config: dict[str, Any] = {"name": key, "kind": known["kind"]}
        letters = new_queue(str(known["dead_letters"]))
        if known["queue"]:
            config["queue"] = {"url": new_queue(str(known["queue"])), "attempts": 5, "backoff": [10, 60]}
        else:
            config |= {"dead_letters": letters, "changes": {"items": []}, "tables": {"test-items": "items"}}
        deployed = own_functions.deploy(tmp_path, source, config)
        client.handlers[str(known["name"])] = deployed
        return deployed

    return make


def send(key: str, *bodies: Any) -> str:
    """Send dead letters of a function; return their queue's URL."""
    url = new_queue(str(FUNCTIONS[key]["dead_letters"]))
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        own_functions.sqs().send_message(QueueUrl=url, MessageBody=text)
    return url


def printed_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the command's output without its steps and the function's log."""
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return [line for line in printed.err.splitlines() if not re.match(r"\{|\s*\d+ s  ", line)]


def run(*arguments: object) -> int:
    return int(commands.run("run", "--env", "dev", "--function", *arguments))


def redrive(key: str) -> int:
    return int(commands.run("redrive", "--env", "dev", "--function", key))


# --- make run


def test_a_job_without_a_body(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    for key in ("deliver", "report", "backfill"):
        function = load(key, JOBS)
        assert run(key) == 0
        assert [job.body for job in function.code.seen] == [None]
        (said,) = printed_lines(capsys)
        assert said.startswith(f"{key} is done after ")


def test_the_body_of_a_job_is_any_json(load: Load, tmp_path: Path) -> None:
    function = load("deliver", JOBS)
    file = tmp_path / "job.json"
    for text, value in {
        "12345678901234567890123456789012345678": 12345678901234567890123456789012345678,
        '\ufeff{"n": [1, "\u00e4"]}': {"n": [1, "\u00e4"]},
        "null": None,
        '"text"': "text",
    }.items():
        file.write_text(text, encoding="utf-8")
        assert run("deliver", "--body", file) == 0
        assert function.code.seen[-1].body == value


def test_a_job_that_continues_is_sent_to_the_queue(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    load("backfill", "def handle(job, context):\n    return Again(1)\n")
    assert run("backfill") == 0
    (said,) = printed_lines(capsys)
    assert said.startswith("backfill returned Again after ")
    assert said.endswith(
        "the queue shop-backfill-dev calls it for the rest. Its log, /aws/lambda/shop-backfill-dev, shows its progress."
    )
    assert [each["body"] for each in messages(new_queue("shop-backfill-dev"))] == [1]


def test_a_job_that_requests_a_retry(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    load("backfill", "def handle(job, context):\n    raise Retry()\n")
    assert run("backfill") == 1
    (said,) = printed_lines(capsys)
    assert said.endswith("backfill raised Retry, but a job that you run by hand is not retried: run it again later.")


def test_a_change_and_an_event(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "argument.json"
    function = load("mail", CHANGES)
    file.write_text('{"entity": "items", "kind": "created", "item": {"id": "a", "n": 1.10}}')
    assert run("mail", "--body", file) == 0
    assert str(function.code.seen[0].item["n"]) == "1.1"
    function = load("thumbs", EVENTS)
    file.write_text('{"detail-type": "Object Created", "detail": {"a": 1}}')
    assert run("thumbs", "--body", file) == 0
    assert (function.code.seen[0].type, function.code.seen[0].detail) == ("Object Created", {"a": 1})


def test_a_failure_is_reported_with_type_and_place(
    load: Load, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load("deliver", JOBS)
    file = tmp_path / "job.json"
    file.write_text('"bad"')
    assert run("deliver", "--body", file) == 1
    assert printed_lines(capsys) == [
        "deliver failed at app/own.py:6 with KeyError. Its log, /aws/lambda/shop-deliver-dev, has the error."
    ]
    load("mail", CHANGES)
    file.write_text('{"entity": "orders"}')
    assert run("mail", "--body", file) == 1
    assert printed_lines(capsys)[0].startswith('mail failed: The change\'s "entity" is not one of items.')


def test_a_function_that_times_out(client: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    def time_out(_: Any) -> Any:
        raise TimeoutError("Task timed out after 60.00 seconds")

    client.handlers["shop-deliver-dev"] = time_out
    assert run("deliver") == 1
    assert printed_lines(capsys)[0].startswith("deliver failed: Task timed out after 60.00 seconds. Its log,")
    client.handlers["shop-deliver-dev"] = lambda _: None
    assert run("deliver") == 0


@pytest.mark.parametrize("command", ["run", "redrive"])
@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("delivr", "dev has no function delivr: did you mean deliver?"),
        ("x", "dev has no function x: name one of backfill, deliver, mail, pay, report, thumbs with FUNCTION=."),
        ("pay", "pay has routes: send it a request. Only functions without routes are run or redriven."),
    ],
)
def test_unknown_functions(
    client: Lambda, capsys: pytest.CaptureFixture[str], command: str, key: str, said: str
) -> None:
    assert commands.run(command, "--env", "dev", "--function", key) == 2
    assert printed_lines(capsys) == [said]


@pytest.mark.parametrize("command", ["run", "redrive"])
def test_a_system_without_functions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr("tools.commands.find_environment", lambda *_: FakeEnvironment({}, {}))
    assert commands.run(command, "--env", "dev", "--function", "x") == 2
    assert printed_lines(capsys) == [
        "dev has no function x: add one to the tfvars, as docs/reference/own-code.md shows."
    ]


@pytest.mark.parametrize("command", ["run", "redrive"])
def test_an_unknown_environment(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert commands.run(command, "--env", "none", "--function", "x") == 2
    assert printed_lines(capsys)[0].startswith("There is no environments/none.tfvars")


def test_a_function_that_is_not_deployed(client: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("deliver") == 1
    assert printed_lines(capsys) == [
        "There is no function shop-deliver-dev in us-west-2: deploy it first, or set AWS_PROFILE to its account."
    ]
    assert redrive("deliver") == 1
    assert printed_lines(capsys)[0].startswith("There is no queue shop-deliver-failed-dev in us-west-2")


@pytest.mark.parametrize(
    ("key", "content", "said"),
    [
        ("mail", None, "mail takes a change: write one into a file, as docs/how-to/own-code.md shows, and name"),
        ("thumbs", None, "thumbs takes an event: write one into a file"),
        ("mail", b"[]", "does not hold a JSON object: write the change as docs/how-to/own-code.md shows."),
        ("deliver", b"{", ": Not valid JSON at line 1, column 2. Correct the JSON."),
        ("deliver", b'{"a": NaN}', ": /a NaN is not a JSON number. Correct the JSON."),
        ("deliver", b"", ": Not valid JSON at line 1, column 1. Correct the JSON."),
        ("deliver", b"\xff", "is not UTF-8: save it as UTF-8."),
        ("deliver", "absent", "There is no file "),
        ("deliver", "folder", "cannot be read: Is a directory. Name another file with BODY=."),
    ],
)  # fmt: skip
def test_invalid_bodies(
    client: Lambda, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, content: Any, said: str
) -> None:
    file = tmp_path / "argument.json"
    if content == "folder":
        file.mkdir()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    assert run(key, *(["--body", file] if content is not None else [])) in (1, 2)
    (line,) = printed_lines(capsys)
    assert said in line


# --- make redrive


@pytest.mark.parametrize("key", ["deliver", "report", "thumbs", "backfill"])
def test_jobs_go_back_to_their_queue_as_they_were(load: Load, capsys: pytest.CaptureFixture[str], key: str) -> None:
    load(key, JOBS)
    bodies = [{"id": str(number), "body": "\U0001f600"} for number in range(23)]
    letters = send(key, *bodies)
    assert redrive(key) == 0
    what = "events" if key == "thumbs" else "jobs"
    assert printed_lines(capsys) == [f"23 {what} went back to shop-{key}-dev."]
    assert messages(letters) == []
    found = messages(new_queue(f"shop-{key}-dev"))
    assert sorted(found, key=lambda body: int(body["id"])) == bodies


def test_an_empty_dead_letter_queue(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    load("deliver", JOBS)
    assert redrive("deliver") == 0
    assert printed_lines(capsys) == ["shop-deliver-failed-dev is empty: there is nothing to redrive."]


def letter(item_id: str, **doc: Any) -> dict[str, Any]:
    change = {"id": f"event-{item_id}", "entity": "items", "kind": "deleted", "item": {"id": item_id, **doc}}
    return {"function": "mail", "change": change, "error": {"type": "KeyError", "place": ""}, "attempts": 5}


def test_changes_are_done_or_stay(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    function = load("mail", CHANGES)
    odd = ["not JSON", "[]", {"function": "mail"}, {"change": "text"}]
    precise = json.dumps(letter("c")).replace('"id": "c"', '"id": "c", "n": 12345678901234567890123456789012345678')
    letters = send("mail", letter("a"), letter("b", bad=True), precise, *odd)
    assert redrive("mail") == 1
    assert [(each.id, each.item.get("n")) for each in function.code.seen] == [
        ("event-a", None), ("event-b", None), ("event-c", 12345678901234567890123456789012345678),
    ]  # fmt: skip
    *kept, last = printed_lines(capsys)
    assert last == "2 changes were processed. 5 stay in shop-mail-failed-dev."
    assert [line.partition(": ")[2] for line in kept] == [
        "mail failed at app/own.py:6 with KeyError.",
        "is not a dead letter of a function on changes",
        "is not a dead letter of a function on changes",
        "has neither a change nor a position in a stream",
        "has neither a change nor a position in a stream",
    ]
    # The message is visible at once for everybody, including the next run.
    received = own_functions.sqs().receive_message(QueueUrl=letters, MaxNumberOfMessages=10, VisibilityTimeout=0)
    assert {each["MessageId"] for each in received["Messages"]} == {line.partition(":")[0] for line in kept}


def test_no_letter_is_lost_if_aws_refuses(load: Load, client: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    deployed = load("mail", CHANGES)
    calls: list[Any] = []

    def refuse(event: Any) -> Any:
        calls.append(event)
        if len(calls) == 2:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, "Invoke")
        return deployed(event)

    client.handlers["shop-mail-dev"] = refuse
    letters = send("mail", letter("a"), letter("b"), letter("c"))
    assert redrive("mail") == 1
    (said,) = printed_lines(capsys)
    assert said == (
        "An error occurred (AccessDenied) when calling the Invoke operation: No. So far 1 change was processed; the "
        "others are in shop-mail-failed-dev."
    )
    assert len(messages(letters)) == 2


def test_ctrl_c_loses_no_letter(load: Load, client: Lambda, capsys: pytest.CaptureFixture[str]) -> None:
    load("mail", CHANGES)

    def interrupt(_: Any) -> Any:
        raise KeyboardInterrupt

    client.handlers["shop-mail-dev"] = interrupt
    letters = send("mail", letter("a"))
    assert redrive("mail") == 130
    assert printed_lines(capsys) == [
        "Stopped. So far 0 changes were processed; the others are in shop-mail-failed-dev."
    ]
    assert len(messages(letters)) == 1


# --- Positions


@pytest.fixture
def stream(client: Lambda, make_api: Make) -> Api:
    api = make_api({"ids": "client"})
    api.client.update_table(
        TableName="test-items", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    return api


def position_of(api: Api, *, shard: bool = True) -> dict[str, Any]:
    """Return the position of stream records as Lambda writes it for a batch it gave up on."""
    streams = boto3.client("dynamodbstreams", region_name=REGION)
    arn = api.client.describe_table(TableName="test-items")["Table"]["LatestStreamArn"]
    (each,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=each["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    info = {
        "shardId": each["ShardId"], "startSequenceNumber": numbers[0], "endSequenceNumber": numbers[-1],
        "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00Z",
        "approximateArrivalOfLastRecord": "2026-01-01T00:00:00Z",
        "batchSize": len(numbers), "streamArn": arn,
    }  # fmt: skip
    if not shard:
        del info["shardId"]
    return {
        "requestContext": {"requestId": "c9b8fa9f", "functionArn": "arn", "condition": "RetryAttemptsExhausted"},
        "responseContext": {"statusCode": 200, "executedVersion": "1", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "DDBStreamBatchInfo": info,
    }  # fmt: skip


@pytest.mark.parametrize("shard", [True, False])
def test_a_position_is_read_from_the_stream(
    stream: Api, load: Load, capsys: pytest.CaptureFixture[str], shard: bool
) -> None:
    function = load("mail", CHANGES)
    stream.create({"id": "a", "n": 1})
    stream.request("PATCH", "/items/a", {"n": 2})
    position = position_of(stream, shard=shard)
    stream.create({"id": "later"})
    letters = send("mail", position)
    capsys.readouterr()
    assert redrive("mail") == 0
    assert printed_lines(capsys) == ["1 change was processed."]
    assert [(each.kind, each.item) for each in function.code.seen] == [("created", {"n": 1}), ("updated", {"n": 2})]
    assert messages(letters) == []


def test_a_position_whose_change_fails_stays(stream: Api, load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    load("mail", CHANGES)
    stream.create({"id": "a", "bad": True})
    letters = send("mail", position_of(stream))
    capsys.readouterr()
    assert redrive("mail") == 1
    kept, last = printed_lines(capsys)
    assert kept.endswith("mail failed: its log, /aws/lambda/shop-mail-dev, says why.")
    assert last == "0 changes were processed. 1 stays in shop-mail-failed-dev."
    assert len(messages(letters)) == 1


def test_a_position_that_crashes_the_function_again_stays(
    stream: Api, load: Load, client: Lambda, capsys: pytest.CaptureFixture[str]
) -> None:
    load("mail", CHANGES)

    def time_out(_: Any) -> Any:
        raise TimeoutError("Task timed out after 60.00 seconds")

    client.handlers["shop-mail-dev"] = time_out
    stream.create({"id": "a"})
    send("mail", position_of(stream))
    capsys.readouterr()
    assert redrive("mail") == 1
    assert printed_lines(capsys)[0].endswith("mail failed: Task timed out after 60.00 seconds.")


class Streams:
    """A fake stream client with scripted responses."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {name: list(each) for name, each in answers.items()}

    def __getattr__(self, name: str) -> Any:
        def answer(**_: Any) -> Any:
            found = self._answers[name].pop(0)
            if isinstance(found, Exception):
                raise found
            return found

        return answer


def gone(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetRecords")


ITERATOR = [{"ShardIterator": "i"}]
SHARDS = [
    {"StreamDescription": {"Shards": [], "LastEvaluatedShardId": "s"}},
    {"StreamDescription": {"Shards": [
        {"ShardId": "old", "SequenceNumberRange": {"StartingSequenceNumber": "1", "EndingSequenceNumber": "5"}},
        {"ShardId": "new", "SequenceNumberRange": {"StartingSequenceNumber": "9"}},
    ]}},
]  # fmt: skip


@pytest.mark.parametrize(
    ("position", "streams"),
    [
        ({"shardId": "s"}, Streams(get_shard_iterator=[gone("TrimmedDataAccessException")])),
        ({"shardId": "s"}, Streams(get_shard_iterator=[gone("ResourceNotFoundException")])),
        ({"shardId": "s"}, Streams(get_shard_iterator=ITERATOR, get_records=[gone("TrimmedDataAccessException")])),
        (
            {"shardId": "s"},
            Streams(get_shard_iterator=ITERATOR, get_records=[{"Records": [], "NextShardIterator": "j"}]),
        ),
        ({}, Streams(describe_stream=SHARDS)),
    ],
)
def test_a_position_no_longer_in_the_stream_is_reported(
    load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], position: Any, streams: Any
) -> None:
    function = load("mail", CHANGES)
    known = {"streamArn": own_functions.STREAM, "startSequenceNumber": "7", "endSequenceNumber": "8", "batchSize": 2}
    letters = send("mail", {"DDBStreamBatchInfo": {**known, **position}})
    environment = FakeEnvironment(
        {}, {"sqs": own_functions.sqs(), "lambda": None, "dynamodbstreams": streams}, own_functions=FUNCTIONS
    )
    monkeypatch.setattr("tools.commands.find_environment", lambda *_: environment)
    assert redrive("mail") == 1
    kept, _ = printed_lines(capsys)
    assert kept.endswith(
        "has the position 7 to 8 in the stream of test-items, which no longer has these records: find out "
        "what changed, then delete the message"
    )
    assert function.code.seen == []
    assert len(messages(letters)) == 1


def test_records_that_come_in_several_pages(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function gets each record in Lambda's form, not in the form of the stream's API."""
    function = load("mail", CHANGES)
    handler = function.handler

    class Stamp(float):
        def timestamp(self) -> float:
            return float(self)

    def read(number: int, **more: Any) -> dict[str, Any]:
        made = record(number, None, image(f"i{number}", 1, {"raw": {"B": b"\x00"}} if number == 3 else {}), **more)
        made["dynamodb"]["ApproximateCreationDateTime"] = Stamp(1_767_225_600.0)
        del made["eventSourceARN"]
        return made

    ttl = {"userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}}
    streams = Streams(
        get_shard_iterator=ITERATOR,
        get_records=[
            {"Records": [read(1, **ttl)], "NextShardIterator": "j"},
            {"Records": [read(2), read(3)], "NextShardIterator": "k"},
        ],
    )
    info = {"streamArn": own_functions.STREAM, "shardId": "s", "startSequenceNumber": "1", "batchSize": 3}
    send("mail", {"DDBStreamBatchInfo": {**info, "endSequenceNumber": "3"}})
    client = Lambda()
    client.handlers["shop-mail-dev"] = lambda event: handler(event, LambdaContext())
    clients = {"sqs": own_functions.sqs(), "lambda": client, "dynamodbstreams": streams}
    environment = FakeEnvironment({}, clients, own_functions=FUNCTIONS)
    monkeypatch.setattr("tools.commands.find_environment", lambda *_: environment)
    assert redrive("mail") == 0
    # The third record has a value that no item can have: it is logged and skipped.
    assert [(each.kind, each.item.id) for each in function.code.seen] == [("expired", "i1"), ("deleted", "i2")]


def test_other_errors_of_a_stream_stop_it(
    load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load("mail", CHANGES)
    info = {"streamArn": "odd", "shardId": "s", "startSequenceNumber": "1", "endSequenceNumber": "1"}
    send("mail", {"DDBStreamBatchInfo": info})
    streams = Streams(get_shard_iterator=[gone("AccessDeniedException")])
    clients = {"sqs": own_functions.sqs(), "lambda": None, "dynamodbstreams": streams}
    environment = FakeEnvironment({}, clients, own_functions=FUNCTIONS)
    monkeypatch.setattr("tools.commands.find_environment", lambda *_: environment)
    assert redrive("mail") == 1
    assert "AccessDeniedException" in printed_lines(capsys)[0]


def test_the_clients_of_calls_wait_and_never_call_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.aws.environment import AwsEnvironment
    from tools.laptop.emulator import Running, client

    environment = AwsEnvironment("dev", lambda _: None)
    monkeypatch.setattr(AwsEnvironment, "region", REGION)
    patient = environment.client("lambda", timeout=tool.LONGEST_SECONDS + 20).meta.config
    assert (patient.read_timeout, patient.retries["total_max_attempts"]) == (920, 1)
    assert environment.client("lambda").meta.config.retries["total_max_attempts"] == 10
    running = Running(1, 1, REGION)
    config = client("lambda", running, 920).meta.config
    assert (config.read_timeout, config.retries["total_max_attempts"]) == (920, 1)
    assert client("lambda", running).meta.config.read_timeout == 60
