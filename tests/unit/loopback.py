"""A scripted server on the loopback interface: it responds or disconnects as scripted, and records requests."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]  # by lower-case name
    body: bytes


Behaviour = Callable[[socket.socket, Request], bool]  # True: keep the connection open


class Server:
    """Follow `script`: one behaviour per request; the last one repeats.

    `connections` counts the accepted connections, `closed` those that have been closed again.
    """

    def __init__(self, *script: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.connections = 0
        self.closed = 0
        self.stopping = threading.Event()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)  # a listener in accept() would still take one connection
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed
            while True:
                plain, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), plain:  # ValueError: not HTTP
            connected = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connected, connected.makefile("rb") as stream:
                while request := _read(stream):
                    self.requests.append(request)
                    behave = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    if not behave(connected, request):
                        break
        self.closed += 1


def _read(stream: Any) -> Request | None:
    line = stream.readline().decode()
    if not line:
        return None
    method, path, _ = line.split(" ")
    headers = {}
    while (field := stream.readline().decode().strip()) != "":
        name, _, value = field.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, headers, stream.read(int(headers.get("content-length", 0))))


def sends(data: bytes, keep: bool = False) -> Behaviour:
    """Send exactly these bytes, then close the connection unless `keep` is set."""

    def behave(connected: socket.socket, _: Request) -> bool:
        connected.sendall(data)
        return keep

    return behave


def answers(body: Any, status: int = 200, **headers: str) -> Behaviour:
    """Respond with `body` as JSON (bytes unchanged); underscores in header names stand for hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": "application/x-amz-json-1.0", "content-length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return sends(f"HTTP/1.1 {status} Something\r\n{head}\r\n".encode() + content, keep=True)


def fails(code: str, status: int = 400, message: str = "No.", **headers: str) -> Behaviour:
    """Respond with an error in DynamoDB's format."""
    return answers({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}, status, **headers)


def drops(_: socket.socket, __: Request) -> bool:
    """Close the connection without a response."""
    return False


def resets(connected: socket.socket, _: Request) -> bool:
    """Reset the TCP connection without a response."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until the condition is true; the server's threads may need a moment."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "the condition never became true"
        time.sleep(0.005)


@contextlib.contextmanager
def hanging() -> Iterator[Behaviour]:
    """Yield a behaviour that sends nothing until the context ends."""
    over = threading.Event()

    def behave(_: socket.socket, __: Request) -> bool:
        over.wait(30)
        return False

    yield behave
    over.set()


_bound: list[socket.socket] = []


def closed_port() -> int:
    """Yield a port on which nothing can listen: it is bound but not listening."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    _bound.append(bound)
    return int(bound.getsockname()[1])
