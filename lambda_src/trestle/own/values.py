"""Convert the values of items for own code, and back.

Own code gets numbers as int or Decimal, never as the floats of trestle.strict_json, whose arithmetic is inexact.
"""

from __future__ import annotations

from trestle import app, errors
from trestle.errors import QuotableError
from trestle.item import RESERVED, state_of
from trestle.strict_json import MAX_DEPTH, parse_number, pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, NoReturn

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.errors import Refusal
    from trestle.item import Item

_EXACT_BELOW = 10**38
_WHOLE = "The value"  # the subject of messages about a value without a pointer


class ValueTypeError(QuotableError, TypeError):
    """A value has a type that JSON lacks. The message names the property."""


class UnkeepableError(QuotableError, ValueError):
    """A value cannot be stored. The message names the property."""


class FaultsError(QuotableError):
    """The reasons for which an item is invalid, for the log: places and rules without values."""

    def __init__(self, refusal: Refusal) -> None:
        faults = "; ".join(
            f"{fault.get('pointer') or fault.get('parameter')}: {fault['detail']}" for fault in refusal.faults
        )
        super().__init__(f"{refusal.detail} {faults}".rstrip())


class ArgumentError(QuotableError):
    """The reason for which an argument of own code is invalid, for the log, without its value."""


def invalid(detail: str, reason: str = "") -> app.Invalid:
    """Return the exception for an invalid argument. reason: `detail` without values, if it has any."""
    error = app.Invalid(detail)
    error.__cause__ = ArgumentError(reason or detail)
    return error


def raise_public(refusal: errors.Refusal) -> NoReturn:
    """Raise the exception of trestle.app for a refusal. Own code's Refuse is passed on."""
    if isinstance(refusal, errors.Refused):
        raise refusal
    if isinstance(refusal, errors.Forbidden):
        forbidden = app.Refuse(refusal.detail, status=403, code="forbidden")
        forbidden.faults.extend(refusal.faults)
        raise forbidden from None
    if isinstance(refusal, errors.NotFound):
        raise app.NotFound from None
    if isinstance(refusal, errors.Changed):
        raise app.Changed from None
    if isinstance(refusal, errors.Conflict):
        raise app.Changed(refusal.detail) from None
    if isinstance(refusal, errors.Unavailable):
        raise app.Unavailable(refusal.detail) from refusal
    raise app.Invalid(refusal.detail, refusal.faults) from FaultsError(refusal)


def states_of(if_match: str | None) -> Sequence[tuple[str, int]] | None:
    """Return the states that an entity tag identifies, None for any. Raise ValueTypeError unless it is a text."""
    if if_match is None:
        return None
    if not isinstance(if_match, str):
        raise ValueTypeError(f"if_match is a {type(if_match).__name__}. Use the etag of an item, or None.")
    state = state_of(if_match)
    return [state] if state else []


def public_item(item: Item, owner: str) -> app.Item:
    """Return an owner's item for own code. owner: "" for an item without an owner."""
    return app.Item(
        exact(item.doc),
        id=item.id, owner=owner, version=item.version, created_at=item.created_at, updated_at=item.updated_at,
    )  # fmt: skip


def shown_item(entity: Entity, context: Context, item: Item, owner: str) -> app.Item:
    """Return an owner's item for own code that acts for a request's caller, without unreadable properties."""
    if entity.fields:
        from trestle.operations.fields import unreadable  # most entities do not need it

        hidden = unreadable(entity, context, owner)
        doc = {name: value for name, value in item.doc.items() if name not in hidden}
        item = item.with_doc(doc)
    return public_item(item, owner)


def draft_of(doc: dict[str, Any], item_id: str, owner: str, changed: Iterable[str]) -> app.Draft:
    """Return the draft of a JSON object. changed: the names of the properties that the request changes."""
    draft = app.Draft(id=item_id, owner=owner, changed=changed)
    dict.update(draft, exact(doc))  # skips Draft's search for floats, since there are none
    return draft


def exact(value: Any) -> Any:
    """Return a copy of a JSON value with a Decimal in place of each float."""
    kind = type(value)
    if kind is dict:
        return {name: exact(member) for name, member in value.items()}
    if kind is list:
        return [exact(element) for element in value]
    if kind is float:
        from decimal import Decimal  # adds 6 ms to a cold start, and few items need it

        return Decimal(repr(value))
    return value


def plain_object(value: Any) -> dict[str, Any]:
    """Return the properties of an item from own code, with the types of strict_json.

    Raise FloatError, ValueTypeError or UnkeepableError, which name the first invalid property.
    """
    found = plain_view(value)
    for name in found:
        if name in RESERVED:
            raise UnkeepableError(f"/{name} is a property that only the server sets.")
    return found


def plain_view(value: Any) -> dict[str, Any]:
    """Return an item of an answer from own code, with the types of strict_json. Raise like plain_object."""
    if not isinstance(value, dict):
        raise ValueTypeError(f"An item is a dict, not a {type(value).__name__}.")
    found: dict[str, Any] = value if is_plain(value) else plain(value)
    return found


def is_plain(value: Any, depth: int = 1) -> bool:
    """Return whether a value certainly has the types of strict_json, so that no copy is needed."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    if kind is int:
        return bool(-_EXACT_BELOW < value < _EXACT_BELOW)
    if kind is dict:
        if depth > MAX_DEPTH:
            return False
        for name, member in value.items():
            if type(name) is not str or not name.isascii():
                return False
            if not (member.isascii() if type(member) is str else is_plain(member, depth + 1)):
                return False
        return True
    if kind is list:
        if depth > MAX_DEPTH:
            return False
        return all(is_plain(element, depth + 1) for element in value)
    return kind is bool or value is None


def plain(value: Any, where: str = "", depth: int = 1) -> Any:
    """Return a value from own code with the types of strict_json. where: its JSON pointer, or ""."""
    if isinstance(value, str):
        return _text(value, where)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < _EXACT_BELOW else _number(value, where)
    if isinstance(value, float):
        raise app.FloatError(f"{where or _WHOLE} is a float. Use int or Decimal for the numbers of items.")
    if isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise UnkeepableError(f"{where} is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(value, list):
            return [plain(element, pointer(where, index), depth + 1) for index, element in enumerate(value)]
        return {_name(name, where): plain(each, pointer(where, name), depth + 1) for name, each in value.items()}
    from decimal import Decimal

    if isinstance(value, Decimal):
        if not value.is_finite():
            raise UnkeepableError(f"{where or _WHOLE} is {value}, which JSON lacks.")
        return _number(value, where)
    raise ValueTypeError(f"{where or _WHOLE} is a {type(value).__name__}, which JSON lacks.")


def is_same(one: Any, other: Any) -> bool:
    """Return whether a value from own code still equals the JSON value that it was made from, including types."""
    if one is other:  # unchanged scalars; arrays and objects are copies
        return True
    kind = type(one)
    if kind is dict or kind is app.Draft:
        if type(other) is not dict or len(one) != len(other):
            return False
        for name, member in one.items():
            if name not in other or not (member is other[name] or is_same(member, other[name])):
                return False
        return True
    if kind is list:
        return type(other) is list and len(one) == len(other) and all(map(is_same, one, other))
    if type(other) is float:
        return kind.__name__ == "Decimal" and str(one) == repr(other)
    return kind is type(other) and bool(one == other)


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """Return the names of the properties that differ between two JSON objects."""
    return {
        name
        for name in one.keys() | other.keys()
        if name not in one or name not in other or not is_same(one[name], other[name])
    }


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnkeepableError(f"{where or _WHOLE} contains a lone surrogate.") from None
    return str.__str__(value)


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str):
        raise ValueTypeError(f"{where or '/'} has a name that is a {type(name).__name__}. Names are texts.")
    return _text(name, where or "/")


def _number(value: Any, where: str) -> Any:
    try:
        return parse_number(str(value))
    except ValueError:
        raise UnkeepableError(
            f"{where or _WHOLE} is a number that cannot be stored. Numbers may have 38 significant digits and "
            "magnitudes from 1e-130 to 9.99e125."
        ) from None
