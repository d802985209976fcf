"""Parse own code's list filters, such as {"status": "open", "dueDate.gte": "2026-01-01"}."""

from __future__ import annotations

from trestle import app, errors
from trestle.operations import filters as operations
from trestle.own.values import ArgumentError, UnkeepableError, ValueTypeError, invalid, plain, raise_public
from trestle.store.derived import MAX_KEY_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from trestle.entity import Entity
    from trestle.store.selections import Selection


def selection_of(entity: Entity, where: Mapping[str, Any]) -> Selection | None:
    """Return the selection for `where`. Raise app.Invalid, and FloatError for a float."""
    filters = operations.filters_of(entity)
    bounds = operations.bounds_of(filters)
    for name in where:
        if name not in filters and name not in bounds:
            known = ", ".join(sorted({*filters, *bounds})) or "none"
            raise invalid(
                f'"{entity.name}" has no filter "{name}". Declared: {known}.',
                f'"{entity.name}" has no such filter. Declared: {known}.',
            )
    numeric = {each.sort for each in filters.values() if each.numeric}

    def compared(name: str) -> Any:
        if name not in bounds:
            return _value(name, where[name])
        sort, operator = bounds[name]
        return _bound(name, where[name], sort, operator, is_numeric=sort in numeric)

    try:
        operations.selection_of(filters, bounds, where)  # a wrong combination is a fault regardless of the values
        return operations.selection_of(filters, bounds, {name: compared(name) for name in where})
    except errors.Refusal as refusal:
        raise_public(refusal)


def _value(name: str, value: Any) -> Any:
    """Return a filter's value for the store."""
    if value is None or isinstance(value, dict | list):
        raise invalid(f"{name}: filters take texts, numbers and booleans, not a {type(value).__name__}.")
    try:
        found = plain(value, name)
    except (UnkeepableError, ValueTypeError) as error:
        raise app.Invalid(str(error)) from error
    if isinstance(found, str) and len(found.encode()) > MAX_KEY_BYTES:
        raise invalid(f"{name}: the text has over {MAX_KEY_BYTES} bytes, which no filter finds.")
    return found


def _bound(name: str, value: Any, sort: str, operator: str, *, is_numeric: bool) -> Any:
    """Return a bound on the sort property for the store."""
    found = _value(name, value)
    if is_numeric:
        if isinstance(found, str | bool):
            raise invalid(f"{name}: use a number.")
        return found
    if not isinstance(found, str) or not found:
        raise invalid(f"{name}: use a text of 1 character or more.")
    if sort == "createdAt" and operator != "prefix":
        from trestle.instant import moment

        try:
            return moment(found)
        except ValueError:
            fault = f'{name}: use a date or a time, such as "2026-01-31" or "2026-01-31T12:00:00Z".'
            raise app.Invalid(fault) from ArgumentError(fault)
    return found
