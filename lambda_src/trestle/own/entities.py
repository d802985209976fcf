"""The entities that own code may use, and their operations for own code."""

from __future__ import annotations

import json

from trestle import app, errors
from trestle.entity import Entity
from trestle.item import is_owner
from trestle.operations.claims import no_owner, owner_of, token_of
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
EVERYONE = "\ud800"  # stands for all owners; no owner is called that, since UTF-8 does not have it


class OwnersError(errors.QuotableError, ValueError):
    """The items of an entity have no owners."""


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

    def use(self, name: str, operation: str, owner: str | None = None) -> tuple[Used, Context]:
        """Return an entity for an operation of the own code that runs, and the context to use it in.

        owner: whose items are meant, None for the caller's. Raise RightError if `uses` lacks the operation, if the
        entity has owners and there is no signed-in user, or if the items are another owner's.
        """
        used = self.find(name, operation)
        context = _context_for(used.entity, operation, owner, may_reach_others=False)
        context.is_trusted = True  # hooks see everything
        return used, context

    @property
    def owners(self) -> set[str]:
        """What owns the items of these entities: "sub" and "claim:NAME"."""
        return {used.entity.owner for used in self._used.values() if used.entity.owner}

    def find(self, name: str, operation: str) -> Used:
        """Return an entity for an operation. Raise RightError if neither `uses` nor a hook's brings it."""
        used = self._used.get(name)
        if used is None or operation not in used.operations:
            raise missing_right(name, operation)
        return used


class FunctionUses:
    """The entities that a function of app/ may use; its hooks may use more."""

    __slots__ = ("_caller", "_entities", "_is_trusted", "_may_reach_others", "_uses")

    def __init__(self, entities: Entities, config: Mapping[str, Any]) -> None:
        """config: the function's. Its member `uses` is missing if the hooks bring nothing more."""
        self._entities = entities
        self._uses: Mapping[str, Collection[str]] | None = config.get("uses")
        self._may_reach_others = config.get("owners") == "any"
        self._is_trusted = config.get("fields") == "any"
        self._caller = f"function:{config['name']}"

    @property
    def owner(self) -> str:
        """What owns the items that callers of the function reach: "sub" unless its entities agree on a claim."""
        owners = self._entities.owners
        return owners.pop() if len(owners) == 1 else "sub"

    def use(self, name: str, operation: str, owner: str | None = None) -> tuple[Used, Context]:
        """Return an entity for an operation, as Entities.use.

        An idempotency key belongs to the function, whoever calls it.
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
    """Return the context in which the own code that runs reaches the items of an owner, None for the caller.

    Raise RightError for owners that it may not reach, OwnersError for an entity without owners.
    """
    scope = current()
    if not entity.owner:
        if owner not in (None, EVERYONE):
            raise OwnersError(f'The items of "{entity.name}" have no owners: leave out of().')
        return scope.context.for_owner("")
    own = _own(scope, entity)
    if owner is None:
        if not own:
            # Signed in, but with a token of no owner: the caller's fault, not the code's.
            if token_of(scope.context.gateway or {}):
                raise app.Refuse(no_owner(entity.owner), status=403, code="forbidden")
            raise RightError(f'{scope} may not {operation} "{entity.name}": {_no_owner(scope, entity.name)}')
    elif owner != own and not may_reach_others:
        raise RightError(f"{scope} may not reach the items of other owners{_how_to_reach(scope)}")
    elif owner == EVERYONE and operation != "list":
        raise RightError(f'{scope} may not {operation} "{entity.name}" of everyone. Say whose item it is: of(owner).')
    return scope.context.for_owner(own if owner is None else owner)


def _own(scope: Scope, entity: Entity) -> str:
    """Return whose items of an entity are those of the own code that runs, "" for nobody's."""
    # A hook acts for the owner of its item, where that is an owner of these items as well.
    if scope.context.owner and scope.owner == entity.owner:
        return scope.context.owner
    token = token_of(scope.context.gateway or {})
    return (token and owner_of(token, entity.owner)) or ""


def _no_owner(scope: Scope, name: str) -> str:
    if scope.is_hook:
        return "its items have owners, and the caller is none."
    whose = f'entity("{name}").of(owner)'
    return f"its items have owners, and nobody is signed in. Say whose: {whose}{_how_to_reach(scope)}"


def _how_to_reach(scope: Scope) -> str:
    """Return the end of a sentence on other owners: what allows a function to reach their items."""
    return "." if scope.is_hook else f'. This needs owners = "any" in {scope.attribute.removesuffix(".uses")}.'


class OwnEntity(app.Entity):
    """An entity for own code: what it may do is looked up when it does it.

    owner: whose items they are, EVERYONE for those of all, None for the caller's.
    """

    __slots__ = ("_owner",)

    def __init__(self, name: str, owner: str | None = None) -> None:
        super().__init__(name)
        self._owner = owner

    def of(self, owner: str) -> app.Entity:
        if not is_owner(owner):
            raise invalid("The owner is not valid: an owner is a text of 1 to 256 bytes.")
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
            reason = ArgumentError("The cursor is not that of a page of this list.")
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
        """Return what `where` narrows a list to, None for an empty one. Raise app.Invalid, for `order` too."""
        if order not in ("asc", "desc"):
            allowed = 'Use "asc" or "desc".'
            raise invalid(f'order is "{order}". {allowed}', f"order is not valid. {allowed}")
        if order == "desc" and not is_ordered:
            raise invalid(f'The items of "{self.name}" have no order: leave out order.')
        if not where:
            return None
        from trestle.own.where import selection_of

        return selection_of(entity, where)
