"""Test tokens of an issuer on a running system with the laptop's issuer: who gets access, and as whom."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.local.api import POOL, Answer, Api
from tests.local.runner import ROOT, Local
from tests.local.users import Users, decode_token, encode_part
from tools.laptop.emulator import free_port
from tools.laptop.issuer.tokens import Issuer, public_jwk

AUDIENCE = "https://api.example.com"
OWN_KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
}


@pytest.fixture(scope="module")
def issuer(local: Local) -> Issuer:
    """The laptop's issuer with its private keys."""
    return local.system.issuer(local.system.running())


@pytest.fixture(scope="module")
def shipments(local: Local) -> Api:
    """The collection of an entity that requires the issuer's tokens, without a token."""
    return Api(local.api("shipments").url, None)


def printed_token(local: Local, *arguments: str) -> str:
    """Return the token that `local.py token` prints."""
    done = local("token", "--issuer", "jwt", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.removesuffix("\n")


def check_unauthorized(answer: Answer, what: str = "") -> None:
    assert answer.status == 401, what
    answer.problem(401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def encoded(header: dict[str, Any], claims: dict[str, Any], signature: str) -> str:
    return f"{encode_part(header)}.{encode_part(claims)}.{signature}"


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any, algorithm: str) -> str:
    return jwt.encode(claims, key, algorithm, headers=header | {"alg": algorithm})


def forged_tokens(issuer: Issuer) -> Iterator[tuple[str, str]]:
    """Yield tokens that can be forged without the issuer's key, and tokens that the issuer signed for others."""
    token = issuer.access_token("eve")
    header, claims, signature = decode_token(token)
    now = int(time.time())
    (public,) = (key for key in issuer.published_keys()["keys"] if key["kid"] == header["kid"])
    as_pem = jwt.PyJWK(public).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    yield "another subject", encoded(header, claims | {"sub": "bob"}, signature)
    yield "put into a group", encoded(header, claims | {"groups": ["staff"]}, signature)
    yield "given a scope", encoded(header, claims | {"scope": "shipments:write"}, signature)
    yield "expiry put off", encoded(header, claims | {"exp": now + 10**6}, signature)
    for none in ("none", "None", "NONE", ""):
        yield f"alg {none!r}", encoded(header | {"alg": none}, claims, "")
        yield f"alg {none!r} with a signature", encoded(header | {"alg": none}, claims, signature)
    # Everybody knows the public key, so it must not work as an HMAC secret. PyJWT refuses to sign
    # so.
    confused = f"{encode_part(header | {'alg': 'HS256'})}.{encode_part(claims)}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    yield "HS256 with the public key", f"{confused}.{encode_part(mac.sign(confused.encode(), as_pem))}"
    for algorithm in ("RS384", "RS512", "PS256"):
        yield algorithm, signed(header, claims, OWN_KEYS["RS256"], algorithm)
    for algorithm, key in OWN_KEYS.items():
        yield f"{algorithm} with a key of one's own", signed(header, claims, key, algorithm)
        own = public_jwk({"kid": "own", "alg": algorithm, "pem": pem_of(key)})
        yield f"{algorithm} with that key in the header", signed(header | {"jwk": own}, claims, key, algorithm)
        at = {"jku": "http://127.0.0.1:1/jwks", "x5u": "http://127.0.0.1:1/x", "kid": "own"}
        yield f"{algorithm} with that key's address", signed(header | at, claims, key, algorithm)
    yield "ES256 named, RS256 signed", encoded(header | {"alg": "ES256"}, claims, signature)
    kids: list[Any] = ["../../dev/null", "' OR 1=1", "x" * 300, 1, None, {}]
    for kid in kids:
        yield f"key id {kid!r}", encoded(header | {"kid": kid}, claims, signature)
    yield "an unknown critical header", encoded(header | {"crit": ["x"], "x": 1}, claims, signature)
    yield "signature cut off", f"{token.rpartition('.')[0]}."
    yield "signature cut short", token[:-20]
    yield "two parts", token.rpartition(".")[0]
    yield "four parts", f"{token}.x"
    yield "padded", f"{token}="
    yield "no token", "nothing"
    yield "empty", ""
    # Signed by the issuer: valid tokens for another audience, or for another time.
    wrongs: dict[str, dict[str, Any]] = {
        "expired": {"exp": now - 1},
        "not yet valid": {"nbf": now + 3600},
        "issued in the future": {"iat": now + 3600},
        "another audience": {"aud": "https://other.example.com"},
        "audience as a list of others": {"aud": ["https://other.example.com"]},
        "no audience": {"aud": None},
        "audience with a slash": {"aud": f"{AUDIENCE}/"},
        "another issuer": {"iss": "https://attacker.example"},
        "issuer with a slash": {"iss": f"{issuer.url}/"},
        "the tfvars' own issuer": {"iss": "https://issuer.example.com/"},
        "no subject": {"sub": None},
        "empty subject": {"sub": ""},
        "subject that is a number": {"sub": 1},
        "no expiry": {"exp": None},
        "expiry that is text": {"exp": str(now + 3600)},
        "expiry without end": {"exp": float("inf")},
    }
    for what, wrong in wrongs.items():
        changed = {name: value for name, value in (claims | wrong).items() if value is not None}
        yield what, issuer.sign(changed)
    yield "an ID token", issuer.sign(claims | {"nonce": "n", "at_hash": "x"}, kind="JWT")
    yield "a huge token", issuer.access_token("eve", claims={"x": "x" * 9000})


def pem_of(key: Any) -> str:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


# --- access ---


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("GET", "/x"), ("DELETE", "/x")])
def test_a_missing_token_is_401(shipments: Api, method: str, path: str) -> None:
    check_unauthorized(shipments(method, path, {} if method[0] == "P" else None))


@pytest.mark.slow
def test_forged_tokens_are_401(shipments: Api, issuer: Issuer) -> None:
    tried = {what: shipments.as_bearer(token)("GET") for what, token in forged_tokens(issuer)}
    assert len(tried) > 50
    for what, answered in tried.items():
        check_unauthorized(answered, what)
    for scheme in ("Basic", "Token", ""):
        check_unauthorized(shipments("GET", Authorization=f"{scheme} {issuer.access_token('ada')}".strip()), scheme)


def test_tokens_of_user_pool_and_issuer_are_not_interchangeable(local: Local, shipments: Api, issuer: Issuer) -> None:
    check_unauthorized(shipments.as_bearer(Users(local).token("alice"))("GET"))
    check_unauthorized(Api(local.api("notes").url, None).as_bearer(issuer.access_token("alice"))("GET"))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_issuers_token_passes(shipments: Api, issuer: Issuer, algorithm: str) -> None:
    claims = decode_token(issuer.access_token("auth0|12 ü@example.com"))[1]
    for audience in (AUDIENCE, ["https://other.example.com", AUDIENCE]):
        token = issuer.sign(claims | {"aud": audience}, algorithm=algorithm)
        assert shipments.as_bearer(token)("GET").status == 200
    assert shipments("GET", Authorization=f"Bearer {token}", X_Api_Key="x").status == 200


def test_each_token_has_its_own_scopes_and_groups(local: Local, shipments: Api) -> None:
    def caller(*arguments: str) -> Api:
        return shipments.as_bearer(printed_token(local, "--user", "ada", *arguments))

    plain, writer = caller(), caller("--scope", "other", "--scope", "shipments:write")
    staff = caller("--group", "Human Resources", "--claim", "scope=shipments")
    for other in (plain, staff):
        other("POST", "", {"name": "lamp"}).problem(403, "forbidden")
    made = writer.create()
    path = f"/{made.json['id']}"
    for other in (plain, writer):
        other("DELETE", path).problem(403, "forbidden")
    assert plain("GET", path).status == 200
    assert staff("DELETE", path).status == 204


def test_cached_decisions_are_separate_by_token(shipments: Api, issuer: Issuer) -> None:
    """The gateway caches decisions: callers who alternate must never get each other's permissions."""
    writer = shipments.as_bearer(issuer.access_token("ada", scopes=["shipments:write"]))
    reader = shipments.as_bearer(issuer.access_token("ada"))
    assert [caller("POST", "", {"name": "x"}).status for caller in (writer, reader) * 3] == [201, 403] * 3


def test_a_token_that_expires_while_its_decision_is_cached_is_401(shipments: Api, issuer: Issuer) -> None:
    caller = shipments.as_bearer(issuer.access_token("ada", lifetime=2))
    assert caller("GET").status == 200
    deadline = time.monotonic() + 60
    while (answered := caller("GET")).status == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    check_unauthorized(answered)


def test_a_page_may_send_a_token_and_read_the_refusal(shipments: Api) -> None:
    asked = shipments(
        "OPTIONS", "", None, Origin="https://app.example.com",
        Access_Control_Request_Method="GET", Access_Control_Request_Headers="authorization",
    )  # fmt: skip
    assert asked.status == 204
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"].lower()
    refused = shipments("GET", Origin="https://app.example.com", Authorization="Bearer a.b.c")
    check_unauthorized(refused)


# --- the issuer's keys ---


@contextmanager
def gone(issuer: Issuer) -> Iterator[None]:
    """Make the issuer return 503."""
    aside = issuer.folder / "aside"
    issuer.keys_file.rename(aside)
    try:
        assert POOL.request("GET", f"{issuer.url}/jwks").status == 503
        yield
    finally:
        aside.rename(issuer.keys_file)


def test_known_keys_stay_valid_while_the_issuer_is_down(shipments: Api, issuer: Issuer) -> None:
    known = [issuer.access_token(name) for name in ("ada", "bob")]
    assert shipments.as_bearer(known[0])("GET").status == 200
    with gone(issuer):
        # Another token, for which the gateway has no cached decision.
        assert shipments.as_bearer(known[1])("GET").status == 200


def answer_once_keys_are_asked_for(caller: Api, waiting: int) -> Answer:
    """Return the first response with another status, since the authorizer limits fetches for unknown keys."""
    deadline = time.monotonic() + 60
    while (answered := caller("GET")).status == waiting:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return answered


@pytest.mark.slow
def test_unavailable_keys_are_503_and_new_ones_are_found(shipments: Api, issuer: Issuer) -> None:
    before, unused = (issuer.access_token(name) for name in ("ada", "bob"))
    assert shipments.as_bearer(before)("GET").status == 200
    issuer.rotate()
    caller = shipments.as_bearer(issuer.access_token("ada"))
    with gone(issuer):
        refused = answer_once_keys_are_asked_for(caller, 401)
        refused.problem(503, "service-unavailable")
        assert refused.headers["Retry-After"]
    assert answer_once_keys_are_asked_for(caller, 503).status == 200
    # Tokens of the earlier keys are valid as long as the issuer publishes these keys.
    assert shipments.as_bearer(unused)("GET").status == 200


# --- separate systems ---

VARIABLES = """
  name               = "small"
  environment        = "local"
  encryption         = { customer_key = false }
  entities           = { items = { access = { default = "jwt" }, operations = ["list"] } }
  jwt                = { audiences = ["https://api.example.com"], issuer = "https://issuer.example.com/" }
  log_retention_days = 1
  network            = null
"""
ROOT_CONFIGURATION = f"""
provider "aws" {{ region = "us-west-2" }}
module "api" {{
  source  = "{ROOT}/modules/service"
  project = path.root
{VARIABLES}
}}
"""


@pytest.mark.slow
def test_the_issuer_is_at_the_port_of_the_system(tmp_path: Path) -> None:
    small = Local(tmp_path / "local")
    var_file = tmp_path / "small.tfvars"
    var_file.write_text(VARIABLES)
    tokens = []
    try:
        for _ in range(2):
            small.port = free_port()
            done = small.up(var_file)
            assert done.returncode == 0, done.stderr
            assert '-H "authorization: Bearer $(python local.py token --user me)"' in done.stderr
            items = Api(small.api().url, None)
            tokens.append(printed_token(small, "--user", "ada"))
            assert decode_token(tokens[-1])[1]["iss"] == f"http://127.0.0.1:{small.port}/_trestle/issuer"
            assert items.as_bearer(tokens[-1])("GET").status == 200
            assert "Nothing has changed" in small.up(var_file).stderr
            if len(tokens) < 2:
                assert small("down").returncode == 0
        check_unauthorized(items.as_bearer(tokens[0])("GET"))
        # Its keys are the same, and only their owner can read them.
        assert decode_token(tokens[0])[0]["kid"] == decode_token(tokens[1])[0]["kid"]
        folder = small.system.folder / "issuer"
        assert {file.stat().st_mode & 0o077 for file in (folder, *folder.iterdir())} == {0}
    finally:
        small("down", "--purge")


@pytest.mark.slow
def test_a_users_root_has_the_issuer(tmp_path: Path) -> None:
    small, root = Local(tmp_path / "local"), tmp_path / "root"
    root.mkdir()
    (root / "main.tf").write_text(ROOT_CONFIGURATION)
    try:
        done = small("up", "--detach", "--port", str(small.port), "--root", root)
        assert done.returncode == 0, done.stderr
        items = Api(small.api().url, None)
        assert items.as_bearer(printed_token(small, "--user", "ada"))("GET").status == 200
        check_unauthorized(items("GET"))
    finally:
        small("down", "--purge")
