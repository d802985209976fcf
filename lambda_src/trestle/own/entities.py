"""The entities that own code may use, and their operations for own code."""

from __future__ import annotations

import json

from trestle import app, errors
from trestle.entity import Entity
from trestle.own.callers import caller_of
from trestle.own.hooks import Hooks
from trestle.own.scope import RightError, current, missing_right
from trestle.own.values import plain, public_item, raise_public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from trestle.context import Context
    from trestle.store.selections import Selection

_NOTHING: Mapping[str, Any] = {}
_PAGE = 100


class Used:
    """An entity that own code may use. operations: the names of those it may use. hooks: the entity's own."""

    __slots__ = ("entity", "hooks", "operations")

    def __init__(self, entity: Entity, operations: frozenset[str], hooks: Hooks) -> None:
        self.entity = entity
        self.operations = operations
        self.hooks = hooks


class Entities:
    """The entities that the own code of a function may use, by name: what ENTITIES in its environment holds."""

    __slots__ = ("_used",)

    def __init__(self, environment: Mapping[str, str], level: int) -> None:
        """Read ENTITIES; `level` is the log's. Raise CodeError for hooks that cannot be imported."""
        self._used: dict[str, Used] = {}
        for name, each in json.loads(environment["ENTITIES"]).items():
            entity = Entity.with_schema(name, each["table"], each.get("options", {}), environment)
            hooks = Hooks(entity, each.get("hooks"), self, level)
            self._used[name] = Used(entity, frozenset(each["operations"]), hooks)

    def use(self, name: str, operation: str) -> tuple[Used, Context]:
        """Return an entity for an operation of the own code that runs, and the context to use it in.

        Raise RightError if `uses` lacks the operation, or if the entity has owners and nobody is signed in.
        """
        scope = current()
        used = self._used.get(name)
        if used is None or operation not in used.operations:
            raise missing_right(name, operation)
        if not used.entity.owner_scoped:
            return used, scope.context.for_owner("")
        caller = caller_of(scope.context)
        if caller is None or not caller.owner:
            raise RightError(f'{scope} may not {operation} "{name}": its items have owners, and the caller is none.')
        return used, scope.context.for_owner(caller.owner)


class OwnEntity(app.Entity):
    """An entity for own code: what it may do is looked up when it does it."""

    __slots__ = ()

    def get(self, id: str) -> app.Item:
        found = self.find(id)
        if found is None:
            raise app.NotFound
        return found

    def find(self, id: str) -> app.Item | None:
        from trestle.operations.get import get
        from trestle.operations.ids import is_id

        used, context = current().uses.use(self.name, "get")
        if not is_id(id):
            return None
        try:
            return public_item(get(used.entity, context, id), context.owner)
        except errors.NotFound:
            return None
        except errors.Refusal as refusal:
            raise_public(refusal)

    def list(self, where: Mapping[str, Any] = _NOTHING, order: str = "asc") -> Iterator[app.Item]:
        cursor: str | None = None
        while True:
            page = self.page(where, _PAGE, cursor, order)
            yield from page.items
            cursor = page.next
            if cursor is None:
                return

    def page(
        self,
        where: Mapping[str, Any] = _NOTHING,
        limit: int = 25,
        cursor: str | None = None,
        order: str = "asc",
    ) -> app.Page:
        from trestle.operations.list import list_items

        used, context = current().uses.use(self.name, "list")
        selection = _selection(used.entity, where)
        if limit not in range(1, _PAGE + 1):
            raise app.Invalid(f"limit is {limit}. Use 1 to {_PAGE}.")
        if order not in ("asc", "desc"):
            raise app.Invalid(f'order is "{order}". Use "asc" or "desc".')
        if order == "desc" and not (used.entity.is_ordered or selection):
            raise app.Invalid(f'The items of "{self.name}" have no order: leave out order.')
        try:
            items, following = list_items(used.entity, context, limit, cursor, selection, descending=order == "desc")
        except errors.Refusal as refusal:
            raise_public(refusal)
        except ValueError as error:
            raise app.Invalid(f"The cursor is not valid: {error}.") from None
        return app.Page([public_item(item, context.owner) for item in items], following)


def _selection(entity: Entity, where: Mapping[str, Any]) -> Selection | None:
    """Return what `where` narrows a list to, None for an empty one. Raise app.Invalid."""
    if not where:
        return None
    from trestle.operations.filters import bounds_of, filters_of, selection_of

    filters = filters_of(entity)
    bounds = bounds_of(filters)
    for name in where:
        if name not in filters and name not in bounds:
            known = ", ".join(sorted({*filters, *bounds})) or "none"
            raise app.Invalid(f'"{entity.name}" has no filter "{name}". Declared: {known}.')
    try:
        return selection_of(filters, bounds, {name: _bound(name, value) for name, value in where.items()})
    except errors.Refusal as refusal:
        raise_public(refusal)


def _bound(name: str, value: Any) -> Any:
    """Return a value or bound in the form that the store compares."""
    if name.startswith("createdAt.") and name != "createdAt.prefix":
        from trestle.clock import timestamp
        from trestle.instant import parse_instant

        try:
            return timestamp(max(parse_instant(value), 0))
        except (TypeError, ValueError) as error:
            raise app.Invalid(f"{name}: {error}.") from None
    if value is None or isinstance(value, dict | list):
        raise app.Invalid(f"{name}: filters take texts, numbers and booleans, not a {type(value).__name__}.")
    return plain(value, name)
