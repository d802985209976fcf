"""Whether a policy of a resource lets a service of AWS do something, as far as its statements tell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Statement = Mapping[str, Any]

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
QUALIFIERS = re.compile(r"^(?:For(?:All|Any)Values?:)?(\w+?)(IfExists)?$")


def allows(policy: str | None, service: str, action: str, resource: str, keys: Mapping[str, str]) -> bool:
    """Tell whether a policy, as JSON, lets a service act on a resource in a request with these condition keys.

    A condition on another key, or by an operator that is unknown here, counts as not met.
    """
    statements: Any = json.loads(policy)["Statement"] if policy else []
    request = {key.lower(): value for key, value in keys.items()}
    effects = {
        statement["Effect"] for statement in as_list(statements)
        if names_principal(statement, service) and names(statement, "Action", action.lower(), str.lower)
        and names(statement, "Resource", resource) and meets(statement.get("Condition") or {}, request)
    }  # fmt: skip
    return effects == {"Allow"}


def names_principal(statement: Statement, service: str) -> bool:
    """Tell whether a statement is about a service."""
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    by_kind = principal if isinstance(principal, Mapping) else {"AWS": principal}
    found = "*" in as_list(by_kind.get("AWS")) or bool({service, "*"} & {*as_list(by_kind.get("Service"))})
    return found == ("Principal" in statement)


def names(statement: Statement, what: str, text: str, fold: Callable[[str], str] = str) -> bool:
    """Tell whether a statement is about an action or a resource. One without either is about all."""
    for name, wanted in ((what, True), (f"Not{what}", False)):
        if name in statement:
            return is_like(map(fold, as_list(statement[name])), text) == wanted
    return True


def meets(condition: Mapping[str, Mapping[str, Any]], request: Mapping[str, str]) -> bool:
    """Tell whether a request with these keys, in lower case, meets a condition."""
    return all(
        meets_operator(operator, request.get(key.lower()), [str(value) for value in as_list(values)])
        for operator, pairs in condition.items() for key, values in pairs.items()
    )  # fmt: skip


def meets_operator(operator: str, found: str | None, values: list[str]) -> bool:
    """Tell whether the value of a key, None if the request has none, is what an operator asks for."""
    match = QUALIFIERS.match(operator)
    name, if_exists = match.groups() if match else (operator, None)
    if name == "Null":
        return (found is None) == (values[0].lower() == "true")
    if found is None:
        return bool(if_exists) or "Not" in name
    if name.replace("Not", "") in ("ArnEquals", "ArnLike", "StringLike"):
        return is_like(values, found) != ("Not" in name)
    if name.replace("Not", "") == "StringEquals":
        return (found in values) != ("Not" in name)
    if name in ("Bool", "StringEqualsIgnoreCase"):
        return found.lower() in [value.lower() for value in values]
    return False


def is_like(patterns: Iterable[str], text: str) -> bool:
    """Tell whether a text is as one of the patterns, in which * and ? stand for anything."""
    escaped = (re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns)
    return any(re.fullmatch(pattern, text, re.DOTALL) for pattern in escaped)


def as_list(value: Any) -> list[Any]:
    """Return what IAM takes alone or in a list as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
