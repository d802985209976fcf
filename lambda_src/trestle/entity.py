"""An entity: its name, its table, its options from the tfvars and its schema."""

from __future__ import annotations

import json
import os

from trestle.strict_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# The folder of this package: in Lambda the function's folder. pathlib would add 8 ms to a cold start.
_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
_NOTHING: Mapping[str, Any] = {}


def read_schema(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the schema of this name from the schemas/ folder beside the code. Raise OSError if it is missing."""
    folder = environment.get("LAMBDA_TASK_ROOT") or _FOLDER
    with open(f"{folder}/schemas/{name}.json", encoding="utf-8") as file:  # noqa: PTH123 - as above
        schema: dict[str, Any] = loads(file.read())
    return schema


class Entity:
    """The description of one entity for operations, store and tools. A function makes it once, at cold start.

    name: the entity's key in the tfvars. table: the name of its DynamoDB table.
    schema: the JSON Schema of its items with exact numbers, empty without a schema.
    reserved_ids: ids that clients cannot choose, since other routes have these paths.
    filters: the sort property of each filter; "createdAt" is the server's.
    ttl: the property with the item's expiry time, or None.
    fields: the read and write rules of properties, as trestle.operations.fields.Fields takes them; empty for none.
    owner: what owns items: "sub" (the user), "claim:NAME" (a tenant, by a claim of the token), or "" for nobody.
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
        """Make an entity from its options (the JSON of ENTITY_OPTIONS) and its schema."""
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
        """Return the entity that a function's environment variables and the schemas beside its code describe.

        Raise KeyError without ENTITY or TABLE_NAME, OSError if the schema's file is missing.
        """
        options: dict[str, Any] = json.loads(environment.get("ENTITY_OPTIONS") or "{}")
        return cls.with_schema(environment["ENTITY"], environment["TABLE_NAME"], options, environment)

    @classmethod
    def with_schema(cls, name: str, table: str, options: Mapping[str, Any], environment: Mapping[str, str]) -> Entity:
        """Return an entity with these options and the schema that they name.

        Raise OSError if the schema's file is missing.
        """
        schema: dict[str, Any] = {}
        if "schema" in options:
            schema = read_schema(options["schema"], environment)
        return cls(name, table, options, schema)

    @property
    def restricted(self) -> frozenset[str]:
        """The properties with a write rule."""
        return frozenset(name for name, rules in self.fields.items() if "write" in rules)

    def property_type(self, name: str) -> str:
        """Return a property's JSON Schema type: the first one that is not null, "string" by default."""
        declared = self.schema.get("properties", {}).get(name, {}).get("type", "string")
        types = declared if isinstance(declared, list) else [declared]
        return next((type_ for type_ in types if type_ != "null"), "string")

    def is_numeric(self, name: str) -> bool:
        """Return whether a property's values are numbers."""
        return self.property_type(name) in ("integer", "number")

    @property
    def is_ordered(self) -> bool:
        """Whether lists without a filter are in order of creation."""
        return self.list == "created"

    @property
    def is_shared(self) -> bool:
        """Whether some callers may reach the items of other owners."""
        return bool(self.sees_all or self.acts_for)
