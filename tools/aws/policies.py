"""Evaluate what a resource's policy allows: allowed, refused, or unsure for lack of information."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tools.aws.findings import STOP, WARNING, Finding, Findings

ALLOWED, REFUSED, UNSURE = "allowed", "refused", "unsure"

Statement = Mapping[str, Any]

# The actions that a wildcard stands for. Policies may list these instead.
WIDE_ACTIONS = {
    "kms:GenerateDataKey*": ("kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
    "kms:ReEncrypt*": ("kms:ReEncryptFrom", "kms:ReEncryptTo"),
}

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
OPERATOR = re.compile(r"(?:For(?:All|Any)Values?:)?(\w+?)(?:IfExists)?")


# --- one request


def decide(
    policy: Mapping[str, Any] | str | None,
    action: str,
    resource: str,
    principal: Mapping[str, str],
    known: Mapping[str, str],
) -> str:
    """Return whether a policy, as JSON text or as parsed, allows an action: ALLOWED, REFUSED or UNSURE.

    `principal` maps a kind, AWS or Service, to one name; an account's root stands for any of its
    roles. `known` has the request's known condition keys. Any other key may have any value.
    """
    document = json.loads(policy) if isinstance(policy, str) else policy or {}
    keys = {key.lower(): value for key, value in known.items()}
    found = {
        (statement["Effect"], applies_to(statement, principal, keys))
        for statement in as_list(document.get("Statement"))
        if covers(statement, action, resource)
    }
    if ("Deny", True) in found or not found & {("Allow", True), ("Allow", None)}:
        return REFUSED
    return UNSURE if ("Deny", None) in found or ("Allow", True) not in found else ALLOWED


def covers(statement: Statement, action: str, resource: str) -> bool:
    """Return whether a statement covers an action on a resource. A missing element covers everything."""
    actions = {name: as_list(statement[name]) for name in ("Action", "NotAction") if name in statement}
    resources = {name: as_list(statement[name]) for name in ("Resource", "NotResource") if name in statement}
    return all(
        is_like((str(each).lower() for each in each_of), action.lower()) != name.startswith("Not")
        for name, each_of in actions.items()
    ) and all(is_like(map(str, each_of), resource) != name.startswith("Not") for name, each_of in resources.items())


def applies_to(statement: Statement, principal: Mapping[str, str], keys: Mapping[str, str]) -> bool | None:
    """Return whether a statement applies to a request, or None if that is unknown."""
    judged = {*met_conditions(statement.get("Condition") or {}, keys), names_principal(statement, principal)}
    return False if False in judged else None if None in judged else True


def names_principal(statement: Statement, principal: Mapping[str, str]) -> bool | None:
    """Return whether a statement names a principal, or None if that depends on the account's roles."""
    ((kind, name),) = principal.items()
    if "NotPrincipal" in statement:
        # The root does not stand for a role here.
        return None if kind == "AWS" else name not in names_of(statement["NotPrincipal"], kind)
    named = names_of(statement.get("Principal", "*"), kind)
    if not {"*", name}.isdisjoint(named):
        return True
    account = name.split(":")[4] if kind == "AWS" and name.count(":") > 4 else "-"
    return True if account in named else None if any(f":{account}:" in each for each in named) else False


def names_of(principals: Any, kind: str) -> list[str]:
    """Return the names of a kind in the element Principal. "*", alone or under AWS, means everyone."""
    by_kind = principals if isinstance(principals, Mapping) else {"AWS": principals}
    everyone = ["*"] if "*" in as_list(by_kind.get("AWS")) else []
    return everyone + [str(each) for each in as_list(by_kind.get(kind))]


def met_conditions(condition: Mapping[str, Mapping[str, Any]], keys: Mapping[str, str]) -> Iterator[bool | None]:
    """Yield for each part of a condition whether it is met, or None if that is unknown.

    `keys` has the known condition keys in lower case.
    """
    for operator, pairs in condition.items():
        match = OPERATOR.fullmatch(operator)
        for key, wanted in pairs.items():
            value = keys.get(key.lower())
            if match is None or value is None:
                yield None
            else:
                yield compare(match[1], value, [str(each) for each in as_list(wanted)])


def compare(operator: str, value: str, wanted: list[str]) -> bool | None:
    """Return whether a key's value satisfies an operator, or None for an unsupported operator."""
    name = operator.replace("Not", "")
    if name in ("ArnEquals", "ArnLike", "StringLike"):
        found = is_like(wanted, value)
    elif name == "StringEquals":
        found = value in wanted
    elif name in ("Bool", "StringEqualsIgnoreCase"):
        found = value.lower() in [each.lower() for each in wanted]
    elif name == "Null":
        found = "false" in [each.lower() for each in wanted]
    else:
        return None
    return found != ("Not" in operator)


# --- needed statements


def judge_statement(policy: Mapping[str, Any] | str | None, needed: Statement, resource: str, account: str) -> str:
    """Return whether a resource's policy allows all that a statement allows: ALLOWED, REFUSED or UNSURE.

    `account` makes the requests. In a key's policy, "*" means the key itself, `resource`.
    """
    actions = [each for action in as_list(needed["Action"]) for each in WIDE_ACTIONS.get(action, (action,))]
    resources = [resource if each == "*" else each for each in as_list(needed.get("Resource", "*"))]
    always = always_known(needed["Principal"], account)
    decisions = {
        decide(policy, action, each, needed["Principal"], {**always, **known})
        for action, each, known in itertools.product(actions, resources, requests(needed.get("Condition") or {}))
    }
    return next(each for each in (REFUSED, UNSURE, ALLOWED) if each in decisions)


def always_known(principal: Mapping[str, str], account: str) -> dict[str, str]:
    """Return the condition keys of every request by an account's roles, or by a service for the account."""
    if "AWS" in principal:
        names = ("aws:PrincipalAccount", "kms:CallerAccount")
        return {**dict.fromkeys(names, account), "aws:SecureTransport": "true"}
    owner = dict.fromkeys(("aws:SourceAccount", "aws:SourceOwner"), account)
    return {**owner, "aws:PrincipalIsAWSService": "true", "aws:SecureTransport": "true"}


def requests(condition: Mapping[str, Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    """Yield the condition keys of each request that meets a condition."""
    values = {key: as_list(value) for conditions in condition.values() for key, value in conditions.items()}
    return (dict(zip(values, each, strict=True)) for each in itertools.product(*values.values()))


def policy_findings(
    subject: str,
    resource: str,
    policy: Mapping[str, Any] | str | None,
    needed: Iterable[Statement] | None,
    account: str,
    *,
    level: str = STOP,
) -> Findings:
    """Yield the needed statements that a resource's policy does not allow, or may not allow.

    A missing statement has the given level; an unsure one is a warning. `needed` is None if
    Terraform knows the statements only after the apply.
    """
    if needed is None:
        text = f"The statements that the policy of {resource} needs are known only after the apply."
        yield Finding(WARNING, subject, text, "Apply, then run preflight again.")
    for statement in needed or ():
        decision = judge_statement(policy, statement, resource, account)
        remedy = f"Let its owner add the statement {json.dumps(statement)}"
        if decision == REFUSED:
            text = f"The policy of {resource} does not allow {statement['Sid']}."
            yield Finding(level, subject, text, remedy)
        elif decision == UNSURE:
            text = f"The policy of {resource} has principals or conditions that may refuse {statement['Sid']}."
            yield Finding(WARNING, subject, text, f"{remedy}, unless the policy allows it.")


# --- elements of policies


def is_like(patterns: Iterable[str], text: str) -> bool:
    """Return whether a text matches one of the patterns with the wildcards * and ?."""
    escaped = (re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns)
    return any(re.fullmatch(pattern, text, re.DOTALL) for pattern in escaped)


def as_list(value: Any) -> list[Any]:
    """Return an element that IAM accepts as one value or as a list, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
