"""An entity: its name, its table, the options of its tfvars and its schema."""

from __future__ import annotations

import json
import os

from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The folder that holds this package, which in Lambda is the function's. pathlib costs 8 ms of a cold start.
_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
_NOTHING: Mapping[str, Any] = {}


def read_schema(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return a schema of the folder beside the code by its base name. Raise OSError if the file is missing."""
    folder = environment.get("LAMBDA_TASK_ROOT") or _FOLDER
    with open(f"{folder}/schemas/{name}.json", encoding="utf-8") as file:  # noqa: PTH123
        schema: dict[str, Any] = loads(file.read())
    return schema


class Entity:
    """What operations, store and tools know of one entity. A function makes its entity once, at cold start.

    name: the key in the tfvars. table: the name of its DynamoDB table.
    schema: the JSON Schema of its items, empty if it has none; its numbers are exact, as those of items are.
    reserved_ids: ids that clients cannot choose, since their paths lead elsewhere.
    filters: the property that each filter sorts by; createdAt is the server's own.
    ttl: the property that says when an item expires, or None.
    fields: who reads and who writes properties, as trestle.operations.fields.Fields takes it, empty for everybody.
    owner: what of a caller's token owns items: "sub", "claim:NAME", or "" for items without owners.
    sees_all, acts_for: who reads and who writes the items of other owners, "group=G" or "scope=S", "" for nobody.
    ids, list and put are the attributes of the tfvars.
    """

    __slots__ = (
        "acts_for", "fields", "filters", "ids", "list", "name", "owner", "put", "reserved_ids", "schema", "sees_all",
        "table", "ttl",
    )  # fmt: skip

    def __init__(
        self, name: str, table: str, options: Mapping[str, Any] = _NOTHING, schema: Mapping[str, Any] = _NOTHING
    ) -> None:
        """Make an entity from its options, as ENTITY_OPTIONS holds them in JSON, and its schema."""
        self.name = name
        self.table = table
        self.schema = dict(schema)
        self.ids: str = options.get("ids", "server")
        self.reserved_ids: list[str] = options.get("reserved_ids", [])
        self.put: str = options.get("put", "replace")
        self.owner: str = options.get("owner", "")
        self.sees_all: str = options.get("sees_all", "")
        self.acts_for: str = options.get("acts_for", "")
        # A Scan would read the items of every owner.
        self.list: str = "created" if self.owner else options.get("list", "created")
        self.filters: dict[str, str] = {
            name: each.get("sort", "createdAt") for name, each in options.get("filters", {}).items()
        }
        self.ttl: str | None = options.get("ttl")
        self.fields: dict[str, dict[str, str]] = options.get("fields", {})

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Entity:
        """Return the entity of a function with these environment variables, and of the schemas beside its code.

        Raise KeyError without ENTITY or TABLE_NAME, OSError if the schema's file is missing.
        """
        options: dict[str, Any] = json.loads(environment.get("ENTITY_OPTIONS") or "{}")
        return cls.with_schema(environment["ENTITY"], environment["TABLE_NAME"], options, environment)

    @classmethod
    def with_schema(cls, name: str, table: str, options: Mapping[str, Any], environment: Mapping[str, str]) -> Entity:
        """Return an entity of these options, and of the schema beside the code that they name.

        Raise OSError if the schema's file is missing.
        """
        schema: dict[str, Any] = {}
        if "schema" in options:
            schema = read_schema(options["schema"], environment)
        return cls(name, table, options, schema)

    @property
    def restricted(self) -> frozenset[str]:
        """The properties that not every caller may write."""
        return frozenset(name for name, rules in self.fields.items() if "write" in rules)

    def property_type(self, name: str) -> str:
        """Return the type of a property's values: the first but null in the schema, "string" if there is none."""
        declared = self.schema.get("properties", {}).get(name, {}).get("type", "string")
        types = declared if isinstance(declared, list) else [declared]
        return next((type_ for type_ in types if type_ != "null"), "string")

    def is_numeric(self, name: str) -> bool:
        """Return whether a property's values are numbers."""
        return self.property_type(name) in ("integer", "number")

    @property
    def is_ordered(self) -> bool:
        """Whether lists without a filter come in the order of creation."""
        return self.list == "created"

    @property
    def is_shared(self) -> bool:
        """Whether some callers reach the items of other owners."""
        return bool(self.sees_all or self.acts_for)
