"""Selections by a filter's index: items whose property has a value and whose sort property is in a range."""

from __future__ import annotations

from trestle.store.attributes import encode, encode_name
from trestle.store.derived import hash_key, hash_name, sort_name
from trestle.store.page import Index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The lower bounds, the upper bounds and the prefix of a range.
OPERATORS = ("gt", "gte", "lt", "lte", "prefix")
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Selection:
    """The items whose property `name` has the value and whose `sort` property meets the conditions.

    conditions: operator -> bound. The bound is a text or, if the sort is numeric, a number as strict_json reads it.
    """

    __slots__ = ("_conditions", "_numeric", "_value", "name", "sort")

    def __init__(self, name: str, value: Any, sort: str, conditions: dict[str, Any], *, numeric: bool) -> None:
        self.name = name
        self._value = value
        self.sort = sort
        self._conditions = conditions
        self._numeric = numeric

    def __str__(self) -> str:
        """Return a text that is the same for equal selections, in any order of conditions."""
        return repr((self.name, self._value, self.sort, sorted(self._conditions.items())))

    def index(self, owner: str, *, descending: bool) -> Index:
        """Return the part of an index with an owner's items of this selection."""
        name = hash_name(self.name)
        kind = "N" if self._numeric else "S"
        bounds = {operator: {kind: str(bound)} for operator, bound in self._conditions.items()}
        condition, values, is_before_end = _key_condition(bounds, descending=descending)
        return Index(
            name, (name, hash_key(self._value, owner)), (sort_name(self.sort, self._numeric), kind),
            condition, values, is_before_end=is_before_end, descending=descending,
        )  # fmt: skip

    def scan_request(self) -> dict[str, Any]:
        """Return the filter of a Scan over the items of all owners for this selection.

        It finds the items that the index contains: those with a key for both the property and the sort.
        """
        names = {"#hash": hash_name(self.name), "#sort": sort_name(self.sort, self._numeric)}
        names |= {"#doc": "doc", "#name": encode_name(self.name)}
        values = {":value": encode(self._value)}
        conditions = ["attribute_exists(#hash)", "attribute_exists(#sort)", "#doc.#name=:value"]
        for operator, bound in self._conditions.items():
            values[f":{operator}"] = {"N" if self._numeric else "S": str(bound)}
            conditions.append(
                "begins_with(#sort,:prefix)" if operator == "prefix" else f"#sort{_SIGNS[operator]}:{operator}"
            )
        return {
            "FilterExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }


def _key_condition(
    bounds: dict[str, dict[str, str]], *, descending: bool
) -> tuple[str, dict[str, Any], Callable[[dict[str, str]], bool] | None]:
    """Return a key condition on `#sort` for the bounds, its values, and a check for the range's end.

    DynamoDB allows one condition on the range key and no filter on it, so the condition may cover only the start of a
    range. In that case the check returns whether a range key is still within the range, and reading stops at the first
    key that is not; otherwise it is None. The condition is empty without bounds.
    """
    if "prefix" in bounds:
        return "begins_with(#sort,:prefix)", {":prefix": bounds["prefix"]}, None
    low = next((operator for operator in bounds if operator[0] == "g"), "")
    high = next((operator for operator in bounds if operator[0] == "l"), "")
    first, last = (high, low) if descending else (low, high)
    if not (low and high):
        only = low or high
        return (f"#sort{_SIGNS[only]}:bound", {":bound": bounds[only]}, None) if only else ("", {}, None)
    end = _sort_value(bounds[last])

    def is_before_end(key: dict[str, str]) -> bool:
        value = _sort_value(key)
        return bool((value > end if descending else value < end) or (value == end and last.endswith("e")))

    # DynamoDB refuses a range whose end is before its start, and has no range that excludes its bounds.
    if first.endswith("e") and _sort_value(bounds[low]) <= _sort_value(bounds[high]):
        values = {":low": bounds[low], ":high": bounds[high]}
        return "#sort BETWEEN :low AND :high", values, None if last.endswith("e") else is_before_end
    return f"#sort{_SIGNS[first]}:bound", {":bound": bounds[first]}, is_before_end


def _sort_value(key: dict[str, str]) -> Any:
    """Return the value that orders a key. Python orders texts by code points, the same order as their UTF-8 bytes."""
    if "S" in key:
        return key["S"]
    from decimal import Decimal  # adds 6 ms to a cold start; only ranges of numbers need it

    return Decimal(key["N"])
