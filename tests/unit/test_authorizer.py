"""Test the Lambda authorizer against an issuer over HTTP: valid tokens, and each kind of forged token."""

from __future__ import annotations

import base64
import functools
import gzip
import hmac
import json
import ssl
import string
import threading
import time
import types
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.testing.functions import LambdaContext, load_handler
from trestle.authorizer import documents
from trestle.authorizer.documents import Documents
from trestle.authorizer.errors import IssuerError, Refused
from trestle.authorizer.handler import make_handler
from trestle.authorizer.keys import Keys, key_set, signing_key
from trestle.authorizer.tokens import groups_of, scopes_of, verified
from trestle.operations.claims import token_of

ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc123/test/GET/items/1"
AUDIENCE = "https://api.example.com"
NOW = int(time.time())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value: int, length: int = 0) -> str:
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Key:
    """An issuer's private key, with its JSON Web Key."""

    def __init__(self, private: Any, kid: str | None) -> None:
        self.private = private
        self.kid = kid
        self.public = private.public_key()
        self.is_rsa = isinstance(private, rsa.RSAPrivateKey)
        self.alg = "RS256" if self.is_rsa else "ES256"

    def jwk(self, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"kid": self.kid, "use": "sig", "alg": self.alg}
        numbers = self.public.public_numbers()
        if self.is_rsa:
            found |= {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        else:
            size = (self.public.curve.key_size + 7) // 8
            found |= {"kty": "EC", "crv": f"P-{self.public.curve.key_size}"}
            found |= {"x": number(numbers.x, size), "y": number(numbers.y, size)}
        return {name: value for name, value in (found | more).items() if value is not None}

    def sign(self, data: bytes) -> bytes:
        if self.is_rsa:
            return bytes(self.private.sign(data, padding.PKCS1v15(), hashes.SHA256()))
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def text(self, form: str) -> bytes:
        encoding = serialization.Encoding.PEM if form == "PEM" else serialization.Encoding.DER
        return bytes(self.public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo))


RSA = Key(rsa.generate_private_key(65537, 2048), "rsa")
OTHER = Key(rsa.generate_private_key(65537, 2048), "rsa")
WEAK = Key(rsa.generate_private_key(65537, 1024), "weak")
EC = Key(ec.generate_private_key(ec.SECP256R1()), "ec")
P384 = Key(ec.generate_private_key(ec.SECP384R1()), "p384")


class Issuer:
    """An issuer on this machine. answers: what it sends at a path instead of its documents."""

    def __init__(self) -> None:
        self.begin()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests.append(self.path)
                if answer := issuer.answers.get(self.path):
                    answer(self)
                else:
                    send(self, issuer.documents.get(self.path, {}))

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/tenant"
        self.discovery = "/tenant/.well-known/openid-configuration"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def begin(self) -> None:
        """Start over with two keys and correct documents."""
        self.keys: list[Any] = [RSA.jwk(), EC.jwk()]
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requests: list[str] = []
        self.goes_on = threading.Event()  # slow responses wait for it

    @property
    def documents(self) -> dict[str, Any]:
        return {
            self.discovery: {"issuer": self.url, "jwks_uri": f"{self.url}/keys?x=1"},
            "/tenant/keys?x=1": {"keys": self.keys},
        }

    def stop(self) -> None:
        self.goes_on.set()
        self.server.shutdown()
        self.server.server_close()


def send(handler: BaseHTTPRequestHandler, body: Any, status: int = 200, **headers: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the timeouts, so that a busy machine fails no test."""
    monkeypatch.setattr(documents, "CONNECT_SECONDS", 60)
    monkeypatch.setattr(documents, "ALL_SECONDS", 120)


@pytest.fixture(scope="module")
def running_issuer() -> Iterator[Issuer]:
    found = Issuer()
    yield found
    found.stop()


@pytest.fixture
def issuer(running_issuer: Issuer) -> Iterator[Issuer]:
    """The running issuer, reset: a new process per test would cost more."""
    running_issuer.begin()
    yield running_issuer
    running_issuer.goes_on.set()


class Authorizer:
    """The authorizer's handler, its log, and tokens for it."""

    def __init__(self, issuer: Issuer, capsys: pytest.CaptureFixture[str], **settings: Any) -> None:
        self.issuer = issuer
        self._capsys = capsys
        jwt = {"issuer": issuer.url, "audiences": ["other", AUDIENCE], "groups_claim": "groups"} | settings
        self.environment = {"JWT": json.dumps(jwt), "ENVIRONMENT": "test", "METRICS_NAMESPACE": "shop-test"}
        self.handle = load_handler("authorizer", "index.py", self.environment)
        self.line: dict[str, Any] = {}

    def ask(self, token: Any, scheme: str = "Bearer ") -> dict[str, Any]:
        """Return the authorizer's response to a token."""
        text = f"{scheme}{token}" if isinstance(token, str) else token
        self._capsys.readouterr()
        try:
            return self.handle({"type": "TOKEN", "authorizationToken": text, "methodArn": ARN}, LambdaContext())
        finally:
            written = self._capsys.readouterr()
            assert not written.out
            self.line = json.loads(written.err)
            if isinstance(token, str) and len(token) > 8:
                assert not [part for part in token.split(".") if len(part) > 8 and part in written.err]

    def allowed(self, token: Any, **more: Any) -> dict[str, Any]:
        """Return the context that functions get for a valid token."""
        answer = self.ask(token, **more)
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
        assert (self.line["status"], self.line["level"]) == (200, "INFO")
        found: dict[str, Any] = json.loads(answer["context"]["jwt"])
        return found

    def refused(self, token: Any, **more: Any) -> str:
        """Return the reason why a token is refused."""
        with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
            self.ask(token, **more)
        assert type(caught.value) is Exception
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert (self.line["status"], self.line["level"], self.line["Refusals"]) == (401, "INFO", 1)
        assert "caller" not in self.line
        reason: str = self.line["reason"]
        return reason

    def unavailable(self, token: Any) -> str:
        """Return why the authorizer cannot decide."""
        with pytest.raises(IssuerError) as caught:
            self.ask(token)
        assert (self.line["status"], self.line["level"], self.line["Faults"]) == (503, "ERROR", 1)
        assert str(caught.value) in self.line["error"]
        assert "127.0.0.1" not in self.line["error"]
        return str(caught.value)

    def claims(self, **more: Any) -> dict[str, Any]:
        found = {"iss": self.issuer.url, "aud": AUDIENCE, "sub": "auth0|12", "exp": NOW + 3600, "iat": NOW, **more}
        return {name: value for name, value in found.items() if value is not ...}

    def token(self, key: Key = RSA, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return a token; a member whose value is ... is left out."""
        found = {"alg": key.alg, "kid": key.kid, "typ": "JWT", **(header or {})}
        found = {name: value for name, value in found.items() if value is not ...}
        return signed(json.dumps(found), json.dumps(self.claims(**claims)), key.sign)


def signed(header: str | bytes, payload: str | bytes, sign: Callable[[bytes], bytes] = RSA.sign) -> str:
    """Return a token made of exactly these texts."""
    parts = [b64(each if isinstance(each, bytes) else each.encode()) for each in (header, payload)]
    text = ".".join(parts)
    return f"{text}.{b64(sign(text.encode()))}"


@pytest.fixture
def authorizer(issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> Authorizer:
    return Authorizer(issuer, capsys)


# --- Valid tokens


def test_a_token_becomes_a_policy_for_the_stage(authorizer: Authorizer) -> None:
    token = authorizer.token(groups=["staff", "Support Team"], scope="read:items write", tenant_id="acme", n=1.5)
    answer = authorizer.ask(token)
    assert answer["policyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Action": "execute-api:Invoke",
                "Effect": "Allow",
                "Resource": "arn:aws:execute-api:eu-west-1:123456789012:abc123/test/*",
            }
        ],
    }
    assert answer["principalId"] == "auth0|12"
    assert answer.keys() == {"context", "policyDocument", "principalId"}
    found = token_of({"authorizer": answer["context"]})
    assert found is not None
    assert (found.subject, found.expires) == ("auth0|12", NOW + 3600)
    assert (found.groups, found.scopes) == (["staff", "Support Team"], ["read:items", "write"])
    assert found.claims == json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def test_the_log_line_has_the_caller_or_the_reason(authorizer: Authorizer) -> None:
    authorizer.allowed(authorizer.token())
    first = authorizer.line
    assert first.pop("durationMs") >= 0
    assert first.pop("Latency") >= 0
    assert first.pop("_aws")["CloudWatchMetrics"][0]["Dimensions"] == [["function"]]
    assert first == {
        "level": "INFO", "requestId": LambdaContext().aws_request_id, "functionVersion": "$LATEST",
        "environment": "test", "function": "authorizer", "status": 200, "caller": "jwt:auth0|12",
        "coldStart": True, "fetched": True, "Requests": 1, "ColdStarts": 1,
    }  # fmt: skip
    authorizer.allowed(authorizer.token())
    assert (authorizer.line["coldStart"], authorizer.line["fetched"]) == (False, False)


LONG = "x" * 255
PASSING: dict[str, Callable[[Authorizer], str]] = {
    "RS256": lambda a: a.token(),
    "ES256": lambda a: a.token(EC),
    "the type of RFC 9068": lambda a: a.token(header={"typ": "at+jwt"}),
    "that type with its prefix": lambda a: a.token(header={"typ": "application/AT+JWT"}),
    "no type": lambda a: a.token(header={"typ": ...}),
    "several audiences": lambda a: a.token(aud=["x", AUDIENCE]),
    "a clock ahead of ours": lambda a: a.token(iat=NOW + 30, nbf=NOW + 30),
    "times with fractions": lambda a: a.token(iat=NOW - 0.5, exp=NOW + 3600.5),
    "no iat": lambda a: a.token(iat=...),
    "a long subject": lambda a: a.token(sub=LONG),
    "a subject beyond ASCII": lambda a: a.token(sub="ä@ö.example"),
    "Keycloak's with a nonce": lambda a: a.token(typ="Bearer", nonce="n"),
    "a nonce in RFC 9068": lambda a: a.token(header={"typ": "at+jwt"}, nonce="n"),
    "claims nested 30 deep": lambda a: a.token(x=json.loads("[" * 30 + "]" * 30)),
    "nearly too long": lambda a: a.token(x="y" * 5500),
    # The issuer's key is used, whatever key the header offers.
    "jku": lambda a: a.token(header={"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert"}),
    "jwk": lambda a: a.token(header={"jwk": OTHER.jwk(), "x5c": ["AA=="]}),
}


@pytest.mark.parametrize("name", PASSING)
def test_valid_tokens_are_accepted(authorizer: Authorizer, name: str) -> None:
    token = PASSING[name](authorizer)
    found = authorizer.allowed(token)
    assert found["claims"] == json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def test_the_scheme_is_case_insensitive(authorizer: Authorizer) -> None:
    for scheme in ("Bearer ", "bearer ", "BEARER "):
        assert authorizer.allowed(authorizer.token(), scheme=scheme)["sub"] == "auth0|12"


@pytest.mark.parametrize("subject", ["auth0|12", "ä@ö.example", "\U0001f600"])
def test_the_context_for_the_gateway_is_ascii(authorizer: Authorizer, subject: str) -> None:
    answer = authorizer.ask(authorizer.token(sub=subject))
    assert answer["principalId"].isascii()
    assert json.loads(answer["context"]["jwt"])["sub"] == subject


# --- Groups and scopes


@pytest.mark.parametrize(
    ("name", "claim", "groups"),
    [
        ("groups", ["a", "b c"], ["a", "b c"]),
        ("groups", "a b,c", ["a b,c"]),
        ("groups", "", []),
        ("groups", ["a", 5, None, ["b"], "", {"c": 1}], ["a"]),
        ("groups", {"a": 1}, []),
        ("groups", True, []),
        ("groups", ..., []),
        ("https://example.com/roles", ["admin"], ["admin"]),
        ("roles", "admin", ["admin"]),
    ],
)
def test_groups(issuer: Issuer, capsys: pytest.CaptureFixture[str], name: str, claim: Any, groups: list[str]) -> None:
    authorizer = Authorizer(issuer, capsys, groups_claim=name)
    assert authorizer.allowed(authorizer.token(**{name: claim}, other=["x"]))["groups"] == groups


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "a b:c"}, ["a", "b:c"]),
        ({"scope": ""}, []),
        ({"scp": "a b"}, ["a", "b"]),
        ({"scp": ["a", "b", 5, None]}, ["a", "b"]),
        ({"scope": "a", "scp": ["b"]}, ["a"]),
        ({"scope": None, "scp": ["b"]}, []),
        ({"scope": {"a": 1}}, []),
        ({}, []),
    ],
)
def test_scopes(claims: dict[str, Any], scopes: list[str]) -> None:
    assert scopes_of(claims) == scopes


# --- Refused tokens


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.digest(secret, data, "sha256")


Forge = Callable[[Authorizer], Any]


def forged(a: Authorizer, header: Mapping[str, Any], sign: Callable[[bytes], bytes], **claims: Any) -> str:
    return signed(json.dumps(header), json.dumps(a.claims(**claims)), sign)


def pss(data: bytes) -> bytes:
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return bytes(RSA.private.sign(data, scheme, hashes.SHA256()))


def cut(token: str, part: int, change: Callable[[str], str]) -> str:
    parts = token.split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)


def other_end(part: str) -> str:
    """Return another base64url text of the same bytes: the last character differs only in its unused bits."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    assert len(part) % 4
    return part[:-1] + alphabet[alphabet.index(part[-1]) + 1]


def made(header: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> Forge:
    return lambda a: forged(a, header, sign)


def with_header(**header: Any) -> Forge:
    return lambda a: a.token(header=header)


def with_claims(**claims: Any) -> Forge:
    return lambda a: a.token(**claims)


def texts(header: str | bytes, payload: str | bytes | None) -> Forge:
    return lambda a: signed(header, json.dumps(a.claims()) if payload is None else payload)


# The ids hold no time: all workers of a test run must collect the same tests.
TIMES: dict[str, Any] = {
    "null": None, "a text": str(NOW + 9), "true": True, "a list": [NOW], "an object": {}, "negative": -1,
    "over 2^53": 2**53 + 1, "huge": 1e30,
}  # fmt: skip
HEADER = '{"alg":"RS256","kid":"rsa"}'
RSA_HEADER = {"alg": "RS256", "kid": "rsa"}
ED = ed25519.Ed25519PrivateKey.generate()
FORGED: dict[str, tuple[str, Forge]] = {
    # Not the issuer's signature.
    **{
        f"alg {alg!r}": ("algorithm", made(RSA_HEADER | {"alg": alg}, lambda _: b"x"))
        for alg in ("none", "None", "NONE", "nOnE", "", None, 5, ["RS256"], {"RS256": 1}, "RS256 ", "rs256", "RS1")
    },
    "no alg": ("algorithm", lambda a: forged(a, {"kid": "rsa"}, RSA.sign)),
    "none without a signature": ("malformed", lambda a: cut(forged(a, {"alg": "none"}, RSA.sign), 2, lambda _: "")),
    "no signature": ("malformed", lambda a: cut(a.token(), 2, lambda _: "")),
    "two parts": ("malformed", lambda a: a.token().rpartition(".")[0]),
    **{
        f"HS256 with the public key as {form}": (
            "algorithm",
            made({"alg": "HS256", "kid": "rsa"}, hs256(secret)),
        )
        for form, secret in {
            "PEM": RSA.text("PEM"),
            "PEM without a line's end": RSA.text("PEM").rstrip(),
            "DER": RSA.text("DER"),
            "JWK": json.dumps(RSA.jwk()).encode(),
            "n": RSA.jwk()["n"].encode(),
            "an empty text": b"",
        }.items()
    },
    "RS256 with an HMAC": ("signature", lambda a: forged(a, RSA_HEADER, hs256(RSA.text("PEM")))),
    "RS256 with the EC key's id": ("unknown key", lambda a: forged(a, {"alg": "RS256", "kid": "ec"}, RSA.sign)),
    "RS256 by the EC key": ("unknown key", lambda a: forged(a, {"alg": "RS256", "kid": "ec"}, EC.sign)),
    "ES256 with the RSA key's id": ("unknown key", lambda a: forged(a, {"alg": "ES256", "kid": "rsa"}, EC.sign)),
    "ES256 by the RSA key": ("signature", lambda a: forged(a, {"alg": "ES256", "kid": "ec"}, RSA.sign)),
    "RS256 by the EC key with the RSA key's id": ("signature", lambda a: forged(a, RSA_HEADER, EC.sign)),
    "PS256": ("algorithm", lambda a: forged(a, {"alg": "PS256", "kid": "rsa"}, pss)),
    "PS256 that says RS256": ("signature", lambda a: forged(a, RSA_HEADER, pss)),
    "EdDSA": ("algorithm", lambda a: forged(a, {"alg": "EdDSA", "kid": "rsa"}, ED.sign)),
    "RS512": ("algorithm", lambda a: forged(a, {"alg": "RS512", "kid": "rsa"}, RSA.sign)),
    "another key of that id": ("signature", lambda a: a.token(OTHER)),
    "another key in the header": ("signature", lambda a: a.token(OTHER, header={"jwk": OTHER.jwk()})),
    "an ES256 signature of zeros": (
        "signature",
        lambda a: forged(a, {"alg": "ES256", "kid": "ec"}, lambda _: bytes(64)),
    ),
    "an ES256 signature as ASN.1": (
        "signature",
        lambda a: forged(a, {"alg": "ES256", "kid": "ec"}, lambda d: EC.private.sign(d, ec.ECDSA(hashes.SHA256()))),
    ),
    "other claims": (
        "signature",
        lambda a: ".".join([*a.token().split(".")[:1], *a.token(sub="eve").split(".")[1:2], *a.token().split(".")[2:]]),
    ),
    # Keys.
    "an unknown key": ("unknown key", lambda a: a.token(header={"kid": "gone"})),
    "another key without an id": ("signature", lambda a: a.token(OTHER, header={"kid": ...})),
    **{
        f"key id {kid!r:.20}": ("key id", with_header(kid=kid)) for kid in ("", 5, ["rsa"], {"rsa": 1}, True, "x" * 257)
    },
    "a critical header": ("critical header", lambda a: a.token(header={"crit": ["exp"], "exp": 1})),
    "an empty critical header": ("critical header", lambda a: a.token(header={"crit": []})),
    "a payload that is not encoded": ("critical header", lambda a: a.token(header={"b64": False})),
    # Other tokens of the same issuer.
    "an ID token of Keycloak": ("no access token", lambda a: a.token(typ="ID")),
    "a refresh token of Keycloak": ("no access token", lambda a: a.token(typ="Refresh")),
    "an ID token of Cognito": ("no access token", lambda a: a.token(token_use="id")),
    "an ID token with a nonce": ("no access token", lambda a: a.token(nonce="n")),
    "an ID token with at_hash": ("no access token", lambda a: a.token(at_hash="x")),
    "an ID token with c_hash": ("no access token", lambda a: a.token(c_hash="x")),
    **{
        f"type {typ!r}": ("type", with_header(typ=typ))
        for typ in ("logout+jwt", "secevent+jwt", "dpop+jwt", "JWE", "", 5, ["JWT"])
    },
    # Audience and issuer.
    "no audience": ("audience", lambda a: a.token(aud=...)),
    "another audience": ("audience", lambda a: a.token(aud="app")),
    "an audience with more": ("audience", lambda a: a.token(aud=AUDIENCE + "/")),
    "other audiences": ("audience", lambda a: a.token(aud=["app", "https://api.example.com:443"])),
    "no audience in the list": ("audience", lambda a: a.token(aud=[])),
    "an audience that is a number": ("audience", lambda a: a.token(aud=5)),
    "audiences with a number": ("audience", lambda a: a.token(aud=[AUDIENCE, 5])),
    "audiences in a list": ("audience", lambda a: a.token(aud=[[AUDIENCE]])),
    "an audience that is an object": ("audience", lambda a: a.token(aud={AUDIENCE: 1})),
    "no audience but null": ("audience", lambda a: a.token(aud=None)),
    "a client_id in its place": ("audience", lambda a: a.token(aud=..., client_id=AUDIENCE)),
    "no issuer": ("issuer", lambda a: a.token(iss=...)),
    "an issuer with a slash": ("issuer", lambda a: a.token(iss=a.issuer.url + "/")),
    "the beginning of the issuer": ("issuer", lambda a: a.token(iss=a.issuer.url[:-1])),
    "more than the issuer": ("issuer", lambda a: a.token(iss=a.issuer.url + "2")),
    "the issuer in capitals": ("issuer", lambda a: a.token(iss=a.issuer.url.upper())),
    "issuers": ("issuer", lambda a: a.token(iss=[a.issuer.url])),
    "no subject": ("subject", lambda a: a.token(sub=...)),
    **{
        f"subject {sub!r:.20}": ("subject", with_claims(sub=sub))
        for sub in ("", None, 5, ["ada"], {"a": 1}, "x" * 256, "ä" * 128, "a\0", "a\nb", "a\u2028b", "\u200f")
    },
    # Times.
    "expired": ("expired", lambda a: a.token(exp=NOW - 1)),
    "expired long ago": ("expired", lambda a: a.token(exp=0)),
    "not valid yet": ("not valid yet", lambda a: a.token(nbf=NOW + 3600)),
    "issued in the future": ("not valid yet", lambda a: a.token(iat=NOW + 3600)),
    "no expiry": ("no expiry", lambda a: a.token(exp=...)),
    **{
        f"{name} {form}": ("times", with_claims(**{name: value}))
        for name in ("exp", "nbf", "iat")
        for form, value in TIMES.items()
    },
    "exp NaN": ("malformed", lambda a: a.token(exp=float("nan"))),
    "exp Infinity": ("malformed", lambda a: a.token(exp=float("inf"))),
    "exp of 4,000 digits": ("malformed", lambda a: signed(HEADER, json.dumps(a.claims(exp=5))[:-1] + "9" * 4000 + "}")),
    # Forms that two parsers may read differently.
    "a name twice in the header": (
        "malformed",
        lambda a: signed('{"alg":"none","alg":"RS256","kid":"rsa"}', json.dumps(a.claims())),
    ),
    "a name twice in the claims": (
        "malformed",
        lambda a: signed(HEADER, json.dumps(a.claims())[:-1] + ',"sub":"eve"}'),
    ),
    "a name twice in a claim": (
        "malformed",
        lambda a: signed(HEADER, json.dumps(a.claims())[:-1] + ',"x":{"a":1,"a":2}}'),
    ),
    "a lone surrogate": ("malformed", lambda a: a.token(x="\ud800")),
    **{
        f"payload {text!r:.20}": ("malformed", texts(HEADER, text))
        for text in ("[]", "null", "5", '"x"', "x", " ", "{", "{}{}", b"\xff{}", b"\xef\xbb\xbf{}", b"\x00", "[" * 3000)
    },
    **{
        f"header {text!r:.20}": ("malformed", texts(text, None))
        for text in ("[]", "null", '"RS256"', "x", "{", b"\xff")
    },
    "claims nested 40 deep": ("malformed", lambda a: a.token(x=json.loads("[" * 40 + "]" * 40))),
    "claims nested 2,000 deep": ("malformed", lambda a: signed(HEADER, '{"x":' + "[" * 2000 + "]" * 2000 + "}")),
    "too long": ("too long", lambda a: a.token(x="y" * 6500)),
    "a token of 1 MB": ("too long", lambda a: "x" * 2**20),
    "a token in a token": ("malformed", lambda a: signed(HEADER, a.token())),
    "compressed": (
        "malformed",
        lambda a: signed('{"alg":"RS256","kid":"rsa","zip":"DEF"}', gzip.compress(json.dumps(a.claims()).encode())),
    ),
    "padding": ("malformed", lambda a: cut(a.token(), 2, lambda part: part + "==")),
    "plain base64": ("malformed", lambda a: cut(a.token(), 2, lambda part: "+/" + part[2:])),
    "a blank inside": ("malformed", lambda a: cut(a.token(), 2, lambda part: part[:9] + " " + part[9:])),
    "a line's end inside": ("malformed", lambda a: cut(a.token(), 1, lambda part: part[:9] + "\n" + part[9:])),
    "a blank behind": ("malformed", lambda a: a.token() + " "),
    "a character too many": (
        "malformed",
        lambda a: cut(a.token(), 2, lambda part: (part + "AAAA")[: len(part) // 4 * 4 + 1]),
    ),
    "another form of the signature": ("malformed", lambda a: cut(a.token(), 2, other_end)),
    "another form of the ES256 signature": ("malformed", lambda a: cut(a.token(EC), 2, other_end)),
    "letters beyond ASCII": ("malformed", lambda a: cut(a.token(), 1, lambda part: part + "ä")),
    "five parts": ("malformed", lambda a: a.token() + ".x.y"),
    "empty parts": ("malformed", lambda a: ".."),
    "a text that is none": ("malformed", lambda a: "opaque"),
    "": ("malformed", lambda a: ""),
    # Not a token.
    "nothing": ("no bearer token", lambda a: None),
    "a number": ("no bearer token", lambda a: 5),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_is_refused(authorizer: Authorizer, name: str) -> None:
    reason, forge = FORGED[name]
    assert authorizer.refused(forge(authorizer)) == reason
    authorizer.allowed(authorizer.token())


@given(st.data())
@settings(max_examples=150)
def test_any_change_of_a_token_is_refused(data: st.DataObject) -> None:
    """One character added, removed or changed, anywhere: never an internal error, and never a second valid text."""
    keys = Keys(lambda: [RSA.jwk(), EC.jwk()])
    claims = {"iss": "issuer", "aud": AUDIENCE, "sub": "ada", "exp": NOW + 3600}
    key = data.draw(st.sampled_from([RSA, EC]))
    token = signed(json.dumps({"alg": key.alg, "kid": key.kid}), json.dumps(claims), key.sign)
    assert verified(token, keys, "issuer", [AUDIENCE]) == claims
    at, removed = data.draw(st.integers(0, len(token))), data.draw(st.integers(0, 2))
    other = token[:at] + data.draw(st.text(max_size=2)) + token[at + removed :]
    if other != token:
        with pytest.raises(Refused):
            verified(other, keys, "issuer", [AUDIENCE])


VALUES: list[Any] = [None, True, False, 0, -1, 1.5, 2**70, 1e308, float("nan"), float("inf"), NOW, "", "x", "none"]
VALUES += ["RS256", "\0", "\ud800", "9" * 400, [], [None], [[]], ["x", 5], {}, {"a": [1]}, AUDIENCE, [AUDIENCE, None]]
NAMES = ["alg", "kid", "typ", "crit", "b64", "iss", "aud", "sub", "exp", "nbf", "iat", "nonce", "at_hash", "groups"]
NAMES += ["scope", "scp", "token_use"]
MEMBERS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4)


@given(MEMBERS, MEMBERS)
@settings(max_examples=150)
def test_no_value_of_a_member_causes_an_error(header: dict[str, Any], claims: dict[str, Any]) -> None:
    keys = Keys(lambda: [RSA.jwk(), EC.jwk()])
    known = {"iss": "issuer", "aud": AUDIENCE, "sub": "ada", "exp": NOW + 3600, **claims}
    token = signed(json.dumps({"alg": "RS256", "kid": "rsa", **header}), json.dumps(known))
    try:
        found = verified(token, keys, "issuer", [AUDIENCE])
    except Refused:
        return
    assert (found["iss"], found["sub"], found["exp"] > NOW) == ("issuer", known["sub"], True)
    assert all(isinstance(each, str) for each in groups_of(found, "groups") + scopes_of(found))


@pytest.mark.parametrize("scheme", ["", "Basic ", "Bearer", "Bearer\t", " Bearer ", "Bearer:", "DPoP ", "Token "])
def test_other_schemes_are_refused(authorizer: Authorizer, scheme: str) -> None:
    assert authorizer.refused(authorizer.token(), scheme=scheme) == "no bearer token"
    assert authorizer.refused(authorizer.token(), scheme="Bearer  ") == "malformed"


def test_a_token_refused_at_sight_causes_no_fetch(authorizer: Authorizer) -> None:
    for claims in ({"iss": "https://other.example"}, {"exp": NOW - 1}, {"exp": ...}, {"sub": ""}, {"at_hash": "x"}):
        authorizer.refused(authorizer.token(**claims))
    authorizer.refused(authorizer.token(header={"alg": "HS256"}))
    assert authorizer.issuer.requests == []


def test_an_unexpected_error_is_logged_without_its_message(
    authorizer: Authorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("a secret of the token")

    monkeypatch.setattr("trestle.authorizer.handler.verified", fail)
    with pytest.raises(RuntimeError, match=r"^The log has the cause\.$") as caught:
        authorizer.ask(authorizer.token())
    assert caught.value.__suppress_context__
    assert (authorizer.line["status"], authorizer.line["error"]) == (503, "ValueError")
    assert "secret" not in json.dumps(authorizer.line)
    assert "test_authorizer.py" in authorizer.line["trace"]


# --- Keys


def test_a_token_without_a_key_id_requires_a_single_key(authorizer: Authorizer) -> None:
    issuer = authorizer.issuer
    assert authorizer.allowed(authorizer.token(header={"kid": ...}))["sub"] == "auth0|12"
    assert authorizer.allowed(authorizer.token(EC, header={"kid": ...}))["sub"] == "auth0|12"
    issuer.keys = [RSA.jwk(), OTHER.jwk(kid="other"), EC.jwk(kid=None)]
    another = Authorizer(issuer, authorizer._capsys)
    assert another.refused(another.token(header={"kid": ...})) == "unknown key"
    assert another.allowed(another.token(EC, header={"kid": ...}))["sub"] == "auth0|12"
    assert another.refused(another.token(EC)) == "unknown key"


def test_keys_with_the_same_id_are_tried_in_turn(issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    issuer.keys = [OTHER.jwk(), EC.jwk(kid="rsa"), RSA.jwk()]
    authorizer = Authorizer(issuer, capsys)
    authorizer.allowed(authorizer.token())
    authorizer.allowed(authorizer.token(EC, header={"kid": "rsa"}))
    issuer.keys = [OTHER.jwk()] * 3 + [RSA.jwk()]
    authorizer = Authorizer(issuer, capsys)
    assert authorizer.refused(authorizer.token()) == "signature"


def test_a_rotated_key_is_fetched_at_once(authorizer: Authorizer) -> None:
    issuer = authorizer.issuer
    authorizer.allowed(authorizer.token())
    issuer.keys = [OTHER.jwk(kid="next")]
    authorizer.allowed(authorizer.token(OTHER, header={"kid": "next"}))
    assert authorizer.line["fetched"]
    assert authorizer.refused(authorizer.token()) == "unknown key"
    assert len(issuer.requests) == 4


def test_a_flood_of_unknown_keys_makes_one_fetch(authorizer: Authorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [float(NOW)]
    monkeypatch.setattr("trestle.authorizer.keys.time", types.SimpleNamespace(time=lambda: moment[0]))
    authorizer.allowed(authorizer.token())
    for each in range(50):
        assert authorizer.refused(authorizer.token(header={"kid": f"unknown{each}"})) == "unknown key"
    assert len(authorizer.issuer.requests) == 4, "once at first, and once for the flood"
    moment[0] += 9.9
    authorizer.refused(authorizer.token(header={"kid": "unknown"}))
    assert len(authorizer.issuer.requests) == 4
    moment[0] += 0.2
    for each in range(50):
        authorizer.refused(authorizer.token(header={"kid": f"unknown{each}"}))
    assert len(authorizer.issuer.requests) == 6


NO_KEYS: dict[str, Any] = {
    "for encryption": RSA.jwk(use="enc"),
    "for another operation": RSA.jwk(use=None, key_ops=["encrypt"]),
    "operations that are no list": RSA.jwk(key_ops="verify"),
    "weak": WEAK.jwk(),
    "of another algorithm": RSA.jwk(alg="PS256"),
    "of an algorithm that is none": RSA.jwk(alg="none"),
    "of an algorithm of other keys": EC.jwk(alg="RS256"),
    "symmetric": {"kty": "oct", "k": "AAAA", "kid": "oct"},
    "symmetric with our algorithm": {"kty": "oct", "k": "AAAA", "kid": "oct", "alg": "RS256"},
    "Ed25519": {"kty": "OKP", "crv": "Ed25519", "x": b64(ED.public_key().public_bytes_raw()), "kid": "ed"},
    "of another curve": P384.jwk(alg=None),
    "of another curve with our algorithm": P384.jwk(alg="ES256"),
    "off the curve": EC.jwk(x=b64(bytes(32))),
    "short coordinates": EC.jwk(x="AA"),
    "without n": RSA.jwk(n=None),
    "n that is a number": RSA.jwk() | {"n": 5},
    "n that is no base64": RSA.jwk(n="*" * 342),
    "n that is huge": RSA.jwk(n=number(2**16384 + 1)),
    "n that is empty": RSA.jwk(n=""),
    "e of 1": RSA.jwk(e="AQ"),
    "e that is even": RSA.jwk(e="Ag"),
    "a kind that is none": RSA.jwk(kty="rsa"),
    "a kind that is a list": RSA.jwk(kty=["RSA"]),
    "a curve that is a list": EC.jwk(crv=["P-256"]),
    "a curve of an RSA key": RSA.jwk(crv="P-256"),
    "an id that is a number": RSA.jwk(kid=5),
    "a text": "key",
    "null": None,
    "empty": {},
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_a_key_that_signs_no_tokens(name: str) -> None:
    assert signing_key(NO_KEYS[name]) is None


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSA.jwk(), "RS256"),
        (RSA.jwk(use=None, alg=None, kid=None), "RS256"),
        (RSA.jwk(use=None, key_ops=["verify"], x5c=["AA=="], x5t="x"), "RS256"),
        (EC.jwk(use=None, alg=None), "ES256"),
    ],
)
def test_a_key_has_one_algorithm(key: Any, algorithm: str) -> None:
    found = signing_key(key)
    assert found is not None
    assert found.algorithm_name == algorithm


def test_a_published_private_key_only_verifies() -> None:
    numbers = RSA.private.private_numbers()
    found = signing_key(RSA.jwk(d=number(numbers.d), p=number(numbers.p), q=number(numbers.q)))
    assert found is not None
    assert isinstance(found.key, rsa.RSAPublicKey)


def test_an_invalid_key_does_not_affect_others(issuer: Issuer, capsys: pytest.CaptureFixture[str]) -> None:
    issuer.keys = [*NO_KEYS.values(), RSA.jwk()]
    authorizer = Authorizer(issuer, capsys)
    authorizer.allowed(authorizer.token())
    assert authorizer.refused(authorizer.token(WEAK)) == "unknown key"
    assert len(key_set([RSA.jwk(kid=str(each)) for each in range(100)])) == 100
    with pytest.raises(IssuerError, match="more than 100 keys"):
        key_set([RSA.jwk(kid=str(each)) for each in range(101)])


class Fetch:
    """An issuer's keys without HTTP, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.published: Any = [RSA.jwk()]
        self.now = float(NOW)
        monkeypatch.setattr("trestle.authorizer.keys.time", types.SimpleNamespace(time=lambda: self.now))
        self.keys = Keys(self)

    def __call__(self) -> list[Any]:
        if isinstance(self.published, Exception):
            raise self.published
        found: list[Any] = self.published
        return found

    def after(self, seconds: float, kid: str = "rsa") -> tuple[int, int]:
        """Return how many keys are found after this time, and how many fetches that took."""
        self.now += seconds
        before = self.keys.fetches
        return len(self.keys.find(kid, "RS256")), self.keys.fetches - before


def test_keys_are_refreshed_after_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = Fetch(monkeypatch)
    assert [fetch.after(0), fetch.after(899), fetch.after(1), fetch.after(1)] == [(1, 1), (1, 0), (1, 1), (1, 0)]
    fetch.published = []
    assert fetch.after(898) == (1, 0)
    assert fetch.after(1) == (0, 1), "a key that the issuer has withdrawn"
    fetch.published = [RSA.jwk()]
    assert [fetch.after(0), fetch.after(0)] == [(1, 1), (1, 0)]


def test_cached_keys_serve_for_a_day_after_the_issuer_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = Fetch(monkeypatch)
    assert fetch.after(0) == (1, 1)
    fetch.published = IssuerError("dead")
    assert [fetch.after(900), fetch.after(59), fetch.after(1), fetch.after(1)] == [(1, 1), (1, 0), (1, 1), (1, 0)]
    with pytest.raises(IssuerError, match=r"^dead$"):
        fetch.after(0, "unknown")
    assert fetch.keys.fetches == 4
    with pytest.raises(IssuerError):
        fetch.after(1, "unknown")
    assert fetch.keys.fetches == 4
    assert fetch.after(86400 - 962) == (1, 1)
    with pytest.raises(IssuerError):
        fetch.after(1)
    fetch.published = [RSA.jwk()]
    assert fetch.after(60) == (1, 1)


def test_without_keys_a_dead_issuer_is_retried_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = Fetch(monkeypatch)
    fetch.published = IssuerError("dead")
    for seconds, fetches in ((0, 1), (4, 1), (1, 2), (0, 2)):
        fetch.now += seconds
        fetch.keys._missed_at = fetch.now
        with pytest.raises(IssuerError):
            fetch.keys.find("rsa", "RS256")
        assert fetch.keys.fetches == fetches
    fetch.published = [RSA.jwk()]
    assert fetch.after(5) == (1, 1)


# --- The issuer


def test_a_dead_issuer_is_503_until_it_is_back(authorizer: Authorizer) -> None:
    issuer = authorizer.issuer
    other = Authorizer(issuer, authorizer._capsys)
    authorizer.allowed(authorizer.token())
    issuer.answers = {issuer.discovery: lambda handler: send(handler, b"", 500)}
    assert other.unavailable(other.token()) == "The issuer answers 500."
    authorizer.allowed(authorizer.token())
    assert "issuerError" not in authorizer.line
    # An unknown key may be a new key.
    assert authorizer.unavailable(authorizer.token(header={"kid": "new"})) == "The issuer answers 500."
    authorizer.allowed(authorizer.token())
    assert authorizer.line["issuerError"] == "The issuer answers 500."


def test_an_unreachable_issuer(capsys: pytest.CaptureFixture[str]) -> None:
    found = Issuer()
    authorizer = Authorizer(found, capsys)
    found.stop()
    assert authorizer.unavailable(authorizer.token()) == "The issuer cannot be read: ConnectionRefusedError."


Answer = Callable[[BaseHTTPRequestHandler], None]


def redirect(handler: BaseHTTPRequestHandler) -> None:
    send(handler, b"", 302, Location="/tenant/keys?x=1")


def drop(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"no HTTP at all\r\n\r\n")


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")


def many_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n{}")


HUGE = b'{"x":"' + b"y" * 300_000 + b'"}'
NOT_JSON = "A document of the issuer is not a JSON object."
BAD_ANSWERS: dict[str, tuple[Answer, str]] = {
    "garbage": (lambda h: send(h, b"\xff\x00"), NOT_JSON),
    "HTML": (lambda h: send(h, b"<html>Sign in</html>", Content_Type="text/html"), NOT_JSON),
    "a list": (lambda h: send(h, []), NOT_JSON),
    "null": (lambda h: send(h, None), NOT_JSON),
    "nothing": (lambda h: send(h, b""), NOT_JSON),
    "names twice": (lambda h: send(h, b'{"keys":[],"keys":[]}'), NOT_JSON),
    "deep": (lambda h: send(h, b'{"keys":' + b"[" * 50_000 + b"]" * 50_000 + b"}"), NOT_JSON),
    "huge": (lambda h: send(h, HUGE), "A document of the issuer is over 256 KiB."),
    "not found": (lambda h: send(h, {}, 404), "The issuer answers 404."),
    "created": (lambda h: send(h, {}, 201), "The issuer answers 201."),
    "a redirect": (redirect, "The issuer answers 302."),
    "no HTTP": (drop, "The issuer cannot be read: BadStatusLine."),
    "cut off": (cut_off, NOT_JSON),
    "many headers": (many_headers, "The issuer cannot be read: HTTPException."),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_issuer_with_invalid_responses(authorizer: Authorizer, name: str) -> None:
    answer, reason = BAD_ANSWERS[name]
    issuer = authorizer.issuer
    for path in (issuer.discovery, "/tenant/keys?x=1"):
        issuer.answers = {path: answer}
        another = Authorizer(issuer, authorizer._capsys)
        assert another.unavailable(another.token()) == reason
        # The cached keys stay valid.
        authorizer.issuer.answers = {}
        authorizer.allowed(authorizer.token())
        authorizer.issuer.answers = {path: answer}
        authorizer.allowed(authorizer.token())


DISCOVERED: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://other.example"}, "The discovery document belongs to another issuer."),
    "the issuer with a slash": ({"issuer": "{url}/"}, "The discovery document belongs to another issuer."),
    "no issuer": ({"issuer": None}, "The discovery document belongs to another issuer."),
    "no key set": ({"jwks_uri": None}, "The discovery document names no jwks_uri."),
    "key sets": ({"jwks_uri": ["{url}/keys?x=1"]}, "The discovery document names no jwks_uri."),
    **{
        f"a key set at {url}": ({"jwks_uri": url}, "A URL of the issuer is not https.")
        for url in (
            "http://keys.example/keys", "ftp://127.0.0.1/keys", "file:///etc/passwd", "//127.0.0.1/keys", "keys", "",
            "https://", "https://user@keys.example/", "https://keys.example:x/", "https://keys.example:0/", "https://[::1",
            "http://127.0.0.1.example/keys", "http://localhost@keys.example/", "data:application/json,{{}}",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", DISCOVERED)
def test_an_invalid_discovery_document(authorizer: Authorizer, name: str) -> None:
    issuer = authorizer.issuer
    changes, reason = DISCOVERED[name]
    document = dict(issuer.documents[issuer.discovery])
    for member, value in changes.items():
        document[member] = value.format(url=issuer.url) if isinstance(value, str) else value
    issuer.answers = {issuer.discovery: lambda handler: send(handler, document)}
    assert authorizer.unavailable(authorizer.token()) == reason
    assert issuer.requests == [issuer.discovery]


def test_a_key_set_at_an_invalid_url(authorizer: Authorizer) -> None:
    issuer = authorizer.issuer
    for path, error in (("/ü", "UnicodeEncodeError"), ("/a b", "InvalidURL"), ("/\x7f", "InvalidURL")):
        document = {"issuer": issuer.url, "jwks_uri": issuer.url + path}
        issuer.answers = {issuer.discovery: functools.partial(send, body=document)}
        another = Authorizer(issuer, authorizer._capsys)
        assert another.unavailable(another.token()) == f"The issuer cannot be read: {error}."


@pytest.mark.parametrize("keys", [None, {}, "keys"])
def test_an_invalid_key_set(authorizer: Authorizer, keys: Any) -> None:
    authorizer.issuer.answers = {"/tenant/keys?x=1": lambda handler: send(handler, {"keys": keys})}
    assert authorizer.unavailable(authorizer.token()) == "The key set has no keys."


def test_too_many_keys(authorizer: Authorizer) -> None:
    authorizer.issuer.keys = [RSA.jwk()] * 101
    assert authorizer.unavailable(authorizer.token()) == "The issuer publishes more than 100 keys."


def silent(issuer: Issuer) -> Answer:
    return lambda _: void(issuer.goes_on.wait())


def dripping(issuer: Issuer) -> Answer:
    """Send single bytes forever, each within the read time-out."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not issuer.goes_on.wait(0.01):
            handler.wfile.write(b" ")

    return drip


def void(_: Any) -> None:
    """Return nothing."""


def test_a_silent_issuer_times_out(authorizer: Authorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an overall time limit this test would never end."""
    monkeypatch.setattr(documents, "CONNECT_SECONDS", 0.05)
    for path in (authorizer.issuer.discovery, "/tenant/keys?x=1"):
        authorizer.issuer.answers = {path: silent(authorizer.issuer)}
        with pytest.raises(IssuerError, match=r"^The issuer cannot be read: TimeoutError\.$"):
            Documents(authorizer.issuer.url).keys()


def test_an_issuer_that_sends_single_bytes_times_out(authorizer: Authorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "ALL_SECONDS", 0.1)
    for answer in (dripping(authorizer.issuer), silent(authorizer.issuer)):
        authorizer.issuer.answers = {authorizer.issuer.discovery: answer}
        found, before = Documents(authorizer.issuer.url), {*threading.enumerate()}
        with pytest.raises(IssuerError, match=r"^The issuer does not answer within 0\.1 seconds\.$"):
            found.keys()
        # No fetch goes on in the background: this waits for its end, and the fetch would never end
        # by itself.
        for thread in {*threading.enumerate()} - before:
            if thread.name.endswith("(run)"):
                thread.join()


def test_a_dns_lookup_without_end_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: ends.wait() and [])
    monkeypatch.setattr(documents, "ALL_SECONDS", 0.05)
    with pytest.raises(IssuerError, match="does not answer within"):
        Documents("https://issuer.example").keys()
    ends.set()


@pytest.mark.parametrize(
    "url", ["http://issuer.example", "issuer.example", "", "https://user@issuer.example", "ftp://x"]
)
def test_an_issuer_without_https_is_refused(url: str) -> None:
    with pytest.raises(IssuerError, match=r"^A URL of the issuer is not https\.$"):
        make_handler({"JWT": json.dumps({"issuer": url, "audiences": [AUDIENCE], "groups_claim": "groups"})})


@pytest.mark.parametrize("url", ["http://127.0.0.1:5/x", "http://localhost:5", "http://[::1]:5"])
def test_an_issuer_on_this_machine_may_be_http(url: str) -> None:
    assert Documents(url)


def test_keys_of_an_https_issuer_may_not_be_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    # Keyed by port, since an abandoned attempt of an earlier test may still connect.
    requests: dict[int | None, list[str]] = {}

    class Connection:
        sock = None

        def __init__(self, host: str, port: int | None, timeout: float, context: Any) -> None:
            assert context.check_hostname
            assert context.verify_mode == ssl.CERT_REQUIRED
            self.asked = requests.setdefault(port, [])
            self.asked.append(host)

        def request(self, method: str, path: str, headers: Any) -> None:
            self.asked.append(path)

        def getresponse(self) -> Any:
            text = json.dumps({"issuer": "https://issuer.example:444/", "jwks_uri": "http://127.0.0.1:5/keys"})
            return types.SimpleNamespace(status=200, read=lambda _: text.encode())

        def close(self) -> None:
            self.asked.append("closed")

    monkeypatch.setattr("http.client.HTTPSConnection", Connection)
    with pytest.raises(IssuerError, match=r"^A URL of the issuer is not https\.$"):
        Documents("https://issuer.example:444/").keys()
    assert requests[444] == ["issuer.example", "/.well-known/openid-configuration", "closed"]
