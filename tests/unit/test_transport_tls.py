"""Test the signed transport's TLS against servers with certificates created here."""

from __future__ import annotations

import datetime
import ipaddress
import re
import ssl
import warnings
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.loopback import Server, answers
from trestle.store import dynamodb, table, tls
from trestle.store.roots import AMAZON_ROOTS

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority for tests."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test root")])
        self.root = (
            _builder(self.name, self.name, self.key, NOW + DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def pem(self) -> bytes:
        return self.root.public_bytes(serialization.Encoding.PEM)

    def context(self, folder: Path, host: str = "127.0.0.1", ends: datetime.datetime = NOW + DAY) -> ssl.SSLContext:
        """Return a server's context with a certificate for `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = (
            [x509.IPAddress(ipaddress.ip_address(host))] if host[0].isdigit() else [x509.DNSName(host)]
        )
        leaf = (
            _builder(x509.Name([]), self.name, key, ends)
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / "server.pem"
        file.write_bytes(secret + leaf.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ends: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * DAY)
        .not_valid_after(ends)
    )


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, unconnected: None) -> None:
    """A process without loaded root certificates and without pauses between attempts."""
    monkeypatch.setattr(dynamodb, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(tls, "_context", None)
    monkeypatch.setattr(tls, "_all_roots", False)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[ssl.SSLContext], Server]]:
    servers: list[Server] = []

    def start(context: ssl.SSLContext) -> Server:
        server = Server(answers({}), tls=context)
        servers.append(server)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        return server

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture
def bundle(authority: Authority, tmp_path: Path) -> str:
    """Write a file with the test authority's certificate."""
    file = tmp_path / "roots.pem"
    file.write_bytes(authority.pem())
    return str(file)


def scan() -> dynamodb.Reply:
    return table.send("Scan", {"TableName": "t"})


def tls_error() -> str:
    """Return the transport's TLS error."""
    with pytest.raises(dynamodb.ServiceUnavailable) as caught:
        scan()
    assert caught.value.retries == 2
    return str(caught.value.__cause__)


Serve = Callable[[ssl.SSLContext], Server]


def test_trusted_server(
    transport: str,
    serve: Serve,
    authority: Authority,
    tmp_path: Path,
    bundle: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(authority.context(tmp_path))
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    assert [scan().retries for _ in range(3)] == [0, 0, 0]
    assert server.connections == 1


def test_other_hosts_certificate(
    transport: str,
    serve: Serve,
    authority: Authority,
    tmp_path: Path,
    bundle: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(authority.context(tmp_path, host="dynamodb.us-west-2.amazonaws.com"))
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    assert "127.0.0.1" in tls_error()
    assert server.requests == []


def test_expired_certificate(
    transport: str,
    serve: Serve,
    authority: Authority,
    tmp_path: Path,
    bundle: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(authority.context(tmp_path, ends=NOW - DAY))
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    assert "expired" in tls_error()
    assert server.requests == []


def test_unknown_authority(transport: str, serve: Serve, authority: Authority, tmp_path: Path) -> None:
    server = serve(authority.context(tmp_path))
    assert "unable to get local issuer certificate" in tls_error()
    assert server.requests == []


def test_only_the_bundle_is_trusted(
    serve: Serve, authority: Authority, tmp_path: Path, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(authority.context(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    monkeypatch.setenv("AWS_CA_BUNDLE", certifi.where())
    assert "unable to get local issuer certificate" in tls_error()


def test_missing_bundle_is_an_error_each_time(
    serve: Serve, authority: Authority, tmp_path: Path, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(authority.context(tmp_path))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none"))
    assert "No such file" in tls_error()
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    assert scan().retries == 0


def test_the_systems_roots_are_loaded_once_if_amazons_do_not_suffice(
    serve: Serve, authority: Authority, tmp_path: Path, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(authority.context(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    assert scan().retries == 0
    assert server.connections == 2
    dynamodb._connections.clear()
    assert scan().retries == 0
    assert server.connections == 3


def test_an_expired_certificate_does_not_load_other_roots(
    serve: Serve, authority: Authority, tmp_path: Path, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "AMAZON_ROOTS", authority.pem().decode())
    server = serve(authority.context(tmp_path, ends=NOW - DAY))
    assert "expired" in tls_error()
    assert server.connections == 3
    assert not tls._all_roots


def test_a_failed_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(answers({})) as server:  # it reads the handshake as a malformed request, and closes the connection
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url.replace("http", "https"))
        with pytest.raises(dynamodb.ServiceUnavailable):
            scan()
    assert server.connections == 3
    assert not tls._all_roots


def test_context_is_strict() -> None:
    context = tls._verifying()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_tls_1_1_is_refused(
    serve: Serve, authority: Authority, tmp_path: Path, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = authority.context(tmp_path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):  # they are deprecated, which is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    server = serve(context)
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    assert "protocol version" in tls_error().lower().replace("_", " ")
    assert server.requests == []


def certificates(text: str) -> list[str]:
    return re.findall("-----BEGIN CERTIFICATE-----\n.*?\n-----END CERTIFICATE-----\n", text, re.DOTALL)


def test_the_roots_are_copies_of_certifis() -> None:
    ours = certificates(AMAZON_ROOTS)
    assert len(ours) == 5
    assert set(ours) <= set(certificates(Path(certifi.where()).read_text(encoding="utf-8")))


def test_the_roots_file_names_its_expiry() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=AMAZON_ROOTS)
    for root, der in zip(context.get_ca_certs(), context.get_ca_certs(binary_form=True), strict=True):
        subject: Any = root["subject"]
        name = dict(pair[0] for pair in subject)["commonName"]
        ends = datetime.datetime.fromtimestamp(ssl.cert_time_to_seconds(str(root["notAfter"])), datetime.UTC)
        assert f"# {name}, until {ends:%Y-%m-%d}\n# SHA-256 {sha256(der).hexdigest()}\n" in AMAZON_ROOTS
        assert ends > NOW + 365 * DAY, f"{name} expires within a year: look for its successor"
