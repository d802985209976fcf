"""Create an item."""

from __future__ import annotations

import os

from trestle.clock import now
from trestle.config import CONFIG
from trestle.errors import Conflict, InvalidRequest, KeyReused
from trestle.item import Item
from trestle.operations.ids import RULE, is_id, uuid
from trestle.operations.rules import complete
from trestle.store.put import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


NO_ID = object()  # for a body without an id; a null in it is an id, and not valid


def create(
    doc: dict[str, Any],
    owner: str,
    own_id: Any = NO_ID,
    *,
    key: str = "",
    caller: str = "",
    deadline: float | None = None,
) -> tuple[Item, bool]:
    """Make an item of an object, for an owner or, "", for nobody.

    own_id: the id that the body brings, whatever it is; taken where the entity's clients choose ids.
    key: the caller's idempotency key; the same key from the same caller gives the first call's item again.
    Returns the item as it was made and whether an earlier call made it. Raises InvalidRequest, InvalidItem,
    Conflict, KeyReused.
    """
    chosen = own_id is not NO_ID and CONFIG.ids == "client"
    if chosen and not is_id(own_id):
        raise InvalidRequest("The item's id is not valid.", [{"pointer": "/id", "detail": RULE}])
    if chosen and own_id in CONFIG.taken:
        faults = [{"pointer": "/id", "detail": "Must be another: there is something else at its path"}]
        raise InvalidRequest("The item's id is not valid.", faults)
    key_digest, request = _digests(doc, caller, key) if key else (os.urandom(16), "")
    made_at = now()
    whole = complete(doc)
    item = Item(own_id if chosen else uuid(key_digest), whole, made_at, made_at, 1)
    holder = put(item, owner, request, deadline=deadline)
    if holder is None:
        return item, False
    held_request, held_since = holder
    if request and held_request == request:
        return Item(item.id, whole, held_since, held_since, 1), True
    if request and held_request.partition(".")[0] == request.partition(".")[0]:
        raise KeyReused("This Idempotency-Key came with another body before.")
    raise Conflict("There is an item with this id already.")


def _digests(doc: dict[str, Any], caller: str, key: str) -> tuple[bytes, str]:
    """The bytes a caller's key makes an id of, and what is kept of the request: digests of key and body."""
    # Imported here: only requests with a key pay for it.
    from hashlib import sha256

    from trestle.strict_json import dumps

    key_digest = sha256(f"{CONFIG.entity}\0{caller}\0{key}".encode()).digest()
    body_digest = sha256(dumps(doc, sort_names=True).encode()).hexdigest()
    return key_digest[:16], f"{key_digest.hex()[:32]}.{body_digest[:32]}"
