"""A small HTTP client that adds nothing to requests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import urllib3

POOL = urllib3.PoolManager(retries=False, timeout=60)

EXPOSED = {"ETag", "Idempotency-Replayed", "Item-Owner", "Link", "Location", "Retry-After"}


@dataclass(frozen=True)
class Answer:
    """An HTTP response; `url` is the request's."""

    url: str
    status: int
    headers: urllib3.HTTPHeaderDict
    content: bytes

    @property
    def json(self) -> Any:
        """The parsed JSON body."""
        return json.loads(self.content)

    @property
    def location(self) -> str:
        """The URL in Location."""
        return urljoin(self.url, self.headers["Location"])

    @property
    def next(self) -> str | None:
        """The URL of the next page in Link."""
        link = self.headers.get("Link")
        if link is None:
            return None
        target, parameters = link.removeprefix("<").split(">", 1)
        assert parameters == '; rel="next"'
        return urljoin(self.url, target)

    def problem(self, status: int, kind: str) -> dict[str, Any]:
        """Check that this is a complete problem response with CORS headers; return it."""
        assert self.status == status, self.content
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.headers["Access-Control-Allow-Origin"] == "*"
        assert set(self.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED
        problem: dict[str, Any] = self.json
        assert problem["type"] == f"urn:trestle:problem:{kind}"
        assert problem["status"] == status
        assert problem["title"]
        assert problem["detail"].endswith(".")
        assert problem["requestId"] == self.headers["x-amzn-RequestId"]
        assert set(problem) <= {"type", "title", "status", "detail", "requestId", "errors"}
        return problem


@dataclass(frozen=True)
class Api:
    """A client of one collection, or of the whole API."""

    url: str
    key: str | None
    token: str | None = None

    def as_bearer(self, token: str) -> Api:
        """Return the same client with a token."""
        return Api(self.url, None, token)

    def __call__(self, method: str, path: str = "", body: Any = None, **headers: str | None) -> Answer:
        """Send a request; bytes are sent unchanged, other bodies as JSON. If_Match=... is a header, None removes it."""
        bearer = None if self.token is None else f"Bearer {self.token}"
        sent: dict[str, str | None] = {"X-Api-Key": self.key, "Authorization": bearer}
        if body is not None and not isinstance(body, bytes):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else self.url + path
        answer = POOL.request(
            method,
            url,
            body=body,
            headers={name: v for name, v in sent.items() if v is not None},
            redirect=False,
        )
        return Answer(url, answer.status, answer.headers, answer.data)

    def create(self, body: Any = None) -> Answer:
        """Create an item; return it."""
        made = self("POST", body={"name": "lamp"} if body is None else body)
        assert made.status == 201, made.content
        return made
