"""The JSON Schemas that are packed beside the handler."""

from __future__ import annotations

import os

from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# With os.path and open: pathlib costs 8 ms of a cold start.
_TASK_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120


def load(name: str) -> dict[str, Any]:
    """Read schemas/<name>.json of the function's package; its numbers are exact, as those of items are."""
    with open(f"{_TASK_ROOT}/schemas/{name}.json", encoding="utf-8") as file:  # noqa: PTH123
        schema: dict[str, Any] = loads(file.read())
    return schema
