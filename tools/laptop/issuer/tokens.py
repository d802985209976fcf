"""Create the keys and tokens of the local issuer. The keys are in one folder that only its owner can read."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.files import read_json, write_json

# The algorithms that the API's authorizer accepts. The first is the default.
ALGORITHMS = ("RS256", "ES256")

LIFETIME = 3600  # seconds until a token expires


@dataclass(frozen=True)
class Issuer:
    """The issuer of one system: its keys, and the settings of its tokens in the tfvars."""

    folder: Path
    url: str

    @property
    def keys_file(self) -> Path:
        """The file of the private keys, as PEM, with the newest of an algorithm first."""
        return self.folder / "keys.json"

    @property
    def settings_file(self) -> Path:
        """The file with the variable `jwt` of the tfvars and the system's name."""
        return self.folder / "settings.json"

    @property
    def settings(self) -> dict[str, Any] | None:
        """The variable `jwt` of the tfvars, with the system's name as `name`; None before an apply."""
        found: dict[str, Any] | None = read_json(self.settings_file)
        return found

    def prepare(self, jwt: Mapping[str, Any], name: str) -> None:
        """Store the settings of the tfvars, and create keys unless they exist."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {**jwt, "audiences": sorted(jwt["audiences"]), "name": name}
        if known != self.settings:
            write_json(self.settings_file, known)
        if not self._keys():
            self.rotate()

    def rotate(self, keep: int = 1) -> None:
        """Create new keys, which sign from now on. Keep publishing some of the previous keys."""
        known = self._keys()
        earlier = [key for name in ALGORITHMS for key in [k for k in known if k["alg"] == name][:keep]]
        write_json(self.keys_file, [*(new_key(name) for name in ALGORITHMS), *earlier])

    def published_keys(self) -> dict[str, Any]:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [public_jwk(key) for key in self._keys()]}

    def access_token(
        self,
        user: str,
        *,
        groups: Iterable[str] = (),
        scopes: Iterable[str] = (),
        claims: Mapping[str, Any] | None = None,
        lifetime: int = LIFETIME,
    ) -> str:
        """Return an access token (RFC 9068). Claims replace those that the issuer would set itself."""
        settings = self.settings or {}
        now = int(time.time())
        own = {
            "iss": self.url,
            "sub": user,
            "aud": settings["audiences"][0],
            "client_id": settings.get("client_id") or "local",
            "iat": now,
            "exp": now + lifetime,
            "jti": secrets.token_urlsafe(12),
        }
        if groups := list(dict.fromkeys(groups)):
            own[settings["groups_claim"]] = groups
        if scopes := list(dict.fromkeys(scopes)):
            own["scope"] = " ".join(scopes)
        return self.sign(own | dict(claims or {}))

    def sign(self, claims: Mapping[str, Any], *, algorithm: str = ALGORITHMS[0], kind: str = "at+jwt") -> str:
        """Return a token with exactly these claims."""
        import jwt  # noqa: PLC0415 - a tenth of a second, which most commands need not wait

        key = next(key for key in self._keys() if key["alg"] == algorithm)
        return jwt.encode(dict(claims), key["pem"], algorithm, headers={"kid": key["kid"], "typ": kind})

    def _keys(self) -> list[dict[str, str]]:
        return read_json(self.keys_file) or []


def new_key(algorithm: str) -> dict[str, str]:
    """Return a new private key with its id and algorithm."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - only this needs it
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    private: Any = (
        rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"kid": secrets.token_urlsafe(8), "alg": algorithm, "pem": pem.decode()}


def public_jwk(key: Mapping[str, str]) -> dict[str, Any]:
    """Return the public half of a key as a JSON Web Key."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - only this needs it
    from jwt.algorithms import get_default_algorithms  # noqa: PLC0415

    public: Any = load_pem_private_key(key["pem"].encode(), None).public_key()
    algorithm: Any = get_default_algorithms()[key["alg"]]
    found: dict[str, Any] = algorithm.to_jwk(public, as_dict=True)
    found.pop("key_ops", None)
    return found | {"kid": key["kid"], "alg": key["alg"], "use": "sig"}
