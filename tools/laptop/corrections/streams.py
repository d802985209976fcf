"""Correct DynamoDB streams: keep them over a restart, add expired items, and read them for functions as Lambda does.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

import copy
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tools.laptop.corrections import Params
from tools.laptop.corrections.rights import is_allowed

READING = ("GetRecords", "GetShardIterator", "DescribeStream")

# Attributes of ministack's dynamodb: the records of streams, the numbers of trimmed ones, and disabled streams.
STORES = ("_stream_records", "_stream_trimmed", "_closed_streams")

EXPIRY_THREAD = "dynamodb-ttl-reaper"
# As in functions' events. GetRecords capitalizes the keys.
EXPIRY_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

SLOWEST_RETRY = 10.0  # the longest time in seconds between two calls with the same records


@dataclass
class Batch:
    """Records that a function has not processed yet, each with its position in the stream."""

    records: list[tuple[int, Params]]
    failed: int = 0  # number of calls with these records
    due: float = 0.0  # seconds since the epoch


@dataclass
class Reading:
    """The progress of a mapping: the remaining records of the last read, and the position of its end."""

    end: int
    batches: list[Batch] = field(default_factory=list)

    @property
    def position(self) -> int:
        """The position of the first record that the function has not processed."""
        return self.batches[0].records[0][0] if self.batches else self.end


def correct(functions: Any, tables: Any, queues: Any, metrics: Any, *, evaluator: Any, background: Any) -> None:
    """Correct ministack.services.dynamodb, and how ministack.services.lambda_svc reads streams."""
    correct_saved_streams(tables)
    correct_expiry(tables, background)
    correct_batch_sizes(functions)
    correct_reading(functions, tables, queues, metrics, evaluator=evaluator, background=background)


def correct_saved_streams(tables: Any) -> None:
    """Correct restarts: records are lost but functions' positions are kept, so later records are skipped."""
    get_state, load_state = tables.get_state, tables.load_persisted_state

    def get_state_with_streams() -> Params:
        state: Params = get_state()
        return state | {name: copy.deepcopy(getattr(tables, name)) for name in STORES}

    def load_state_with_streams(state: Params) -> Any:
        for name in STORES:
            getattr(tables, name).update(state.get(name, {}))
        return load_state(state)

    tables.get_state, tables.load_persisted_state = get_state_with_streams, load_state_with_streams


def correct_expiry(tables: Any, background: Any) -> None:
    """Correct expiry: expired items have no record in the stream."""
    remove, build = tables._remove_item, tables._build_change_record

    def remove_and_record(table: Params, partition: Any, sort: Any) -> Any:
        item = remove(table, partition, sort)
        if item is not None and is_expiry():
            _, _, _, region, account, resource = table["TableArn"].split(":", 5)
            event = (resource.partition("/")[2], "REMOVE", item, None)
            background.run_for(account, region, tables._emit_stream_event, *event)
            background.mark_changed()
        return item

    def build_with_identity(*arguments: Any) -> Params:
        record: Params = build(*arguments)
        return record | {"userIdentity": EXPIRY_IDENTITY} if is_expiry() else record

    tables._remove_item, tables._build_change_record = remove_and_record, build_with_identity


def correct_identities(streams: Any) -> None:
    """Correct GetRecords: it returns the userIdentity of expired items in a form that no SDK reads."""
    get_records = streams._get_records

    def get_records_with_identities(data: Params) -> Any:
        status, headers, body = get_records(data)
        if status != 200 or b'"userIdentity"' not in body:
            return status, headers, body
        found = json.loads(body)
        for record in found["Records"]:
            if identity := record.get("userIdentity"):
                record["userIdentity"] = {f"{name[0].upper()}{name[1:]}": value for name, value in identity.items()}
        return streams.json_response(found)

    streams._get_records = get_records_with_identities


def is_expiry() -> bool:
    """Return whether this thread deletes expired items."""
    return threading.current_thread().name == EXPIRY_THREAD


def correct_batch_sizes(functions: Any) -> None:
    """Correct aws_lambda_event_source_mapping: without a size, batches of a stream have 10 records instead of 100."""
    create = functions._create_esm

    def create_with_size(data: Params) -> Any:
        if ":dynamodb:" in data.get("EventSourceArn", ""):
            data.setdefault("BatchSize", 100)
        return create(data)

    functions._create_esm = create_with_size


def correct_reading(functions: Any, tables: Any, queues: Any, metrics: Any, *, evaluator: Any, background: Any) -> None:
    """Correct batches: failed ones are retried forever or never, responses are ignored, and roles are not checked."""
    readings: dict[str, Reading] = {}
    positions = functions._dynamodb_stream_positions

    def read(mapping: Params, table: str) -> Batch | None:
        """Return the next batch for the function, or None. Read the stream if no records of the last read remain."""
        name, size = mapping["UUID"], mapping["BatchSize"]
        start, end = tables.stream_start_position(table), tables.stream_end_position(table)
        if not (reading := readings.get(name)):
            first = start if mapping["StartingPosition"] == "TRIM_HORIZON" else end
            reading = readings[name] = Reading(positions.setdefault(name, first))
        if not reading.batches:
            position = min(max(reading.end, start), end)
            found = list(enumerate(tables.stream_records_since(table, position, size), position))
            if found and len(found) < size:
                came = created_at(found[0][1])
                if time.time() - came < mapping.get("MaximumBatchingWindowInSeconds", 0):
                    return None
            kept = [each for each in found if functions._apply_filter_criteria([each[1]], mapping)]
            reading.end = position + len(found)
            reading.batches = [Batch(kept)] if kept else []
            positions[name] = reading.position
        return reading.batches[0] if reading.batches and reading.batches[0].due <= time.time() else None

    def deliver(mapping: Params, function: Params, config: Params, batch: Batch) -> None:
        """Call the function with a batch, and record which records remain."""
        began = time.time()
        batch.due = began + SLOWEST_RETRY  # in case this call itself fails
        records = [record for _, record in batch.records]
        answer = functions._execute_function(function, {"Records": records})
        if answer.get("throttle"):
            batch.due = time.time() + 1
            return
        failed = bool(answer.get("error"))
        functions._emit_lambda_metrics(config["FunctionName"], (time.time() - began) * 1000, failed, throttle=False)
        age = time.time() - created_at(records[0])
        of = {"FunctionName": config["FunctionName"]}
        metrics.record_metric("AWS/Lambda", "IteratorAge", age * 1000, "Milliseconds", of)
        left, given_up = remaining_batches(mapping, batch, answer, age)
        if given_up:
            report(mapping, config, batch, answer, given_up)
        reading = readings[mapping["UUID"]]
        reading.batches[:1] = left
        positions[mapping["UUID"]] = reading.position
        mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if left else "OK"
        background.mark_changed()

    def report(mapping: Params, config: Params, batch: Batch, answer: Params, condition: str) -> None:
        """Send the position of discarded records to the mapping's destination."""
        target = mapping.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        if not target:
            return
        if ":sqs:" not in target or not is_allowed(evaluator, config["Role"], "sqs:SendMessage", target):
            background.log(f"The role of {config['FunctionName']} may not send discarded records to {target}.")
            return
        about = failure(mapping, config, batch, answer, condition)
        url = queues._queue_url(target.rpartition(":")[2])
        queues._act_send_message({"QueueUrl": url, "MessageBody": json.dumps(about)}, url)

    def poll_one(mapping: Params) -> bool:
        stream, name = mapping["EventSourceArn"], mapping["UUID"]
        table = stream.split("/")[1]
        function, config = functions._get_func_record_for_qualifier(mapping["FunctionName"], mapping["Qualifier"])
        is_busy = functions._esm_inflight.get(name, 0) > 0
        if is_busy or not function or tables._tables.get(table, {}).get("LatestStreamArn") != stream:
            return False
        lacking = [each for each in READING if not is_allowed(evaluator, config["Role"], f"dynamodb:{each}", stream)]
        if lacking:
            mapping["LastProcessingResult"] = f"PROBLEM: The function's role lacks dynamodb:{lacking[0]} on the stream."
            return False
        if (batch := read(mapping, table)) is None:
            return False
        functions._dispatch_esm_batch(name, deliver, mapping, function, config, batch)
        return True

    def poll() -> bool:
        busy = False
        known = list(functions._iter_all_esms())
        for gone in readings.keys() - {mapping["UUID"] for _, _, mapping in known}:
            del readings[gone]
        for account, region, mapping in known if background.is_serving else ():
            if ":dynamodb:" in mapping["EventSourceArn"] and mapping["Enabled"]:
                busy = background.run_for(account, region, poll_one, mapping) or busy
        return busy

    functions._poll_dynamodb_streams = poll


def created_at(record: Params) -> float:
    """Return when a record was written, in seconds since the epoch. Its number is more exact than its own time."""
    return int(record["dynamodb"]["SequenceNumber"][:20]) / 1000


def remaining_batches(mapping: Params, batch: Batch, answer: Params, age: float) -> tuple[list[Batch], str]:
    """Return the records to retry, and the reason to discard them, or an empty text."""
    records = batch.records
    if not answer.get("error"):
        if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or ()):
            return [], ""
        numbers = [record["dynamodb"]["SequenceNumber"] for _, record in records]
        named = failures(answer.get("body"), numbers)
        if not named:
            return [], ""
        if taken := min(numbers.index(number) for number in named):
            return [Batch(records[taken:])], ""
    if mapping.get("BisectBatchOnFunctionError") and len(records) > 1:
        half = len(records) // 2
        return [Batch(records[:half], batch.failed), Batch(records[half:], batch.failed)], ""
    most, oldest = mapping.get("MaximumRetryAttempts", -1), mapping.get("MaximumRecordAgeInSeconds", -1)
    if 0 < oldest < age:
        return [], "MaxRecordAgeExceeded"
    if 0 <= most <= batch.failed:
        return [], "RetryAttemptsExhausted"
    return [Batch(records, batch.failed + 1, time.time() + min(0.5 * 2**batch.failed, SLOWEST_RETRY))], ""


def failures(answer: Any, known: list[str]) -> list[str]:
    """Return the identifiers of the failed records in a function's response, or all if it cannot be read.

    An empty response names none.
    """
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except ValueError:
            return known
    found = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    named = [each.get("itemIdentifier") if isinstance(each, dict) else None for each in found or ()]
    return [name for name in known if name in named] if {*named} <= {*known} else known


def failure(mapping: Params, config: Params, batch: Batch, answer: Params, condition: str) -> Params:
    """Return the message about discarded records, which has their positions but not their content."""

    def format_time(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    records = [record for _, record in batch.records]
    said = {"functionError": "Unhandled"} if answer.get("error") else {}
    return {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": mapping["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": batch.failed + 1,
        },
        "responseContext": {"statusCode": 200, "executedVersion": config["Version"], **said},
        "version": "1.0",
        "timestamp": format_time(time.time()),
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000-00000000",
            "startSequenceNumber": records[0]["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": records[-1]["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": format_time(created_at(records[0])),
            "approximateArrivalOfLastRecord": format_time(created_at(records[-1])),
            "batchSize": len(records),
            "streamArn": mapping["EventSourceArn"],
        },
    }
