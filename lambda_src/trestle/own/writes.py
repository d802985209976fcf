"""Writes by functions of app/: the API's own operations, with their hooks."""

from __future__ import annotations

from trestle import app, errors
from trestle.operations.create import NO_ID
from trestle.operations.ids import is_id
from trestle.own import flows
from trestle.own.creation import create as create_item
from trestle.own.scope import NotHereError, RightError, current
from trestle.own.validation import own_validator_for
from trestle.own.values import differing, draft_of, invalid, plain_object, raise_public, shown_item, states_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item
    from trestle.own.hooks import Used

    Document = Mapping[str, Any]


def create(name: str, owner: str | None, doc: Document, item_id: str | None, key: str | None) -> app.Item:
    """Create an item, like app.Entity.create."""
    used, context = _use(name, "create", owner)
    if item_id is not None and used.entity.ids != "client":
        raise invalid(f'"{name}" has ids = "server": leave out id, or set ids = "client".')
    if key is not None and (not isinstance(key, str) or not key):
        raise invalid("The idempotency key is empty or not a text. Use a text of at least 1 character.")
    validator = own_validator_for(used.entity, context, has_hook=used.hooks.before_create is not None)
    given = plain_object(dict(doc))
    try:
        item, _ = create_item(
            used.hooks, used.entity, context, given, NO_ID if item_id is None else item_id,
            key=key or "", validator=validator,
        )  # fmt: skip
    except errors.Conflict as refusal:
        if refusal.detail == flows.LOST:
            raise app.Changed(refusal.detail) from None
        raise app.Taken(refusal.detail) from None
    except errors.KeyReused:
        raise app.Taken("This idempotency key was used with a different object before.") from None
    except errors.Refusal as refusal:
        raise_public(refusal)
    return shown_item(used.entity, context, item, context.owner)


def replace(name: str, owner: str | None, item_id: str, doc: Document, if_match: str | None) -> app.Item:
    """Replace an item's object, like app.Entity.replace."""
    from trestle.operations import replace as plain

    used, context = _use(name, "replace", owner)
    given = plain_object(dict(doc))
    validator = own_validator_for(used.entity, context, has_hook=used.hooks.before_update is not None)

    def write() -> Item:
        if used.hooks.before_update is None:
            return plain.replace(used.entity, context, item_id, given, states_of(if_match), validator=validator)
        return flows.replace(
            used.hooks, used.entity, context, item_id, given, expected=states_of(if_match), validator=validator
        )

    return _written(write, item_id, used.entity, context)


def merge(name: str, owner: str | None, item_id: str, changes: Document, if_match: str | None) -> app.Item:
    """Apply a JSON merge patch to an item, like app.Entity.merge."""
    from trestle.operations import merge as plain

    used, context = _use(name, "merge", owner)
    given = plain_object(dict(changes))
    validator = own_validator_for(used.entity, context, has_hook=used.hooks.before_update is not None)

    def write() -> Item:
        if used.hooks.before_update is None:
            return plain.merge(used.entity, context, item_id, given, states_of(if_match), validator=validator)
        return flows.merge(
            used.hooks, used.entity, context, item_id, given, expected=states_of(if_match), validator=validator
        )

    return _written(write, item_id, used.entity, context)


def update(name: str, owner: str | None, item_id: str, change: Callable[[app.Draft], object]) -> app.Item:
    """Change an item depending on its state, like app.Entity.update."""
    _use(name, "get", owner)
    try:
        used, context = _use(name, "merge", owner)
    except RightError as error:
        try:
            used, context = _use(name, "replace", owner)
        except RightError:
            raise error from None
    validator = own_validator_for(used.entity, context, has_hook=used.hooks.before_update is not None)

    def changed(stored: dict[str, Any]) -> dict[str, Any]:
        visible = validator.visible(stored)
        draft = draft_of(visible, item_id, context.owner, ())
        change(draft)
        made = plain_object(draft)
        changes = differing(visible, made)
        validator.client_changes(dict.fromkeys(changes))
        return validator.merged(validator.with_hidden(made, stored), stored, changes)

    def check(made: dict[str, Any], stored: dict[str, Any]) -> None:
        validator.check_changed(made, differing(stored, made))

    return _written(
        lambda: flows.update(
            used.hooks, used.entity, context, item_id, expected=None, change=changed, check=check, validator=validator
        ),
        item_id,
        used.entity,
        context,
    )


def delete(name: str, owner: str | None, item_id: str, if_match: str | None) -> None:
    """Delete an item, like app.Entity.delete."""
    from trestle.operations import delete as plain

    used, context = _use(name, "delete", owner)

    def write() -> None:
        if used.hooks.before_delete is None:
            plain.delete(used.entity, context, item_id, states_of(if_match))
        else:
            flows.delete(used.hooks, used.entity, context, item_id, states_of(if_match))

    _carried_out(write, item_id)


def _use(name: str, operation: str, owner: str | None) -> tuple[Used, Context]:
    """Return an entity for an operation, and the context to use it in. Raise NotHereError in a hook."""
    scope = current()
    if scope.is_hook:
        raise NotHereError(
            f"A hook cannot {operation} an item by itself. Use context.transaction, which includes the item's write."
        )
    found: tuple[Used, Context] = scope.uses.use(name, operation, owner)
    return found


def _written(write: Callable[[], Item], item_id: str, entity: Entity, context: Context) -> app.Item:
    return shown_item(entity, context, _carried_out(write, item_id), context.owner)


def _carried_out(write: Callable[[], Any], item_id: str) -> Any:
    """Return the result of a write, and raise trestle.app's exceptions for its refusals."""
    if not is_id(item_id):
        raise app.NotFound
    try:
        return write()
    except errors.Refusal as refusal:
        raise_public(refusal)
