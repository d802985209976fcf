"""The Lambda handler of a TOKEN authorizer. API Gateway caches its answers.

Source: "Output from an API Gateway Lambda authorizer" and "Input to an API Gateway Lambda authorizer" in the API
Gateway developer guide.
"""

from __future__ import annotations

import json
import time

from trestle.authorizer.documents import Documents
from trestle.authorizer.errors import IssuerError, Refused
from trestle.authorizer.keys import Keys
from trestle.authorizer.tokens import groups_of, scopes_of, verified
from trestle.http.log import Log
from trestle.http.settings import Settings
from trestle.strict_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def make_handler(environment: Mapping[str, str]) -> Handler:
    """Return the Lambda handler for a function with these environment variables.

    JWT is a JSON object: issuer, audiences, groups_claim. Raise KeyError, ValueError or IssuerError if it is not.
    """
    return Authorizer(environment).handle


class Authorizer:
    """Verifies tokens, and caches the issuer's keys."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        settings = json.loads(environment["JWT"])
        self._issuer: str = settings["issuer"]
        self._audiences: list[str] = settings["audiences"]
        self._groups_claim: str = settings["groups_claim"]
        self._keys = Keys(Documents(self._issuer).keys)
        self._settings = Settings(environment)
        self._log = Log(self._settings.log_level, self._settings.metrics_namespace, ("function",))
        self._is_cold = True

    def handle(self, event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        """Return the policy for a token's bearer.

        Raise an exception "Unauthorized" for an invalid token, which the gateway answers with 401. It treats any other
        exception as an error of the authorizer.
        """
        started, fetches = time.monotonic(), self._keys.fetches
        found: dict[str, Any] = {}
        raised: Exception | None = None
        error: Exception | None = None
        try:
            found = self._token(event)
            decision = {"status": 200, "caller": f"jwt:{found['sub']}"}
        except Refused as refusal:
            raised = Exception("Unauthorized")  # the exact text that the gateway expects
            decision = {"status": 401, "reason": refusal.reason, "refused": True}
        except Exception as failure:
            # Lambda's runtime logs exceptions, and the messages of others may quote the token.
            error = failure
            raised = failure if isinstance(failure, IssuerError) else RuntimeError("The log has the cause.")
            decision = {"status": 503}
        fields = {
            "requestId": lambda_context.aws_request_id,
            "functionVersion": self._settings.function_version,
            "environment": self._settings.environment,
            "function": "authorizer",
            **decision,
            "durationMs": round((time.monotonic() - started) * 1000, 1),
            "coldStart": self._is_cold,
            "fetched": self._keys.fetches > fetches,
        }
        self._is_cold = False
        if self._keys.error and not error:
            fields["issuerError"] = str(self._keys.error)  # the cached keys stay valid
        self._log.write(fields, error)
        if raised:
            raise raised from None
        return _policy(found, event["methodArn"])

    def _token(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return a valid token's description for functions. Raise Refused or IssuerError."""
        scheme, _, token = str(event.get("authorizationToken")).partition(" ")
        if scheme.lower() != "bearer":
            raise Refused("no bearer token")
        claims = verified(token, self._keys, self._issuer, self._audiences)
        return {
            "sub": claims["sub"],
            "groups": groups_of(claims, self._groups_claim),
            "scopes": scopes_of(claims),
            "claims": claims,
            "exp": int(claims["exp"]),
        }


def _policy(token: Mapping[str, Any], method_arn: str) -> dict[str, Any]:
    """Return the answer that permits a caller, with the token's description for the method's function.

    It permits the whole stage, since the gateway caches it by token for all methods.
    """
    stage = "/".join(method_arn.split("/")[:2])
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{stage}/*"}
    subject: str = token["sub"]
    return {
        "principalId": subject.encode("ascii", "backslashreplace").decode(),
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"jwt": dumps(token)},
    }
