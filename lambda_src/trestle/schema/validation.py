"""Validate a JSON value against a JSON Schema, and report every fault with its place and reason.

Supports the keywords for types, enum, const, numbers, strings, arrays and objects, allOf, anyOf, oneOf, not and
format, exclusive bounds in the forms of draft 4 and of later drafts, and OpenAPI 3.0's nullable. Other keywords are
ignored, as the specification requires.
"""

from __future__ import annotations

from trestle.schema.formats import FORMATS
from trestle.strict_json import dumps, pointer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from typing import Any

    Faults = list[dict[str, str]]
    Schema = dict[str, Any]
    Number = int | float | Decimal


def validate(value: Any, schema: Schema, where: str = "") -> Faults:
    """Return the faults of a value, {"pointer": RFC 6901, "detail": sentence} each. A valid value has none."""
    faults: Faults = []
    _validate(value, schema, where, faults)
    return faults


def is_valid(value: Any, schema: Schema) -> bool:
    """Return whether a value meets a schema."""
    return not validate(value, schema)


def is_equal(one: Any, other: Any) -> bool:
    """Return whether two values are equal in JSON: 1 equals 1.0 but not true."""
    equal: bool = comparison_key(one) == comparison_key(other)
    return equal


def type_of(value: Any) -> str:
    """Return the JSON Schema type of a value; an integral number is an "integer"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return "integer" if value == int(value) else "number"


def comparison_key(value: Any) -> Any:
    """Return a hashable key. Keys are equal if and only if the JSON values are equal."""
    if isinstance(value, dict):
        return "object", frozenset((name, comparison_key(member)) for name, member in value.items())
    if isinstance(value, list):
        return "array", tuple(comparison_key(element) for element in value)
    return isinstance(value, bool), value


def _validate(value: Any, schema: Schema, where: str, faults: Faults) -> None:
    kind = type_of(value)
    types = schema.get("type")
    if types is not None:
        allowed = types if isinstance(types, list) else [types]
        if kind not in allowed and not (kind == "integer" and "number" in allowed):
            if not (value is None and schema.get("nullable")):
                faults.append({"pointer": where, "detail": f"Must be {_phrase(allowed)}, not {_ARTICLES[kind]}"})
            return
    if "enum" in schema and not any(is_equal(value, one) for one in schema["enum"]):
        faults.append({"pointer": where, "detail": f"Must be one of {', '.join(map(dumps, schema['enum']))}"})
    if "const" in schema and not is_equal(value, schema["const"]):
        faults.append({"pointer": where, "detail": f"Must be {dumps(schema['const'])}"})
    check = _CHECKS.get(kind)
    if check:
        check(value, schema, where, faults)
    _validate_combinators(value, schema, where, faults)


def _validate_number(value: Number, schema: Schema, where: str, faults: Faults) -> None:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    # Draft 4 and OpenAPI 3.0 have booleans that turn minimum and maximum into exclusive bounds.
    if isinstance(above, bool):
        low, above = (None, low) if above else (low, None)
    if isinstance(below, bool):
        high, below = (None, high) if below else (high, None)
    if low is not None and value < low:
        faults.append({"pointer": where, "detail": f"Must be at least {dumps(low)}"})
    if above is not None and value <= above:
        faults.append({"pointer": where, "detail": f"Must be more than {dumps(above)}"})
    if high is not None and value > high:
        faults.append({"pointer": where, "detail": f"Must be at most {dumps(high)}"})
    if below is not None and value >= below:
        faults.append({"pointer": where, "detail": f"Must be less than {dumps(below)}"})
    if "multipleOf" in schema and not _is_multiple(value, schema["multipleOf"]):
        faults.append({"pointer": where, "detail": f"Must be a multiple of {dumps(schema['multipleOf'])}"})


def _is_multiple(value: Number, unit: Number) -> bool:
    if isinstance(value, int) and isinstance(unit, int):
        return value % unit == 0
    # Exact, in decimals with 300 digits: 0.3 is a multiple of 0.1, and 1e125 of 1e-130. The import takes 6 ms.
    from decimal import Context, Decimal

    return Context(prec=300).remainder(Decimal(str(value)), Decimal(str(unit))) == 0


def _validate_string(value: str, schema: Schema, where: str, faults: Faults) -> None:
    if len(value) < schema.get("minLength", 0):
        faults.append({"pointer": where, "detail": f"Must have at least {_count(schema['minLength'], 'character')}"})
    if len(value) > schema.get("maxLength", len(value)):
        faults.append({"pointer": where, "detail": f"Must have at most {_count(schema['maxLength'], 'character')}"})
    elif "pattern" in schema:  # not for a longer text, since matching may take quadratic time
        from trestle.schema.patterns import matches  # adds 2 ms to a cold start, and few schemas need it

        if not matches(schema["pattern"], value):
            faults.append({"pointer": where, "detail": f"Must match the pattern {schema['pattern']}"})
    is_of_format = FORMATS.get(schema.get("format", ""))
    if is_of_format and not is_of_format(value):
        faults.append({"pointer": where, "detail": f"Must be of the format {schema['format']}"})


def _validate_array(value: list[Any], schema: Schema, where: str, faults: Faults) -> None:
    if len(value) < schema.get("minItems", 0):
        faults.append({"pointer": where, "detail": f"Must have at least {_count(schema['minItems'], 'element')}"})
    if len(value) > schema.get("maxItems", len(value)):
        faults.append({"pointer": where, "detail": f"Must have at most {_count(schema['maxItems'], 'element')}"})
    if schema.get("uniqueItems") and len({comparison_key(element) for element in value}) < len(value):
        faults.append({"pointer": where, "detail": "Must not repeat an element"})
    if "items" in schema:
        for index, element in enumerate(value):
            _validate(element, schema["items"], pointer(where, index), faults)


def _validate_object(value: dict[str, Any], schema: Schema, where: str, faults: Faults) -> None:
    faults.extend(
        {"pointer": pointer(where, name), "detail": "Is required"}
        for name in schema.get("required", ())
        if name not in value
    )
    if len(value) < schema.get("minProperties", 0):
        faults.append({"pointer": where, "detail": f"Must have at least {_count(schema['minProperties'], 'property')}"})
    if len(value) > schema.get("maxProperties", len(value)):
        faults.append({"pointer": where, "detail": f"Must have at most {_count(schema['maxProperties'], 'property')}"})
    for name, member in value.items():
        validate_property(name, member, schema, where, faults)


def validate_property(name: str, member: Any, schema: Schema, where: str, faults: Faults) -> None:
    """Add the faults of one property of an object, given the object's schema."""
    rule = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
    if rule is False:
        faults.append({"pointer": pointer(where, name), "detail": "Is not a known property"})
    elif rule is not True:
        _validate(member, rule, pointer(where, name), faults)


def _validate_combinators(value: Any, schema: Schema, where: str, faults: Faults) -> None:
    for part in schema.get("allOf", ()):
        _validate(value, part, where, faults)
    if "anyOf" in schema and not any(is_valid(value, part) for part in schema["anyOf"]):
        faults.append({"pointer": where, "detail": "Must meet at least one of the schema's alternatives (anyOf)"})
    if "oneOf" in schema and sum(is_valid(value, part) for part in schema["oneOf"]) != 1:
        faults.append({"pointer": where, "detail": "Must meet exactly one of the schema's alternatives (oneOf)"})
    if "not" in schema and is_valid(value, schema["not"]):
        faults.append({"pointer": where, "detail": "Must not meet the schema's exclusion (not)"})


def _phrase(types: list[str]) -> str:
    return " or ".join(_ARTICLES[kind] for kind in types)


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


_ARTICLES = {
    "array": "an array",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}

_CHECKS: dict[str, Callable[[Any, Schema, str, Faults], None]] = {
    "integer": _validate_number,
    "number": _validate_number,
    "string": _validate_string,
    "array": _validate_array,
    "object": _validate_object,
}
