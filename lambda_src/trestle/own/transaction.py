"""Transactions of own code. Each write is prepared when it is added, and all are committed together."""

from __future__ import annotations

from trestle import app, errors
from trestle.item import Item
from trestle.own.scope import LostRaceError, current
from trestle.own.validation import own_validator_for
from trestle.own.values import differing, invalid, plain_object, raise_public, states_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.own.hooks import Used
    from trestle.store.writes import Write

    States = Sequence[tuple[str, int]] | None

MAX_WRITES = 99  # DynamoDB's limit of 100 without the item's own write
_ABSENT = "An item that this request needs does not exist."
_EXISTS = "An item that this request creates exists already."
_CHANGED = "An item that this request uses has changed."


class TransactionError(errors.QuotableError, ValueError):
    """The transaction cannot include this write."""


class OtherwiseError(errors.QuotableError, TypeError):
    """The argument `otherwise` is not a Refuse."""


class _Planned:
    """A write of the transaction.

    is_read: whether the write's condition is a state that this attempt has read itself, so that a failed condition
    is a lost race. Otherwise own code gave the condition by `if_match`, and the transaction fails.
    """

    __slots__ = ("is_read", "otherwise", "write")

    def __init__(self, write: Write, otherwise: app.Refuse | None, *, is_read: bool) -> None:
        self.write = write
        self.otherwise = otherwise
        self.is_read = is_read


class Transaction(app.Transaction):
    """The transaction of one attempt of a request with hooks.

    Adding a write runs the hooks of its entity.
    """

    __slots__ = ("_keys", "_planned", "transaction")

    max_writes = MAX_WRITES
    too_many = f"A transaction takes at most {MAX_WRITES} writes besides the item's own."

    def __init__(self) -> None:
        super().__init__()
        self.transaction = self  # the scope of the hooks that it runs
        self._planned: list[_Planned] = []
        self._keys: set[tuple[str, str, str]] = set()

    def create(
        self,
        entity: str | app.Entity,
        doc: Mapping[str, Any],
        id: str | None = None,
        *,
        otherwise: app.Refuse | None = None,
    ) -> str:
        from trestle.clock import now
        from trestle.operations.create import NO_ID, identify
        from trestle.store.put import creation

        used, context = self._use(entity, "create", otherwise)
        if id is not None and used.entity.ids != "client":
            raise invalid(f'"{used.entity.name}" has ids = "server": leave out id, or set ids = "client".')
        given = plain_object(dict(doc))
        try:
            item_id, _ = identify(used.entity, context, given, NO_ID if id is None else id)
            validator = own_validator_for(used.entity, context, has_hook=used.hooks.before_create is not None)
            given = validator.keep(validator.complete(given, is_new=True), {})
            made = used.hooks.new_doc(context, self, given, item_id)
            used.hooks.validate_result("before_create", validator, given, made, validator.check)
        except errors.Refusal as refusal:
            raise_public(refusal)
        created_at = now()
        self._add(
            creation(used.entity, context.owner, Item(item_id, made, created_at, created_at, 1)),
            used.entity, context.owner, item_id, otherwise, is_read=False,
        )  # fmt: skip
        return item_id

    def merge(
        self,
        entity: str | app.Entity,
        id: str,
        changes: Mapping[str, Any],
        *,
        if_match: str | None = None,
        otherwise: app.Refuse | None = None,
    ) -> None:
        from trestle.operations.merge import apply_merge_patch
        from trestle.store.update import MAX_PROPERTIES, patching, replacement

        used, context = self._use(entity, "merge", otherwise)
        given = plain_object(dict(changes))
        expected = states_of(if_match)
        has_hook = used.hooks.before_update is not None
        validator = own_validator_for(used.entity, context, has_hook=has_hook)
        try:
            given = validator.client_changes(given)
        except errors.Forbidden as refusal:
            raise_public(refusal)
        # In these cases, validating or writing the result needs the stored item.
        is_read = has_hook or len(given) > MAX_PROPERTIES or not validator.is_flat(given)
        try:
            if is_read:
                item = self._read(used.entity, context, id, expected)
                whole = validator.merged(apply_merge_patch(item.doc, given), item.doc, given)
                made = used.hooks.changed_doc(context, self, item, whole)
                changed = differing(item.doc, made)
                used.hooks.validate_result("before_update", validator, whole, made, validator.check_changed, changed)
                write = replacement(used.entity, context.owner, id, made, [item.state])
            else:
                _check_id(id)
                validator.check_patch(given)
                write = patching(used.entity, context.owner, id, given, expected)
        except (errors.NotFound, errors.Changed) as refusal:
            raise self._failed(otherwise, exists=isinstance(refusal, errors.Changed)) from None
        except errors.Refusal as refusal:
            raise_public(refusal)
        self._add(write, used.entity, context.owner, id, otherwise, is_read=is_read and if_match is None)

    def delete(
        self,
        entity: str | app.Entity,
        id: str,
        *,
        if_match: str | None = None,
        otherwise: app.Refuse | None = None,
    ) -> None:
        from trestle.store.delete import deletion

        used, context = self._use(entity, "delete", otherwise)
        expected = states_of(if_match)
        is_read = used.hooks.before_delete is not None
        try:
            _check_id(id)
            if is_read:
                item = self._read(used.entity, context, id, expected)
                used.hooks.check_deletion(context, self, item)
                expected = [item.state]
        except (errors.NotFound, errors.Changed) as refusal:
            raise self._failed(otherwise, exists=isinstance(refusal, errors.Changed)) from None
        except errors.Refusal as refusal:
            raise_public(refusal)
        write = deletion(used.entity, context.owner, id, expected)
        self._add(write, used.entity, context.owner, id, otherwise, is_read=is_read and if_match is None)

    def check(
        self,
        entity: str | app.Entity,
        id: str,
        *,
        if_match: str | None = None,
        otherwise: app.Refuse | None = None,
    ) -> None:
        from trestle.store.check import presence

        used, context = self._use(entity, "get", otherwise)
        try:
            _check_id(id)
        except errors.NotFound:
            raise self._failed(otherwise, exists=False) from None
        write = presence(used.entity, context.owner, id, states_of(if_match))
        self._add(write, used.entity, context.owner, id, otherwise, is_read=False)

    def commit(self, context: Context, *own: Write) -> None:
        """Commit the item's own write and the writes of the hooks, all or none.

        own: the item's write, if there is one. Raise Refused if a write of the hooks fails, Cancelled if the item's own
        fails, LostRaceError if the hooks have to run again, Unavailable, TooLarge.
        """
        from trestle.store.records import has_expired
        from trestle.store.transaction import check_writes, commit
        from trestle.store.writes import Cancelled

        writes = [*own, *(each.write for each in self._planned)]
        try:
            check_writes(writes)
        except ValueError as error:  # such as another write of the hook's own item
            raise TransactionError(str(error)) from None
        try:
            commit(context, writes)
        except Cancelled as cancelled:
            if cancelled.kind == "conflict":
                raise LostRaceError(may_pass=True) from None
            if cancelled.index < len(own):
                raise
            planned = self._planned[cancelled.index - len(own)]
            if planned.is_read:
                raise LostRaceError from None
            if planned.write.action == "PutItem":
                raise planned.otherwise or self._taken() from None
            exists = bool(cancelled.record) and not has_expired(planned.write.entity, cancelled.record)
            is_check = planned.write.action == "ConditionCheck"
            raise self._failed(planned.otherwise, exists=exists or is_check) from None

    def _taken(self) -> Exception:
        """Return the exception for an item that exists already."""
        return _refuse(_EXISTS)

    def _failed(self, otherwise: app.Refuse | None, *, exists: bool) -> Exception:
        """Return the exception for a failed condition: the item is missing, or has changed."""
        return otherwise or (_refuse(_CHANGED) if exists else _refuse(_ABSENT, 404, "not-found"))

    def _use(self, entity: str | app.Entity, operation: str, otherwise: app.Refuse | None) -> tuple[Used, Context]:
        if otherwise is not None and not isinstance(otherwise, app.Refuse):
            raise OtherwiseError(f"otherwise is a {type(otherwise).__name__}. Use Refuse(...).")
        # An entity from entity("orders").of(owner) has an owner. A name stands for the caller's items.
        owner: str | None = getattr(entity, "_owner", None)
        used: tuple[Used, Context] = current().uses.use(app.name_of(entity), operation, owner)
        return used

    def _read(self, entity: Entity, context: Context, item_id: str, expected: States) -> Item:
        """Return an item in an expected state. Raise NotFound, Changed."""
        from trestle.operations.get import get

        _check_id(item_id)
        item = get(entity, context, item_id)
        if expected is not None and item.state not in expected:
            raise errors.Changed(_CHANGED)
        return item

    def _add(
        self, write: Write, entity: Entity, owner: str, item_id: str, otherwise: app.Refuse | None, *, is_read: bool
    ) -> None:
        key = entity.table, owner, item_id
        if key in self._keys:
            raise TransactionError(
                f'The transaction already writes the item "{item_id}" of "{entity.name}". Combine the two writes.'
            )
        if len(self._planned) == self.max_writes:
            raise TransactionError(self.too_many)
        self._keys.add(key)
        self._planned.append(_Planned(write, otherwise, is_read=is_read))


def _check_id(item_id: Any) -> None:
    """Raise NotFound if a value is not an id: a client's text could otherwise become another owner's key."""
    from trestle.operations.ids import is_id

    if not is_id(item_id):
        raise errors.NotFound(_ABSENT)


def _refuse(detail: str, status: int = 409, code: str = "conflict") -> app.Refuse:
    return app.Refuse(detail, status=status, code=code)
