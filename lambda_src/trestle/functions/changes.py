"""Functions on changes: each record of the tables' streams becomes a Change, and calls the function.

Lambda delivers the records of one shard in order, in batches, and expects the positions of those that failed. It then
retries all records from the first failure on, so this module remembers later records that succeeded, and skips them.
Changes of one item are handled in order. Source: "Process DynamoDB records with Lambda" and "Configuring partial batch
response with DynamoDB" in the Lambda developer guide.
"""

from __future__ import annotations

from trestle import app
from trestle.clock import timestamp
from trestle.entity import Entity
from trestle.functions.messages import change_view
from trestle.functions.units import Time, Unit, Worker, fault_of
from trestle.item import split_key
from trestle.own.messages import MAX_MESSAGE_BYTES
from trestle.own.values import public_item
from trestle.store.queues import send_message
from trestle.store.records import EXPIRES, InvalidRecordError, item_of
from trestle.strict_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from trestle.item import Item
    from trestle.own.function import Function

# The attempt after which a change moves to the dead-letter queue.
ATTEMPTS = 5
# The number of failed and completed changes to remember, which exceeds a batch.
_REMEMBERED = 10_000  # changes
IMPORT = "import"


class Subscription:
    """The changes that a function handles."""

    __slots__ = ("_entities", "_filters", "_imports", "_writer")

    def __init__(self, name: str, config: Mapping[str, Any]) -> None:
        """Read the members of FUNCTION. name: the function's name."""
        self._entities = {table: Entity(entity, table) for table, entity in config["tables"].items()}
        self._filters: dict[str, list[dict[str, Any]]] = config["changes"]
        self._imports = bool(config.get("imports"))
        self._writer = f"function:{name}"

    def changes_of(self, record: Mapping[str, Any]) -> list[app.Change]:
        """Return the changes in a stream's record that the function handles.

        A new item that replaces an expired one is two changes: "expired" and "created". Raise InvalidRecordError for a
        record that is not an item.
        """
        data = record["dynamodb"]
        entity = self._entities[record["eventSourceARN"].split("/")[1]]
        after, before = data.get("NewImage"), data.get("OldImage")
        writer = after.get("write", {}).get("S", "").rpartition("/")[0] if after else ""
        is_ignored = writer == self._writer or (writer == IMPORT and not self._imports)
        change_id: str = record["eventID"]
        found: list[tuple[str, Item, Item | None, str]] = []  # kind, item, item before, id
        old = _item_or_none(entity, before)
        if not after:
            kind = "expired" if _is_time_to_live(record) else "deleted"
            found.append((kind, old or item_of(entity, before), None, change_id))
        elif old and _has_expired(before, data):
            found.append(("expired", old, None, f"{change_id}-expired"))
            if not is_ignored:
                found.append(("created", item_of(entity, after), None, change_id))
        elif not is_ignored:
            new = item_of(entity, after)
            if not old:
                found.append(("created", new, None, change_id))
            elif old.state != new.state or before["doc"] != after["doc"]:  # otherwise a reindex, which is not a change
                found.append(("updated", new, old, change_id))
        owner, _ = split_key((after or before)["id"]["S"])
        at = timestamp(int(data["ApproximateCreationDateTime"] * 1_000_000))
        filters = self._filters[entity.name] or [{}]
        return [
            app.Change(
                entity.name, kind, public_item(item, owner),
                before=public_item(previous, owner) if previous else None, id=own_id, at=at,
            )
            for kind, item, previous, own_id in found
            if any(_admits(each, kind, item, previous) for each in filters)
        ]  # fmt: skip


def _item_or_none(entity: Entity, record: Mapping[str, Any] | None) -> Item | None:
    """Return a record's item, None if there is no record or another program wrote something else."""
    try:
        return item_of(entity, record) if record else None
    except InvalidRecordError:
        return None


def _is_time_to_live(record: Mapping[str, Any]) -> bool:
    """Return whether DynamoDB deleted the item because it expired."""
    identity = record.get("userIdentity") or {}
    return identity.get("type") == "Service" and identity.get("principalId") == "dynamodb.amazonaws.com"


def _has_expired(before: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Return whether a new item has replaced an expired one."""
    expires = before.get(EXPIRES, {}).get("N")
    is_another = before["createdAt"] != data["NewImage"].get("createdAt")
    return is_another and expires is not None and float(expires) <= data["ApproximateCreationDateTime"] + 1


def _admits(each: Mapping[str, Any], kind: str, item: Item, before: Item | None) -> bool:
    """Return whether a filter accepts a change."""
    if each.get("kind") not in (None, kind):
        return False
    becomes = each.get("becomes") or {}
    if becomes and kind not in ("created", "updated"):
        return False
    return all(
        _is_written(item.doc, name, text) and not (before and _is_written(before.doc, name, text))
        for name, text in becomes.items()
    )


def _is_written(doc: Mapping[str, Any], name: str, text: str) -> bool:
    """Return whether a property has the value that the tfvars give as a text: a text, or a scalar as JSON."""
    value = doc.get(name, ...)
    if value is ... or isinstance(value, dict | list):
        return False
    if isinstance(value, str):
        return value == text
    try:
        wanted = loads(text)
    except Exception:  # not JSON, so it can only be a text
        return False
    if value is None or wanted is None or isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


def handler(function: Function) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the Lambda handler of a function on changes."""
    return _Changes(function).handle


class _Changes:
    def __init__(self, function: Function) -> None:
        self._worker = Worker(function)
        self._subscription = Subscription(function.name, function.config)
        self._dead_letters: str = function.config["dead_letters"]
        # By the change's id. Completed changes are remembered while an earlier one in the stream fails.
        self._failures: dict[str, int] = {}
        self._done: dict[str, bool] = {}

    def handle(self, event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        """Handle a batch of records, and return the positions of the failures."""
        left = Time(lambda_context)
        failed: list[str] = []
        blocked: set[str] = set()  # the keys of items whose later changes have to wait
        for index, record in enumerate(event["Records"]):
            data = record["dynamodb"]
            key = f"{record['eventSourceARN']} {data['Keys']['id']['S']}"
            if key in blocked or (index and left.is_up()) or not self._is_done(record, lambda_context, left):
                failed.append(data["SequenceNumber"])
                blocked.add(key)
        if failed:
            _trim(self._done)
            _trim(self._failures)
        else:
            self._done.clear()
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    def _is_done(self, record: dict[str, Any], lambda_context: Any, left: Time) -> bool:
        """Handle a record. Return False if it has to be retried."""
        try:
            changes = self._subscription.changes_of(record)
        except InvalidRecordError as error:  # a retry would not help
            self._worker.write(_unit(record["eventID"], left, {}), lambda_context, "invalid", error)
            return True
        return all(change.id in self._done or self._handle(change, record, lambda_context, left) for change in changes)

    def _handle(self, change: app.Change, record: dict[str, Any], lambda_context: Any, left: Time) -> bool:
        """Call the function with a change. Return False if it has to be retried."""
        attempt = self._failures.get(change.id, 0) + 1
        change_id = change.id
        fields = {"changeId": change_id, "entity": change.entity, "kind": change.kind, "attempt": attempt}
        unit = _unit(change_id, left, fields)
        result, failure = "done", None
        try:
            self._worker.call_once(unit, "a change", change)
        except Exception as error:
            result, failure = "failed", error
            self._failures[change_id] = attempt
            if attempt >= ATTEMPTS:
                try:
                    self._give_up(change_id, record, unit, attempt, error)
                    result = "dead-letter"
                except Exception as lost:  # the change is retried, and so is this
                    failure = lost
        left.note(unit.seconds())
        self._worker.write(unit, lambda_context, result, failure)
        if result == "failed":
            return False
        self._failures.pop(change_id, None)
        self._done[change_id] = True
        return True

    def _give_up(self, change_id: str, record: dict[str, Any], unit: Unit, attempt: int, error: Exception) -> None:
        """Send a change to the dead-letter queue, in its state before own code could modify it."""
        change = next(each for each in self._subscription.changes_of(record) if each.id == change_id)
        letter = {"function": self._worker.name, "error": fault_of(error), "attempts": attempt}
        body = dumps({**letter, "change": change_view(change)})
        if len(body.encode()) > MAX_MESSAGE_BYTES:  # an item and its previous state may have 800 KB
            position = record["dynamodb"]["SequenceNumber"]
            place = {"streamArn": record["eventSourceARN"], "startSequenceNumber": position}
            body = dumps({**letter, "DDBStreamBatchInfo": {**place, "endSequenceNumber": position, "batchSize": 1}})
        send_message(unit.context, self._dead_letters, body)


def _unit(change_id: str, left: Time, fields: dict[str, Any]) -> Unit:
    return Unit(change_id, left.deadline, fields)


def _trim(remembered: dict[str, Any]) -> None:
    """Forget the oldest entries."""
    for each in list(remembered)[:-_REMEMBERED]:
        del remembered[each]
