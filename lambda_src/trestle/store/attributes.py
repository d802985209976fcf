"""Convert JSON values to DynamoDB's native types and back.

Other programs may store types that JSON lacks: sets are read as arrays, binary values are refused.
"""

from __future__ import annotations

from trestle.strict_json import dumps, loads, parse_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# DynamoDB allows 32 levels of nesting. The attribute itself is the first one, and scalars count.
_LEVELS = 32


def encode(value: Any, level: int = 1) -> dict[str, Any]:
    """Return a JSON value as a low-level attribute value, {"S": "..."}; `level` is its depth in the item."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if kind is not dict and kind is not list:
        return {"N": str(value)}
    if level == _LEVELS and value:
        # The next level would be too deep for DynamoDB: store JSON text, in a type that no JSON value uses.
        return {"SS": [dumps(value)]}
    if kind is dict:
        return {"M": {encode_name(name): encode(member, level + 1) for name, member in value.items()}}
    return {"L": [encode(element, level + 1) for element in value]}


def decode(attribute: dict[str, Any], level: int = 1) -> Any:
    """Return the JSON value of a low-level attribute value; `level` is its depth in the item.

    Raise ValueError for binary values, and for numbers that strict_json refuses.
    """
    ((kind, value),) = attribute.items()
    if kind in ("S", "BOOL"):
        return value
    if kind == "N":
        return parse_number(value)
    if kind == "M":
        return {_decode_name(name): decode(member, level + 1) for name, member in value.items()}
    if kind == "L":
        return [decode(element, level + 1) for element in value]
    if kind == "NULL":
        return None
    if kind == "SS":
        is_ours = level == _LEVELS and len(value) == 1 and value[0][:1] in ("[", "{")
        return loads(value[0]) if is_ours else list(value)
    if kind == "NS":
        return [parse_number(element) for element in value]
    raise ValueError(kind)


def encode_name(name: str) -> str:
    """Return the attribute name for a property's name.

    DynamoDB rejects empty names. They are stored as a NUL, and names that begin with NUL get one more, so that all
    names stay distinct.
    """
    return name if name >= "\x01" else f"\0{name}"


def _decode_name(name: str) -> str:
    return name[1:] if name[0] == "\0" else name
