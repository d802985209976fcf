"""Codes and refresh tokens of the laptop's issuer: the code flow with PKCE (RFC 6749, RFC 7636)."""

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
    """An error with its code of RFC 6749, and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass
class Grants:
    """Who may have tokens: by a code, once and within a minute, or by a refresh token, which each use replaces."""

    issuer: Issuer
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)

    # -- the authorization request

    def check_client(self, query: Mapping[str, str]) -> None:
        """Raise OAuthError unless the request names our client and a place that its answer may go to.

        Without these the answer must not leave this page.
        """
        settings = self.issuer.settings or {}
        if not (client := settings.get("client_id")):
            raise OAuthError("unauthorized_client", "The tfvars' jwt has no client_id, so no page signs in here.")
        if query.get("client_id") != client:
            raise OAuthError("invalid_client", f'client_id is not "{client}", as the tfvars\' jwt has it.')
        if not is_on_this_machine(query.get("redirect_uri", "")):
            raise OAuthError(
                "invalid_request", "redirect_uri is no URL of this machine: use one that begins with http://localhost."
            )

    def check_request(self, query: Mapping[str, str]) -> None:
        """Raise OAuthError unless a client's request is one for a code with PKCE."""
        audiences = (self.issuer.settings or {})["audiences"]
        if query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type is not code.")
        if query.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(query.get("code_challenge", "")):
            raise OAuthError("invalid_request", "code_challenge is missing, or its method is not S256.")
        if not all(SCOPE.fullmatch(scope) for scope in query.get("scope", "").split(" ") if scope):
            raise OAuthError("invalid_scope", "scope has characters that no scope has.")
        if any(query.get(name, audiences[0]) not in audiences for name in ("audience", "resource")):
            raise OAuthError("invalid_target", f"The audience is none of {', '.join(audiences)}.")
        if query.get("prompt") == "none":
            raise OAuthError("login_required", "Nobody is signed in here.")

    def create_code(self, query: Mapping[str, str], user: Mapping[str, Any]) -> str:
        """Return a code that stands for a user's consent to a checked request."""
        self._remember_user(user)
        now = time.monotonic()
        self.codes = {code: known for code, known in self.codes.items() if known["until"] > now}
        if len(self.codes) >= MOST_CODES:
            raise OAuthError("temporarily_unavailable", "Too many sign-ins are under way: wait a minute.")
        code = secrets.token_urlsafe(32)
        kept = ("client_id", "code_challenge", "nonce", "redirect_uri", "scope", "audience", "resource")
        request = {name: query[name] for name in kept if name in query}
        self.codes[code] = {"until": now + CODE_LIFETIME, "request": request, "user": dict(user)}
        return code

    # -- the token request

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the tokens for a code or a refresh token. Raise OAuthError if it is not good."""
        if (kind := form.get("grant_type")) == "authorization_code":
            return self._exchange_code(form)
        if kind == "refresh_token":
            return self._exchange_refresh_token(form)
        raise OAuthError("unsupported_grant_type", "grant_type is neither authorization_code nor refresh_token.")

    def _exchange_code(self, form: Mapping[str, str]) -> dict[str, Any]:
        known = self.codes.pop(form.get("code", ""), None)
        if known is None or known["until"] <= time.monotonic():
            raise OAuthError("invalid_grant", "The code is unknown, was used or is too old.")
        request = known["request"]
        if any(form.get(name) != request[name] for name in ("client_id", "redirect_uri")):
            raise OAuthError("invalid_grant", "The code was made for another client_id or redirect_uri.")
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not VERIFIER.fullmatch(verifier) or not hmac.compare_digest(digest, request["code_challenge"]):
            raise OAuthError("invalid_grant", "code_verifier does not match the code_challenge.")
        return self._tokens(request, known["user"])

    def _exchange_refresh_token(self, form: Mapping[str, str]) -> dict[str, Any]:
        known = self._take_session(form.get("refresh_token", ""))
        if known is None or form.get("client_id") != known["request"]["client_id"]:
            raise OAuthError("invalid_grant", "The refresh token is unknown, was used or is too old.")
        request = {name: value for name, value in known["request"].items() if name != "nonce"}
        return self._tokens(request, known["user"])

    def revoke(self, form: Mapping[str, str]) -> dict[str, Any]:
        """End a refresh token, if it is one (RFC 7009)."""
        self._take_session(form.get("token", ""))
        return {}

    def _tokens(self, request: Mapping[str, str], user: Mapping[str, Any]) -> dict[str, Any]:
        asked = request.get("scope", "").split()
        # In Entra's tokens a scope has no prefix of its API, in others it has: both names are granted.
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

    # -- refresh tokens, which outlast the process: of each, the file holds a digest

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

    # -- users: the issuer knows nobody beforehand, and remembers who signed in

    def known_users(self) -> list[dict[str, Any]]:
        """Return who signed in here, the last one first."""
        known: list[dict[str, Any]] = read_json(self.issuer.folder / "users.json") or []
        return known

    def _remember_user(self, user: Mapping[str, Any]) -> None:
        others = [known for known in self.known_users() if known["name"] != user["name"]]
        write_json(self.issuer.folder / "users.json", [dict(user), *others[: MOST_USERS - 1]])


def digest_of(token: str) -> str:
    """Return what a file may hold of a refresh token."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_on_this_machine(url: str) -> bool:
    """Tell whether a URL is one of this machine's own, so that no other site gets what is sent there."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not re.search(r"[\x00-\x20\x7f\\]", url) and "#" not in url and "@" not in parts.netloc
    return plain and parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1") and has_port
