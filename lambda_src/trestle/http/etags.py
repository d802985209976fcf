"""Entity tags and conditional requests (RFC 9110, section 13).

A tag is made of the item's createdAt and version: a write can be conditional on it without a read, and
clients can make the tag of each item in a list.
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
    """Return the states that If-Match allows, or None for any: without the header and for "*".

    Weak tags never match (strong comparison), and neither do tags of another form.
    Raises InvalidRequest.
    """
    tags = _tags(header, "If-Match")
    if tags is None:
        return None
    return [state for tag in tags if not tag.startswith("W/") and (state := state_of(tag))]


def write_precondition(request: Request) -> list[State] | None:
    """Return the states that a write's If-Match allows, as expected_states.

    Raise InvalidRequest for If-None-Match too: a write that ignored it would overwrite what the caller wants to keep.
    """
    if request.header("if-none-match"):
        raise InvalidRequest("If-None-Match is for GET: changes take If-Match, and only POST creates.")
    return expected_states(request.header("if-match"))


def matches_none(header: str | None, item: Item) -> bool:
    """Return whether If-None-Match, by weak comparison, has the item sent. Raise InvalidRequest."""
    if header is None:
        return True
    tags = _tags(header, "If-None-Match")
    return tags is not None and item.etag not in [tag.removeprefix("W/") for tag in tags]


def _tags(header: str | None, name: str) -> list[str] | None:
    """Return the header's tags as written, with their quotes, or None without the header and for "*"."""
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
