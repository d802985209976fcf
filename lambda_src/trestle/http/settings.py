"""The function's settings from its environment variables, besides its entity."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


class Settings:
    """The environment variables that Terraform sets for every function, in the types the code uses.

    Raises KeyError for an unknown LOG_LEVEL.
    """

    __slots__ = (
        "cors_origins",
        "environment",
        "function_version",
        "groups",
        "log_level",
        "metrics_namespace",
        "scopes",
        "signed_in",
    )

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment.get("ENVIRONMENT") or ""
        self.log_level = LEVELS[environment.get("LOG_LEVEL") or "INFO"]
        # The namespace of the CloudWatch metrics, "" for no metrics.
        self.metrics_namespace = environment.get("METRICS_NAMESPACE") or ""
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION") or "$LATEST"
        self.cors_origins = tuple((environment.get("CORS_ORIGINS") or "*").split())
        options: dict[str, Any] = json.loads(environment.get("ENTITY_OPTIONS") or "{}")
        # The operations that need a signed-in user, and the groups and scopes that some of them require.
        self.signed_in: list[str] = options.get("signed_in", [])
        self.groups: dict[str, str] = options.get("groups", {})
        self.scopes: dict[str, str] = options.get("scopes", {})
