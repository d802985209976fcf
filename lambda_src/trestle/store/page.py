"""Read one page of the collection."""

from __future__ import annotations

from itertools import takewhile

from trestle.config import CONFIG
from trestle.item import owned
from trestle.store import table
from trestle.store.dynamodb import ServiceError
from trestle.store.records import has_expired, item_of, key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from trestle.item import Item
    from trestle.operations.filters import Selection

if CONFIG.filters:
    from trestle.store.derived import hash_key, hash_name, sort_name
    from trestle.store.ranges import key_condition


class BadPlace(Exception):  # noqa: N818 - the caller's fault, no failure of ours
    """A place where no page of this list ended."""


def page(
    limit: int,
    owner: str,
    after: list[str] | None,
    selection: Selection | None = None,
    *,
    descending: bool = False,
    deadline: float | None = None,
) -> tuple[list[Item], list[str] | None]:
    """Up to `limit` of an owner's items after a place, of all or of a selection.

    They come in the order of createdAt or of the selection's sort; those of an unordered list in none.
    Returns the items and the place of the last, None when nothing comes after it. A place is the id, then the
    text of what an ordered list goes by. Raises BadPlace.
    """
    ordered = selection or CONFIG.list == "created"
    index = _Index(owner, selection, descending=descending) if ordered else None
    payload: dict[str, Any] = {"Limit": limit + 1}  # one more tells whether this page is the last
    if index:
        payload |= index.request
    if after:
        payload["ExclusiveStartKey"] = key_of(after[0], owner) | (index.start(after[1]) if index else {})
    records: list[dict[str, Any]] = []
    while True:
        try:
            reply = table.call("Query" if index else "Scan", payload, deadline).body
        except ServiceError as error:
            # DynamoDB refuses a start that is no key, or is outside of what the condition lets through.
            if after and error.code == "ValidationException":
                raise BadPlace from None
            raise
        found = reply["Items"]
        inside = index.inside(found) if index else found
        records += (record for record in inside if not has_expired(record))
        start = reply.get("LastEvaluatedKey") if len(inside) == len(found) else None
        payload["ExclusiveStartKey"] = start
        # DynamoDB also stops at 1 MB; where it has stopped for that, two items make a page.
        if not start or len(records) > limit or (len(records) > 1 and len(found) <= limit):
            break
    if not start and len(records) <= limit:
        return [item_of(record) for record in records], None
    # Nothing may be left after 1 MB: the last item is left for the next page, so that one is never empty.
    del records[min(limit, len(records) - 1) :]
    items = [item_of(record) for record in records]
    return items, [items[-1].id, *((records[-1][index.sort][index.kind],) if index else ())]


class _Index:
    """The index of an owner's list: by its range key `sort`, an attribute of the kind "S" or "N"."""

    __slots__ = ("_hash", "_is_before_end", "kind", "request", "sort")

    def __init__(self, owner: str, selection: Selection | None, *, descending: bool) -> None:
        name, self.sort, self.kind, condition = "created", "createdAt", "S", ""
        self._hash: dict[str, Any] = {"collection": {"S": owned(CONFIG.entity, owner)}}
        self._is_before_end: Callable[[dict[str, str]], bool] | None = None
        values: dict[str, Any] = {}
        if selection:
            name, self.sort = hash_name(selection.name), sort_name(selection.sort, selection.numeric)
            self.kind = "N" if selection.numeric else "S"
            self._hash = {name: hash_key(selection.value, owner)}
            condition, values, self._is_before_end = key_condition(selection, descending=descending)
        ((hash_attribute, value),) = self._hash.items()
        names = {"#hash": hash_attribute}
        if condition:
            names["#sort"] = self.sort
        self.request = {
            "IndexName": name,
            "KeyConditionExpression": f"#hash=:hash AND {condition}" if condition else "#hash=:hash",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":hash": value, **values},
            "ScanIndexForward": not descending,
        }

    def start(self, place: str) -> dict[str, Any]:
        """The index's part of the key that a page starts after."""
        return {**self._hash, self.sort: {self.kind: place}}

    def inside(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The records before the first that is beyond the selection's range."""
        before = self._is_before_end
        return list(takewhile(lambda record: before(record[self.sort]), records)) if before else records
