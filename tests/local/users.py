"""Tokens of users and machines, and forged tokens."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.local.api import POOL
from tests.local.runner import Local
from tools.laptop.sign_in import sign_in

PASSWORD = f"{secrets.token_urlsafe(24)}-aA1"  # of users that only these tests have


@dataclass(frozen=True)
class Users:
    """Callers with tokens of the system's user pool."""

    local: Local

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """Terraform's outputs."""
        return self.local.outputs()

    @cached_property
    def cognito(self) -> Any:
        """A client of the user pools' API with all permissions."""
        return self.local.client("cognito-idp")

    def token(self, user: str, *groups: str) -> str:
        """Return the token that `local.py token` prints."""
        named = [argument for group in groups for argument in ("--group", group)]
        done = self.local("token", "--user", user, *named)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.removesuffix("\n")

    def tokens(self, user: str, pool: str | None = None, app: str | None = None) -> dict[str, Any]:
        """Return all tokens that an app gets for a user, from another pool if one is named."""
        pool, app = pool or self.outputs["user_pool_id"], app or self.outputs["user_pool_client_id"]
        self.cognito.admin_create_user(UserPoolId=pool, Username=user, MessageAction="SUPPRESS")
        self.cognito.admin_set_user_password(UserPoolId=pool, Username=user, Password=PASSWORD, Permanent=True)
        return sign_in(self.cognito, pool, app, user, PASSWORD)

    def machine_token(self) -> str:
        """Return the token that the machines' client gets with its secret."""
        pool, machine = self.outputs["user_pool_id"], self.outputs["user_pool_machine_client_id"]
        found = self.cognito.describe_user_pool_client(UserPoolId=pool, ClientId=machine)["UserPoolClient"]
        basic = base64.b64encode(f"{machine}:{found['ClientSecret']}".encode()).decode()
        answer = POOL.request(
            "POST", f"{self.outputs['sign_in_url']}/oauth2/token",
            body=urlencode({"grant_type": "client_credentials"}),
            headers={"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        assert answer.status == 200, answer.data
        token: str = answer.json()["access_token"]
        return token

    def foreign_token(self) -> str:
        """Return an access token that is valid, but of another pool."""
        pool = self.cognito.create_user_pool(PoolName="strangers")["UserPool"]["Id"]
        app = self.cognito.create_user_pool_client(
            UserPoolId=pool, ClientName="app", ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
        )["UserPoolClient"]["ClientId"]
        token: str = self.tokens("alice", pool, app)["AccessToken"]
        return token

    @cached_property
    def signing_key(self) -> RSAPrivateKey:
        """The pool's private key for access tokens, which AWS never reveals."""
        name = f"{self.outputs['user_pool_id']}-access.pem"
        key = load_pem_private_key((self.local.system.emulator.pool_keys / name).read_bytes(), None)
        assert isinstance(key, RSAPrivateKey)
        return key


def decode_token(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return a token's header, claims and signature."""
    header, claims, signature = token.split(".")
    return decode_part(header), decode_part(claims), signature


def decode_part(part: str) -> dict[str, Any]:
    """Return the content of a part of a token."""
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return said


def encode_part(part: dict[str, Any] | bytes) -> str:
    """Return content as a part of a token."""
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign_token(token: str, key: RSAPrivateKey, **claims: Any) -> str:
    """Return a token with other claims, signed with a key."""
    header, known, _ = decode_token(token)
    text = f"{encode_part(header)}.{encode_part(known | claims)}"
    return f"{text}.{encode_part(key.sign(text.encode(), PKCS1v15(), SHA256()))}"


def forged_tokens(token: str, key: RSAPrivateKey) -> dict[str, str]:
    """Return tokens forged without the pool's key, and an expired token signed with it."""
    header, claims, signature = decode_token(token)
    now = int(time.time())
    own = generate_private_key(65537, 2048)
    return {
        "expired": sign_token(token, key, iat=now - 7200, exp=now - 3600),
        "another subject": f"{encode_part(header)}.{encode_part(claims | {'sub': 'bob'})}.{signature}",
        "put into a group": f"{encode_part(header)}.{encode_part(claims | {'cognito:groups': ['admins']})}.{signature}",
        "expiry put off": f"{encode_part(header)}.{encode_part(claims | {'exp': now + 10**6})}.{signature}",
        "signed with a key of one's own": sign_token(token, own),
        "another issuer": sign_token(token, key, iss="https://attacker.example"),
        "not signed": f"{encode_part(header | {'alg': 'none'})}.{encode_part(claims)}.",
        "signature cut off": token.rpartition(".")[0] + ".",
        "signature cut short": token[:-20],
        "two parts": token.rpartition(".")[0],
        "an unknown key's": f"{encode_part(header | {'kid': 'unknown'})}.{encode_part(claims)}.{signature}",
        "no token": "nothing",
        "empty": "",
    }
