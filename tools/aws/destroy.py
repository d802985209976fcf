"""What a destroy takes with it, what it waits for and why: said before `terraform destroy` asks.

It stops when something refuses to be deleted: a destroy would come upon it only after the API is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tools.errors import UserError

# How each type says that it refuses.
PROTECTED = {
    "aws_backup_vault": ("force_destroy", False),
    "aws_cognito_user_pool": ("deletion_protection", "ACTIVE"),
    "aws_dynamodb_table": ("deletion_protection_enabled", True),
    "aws_s3_bucket": ("force_destroy", False),
}

Attributes = Mapping[str, Any]


def resources(state: Mapping[str, Any]) -> Iterator[tuple[str, str, Attributes]]:
    """Each resource in a state: type, name to show, attributes."""
    for each in state.get("resources", ()):
        if each["mode"] == "managed":
            for instance in each["instances"]:
                found = instance["attributes"]
                yield each["type"], str(found.get("name") or found.get("bucket") or found.get("id")), found


def check_protection(name: str, state: Mapping[str, Any]) -> None:
    """Stop when something in the state is protected."""
    protected = [
        display_name
        for kind, display_name, found in resources(state)
        if kind in PROTECTED and found.get(PROTECTED[kind][0]) == PROTECTED[kind][1]
    ]
    if protected:
        raise UserError(
            f"Protected: {', '.join(sorted(protected))}. Nothing was deleted. To delete all of {name}, write "
            f"deletion_protection = false into environments/{name}.tfvars, and `make apply ENV={name}` first."
        )


def consequences(name: str, state: Mapping[str, Any]) -> Iterator[str]:
    """What is lost with the environment, and what takes long, a sentence each."""
    by_kind: dict[str, list[tuple[str, Attributes]]] = {}
    for kind, display_name, found in resources(state):
        by_kind.setdefault(kind, []).append((display_name, found))

    def count(kind: str) -> int:
        return len(by_kind.get(kind, ()))

    if tables := sorted(display_name for display_name, _ in by_kind.get("aws_dynamodb_table", ())):
        yield (
            f"Lost: the items of {', '.join(tables)}. `make export ENV={name} ENTITY=...` keeps them. AWS "
            "keeps a last backup of each for 35 days, good as long as its key is there (docs/how-to/restore.md)."
        )
    if count("aws_cognito_user_pool"):
        yield "Lost: the user pool, its users and their passwords. There is no copy."
    if count("aws_api_gateway_rest_api"):
        yield "Lost: the API's address and its keys' values. They do not come back with the next apply."
    if count("aws_cloudwatch_log_group"):
        yield "Lost: the logs."
    if count("aws_backup_vault"):
        yield (
            "Lost: the backup vault with its recovery points. CI's deploy role may not delete them: where "
            "there are any, an administrator destroys the environment."
        )
    if any(found.get("vpc_config") for _, found in by_kind.get("aws_lambda_function", ())):
        yield (
            "20 to 45 minutes: the functions' network interfaces. Lambda gives them back by itself, some 20 "
            "minutes after the last function that used them is gone; until then AWS refuses to delete their "
            'security group and subnets, and Terraform shows "Still destroying". It is not hung; if it gives '
            "up, destroy again."
        )
    if count("aws_nat_gateway"):
        yield "Some minutes: NAT gateways, which let go of their addresses only when they are gone."
    if count("aws_cloudfront_distribution"):
        yield "5 to 15 minutes: CloudFront, which is switched off at every edge before it can be deleted."
    for _, found in by_kind.get("aws_kms_key", ()):
        days = found.get("deletion_window_in_days") or 30
        yield (
            f"{days} days: the key {found.get('key_id') or found.get('id')}. From now on it opens nothing "
            "and costs nothing; then it is gone, with all that it encrypted, backups too. Until then "
            "`aws kms cancel-key-deletion` brings it back. Terraform does not wait for it."
        )
