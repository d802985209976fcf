"""One persistent HTTP/1.1 connection over a socket, with a deadline for every request.

It replaces http.client, whose import costs more than everything else here, since it imports the email package. It
supports what DynamoDB and the credential endpoint need: no redirects, proxies, cookies or compression.
"""

from __future__ import annotations

import socket
import time

from trestle.errors import QuotableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trestle.store.endpoint import Endpoint

CONNECT_SECONDS = 2.0
# A NAT gateway drops a connection after 350 idle seconds. Opening a new one is cheaper than detecting that.
IDLE_SECONDS = 300.0
MAX_HEAD_BYTES = 64 * 1024
# DynamoDB's answers hold at most 1 MB of items, which JSON escapes enlarge several times.
MAX_BODY_BYTES = 16 * 1024 * 1024


class BrokenAnswerError(QuotableError, OSError):
    """The server closed the connection before the end of its answer, or did not send HTTP/1.1."""


class Answer:
    """An HTTP response: status, headers by lower-case name, body as bytes."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Connection:
    """A connection to one endpoint. It opens when needed and stays open between requests.

    It carries one request at a time, since Lambda gives a process only one. sent: whether any part of a request may
    have been sent since the caller last cleared it.
    """

    __slots__ = ("_buffer", "_nothing_to_read", "_socket", "_used", "endpoint", "sent")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.sent = False
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._nothing_to_read: type[OSError] = BlockingIOError
        self._used = 0.0

    def request(self, method: str, headers: dict[str, str], body: bytes, deadline: float) -> Answer:
        """Send one request and read its answer before `deadline` (time.monotonic()).

        Raises OSError, such as TimeoutError, without a complete answer. The connection is closed in that case, so that
        a late answer is never taken for the next request's.
        """
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"{method} {self.endpoint.path} HTTP/1.1\r\n{fields}content-length: {len(body)}\r\n\r\n"
        try:
            connected = self.open(deadline)
            connected.settimeout(_seconds_left(deadline))
            self.sent = True
            connected.sendall(head.encode("latin-1") + body)
            answer, keep = self._read_answer(connected, deadline)
        except BaseException:
            self.close()
            raise
        # Excess bytes must never be read as the next request's answer.
        if keep and not self._buffer:
            self._used = time.time()
        else:
            self.close()
        return answer

    def open(self, deadline: float) -> socket.socket:
        """Return the open socket, or a new one if there is none or the server has closed it."""
        if self._socket is not None and not self._is_usable(self._socket):
            self.close()
        if self._socket is None:
            until = min(deadline, time.monotonic() + CONNECT_SECONDS)
            connected = self._connect(until)
            if self.endpoint.tls:
                from trestle.store import tls

                self._nothing_to_read = tls.NOTHING_TO_READ
                try:
                    connected = tls.wrap(connected, self.endpoint.host)
                except OSError as error:
                    if not tls.trust_system_roots(error):
                        raise
                    connected = tls.wrap(self._connect(until), self.endpoint.host)
            self._socket, self._used = connected, time.time()
        return self._socket

    def close(self) -> None:
        """Close the socket, if any. The next request opens a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer.clear()

    def _connect(self, until: float) -> socket.socket:
        # As bytes, since a str makes Python import the IDNA codec, which takes 4 ms. typeshed allows only str.
        host: Any = self.endpoint.host.encode("ascii")
        connected = socket.create_connection((host, self.endpoint.port), _seconds_left(until))
        # Otherwise the second packet of a request waits 40 ms for the acknowledgement of the first.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def _is_usable(self, connected: socket.socket) -> bool:
        """Return whether an open socket can carry another request: there is nothing to read, not even its end.

        It reads instead of polling, so that TLS can process session tickets that the server sends unasked. The wall
        clock includes the time for which Lambda freezes the process.
        """
        if not 0 <= time.time() - self._used < IDLE_SECONDS:
            return False
        connected.settimeout(0)
        try:
            connected.recv(1)
        except OSError as error:
            return isinstance(error, self._nothing_to_read)
        return False

    def _read_answer(self, connected: socket.socket, deadline: float) -> tuple[Answer, bool]:
        """Return the answer, and whether the connection may be kept."""
        head = self._read_until(connected, b"\r\n\r\n", deadline)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = status_line.partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not rest[:3].isdigit() or rest.startswith("1"):
            raise BrokenAnswerError("The answer is not HTTP/1.1.")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = headers.get("content-length")
        keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._read_chunks(connected, deadline)
        elif length is None:
            body, keep = self._read_to_end(connected, deadline), False
        elif length.isdigit():
            body = self._read_exactly(connected, int(length), deadline)
        else:
            raise BrokenAnswerError("The answer's Content-Length is not a number.")
        return Answer(int(rest[:3]), headers, body), keep

    def _receive(self, connected: socket.socket, deadline: float) -> bool:
        """Wait for more bytes. Return False at the end of the stream."""
        connected.settimeout(_seconds_left(deadline))
        received = connected.recv(65536)
        self._buffer += received
        return bool(received)

    def _read_until(self, connected: socket.socket, end: bytes, deadline: float) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BrokenAnswerError("The answer's head has no end.")
            if not self._receive(connected, deadline):
                raise BrokenAnswerError("The connection was closed before the answer.")
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return found

    def _read_exactly(self, connected: socket.socket, length: int, deadline: float) -> bytes:
        if length > MAX_BODY_BYTES:
            raise BrokenAnswerError("The answer's body is too large.")
        while len(self._buffer) < length:
            if not self._receive(connected, deadline):
                raise BrokenAnswerError("The connection was closed in the middle of the answer.")
        found = bytes(self._buffer[:length])
        del self._buffer[:length]
        return found

    def _read_chunks(self, connected: socket.socket, deadline: float) -> bytes:
        body = bytearray()
        while True:
            size = self._read_until(connected, b"\r\n", deadline).partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise BrokenAnswerError("The answer's chunk has no length.") from None
            if length == 0:
                break
            body += self._read_exactly(connected, length + 2, deadline)[:-2]
            if len(body) > MAX_BODY_BYTES:
                raise BrokenAnswerError("The answer's body is too large.")
        while self._read_until(connected, b"\r\n", deadline):
            pass  # trailers are ignored
        return bytes(body)

    def _read_to_end(self, connected: socket.socket, deadline: float) -> bytes:
        while self._receive(connected, deadline):
            if len(self._buffer) > MAX_BODY_BYTES:
                raise BrokenAnswerError("The answer's body is too large.")
        return bytes(self._buffer)


def _seconds_left(deadline: float) -> float:
    """Return the seconds until `deadline`. Raise TimeoutError if it has passed, since 0 would mean "do not wait"."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("The deadline has passed.")
    return left
