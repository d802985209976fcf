"""Filters in the query of a list: ?status=open&dueDate.gte=2026-01-01."""

from __future__ import annotations

from trestle.errors import InvalidRequest
from trestle.operations.filters import bounds_of, filters_of, selection_of
from trestle.store.derived import MAX_KEY_BYTES
from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from trestle.entity import Entity
    from trestle.operations.filters import Filter
    from trestle.store.selections import Selection

_DIGITS = "0123456789"


class FilterParameters:
    """The query parameters of an entity's filters. parsers: the parser of each by name; it raises ValueError."""

    __slots__ = ("_bounds", "_filters", "parsers")

    def __init__(self, entity: Entity) -> None:
        filters = self._filters = filters_of(entity)
        self._bounds = bounds_of(filters)
        self.parsers: dict[str, Callable[[str], Any]] = {
            **{name: _value_parser(each) for name, each in filters.items()},
            **{
                f"{each.sort}.{operator}": _bound_parser(each, operator)
                for each in filters.values()
                for operator in each.operators
            },
        }

    def selection(self, query: dict[str, Any]) -> Selection | None:
        """Return the selection that a query's parsed parameters ask for, or None if they name no filter.

        Raise InvalidRequest for filters and conditions that cannot be combined.
        """
        return selection_of(self._filters, self._bounds, query)


def _parse_boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("Must be true or false")
    return text == "true"


def _parse_number(text: str) -> Any:
    # JSON that begins and ends like this is a number.
    if text[:1] not in ("-", *_DIGITS) or text[-1:] not in _DIGITS:
        raise ValueError("Must be a number")
    try:
        return loads(text)
    except InvalidRequest as error:
        detail = error.faults[0]["detail"]
        raise ValueError("Must be a number" if detail.startswith("Not valid") else detail) from None


def _parse_integer(text: str) -> Any:
    value = _parse_number(text)
    if value != int(value):
        raise ValueError("Must be a whole number")
    return value


def _parse_text(text: str) -> str:
    if len(text.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"Must have at most {MAX_KEY_BYTES} bytes")
    return text


def _parse_bound(text: str) -> str:
    if not text:
        raise ValueError("Must not be empty")
    return _parse_text(text)


def _parse_moment(text: str) -> str:
    from trestle.instant import moment  # for a rare condition

    return moment(text)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "boolean": _parse_boolean,
    "integer": _parse_integer,
    "number": _parse_number,
    "string": _parse_text,
}


# Schema keywords, besides the type, that exclude no values.
_ANNOTATIONS = frozenset(("default", "description", "title", "type"))


def _value_parser(each: Filter) -> Callable[[str], Any]:
    """Return the parser of a filter's value. It refuses values that the property can never have."""
    parse = _PARSERS.get(each.type, _parse_text)
    if _ANNOTATIONS.issuperset(each.schema):
        return parse

    def parse_and_validate(text: str) -> Any:
        from trestle.schema.validation import validate  # a list that is not filtered does without

        value = parse(text)
        if faults := validate(value, each.schema):
            raise ValueError("; ".join(fault["detail"] for fault in faults))
        return value

    return parse_and_validate


def _bound_parser(each: Filter, operator: str) -> Callable[[str], Any]:
    if each.numeric:
        return _parse_number
    return _parse_moment if each.sort == "createdAt" and operator != "prefix" else _parse_bound
