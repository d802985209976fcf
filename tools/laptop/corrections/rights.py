"""What a role may do, for calls that AWS makes as a role without a request."""

from __future__ import annotations

from typing import Any


def may(evaluator: Any, role: str, action: str, resource: str) -> bool:
    """Return whether the policies of a role allow an action on a resource, all by ARN; `evaluator` is MiniStack's."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    session = f"arn:aws:sts::{account}:assumed-role/{name}/service"
    asked = evaluator.EvalContext(session, "AssumedRole", account, action, resource, resource.split(":")[3])
    policies = evaluator._gather_role_policies(name, account)
    return bool(evaluator.evaluate(asked, policies).decision == "Allow")
