"""A client that holds every answer against the API's own OpenAPI document."""

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
    """The whole API of a stack; calls take paths from its root, or the URLs that answers hold."""

    api: Api

    @functools.cached_property
    def document(self) -> dict[str, Any]:
        """The document as the gateway serves it."""
        answer = self.api("GET", "/openapi.json")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json"), answer.content
        found: dict[str, Any] = answer.json
        return found

    def __call__(self, method: str, path: str = "", body: Any = None, **headers: str | None) -> Answer:
        """Send a request, and check that the document announces its answer: status, headers and body."""
        answer = self.api(method, path, body, **headers)
        operation = self.operation(method, answer.url)
        announced = operation["responses"]
        status = str(answer.status) if str(answer.status) in announced else f"{answer.status // 100}XX"
        assert status in announced, (method, path, answer.status, answer.content)
        response = self.resolve(announced[status])
        for content_type, content in response.get("content", {}).items():
            assert answer.headers["Content-Type"] == content_type
            if "fields" not in parse_qs(urlsplit(answer.url).query):  # else its items are not whole
                self.check(answer.json, content["schema"])
        assert response.get("content") or answer.content == b""
        return answer

    def create(self, path: str, body: Any) -> Answer:
        """Create an item."""
        made = self("POST", path, body)
        assert made.status == 201, made.content
        return made

    def operation(self, method: str, url: str) -> dict[str, Any]:
        """Return what the document says of a request."""
        base = urljoin(f"{self.api.url}/openapi.json", self.document["servers"][0]["url"])
        path = urlsplit(url)._replace(query="").geturl().removeprefix(base.rstrip("/"))
        for template, operations in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        raise AssertionError(f"the document has no {method} {path}")

    def check(self, value: Any, schema: dict[str, Any]) -> None:
        """Check a value by a schema of the document."""
        whole = {"components": self.document["components"], **schema}
        faults = list(OAS30Validator(whole, format_checker=oas30_format_checker).iter_errors(value))
        assert not faults, faults

    def resolve(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return what a reference refers to, or the value itself."""
        for name in value["$ref"].split("/")[1:] if "$ref" in value else ():
            value = (self.document if name == "components" else value)[name]
        return value
