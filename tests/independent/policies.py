"""Policy documents checked by parliament, which knows AWS's actions and resources, and by cloudsplaining.

parliament finds actions that do not exist, resources of the wrong form, and conditions that an action does
not support. cloudsplaining finds permissions with which a role's holder could gain more permissions, or could
reach the data or the credentials of other systems.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cloudsplaining.scan.policy_document import PolicyDocument
from parliament import analyze_policy_string  # type: ignore[import-untyped] # it has no types

# Accepted findings, by issue and a part of the detail, each with the reason.
ACCEPTED = {
    # Checked separately: see `unusable_actions`.
    ("RESOURCE_MISMATCH", ""),
    # StringEquals compares ARNs without wildcards, as intended.
    ("MISMATCHED_TYPE_BUT_USABLE", ""),
    # For actions that do not apply to single resources: CI lists and describes, and Lambda creates
    # network interfaces.
    ("RESOURCE_STAR", ""),
    # Lambda adds this key to each request that a function's code makes, whatever the action:
    # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    ("UNKNOWN_CONDITION_FOR_ACTION", "lambda:SourceFunctionArn"),
}

# Actions for which parliament's resources differ from those in AWS's service authorization
# reference.
KNOWN_OTHERWISE = {
    "dynamodb:ListStreams": "AWS SAM's policy templates allow it on a table's streams, as Lambda requires it",
    "dynamodb:RestoreTableFromBackup": "the reference lists table* too, and the statement names both",
    "kms:CreateAlias": "one statement allows the alias, another the key",
    "kms:DeleteAlias": "one statement allows the alias, another the key",
    "kms:UpdateAlias": "one statement allows the alias, another the key",
    "lambda:PutFunctionCodeSigningConfig": "one statement allows the function, another the configuration",
    "logs:DescribeLogGroups": "the reference lists log-group*",
}


def policy_findings(policies: Iterable[str]) -> list[str]:
    """Return one sentence for each finding in these policy documents."""
    return sorted({finding for policy in policies for finding in document_findings(policy)})


def document_findings(policy: str) -> list[str]:
    """Return one sentence for each finding in a policy document.

    For a resource's own policy, which names a principal, only the actions are checked: parliament supports no
    more for these, and cloudsplaining checks permissions of roles.
    """
    document = json.loads(policy)
    on_resource = any("Principal" in statement for statement in document["Statement"])
    found = [
        f"{issue.issue}: {issue.detail} in {policy}"
        for issue in analyze_policy_string(policy).findings
        if (not on_resource or issue.issue == "UNKNOWN_ACTION")
        and not any(issue.issue == kind and part in str(issue.detail) for kind, part in ACCEPTED)
    ]
    if on_resource:
        return found
    rights = PolicyDocument(document)
    risks = {
        "privilege escalation": rights.allows_privilege_escalation,
        "data exfiltration": rights.allows_data_exfiltration_actions,
        "permissions management": rights.permissions_management_without_constraints,
        "credentials exposure": rights.credentials_exposure,
        "service wildcard": rights.service_wildcard,
        "writes everywhere": rights.write_actions_without_constraints,
    }
    found += [
        f"{action}: allowed on no resource that it works on, in {policy}" for action in unusable_actions(document)
    ]
    return found + [f"{risk}: {what} in {policy}" for risk, what in risks.items() if what]


def unusable_actions(document: dict[str, Any]) -> set[str]:
    """Return the actions that a document allows by their full names, but only on other kinds of resources."""
    allowed = [statement for statement in document["Statement"] if statement["Effect"] == "Allow"]
    usable: set[str] = set()
    mismatched: set[str] = set()
    for statement in allowed:
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        wrong = {
            detail["action"]
            for issue in analyze_policy_string(text).findings
            if issue.issue == "RESOURCE_MISMATCH"
            for detail in issue.detail
        }
        usable |= set(statement_actions(statement)) - wrong
        mismatched |= set(statement_actions(statement)) & wrong
    return mismatched - usable - KNOWN_OTHERWISE.keys()


def statement_actions(statement: dict[str, Any]) -> list[str]:
    """Return the actions of a statement."""
    actions = statement.get("Action", [])
    return [actions] if isinstance(actions, str) else actions
