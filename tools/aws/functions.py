"""Run a function of app/ once, and redrive its dead letters.

`make run` calls a function with one job, change or event, and prints the result. `make redrive`
sends the jobs in a function's dead-letter queue back to its queue, and calls a function on changes
with each change there. It deletes a dead letter once its job is in the queue or its change is
processed, and keeps it otherwise. If the function crashed, Lambda wrote the dead letter: it has a
position in the table's stream instead of a change, and the stream keeps its records for a day.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws.versions import ALIAS
from tools.console import Console, print_note
from tools.environment import Environment
from tools.errors import ROOT, UserError
from tools.suggestions import correction

sys.path.insert(0, str(ROOT / "lambda_src"))

from trestle.errors import InvalidRequest
from trestle.strict_json import dumps, loads

LONGEST_SECONDS = 900  # Lambda's longest timeout
BATCH = 10  # messages in one request to SQS
MOST = 10_000  # dead letters of one run
WAIT_SECONDS = 1  # for messages, before a queue counts as empty
HIDDEN_SECONDS = 3600  # for which received messages are invisible to others
AROUND = 4  # levels of nesting in a message around an item
ARGUMENTS = {"changes": "change", "event": "event", "queue": "job", "schedule": "job", "job": "job"}
NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
# Errors for a shard or record that a stream no longer has.
GONE = ("ResourceNotFoundException", "TrimmedDataAccessException", "ExpiredIteratorException")


@dataclass(frozen=True)
class OwnFunction:
    """A function of app/: its key in the tfvars, Lambda's name for it, and the names of its queues, if any."""

    key: str
    name: str
    kind: str
    queue: str | None
    dead_letters: str | None

    @property
    def argument(self) -> str:
        """Return the kind of its argument: "change", "event" or "job"."""
        return ARGUMENTS[self.kind]


def find(environment: Environment, key: str) -> OwnFunction:
    """Return a function without routes. Raise UserError if there is none of this key."""
    known = environment.functions()
    if key not in known:
        remedy = correction(key, known, f"name one of {', '.join(sorted(known))} with FUNCTION=" if known else
                            "add one to the tfvars, as docs/reference/own-code.md shows")  # fmt: skip
        raise UserError(f"{environment.name} has no function {key}: {remedy}", exit_code=2)
    found = known[key]
    if found["kind"] == "routes":
        raise UserError(f"{key} has routes: send it a request. Only functions without routes are run or redriven.", 2)
    return OwnFunction(key, found["name"], found["kind"], found.get("queue"), found.get("dead_letters"))


# --- One call


def argument_text(function: OwnFunction, file: Path | None) -> str:
    """Return a function's argument as JSON text. Raise UserError if the file has no such value."""
    if file is None:
        if function.argument == "job":
            return '{"body":null}'
        raise UserError(
            f"{function.key} takes {'an' if function.argument == 'event' else 'a'} {function.argument}: write one into "
            "a file, as docs/how-to/own-code.md shows, and name it with BODY=.",
            exit_code=2,
        )
    try:
        value = loads(file.read_bytes().decode("utf-8-sig"), around=AROUND)
    except FileNotFoundError:
        raise UserError(f"There is no file {file}: name one with BODY=.") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}. Name another file with BODY=.") from None
    except UnicodeDecodeError:
        raise UserError(f"{file} is not UTF-8: save it as UTF-8.") from None
    except InvalidRequest as error:
        where, detail = error.faults[0]["pointer"], error.faults[0]["detail"]
        raise UserError(f"{file}: {f'{where} {detail}'.strip()}. Correct the JSON.") from None
    if function.argument == "job":
        return dumps({"body": value})
    if not isinstance(value, dict):
        raise UserError(
            f"{file} does not hold a JSON object: write the {function.argument} as docs/how-to/own-code.md shows."
        )
    return dumps(value)


def invoke(environment: Environment, function: OwnFunction, argument: str) -> dict[str, Any]:
    """Call a function with a job, a change or an event as JSON text; return its result.

    The dict has "result", or "error" with "type", "place" and perhaps "detail". Raise UserError if
    the function is not deployed.
    """
    client = environment.client("lambda", timeout=LONGEST_SECONDS + 20)
    return _call(client, function, {"trestle": {function.argument: argument}})


def _call(client: Any, function: OwnFunction, event: dict[str, Any]) -> dict[str, Any]:
    try:
        reply = client.invoke(FunctionName=function.name, Qualifier=ALIAS, Payload=json.dumps(event).encode())
    except client.exceptions.ResourceNotFoundException:
        place = client.meta.region_name
        raise UserError(
            f"There is no function {function.name} in {place}: deploy it first, or set AWS_PROFILE to its account."
        ) from None
    answer: dict[str, Any] = json.loads(reply["Payload"].read() or b"{}") or {}
    if "FunctionError" in reply:  # it crashed or timed out
        return {"error": {"type": answer.get("errorType", "Error"), "detail": answer.get("errorMessage", "")}}
    return answer


def describe(function: OwnFunction, error: dict[str, str]) -> str:
    """Return a sentence that says why a call failed."""
    if detail := error.get("detail"):
        return f"{function.key} failed: {detail.rstrip('.')}."
    return f"{function.key} failed at {error.get('place') or 'an unknown line'} with {error['type']}."


def log_of(environment: Environment, function: OwnFunction) -> str:
    """Return the beginning of a sentence that names a function's log."""
    return "`python local.py logs`" if environment.name == "local" else f"Its log, /aws/lambda/{function.name},"


def run_function(options: argparse.Namespace) -> int:
    """Call a function once. Raise UserError if it fails."""
    environment: Environment = options.environment
    function = find(environment, options.function)
    argument = argument_text(function, options.body)
    options.progress(f"Calling {function.name} ...")
    began = time.monotonic()
    answer = invoke(environment, function, argument)
    if "error" in answer:
        raise UserError(f"{describe(function, answer['error'])} {log_of(environment, function)} has the error.")
    seconds = time.monotonic() - began
    if answer.get("result") == "again":
        print_note(
            f"{function.key} returned Again after {seconds:.1f} s: the queue {function.queue} calls it for the "
            f"rest. {log_of(environment, function)} shows its progress."
        )
    elif answer.get("result") == "retry":
        raise UserError(
            f"{function.key} raised Retry, but a job that you run by hand is not retried: run it again later."
        )
    else:
        print_note(f"{function.key} is done after {seconds:.1f} s.")
    return 0


# --- Dead letters


class Queue:
    """A queue of SQS. The constructor raises UserError if it does not exist."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name
        try:
            self.url: str = client.get_queue_url(QueueName=name)["QueueUrl"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in NO_QUEUE:
                raise
            raise UserError(
                f"There is no queue {name} in {client.meta.region_name}: deploy it first, or set AWS_PROFILE to its "
                "account."
            ) from None

    def receive(self) -> list[dict[str, Any]]:
        """Return up to MOST messages in the order they were sent, and hide them from other receivers."""
        found: dict[str, dict[str, Any]] = {}
        empty = 0
        while empty < 2 and len(found) < MOST:  # one empty response may miss messages
            received = self._client.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=BATCH, VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS, AttributeNames=["SentTimestamp"],
            ).get("Messages", [])  # fmt: skip
            found |= {message["MessageId"]: message for message in received}
            empty = 0 if received else empty + 1
        return sorted(found.values(), key=lambda message: int(message["Attributes"]["SentTimestamp"]))

    def send(self, body: str) -> None:
        """Send a message."""
        self._client.send_message(QueueUrl=self.url, MessageBody=body)

    def delete(self, message: dict[str, Any]) -> None:
        """Delete a message that was received."""
        self._client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def release(self, message: dict[str, Any]) -> None:
        """Make a received message visible to others again."""
        self._client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


class KeptError(Exception):
    """The reason why a dead letter stays in its queue."""


class Redrive:
    """A redrive of a function's dead letters."""

    def __init__(self, environment: Environment, function: OwnFunction) -> None:
        self._environment = environment
        self._function = function
        self._sqs = environment.client("sqs")
        self.dead_letters = Queue(self._sqs, function.dead_letters or "")
        self.done = 0
        self.kept: list[str] = []

    def run(self, progress: Console) -> None:
        """Redrive each dead letter by itself, so that a failure of one affects no other."""
        progress(f"Receiving messages from {self.dead_letters.name} ...")
        messages = self.dead_letters.receive()
        carry = self._change if self._function.kind == "changes" else self._job()
        waiting = list(messages)
        try:
            for number, message in enumerate(messages, 1):
                progress(f"[{number:,}/{len(messages):,}] {self.done:,} done, {len(self.kept):,} kept ...")
                try:
                    carry(message)
                except KeptError as kept:
                    self.kept.append(f"{message['MessageId']}: {kept}")
                    continue
                self.dead_letters.delete(message)
                waiting.remove(message)
                self.done += 1
        finally:
            for message in waiting:
                self.dead_letters.release(message)

    def _job(self) -> Any:
        """Return a function that sends a job back to the queue."""
        queue = Queue(self._sqs, self._function.queue or "")
        return lambda message: queue.send(message["Body"])

    def _change(self, message: dict[str, Any]) -> None:
        """Call the function with the change in a dead letter. Raise KeptError if that fails."""
        try:
            letter = loads(message["Body"], around=AROUND)
        except InvalidRequest:
            letter = None
        if not isinstance(letter, dict):
            raise KeptError("is not a dead letter of a function on changes")
        if isinstance(letter.get("change"), dict):
            answer = invoke(self._environment, self._function, dumps(letter["change"]))
            if "error" in answer:
                raise KeptError(describe(self._function, answer["error"]))
            return
        position = letter.get("DDBStreamBatchInfo")
        if not isinstance(position, dict):
            raise KeptError("has neither a change nor a position in a stream")
        client = self._environment.client("lambda", timeout=LONGEST_SECONDS + 20)
        for record in self._records(position):
            answer = _call(client, self._function, {"Records": [record]})
            if "error" in answer:
                raise KeptError(describe(self._function, answer["error"]))
            if answer.get("batchItemFailures"):
                raise KeptError(f"{self._function.key} failed: its log, /aws/lambda/{self._function.name}, says why.")

    def _records(self, position: dict[str, Any]) -> list[dict[str, Any]]:
        """Return a stream's records between two positions, as Lambda sends them. Raise KeptError if they are gone."""
        names = ("streamArn", "startSequenceNumber", "endSequenceNumber")
        arn, start, end = (str(position.get(name)) for name in names)
        table = arn.split("/")[1] if "/" in arn else arn
        gone = KeptError(
            f"has the position {start} to {end} in the stream of {table}, which no longer has these records: find out "
            "what changed, then delete the message"
        )
        streams = self._environment.client("dynamodbstreams")
        try:
            shard = position.get("shardId") or _shard_of(streams, arn, start)
            iterator = (
                shard
                and streams.get_shard_iterator(
                    StreamArn=arn, ShardId=shard, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=start
                )["ShardIterator"]
            )
            found: list[dict[str, Any]] = []
            while iterator and len(found) < int(position.get("batchSize", 1)):
                page = streams.get_records(ShardIterator=iterator)
                wanted = [each for each in page["Records"] if int(each["dynamodb"]["SequenceNumber"]) <= int(end)]
                found += wanted
                if len(wanted) < len(page["Records"]) or not page["Records"]:
                    break
                iterator = page.get("NextShardIterator")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in GONE:
                raise gone from None
            raise
        if not found:
            raise gone
        return [_as_sent(record, arn) for record in found]


def _shard_of(streams: Any, arn: str, sequence_number: str) -> str | None:
    """Return the shard with a position, or None if the stream no longer has it."""
    start: dict[str, str] = {}
    while True:
        found = streams.describe_stream(StreamArn=arn, **start)["StreamDescription"]
        for shard in found["Shards"]:
            within = shard["SequenceNumberRange"]
            last = within.get("EndingSequenceNumber", sequence_number)
            if int(within["StartingSequenceNumber"]) <= int(sequence_number) <= int(last):
                name: str = shard["ShardId"]
                return name
        if "LastEvaluatedShardId" not in found:
            return None
        start = {"ExclusiveStartShardId": found["LastEvaluatedShardId"]}


def _as_sent(record: dict[str, Any], arn: str) -> dict[str, Any]:
    """Return a record of a stream as Lambda sends it to a function."""
    data = {**record["dynamodb"]}
    data["ApproximateCreationDateTime"] = data["ApproximateCreationDateTime"].timestamp()
    sent = {**record, "dynamodb": data, "eventSourceARN": arn}
    if identity := sent.pop("userIdentity", None):
        sent["userIdentity"] = {"type": identity.get("Type"), "principalId": identity.get("PrincipalId")}
    plain: dict[str, Any] = json.loads(json.dumps(sent, default=lambda value: base64.b64encode(value).decode()))
    return plain


def run_redrive(options: argparse.Namespace) -> int:
    """Redrive a function's dead letters; return 1 if some stay."""
    environment: Environment = options.environment
    function = find(environment, options.function)
    redrive = Redrive(environment, function)

    def done() -> str:
        what = f"{redrive.done:,} {function.argument}{'' if redrive.done == 1 else 's'}"
        if function.kind == "changes":
            return f"{what} {'was' if redrive.done == 1 else 'were'} processed"
        return f"{what} went back to {function.queue}"

    try:
        redrive.run(options.progress)
    except (UserError, BotoCoreError, ClientError, KeyboardInterrupt) as error:
        why = "Stopped." if isinstance(error, KeyboardInterrupt) else f"{str(error).rstrip('.')}."
        raise UserError(
            f"{why} So far {done()}; the others are in {redrive.dead_letters.name}.",
            130 if isinstance(error, KeyboardInterrupt) else 1,
        ) from error
    if not redrive.done and not redrive.kept:
        print_note(f"{redrive.dead_letters.name} is empty: there is nothing to redrive.")
        return 0
    for line in redrive.kept:
        print_note(line)
    kept = len(redrive.kept)
    stay = f" {kept:,} {'stays' if kept == 1 else 'stay'} in {redrive.dead_letters.name}." if kept else ""
    print_note(f"{done()}.{stay}")
    return 1 if kept else 0
