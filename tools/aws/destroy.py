"""Report what a destroy deletes and what it waits for, before `terraform destroy` asks for approval.

Stop if a resource is protected from deletion: Terraform would fail on it only after it has deleted
the API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools.errors import UserError

# The attribute and its value that protect a resource of each type.
PROTECTED = {
    "aws_backup_vault": ("force_destroy", False),
    "aws_cognito_user_pool": ("deletion_protection", "ACTIVE"),
    "aws_dynamodb_table": ("deletion_protection_enabled", True),
    "aws_s3_bucket": ("force_destroy", False),
}

Attributes = Mapping[str, Any]


def resources(state: Mapping[str, Any]) -> Iterator[tuple[str, str, Attributes]]:
    """Yield the type, display name and attributes of each resource in a state."""
    for each in state.get("resources", ()):
        if each["mode"] == "managed":
            for instance in each["instances"]:
                found = instance["attributes"]
                yield each["type"], str(found.get("name") or found.get("bucket") or found.get("id")), found


def check_protection(name: str, state: Mapping[str, Any]) -> None:
    """Raise UserError if a resource in the state is protected."""
    protected = [
        display_name
        for kind, display_name, found in resources(state)
        if kind in PROTECTED and found.get(PROTECTED[kind][0]) == PROTECTED[kind][1]
    ]
    if protected:
        raise UserError(
            f"Protected: {', '.join(sorted(protected))}. Nothing was deleted. To delete all of {name}, set "
            f"deletion_protection = false in environments/{name}.tfvars, and run `make apply ENV={name}` first."
        )


def consequences(name: str, state: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each kind of data that is lost and for each deletion that takes long."""
    by_kind: dict[str, list[tuple[str, Attributes]]] = {}
    for kind, display_name, found in resources(state):
        by_kind.setdefault(kind, []).append((display_name, found))

    def count(kind: str) -> int:
        return len(by_kind.get(kind, ()))

    if tables := sorted(display_name for display_name, _ in by_kind.get("aws_dynamodb_table", ())):
        yield (
            f"Lost: the items of {', '.join(tables)}. `make export ENV={name} ENTITY=...` saves them. AWS "
            "keeps a last backup of each for 35 days, usable while its key exists (docs/how-to/restore.md)."
        )
    if count("aws_cognito_user_pool"):
        yield "Lost: the user pool, its users and their passwords. There is no copy."
    if count("aws_api_gateway_rest_api"):
        yield "Lost: the API's address and its keys' values. The next apply creates others."
    if count("aws_cloudwatch_log_group"):
        yield "Lost: the logs."
    if count("aws_backup_vault"):
        yield (
            "Lost: the backup vault with its recovery points. CI's deploy role may not delete recovery points, so "
            "an administrator must destroy an environment that has any."
        )
    if any(found.get("vpc_config") for _, found in by_kind.get("aws_lambda_function", ())):
        yield (
            "20 to 45 minutes: the functions' network interfaces. Lambda releases them about 20 minutes after "
            "the last function that used them is deleted. Until then AWS refuses to delete their security group "
            'and subnets, and Terraform shows "Still destroying". If Terraform times out, destroy again.'
        )
    if count("aws_nat_gateway"):
        yield "Some minutes: NAT gateways, which release their addresses only after their deletion."
    if count("aws_cloudfront_distribution"):
        yield "5 to 15 minutes: CloudFront, which must be disabled at every edge before it can be deleted."
    for _, found in by_kind.get("aws_kms_key", ()):
        days = found.get("deletion_window_in_days") or 30
        yield (
            f"{days} days: the key {found.get('key_id') or found.get('id')}. From now on it decrypts nothing "
            "and costs nothing. Then AWS deletes it, and all data encrypted with it is lost, including backups. "
            "Until then `aws kms cancel-key-deletion` restores it. Terraform does not wait for it."
        )
