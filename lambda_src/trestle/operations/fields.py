"""Apply an entity's `fields`: the rules that say who may read and write a property, by the caller's access token.

A property that the caller may not read is absent from every response, and cannot filter or sort a list. A property that
the caller may not write is refused in a body. A PUT keeps the stored values of such properties.
"""

from __future__ import annotations

from functools import cache

from trestle.errors import Forbidden, InvalidItem
from trestle.operations.claims import owner_of, token_of
from trestle.strict_json import pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.store.selections import Selection

    Object = dict[str, Any]
    Present = Callable[[list[Object], Context], None]
    Rules = Mapping[str, str]
    # A validator of trestle.operations.validation, which imports this module.
    Validator = Any

_NOBODY: frozenset[str] = frozenset()


class Fields:
    """The rules of an entity's properties. Everybody may read and write a property without rules.

    readers, writers: a rule by property: "group=G" for members of a group, "scope=S" for tokens with a scope (or with
    one of several, separated by blanks), "owner" for the item's owner, or "nobody".
    """

    __slots__ = ("readers", "writers")

    def __init__(self, rules: Mapping[str, Mapping[str, str]]) -> None:
        """Take the rules from ENTITY_OPTIONS: optional "read" and "write" by property."""
        self.readers = {name: each["read"] for name, each in rules.items() if "read" in each}
        self.writers = {name: each["write"] for name, each in rules.items() if "write" in each}

    def unreadable(self, groups: Collection[str], scopes: Collection[str], *, is_owner: bool) -> frozenset[str]:
        """Return the properties that a caller with these groups and scopes may not read of an item."""
        return _closed(self.readers, groups, scopes, is_owner=is_owner)

    def unwritable(self, groups: Collection[str], scopes: Collection[str], *, is_owner: bool) -> frozenset[str]:
        """Return the properties that a caller with these groups and scopes may not write to an item."""
        return _closed(self.writers, groups, scopes, is_owner=is_owner)


def _closed(rules: Rules, groups: Collection[str], scopes: Collection[str], *, is_owner: bool) -> frozenset[str]:
    return frozenset(name for name, rule in rules.items() if not permits(rule, groups, scopes, is_owner=is_owner))


def permits(rule: str, groups: Collection[str], scopes: Collection[str], *, is_owner: bool) -> bool:
    """Return whether a rule permits a caller with these groups and scopes."""
    kind, _, name = rule.partition("=")
    if kind == "group":
        return name in groups
    if kind == "scope":
        return not set(name.split(" ")).isdisjoint(scopes)
    return kind == "owner" and is_owner


def _who(rule: str) -> str:
    """Return who a rule permits, as the beginning of a sentence."""
    kind, _, name = rule.partition("=")
    if kind == "group":
        return f"Only members of the group {name}"
    if kind == "scope":
        return f"Only access tokens with the scope {name.replace(' ', ' or ')}"
    return "Only the item's owner" if kind == "owner" else "Nobody"


@cache
def fields_of(entity: Entity) -> Fields:
    """Return an entity's rules (cached)."""
    return Fields(entity.fields)


# --- The caller of a request


def unreadable(entity: Entity, context: Context, owner: str) -> frozenset[str]:
    """Return the properties of an owner's items that the caller may not read. owner: "" for no owner."""
    return _closed_to_caller(entity, context, owner, Fields.unreadable)


def unwritable(entity: Entity, context: Context, owner: str) -> frozenset[str]:
    """Return the properties of an owner's items that the caller may not write. owner: "" for no owner."""
    return _closed_to_caller(entity, context, owner, Fields.unwritable)


def _closed_to_caller(
    entity: Entity, context: Context, owner: str, closed: Callable[..., frozenset[str]]
) -> frozenset[str]:
    # Jobs, imports and other work without a caller may read and write everything.
    if context.is_trusted or context.gateway is None:
        return _NOBODY
    token = token_of(context.gateway)
    if token is None:
        return closed(fields_of(entity), (), (), is_owner=False)
    is_owner = entity.owner != "" and owner_of(token, entity.owner) == owner
    return closed(fields_of(entity), token.groups, token.scopes, is_owner=is_owner)


def presenter_for(entity: Entity, present: Present | None) -> Present:
    """Return a function that calls `present`, then removes what the caller may not read from the items."""

    def show(views: list[Object], context: Context) -> None:
        if present:
            present(views, context)
        hidden = unreadable(entity, context, context.owner)
        if hidden:
            views[:] = [{name: value for name, value in view.items() if name not in hidden} for view in views]

    return show


def check_selection(entity: Entity, context: Context, selection: Selection) -> None:
    """Raise Forbidden for a selection that would reveal a property that the caller may not read."""
    hidden = unreadable(entity, context, context.owner)
    readers = fields_of(entity).readers
    for name in (selection.name, selection.sort):
        if name in hidden:
            detail = f"{_who(readers[name])} may read {name}"
            fault = {"parameter": selection.name, "detail": detail}
            raise Forbidden("The list cannot be filtered or sorted by a property that you may not read.", [fault])


def fields_validator_for(entity: Entity, context: Context, make: Callable[[frozenset[str]], Validator]) -> Validator:
    """Return the validator of what the caller of a request writes to an entity with fields.

    make: returns the validator of trestle.operations.validation for callers who may not read some properties.
    """
    hidden = unreadable(entity, context, context.owner)
    closed = unwritable(entity, context, context.owner)
    if not hidden and not closed:
        return make(_NOBODY)
    return FieldsValidator(fields_of(entity).writers, make(_NOBODY), make(hidden), hidden, closed)


class FieldsValidator:
    """Validates the writes of a caller who may not read or write every property. It has the methods of Validator.

    The caller's object lacks those properties, and their stored values stay. A property that the caller may write but
    not read keeps its stored value unless the object has a new one.
    """

    __slots__ = (
        "_closed", "_hidden", "_kept", "_new", "_stored", "_writers", "has_read_only", "is_own_code", "is_separable",
        "keeps",
    )  # fmt: skip

    def __init__(
        self, writers: Rules, new: Validator, stored: Validator, hidden: frozenset[str], closed: frozenset[str]
    ) -> None:
        """Take validators of new and stored items, and the unreadable (hidden) and unwritable (closed) properties."""
        self._writers = writers
        self._new = new
        self._stored = stored
        self._hidden = hidden
        self._closed = closed
        self._kept = hidden | closed
        self.is_separable: bool = new.is_separable
        self.has_read_only: bool = new.has_read_only
        self.is_own_code: bool = new.is_own_code
        self.keeps = True

    def client_part(self, doc: Object) -> Object:
        """Return an object without its readOnly properties. Raise Forbidden for properties that it may not contain."""
        self._refuse_closed(doc)
        part: Object = self._new.client_part(doc)
        return part

    def client_changes(self, changes: Object) -> Object:
        """Return a merge patch without changes of readOnly properties. Raise Forbidden like client_part."""
        self._refuse_closed(changes)
        part: Object = self._new.client_changes(changes)
        return part

    def complete(self, doc: Object, *, is_new: bool = False) -> Object:
        """Return the caller's object with defaults. Raise InvalidItem, and Forbidden like client_part."""
        self._refuse_closed(doc)
        if is_new:
            whole: Object = self._new.complete(doc, is_new=True)
            return whole
        # A default must not replace a stored value, which `keep` adds later.
        return {
            name: value for name, value in self._stored.complete(doc).items() if name in doc or name not in self._kept
        }

    def keep(self, doc: Object, stored: Object) -> Object:
        """Return the caller's object with the kept properties of the stored one ({} for none). Raise InvalidItem."""
        whole = doc | {name: value for name, value in stored.items() if name in self._kept and name not in doc}
        if not self._kept <= whole.keys():
            filled = self._new.filled(whole)
            whole = {name: value for name, value in filled.items() if name in whole or name in self._kept}
        # A new item has nothing to reveal.
        kept: Object = (self._stored if stored else self._new).keep(whole, stored)
        return kept

    def is_flat(self, changes: Object) -> bool:
        """Return whether a merge patch can be validated and written without the stored object."""
        is_flat: bool = self._new.is_flat(changes)
        return is_flat

    def check_patch(self, changes: Object) -> None:
        """Raise InvalidItem with every fault of a flat merge patch."""
        self._new.check_patch(changes)

    def merged(self, doc: Object, stored: Object, changes: Collection[str]) -> Object:
        """Return the stored object with the caller's merge patch applied. Raise InvalidItem."""
        part = self._new.client_part(self._known(doc, changes))
        if self.is_separable:
            self._new.check_merged(part, changes)
        else:
            self._stored.check_merged(part, changes)
            required = self._new.required
            removed = [name for name in changes if name in self._hidden and name not in doc and name in required]
            if removed:
                faults = [{"pointer": pointer("", name), "detail": "Is required"} for name in removed]
                raise InvalidItem("The item does not fit its schema.", faults)
        kept: Object = self._stored.keep(doc, stored)
        return kept

    def visible(self, stored: Object) -> Object:
        """Return the part of a stored object that the caller may read."""
        return {name: value for name, value in stored.items() if name not in self._hidden}

    def with_hidden(self, doc: Object, stored: Object) -> Object:
        """Return an object with the stored properties that the caller may not read and that it lacks."""
        return {name: value for name, value in stored.items() if name in self._hidden} | doc

    def check(self, doc: Object) -> None:
        """Raise InvalidItem with every fault of a whole item."""
        self._stored.check(doc)

    def check_changed(self, doc: Object, changes: Collection[str]) -> None:
        """Raise InvalidItem with every fault of a whole item, of which these properties have changed."""
        self._stored.check_changed(self._known(doc, changes), changes)

    def check_replaced(self, doc: Object, changes: Collection[str]) -> None:
        """Raise InvalidItem with every fault of a whole item that replaces another one, like check_changed."""
        self._stored.check(self._known(doc, changes))

    def _known(self, doc: Object, changes: Collection[str]) -> Object:
        """Return an object without unchanged properties that the caller may not read: faults would reveal them."""
        return {name: value for name, value in doc.items() if name in changes or name not in self._kept}

    def _refuse_closed(self, doc: Object) -> None:
        faults = [
            {"pointer": pointer("", name), "detail": f"{_who(self._writers[name])} may write it"}
            for name in doc
            if name in self._closed
        ]
        if faults:
            raise Forbidden("The body has properties that you may not write.", faults)
