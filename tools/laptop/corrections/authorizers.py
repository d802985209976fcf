"""API Gateway's Lambda authorizers: how their policies are read, and which of their faults is whose."""

from __future__ import annotations

import re
from typing import Any

from tools.laptop.corrections import Params

# The action of calling a method
INVOKE = "execute-api:Invoke"


def correct(v1: Any) -> None:
    """Correct ministack.services.apigateway_v1."""
    correct_answers(v1)
    v1._evaluate_policy = decide


def correct_answers(v1: Any) -> None:
    """Any spelling of "Unauthorized" is a 401, and a context that AWS refuses loses what it refuses."""
    invoke = v1._invoke_authorizer_lambda

    async def invoke_strictly(*call: Any) -> Any:
        result = await invoke(*call)
        body = (result or {}).get("body")
        if not isinstance(body, dict):
            return result
        said = body.get("errorMessage")
        if result.get("error") and isinstance(said, str) and said != "Unauthorized":
            return {**result, "body": {**body, "errorMessage": f"not 401: {said}"}}
        context = body.get("context")
        is_flat = context is None or (
            isinstance(context, dict) and not any(isinstance(value, dict | list) for value in context.values())
        )
        return result if result.get("error") or is_flat else {**result, "body": None}

    v1._invoke_authorizer_lambda = invoke_strictly


def decide(policy: Any, method: str) -> str:
    """Return "Allow", "Deny" or "NoMatch" for a method's ARN. The emulator reads neither actions nor NotResource.

    A condition is not evaluated: with one, a statement denies but does not allow.
    """
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    found = {
        statement.get("Effect")
        for statement in listed(statements)
        if isinstance(statement, dict) and applies(statement, method)
    }
    return "Deny" if "Deny" in found else "Allow" if "Allow" in found else "NoMatch"


def applies(statement: Params, method: str) -> bool:
    """Tell whether a statement is about calling a method."""
    actions, others = listed(statement.get("Action")), listed(statement.get("NotAction"))
    if not (is_named(actions, INVOKE, re.IGNORECASE) or (others and not is_named(others, INVOKE, re.IGNORECASE))):
        return False
    if statement.get("Condition") and statement.get("Effect") != "Deny":
        return False
    resources, excepted = listed(statement.get("Resource")), listed(statement.get("NotResource"))
    return is_named(resources, method) or bool(excepted and not is_named(excepted, method))


def is_named(patterns: list[Any], text: str, flags: re.RegexFlag = re.NOFLAG) -> bool:
    """Tell whether one of a policy's patterns, with * and ?, matches a text."""
    as_regexes = (re.escape(str(each)).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns)
    return any(re.fullmatch(each, text, flags | re.DOTALL) for each in as_regexes)


def listed(value: Any) -> list[Any]:
    """Return a list of what a policy may give alone."""
    return [] if value is None else value if isinstance(value, list) else [value]
