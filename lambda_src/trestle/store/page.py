"""Read one page of an entity's items."""

from __future__ import annotations

from itertools import takewhile

from trestle.item import join_key
from trestle.store import table
from trestle.store.dynamodb import ServiceError
from trestle.store.records import has_expired, item_of, key_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item

    class Indexed(Protocol):
        """A part of the items that an index groups, such as store.selections.Selection."""

        def index(self, owner: str, *, descending: bool) -> Index:
            """Return the part of an index with an owner's items of the selection."""
            ...


class InvalidPositionError(Exception):
    """The position is not the end of a page of this list."""


class Index:
    """The part of a table's index that a list reads, in the index's order.

    hash_key: the attribute's name and value. sort_key: the attribute's name and type, "S" or "N". condition: the
    condition on the range key, "#sort", with its values. is_before_end: returns whether a range key is within the
    range, None if the condition covers the whole range.
    """

    __slots__ = ("_hash", "_is_before_end", "request", "sort", "sort_type")

    def __init__(
        self,
        name: str,
        hash_key: tuple[str, dict[str, Any] | None],
        sort_key: tuple[str, str],
        condition: str = "",
        values: dict[str, Any] | None = None,
        *,
        is_before_end: Callable[[dict[str, str]], bool] | None = None,
        descending: bool,
    ) -> None:
        self.sort, self.sort_type = sort_key
        self._is_before_end = is_before_end
        hash_name, hash_value = hash_key
        self._hash: dict[str, Any] = {hash_name: hash_value}
        names = {"#hash": hash_name}
        if condition:
            names["#sort"] = self.sort
        self.request = {
            "IndexName": name,
            "KeyConditionExpression": f"#hash=:hash AND {condition}" if condition else "#hash=:hash",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":hash": hash_value, **(values or {})},
            "ScanIndexForward": not descending,
        }

    def start_key(self, position: str) -> dict[str, Any]:
        """Return the index's part of a page's exclusive start key."""
        return {**self._hash, self.sort: {self.sort_type: position}}

    def before_end(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the records up to the end of the range."""
        before = self._is_before_end
        return list(takewhile(lambda record: before(record[self.sort]), records)) if before else records


def page(
    entity: Entity,
    context: Context,
    limit: int,
    after: list[str] | None,
    selection: Indexed | None = None,
    *,
    descending: bool = False,
) -> tuple[list[Item], list[str] | None]:
    """Return at most `limit` items after a position, and the position of the last one.

    They are ordered by createdAt or the selection's sort; an unordered list has no order. A position is the item's id
    and, in an ordered list, the text of the value that orders it. The returned position is None on the last page.
    Raises InvalidPositionError.
    """
    index = None
    if selection:
        index = selection.index(context.owner, descending=descending)
    elif entity.is_ordered:
        collection = {"S": join_key(context.owner, entity.name)}
        index = Index("created", ("collection", collection), ("createdAt", "S"), descending=descending)
    payload: dict[str, Any] = {"Limit": limit + 1}  # one more shows whether this page is the last
    if index:
        payload |= index.request
    if after:
        payload["ExclusiveStartKey"] = key_of(after[0], context.owner) | (index.start_key(after[1]) if index else {})
    records, is_last = read(entity, context, limit, payload, index)
    items = [item_of(entity, record) for record in records]
    if is_last:
        return items, None
    return items, [items[-1].id, *((records[-1][index.sort][index.sort_type],) if index else ())]


def read(
    entity: Entity, context: Context, limit: int, payload: dict[str, Any], index: Index | None = None
) -> tuple[list[dict[str, Any]], bool]:
    """Return at most `limit` records of a Query on an index, or of a Scan, and whether they are the last ones.

    payload: the request, which this function modifies. Raises InvalidPositionError.
    """
    after = "ExclusiveStartKey" in payload
    records: list[dict[str, Any]] = []
    while True:
        try:
            reply = table.call(entity, context, "Query" if index else "Scan", payload).body
        except ServiceError as error:
            # DynamoDB refuses a start that is not a key, or that the condition excludes.
            if after and error.code == "ValidationException":
                raise InvalidPositionError from None
            raise
        found = reply["Items"]
        inside = index.before_end(found) if index else found
        records += (record for record in inside if not has_expired(entity, record))
        start = reply.get("LastEvaluatedKey") if len(inside) == len(found) else None
        payload["ExclusiveStartKey"] = start
        # DynamoDB also stops at 1 MB. In that case two items suffice for a page.
        if not start or len(records) > limit or (len(records) > 1 and len(found) <= limit):
            break
    if not start and len(records) <= limit:
        return records, True
    # There may be no more items after 1 MB. The last one moves to the next page, so that no page is empty.
    del records[min(limit, len(records) - 1) :]
    return records, False
