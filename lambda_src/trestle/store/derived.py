"""Derive attributes from an item's object: the keys of the filters' indexes, and the time to live.

A filter F that sorts by the property S has the index by_F. Its hash key is by_F, and its range key is sort_S, or
number_S if S is a number. The type is part of the name because Terraform compares keys by name, and replaces an index
only if a name changes. Each attribute depends on one property alone, so that a patch can update it without a read.
The index contains the items that have both keys. Hash keys include the owner, so that a filter finds no other
owner's items.
"""

from __future__ import annotations

from functools import cache

from trestle.item import join_key
from trestle.store.records import EXPIRES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from trestle.entity import Entity

    Attribute = dict[str, str]
    Derive = Callable[[Any], Attribute | None]

# DynamoDB limits hash keys to 2048 bytes and range keys to 1024.
MAX_KEY_BYTES = 1024
# Represents the empty text, which DynamoDB rejects as a key. It sorts before all other texts.
_EMPTY = "\0"
# The year 33658. Larger numbers are hardly seconds.
MAX_SECONDS = 10**12
# The characters that DynamoDB allows in the names of indexes and their keys, except the dot, which escapes others.
# Names have at most 255 characters, a few of which are for our prefixes.
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_MAX_NAME_CHARACTERS = 240
# The prefixes of the names of derived attributes.
PREFIXES = ("by_", "number_", "sort_")


class Derivation:
    """Derives one entity's attributes.

    filters: the sort property of each filter. ttl: the property with the item's expiry time, or None. numeric: the
    sort properties whose values are numbers.
    """

    __slots__ = ("_hashes", "_rules")

    def __init__(self, filters: Mapping[str, str], ttl: str | None, numeric: Iterable[str]) -> None:
        self._hashes = {hash_name(name): name for name in filters}
        rules: dict[str, tuple[str, Derive]] = {}
        for sort in filters.values():
            if sort != "createdAt":
                is_number = sort in numeric
                rules[sort_name(sort, is_number)] = (sort, number_key if is_number else text_key)
        if ttl:
            rules[EXPIRES] = (ttl, expiry)
        self._rules = rules

    def of(self, doc: Mapping[str, Any], owner: str) -> dict[str, Attribute | None]:
        """Return all derived attributes of an owner's object; None for those that the item does not get."""
        names = [*self._hashes.values(), *(name for name, _ in self._rules.values())]
        return self.of_changes({name: doc.get(name) for name in names}, owner)

    def of_changes(self, changes: Mapping[str, Any], owner: str) -> dict[str, Attribute | None]:
        """Return the attributes that depend on changed properties, like `of`. None is a removed property."""
        hashes = {
            attribute: hash_key(changes[name], owner) for attribute, name in self._hashes.items() if name in changes
        }
        others = {
            attribute: derive(changes[name]) for attribute, (name, derive) in self._rules.items() if name in changes
        }
        return hashes | others


@cache
def derivation_of(entity: Entity) -> Derivation:
    """Return the entity's Derivation, which is made once."""
    numeric = {sort for sort in entity.filters.values() if entity.is_numeric(sort)}
    return Derivation(entity.filters, entity.ttl, numeric)


def is_derived(attribute: str) -> bool:
    """Return whether an attribute is a key of a present or former filter, or the time to live."""
    return attribute.startswith(PREFIXES) or attribute == EXPIRES


def hash_name(name: str) -> str:
    """Return the name of a filter's index and of its hash key."""
    return f"by_{_key_name(name)}"


def sort_name(sort: str, is_number: bool) -> str:
    """Return the name of the range key of an index that sorts by a property."""
    if sort == "createdAt":
        return sort
    return f"number_{_key_name(sort)}" if is_number else f"sort_{_key_name(sort)}"


def _key_name(name: str) -> str:
    """Return a property's name in characters that DynamoDB allows, as modules/service/locals.tf does."""
    escaped = name
    if not _NAME_CHARACTERS.issuperset(name):
        signs = (sign if sign in _NAME_CHARACTERS else _escaped(sign) for sign in name)
        escaped = "".join(signs)
    if len(escaped) <= _MAX_NAME_CHARACTERS:
        return escaped
    from hashlib import sha256  # few names are that long

    return f"..{sha256(name.encode()).hexdigest()}"


def _escaped(sign: str) -> str:
    return "".join(f".{byte:02X}" for byte in sign.encode())


def hash_key(value: Any, owner: str) -> Attribute | None:
    """Return the hash key for a value in an owner's item. Values that are equal in JSON have equal keys.

    Return None for values that no filter finds: null, objects, arrays and texts over 1 KB.
    """
    if isinstance(value, str):
        text = f"s:{value}" if len(value.encode()) <= MAX_KEY_BYTES else ""
    elif value is None or isinstance(value, dict | list):
        text = ""
    elif isinstance(value, bool):
        text = "b:true" if value else "b:false"
    else:
        text = f"n:{value}"
    return {"S": join_key(owner, text)} if text else None


def text_key(value: Any) -> Attribute | None:
    """Return the range key for a text, or None for other values and texts over 1 KB."""
    if isinstance(value, str) and len(value.encode()) <= MAX_KEY_BYTES:
        return {"S": value or _EMPTY}
    return None


def number_key(value: Any) -> Attribute | None:
    """Return the range key for a number, or None for other values."""
    if value is None or isinstance(value, str | bool | dict | list):
        return None
    return {"N": str(value)}


def expiry(value: Any) -> Attribute | None:
    """Return when an item expires, in whole seconds since 1970, rounded up.

    value: seconds since 1970 or an RFC 3339 date-time. With any other value the item never expires.
    """
    if isinstance(value, str):
        from trestle.instant import parse_instant

        try:
            return {"N": str(-(-parse_instant(value) // 1_000_000))}
        except ValueError:
            return None
    if not number_key(value) or abs(value) >= MAX_SECONDS:
        return None
    whole = int(value)
    return {"N": str(whole + (value > whole))}
