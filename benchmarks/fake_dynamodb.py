"""Serve a fake DynamoDB: canned responses over TLS, in another process than the measured one."""

from __future__ import annotations

import binascii
import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ID = "018f0000-0000-7000-8000-000000000000"
CREATED = "2026-01-02T03:04:05.678901Z"
DOC = {
    "title": {"S": "Write the quarterly report"},
    "done": {"BOOL": False},
    "priority": {"N": "3"},
    "tags": {"L": [{"S": "work"}, {"S": "writing"}]},
}
# A record as Trestle stores it. The tutorial handler can read it as well, since it accepts any attributes. Handlers
# with a model for responses get an item with plain attributes.
RECORD = {
    "id": {"S": ID},
    "collection": {"S": "items"},
    "createdAt": {"S": CREATED},
    "updatedAt": {"S": CREATED},
    "version": {"N": "1"},
    "write": {"S": 24 * "0"},
    "doc": {"M": DOC},
}
FLAT_RECORD = {"id": {"S": ID}, "createdAt": {"S": CREATED}, "updatedAt": {"S": CREATED}, **DOC}
RESPONSES: dict[str, dict[str, Any]] = {
    "PutItem": {},
    "GetItem": {"Item": RECORD},
    "UpdateItem": {"Attributes": RECORD},
    "DeleteItem": {},
    "Query": {"Items": [RECORD] * 25, "Count": 25, "ScannedCount": 25},
    "Scan": {"Items": [RECORD] * 25, "Count": 25, "ScannedCount": 25},
}
# Of the table "flat".
FLAT_RESPONSES: dict[str, dict[str, Any]] = {
    "PutItem": {},
    "GetItem": {"Item": FLAT_RECORD},
    "UpdateItem": {"Attributes": FLAT_RECORD},
}
# An additional part of the response if the request asks for the consumed capacity.
CONSUMED_CAPACITY = {"ConsumedCapacity": {"TableName": "items", "CapacityUnits": 1.0}}


class FakeDynamoDB:
    """Listens on the loopback interface. `requests` counts by action, `ca` is the file of its root certificate."""

    def __init__(self, folder: Path) -> None:
        self.requests: Counter[str] = Counter()
        self.ca = folder / "ca.pem"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(_certificates(self.ca, folder / "server.pem"))
        self._responses = {action: _encode_response(body) for action, body in RESPONSES.items()}
        self._metered = {action: _encode_response(body | CONSUMED_CAPACITY) for action, body in RESPONSES.items()}
        self._flat = {action: _encode_response(body) for action, body in FLAT_RESPONSES.items()}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, tcp: socket.socket) -> None:
        with contextlib.suppress(OSError), self._context.wrap_socket(tcp, server_side=True) as connection:
            stream = connection.makefile("rb")
            while stream.readline():
                headers = {}
                while field := stream.readline().strip():
                    name, _, value = field.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers["content-length"]))
                action = headers["x-amz-target"].partition(".")[2]
                self.requests[action] += 1
                if b'"flat"' in body:
                    responses = self._flat
                else:
                    responses = self._metered if b'"ReturnConsumedCapacity"' in body else self._responses
                connection.sendall(responses[action])


def _encode_response(body: dict[str, Any]) -> bytes:
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        "HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\n"
        f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(content)}\r\n"
        "Connection: keep-alive\r\nx-amzn-RequestId: 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789\r\n"
        f"x-amz-crc32: {binascii.crc32(content)}\r\n\r\n"
    )
    return head.encode() + content


def _certificates(ca: Path, server: Path) -> Path:
    """Write a root, a server's key and its chain, of the same kinds and lengths as DynamoDB's."""
    now = datetime.datetime.now(datetime.UTC)

    def sign_certificate(
        name: str, issuer: str, key: rsa.RSAPrivateKey, by: rsa.RSAPrivateKey, authority: bool
    ) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            # Python's TLS context requires these extensions, as RFC 5280 does.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        )
        if authority:
            usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment"), False)
            usage |= dict.fromkeys(("key_agreement", "encipher_only", "decipher_only"), False)
            usage |= dict.fromkeys(("digital_signature", "key_cert_sign", "crl_sign"), True)
            builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        else:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root, middle, leaf = (rsa.generate_private_key(65537, 2048) for _ in range(3))
    ca.write_bytes(sign_certificate("Root", "Root", root, root, authority=True))
    secret = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server.write_bytes(
        secret
        + sign_certificate("Leaf", "Middle", leaf, middle, authority=False)
        + sign_certificate("Middle", "Root", middle, root, authority=True)
    )
    return server
