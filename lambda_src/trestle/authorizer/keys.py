"""The issuer's public keys, cached between requests."""

from __future__ import annotations

import time

import jwt

from trestle.authorizer.errors import IssuerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    KeySet = dict[tuple[str | None, str], list[jwt.PyJWK]]

# A withdrawn key is trusted for at most this time, or KEEP_SECONDS while the issuer does not answer.
REFRESH_SECONDS = 15 * 60
KEEP_SECONDS = 24 * 3600
# Pauses between fetches: after an unknown key id, after a failure with cached keys, and after one without.
UNKNOWN_SECONDS = 10
FAILED_SECONDS = 60
MISSING_SECONDS = 5

MAX_KEYS = 100
MAX_KEYS_OF_ONE_ID = 3
MAX_RSA_BITS = 8192
MIN_RSA_BITS = 2048

# The algorithm of each key type, and the members of its public part.
KINDS = {("RSA", None): ("RS256", ("n", "e")), ("EC", "P-256"): ("ES256", ("crv", "x", "y"))}


class Keys:
    """The issuer's keys. fetch: returns its JSON Web Keys or raises IssuerError.

    error: the error of the last fetch, None if it succeeded. fetches: the number of fetches.
    """

    def __init__(self, fetch: Callable[[], list[Any]]) -> None:
        self._fetch = fetch
        self._keys: KeySet = {}
        self._fetched_at = self._tried_at = self._missed_at = 0.0
        self.error: IssuerError | None = None
        self.fetches = 0

    def find(self, kid: str | None, algorithm: str) -> list[jwt.PyJWK]:
        """Return the keys with an algorithm and a key id. For the id None, return the algorithm's only key.

        The result is empty if the issuer has no such key. Raise IssuerError if that is unknown.
        """
        now = time.time()
        pause = FAILED_SECONDS if self._keys else MISSING_SECONDS
        is_due = now - self._fetched_at >= REFRESH_SECONDS and now - self._tried_at >= (pause if self.error else 0)
        if is_due:
            self._refresh(now)
        found = self._known(kid, algorithm)
        if not found and not is_due and now - self._missed_at >= UNKNOWN_SECONDS:
            self._missed_at = now
            self._refresh(now)
            found = self._known(kid, algorithm)
        if self.error and (not found or now - self._fetched_at > KEEP_SECONDS):
            raise self.error
        return found

    def _known(self, kid: str | None, algorithm: str) -> list[jwt.PyJWK]:
        if kid is not None:
            return self._keys.get((kid, algorithm), [])
        # OpenID Connect Core, section 10.1: a token may lack the key id if there is only one key.
        known = [key for (_, each), keys in self._keys.items() if each == algorithm for key in keys]
        return known if len(known) == 1 else []

    def _refresh(self, now: float) -> None:
        self._tried_at = now
        self.fetches += 1
        try:
            self._keys = key_set(self._fetch())
        except IssuerError as error:
            self.error = error
        else:
            self._fetched_at = now
            self.error = None


def key_set(published: list[Any]) -> KeySet:
    """Return the JSON Web Keys that may sign tokens, by key id and algorithm.

    Raise IssuerError if there are implausibly many.
    """
    if len(published) > MAX_KEYS:
        raise IssuerError(f"The issuer publishes more than {MAX_KEYS} keys.")
    found: KeySet = {}
    for each in published:
        if key := signing_key(each):
            kid = each.get("kid")
            same = found.setdefault((kid, key.algorithm_name), [])
            if kid is None or len(same) < MAX_KEYS_OF_ONE_ID:
                same.append(key)
    return found


def signing_key(published: Any) -> jwt.PyJWK | None:
    """Return the public key of a JSON Web Key with its algorithm, None if it is not for supported signatures.

    The key alone determines the algorithm, so that no token can choose another one.
    """
    if not isinstance(published, dict):
        return None
    kind, curve, kid, uses = (published.get(name) for name in ("kty", "crv", "kid", "key_ops"))
    if not (isinstance(kind, str) and isinstance(curve, str | None) and isinstance(kid, str | None)):
        return None
    algorithm, members = KINDS.get((kind, curve), ("", ()))
    values = {name: published.get(name) for name in members}
    is_for_us = (
        published.get("use") in (None, "sig")
        and (uses is None or (isinstance(uses, list) and "verify" in uses))
        and published.get("alg") in (None, algorithm)
        and all(isinstance(value, str) and len(value) <= MAX_RSA_BITS // 4 for value in values.values())
    )
    if not algorithm or not is_for_us:
        return None
    try:
        key = jwt.PyJWK({"kty": kind, **values}, algorithm)
    except (ValueError, jwt.PyJWTError):
        return None
    return key if kind == "EC" or MIN_RSA_BITS <= key.key.key_size <= MAX_RSA_BITS else None
