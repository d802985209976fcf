"""Parse a route's query by its schema."""

from __future__ import annotations

from trestle.errors import InvalidRequest
from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_DIGITS = "0123456789"
_TEXT: Mapping[str, Any] = {"type": "string"}
_NOTHING: Mapping[str, Any] = {}


class Query:
    """Parses a query's parameters.

    Arrays are sent as repeated parameters. Parameters that the schema does not name are refused.
    """

    __slots__ = ("_properties", "_schema")

    def __init__(self, schema: dict[str, Any] | None) -> None:
        """schema: the query's schema. A route without one (None) accepts any parameters, as texts."""
        self._schema = schema
        self._properties: Mapping[str, dict[str, Any]] = (schema or _NOTHING).get("properties", {})
        if schema:
            from trestle.schema import defaults, validation  # noqa: F401 - while Lambda starts the function

    def read(self, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Return the parameters by name, with the schema's defaults. Raise InvalidRequest with every fault."""
        found: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for name, texts in given.items():
            try:
                found[name] = self._value(name, texts)
            except ValueError as error:
                faults[name] = str(error)
        if self._schema:
            from trestle.schema.defaults import fill
            from trestle.schema.validation import validate

            found = fill(found, self._schema)
            for fault in validate(found, self._schema):
                name = fault["pointer"][1:].partition("/")[0].replace("~1", "/").replace("~0", "~")
                faults.setdefault(name, fault["detail"])
        if faults:
            each = [{"parameter": name, "detail": detail} for name, detail in faults.items()]
            raise InvalidRequest("The query is not valid.", each)
        return found

    def _value(self, name: str, texts: Sequence[str]) -> Any:
        rule = self._properties.get(name) if self._schema else _TEXT
        if rule is None:
            raise ValueError(f"Is unknown; known here: {', '.join(self._properties) or 'none'}")
        if rule.get("type") == "array":
            return [_value(text, rule["items"]) for text in texts]
        if len(texts) > 1:
            raise ValueError("Is repeated")
        return _value(texts[0], rule)


def _value(text: str, rule: Mapping[str, Any]) -> Any:
    """Return a text's value by its schema. Raise ValueError with the reason if it has another type."""
    kind = rule.get("type")
    if kind in ("integer", "number"):
        return _number(text, kind)
    if kind == "boolean":
        if text not in ("true", "false"):
            raise ValueError("Must be true or false")
        return text == "true"
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("Must be UTF-8") from None
    return text


def _number(text: str, kind: str) -> Any:
    value = None
    # JSON allows blanks around a number.
    if text[:1] in ("-", *_DIGITS) and text[-1] in _DIGITS:
        try:
            value = loads(text)
        except InvalidRequest:
            value = None
    if value is None or (kind == "integer" and not isinstance(value, int)):
        raise ValueError(f"Must be {'an integer' if kind == 'integer' else 'a number'}")
    return value
