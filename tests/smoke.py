"""Prove a deployed API: create, read, list, change and delete one item, and a 404.

    python tests/smoke.py URL [--api-key K] [--path items] [--body '{"name": "smoke test"}']
                              [--client-cert client.pem --client-key client.key]

URL is the output api_url. The environment variable TRESTLE_API_KEY may hold the key instead of --api-key: every
user of the machine can read the arguments of a process. Standard library alone. The exit code is 0 when every step
answered as it must.
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

TIMEOUT = 30  # seconds an answer may take: the first call of a function starts it


class StepError(Exception):
    """A step did not answer as it must."""


class Client:
    """Sends requests and checks what comes back."""

    def __init__(self, api_key: str | None, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.headers = {"Content-Type": "application/json", **({"X-Api-Key": api_key} if api_key else {})}

    def send(self, expected: int, method: str, url: str, body: Any = None, **headers: str) -> tuple[Any, Message]:
        """Send one request; return the body, if any, and the headers of an answer of the expected status."""
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
    """Return why there is no answer, in the words of the operating system."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return f"none within {TIMEOUT} s"
    if isinstance(cause, http.client.HTTPException):
        return "it is not HTTP"
    return str(getattr(cause, "strerror", None) or cause)


def is_url(text: str) -> bool:
    """Tell whether a text is a URL that requests can be sent to."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in text
    except ValueError:  # a port that is none, half an IPv6 address
        return False


def opener(url: str, tls: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    """Return what sends a request to a URL: through the user's proxy, unless it is for this machine."""
    here = urlsplit(url).hostname in ("127.0.0.1", "localhost")
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})] if here else []
    if tls:
        handlers.append(urllib.request.HTTPSHandler(context=tls))
    return urllib.request.build_opener(*handlers)


def client_tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """Return the TLS settings of a client with a certificate, None without one; raise OSError if it cannot be read."""
    if not certificate:
        return None
    tls = ssl.create_default_context()
    tls.load_cert_chain(certificate, key)  # whose key may be in the same file
    return tls


def take_steps(client: Client, collection: str, body: dict[str, Any], proved: list[str]) -> None:
    """Take the steps one after the other, and note what each has proved."""
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
    """Tell whether the newest items, of which the one just made must be, hold the wanted id."""
    page, _ = client.send(200, "GET", f"{collection}?order=desc&limit=100")
    return any(item["id"] == wanted for item in page["items"])


def check(fact: bool, otherwise: str) -> None:
    """Stop unless the fact holds."""
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
    except OSError as error:  # of which TLS errors are some
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
