"""Attributes that are derived from an item's object: the keys of the filters' indexes, the time to live.

A filter F by the property S has the index by_F, with by_F as hash key and sort_S as range key. Each attribute
is derived from one property alone, so that a patch can tell what becomes of it without a read; the index
holds the items that have both.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Attribute = dict[str, str]
    Derive = Callable[[Any], Attribute | None]

EXPIRES = "expires"
# DynamoDB takes 2048 bytes as a hash key and 1024 as a range key.
MAX_KEY_BYTES = 1024
# Seconds beyond are no time that anyone means, and the year 33658.
MAX_SECONDS = 10**12


class Derivation:
    """How one entity's attributes are derived.

    filters: the property that each filter sorts by. ttl: the property that says when an item expires, or
    None. numeric: those of the sort properties whose values are numbers.
    """

    __slots__ = ("_rules",)

    def __init__(self, filters: Mapping[str, str], ttl: str | None, numeric: Iterable[str]) -> None:
        rules: dict[str, tuple[str, Derive]] = {hash_name(name): (name, hash_key) for name in filters}
        for sort in filters.values():
            if sort != "createdAt":
                rules[sort_name(sort)] = (sort, number_key if sort in numeric else text_key)
        if ttl:
            rules[EXPIRES] = (ttl, expiry)
        self._rules = rules

    def of(self, doc: Mapping[str, Any]) -> dict[str, Attribute | None]:
        """Every derived attribute of a whole object, None for one that its item does not have."""
        return {attribute: derive(doc.get(name)) for attribute, (name, derive) in self._rules.items()}

    def of_changes(self, changes: Mapping[str, Any]) -> dict[str, Attribute | None]:
        """The attributes that depend on changed properties, as `of`; a removed property is None."""
        return {
            attribute: derive(changes[name])
            for attribute, (name, derive) in self._rules.items()
            if name in changes
        }


def hash_name(name: str) -> str:
    """The name of a filter's index and of its hash key."""
    return f"by_{name}"


def sort_name(sort: str) -> str:
    """The name of the range key of an index that sorts by a property."""
    return "createdAt" if sort == "createdAt" else f"sort_{sort}"


def hash_key(value: Any) -> Attribute | None:
    """The hash key for a property's value: equal for values that are equal in JSON.

    None for what no filter finds: null, objects, arrays and texts of over 1 KB.
    """
    if isinstance(value, str):
        return {"S": f"s:{value}"} if len(value.encode()) <= MAX_KEY_BYTES else None
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return {"S": "b:true" if value else "b:false"}
    return {"S": f"n:{value}"}


def text_key(value: Any) -> Attribute | None:
    """The range key for a text; None for what can not be one: other values, empty texts, over 1 KB."""
    if isinstance(value, str) and 0 < len(value.encode()) <= MAX_KEY_BYTES:
        return {"S": value}
    return None


def number_key(value: Any) -> Attribute | None:
    """The range key for a number; None for other values."""
    if value is None or isinstance(value, str | bool | dict | list):
        return None
    return {"N": str(value)}


def expiry(value: Any) -> Attribute | None:
    """When an item expires, in whole seconds since 1970, rounded up.

    value: a number of seconds since 1970 or an RFC 3339 date-time; an item with anything else never expires.
    """
    if isinstance(value, str):
        from trestle.instant import instant

        try:
            return {"N": str(-(-instant(value) // 1_000_000))}
        except ValueError:
            return None
    if not number_key(value) or abs(value) >= MAX_SECONDS:
        return None
    whole = int(value)
    return {"N": str(whole + (value > whole))}
