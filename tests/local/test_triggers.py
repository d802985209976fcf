"""Test the emulator's triggers of functions: streams, queues, schedules and rules; and secrets.

Each test creates its resources in an empty emulator, without Terraform.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tools.laptop.corrections import debugging
from tools.laptop.emulator import ACCOUNT, Emulator, Running, client, free_port

pytestmark = pytest.mark.slow

REGION, PATIENCE = "us-west-2", 120.0

# The functions' code: it records each call in the table `calls`.
CODE = """
import json, os, time
import boto3


def note(*said):
    key = f"{time.time():.6f}"
    item = {"id": {"S": key}, "by": {"S": os.environ["NAME"]}, "said": {"S": json.dumps(said)}}
    boto3.client("dynamodb").put_item(TableName="calls", Item=item)


def changes(event, context):
    failed = []
    for record in event["Records"]:
        name = record["dynamodb"]["Keys"]["id"]["S"]
        if name.startswith("poison"):
            failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    note(*[[r["eventName"], r["dynamodb"]["Keys"]["id"]["S"], r.get("userIdentity")] for r in event["Records"]])
    time.sleep(float(os.environ.get("SLEEP", "0")))
    return {"batchItemFailures": failed}


def job(event, context):
    (record,) = event["Records"]
    body = json.loads(record["body"])
    note(body, int(record["attributes"]["ApproximateReceiveCount"]))
    if "sleep" in body:
        time.sleep(body["sleep"])
    if "later" in body:
        boto3.client("sqs").change_message_visibility(
            QueueUrl=os.environ["URL"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=body["later"]
        )
    return {"batchItemFailures": [{"itemIdentifier": body["named"] or record["messageId"]}] if "named" in body else []}


def greeting(event, context):
    from app import greetings

    return greetings.greet(event)


def secret(event, context):
    return boto3.client("secretsmanager", region_name="eu-central-1").get_secret_value(SecretId=event)["SecretString"]
"""


GREETING = """
def greet(name):
    text = "Hello, " + name
    return text
"""


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def wait_until(holds: Callable[[], Any]) -> Any:
    """Wait for a true value; return it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@dataclass
class Aws:
    """An emulator and the tests' resources in it."""

    emulator: Emulator
    running: Running
    clients: dict[str, Any] = field(default_factory=dict)

    def __call__(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = client(service, self.running)
        return self.clients[service]

    def restart(self, kill: bool = False) -> None:
        """Stop or kill the emulator, and start it again on another port."""
        if kill:
            os.kill(self.running.pid, signal.SIGKILL)
            wait_until(lambda: self.emulator.running() is None)
        else:
            self.emulator.stop()
        self.running = self.emulator.start(free_port(), REGION)
        self.clients.clear()

    def function(self, handler: str, *statements: tuple[str, str], **environment: str) -> str:
        """Create a function with an alias `live` and a role that allows each (action, resource); return its name."""
        name = f"{handler}-{uuid.uuid4().hex[:8]}"
        allowed = [{"Effect": "Allow", "Action": action, "Resource": of} for action, of in statements]
        noting = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": arn("dynamodb", "table/calls")}
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as package:
            package.writestr("index.py", CODE)
            package.writestr("app/greetings.py", GREETING)
        self("lambda").create_function(
            FunctionName=name, Runtime="python3.13", Handler=f"index.{handler}", Timeout=20,
            Role=self.role(name, [*allowed, noting]), Code={"ZipFile": code.getvalue()},
            Environment={"Variables": {"NAME": name, **environment}},
            Publish=True,
        )  # fmt: skip
        self("lambda").create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        return name

    def role(self, name: str, statements: list[dict[str, str]]) -> str:
        """Create a role with one policy; return its ARN."""
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        self("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy([trust]))
        self("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(statements))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def table(self, **settings: Any) -> tuple[str, str]:
        """Create a table with a stream; return its name and the stream's ARN."""
        name = f"table-{uuid.uuid4().hex[:8]}"
        made = self("dynamodb").create_table(
            TableName=settings.pop("TableName", name), BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )  # fmt: skip
        return name, made["TableDescription"]["LatestStreamArn"]

    def put(self, table: str, name: str, **values: dict[str, str]) -> None:
        self("dynamodb").put_item(TableName=table, Item={"id": {"S": name}, **values})

    def queue(self, **attributes: str) -> tuple[str, str]:
        """Create a queue; return its name and URL."""
        name = f"queue-{uuid.uuid4().hex[:8]}"
        return name, self("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def count(self, url: str, kind: str = "") -> int:
        """Return the number of a queue's messages, or only of those in flight."""
        name = f"ApproximateNumberOfMessages{kind}"
        return int(self("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def messages(self, url: str) -> list[Any]:
        """Receive and return a queue's messages."""
        found = self("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"]) for each in found]

    def map(self, source: str, function: str, **settings: Any) -> str:
        """Map a stream or queue to a function; return the mapping's id."""
        if ":dynamodb:" in source:
            settings.setdefault("StartingPosition", "LATEST")
        made = self("lambda").create_event_source_mapping(
            EventSourceArn=source, FunctionName=f"{function}:live",
            FunctionResponseTypes=["ReportBatchItemFailures"], **settings,
        )  # fmt: skip
        return str(made["UUID"])

    def result(self, mapping: str) -> str:
        """Return the result of the mapping's last poll."""
        return str(self("lambda").get_event_source_mapping(UUID=mapping)["LastProcessingResult"])

    def calls(self, function: str) -> list[Any]:
        """Return a function's recorded calls, a list per call, oldest first."""
        found = self("dynamodb").scan(TableName="calls")["Items"]
        ours = sorted((each["id"]["S"], each["said"]["S"]) for each in found if each["by"]["S"] == function)
        return [json.loads(said) for _, said in ours]


def policy(statements: list[Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def stream_rights(stream: str) -> list[tuple[str, str]]:
    return [(f"dynamodb:{action}", stream) for action in ("GetRecords", "GetShardIterator", "DescribeStream")]


def queue_rights(name: str) -> list[tuple[str, str]]:
    actions = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
    return [(f"sqs:{action}", arn("sqs", name)) for action in actions]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    emulator = Emulator(Path(tmp_path_factory.mktemp("triggers")))
    made = Aws(emulator, emulator.start(free_port(), REGION))
    try:
        made.table(TableName="calls")
        yield made
    finally:
        emulator.stop()


def names(calls: list[Any]) -> list[str]:
    return [name for call in calls for _, name, _ in call]


def test_a_poison_record_is_isolated_and_given_up(aws: Aws) -> None:
    table, stream = aws.table()
    dead, url = aws.queue()
    function = aws.function("changes", *stream_rights(stream), ("sqs:SendMessage", arn("sqs", dead)))
    mapping = aws.map(
        stream, function, BatchSize=10, BisectBatchOnFunctionError=True, MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": arn("sqs", dead)}},
    )  # fmt: skip
    items = [{"PutRequest": {"Item": {"id": {"S": name}}}} for name in ("a", "b", "poison", "c")]
    aws("dynamodb").batch_write_item(RequestItems={table: items})
    wait_until(lambda: names(aws.calls(function))[-1:] == ["c"] and aws.count(url))
    # The calls: the whole batch, the part from the first failure on, the failed record alone, once
    # more, and the rest.
    assert [[name for _, name, _ in call] for call in aws.calls(function)] == [
        ["a", "b", "poison", "c"], ["poison", "c"], ["poison"], ["poison"], ["c"],
    ]  # fmt: skip
    (said,) = aws.messages(url)
    about = said["DDBStreamBatchInfo"]
    assert (said["requestContext"]["condition"], about["batchSize"]) == ("RetryAttemptsExhausted", 1)
    assert said["requestContext"]["approximateInvokeCount"] == 2
    # The message has the record's position, from which it can still be read.
    streams = aws("dynamodbstreams")
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=about["shardId"], ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=about["startSequenceNumber"],
    )["ShardIterator"]  # fmt: skip
    found = streams.get_records(ShardIterator=iterator, Limit=1)["Records"]
    assert found[0]["dynamodb"]["Keys"] == {"id": {"S": "poison"}}
    wait_until(lambda: aws.result(mapping) == "OK")


def test_only_records_that_match_a_filter_are_delivered(aws: Aws) -> None:
    table, stream = aws.table()
    function = aws.function("changes", *stream_rights(stream))
    shipped = {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"status": {"S": ["shipped"]}}}}
    filters = [{"Pattern": json.dumps(each)} for each in ({"eventName": ["REMOVE"]}, shipped)]
    aws.map(stream, function, FilterCriteria={"Filters": filters})
    for status in ("open", "packed", "shipped", "shipped"):  # the last write changes nothing
        aws.put(table, "a", status={"S": status})
    aws("dynamodb").delete_item(TableName=table, Key={"id": {"S": "a"}})
    wait_until(lambda: names(aws.calls(function))[1:])
    assert [record[0] for call in aws.calls(function) for record in call] == ["MODIFY", "REMOVE"]


def test_functions_read_only_what_their_roles_allow(aws: Aws) -> None:
    table, stream = aws.table()
    name, url = aws.queue()
    function = aws.function("changes")
    reading, taking = aws.map(stream, function), aws.map(arn("sqs", name), function)
    aws.put(table, "a")
    aws("sqs").send_message(QueueUrl=url, MessageBody="{}")
    wait_until(lambda: "lacks dynamodb:GetRecords" in aws.result(reading))
    wait_until(lambda: "lacks sqs:ReceiveMessage" in aws.result(taking))
    assert aws.calls(function) == []
    assert aws.count(url) == 1
    allowed = [{"Effect": "Allow", "Action": action, "Resource": of} for action, of in stream_rights(stream)]
    allowed.append({"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": arn("dynamodb", "table/calls")})
    aws("iam").put_role_policy(RoleName=function, PolicyName="p", PolicyDocument=policy(allowed))
    wait_until(lambda: names(aws.calls(function)) == ["a"])


@pytest.mark.parametrize("kill", [False, True], ids=["restart", "kill"])
def test_no_record_and_no_message_is_lost(aws: Aws, kill: bool) -> None:
    table, stream = aws.table()
    name, url = aws.queue(VisibilityTimeout="3600")
    function = aws.function("changes", *stream_rights(stream), SLEEP="0.1")
    job = aws.function("job", *queue_rights(name))
    aws.map(stream, function, BatchSize=5)
    aws.map(arn("sqs", name), job)
    aws("sqs").send_message(QueueUrl=url, MessageBody='{"sleep": 8}')
    wait_until(lambda: aws.calls(job))
    aws("sqs").send_message(QueueUrl=url, MessageBody='{"second": true}', DelaySeconds=3)
    for number in range(40):
        aws.put(table, f"n{number:02}")
    assert aws.emulator.save(aws.running) == ""
    aws.restart(kill)
    for number in range(40, 50):
        aws.put(table, f"n{number:02}")
    wait_until(lambda: {*names(aws.calls(function))} == {f"n{number:02}" for number in range(50)})
    # The interrupted call is repeated at once, not only when its message becomes visible.
    wait_until(lambda: [call for call in aws.calls(job) if call[0] == {"sleep": 8}][1:])
    wait_until(lambda: [call for call in aws.calls(job) if call[0] == {"second": True}])
    wait_until(lambda: not aws.count(url) and not aws.count(url, "NotVisible"))


def test_expired_items_are_distinguished_from_deleted_ones(aws: Aws) -> None:
    table, stream = aws.table()
    function = aws.function("changes", *stream_rights(stream))
    aws.map(stream, function, FilterCriteria={"Filters": [{"Pattern": '{"eventName": ["REMOVE"]}'}]})
    aws("dynamodb").update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    aws.put(table, "deleted")
    aws("dynamodb").delete_item(TableName=table, Key={"id": {"S": "deleted"}})
    aws.put(table, "expired", expires={"N": "1"})
    wait_until(lambda: len(names(aws.calls(function))) == 2)
    by = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert [record for call in aws.calls(function) for record in call] == [
        ["REMOVE", "deleted", None], ["REMOVE", "expired", by],
    ]  # fmt: skip
    shards = {"StreamArn": stream, "ShardId": "shardId-00000000000000000000-00000000"}
    streams = aws("dynamodbstreams")
    iterator = streams.get_shard_iterator(**shards, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = streams.get_records(ShardIterator=iterator)["Records"]
    assert found[-1]["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def test_a_message_is_retried_after_its_delay_and_then_a_dead_letter(aws: Aws) -> None:
    dead, dead_url = aws.queue()
    redrive = json.dumps({"deadLetterTargetArn": arn("sqs", dead), "maxReceiveCount": 2})
    name, url = aws.queue(VisibilityTimeout="3600", RedrivePolicy=redrive)
    function = aws.function("job", *queue_rights(name), URL=url)
    aws.map(arn("sqs", name), function, BatchSize=1)
    aws("sqs").send_message(QueueUrl=url, MessageBody='{"named": "", "later": 1}')
    wait_until(lambda: aws.count(dead_url))
    assert [attempt for _, attempt in aws.calls(function)] == [1, 2]
    assert aws.count(url) + aws.count(url, "NotVisible") == 0
    # A response that names a message outside the batch fails the whole batch.
    aws("sqs").send_message(QueueUrl=url, MessageBody='{"named": "another"}')
    wait_until(lambda: aws.count(url, "NotVisible") and len(aws.calls(function)) == 3)
    aws("sqs").send_message(QueueUrl=url, MessageBody="{}")
    wait_until(lambda: len(aws.calls(function)) == 4)
    wait_until(lambda: aws.count(url, "NotVisible") == 1)


def test_another_version_of_the_alias_takes_over(aws: Aws) -> None:
    name, url = aws.queue()
    function = aws.function("job", *queue_rights(name))
    aws.map(arn("sqs", name), function)
    aws("sqs").send_message(QueueUrl=url, MessageBody='{"turn": 1}')
    wait_until(lambda: aws.calls(function))
    aws("lambda").update_function_configuration(
        FunctionName=function, Environment={"Variables": {"NAME": f"{function}-2"}}
    )
    aws("lambda").get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05})
    version = aws("lambda").publish_version(FunctionName=function)["Version"]
    aws("lambda").update_alias(FunctionName=function, Name="live", FunctionVersion=version)
    aws("sqs").send_message(QueueUrl=url, MessageBody='{"turn": 2}')
    wait_until(lambda: aws.calls(f"{function}-2"))
    assert aws.calls(function) == [[{"turn": 1}, 1]]


def test_a_schedule_sends_its_time_and_survives_a_restart(aws: Aws) -> None:
    name, url = aws.queue()
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn("sqs", name)}
    text = {"id": "<aws.scheduler.execution-id>", "at": "<aws.scheduler.scheduled-time>", "body": None}
    roles = {
        "may": aws.role(f"{name}-may", [allowed]),
        "may-not": aws.role(f"{name}-may-not", [allowed | {"Action": "sqs:ReceiveMessage"}]),
    }
    for kind, role in roles.items():
        aws("scheduler").create_schedule(
            Name=f"{name}-{kind}", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": arn("sqs", name), "RoleArn": role, "Input": json.dumps(text | {"by": kind})},
        )  # fmt: skip
    made = aws("scheduler").get_schedule(Name=f"{name}-may")["CreationDate"]
    wait_until(lambda: aws.count(url))
    (said,) = aws.messages(url)
    assert said == {"id": said["id"], "at": f"{made:%Y-%m-%dT%H:%M:%SZ}", "body": None, "by": "may"}
    assert str(uuid.UUID(said["id"])) == said["id"]
    wait_until(lambda: "may-not does not allow sqs:SendMessage" in aws.emulator.log.read_text())
    aws.restart()
    time.sleep(3)  # schedules are checked each second
    assert aws.messages(url) == []


def test_a_rule_sends_matching_events_if_the_queue_allows_it(aws: Aws) -> None:
    name, url = aws.queue()
    bus, events = f"bus-{name}", aws("events")
    events.create_event_bus(Name=bus)
    pattern = {"source": ["shop"], "detail-type": ["Made"], "detail": {"bucket": {"name": ["a.b"]}}}
    rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn("sqs", name)}])

    def send(bucket: str, at: str = bus) -> None:
        detail = json.dumps({"bucket": {"name": bucket}, "key": bucket})
        entry = {"Source": "shop", "DetailType": "Made", "Detail": detail, "EventBusName": at}
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    send("a.b")
    wait_until(lambda: f"{name} is dropped: the queue's policy" in aws.emulator.log.read_text())
    assert aws.messages(url) == []
    allowed = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn("sqs", name), "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }  # fmt: skip
    # Requests count as encrypted here, since they do not leave the machine.
    tls_only = {
        "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": arn("sqs", name),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy([tls_only, allowed])})
    for bucket, at in (("a.c", bus), ("a.b", "default"), ("a.b", bus)):
        send(bucket, at)
    (event,) = wait_until(lambda: aws.messages(url))
    assert (event["source"], event["detail-type"], event["detail"]["key"]) == ("shop", "Made", "a.b")
    assert aws.messages(url) == []


def test_secrets_of_any_account_are_emulated_and_new_values_apply_at_once(aws: Aws) -> None:
    foreign = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-{uuid.uuid4().hex[:6]}"
    reader = aws.function("secret", ("secretsmanager:GetSecretValue", foreign), FUNCTION=json.dumps({"key": foreign}))
    other = aws.function("secret")

    def ask(function: str) -> Any:
        answer = aws("lambda").invoke(FunctionName=f"{function}:live", Payload=json.dumps(foreign))
        return json.loads(answer["Payload"].read())

    assert "ResourceNotFoundException" in ask(reader)["errorMessage"]
    assert aws("secretsmanager").create_secret(Name=foreign, SecretString="1")["ARN"] == foreign
    assert ask(reader) == "1"
    assert "AccessDenied" in ask(other)["errorMessage"]
    known = worker_ids(aws)
    aws("secretsmanager").put_secret_value(SecretId=foreign, SecretString="2")
    assert ask(reader) == "2"
    wait_until(lambda: known.keys() - worker_ids(aws).keys())  # a new process has an empty cache
    aws.restart()
    assert ask(reader) == "2"


def worker_ids(aws: Aws) -> dict[str, Any]:
    """Return the ids of the functions' processes."""
    return {folder.name: folder for folder in (aws.emulator.folder / "tmp").glob("ministack-lambda-secret-*")}


class Debugger:
    """An editor's client of the Debug Adapter Protocol."""

    def __init__(self, port: int) -> None:
        self.socket = wait_until(lambda: self._connect(port))
        self.socket.settimeout(PATIENCE)
        self.stream, self.sent = self.socket.makefile("rwb"), 0

    @staticmethod
    def _connect(port: int) -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            return None

    def send(self, command: str, **arguments: Any) -> None:
        self.sent += 1
        body = json.dumps({"seq": self.sent, "type": "request", "command": command, "arguments": arguments}).encode()
        self.stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.stream.flush()

    def receive(self, kind: str, name: str) -> Any:
        """Return the body of the next event or response with this name; ignore all before it."""
        while True:
            size = 0
            while line := self.stream.readline().strip():
                size = int(line.partition(b":")[2])
            message = json.loads(self.stream.read(size))
            if message["type"] == kind and message.get("event", message.get("command")) == name:
                return message.get("body")


def test_a_debugger_stops_in_the_project_and_suspends_time_limits(aws: Aws, tmp_path: Path) -> None:
    function = aws.function("greeting")
    (tmp_path / "app").mkdir()
    file = tmp_path / "app" / "greetings.py"
    file.write_text(GREETING)

    def call(function: str) -> Any:
        answer = client("lambda", aws.running).invoke(FunctionName=f"{function}:live", Payload=b'"Ada"')
        return json.loads(answer["Payload"].read())

    assert call(function) == "Hello, Ada"
    aws("lambda").update_function_configuration(FunctionName=function, Timeout=1)
    aws("lambda").get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05})
    version = aws("lambda").publish_version(FunctionName=function)["Version"]
    aws("lambda").update_alias(FunctionName=function, Name="live", FunctionVersion=version)
    port = free_port()
    asked = aws.emulator.folder / debugging.FILE
    asked.write_text(json.dumps({"function": function, "port": port, "app": str(file.parent)}))
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(call, function)
        debugger = Debugger(port)
        try:
            debugger.send("initialize", adapterID="test", pathFormat="path", linesStartAt1=True)
            debugger.send("attach", justMyCode=False)
            debugger.receive("event", "initialized")
            debugger.send("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": 4}])
            debugger.send("configurationDone")
            stopped = debugger.receive("event", "stopped")
            debugger.send("stackTrace", threadId=stopped["threadId"])
            frame = debugger.receive("response", "stackTrace")["stackFrames"][0]
            assert (frame["source"]["path"], frame["line"]) == (str(file), 4)
            time.sleep(2)  # longer than the function's time limit
            assert not answer.done()
            debugger.send("evaluate", expression="text", frameId=frame["id"])
            assert debugger.receive("response", "evaluate")["result"] == "'Hello, Ada'"
            debugger.send("continue", threadId=stopped["threadId"])
            assert answer.result() == "Hello, Ada"
        finally:
            debugger.socket.shutdown(socket.SHUT_RDWR)  # without a debugger the call goes on
    asked.unlink()
    assert call(function) == "Hello, Ada"
    assert not (tmp_path / "app" / "__pycache__").exists()
