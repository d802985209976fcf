"""Create an item."""

from __future__ import annotations

import os

from trestle.clock import now
from trestle.errors import Conflict, InvalidRequest, KeyReused
from trestle.item import Item
from trestle.operations.ids import NOT_RESERVED, RULE, is_id, uuid
from trestle.operations.validation import validator_for
from trestle.store.put import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.context import Context
    from trestle.entity import Entity

NO_ID = object()  # for a body without an id; null is an invalid id


def create(
    entity: Entity, context: Context, doc: dict[str, Any], own_id: Any = NO_ID, *, key: str = ""
) -> tuple[Item, bool]:
    """Create an item from an object.

    own_id: the id in the body, of any type. It is used if the entity's clients choose ids.
    key: the caller's idempotency key. The same key from the same caller returns the first call's item.
    Returns the item in its first state, and whether an earlier call created it. Raises InvalidRequest, InvalidItem,
    Conflict, KeyReused.
    """
    validator = validator_for(entity, context)
    doc = validator.client_part(doc)
    item_id, request = identify(entity, context, doc, own_id, key=key)
    created_at = now()
    doc = validator.keep(validator.complete(doc, is_new=True), {})
    item = Item(item_id, doc, created_at, created_at, 1)
    existing = put(entity, context, item, request)
    if existing is None:
        return item, False
    existing_request, existing_since = existing
    check_same(request, existing_request)
    return Item(item.id, doc, existing_since, existing_since, 1), True


def identify(entity: Entity, context: Context, doc: dict[str, Any], own_id: Any, *, key: str = "") -> tuple[str, str]:
    """Return a new item's id, and the identity of the request that creates it, "" without a key.

    Raise InvalidRequest for an invalid id.
    """
    has_own_id = own_id is not NO_ID and entity.ids == "client"
    if has_own_id and not is_id(own_id):
        raise InvalidRequest("The item's id is not valid.", [{"pointer": "/id", "detail": RULE}])
    if has_own_id and own_id in entity.reserved_ids:
        raise InvalidRequest("The item's id is not valid.", [{"pointer": "/id", "detail": NOT_RESERVED}])
    key_digest, request = _digests(_key_text(entity, context, key), doc) if key else (os.urandom(16), "")
    return own_id if has_own_id else uuid(key_digest), request


def check_same(request: str, existing_request: str) -> None:
    """Raise KeyReused or Conflict unless the same request created the existing item."""
    if request and existing_request == request:
        return
    if request and existing_request.partition(".")[0] == request.partition(".")[0]:
        raise KeyReused("This Idempotency-Key was already used with another body.")
    raise Conflict("An item with this id already exists.")


def _key_text(entity: Entity, context: Context, key: str) -> str:
    """Return a string that is unique for the entity, the idempotency key, its caller and the owner."""
    text = f"{entity.name}\0{context.caller}\0{key}"
    return text if context.owner in ("", context.caller) else f"{text}\0{context.owner}"


def _digests(key: str, doc: dict[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of the id that an idempotency key determines, and the identity of the request."""
    # Imported here, since only requests with a key need it.
    from hashlib import sha256

    from trestle.strict_json import dumps

    key_digest = sha256(key.encode()).digest()
    body_digest = sha256(dumps(doc, sort_names=True).encode()).hexdigest()
    return key_digest[:16], f"{key_digest.hex()[:32]}.{body_digest[:32]}"
