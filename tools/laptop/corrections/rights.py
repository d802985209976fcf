"""Evaluate a role's permissions, for calls that AWS makes with a role but without a request."""

from __future__ import annotations

from typing import Any


def is_allowed(evaluator: Any, role: str, action: str, resource: str) -> bool:
    """Return whether a role's policies allow an action on a resource, both by ARN. `evaluator` is MiniStack's."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    session = f"arn:aws:sts::{account}:assumed-role/{name}/service"
    asked = evaluator.EvalContext(session, "AssumedRole", account, action, resource, resource.split(":")[3])
    policies = evaluator._gather_role_policies(name, account)
    return bool(evaluator.evaluate(asked, policies).decision == "Allow")
