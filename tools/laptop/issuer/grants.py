"""Grant codes and refresh tokens of the local issuer: the code flow with PKCE (RFC 6749, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tools.files import read_json, write_json
from tools.laptop.issuer.tokens import LIFETIME, Issuer

CODE_LIFETIME = 60  # seconds
REFRESH_LIFETIME = 30 * 24 * 3600  # seconds
MOST_CODES, MOST_USERS, MOST_SESSIONS = 1000, 20, 200

# RFC 6749, appendix A.4, and RFC 7636, 4.1 and 4.2
SCOPE = re.compile(r"[!#-\[\]-~]+")
VERIFIER, CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}"), re.compile(r"[A-Za-z0-9_-]{43}")


class OAuthError(Exception):
    """An error with its code of RFC 6749 and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass
class Grants:
    """The grants of tokens. A code is valid once, for a minute. Each use of a refresh token replaces it."""

    issuer: Issuer
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)

    # -- the authorization request

    def check_client(self, query: Mapping[str, str]) -> None:
        """Raise OAuthError unless the request names the client and an allowed redirect URI.

        Without them, the browser must not be redirected.
        """
        settings = self.issuer.settings or {}
        if not (client := settings.get("client_id")):
            raise OAuthError("unauthorized_client", "`jwt` in the tfvars has no client_id, so no page can sign in.")
        if query.get("client_id") != client:
            raise OAuthError("invalid_client", f'client_id is not "{client}", the client_id of `jwt` in the tfvars.')
        if not is_on_this_machine(query.get("redirect_uri", "")):
            raise OAuthError("invalid_request", "redirect_uri is not a URL of this machine: use http://localhost.")

    def check_request(self, query: Mapping[str, str]) -> None:
        """Raise OAuthError unless a client's request is for a code with PKCE."""
        audiences = (self.issuer.settings or {})["audiences"]
        if query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type is not code.")
        if query.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(query.get("code_challenge", "")):
            raise OAuthError("invalid_request", "code_challenge is missing, or its method is not S256.")
        if not all(SCOPE.fullmatch(scope) for scope in query.get("scope", "").split(" ") if scope):
            raise OAuthError("invalid_scope", "scope has characters that are not allowed in a scope.")
        if any(query.get(name, audiences[0]) not in audiences for name in ("audience", "resource")):
            raise OAuthError("invalid_target", f"The audience is not one of {', '.join(audiences)}.")
        if query.get("prompt") == "none":
            raise OAuthError("login_required", "No user is signed in.")

    def create_code(self, query: Mapping[str, str], user: Mapping[str, Any]) -> str:
        """Return a code for a checked request that a user has consented to."""
        self._remember_user(user)
        now = time.monotonic()
        self.codes = {code: known for code, known in self.codes.items() if known["until"] > now}
        if len(self.codes) >= MOST_CODES:
            raise OAuthError("temporarily_unavailable", "There are too many open sign-ins: wait a minute.")
        code = secrets.token_urlsafe(32)
        kept = ("client_id", "code_challenge", "nonce", "redirect_uri", "scope", "audience", "resource")
        request = {name: query[name] for name in kept if name in query}
        self.codes[code] = {"until": now + CODE_LIFETIME, "request": request, "user": dict(user)}
        return code

    # -- the token request

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the tokens for a code or a refresh token. Raise OAuthError if it is not valid."""
        if (kind := form.get("grant_type")) == "authorization_code":
            return self._exchange_code(form)
        if kind == "refresh_token":
            return self._exchange_refresh_token(form)
        raise OAuthError("unsupported_grant_type", "grant_type is neither authorization_code nor refresh_token.")

    def _exchange_code(self, form: Mapping[str, str]) -> dict[str, Any]:
        known = self.codes.pop(form.get("code", ""), None)
        if known is None or known["until"] <= time.monotonic():
            raise OAuthError("invalid_grant", "The code is unknown, used or expired.")
        request = known["request"]
        if any(form.get(name) != request[name] for name in ("client_id", "redirect_uri")):
            raise OAuthError("invalid_grant", "The code was issued for another client_id or redirect_uri.")
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not VERIFIER.fullmatch(verifier) or not hmac.compare_digest(digest, request["code_challenge"]):
            raise OAuthError("invalid_grant", "code_verifier does not match the code_challenge.")
        return self._tokens(request, known["user"])

    def _exchange_refresh_token(self, form: Mapping[str, str]) -> dict[str, Any]:
        known = self._take_session(form.get("refresh_token", ""))
        if known is None or form.get("client_id") != known["request"]["client_id"]:
            raise OAuthError("invalid_grant", "The refresh token is unknown, used or expired.")
        request = {name: value for name, value in known["request"].items() if name != "nonce"}
        return self._tokens(request, known["user"])

    def revoke(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Revoke a refresh token, if it is one (RFC 7009)."""
        self._take_session(form.get("token", ""))
        return {}

    def _tokens(self, request: Mapping[str, str], user: Mapping[str, Any]) -> dict[str, Any]:
        asked = request.get("scope", "").split()
        # In Entra's tokens, a scope lacks the prefix of its API, which other issuers keep: grant both names.
        scopes = list(dict.fromkeys([*asked, *(scope.rpartition("/")[2] or scope for scope in asked)]))
        claims: dict[str, Any] = dict(user["claims"])
        for name in ("audience", "resource"):
            if name in request:
                claims = {"aud": request[name], **claims}
        answer: dict[str, Any] = {
            "access_token": self.issuer.access_token(user["name"], groups=user["groups"], scopes=scopes, claims=claims),
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "scope": " ".join(scopes),
        }
        if "openid" in scopes:
            now = int(time.time())
            about = {
                "iss": self.issuer.url, "sub": user["name"], "aud": request["client_id"],
                "iat": now, "exp": now + LIFETIME, "preferred_username": user["name"],
            }  # fmt: skip
            if "nonce" in request:
                about["nonce"] = request["nonce"]
            answer["id_token"] = self.issuer.sign(about, kind="JWT")
        if "offline_access" in scopes:
            answer["refresh_token"] = self._create_session(request, user)
        return answer

    # -- refresh tokens, which outlive the process: the file holds a digest of each

    @property
    def _sessions(self) -> dict[str, Any]:
        known: dict[str, Any] = read_json(self.issuer.folder / "sessions.json") or {}
        now = time.time()
        return {digest: session for digest, session in known.items() if session["until"] > now}

    def _create_session(self, request: Mapping[str, str], user: Mapping[str, Any]) -> str:
        token = secrets.token_urlsafe(32)
        session = {"until": int(time.time()) + REFRESH_LIFETIME, "request": dict(request), "user": dict(user)}
        newest = dict(list(self._sessions.items())[-(MOST_SESSIONS - 1) :])
        write_json(self.issuer.folder / "sessions.json", newest | {digest_of(token): session})
        return token

    def _take_session(self, token: str) -> dict[str, Any] | None:
        sessions = self._sessions
        found: dict[str, Any] | None = sessions.pop(digest_of(token), None)
        if found is not None:
            write_json(self.issuer.folder / "sessions.json", sessions)
        return found

    # -- users: the issuer has none at first, and remembers each user who signs in

    def known_users(self) -> list[dict[str, Any]]:
        """Return the users who have signed in, the latest first."""
        known: list[dict[str, Any]] = read_json(self.issuer.folder / "users.json") or []
        return known

    def _remember_user(self, user: Mapping[str, Any]) -> None:
        others = [known for known in self.known_users() if known["name"] != user["name"]]
        write_json(self.issuer.folder / "users.json", [dict(user), *others[: MOST_USERS - 1]])


def digest_of(token: str) -> str:
    """Return the digest of a refresh token, which is safe to store."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_on_this_machine(url: str) -> bool:
    """Return whether a URL is on this machine, so that no other site receives a code."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not re.search(r"[\x00-\x20\x7f\\]", url) and "#" not in url and "@" not in parts.netloc
    return plain and parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1") and has_port
