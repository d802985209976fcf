"""What the function's environment says, read once at cold start."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


class Config:
    """The environment variables that Terraform sets, in the types the code uses.

    Raises KeyError when TABLE_NAME or ENTITY is missing and for an unknown LOG_LEVEL.
    """

    __slots__ = (
        "cors_origins",
        "entity",
        "environment",
        "filters",
        "function_version",
        "groups",
        "ids",
        "list",
        "log_level",
        "metrics_namespace",
        "owner_scoped",
        "put",
        "schema",
        "signed_in",
        "table",
        "taken",
        "ttl",
    )

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.table = environment["TABLE_NAME"]
        self.entity = environment["ENTITY"]
        self.environment = environment.get("ENVIRONMENT") or ""
        self.log_level = LEVELS[environment.get("LOG_LEVEL") or "INFO"]
        # Where CloudWatch keeps the metrics; without one none are made.
        self.metrics_namespace = environment.get("METRICS_NAMESPACE") or ""
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION") or "$LATEST"
        self.cors_origins = tuple((environment.get("CORS_ORIGINS") or "*").split())
        options: dict[str, Any] = json.loads(environment.get("ENTITY_OPTIONS") or "{}")
        self.put: str = options.get("put", "replace")
        self.ids: str = options.get("ids", "server")
        self.owner_scoped: bool = options.get("owner_scoped", False)
        # Ids that no client may choose: a request for one would be for something else at that path.
        self.taken: list[str] = options.get("taken", [])
        # A Scan would pass over the items of every owner.
        self.list: str = "created" if self.owner_scoped else options.get("list", "created")
        self.schema: str | None = options.get("schema")
        # The property that each filter sorts by; createdAt is the server's own.
        self.filters: dict[str, str] = {
            name: each.get("sort", "createdAt") for name, each in options.get("filters", {}).items()
        }
        self.ttl: str | None = options.get("ttl")
        # The operations that are for users who have signed in, and the group of those that are for one.
        self.signed_in: list[str] = options.get("signed_in", [])
        self.groups: dict[str, str] = options.get("groups", {})


CONFIG = Config(os.environ)
