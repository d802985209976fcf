"""Jobs, events and changes as JSON, in the bodies of messages and the arguments of direct invocations."""

from __future__ import annotations

import os

from trestle import app
from trestle.clock import now, timestamp
from trestle.errors import InvalidRequest
from trestle.functions.units import MalformedError
from trestle.item import RESERVED
from trestle.operations.ids import uuid
from trestle.own.values import exact
from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

_AROUND = 4  # the nesting of a message outside its item or body
KINDS = ("created", "updated", "deleted", "expired")


def decode(text: str, what: str) -> dict[str, Any]:
    """Return the JSON object in a message's body, with numbers as int or Decimal. Raise MalformedError."""
    try:
        value = loads(text, around=_AROUND)
    except InvalidRequest as error:
        faults = "; ".join(f"{fault['pointer']} {fault['detail']}".strip() for fault in error.faults)
        raise MalformedError(f"{what} cannot be read: {faults}.") from None
    return _object(value, what)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is not a JSON object.")
    found: dict[str, Any] = exact(value)
    return found


def argument_of(value: Any, what: str) -> dict[str, Any]:
    """Return the argument of a direct invocation: an object, or its JSON text, which keeps numbers exact."""
    return decode(value, what) if isinstance(value, str) else _object(value, what)


# --- Jobs


class Envelope:
    """A job's message. turn: the number of times that `Again` has continued it."""

    __slots__ = ("at", "body", "id", "turn")

    def __init__(self, found: Mapping[str, Any], default_id: str, default_at: str) -> None:
        """Read a message's object. Raise MalformedError."""
        if "body" not in found:
            raise MalformedError('The job has no "body". Send {"body": ...}, with any JSON value in it.')
        if unknown := sorted(found.keys() - {"id", "at", "body", "turn"}):
            raise MalformedError(f'The job has {len(unknown)} members beside "id", "at", "body" and "turn".')
        self.body = found["body"]
        self.id = _text(found, "id", default_id)
        self.at = _time(found, "at", default_at)
        turn = found.get("turn", 0)
        if type(turn) is not int or turn < 0:
            raise MalformedError('The job\'s "turn" is not a whole number from 0.')
        self.turn = turn


def new_id() -> str:
    """Return the id of a new job."""
    return uuid(os.urandom(16))


def _text(found: Mapping[str, Any], name: str, default: str) -> str:
    """Return a text, or the default if it is missing or an unresolved placeholder of the scheduler."""
    value = found.get(name)
    if value is None or (isinstance(value, str) and value.startswith("<aws.")):
        return default
    if not isinstance(value, str) or not value:
        raise MalformedError(f'"{name}" is not a text.')
    return value


def _time(found: Mapping[str, Any], name: str, default: str) -> str:
    """Return a time in the format of createdAt."""
    from trestle.instant import parse_instant

    try:
        return timestamp(parse_instant(_text(found, name, default)))
    except ValueError:
        raise MalformedError(f'"{name}" is not a time such as 2026-01-31T12:00:00Z.') from None


# --- Events


def event_of(found: Mapping[str, Any]) -> app.Event:
    """Return an event of EventBridge. Raise MalformedError."""
    detail = found.get("detail", {})
    if "detail-type" not in found or not isinstance(detail, dict):
        raise MalformedError('It is not an event of EventBridge. It needs a "detail-type", and an object in "detail".')
    return app.Event(
        _text(found, "detail-type", ""), detail, id=_text(found, "id", "") or new_id(), at=_time(found, "time", now())
    )


# --- Changes


def change_view(change: app.Change) -> dict[str, Any]:
    """Return a change as JSON."""
    view: dict[str, Any] = {"id": change.id, "entity": change.entity, "kind": change.kind}
    if change.item.owner:
        view["owner"] = change.item.owner
    before = None if change.before is None else _item_view(change.before)
    return {**view, "item": _item_view(change.item), "before": before, "at": change.at}


def _item_view(item: app.Item) -> dict[str, Any]:
    stamps = {"createdAt": item.created_at, "updatedAt": item.updated_at, "version": item.version}
    return {"id": item.id, **item, **stamps}


def change_of(found: Mapping[str, Any], entities: Collection[str]) -> app.Change:
    """Return a change from its JSON. entities: those that the function handles. Raise MalformedError."""
    entity: Any = found.get("entity")
    kind, owner = found.get("kind"), found.get("owner", "")
    if entity not in entities:
        raise MalformedError(f'The change\'s "entity" is not one of {", ".join(sorted(entities))}.')
    if kind not in KINDS:
        raise MalformedError(f'The change\'s "kind" is not one of {", ".join(KINDS)}.')
    if not isinstance(owner, str):
        raise MalformedError('"owner" is not a text.')
    before = found.get("before")
    if (before is not None) != (kind == "updated"):
        raise MalformedError('The change has "before", the item as it was, if and only if its kind is "updated".')
    return app.Change(
        entity, kind, _item(found, "item", owner),
        before=None if before is None else _item(found, "before", owner),
        id=_text(found, "id", "") or new_id(), at=_time(found, "at", now()),
    )  # fmt: skip


def _item(found: Mapping[str, Any], name: str, owner: str) -> app.Item:
    item = found.get(name)
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise MalformedError(f'The change\'s "{name}" is not an item: an object with an "id".')
    version = item.get("version", 1)
    if type(version) is not int or version < 1:
        raise MalformedError(f'The "version" of the change\'s "{name}" is not a whole number from 1.')
    created_at = _time(item, "createdAt", now())
    return app.Item(
        {each: value for each, value in item.items() if each not in RESERVED},
        id=item["id"], owner=owner, version=version,
        created_at=created_at, updated_at=_time(item, "updatedAt", created_at),
    )  # fmt: skip
