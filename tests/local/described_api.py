"""A client that checks every response against the API's OpenAPI document."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from openapi_schema_validator import OAS30Validator, oas30_format_checker

from tests.local.api import Answer, Api


@dataclass(frozen=True)
class DescribedApi:
    """A system's API; calls take paths from its root, or URLs from responses."""

    api: Api

    @functools.cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document from the gateway."""
        answer = self.api("GET", "/openapi.json")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json"), answer.content
        found: dict[str, Any] = answer.json
        return found

    def __call__(self, method: str, path: str = "", body: Any = None, **headers: str | None) -> Answer:
        """Send a request, and check that the document describes the response: status, headers and body."""
        answer = self.api(method, path, body, **headers)
        operation = self.operation(method, answer.url)
        announced = operation["responses"]
        status = str(answer.status) if str(answer.status) in announced else f"{answer.status // 100}XX"
        assert status in announced, (method, path, answer.status, answer.content)
        response = self.resolve(announced[status])
        for content_type, content in response.get("content", {}).items():
            assert answer.headers["Content-Type"] == content_type
            if "fields" not in parse_qs(urlsplit(answer.url).query):  # with `fields` items are incomplete
                self.check(answer.json, content["schema"])
        assert response.get("content") or answer.content == b""
        return answer

    def create(self, path: str, body: Any) -> Answer:
        """Create an item; return it."""
        made = self("POST", path, body)
        assert made.status == 201, made.content
        return made

    def operation(self, method: str, url: str) -> dict[str, Any]:
        """Return the document's operation for a request."""
        base = urljoin(f"{self.api.url}/openapi.json", self.document["servers"][0]["url"])
        path = urlsplit(url)._replace(query="").geturl().removeprefix(base.rstrip("/"))
        for template, operations in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        raise AssertionError(f"the document has no {method} {path}")

    def check(self, value: Any, schema: dict[str, Any]) -> None:
        """Validate a value with one of the document's schemas."""
        whole = {"components": self.document["components"], **schema}
        faults = list(OAS30Validator(whole, format_checker=oas30_format_checker).iter_errors(value))
        assert not faults, faults

    def resolve(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the target of a reference, or the value itself."""
        for name in value["$ref"].split("/")[1:] if "$ref" in value else ():
            value = (self.document if name == "components" else value)[name]
        return value
