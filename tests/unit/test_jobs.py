"""Test functions with a queue: jobs, scheduled jobs and events from SQS, their retries, and direct invocations."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from tests.unit import own_functions
from tests.unit.conftest import ENVIRONMENT
from tests.unit.own_functions import Deployed, lines, message, messages, new_queue
from trestle.functions import jobs
from trestle.own.code import CodeError

NOTE = "def handle(job, context):\n    seen.append(job)\n"
ID = "6f1d5e0e-5c0f-4d8b-9a55-0d1f6a7b8c9d"
JOB = {"id": ID, "at": "2026-02-01T10:00:00.000000Z", "body": {"n": 1}, "turn": 2}
EVENT = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": "123456789012",
    "time": "2026-02-01T10:00:00Z",
    "region": "us-west-2",
    "resources": ["arn:aws:s3:::shop-pictures"],
    "detail": {"bucket": {"name": "shop-pictures"}, "object": {"key": "cat.png", "size": 5, "ratio": 1.10}},
}

FAILED = "CodeError: The function own failed at app/own.py:4 with "
BAD_AGAIN = "UnitError: own returned Again with an invalid body: "

Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Return a factory of functions with a queue: deployed(source, kind="schedule", attempts=5)."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def make(source: str = NOTE, *, kind: str = "queue", attempts: int = 5, backoff: Any = (10, 3600)) -> Deployed:
        queue = {"url": new_queue("deliver"), "attempts": attempts, "backoff": list(backoff)}
        return own_functions.deploy(tmp_path, source, {"kind": kind, "queue": queue})

    with mock_aws():
        yield make


@pytest.fixture
def hidden_seconds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The seconds for which each message was hidden, by its receipt."""
    found: list[tuple[str, int]] = []
    monkeypatch.setattr(jobs, "change_visibility", lambda *given: found.append((given[2], given[3])))
    return found


def batch(*records: Any) -> dict[str, Any]:
    return {"Records": list(records)}


def failed_numbers(answer: Any) -> list[int]:
    """Return the numbers of the messages that stay in the queue."""
    assert set(answer) == {"batchItemFailures"}
    return [int(each["itemIdentifier"][-7:]) for each in answer["batchItemFailures"]]


def test_a_job_is_read_from_its_envelope(deploy_function: Deploy, capsys: pytest.CaptureFixture[str]) -> None:
    function = deploy_function()
    text = json.dumps(JOB).replace('{"n": 1}', '{"n": 1.10, "m": 12345678901234567890123456789012345678}')
    assert failed_numbers(function(batch(message(text, received=3)))) == []
    (job,) = function.code.seen
    assert (job.id, job.attempt, job.first_at) == (ID, 3, "2026-02-01T10:00:00.000000Z")
    assert job.body == {"n": Decimal("1.1"), "m": 12345678901234567890123456789012345678}
    assert type(job.body["n"]) is Decimal
    (line,) = lines(capsys.readouterr().err)
    wanted = {
        "requestId": ID, "function": "own", "call": "handle", "jobId": ID, "attempt": 3, "turn": 2, "result": "done",
        "status": 200,
    }  # fmt: skip
    assert wanted.items() <= line.items()


@pytest.mark.parametrize(
    "body",
    [
        {"body": None},
        # A placeholder that an emulated scheduler does not replace.
        {"id": "<aws.scheduler.execution-id>", "at": "<aws.scheduler.scheduled-time>", "body": None},
    ],
)
def test_values_missing_in_the_envelope_come_from_the_message(deploy_function: Deploy, body: Any) -> None:
    function = deploy_function(kind="schedule")
    function(batch(message(body)))
    (job,) = function.code.seen
    sent = "2026-01-01T00:00:00.123000Z"
    assert (job.id, job.first_at, job.body) == (message("")["messageId"], sent, None)


def test_the_schedulers_times_have_the_form_of_others(deploy_function: Deploy) -> None:
    function = deploy_function(kind="schedule")
    function(batch(message({"id": "execution", "at": "2026-02-01T03:00:00Z", "body": None})))
    assert function.code.seen[0].first_at == "2026-02-01T03:00:00.000000Z"


def test_every_json_value_is_a_body(deploy_function: Deploy) -> None:
    function = deploy_function()
    deep: Any = 1
    for _ in range(32):
        deep = [deep]
    values = [None, True, 0, "", "\uffff\U0001f600", [], {}, deep]
    function(batch(*(message({"body": value}) for value in values)))
    assert [job.body for job in function.code.seen] == values


@pytest.mark.parametrize(
    ("attempt", "backoff", "seconds"),
    [
        (1, (10, 3600), 10), (2, (10, 3600), 20), (3, (10, 3600), 40), (9, (10, 3600), 2560), (10, (10, 3600), 3600),
        (99, (10, 3600), 3600), (1, (60, 60), 60), (1, (0, 10), 0), (11, (3600, 43_200), 43_000),
    ],
)  # fmt: skip
def test_a_failed_job_waits_twice_as_long_each_time(
    deploy_function: Deploy, hidden_seconds: Any, attempt: int, backoff: Any, seconds: int
) -> None:
    function = deploy_function("def handle(job, context):\n    raise ValueError\n", attempts=100, backoff=backoff)
    assert failed_numbers(function(batch(message(JOB, received=attempt)))) == [1]
    assert hidden_seconds == [("receipt", seconds)]


@pytest.mark.parametrize(
    ("source", "attempt", "seconds", "result", "level", "status", "error"),
    [
        ("raise Retry(after=90)", 1, 90, "retry", "INFO", 200, None),
        ("raise Retry(after=0)", 3, 0, "retry", "INFO", 200, None),
        ("raise Retry(after=43000)", 3, 43_000, "retry", "INFO", 200, None),
        ("raise Retry", 3, 40, "retry", "INFO", 200, None),
        ("raise Retry(after=90)", 5, 0, "dead-letter", "ERROR", 500, "Retry"),
        ("raise KeyError('s3cr3t')", 1, 10, "failed", "ERROR", 500, f"{FAILED}KeyError."),
        ("raise KeyError('s3cr3t')", 5, 0, "dead-letter", "ERROR", 500, f"{FAILED}KeyError."),
        ("raise KeyError('s3cr3t')", 6, 0, "dead-letter", "ERROR", 500, f"{FAILED}KeyError."),
        ("raise Refuse('s3cr3t')", 1, 10, "failed", "ERROR", 500, f"{FAILED}Refuse."),
        ("raise Taken('s3cr3t')", 1, 10, "failed", "ERROR", 500, f"{FAILED}Taken."),
        ("raise Unavailable()", 2, 20, "failed", "ERROR", 503, "Unavailable"),
        ("return Again(1.5)", 2, 20, "failed", "ERROR", 500, BAD_AGAIN),
        ("return Again({'s3cr3t': object()})", 2, 20, "failed", "ERROR", 500, BAD_AGAIN),
        ("return Again('x' * 270_000)", 2, 20, "failed", "ERROR", 500, BAD_AGAIN),
    ],
)  # fmt: skip
def test_failures_and_their_retries(
    deploy_function: Deploy, hidden_seconds: Any, capsys: pytest.CaptureFixture[str],
    source: str, attempt: int, seconds: int, result: str, level: str, status: int, error: str | None,
) -> None:  # fmt: skip
    function = deploy_function(f"def handle(job, context):\n    {source}\n")
    assert failed_numbers(function(batch(message({**JOB, "body": "s3cr3t"}, received=attempt)))) == [1]
    assert hidden_seconds == [("receipt", seconds)]
    printed = capsys.readouterr().err
    (line,) = lines(printed)
    assert (line["result"], line["level"], line["status"], line["attempt"]) == (result, level, status, attempt)
    assert line.get("retryAfter") == (None if result == "dead-letter" else seconds)
    assert line["error"].startswith(error) if error else "error" not in line
    assert ("s3cr3t" in printed) == ("'s3cr3t':" in source)  # an identifier of own code
    assert messages(own_functions.sqs().get_queue_url(QueueName="deliver")["QueueUrl"]) == []


def test_the_delay_and_the_jobs_time_stay_under_the_queues_maximum(
    deploy_function: Deploy, hidden_seconds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("trestle.functions.units.time.monotonic", lambda: clock[0])
    function = deploy_function("def handle(job, context):\n    seen[0]()\n    raise Retry(43_000)\n")
    function.code.seen.append(lambda: clock.__setitem__(0, 700.0))
    function(batch(message(JOB)), millis=900_000)
    assert hidden_seconds == [("receipt", 42_300)]


def test_a_message_that_cannot_be_hidden_is_still_retried(
    deploy_function: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    function = deploy_function("def handle(job, context):\n    raise Retry(5)\n")
    assert failed_numbers(function(batch(message(JOB, receipt="none of this queue")))) == [1]
    (line,) = lines(capsys.readouterr().err)
    assert (line["result"], line["level"], "retryAfter" in line) == ("retry", "ERROR", False)


def test_a_retried_message_is_hidden_in_the_queue(deploy_function: Deploy) -> None:
    function = deploy_function("def handle(job, context):\n    raise Retry(0 if job.attempt > 1 else 60)\n")
    sqs, url = own_functions.sqs(), new_queue("deliver")
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(JOB))

    def receive() -> list[Any]:
        found: list[Any] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages", [])
        return found

    (received,) = receive()
    assert failed_numbers(function(batch(message(JOB, receipt=received["ReceiptHandle"])))) == [1]
    assert receive() == []
    assert failed_numbers(function(batch(message(JOB, received=2, receipt=received["ReceiptHandle"])))) == [1]
    assert len(receive()) == 1


def test_again_sends_a_new_job_with_the_rest(deploy_function: Deploy, capsys: pytest.CaptureFixture[str]) -> None:
    function = deploy_function(
        "def handle(job, context):\n    return Again({'n': job.body['n'] / 2, 'text': '\\uffff'})\n"
    )
    url = new_queue("deliver")
    assert failed_numbers(function(batch(message(json.dumps(JOB).replace('"n": 1', '"n": 1.5'))))) == []
    (sent,) = messages(url)
    assert (sent["body"], sent["turn"]) == ({"n": 0.75, "text": "\uffff"}, 3)
    assert sent["id"] != ID
    assert sent["at"] > "2026-02-01T10:00:00.000000Z"
    assert [line["result"] for line in lines(capsys.readouterr().err)] == ["again"]
    assert failed_numbers(function(batch(message(sent)))) == []
    (raw,) = own_functions.sqs().receive_message(QueueUrl=url)["Messages"]
    assert json.loads(raw["Body"])["turn"] == 4
    assert "\uffff" not in raw["Body"]  # SQS refuses this


def test_a_job_and_its_calls_are_traced(
    deploy_function: Deploy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, parent = "1-67891233-abcdef012345678912345678", 4 * "5a9c"
    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{daemon.getsockname()[1]}")
        monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={root};Parent={parent};Sampled=1")
        assert (
            failed_numbers(
                deploy_function("def handle(job, context): return Again({})")(batch(message(json.dumps(JOB))))
            )
            == []
        )
        job, call = (json.loads(daemon.recv(65536).partition(b"\n")[2]) for _ in range(2))
    assert (job["name"], job["parent_id"], job["trace_id"]) == ("own.handle", parent, root)
    assert job["annotations"]["result"] == "again"
    assert (call["name"], call["parent_id"], call["aws"]["operation"]) == ("SQS", job["id"], "SendMessage")
    assert call["aws"]["queue_url"].endswith("/deliver")
    assert not {"table_name", "table_names"} & call["aws"].keys()
    assert job["start_time"] <= call["start_time"] <= call["end_time"] <= job["end_time"]
    (line,) = lines(capsys.readouterr().err)
    assert (line["xrayTraceId"], line["databaseRequests"]) == (root, 0), "an SQS call does not count as a database call"


def test_again_that_cannot_be_sent_is_a_failure(deploy_function: Deploy, hidden_seconds: Any) -> None:
    function = deploy_function("def handle(job, context):\n    return Again()\n")
    own_functions.sqs().delete_queue(QueueUrl=new_queue("deliver"))
    assert failed_numbers(function(batch(message(JOB)))) == [1]
    assert hidden_seconds == [("receipt", 10)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "The message cannot be read: Not valid JSON at line 1, column 1."),
        ('{"body": NaN}', "The message cannot be read: /body NaN is not a JSON number."),
        ('{"body": 1, "body": 2}', "The message cannot be read: /body The name is repeated."),
        ('{"body": "\\ud800"}', "The message cannot be read: /body The text holds a lone surrogate."),
        ('{"body": 1e999}', "The message cannot be read: /body Numbers may have 38 significant digits"),
        ("[1]", "The message is not a JSON object."),
        ('"s3cr3t"', "The message is not a JSON object."),
        ({}, 'The job has no "body". Send {"body": ...}, with any JSON value in it.'),
        ({"body": 1, "s3cr3t": 2}, 'The job has 1 members beside "id", "at", "body" and "turn".'),
        ({"body": 1, "id": 5}, '"id" is not a text.'),
        ({"body": 1, "id": ""}, '"id" is not a text.'),
        ({"body": 1, "at": "s3cr3t"}, '"at" is not a time such as 2026-01-31T12:00:00Z.'),
        ({"body": 1, "at": 5}, '"at" is not a text.'),
        ({"body": 1, "turn": -1}, 'The job\'s "turn" is not a whole number from 0.'),
        ({"body": 1, "turn": True}, 'The job\'s "turn" is not a whole number from 0.'),
    ],
)
def test_a_malformed_message_fails_at_once_and_clearly(
    deploy_function: Deploy, hidden_seconds: Any, capsys: pytest.CaptureFixture[str], body: Any, said: str
) -> None:
    function = deploy_function()
    assert failed_numbers(function(batch(message(body)))) == [1]
    (line,) = lines(capsys.readouterr().err)
    assert line["error"].startswith(f"MalformedError: {said}")
    assert "s3cr3t" not in json.dumps(line)
    assert (line["jobId"], function.code.seen) == (message("")["messageId"], [])
    assert hidden_seconds == [("receipt", 0)]  # a retry would fail too


def test_messages_without_time_left_stay_in_the_queue(deploy_function: Deploy) -> None:
    function = deploy_function()
    assert failed_numbers(function(batch(*(message(JOB, number=n) for n in (1, 2, 3))), millis=1000)) == [2, 3]
    assert len(function.code.seen) == 1


def test_only_the_failed_messages_of_a_batch_stay(deploy_function: Deploy, hidden_seconds: Any) -> None:
    function = deploy_function("def handle(job, context):\n    if job.body:\n        raise ValueError\n")
    answer = function(batch(*(message({"body": bool(n % 2)}, number=n, receipt=f"r{n}") for n in (1, 2, 3))))
    assert failed_numbers(answer) == [1, 3]
    assert hidden_seconds == [("r1", 10), ("r3", 10)]


# --- Events


def test_an_event_is_passed_as_eventbridge_sends_it(
    deploy_function: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    function = deploy_function(kind="event")
    assert failed_numbers(function(batch(message(EVENT)))) == []
    (event,) = function.code.seen
    assert (event.id, event.type, event.at) == (EVENT["id"], "Object Created", "2026-02-01T10:00:00.000000Z")
    assert event.detail["object"] == {"key": "cat.png", "size": 5, "ratio": Decimal("1.1")}
    (line,) = lines(capsys.readouterr().err)
    assert (line["eventId"], line["requestId"], line["result"]) == (EVENT["id"], EVENT["id"], "done")


@pytest.mark.parametrize("body", [{}, {"detail-type": "x", "detail": 5}, JOB, {**EVENT, "time": "now"}])
def test_invalid_events(
    deploy_function: Deploy, hidden_seconds: Any, capsys: pytest.CaptureFixture[str], body: Any
) -> None:
    function = deploy_function(kind="event")
    assert failed_numbers(function(batch(message(body)))) == [1]
    assert lines(capsys.readouterr().err)[0]["error"].startswith("MalformedError: ")
    assert function.code.seen == []


def test_again_is_refused_for_an_event(
    deploy_function: Deploy, hidden_seconds: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    function = deploy_function("def handle(event, context):\n    return Again()\n", kind="event")
    assert failed_numbers(function(batch(message(EVENT)))) == [1]
    assert "returned Again for an event" in lines(capsys.readouterr().err)[0]["error"]


@pytest.mark.parametrize("kind", ["queue", "event"])
@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ("Retry(5)", "own returned Retry. Raise it instead."),
        ("Refuse('s3cr3t')", "own returned Refuse. Raise it instead."),
        ("Retry", "own returned the class Retry: raise Retry() instead."),
        ("Again", "own returned the class Again: return Again(body) instead."),
    ],
)
def test_an_unknown_result_is_not_a_success(
    deploy_function: Deploy, capsys: pytest.CaptureFixture[str], kind: str, returned: str, reason: str
) -> None:
    """Otherwise the job would be lost."""
    function = deploy_function(f"def handle(given, context):\n    return {returned}\n", kind=kind)
    event = {"id": "e", "detail-type": "t", "detail": {}, "time": "2026-01-01T00:00:00Z"}
    assert failed_numbers(function(batch(message(JOB if kind == "queue" else event)))) == [1]
    assert lines(capsys.readouterr().err)[0]["error"] == f"UnitError: {reason}"


# --- Direct invocations


@pytest.mark.parametrize("kind", ["queue", "schedule", "job"])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_job_run_by_an_operator(
    deploy_function: Deploy, kind: str, as_text: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    function = deploy_function(kind=kind)
    job = {"body": {"n": 1.5}}
    assert function({"trestle": {"job": json.dumps(job) if as_text else job}}) == {"result": "done"}
    seen = function.code.seen[0]
    assert (seen.body, seen.attempt) == ({"n": Decimal("1.5")}, 1)
    assert len(seen.id) == 36
    function({"trestle": {"job": job}})
    line, second = lines(capsys.readouterr().err)
    assert (line["jobId"], line["direct"], line["result"]) == (seen.id, True, "done")
    assert (line["coldStart"], second["coldStart"]) == (True, False)


def test_a_direct_invocation_returns_no_data(deploy_function: Deploy) -> None:
    function = deploy_function(
        "def handle(job, context):\n    if job.body:\n        raise KeyError('s3cr3t')\n    return Again(1)\n"
    )
    assert function({"trestle": {"job": {"body": 1}}}) == {"error": {"type": "KeyError", "place": "app/own.py:5"}}
    assert function({"trestle": {"job": {"body": 0}}}) == {"result": "again"}
    assert [each["body"] for each in messages(new_queue("deliver"))] == [1]
    returns = deploy_function("def handle(job, context):\n    return 's3cr3t'\n")
    assert returns({"trestle": {"job": {"body": 0}}}) == {"result": "done"}


def test_a_job_run_by_an_operator_that_requests_a_retry(
    deploy_function: Deploy, capsys: pytest.CaptureFixture[str]
) -> None:
    function = deploy_function("def handle(job, context):\n    raise Retry(after=60)\n")
    assert function({"trestle": {"job": {"body": 0}}}) == {"result": "retry"}
    line = lines(capsys.readouterr().err)[0]
    assert (line["result"], line["level"], "error" in line) == ("retry", "INFO", False)


def test_an_event_sent_by_an_operator(deploy_function: Deploy) -> None:
    function = deploy_function(kind="event")
    assert function({"trestle": {"event": json.dumps(EVENT)}}) == {"result": "done"}
    assert function({"trestle": {"event": {"detail-type": "x"}}}) == {"result": "done"}
    assert [each.type for each in function.code.seen] == ["Object Created", "x"]
    assert len(function.code.seen[1].id) == 36


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("queue", {"change": {}}, 'own takes {"trestle": {"job": ...}}.'),
        ("queue", {}, 'own takes {"trestle": {"job": ...}}.'),
        ("queue", None, 'own takes {"trestle": {"job": ...}}.'),
        ("queue", {"job": {}, "event": {}}, 'own takes {"trestle": {"job": ...}}.'),
        ("queue", {"job": 5}, "The job is not a JSON object."),
        ("queue", {"job": "{"}, "The job cannot be read: Not valid JSON at line 1, column 2."),
        ("queue", {"job": {}}, 'The job has no "body". Send {"body": ...}, with any JSON value in it.'),
        ("event", {"job": {}}, 'own takes {"trestle": {"event": ...}}.'),
    ],
)  # fmt: skip
def test_bad_direct_invocations(deploy_function: Deploy, kind: str, given: Any, said: str) -> None:
    function = deploy_function(kind=kind)
    assert function({"trestle": given}) == {"error": {"type": "MalformedError", "place": "", "detail": said}}


CHANGE = {"entity": "items", "kind": "updated", "item": {"id": "a", "n": 2}, "before": {"id": "a", "n": 1}}


@pytest.fixture
def on_changes(tmp_path: Path, deploy_function: Deploy) -> Deployed:
    changes = {"changes": {"items": [{"kind": "created"}]}, "tables": {"t": "items"}, "dead_letters": ""}
    return own_functions.deploy(tmp_path, NOTE, {"kind": "changes", **changes})


def test_a_change_sent_by_an_operator_may_be_short(on_changes: Deployed) -> None:
    assert on_changes({"trestle": {"change": CHANGE}}) == {"result": "done"}
    stamps = {"createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-02T00:00:00Z", "version": 7}
    item = {"id": "a", **stamps, "owner": 5}
    whole = {**CHANGE, "id": "event-1", "owner": "ada", "at": "2026-01-03T00:00:00Z", "item": item}
    assert on_changes({"trestle": {"change": json.dumps(whole)}}) == {"result": "done"}
    first, second = on_changes.code.seen
    assert (first.kind, first.item, first.before, first.item.id) == ("updated", {"n": 2}, {"n": 1}, "a")
    assert (first.item.version, first.item.owner, len(first.id)) == (1, "", 36)
    assert (second.id, second.at, second.item) == ("event-1", "2026-01-03T00:00:00.000000Z", {"owner": 5})
    assert (second.item.owner, second.item.version, second.before.owner) == ("ada", 7, "ada")
    assert second.item.created_at == "2026-01-01T00:00:00.000000Z"
    assert second.item.updated_at == "2026-01-02T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"entity": "orders"}, 'The change\'s "entity" is not one of items.'),
        ({"entity": ["items"]}, 'The change\'s "entity" is not one of items.'),
        ({"kind": "changed"}, 'The change\'s "kind" is not one of created, updated, deleted, expired.'),
        ({"owner": 5}, '"owner" is not a text.'),
        ({"before": None}, 'The change has "before", the item as it was, if and only if its kind is "updated".'),
        ({"kind": "created"}, 'The change has "before", the item as it was, if and only if its kind is "updated".'),
        ({"item": None}, 'The change\'s "item" is not an item: an object with an "id".'),
        ({"item": {}}, 'The change\'s "item" is not an item: an object with an "id".'),
        ({"before": {"id": 1}}, 'The change\'s "before" is not an item: an object with an "id".'),
        ({"item": {"id": "a", "version": "2"}}, 'The "version" of the change\'s "item" is not a whole number from 1.'),
        ({"item": {"id": "a", "createdAt": "now"}}, '"createdAt" is not a time such as 2026-01-31T12:00:00Z.'),
        ({"at": 5}, '"at" is not a text.'),
        ({"id": ""}, '"id" is not a text.'),
    ],
)
def test_invalid_changes(on_changes: Deployed, changes: Any, said: str) -> None:
    answer = on_changes({"trestle": {"change": {**CHANGE, **changes}}})
    assert answer == {"error": {"type": "MalformedError", "place": "", "detail": said}}
    assert on_changes.code.seen == []


def test_code_that_cannot_be_imported_fails_each_time(tmp_path: Path, deploy_function: Deploy) -> None:
    queue = {"url": new_queue("deliver"), "attempts": 5, "backoff": [10, 3600]}
    broken = own_functions.deploy(tmp_path, "\nraise KeyError('s3cr3t')\n", {"kind": "queue", "queue": queue})
    for _ in range(2):
        with pytest.raises(CodeError) as caught:
            broken(batch(message(JOB)))
        assert str(caught.value) == "The import of app/own.py failed at app/own.py:4 with KeyError."
    answer = broken({"trestle": {"job": {"body": 1}}})
    assert answer == {"error": {"type": "KeyError", "place": "app/own.py:4"}}
