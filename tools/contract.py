"""Read contract/: what the operations, problems, limits and items of every API are. contract/README.md says more.

Standard library only, since build.py reads this as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "contract"


def read(name: str) -> dict[str, Any]:
    """Return one file of the contract, named without its ending."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


ITEMS = read("items")
LIMITS: dict[str, dict[str, Any]] = read("limits")
PLATFORM = read("platform")
PROBLEMS = read("problems")
OPERATIONS: dict[str, dict[str, Any]] = read("operations")["operations"]

# The properties of an item that the server sets, in alphabetical order.
SERVERS_OWN = tuple(sorted(ITEMS["properties"]))
