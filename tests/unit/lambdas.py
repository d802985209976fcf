"""A fake Lambda client with the methods that the tools use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FakeLambda:
    """Return the settings of each function's live version."""

    settings: dict[str, dict[str, Any]]
    code: str = "built here"

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceNotFoundException(Exception):  # noqa: N818 - boto3's name
            pass

    class meta:  # noqa: N801 - boto3's name
        region_name = "us-west-2"

    def get_function_configuration(self, FunctionName: str, Qualifier: str) -> Any:  # noqa: N803 - boto3's name
        assert Qualifier == "live"
        if FunctionName not in self.settings:
            raise self.exceptions.ResourceNotFoundException
        options = self.settings[FunctionName]
        variables = {"ENTITY_OPTIONS": json.dumps(options)} if options else {}
        return {"CodeSha256": self.code, "Environment": {"Variables": variables}}
