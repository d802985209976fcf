"""Wrap the emulator's server: decide which clients may use it, and repeat lost responses."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any

from tools.laptop.corrections import Params
from tools.laptop.corrections.addresses import DOMAINS
from tools.laptop.issuer import PATH

# The headers that only browsers send, the first two not with every request. No page can change them.
BROWSER = {
    b"origin": re.compile(rb"."),
    b"sec-fetch-site": re.compile(rb"."),
    b"user-agent": re.compile(rb"Mozilla/"),
}
# The requests that browsers may send, as "METHOD path". The paths must match exactly: if the emulator has no handler
# for a path, it treats the request as a call of the service that the query, a header or the body names.
OF_CONSOLE = re.compile(r"[A-Z]+ /(api/.*|[0-9a-f]{16}/.*|[a-z]+\.[a-z]+)?", re.DOTALL)
OF_APIS = re.compile(
    r"[A-Z]* /_aws/(domains|execute-api)/[^/]+/.*"
    r"|GET /(logout|oauth2/(authorize|userInfo))"
    r"|POST /(login|oauth2/(login|revoke|token|userInfo))"
    r"|OPTIONS /oauth2/(revoke|token|userInfo)"
    rf"|[A-Z]+ {PATH}/[a-z./-]+",
    re.DOTALL,
)


def serve_allowed_clients(app: Any, cloudfront: Any, domains: Callable[[], Collection[str]], port: str) -> Any:
    """Wrap the server: serve the console at http://localhost, and keep web pages away from the emulated AWS.

    A domain of an API serves only that API, for every client, and an alias of the console serves the console.

    The emulated AWS accepts any signature, and runs functions as the user who started it. Any page that is open in a
    browser can send requests here. It can also point its own domain here, so that they have its own origin. So other
    names get nothing, and browsers get only the console, the APIs and the sign-in pages.
    """
    said = (
        f"Browsers can only use the console at http://localhost:{port}, the APIs and the sign-in pages, and only "
        "with the names localhost and 127.0.0.1. To call AWS, use a program: an SDK, Terraform or curl.\n"
    )

    async def refuse(scope: Params, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        kind = [(b"content-type", b"text/plain"), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": 403, "headers": kind})
        await send({"type": "http.response.body", "body": said.encode()})

    def aliases() -> set[str]:
        found = cloudfront._distributions.values()
        return {alias.lower() for each in found for alias in cloudfront._get_distribution_aliases(each)}

    async def serve(scope: Params, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        if host in domains():
            address = f"{DOMAINS}{host}"
            host = "127.0.0.1"
            scope = scope | {
                "path": address + scope["path"],
                "raw_path": address.encode() + scope.get("raw_path", b""),
                "headers": [*((k, v) for k, v in scope["headers"] if k != b"host"), (b"host", host.encode())],
            }
        browser = any(pattern.match(headers.get(name, b"")) for name, pattern in BROWSER.items())
        consoles = [distribution["DomainName"] for distribution in cloudfront._distributions.values()]
        if host not in ("127.0.0.1", "localhost") and host in aliases():
            browser, host = True, "localhost"
        # A program's request is for AWS if it is signed or names a target, and for the emulator below /_.
        other = scope["path"].startswith("/_") or headers.keys() & {b"x-amz-date", b"x-amz-target"}
        if host == "localhost" and consoles and (browser or not other):
            host = consoles[0]
            kept = [(k, v) for k, v in scope["headers"] if k not in (b"host", b"x-forwarded-proto")]
            there = [(b"host", host.encode()), (b"x-forwarded-proto", b"https")]
            scope = scope | {"headers": [*kept, *there]}
        here = host in ("127.0.0.1", "localhost", *consoles) or host.endswith(".localhost")
        asked = f"{scope.get('method', '')} {scope['path']}"
        allowed = OF_CONSOLE if host in consoles else OF_APIS
        if here and (not browser or allowed.fullmatch(asked)):
            await app(scope, receive, send)
        else:
            await refuse(scope, send)

    return serve


def replay_lost_responses(app: Any) -> Any:
    """Wrap the server: a retry of a request whose response was lost gets that response.

    SDKs send an id with each call, which is the same in a retry. Without this correction, a retry of a creation would
    fail, because the resource exists.
    """
    answers: OrderedDict[bytes, list[Params]] = OrderedDict()

    async def serve(scope: Params, receive: Any, send: Any) -> None:
        call = dict(scope.get("headers", ())).get(b"amz-sdk-invocation-id")
        if call is None:
            await app(scope, receive, send)
            return
        if call in answers:
            while (await receive()).get("more_body"):
                pass
            for message in answers[call]:
                await send(message)
            return
        sent: list[Params] = []

        async def keep(message: Params) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                if sent[0]["status"] < 400:
                    answers[call] = sent
                while len(answers) > 500:
                    answers.popitem(last=False)
            await send(message)

        await app(scope, receive, keep)

    return serve
