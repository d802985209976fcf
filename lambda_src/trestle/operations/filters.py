"""Filters: they narrow a list by the value of one property and the range of another."""

from __future__ import annotations

from trestle.errors import InvalidRequest
from trestle.store.selections import OPERATORS, Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trestle.entity import Entity


class Filter:
    """A declared filter: the property's name, schema and type, its sort property, and whether that is numeric."""

    __slots__ = ("name", "numeric", "schema", "sort", "type")

    def __init__(self, entity: Entity, name: str, sort: str) -> None:
        self.name = name
        self.schema: dict[str, Any] = entity.schema.get("properties", {}).get(name, {})
        self.type = entity.property_type(name)
        self.sort = sort
        self.numeric = entity.is_numeric(sort)

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators for the sort property."""
        return OPERATORS[:-1] if self.numeric else OPERATORS

    def selection(self, value: Any, conditions: dict[str, Any]) -> Selection:
        """Return the selection for a value of the property and bounds by operator."""
        return Selection(self.name, value, self.sort, conditions, numeric=self.numeric)


def filters_of(entity: Entity) -> dict[str, Filter]:
    """Return the entity's filters by name."""
    return {name: Filter(entity, name, sort) for name, sort in entity.filters.items()}


def bounds_of(filters: Mapping[str, Filter]) -> dict[str, tuple[str, str]]:
    """Return the property and operator of each bound by the bound's name, such as dueDate.gte."""
    return {
        f"{each.sort}.{operator}": (each.sort, operator) for each in filters.values() for operator in each.operators
    }


def selection_of(
    filters: Mapping[str, Filter], bounds: Mapping[str, tuple[str, str]], query: Mapping[str, Any]
) -> Selection | None:
    """Return the selection for the values of filters and bounds by name, or None without a filter.

    bounds: the result of bounds_of for these filters. Other names in the query are ignored. Raise InvalidRequest for
    filters and bounds that cannot be combined.
    """
    faults: list[dict[str, str]] = []
    chosen: Filter | None = None
    conditions: dict[str, Any] = {}
    for name in query:
        if name not in filters:
            continue
        if chosen:
            detail = f"One filter can be used at a time: leave out this one or {chosen.name}"
            faults.append({"parameter": name, "detail": detail})
        else:
            chosen = filters[name]
    for name, bound in query.items():
        if name not in bounds:
            continue
        sort, operator = bounds[name]
        if not chosen or chosen.sort != sort:
            able = " or ".join(each.name for each in filters.values() if each.sort == sort)
            faults.append({"parameter": name, "detail": f"Is for lists that are filtered by {able}"})
        elif other := next((each for each in conditions if _exclude(each, operator)), None):
            faults.append({"parameter": name, "detail": f"Cannot be used together with {sort}.{other}"})
        else:
            conditions[operator] = bound
    if faults:
        raise InvalidRequest("The query is not valid.", faults)
    return chosen.selection(query[chosen.name], conditions) if chosen else None


def _exclude(one: str, other: str) -> bool:
    """Return whether two operators exclude each other: two lower bounds, two upper bounds, or a prefix and a range."""
    return "prefix" in (one, other) or one[:2] == other[:2]
