"""The entities that own code may use, and their operations."""

from __future__ import annotations

import json

from trestle import app, errors
from trestle.entity import Entity
from trestle.item import is_owner
from trestle.operations.claims import no_owner_detail, owner_of, token_of
from trestle.own.hooks import Hooks, Used
from trestle.own.scope import RightError, current, missing_right
from trestle.own.values import ArgumentError, invalid, raise_public, shown_item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from typing import Any

    from trestle.context import Context
    from trestle.own.scope import Scope
    from trestle.store.selections import Selection

_NOTHING: Mapping[str, Any] = {}
_PAGE = 100
EVERYONE = "\ud800"  # represents all owners; it is no owner's name, since UTF-8 cannot encode it


class OwnersError(errors.QuotableError, ValueError):
    """The items of an entity have no owners."""


class Entities:
    """The entities that a function's own code may use, by name, from ENTITIES in its environment."""

    __slots__ = ("_used",)

    def __init__(self, environment: Mapping[str, str], level: int) -> None:
        """Read ENTITIES. level: the log level. Raise CodeError for hooks that cannot be imported."""
        self._used: dict[str, Used] = {}
        for name, each in json.loads(environment["ENTITIES"]).items():
            entity = Entity.with_schema(name, each["table"], each.get("options", {}), environment)
            hooks = Hooks(entity, each.get("hooks"), self, level)
            self._used[name] = Used(entity, frozenset(each["operations"]), hooks)

    def use(self, name: str, operation: str, owner: str | None = None) -> tuple[Used, Context]:
        """Return an entity for an operation of the running own code, and the context to use it in.

        owner: the owner of the items, None for the caller. Raise RightError if `uses` lacks the operation, if the
        entity has owners and no user is signed in, or if the items belong to another owner.
        """
        used = self.find(name, operation)
        context = _context_for(used.entity, operation, owner, may_reach_others=False)
        context.is_trusted = True  # hooks may read and write every property
        return used, context

    @property
    def owners(self) -> set[str]:
        """The `owner` attributes of these entities: "sub" and "claim:NAME"."""
        return {used.entity.owner for used in self._used.values() if used.entity.owner}

    def find(self, name: str, operation: str) -> Used:
        """Return an entity for an operation. Raise RightError if `uses` and the hooks' `uses` lack it."""
        used = self._used.get(name)
        if used is None or operation not in used.operations:
            raise missing_right(name, operation)
        return used


class FunctionUses:
    """The entities that a function of app/ may use. The hooks that it runs may use others."""

    __slots__ = ("_caller", "_entities", "_is_trusted", "_may_reach_others", "_uses")

    def __init__(self, entities: Entities, config: Mapping[str, Any]) -> None:
        """config: the function's. Its member `uses` is missing if the hooks use no other entities."""
        self._entities = entities
        self._uses: Mapping[str, Collection[str]] | None = config.get("uses")
        self._may_reach_others = config.get("owners") == "any"
        self._is_trusted = config.get("fields") == "any"
        self._caller = f"function:{config['name']}"

    @property
    def owner(self) -> str:
        """The `owner` attribute for the function's callers: "sub" unless all its entities have the same claim."""
        owners = self._entities.owners
        return owners.pop() if len(owners) == 1 else "sub"

    def use(self, name: str, operation: str, owner: str | None = None) -> tuple[Used, Context]:
        """Return an entity for an operation, like Entities.use.

        All callers of the function share its idempotency keys.
        """
        if self._uses is not None and operation not in self._uses.get(name, ()):
            raise missing_right(name, operation)
        used = self._entities.find(name, operation)
        context = _context_for(used.entity, operation, owner, may_reach_others=self._may_reach_others)
        context.caller = self._caller
        context.operation = operation
        context.is_trusted = self._is_trusted
        return used, context


def _context_for(entity: Entity, operation: str, owner: str | None, *, may_reach_others: bool) -> Context:
    """Return the context in which the running own code reaches an owner's items.

    owner: None for the caller. Raise RightError for an owner that it may not reach, OwnersError for an entity without
    owners.
    """
    scope = current()
    if not entity.owner:
        if owner not in (None, EVERYONE):
            raise OwnersError(f'The items of "{entity.name}" have no owners. Leave out of().')
        return scope.context.for_owner("")
    own = _own(scope, entity)
    if owner is None:
        if not own:
            # The caller's token names no owner. That is the caller's error, not the code's.
            if token_of(scope.context.gateway or {}):
                raise app.Refuse(no_owner_detail(entity.owner), status=403, code="forbidden")
            raise RightError(f'{scope} may not {operation} "{entity.name}": {_no_owner(scope, entity.name)}')
    elif owner != own and not may_reach_others:
        raise RightError(f"{scope} may not reach the items of other owners{_how_to_reach(scope)}")
    elif owner == EVERYONE and operation != "list":
        raise RightError(f'{scope} may not {operation} "{entity.name}" of everyone. Say whose item it is: of(owner).')
    return scope.context.for_owner(own if owner is None else owner)


def _own(scope: Scope, entity: Entity) -> str:
    """Return the owner whose items the running own code reaches by default, "" for none."""
    # A hook acts for its item's owner, if these items have the same kind of owner.
    if scope.context.owner and scope.owner == entity.owner:
        return scope.context.owner
    token = token_of(scope.context.gateway or {})
    return (token and owner_of(token, entity.owner)) or ""


def _no_owner(scope: Scope, name: str) -> str:
    if scope.is_hook:
        return "its items have owners, and the caller is not an owner."
    whose = f'entity("{name}").of(owner)'
    return f"its items have owners, and nobody is signed in. Say whose: {whose}{_how_to_reach(scope)}"


def _how_to_reach(scope: Scope) -> str:
    """Return the end of a sentence: how to allow a function to reach the items of other owners."""
    return "." if scope.is_hook else f'. This needs owners = "any" in {scope.attribute.removesuffix(".uses")}.'


class OwnEntity(app.Entity):
    """An entity for own code. Each operation checks its right when it is called.

    owner: the owner of the items, EVERYONE for all owners, None for the caller.
    """

    __slots__ = ("_owner",)

    def __init__(self, name: str, owner: str | None = None) -> None:
        super().__init__(name)
        self._owner = owner

    def of(self, owner: str) -> app.Entity:
        if not is_owner(owner):
            raise invalid("The owner is not valid. Use a text of 1 to 256 bytes.")
        return OwnEntity(self.name, owner)

    @property
    def everyone(self) -> app.Entity:
        return OwnEntity(self.name, EVERYONE)

    def get(self, id: str) -> app.Item:
        found = self.find(id)
        if found is None:
            raise app.NotFound
        return found

    def find(self, id: str) -> app.Item | None:
        from trestle.operations.get import get
        from trestle.operations.ids import is_id

        used, context = self._use("get")
        if not is_id(id):
            return None
        try:
            return shown_item(used.entity, context, get(used.entity, context, id), context.owner)
        except errors.NotFound:
            return None
        except errors.Refusal as refusal:
            raise_public(refusal)

    def list(self, where: Mapping[str, Any] = _NOTHING, order: str = "asc") -> Iterator[app.Item]:
        used, context = self._use("list")
        if context.owner == EVERYONE:
            from trestle.own.everyone import list_everyone

            selection = self._selection(used.entity, where, order, is_ordered=False)
            yield from list_everyone(used.entity, context, selection)
            return
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
        used, context = self._use("list")
        if type(limit) is not int or not 1 <= limit <= _PAGE:
            allowed = f"Use a whole number, 1 to {_PAGE}."
            raise invalid(f"limit is {limit}. {allowed}", f"limit is not valid. {allowed}")
        if cursor is not None and not isinstance(cursor, str):
            raise invalid(f"The cursor is a {type(cursor).__name__}. Use `next` of the page before.")
        is_everyone = context.owner == EVERYONE
        selection = self._selection(
            used.entity, where, order, is_ordered=not is_everyone and (used.entity.is_ordered or bool(where))
        )
        try:
            if is_everyone:
                from trestle.own.everyone import page_of_everyone

                return page_of_everyone(used.entity, context, limit, cursor, selection)
            from trestle.operations.list import list_items

            items, following = list_items(used.entity, context, limit, cursor, selection, descending=order == "desc")
        except errors.Refusal as refusal:
            raise_public(refusal)
        except ValueError as error:
            reason = ArgumentError("The cursor does not belong to this list.")
            raise app.Invalid(f"The cursor is not valid: {error}.") from reason
        return app.Page([shown_item(used.entity, context, item, context.owner) for item in items], following)

    def create(self, doc: Mapping[str, Any], id: str | None = None, key: str | None = None) -> app.Item:
        from trestle.own import writes

        return writes.create(self.name, self._owner, doc, id, key)

    def replace(self, id: str, doc: Mapping[str, Any], if_match: str | None = None) -> app.Item:
        from trestle.own import writes

        return writes.replace(self.name, self._owner, id, doc, if_match)

    def merge(self, id: str, changes: Mapping[str, Any], if_match: str | None = None) -> app.Item:
        from trestle.own import writes

        return writes.merge(self.name, self._owner, id, changes, if_match)

    def delete(self, id: str, if_match: str | None = None) -> None:
        from trestle.own import writes

        writes.delete(self.name, self._owner, id, if_match)

    def update(self, id: str, change: Callable[[app.Draft], object]) -> app.Item:
        from trestle.own import writes

        return writes.update(self.name, self._owner, id, change)

    def _use(self, operation: str) -> tuple[Used, Context]:
        found: tuple[Used, Context] = current().uses.use(self.name, operation, self._owner)
        return found

    def _selection(self, entity: Entity, where: Mapping[str, Any], order: str, *, is_ordered: bool) -> Selection | None:
        """Return the selection for `where`, None for an empty one. Raise app.Invalid, also for `order`."""
        if order not in ("asc", "desc"):
            allowed = 'Use "asc" or "desc".'
            raise invalid(f'order is "{order}". {allowed}', f"order is not valid. {allowed}")
        if order == "desc" and not is_ordered:
            raise invalid(f'The items of "{self.name}" have no order. Leave out order.')
        if not where:
            return None
        from trestle.own.where import selection_of

        return selection_of(entity, where)
