"""Correct Lambda authorizers of API Gateway: the evaluation of their policies, and the status codes of their errors."""

from __future__ import annotations

import re
from typing import Any

from tools.laptop.corrections import Params

# The action of a call of a method
INVOKE = "execute-api:Invoke"


def correct(v1: Any) -> None:
    """Correct ministack.services.apigateway_v1."""
    correct_errors(v1)
    v1._evaluate_policy = decide


def correct_errors(v1: Any) -> None:
    """Correct errors: any spelling of "Unauthorized" gives a 401, and invalid parts of a context are only dropped."""
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
    """Return "Allow", "Deny" or "NoMatch" for a method's ARN. The emulator ignores actions and NotResource.

    Conditions are not evaluated: a statement with one can deny, but not allow.
    """
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    found = {
        statement.get("Effect")
        for statement in as_list(statements)
        if isinstance(statement, dict) and applies(statement, method)
    }
    return "Deny" if "Deny" in found else "Allow" if "Allow" in found else "NoMatch"


def applies(statement: Params, method: str) -> bool:
    """Return whether a statement applies to calls of a method."""
    actions, others = as_list(statement.get("Action")), as_list(statement.get("NotAction"))
    if not (is_named(actions, INVOKE, re.IGNORECASE) or (others and not is_named(others, INVOKE, re.IGNORECASE))):
        return False
    if statement.get("Condition") and statement.get("Effect") != "Deny":
        return False
    resources, excepted = as_list(statement.get("Resource")), as_list(statement.get("NotResource"))
    return is_named(resources, method) or bool(excepted and not is_named(excepted, method))


def is_named(patterns: list[Any], text: str, flags: re.RegexFlag = re.NOFLAG) -> bool:
    """Return whether one of a policy's patterns, with * and ?, matches a text."""
    as_regexes = (re.escape(str(each)).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns)
    return any(re.fullmatch(each, text, flags | re.DOTALL) for each in as_regexes)


def as_list(value: Any) -> list[Any]:
    """Return a policy's value as a list. A policy can have a single value instead of a list."""
    return [] if value is None else value if isinstance(value, list) else [value]
