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
        """A part of the items that an index holds together, such as store.selections.Selection."""

        def index(self, owner: str, *, descending: bool) -> Index:
            """Return where to read an owner's items of the selection."""
            ...


class InvalidPositionError(Exception):
    """No page of this list ended at the position."""


class Index:
    """Where a list reads: a part of an index of the table, in its order.

    hash_key: the attribute's name and value. sort_key: the attribute's name and type, "S" or "N". condition: what
    the range key, "#sort", has to meet, with its values. is_before_end: whether a range key lies before the
    part's end, None if the condition says it all.
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
        """Return the index's part of the key that a page starts after."""
        return {**self._hash, self.sort: {self.sort_type: position}}

    def before_end(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the records before the first that is beyond the end."""
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
    """Return up to `limit` items after a position, of all or of a selection, and the position of the last.

    They come in the order of createdAt or of the selection's sort; those of an unordered list in none. The
    position is None when nothing comes after it. It is the item's id, and in an ordered list the text of what the
    list is ordered by. Raises InvalidPositionError.
    """
    index = None
    if selection:
        index = selection.index(context.owner, descending=descending)
    elif entity.is_ordered:
        collection = {"S": join_key(context.owner, entity.name)}
        index = Index("created", ("collection", collection), ("createdAt", "S"), descending=descending)
    payload: dict[str, Any] = {"Limit": limit + 1}  # one more tells whether this page is the last
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
    """Return up to `limit` records that a Query on an index finds, or a Scan, and whether they are the last.

    payload: the request, which is changed. Raises InvalidPositionError.
    """
    after = "ExclusiveStartKey" in payload
    records: list[dict[str, Any]] = []
    while True:
        try:
            reply = table.call(entity, context, "Query" if index else "Scan", payload).body
        except ServiceError as error:
            # DynamoDB refuses a start that is no key, or is outside of what the condition lets through.
            if after and error.code == "ValidationException":
                raise InvalidPositionError from None
            raise
        found = reply["Items"]
        inside = index.before_end(found) if index else found
        records += (record for record in inside if not has_expired(entity, record))
        start = reply.get("LastEvaluatedKey") if len(inside) == len(found) else None
        payload["ExclusiveStartKey"] = start
        # DynamoDB also stops at 1 MB; where it has stopped for that, two items make a page.
        if not start or len(records) > limit or (len(records) > 1 and len(found) <= limit):
            break
    if not start and len(records) <= limit:
        return records, True
    # Nothing may be left after 1 MB: the last item is left for the next page, so that one is never empty.
    del records[min(limit, len(records) - 1) :]
    return records, False
