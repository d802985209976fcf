"""Entity tags and conditional requests (RFC 9110, section 13).

A tag consists of the item's createdAt and version, so that a write can check it without a read, and clients can
construct the tag of each item in a list.
"""

from __future__ import annotations

from trestle.errors import InvalidRequest
from trestle.item import state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.http.requests import Request
    from trestle.item import Item

    State = tuple[str, int]

MAX_TAGS = 50  # a DynamoDB expression takes 4 KB and 300 operators, and each tag needs four


def expected_states(header: str | None) -> list[State] | None:
    """Return the states that If-Match allows, or None for any state (no header, or "*").

    Weak tags never match (strong comparison), nor do tags of another form. Raises InvalidRequest.
    """
    tags = _tags(header, "If-Match")
    if tags is None:
        return None
    return [state for tag in tags if not tag.startswith("W/") and (state := state_of(tag))]


def write_precondition(request: Request) -> list[State] | None:
    """Return the states that a write's If-Match allows, like expected_states.

    Raise InvalidRequest for If-None-Match as well: ignoring it would overwrite an item that the caller wants to keep.
    """
    if request.header("if-none-match"):
        raise InvalidRequest("If-None-Match is for GET: changes take If-Match, and only POST creates.")
    return expected_states(request.header("if-match"))


def matches_none(header: str | None, item: Item) -> bool:
    """Return whether If-None-Match (weak comparison) asks for the item to be sent. Raise InvalidRequest."""
    if header is None:
        return True
    tags = _tags(header, "If-None-Match")
    return tags is not None and item.etag not in [tag.removeprefix("W/") for tag in tags]


def _tags(header: str | None, name: str) -> list[str] | None:
    """Return the header's tags with their quotes, or None for any (no header, or "*")."""
    if header is None or header.strip(" \t") == "*":
        return None
    tags = []
    rest = header
    while rest := rest.strip(" \t,"):
        weak = rest.startswith("W/")
        tag, quote, after = rest[2 * weak + 1 :].partition('"')
        if rest[2 * weak :][:1] != '"' or not quote or after.lstrip(" \t")[:1] not in ("", ","):
            break
        tags.append(f'{"W/" * weak}"{tag}"')
        rest = after
    if rest or not tags:
        raise InvalidRequest(f'{name} must be "*" or a list of entity tags in double quotes.')
    if len(tags) > MAX_TAGS:
        raise InvalidRequest(f"{name} may list {MAX_TAGS} entity tags at most.")
    return tags
