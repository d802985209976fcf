"""Conditions on the range key of a filter's index."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from trestle.operations.filters import Selection

_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def key_condition(
    selection: Selection, *, descending: bool
) -> tuple[str, dict[str, Any], Callable[[dict[str, str]], bool] | None]:
    """A selection's conditions on `#sort`: one, as DynamoDB takes no more, which may be less than a range.

    Returns the condition, empty for none, its values, and what tells of a range key whether it is before the
    range's end, None when the condition tells it: reading stops at the first key beyond. (DynamoDB does not
    filter by keys.)
    """
    kind = "N" if selection.numeric else "S"
    bounds = {operator: {kind: str(bound)} for operator, bound in selection.conditions.items()}
    if "prefix" in bounds:
        return "begins_with(#sort,:prefix)", {":prefix": bounds["prefix"]}, None
    low = next((operator for operator in bounds if operator[0] == "g"), "")
    high = next((operator for operator in bounds if operator[0] == "l"), "")
    first, last = (high, low) if descending else (low, high)
    if not (low and high):
        only = low or high
        return (f"#sort{_SIGNS[only]}:bound", {":bound": bounds[only]}, None) if only else ("", {}, None)
    end = _rank(bounds[last])

    def is_before_end(key: dict[str, str]) -> bool:
        rank = _rank(key)
        return bool((rank > end if descending else rank < end) or (rank == end and last.endswith("e")))

    # DynamoDB refuses a range that ends before it begins, and knows none without its bounds.
    if first.endswith("e") and _rank(bounds[low]) <= _rank(bounds[high]):
        values = {":low": bounds[low], ":high": bounds[high]}
        return "#sort BETWEEN :low AND :high", values, None if last.endswith("e") else is_before_end
    return f"#sort{_SIGNS[first]}:bound", {":bound": bounds[first]}, is_before_end


def _rank(key: dict[str, str]) -> Any:
    """What a key is ordered by; texts in Python's order, by code points, are in that of their UTF-8 too."""
    if "S" in key:
        return key["S"]
    from decimal import Decimal  # 6 ms of a cold start, which only ranges of numbers need

    return Decimal(key["N"])
