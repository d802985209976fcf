"""Prove a deployed API: create, read, list, change and delete one item, and a 404.

    python tests/smoke.py URL [--api-key K] [--path items] [--body '{"name": "smoke test"}']
                              [--client-cert client.pem --client-key client.key]

URL is the output api_url. The environment variable TRESTLE_API_KEY may hold the key instead of --api-key, since
every user of the machine can read a process's arguments. The exit code is 0 if every step got the right response.
Only the standard library is used.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from email.message import Message
from typing import Any
from urllib.parse import urljoin, urlsplit

TIMEOUT = 30  # seconds for a response, which may include a cold start


class StepError(Exception):
    """A step got a wrong response."""


class Client:
    """Sends requests and checks the responses."""

    def __init__(self, api_key: str | None, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.headers = {"Content-Type": "application/json", **({"X-Api-Key": api_key} if api_key else {})}

    def send(self, expected: int, method: str, url: str, body: Any = None, **headers: str) -> tuple[Any, Message]:
        """Send a request; return the body, if any, and the headers of a response with the expected status."""
        request = urllib.request.Request(
            url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=self.headers | {name.replace("_", "-"): value for name, value in headers.items()},
        )
        began = time.monotonic()
        try:
            with opener(url, self.tls).open(request, timeout=TIMEOUT) as answer:
                status, headers_back, content = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, headers_back, content = error.code, error.headers, error.read()
        except (OSError, http.client.HTTPException) as error:
            raise StepError(f"{method} {url}: no answer ({explain(error)})") from error
        if status != expected:
            text = content[:500].decode(errors="replace")
            raise StepError(f"{method} {url}: {status} and not {expected}: {text}")
        milliseconds = (time.monotonic() - began) * 1000
        print(f"  {method:<6} {status} {milliseconds:6.0f} ms  {url}")
        try:
            return (json.loads(content) if content else None), headers_back
        except ValueError:
            text = content[:100].decode(errors="replace")
            raise StepError(f"{method} {url}: the answer is not JSON, as of another server: {text}") from None


def explain(error: OSError | http.client.HTTPException) -> str:
    """Return the operating system's reason for a missing response."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return f"none within {TIMEOUT} s"
    if isinstance(cause, http.client.HTTPException):
        return "it is not HTTP"
    return str(getattr(cause, "strerror", None) or cause)


def is_url(text: str) -> bool:
    """Return whether a text is a URL for requests."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in text
    except ValueError:  # an invalid port, an incomplete IPv6 address
        return False


def opener(url: str, tls: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    """Return an opener for a URL: through the user's proxy, unless the URL is on this machine."""
    here = urlsplit(url).hostname in ("127.0.0.1", "localhost")
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})] if here else []
    if tls:
        handlers.append(urllib.request.HTTPSHandler(context=tls))
    return urllib.request.build_opener(*handlers)


def client_tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """Return the TLS context with a client certificate, or None without one; raise OSError if it cannot be read."""
    if not certificate:
        return None
    tls = ssl.create_default_context()
    tls.load_cert_chain(certificate, key)  # the key may be in the same file
    return tls


def take_steps(client: Client, collection: str, body: dict[str, Any], proved: list[str]) -> None:
    """Take all steps in order, and record what each proved."""
    made, headers = client.send(201, "POST", collection, body)
    item = urljoin(collection, headers["Location"])
    try:
        check(made.items() >= body.items(), f"the item made lacks what was sent: {made}")
        proved.append("create")
        read, headers = client.send(200, "GET", item)
        check(read == made, f"the item read is not the one made: {read}")
        proved.append("read")
        check(is_listed(client, collection, made["id"]), "the list lacks the item")
        proved.append("list")
        changed, _ = client.send(200, "PUT", item, body, If_Match=headers["ETag"])
        check(changed["version"] == made["version"] + 1, f"the change made no new version: {changed}")
        proved.append("change")
    finally:
        client.send(204, "DELETE", item)
    proved.append("delete")
    client.send(404, "GET", item)
    proved.append("404")


def is_listed(client: Client, collection: str, wanted: str) -> bool:
    """Return whether the newest items include the id of the item just created."""
    page, _ = client.send(200, "GET", f"{collection}?order=desc&limit=100")
    return any(item["id"] == wanted for item in page["items"])


def check(fact: bool, otherwise: str) -> None:
    """Raise StepError unless the fact is true."""
    if not fact:
        raise StepError(otherwise)


def main(arguments: list[str] | None = None) -> int:
    """Take the steps; return the exit code."""
    parser = argparse.ArgumentParser(description="Prove a deployed API.")
    parser.add_argument("url", metavar="URL", help="the API, as the output api_url has it")
    key_help = "the value of a key, where the API asks for one (default: the environment variable TRESTLE_API_KEY)"
    parser.add_argument("--api-key", metavar="K", help=key_help)
    parser.add_argument("--path", default="items", help="where the collection lives (default: items)")
    parser.add_argument("--body", default='{"name": "smoke test"}', help="an item that its schema allows")
    parser.add_argument("--client-cert", metavar="FILE", help="a client certificate, where the API asks for one (PEM)")
    parser.add_argument("--client-key", metavar="FILE", help="its private key, if that is in a file of its own")
    options = parser.parse_args(arguments)
    if not is_url(options.url):
        parser.error(f"URL must start with https:// or http:// and a host: {options.url}")
    try:
        body = json.loads(options.body)
    except ValueError:
        parser.error(f"--body is not JSON: write an object, such as {parser.get_default('body')}")
    if options.client_key and not options.client_cert:
        parser.error("--client-key is the key of a certificate: name that, too, by --client-cert")
    try:
        tls = client_tls(options.client_cert, options.client_key)
    except OSError as error:  # includes TLS errors
        parser.error(f"--client-cert {options.client_cert}: no certificate with its key ({error.strerror or error})")
    collection = f"{options.url.rstrip('/')}/{options.path.strip('/')}".rstrip("/")
    print(f"Smoke test of {collection}")
    proved: list[str] = []
    try:
        take_steps(Client(options.api_key or os.environ.get("TRESTLE_API_KEY"), tls), collection, body, proved)
    except StepError as failure:
        print(f"FAILED after {', '.join(proved) or 'nothing'}: {failure}", file=sys.stderr)
        return 1
    print(f"OK: {', '.join(proved)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
