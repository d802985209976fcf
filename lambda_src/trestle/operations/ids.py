"""Ids of items."""

from __future__ import annotations

from trestle.item import CHARACTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RULE = "Must have 1 to 128 letters, digits, '.', '_', '~' and '-', and be neither '.' nor '..'"
NOT_RESERVED = "Is reserved: another route has this path"


def is_id(value: Any) -> bool:
    """Return whether a value can be an id: ^[A-Za-z0-9._~-]{1,128}$, which needs no escapes in URLs.

    "." and ".." are not ids, since clients resolve them before they send a URL (RFC 3986, section 5.2.4).
    """
    return (
        isinstance(value, str) and 0 < len(value) <= 128 and CHARACTERS.issuperset(value) and value not in (".", "..")
    )


def uuid(random: bytes) -> str:
    """Return 16 random bytes as a version 4 UUID (RFC 9562). The uuid module would add 6 ms to each cold start."""
    bits = int.from_bytes(random, "big") & ~(0xF000 << 64 | 0xC << 60) | 0x4000 << 64 | 0x8 << 60
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
