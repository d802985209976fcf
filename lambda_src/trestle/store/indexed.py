"""How the attributes of this function's entity are derived."""

from __future__ import annotations

from trestle.config import CONFIG
from trestle.store.derived import Derivation

if CONFIG.filters and CONFIG.schema:
    from trestle.schema.files import load
    from trestle.schema.types import is_numeric

    _SCHEMA = load(CONFIG.schema)
    _NUMERIC = {sort for sort in CONFIG.filters.values() if is_numeric(_SCHEMA, sort)}
else:
    _NUMERIC = set()

DERIVATION = Derivation(CONFIG.filters, CONFIG.ttl, _NUMERIC)
