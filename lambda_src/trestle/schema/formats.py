"""The JSON Schema formats that are validated. Any other format is an annotation."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_DATE = r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# RFC 3986, appendix A: unreserved, percent-encoded and sub-delims, and the further characters of each part.
_COMMON = r"-A-Za-z0-9._~!$&'()*+,;="
_PERCENT = "%[0-9A-Fa-f]{2}"
_IN_PATH = rf"(?:[{_COMMON}:@/]|{_PERCENT})"
_HOST = rf"(?:\[(?:[Vv][0-9A-Fa-f]+\.[{_COMMON}:]+|([0-9A-Fa-f:.]+))\]|(?:[{_COMMON}]|{_PERCENT})*)"
_AUTHORITY = rf"//(?:(?:[{_COMMON}:]|{_PERCENT})*@)?{_HOST}(?::[0-9]*)?"
_REST = rf"(?:\?(?:{_IN_PATH}|\?)*)?(?:#(?:{_IN_PATH}|\?)*)?"
_URI = rf"[A-Za-z][A-Za-z0-9+.-]*:(?:{_AUTHORITY}(?=[/?#]|\Z)|(?!//)){_IN_PATH}*{_REST}"
_RELATIVE = rf"(?:{_AUTHORITY}(?=[/?#]|\Z)|(?!//)(?![^/?#]*:)){_IN_PATH}*{_REST}"


def _matcher(pattern: str) -> Callable[[str], bool]:
    # re compiles patterns on first use and caches them. Compiling all of them here would add 4 ms to a cold start.
    return lambda value: re.fullmatch(pattern, value, re.ASCII) is not None


def is_date(value: str) -> bool:
    """Return whether a text is a day of the Gregorian calendar, YYYY-MM-DD (RFC 3339 full-date)."""
    match = re.fullmatch(_DATE, value, re.ASCII)
    if not match:
        return False
    year, month, day = map(int, match.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return day <= (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def is_time(value: str) -> bool:
    """Return whether a text is a time of day with its offset from UTC (RFC 3339 full-time).

    The seconds may be 60 only at 23:59:60 UTC, where leap seconds occur.
    """
    match = re.fullmatch(_TIME, value, re.ASCII)
    if not match:
        return False
    hour, minute, second, sign, hours, minutes = match.groups("0")
    ahead = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)
    return second != "60" or (int(hour) * 60 + int(minute) - ahead) % 1440 == 1439


def is_date_time(value: str) -> bool:
    """Return whether a text is a point in time with its offset from UTC (RFC 3339 date-time)."""
    return is_date(value[:10]) and value[10:11] in ("T", "t") and is_time(value[11:])


def is_email(value: str) -> bool:
    """Return whether a text is an email address of at most 254 characters.

    Addresses are those of RFC 5321 without quoted parts and IP addresses. The domain has at least two labels.
    """
    return len(value) <= 254 and _is_mailbox(value)


def is_hostname(value: str) -> bool:
    """Return whether a text is a host name (RFC 1123) of at most 253 characters."""
    return len(value) <= 253 and _is_hostname(value)


def is_ipv6(value: str) -> bool:
    """Return whether a text is an IPv6 address (RFC 4291)."""
    from socket import AF_INET6, inet_pton

    try:
        inet_pton(AF_INET6, value)
    except (OSError, ValueError):
        return False
    return True


def is_uri(value: str) -> bool:
    """Return whether a text is a URI (RFC 3986)."""
    return _is_uri(value, _URI)


def is_uri_reference(value: str) -> bool:
    """Return whether a text is a URI or a relative reference (RFC 3986)."""
    return _is_uri(value, _URI) or _is_uri(value, _RELATIVE)


def _is_uri(value: str, pattern: str) -> bool:
    match = re.fullmatch(pattern, value, re.ASCII)
    return match is not None and (match[1] is None or is_ipv6(match[1]))


_is_mailbox = _matcher(rf"(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})+")
_is_hostname = _matcher(rf"{_LABEL}(\.{_LABEL})*")

FORMATS: dict[str, Callable[[str], bool]] = {
    "date": is_date,
    "date-time": is_date_time,
    "email": is_email,
    "hostname": is_hostname,
    "ipv4": _matcher(rf"{_OCTET}(\.{_OCTET}){{3}}"),
    "ipv6": is_ipv6,
    "time": is_time,
    "uri": is_uri,
    "uri-reference": is_uri_reference,
    "uuid": _matcher(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
}
