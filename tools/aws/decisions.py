"""Judge what a resource policy allows, with a third answer where conditions or principals cannot be judged."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tools.aws.policies import as_list, is_like

ALLOWED, REFUSED, UNSURE = "allowed", "refused", "unsure"

Statement = Mapping[str, Any]

# What stands for an action that ends in an asterisk. Policies may name these one by one.
WIDE_ACTIONS = {
    "kms:GenerateDataKey*": ("kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
    "kms:ReEncrypt*": ("kms:ReEncryptFrom", "kms:ReEncryptTo"),
}

# Operators that compare texts, in which * and ? may stand for anything.
COMPARING = {"ArnEquals", "ArnLike", "StringEquals", "StringLike"}


def matches(patterns: Any, text: str) -> bool:
    """Tell whether one of IAM's patterns matches a text."""
    return is_like(map(str, as_list(patterns)), text)


def decide(
    policy: Mapping[str, Any], action: str, resource: str, principal: Mapping[str, str], known: Mapping[str, str]
) -> str:
    """Return whether a policy allows an action: ALLOWED, REFUSED, or UNSURE if conditions decide.

    `known` has the values of condition keys that are known of the request.
    """
    found = {
        (statement["Effect"], is_met(statement, principal, known))
        for statement in as_list(policy.get("Statement", []))
        if covers(statement, action, resource)
    }
    if ("Deny", True) in found or not found & {("Allow", True), ("Allow", None)}:
        return REFUSED
    return UNSURE if ("Deny", None) in found or ("Allow", True) not in found else ALLOWED


def is_met(statement: Statement, principal: Mapping[str, str], known: Mapping[str, str]) -> bool | None:
    """Return whether a statement is about a request, or None if that cannot be judged."""
    judged = {*holds(statement, known), meets(statement, principal)}
    return False if False in judged else None if None in judged else True


def covers(statement: Statement, action: str, resource: str) -> bool:
    """Tell whether a statement is about an action on a resource."""
    action = action.lower()
    actions = [str(each).lower() for each in as_list(statement.get("Action", statement.get("NotAction", [])))]
    resources = statement.get("Resource", statement.get("NotResource", "*"))
    return matches(actions, action) != ("NotAction" in statement) and (
        matches(resources, resource) != ("NotResource" in statement)
    )


def meets(statement: Statement, principal: Mapping[str, str]) -> bool | None:
    """Return whether a statement is about a principal, or None if only the account's roles could tell."""
    ((kind, name),) = principal.items()
    if "NotPrincipal" in statement:
        return None
    named = statement.get("Principal", "*")
    if named == "*":
        return True
    names = as_list(named.get(kind, []))
    if name in names or "*" in names:
        return True
    account = name.split(":")[4] if kind == "AWS" and name.count(":") > 4 else "-"
    if account in names:
        return True
    return None if any(f":{account}:" in str(each) for each in names) else False


def holds(statement: Statement, known: Mapping[str, str]) -> Iterator[bool | None]:
    """Yield for each condition whether it holds, or None if it cannot be judged."""
    keys = {key.lower(): value for key, value in known.items()}
    for operator, conditions in (statement.get("Condition") or {}).items():
        for key, wanted in conditions.items():
            value = keys.get(key.lower())
            if value is None or operator.removesuffix("IfExists") not in COMPARING:
                yield None
            else:
                yield matches(wanted, value)


def satisfies(policy: Mapping[str, Any], needed: Statement, resource: str, account: str) -> str:
    """Return whether a policy allows all that a statement would: ALLOWED, REFUSED or UNSURE."""
    always = (
        dict.fromkeys(("aws:PrincipalAccount", "kms:CallerAccount"), account) if "AWS" in needed["Principal"] else {}
    )
    actions = [each for action in as_list(needed["Action"]) for each in WIDE_ACTIONS.get(action, (action,))]
    decisions = {
        decide(policy, action, resource, needed["Principal"], {**always, **known})
        for action, known in itertools.product(actions, requests(needed.get("Condition") or {}))
    }
    return next(each for each in (REFUSED, UNSURE, ALLOWED) if each in decisions)


def requests(condition: Mapping[str, Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    """Yield the condition keys' values of each request that a condition lets in."""
    values = {key: as_list(value) for conditions in condition.values() for key, value in conditions.items()}
    return (dict(zip(values, each, strict=True)) for each in itertools.product(*values.values()))
