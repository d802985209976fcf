"""Test destroy: it names the data that will be lost and the slow steps, and never stops halfway."""

from __future__ import annotations

from typing import Any

import pytest

from tools.aws import destroy as tool
from tools.errors import UserError


def state(*resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    made = [{"mode": "managed", "type": kind, "instances": [{"attributes": found}]} for kind, found in resources]
    data = {"mode": "data", "type": "aws_dynamodb_table", "instances": [{"attributes": {"name": "theirs"}}]}
    return {"resources": [*made, data]}


OPEN = state(
    ("aws_dynamodb_table", {"name": "b", "deletion_protection_enabled": False}),
    ("aws_dynamodb_table", {"name": "a", "deletion_protection_enabled": False}),
    ("aws_cognito_user_pool", {"name": "pool", "deletion_protection": "INACTIVE"}),
    ("aws_s3_bucket", {"bucket": "records", "force_destroy": True}),
    ("aws_api_gateway_rest_api", {"id": "x"}),
    ("aws_cloudwatch_log_group", {"id": "x"}),
    ("aws_backup_vault", {"name": "vault", "force_destroy": True}),
    ("aws_lambda_function", {"vpc_config": [{}]}),
    ("aws_nat_gateway", {}),
    ("aws_cloudfront_distribution", {}),
    ("aws_kms_key", {"key_id": "k", "deletion_window_in_days": 7}),
)


def test_losses_and_slow_steps_are_named() -> None:
    tool.check_protection("dev", OPEN)
    lines = list(tool.consequences("dev", OPEN))
    assert lines[0].startswith("Lost: the items of a, b. `make export ENV=dev ENTITY=...` saves them.")
    begun = [line.partition(":")[0] for line in lines]
    assert begun[:5] == ["Lost"] * 5
    assert begun[5:] == ["20 to 45 minutes", "Some minutes", "5 to 15 minutes", "7 days"]
    assert "recovery points" in lines[4]
    assert "the key k." in lines[-1]


@pytest.mark.parametrize("empty", [{}, state(("aws_lambda_function", {"vpc_config": []}))])
def test_nothing_is_named_if_nothing_is_lost(empty: Any) -> None:
    tool.check_protection("dev", empty)
    assert list(tool.consequences("dev", empty)) == []


def test_protected_resources_stop_it() -> None:
    found = state(
        ("aws_dynamodb_table", {"name": "t", "deletion_protection_enabled": True}),
        ("aws_cognito_user_pool", {"name": "p", "deletion_protection": "ACTIVE"}),
        ("aws_s3_bucket", {"bucket": "b", "force_destroy": False}),
        ("aws_backup_vault", {"name": "v", "force_destroy": False}),
        ("aws_kms_key", {}),
    )
    with pytest.raises(UserError) as stopped:
        tool.check_protection("dev", found)
    assert str(stopped.value) == (
        "Protected: b, p, t, v. Nothing was deleted. To delete all of dev, set deletion_protection = false "
        "in environments/dev.tfvars, and run `make apply ENV=dev` first."
    )
