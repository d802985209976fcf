"""Run own functions in this process: their queues and secrets are moto's, and so are the changes of its tables."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pytest

from tools.testing.clock import Clock
from tools.testing.tables import backend

CALLS = 1_000  # the most that one deliver() makes
ACCOUNT = "123456789012"  # moto's
# Calls a function by its name with an event: (function, event, seconds) -> what it returns.
Invoke = Callable[[str, Mapping[str, Any], float], Any]


@lru_cache
def aws(service: str, region: str) -> Any:
    """Return a boto3 client, which moto answers."""
    from boto3.session import Session

    find: Any = Session().client
    return find(service, region_name=region)


class Secrets(MutableMapping[str, str]):
    """The values of secrets, by their keys in `secrets` in the tfvars. A test sets those that it needs."""

    def __init__(self, arns: Mapping[str, set[str]]) -> None:
        self._arns = arns
        self._values: dict[str, str] = {}

    def __setitem__(self, name: str, value: str) -> None:
        from moto.secretsmanager.models import secretsmanager_backends

        if name not in self._arns:
            known = ", ".join(sorted(self._arns)) or "none"
            raise ValueError(f'No function has a secret "{name}". Declared: {known}.')
        for arn in self._arns[name]:
            region = _region(arn)
            client = aws("secretsmanager", region)
            if name in self._values:
                client.put_secret_value(SecretId=arn, SecretString=value)
            else:
                made = client.create_secret(Name=arn.rpartition(":")[2], SecretString=value)
                store = secretsmanager_backends[ACCOUNT][region].secrets
                store[made["Name"]].arn = arn  # of the account and region in the tfvars
        self._values[name] = value

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        for arn in self._arns[name]:
            aws("secretsmanager", _region(arn)).delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _region(arn: str) -> str:
    return arn.split(":")[3]


class OwnFunctions:
    """The functions of a system, their queues, and the changes that they handle."""

    def __init__(
        self, functions: Mapping[str, Any], tables: Mapping[str, str], region: str, clock: Clock, invoke: Invoke
    ) -> None:
        """Create the empty queues. tables: the names of tables by entity."""
        self._functions = functions
        self._tables = tables
        self._region = region
        self._clock = clock
        self._invoke = invoke
        self._positions: dict[tuple[str, str], int] = {}
        self._repeated: set[str] = set()
        self._calls = 0
        self._failures: list[BaseException] = []
        arns: dict[str, set[str]] = {}
        for each in functions.values():
            for name, arn in each["secrets"].items():
                arns.setdefault(name, set()).add(arn)
            self._make_queues(each)
        self.secrets = Secrets(arns)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Record the exceptions of own code, which a function's response lacks, and let queues see the clock."""
        import moto.dynamodb.models.table
        import moto.sqs.models

        from trestle import app
        from trestle.own.function import Function

        call = Function.call

        def noting(function: Any, *arguments: Any) -> Any:
            try:
                return call(function, *arguments)
            except app.Retry:
                raise
            except BaseException as error:
                self._failures.append(error.__cause__ or error)
                raise

        patch.setattr(Function, "call", noting)
        patch.setattr(moto.dynamodb.models.table, "utcnow", self._utcnow)
        patch.setattr(moto.sqs.models, "unix_time", lambda *_: self._clock.time())
        patch.setattr(moto.sqs.models, "unix_time_millis", lambda *_: self._clock.time() * 1000)

    def _utcnow(self) -> datetime:
        """Return the time in moto's form: in UTC, without a time zone."""
        return datetime.fromtimestamp(self._clock.time(), UTC).replace(tzinfo=None)

    def run(self, name: str, body: Any = None) -> None:
        """Run a job of a function, and the jobs that it continues with Again."""
        from trestle.strict_json import dumps

        queue = self._named(name)["queue"]
        self._calls = 0
        answer = self._call(name, {"trestle": {"job": dumps({"body": body})}})
        if "error" in answer:
            raise self._failure(name, f"failed with {answer['error']['type']}")
        while self._deliver_job(queue, name, twice=False, retry=False):
            pass

    def send(self, name: str, body: Any) -> None:
        """Send a job to a function's queue."""
        from trestle.clock import now
        from trestle.strict_json import dumps

        text = dumps({"id": str(uuid.uuid4()), "at": now(), "body": body, "turn": 0})
        aws("sqs", self._region).send_message(QueueUrl=self._url(self._named(name)["queue"]), MessageBody=text)

    def emit(self, source: str, type: str, detail: Mapping[str, Any]) -> list[str]:
        """Put an event into the queues of the functions whose rules match it. Return their names."""
        from trestle.strict_json import dumps

        event = {
            "version": "0", "id": str(uuid.uuid4()), "detail-type": type, "source": source, "account": ACCOUNT,
            "time": datetime.fromtimestamp(self._clock.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region, "resources": [], "detail": dict(detail),
        }  # fmt: skip
        taken = [
            name for name, each in self._functions.items() if each["event"] and _matches_pattern(each["event"], event)
        ]
        for name in taken:
            url = self._url(self._functions[name]["queue"])
            aws("sqs", self._region).send_message(QueueUrl=url, MessageBody=dumps(event))
        return taken

    def jobs(self, name: str) -> list[Any]:
        """Return the bodies of the jobs in a function's queue."""
        return self._letters(name, self._named(name)["queue"])

    def dead_letters(self, name: str) -> list[Any]:
        """Return the dead letters of a function."""
        known = sorted(each for each, facts in self._functions.items() if facts["dead_letters"])
        if name not in known:
            raise ValueError(f'There is no function "{name}" with dead letters. Use one of {", ".join(known)}.')
        return self._letters(name, self._functions[name]["dead_letters"])

    def deliver(self, delete_expired: Callable[[], None], *, twice: bool, retry: bool) -> None:
        """Deliver changes and jobs until none is due."""
        self._calls = 0
        while True:
            delete_expired()
            found = [
                self._deliver_change(name, entity, twice=twice, retry=retry)
                for name, each in self._functions.items()
                for entity in each["changes"]
            ]
            found += [
                self._deliver_job(each["queue"], name, twice=twice, retry=retry)
                for name, each in self._functions.items()
                if each["queue"]
            ]
            if not any(found) and not (retry and self._advance_to_next_job()):
                return

    # --- Changes

    def _deliver_change(self, name: str, entity: str, *, twice: bool, retry: bool) -> bool:
        """Deliver the next change of an entity to a function. Return whether there was one."""
        place = (name, entity)
        position = self._positions.get(place, 0)
        records = self._stream(entity).items
        if position >= len(records):
            return False
        place_of_table = f"{self._region}:{ACCOUNT}:table/{self._tables[entity]}"
        found = records[position].to_json()
        moment = found["dynamodb"]["ApproximateCreationDateTime"].replace(tzinfo=UTC).timestamp()
        record = {
            **found,
            "awsRegion": self._region,
            "dynamodb": {**found["dynamodb"], "ApproximateCreationDateTime": moment},
            "eventSourceARN": f"arn:aws:dynamodb:{place_of_table}/stream/2027-01-01T00:00:00.000",
        }
        for _ in range(2 if twice else 1):
            while self._call(name, {"Records": [record]})["batchItemFailures"]:
                if not retry:
                    raise self._failure(name, "asks to receive a change again")
        self._positions[place] = position + 1
        return True

    def _stream(self, entity: str) -> Any:
        return backend().tables[self._tables[entity]].stream_shard

    # --- Jobs

    def _deliver_job(self, queue: str, name: str, *, twice: bool, retry: bool) -> bool:
        """Deliver the next due job to a function. Return whether there was one."""
        sqs, url = aws("sqs", self._region), self._url(queue)
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, AttributeNames=["All"]).get("Messages", ())
        for message in found:
            event = {"Records": [_record(message, queue, self._region)]}
            known = self._ids()
            with self._sent_now(queue, message["MessageId"]):
                failed = self._call(name, event)["batchItemFailures"]
            if failed and self._failures and not retry:
                raise self._failure(name, "failed")
            if failed:
                return True
            if message["MessageId"] in self._repeated:
                self._repeated |= self._ids() - known
            elif twice:
                known = self._ids()
                if self._call(name, event)["batchItemFailures"]:
                    raise self._failure(name, "fails if a job that it has done is delivered again")
                self._repeated |= self._ids() - known  # a repetition is not repeated again
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bool(found)

    @contextmanager
    def _sent_now(self, queue: str, message_id: str) -> Iterator[None]:
        """Hide a message for up to 12 hours from now. Moto would count the limit from the time at which it was sent."""
        message = next(each for each in self._messages(queue) if each.id == message_id)
        sent, message.sent_timestamp = message.sent_timestamp, self._clock.time() * 1000
        try:
            yield
        finally:
            message.sent_timestamp = sent

    def _advance_to_next_job(self) -> bool:
        """Move the clock forward to the next job. Return False if there is none."""
        waiting = [
            max(message.visible_at, message.delayed_until)
            for each in self._functions.values()
            if each["queue"]
            for message in self._messages(each["queue"])
        ]
        if not waiting:
            return False
        self._clock.advance(milliseconds=max(min(waiting) - self._clock.time() * 1000, 0) + 1)
        return True

    # --- Calls

    def _call(self, name: str, event: Mapping[str, Any]) -> Any:
        self._calls += 1
        if self._calls > CALLS:
            raise AssertionError(
                f"{name} was called {CALLS} times by one deliver(). Does it endlessly send itself jobs?"
            )
        self._failures.clear()
        return self._invoke(name, event, self._functions[name]["timeout"])

    def _failure(self, name: str, what: str) -> BaseException:
        """Return the exception that a function has raised."""
        return self._failures[-1] if self._failures else AssertionError(f"The function {name} {what}. See its log.")

    def _named(self, name: str) -> Mapping[str, Any]:
        """Return a function with a queue."""
        known = sorted(each for each, facts in self._functions.items() if facts["queue"])
        if name not in known:
            raise ValueError(f'There is no function "{name}" with jobs. Use one of {", ".join(known)}.')
        found: Mapping[str, Any] = self._functions[name]
        return found

    # --- Queues

    def _make_queues(self, facts: Mapping[str, Any]) -> None:
        sqs = aws("sqs", self._region)
        if facts["dead_letters"]:
            sqs.create_queue(QueueName=facts["dead_letters"])
        if facts["queue"]:
            arn = f"arn:aws:sqs:{self._region}:{ACCOUNT}:{facts['dead_letters']}"
            policy = {"deadLetterTargetArn": arn, "maxReceiveCount": facts["attempts"]}
            hidden = str(2 * int(facts["timeout"]))
            attributes = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": hidden}
            sqs.create_queue(QueueName=facts["queue"], Attributes=attributes)

    def _url(self, queue: str) -> str:
        return f"https://sqs.{self._region}.amazonaws.com/{ACCOUNT}/{queue}"

    def _messages(self, queue: str) -> list[Any]:
        from moto.sqs.models import sqs_backends

        found: list[Any] = sqs_backends[ACCOUNT][self._region].queues[queue]._messages
        return found

    def _ids(self) -> set[str]:
        """Return the ids of all messages of functions' queues."""
        queues = [each["queue"] for each in self._functions.values() if each["queue"]]
        return {message.id for queue in queues for message in self._messages(queue)}

    def _letters(self, name: str, queue: str) -> list[Any]:
        bodies = [json.loads(message.body, parse_float=Decimal) for message in self._messages(queue)]
        is_job = self._functions[name]["kind"] in ("job", "queue", "schedule")
        return [body["body"] if is_job else body for body in bodies]


def _record(message: Mapping[str, Any], queue: str, region: str) -> dict[str, Any]:
    """Return a message in the form that Lambda passes to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{region}:{ACCOUNT}:{queue}",
        "awsRegion": region,
    }


def _matches_pattern(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether the rule of a function matches an event."""
    if pattern["source"] != event["source"] or (pattern["types"] and event["detail-type"] not in pattern["types"]):
        return False
    for path, values in pattern["detail"].items():
        found: Any = event["detail"]
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found not in values:
            return False
    return True
