"""Read and write JSON without loss.

Reading refuses what other programs could interpret differently (I-JSON, RFC 7493): repeated names, NaN and lone
surrogates; and numbers that DynamoDB cannot store. A number becomes an int, a float if the float's shortest text is
exactly the number, and a Decimal otherwise. Equal numbers become the same Python value.
"""

from __future__ import annotations

import json

from trestle.errors import MAX_FAULTS, InvalidRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any

    Number = int | float | Decimal

MAX_DEPTH = 32
MAX_NAME_BYTES = 65535  # DynamoDB's limit for attribute names
MAX_NAME_CHARACTERS = MAX_NAME_BYTES // 4  # a name this short is within the limit in any script

_UNKEEPABLE = "Numbers may have 38 significant digits and magnitudes from 1e-130 to 9.99e125"


def loads(text: str, *, around: int = 0) -> Any:
    """Read one JSON value that is nested at most MAX_DEPTH deep. around: the number of levels allowed beyond that.

    Raises InvalidRequest with a pointer (RFC 6901) to each invalid value, at most 20.
    """
    invalid: list[_InvalidValue] = []

    def refuse(detail: str) -> _InvalidValue:
        invalid.append(_InvalidValue(detail))
        return invalid[-1]

    def read(text: str) -> Number | _InvalidValue:
        try:
            return parse_number(text)
        except ValueError:
            return refuse(_UNKEEPABLE)

    def integer(text: str) -> Number | _InvalidValue:
        return int(text) if len(text) <= 38 else read(text)

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            once: set[str] = set()
            for name, _ in pairs:
                if name in once:
                    value[name] = refuse("The name is repeated")
                once.add(name)
        return value

    decoder = json.JSONDecoder(
        object_pairs_hook=members,
        parse_int=integer,
        parse_float=read,
        parse_constant=lambda name: refuse(f"{name} is not a JSON number"),
    )
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        detail = f"Not valid JSON at line {error.lineno}, column {error.colno}"
        raise InvalidRequest("The body is not valid JSON.", [_fault("", detail)]) from None
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.", [_fault("", _TOO_DEEP)]) from None
    # Only a text with one of these features can contain the faults that the walk below finds.
    if invalid or "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH or len(text) > MAX_NAME_CHARACTERS:
        faults: list[dict[str, str]] = []
        _collect_faults(value, "", 1 - around, faults)
        if faults:
            raise InvalidRequest("The body contains values that cannot be stored.", faults)
    return value


def dumps(value: Any, *, sort_names: bool = False) -> str:
    """Write a value that `loads` could have returned, compactly and with exact numbers.

    sort_names: whether to sort members, so that equal values give equal texts.
    """
    text = _encoder(sort_keys=True).encode(value) if sort_names else _encode(value)
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "") if _MARK in text else text


def parse_number(text: str) -> Number:
    """Return the exact value of a JSON or DynamoDB number.

    Raises ValueError for one with over 38 significant digits or a magnitude outside 1e-130 to 9.99e125.
    """
    digits = text.lstrip("-")
    if len(digits) <= 15 and digits.isdecimal():
        return int(text)
    if len(digits) <= 16:  # at most 15 digits beside the point or exponent, which a float represents exactly (DBL_DIG)
        value = float(text)
        if 1e-130 <= abs(value) < 1e15:
            return int(value) if value.is_integer() else value
    return _exact(text)


def pointer(parent: str, name: str | int) -> str:
    """Return the JSON pointer (RFC 6901) of a member or element of `parent`."""
    return f"{parent}/{name.replace('~', '~0').replace('/', '~1') if isinstance(name, str) else name}"


class _InvalidValue:
    """A placeholder for an invalid value in a parsed document, until _collect_faults finds its pointer."""

    __slots__ = ("detail",)

    def __init__(self, detail: str) -> None:
        self.detail = detail


_TOO_DEEP = f"Objects and arrays may be nested {MAX_DEPTH} deep"
# `loads` admits no lone surrogate, so one can mark the numbers that json cannot write.
_MARK = "\ud800"


def _decimal(value: object) -> str:
    return f"{_MARK}{value}{_MARK}"


def _encoder(sort_keys: bool) -> json.JSONEncoder:
    return json.JSONEncoder(
        ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_decimal, sort_keys=sort_keys
    )


_encode = _encoder(sort_keys=False).encode


def _exact(text: str) -> Number:
    # Imported here, since it adds 6 ms to a cold start and few requests need it.
    from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, Subnormal

    context = Context(prec=38, Emin=-130, Emax=125, traps=[Inexact, InvalidOperation, Overflow, Subnormal])
    try:
        value = context.create_decimal(text).normalize(context)
    except DecimalException:
        raise ValueError(text) from None
    if value == value.to_integral_value() and value.adjusted() < 38:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else value


def _fault(where: str, detail: str) -> dict[str, str]:
    return {"pointer": where, "detail": detail}


def _collect_faults(value: Any, where: str, depth: int, faults: list[dict[str, str]]) -> None:
    """Add a fault for each part of a value that cannot be stored."""
    if len(faults) == MAX_FAULTS:
        return
    if isinstance(value, _InvalidValue):
        faults.append(_fault(where, value.detail))
    elif isinstance(value, str):
        if not _is_text(value):
            faults.append(_fault(where, "The text holds a lone surrogate"))
    elif isinstance(value, dict | list) and depth > MAX_DEPTH:
        faults.append(_fault(where, _TOO_DEEP))
    elif isinstance(value, dict):
        for name, member in value.items():
            if not _is_text(name):
                faults.append(_fault(where, "A name holds a lone surrogate"))
            elif len(name.encode()) > MAX_NAME_BYTES:
                faults.append(_fault(where, f"A name is longer than {MAX_NAME_BYTES} bytes"))
            else:
                _collect_faults(member, pointer(where, name), depth + 1, faults)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            _collect_faults(element, pointer(where, index), depth + 1, faults)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
