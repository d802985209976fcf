"""Functions on changes: records of the tables' streams, each as a change that the function's code is called with.

Lambda gives a batch of records of one shard, in their order, and takes an answer that names those that failed. It
then sends again all from the first of these on, so what comes after it and was done is remembered and passed over.
Of one item no change is handled before an earlier one. Source: "Process DynamoDB records with Lambda" and
"Configuring partial batch response with DynamoDB" in Lambda's developer guide.
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

# The attempt after which a change goes to the dead letters.
ATTEMPTS = 5
# How many are remembered as failed or done; a batch has fewer.
_REMEMBERED = 10_000  # changes
IMPORT = "import"


class Subscription:
    """Which changes a function is called for."""

    __slots__ = ("_entities", "_filters", "_imports", "_writer")

    def __init__(self, name: str, config: Mapping[str, Any]) -> None:
        """Read FUNCTION's members; `name` is the function's."""
        self._entities = {table: Entity(entity, table) for table, entity in config["tables"].items()}
        self._filters: dict[str, list[dict[str, Any]]] = config["changes"]
        self._imports = bool(config.get("imports"))
        self._writer = f"function:{name}"

    def changes_of(self, record: Mapping[str, Any]) -> list[app.Change]:
        """Return the changes that a record of a stream stands for, those that the function is called for.

        A new item in the place of one whose time was over is two: that one expired, and this one was created.
        Raise InvalidRecordError for a record that is no item.
        """
        data = record["dynamodb"]
        entity = self._entities[record["eventSourceARN"].split("/")[1]]
        after, before = data.get("NewImage"), data.get("OldImage")
        writer = after.get("write", {}).get("S", "").rpartition("/")[0] if after else ""
        is_ignored = writer == self._writer or (writer == IMPORT and not self._imports)
        change_id: str = record["eventID"]
        found: list[tuple[str, Item, Item | None, str]] = []  # kind, item, what it was before, id
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
            elif old.state != new.state or before["doc"] != after["doc"]:  # otherwise a reindex, which is no change
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
    """Return the item that a record holds, None if there is none or another program wrote what is no item."""
    try:
        return item_of(entity, record) if record else None
    except InvalidRecordError:
        return None


def _is_time_to_live(record: Mapping[str, Any]) -> bool:
    """Return whether DynamoDB itself deleted the item since its time was over."""
    identity = record.get("userIdentity") or {}
    return identity.get("type") == "Service" and identity.get("principalId") == "dynamodb.amazonaws.com"


def _has_expired(before: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Return whether another item has taken the place of one whose time was over."""
    expires = before.get(EXPIRES, {}).get("N")
    is_another = before["createdAt"] != data["NewImage"].get("createdAt")
    return is_another and expires is not None and float(expires) <= data["ApproximateCreationDateTime"] + 1


def _admits(each: Mapping[str, Any], kind: str, item: Item, before: Item | None) -> bool:
    """Return whether a filter lets a change pass."""
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
    """Return whether a property has the value that a text in the tfvars stands for: a text, or JSON of a scalar."""
    value = doc.get(name, ...)
    if value is ... or isinstance(value, dict | list):
        return False
    if isinstance(value, str):
        return value == text
    try:
        wanted = loads(text)
    except Exception:  # no JSON, so a text that no number, boolean or null is written as
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
        # By the change's id. What was done is remembered while a change before it in the stream fails.
        self._failures: dict[str, int] = {}
        self._done: dict[str, bool] = {}

    def handle(self, event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        """Handle a batch of records; return the positions of those that were not done."""
        left = Time(lambda_context)
        failed: list[str] = []
        blocked: set[str] = set()  # the keys of items whose later changes wait
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
        """Handle a record; return False if it is to come again."""
        try:
            changes = self._subscription.changes_of(record)
        except InvalidRecordError as error:  # and it would be none again
            self._worker.write(_unit(record["eventID"], left, {}), lambda_context, "invalid", error)
            return True
        return all(change.id in self._done or self._handle(change, record, lambda_context, left) for change in changes)

    def _handle(self, change: app.Change, record: dict[str, Any], lambda_context: Any, left: Time) -> bool:
        """Call the function with a change; return False if it is to come again."""
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
                except Exception as lost:  # it comes again, and this is tried again
                    failure = lost
        left.note(unit.seconds())
        self._worker.write(unit, lambda_context, result, failure)
        if result == "failed":
            return False
        self._failures.pop(change_id, None)
        self._done[change_id] = True
        return True

    def _give_up(self, change_id: str, record: dict[str, Any], unit: Unit, attempt: int, error: Exception) -> None:
        """Send a change to the dead letters: as it was before own code could alter it."""
        change = next(each for each in self._subscription.changes_of(record) if each.id == change_id)
        letter = {"function": self._worker.name, "error": fault_of(error), "attempts": attempt}
        body = dumps({**letter, "change": change_view(change)})
        if len(body.encode()) > MAX_MESSAGE_BYTES:  # an item and what it was before may have 800 KB
            position = record["dynamodb"]["SequenceNumber"]
            place = {"streamArn": record["eventSourceARN"], "startSequenceNumber": position}
            body = dumps({**letter, "DDBStreamBatchInfo": {**place, "endSequenceNumber": position, "batchSize": 1}})
        send_message(unit.context, self._dead_letters, body)


def _unit(change_id: str, left: Time, fields: dict[str, Any]) -> Unit:
    return Unit(change_id, left.deadline, fields)


def _trim(remembered: dict[str, Any]) -> None:
    """Forget the oldest of what is remembered."""
    for each in list(remembered)[:-_REMEMBERED]:
        del remembered[each]
