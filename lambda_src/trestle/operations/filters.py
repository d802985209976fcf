"""Filters: the properties by whose value a list can be narrowed, and by another's range."""

from __future__ import annotations

from trestle.store.selections import OPERATORS, Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.entity import Entity


class Filter:
    """A filter as declared: the property's name, schema and type, what it sorts by, whether by numbers."""

    __slots__ = ("name", "numeric", "schema", "sort", "type")

    def __init__(self, entity: Entity, name: str, sort: str) -> None:
        self.name = name
        self.schema: dict[str, Any] = entity.schema.get("properties", {}).get(name, {})
        self.type = entity.property_type(name)
        self.sort = sort
        self.numeric = entity.is_numeric(sort)

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators for the property it sorts by."""
        return OPERATORS[:-1] if self.numeric else OPERATORS

    def selection(self, value: Any, conditions: dict[str, Any]) -> Selection:
        """Return what a list is narrowed to: this value, and these bounds by their operators."""
        return Selection(self.name, value, self.sort, conditions, numeric=self.numeric)


def filters_of(entity: Entity) -> dict[str, Filter]:
    """Return the entity's filters by their names."""
    return {name: Filter(entity, name, sort) for name, sort in entity.filters.items()}
