"""Test which requests the emulator serves, and repeated responses."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tools.laptop.corrections import serving


def test_a_lost_response_is_repeated() -> None:
    calls: list[str] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        calls.append(scope["path"])
        status = 500 if scope["path"] == "/broken" else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": str(len(calls)).encode()})

    served = serving.replay_lost_responses(app)

    def ask(path: str, call: bytes | None) -> bytes:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"amz-sdk-invocation-id", call)] if call else []
        asyncio.run(served({"type": "http", "path": path, "headers": headers}, receive, send))
        body: bytes = sent[-1]["body"]
        return body

    assert [ask("/a", b"1"), ask("/a", b"1"), ask("/a", b"2")] == [b"1", b"1", b"2"]
    assert [ask("/a", None), ask("/a", None)] == [b"3", b"4"]
    assert [ask("/broken", b"3"), ask("/broken", b"3")] == [b"5", b"6"]


BROWSERS = [(b"origin", b"null"), (b"sec-fetch-site", b"none"), (b"user-agent", b"Mozilla/5.0 (X11)")]
API = "/_aws/execute-api/x/dev/todos"
CALL = b"Action=CreateUser&X-Amz-Credential=test/20260101/us-west-2/iam/aws4_request"


class WrappedServer:
    """A server behind the wrapper; it records its requests and the client's responses."""

    def __init__(self, *distributions: str, domains: tuple[str, ...] = ()) -> None:
        self.seen: list[Any] = []
        self.sent: list[Any] = []
        names = {name: {"DomainName": name, "Aliases": [ALIAS]} for name in distributions}
        cloudfront = SimpleNamespace(_distributions=names, _get_distribution_aliases=lambda each: each["Aliases"])
        self.serve = serving.serve_allowed_clients(self.app, cloudfront, lambda: domains, "4566")

    async def app(self, scope: Any, *_: Any) -> None:
        self.seen.append(scope)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def ask(
        self, host: bytes, path: str, *headers: tuple[bytes, bytes], method: str = "GET", query: bytes = b""
    ) -> str | None:
        """Return the host that the emulator is asked for, or None if the request does not reach it."""
        self.seen.clear()
        scope = {"type": "http", "method": method, "path": path, "query_string": query}
        asyncio.run(self.serve(scope | {"headers": [(b"host", host), *headers]}, None, self.send))
        return str(dict(self.seen[0]["headers"])[b"host"], "ascii") if self.seen else None


CONSOLE, ALIAS = "d1.cloudfront.net", "console.example.com"


@pytest.mark.parametrize(
    ("host", "path", "header", "served"),
    [
        (b"localhost:4566", "/", None, CONSOLE),
        (b"LOCALHOST:4566", "/", None, CONSOLE),
        (b"localhost:4566", "/api/todos", b"authorization", CONSOLE),
        (b"127.0.0.1:4566", "/", None, "127.0.0.1:4566"),
        (b"localhost:4566", API, None, "localhost:4566"),
        (b"localhost:4566", "/", b"x-amz-date", "localhost:4566"),
        (b"localhost:4566", "/", b"x-amz-target", "localhost:4566"),
        (b"bucket.localhost:4566", "/key", None, "bucket.localhost:4566"),
        (CONSOLE.encode(), "/", None, CONSOLE),
        (b"other.cloudfront.net", "/", None, None),
        (b"localhost.example.com", "/", None, None),
        (b"notlocalhost:4566", "/", None, None),
        (b"127.0.0.1.example.com:4566", "/", b"x-amz-date", None),
        (b"", "/", None, None),
    ],
)  # fmt: skip
def test_localhost_is_the_distribution_and_other_names_are_refused(
    host: bytes, path: str, header: bytes | None, served: str | None
) -> None:
    server = WrappedServer(CONSOLE)
    assert server.ask(host, path, *([(header, b"x")] if header else [])) == served
    assert [message.get("status") for message in server.sent] == ([] if served else [403, None])


def test_the_distribution_gets_the_complete_request_over_tls() -> None:
    server, cookies = WrappedServer(CONSOLE), [(b"cookie", b"a=1"), (b"cookie", b"b=2")]
    server.ask(b"localhost:4566", "/", (b"x-forwarded-proto", b"http"), *cookies)
    there = [(b"host", CONSOLE.encode()), (b"x-forwarded-proto", b"https")]
    assert server.seen[0]["headers"] == [*cookies, *there]


@pytest.mark.parametrize("sign", BROWSERS)
@pytest.mark.parametrize(
    ("host", "asked", "served"),
    [
        (b"localhost:4566", "GET /", CONSOLE),
        (b"localhost:4566", "GET /config.json", CONSOLE),
        (b"localhost:4566", "GET /0123456789abcdef/vendor/x.js", CONSOLE),
        (b"localhost:4566", "DELETE /api/todos/1", CONSOLE),
        (CONSOLE.encode(), "GET /", CONSOLE),
        (b"localhost:4566", f"GET {API}", None),
        (b"localhost:4566", "POST /_ministack/reset", None),
        (b"localhost:4566", "GET /health", None),
        (b"localhost:4566", "POST /login", None),
        (b"localhost:4566", "POST /v2/email/outbound-emails", None),
        (b"localhost:4566", "PUT /v20180820/bucket/b", None),
        (b"localhost:4566", "POST /2015-03-31/functions", None),
        (b"127.0.0.1:4566", f"GET {API}", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", f"OPTIONS {API}", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "GET /oauth2/authorize", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /login", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /oauth2/token", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /oauth2/revoke", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "OPTIONS /oauth2/token", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "GET /logout", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "GET /_trestle/issuer/.well-known/openid-configuration", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /_trestle/issuer/authorize", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "OPTIONS /_trestle/issuer/token", "127.0.0.1:4566"),
        (b"127.0.0.1:4566", "POST /_trestle/issuer", None),
        (b"localhost:4566", "GET /_trestle/issuer/jwks", None),
        (b"localhost.example.com", "GET /_trestle/issuer/jwks", None),
        (b"127.0.0.1:4566", "POST /_trestle/save", None),
        (b"127.0.0.1:4566", "POST /oauth2/authorize", None),
        (b"127.0.0.1:4566", "GET /login", None),
        (b"127.0.0.1:4566", "POST /_aws/execute-api/x", None),
        (b"127.0.0.1:4566", "POST /login?", None),
        (b"127.0.0.1:4566", "GET /us-west-2_x/.well-known/jwks.json", None),
        (b"127.0.0.1:4566", "POST /_ministack/reset", None),
        (b"127.0.0.1:4566", "GET /_trestle/terraform", None),
        (b"127.0.0.1:4566", "POST /2015-03-31/functions", None),
        (b"127.0.0.1:4566", "OPTIONS /2015-03-31/functions", None),
        (b"127.0.0.1:4566", "GET /apikeys", None),
        (b"127.0.0.1:4566", "POST /", None),
        (b"bucket.localhost:4566", "GET /key", None),
        (b"localhost.example.com", "GET /", None),
    ],
)
def test_browsers_cannot_call_aws(host: bytes, asked: str, served: str | None, sign: tuple[bytes, bytes]) -> None:
    method, path = asked.split(" ")
    server = WrappedServer(CONSOLE)
    for header in (b"accept", b"x-amz-date", b"x-amz-target"):
        found = server.ask(host, path, sign, (header, b"x"), method=method, query=CALL)
        assert found == served, header


@pytest.mark.parametrize("headers", [(), *((sign,) for sign in BROWSERS), ((b"x-amz-date", b"x"),)])
@pytest.mark.parametrize("path", ["/todos", "/", "/_ministack/reset", "/2015-03-31/functions", "/_trestle/terraform"])
def test_a_domain_is_its_api_and_nothing_else(path: str, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """Whoever owns the domain may point it at this machine."""
    server = WrappedServer(CONSOLE, domains=("api.example.com",))
    for host in (b"api.example.com", b"API.example.com:4566"):
        assert server.ask(host, path, *headers, method="POST", query=CALL) == "127.0.0.1"
        assert server.seen[0]["path"] == f"/_aws/domains/api.example.com{path}"
        assert server.seen[0]["raw_path"].startswith(b"/_aws/domains/api.example.com")
    assert server.ask(b"other.example.com", path, *headers) is None
    at_path = server.ask(b"127.0.0.1:4566", f"/_aws/domains/api.example.com{path}", *headers)
    assert at_path == "127.0.0.1:4566"


@pytest.mark.parametrize("headers", [(), *((sign,) for sign in BROWSERS), ((b"x-amz-date", b"x"),)])
def test_an_alias_of_the_console_is_the_console_and_nothing_else(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """Whoever owns the domain may point it at this machine."""
    server = WrappedServer(CONSOLE)
    for host in (b"console.example.com", b"Console.Example.com:4566"):
        for path in ("/", "/api/todos"):
            assert server.ask(host, path, *headers, method="POST") == CONSOLE
        for path in ("/_ministack/reset", "/2015-03-31/functions", "/_trestle/terraform", API):
            assert server.ask(host, path, *headers, method="POST", query=CALL) is None
    assert server.ask(b"www.console.example.com", "/", *headers) is None
    assert WrappedServer().ask(b"console.example.com", "/", *headers) is None


def test_without_a_distribution_localhost_is_the_emulator() -> None:
    server = WrappedServer()
    assert server.ask(b"localhost:4566", "/") == "localhost:4566"
    assert server.ask(b"localhost:4566", "/", BROWSERS[0]) is None
    assert server.ask(b"localhost:4566", "/api/todos", BROWSERS[0]) is None
    assert server.ask(b"localhost:4566", API, BROWSERS[0]) == "localhost:4566"
    server.seen.clear()
    asyncio.run(server.serve({"type": "lifespan"}, None, server.send))
    assert server.seen == [{"type": "lifespan"}]


def test_web_sockets_do_not_bypass_the_rules() -> None:
    server = WrappedServer(CONSOLE)
    scope = {"type": "websocket", "path": "/mqtt", "query_string": b""}
    for headers in ([(b"host", b"evil.example")], [(b"host", b"127.0.0.1"), BROWSERS[0]]):
        asyncio.run(server.serve(scope | {"headers": headers}, None, server.send))
    assert (server.seen, server.sent) == ([], [{"type": "websocket.close"}] * 2)
