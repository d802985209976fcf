"""Filters: the properties by whose value a list can be narrowed, and by another's range."""

from __future__ import annotations

from trestle.config import CONFIG
from trestle.schema.files import load
from trestle.schema.types import is_numeric, property_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Where a range may begin and end, and the start that texts may share.
OPERATORS = ("gt", "gte", "lt", "lte", "prefix")

_SCHEMA = load(CONFIG.schema) if CONFIG.schema else {}


class Filter:
    """A filter as declared: the property's name, schema and type, what it sorts by, whether by numbers."""

    __slots__ = ("name", "numeric", "rule", "sort", "type")

    def __init__(self, name: str, sort: str) -> None:
        self.name = name
        self.rule: dict[str, Any] = _SCHEMA.get("properties", {}).get(name, {})
        self.type = property_type(_SCHEMA, name)
        self.sort = sort
        self.numeric = is_numeric(_SCHEMA, sort)

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators for the property it sorts by."""
        return OPERATORS[:-1] if self.numeric else OPERATORS


class Selection:
    """What a list is narrowed to: items whose property has the value and whose sort meets the conditions.

    conditions: operator to bound, a text or, where the sort is numeric, a number as strict_json reads it.
    """

    __slots__ = ("conditions", "name", "numeric", "sort", "value")

    def __init__(self, chosen: Filter, value: Any, conditions: dict[str, Any]) -> None:
        self.name = chosen.name
        self.value = value
        self.sort = chosen.sort
        self.numeric = chosen.numeric
        self.conditions = conditions

    def __str__(self) -> str:
        """The same text for the same selection, whatever the order in which it was asked for."""
        return repr((self.name, self.value, self.sort, sorted(self.conditions.items())))


FILTERS = {name: Filter(name, sort) for name, sort in CONFIG.filters.items()}
