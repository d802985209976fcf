"""An apply removes from AWS what was removed from the tfvars, and a second region can have the same system.

The provider ignores some missing blocks, so a plan proves nothing here. The real provider applies to moto's
server, and these tests read the result from it. They leave out what moto lacks: removing a log group's key,
removing resource servers, and tags of a user pool.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.independent.servers import NOT_IN_MOTO, ProxiedAws, proxied_ministack, proxied_moto
from tests.plan.planner import REGION, Values
from tools import terraform

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("packages")]

# The same entities with all removable features, and without them.
ON = """
name                = "trial"
environment         = "test"
deletion_protection = true
encryption          = { customer_key = false }
entities = {
  notes = {
    access = {
      create = "api_key", default = "cognito", delete = "cognito:group=admins", get = "open"
      list   = "cognito:scope=read", merge = "iam"
    }
    filters  = { pinned = {} }
    function = { reserved_concurrency = 2, snap_start = true }
    schema   = "schemas/note.json"
  }
  sessions = { operations = ["create"], ttl = "expiresAt" }
}
permissions_boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
usage_plans          = { standard = { quota = { limit = 10 } } }
user_pool = {
  callback_urls = ["https://app.example.com/in"], domain_prefix = "trial-example", groups = ["editors"]
  machine_client = true, mfa = "ON", scopes = { read = "Reads" }
}
validate_bodies_at_gateway = true
"""
OFF = """
name        = "trial"
environment = "test"
encryption  = { customer_key = false }
entities = {
  notes = {
    access = { default = "open", get = "api_key", list = "cognito" }
    schema = "schemas/note.json"
  }
  sessions = { operations = ["create"] }
}
network     = null
usage_plans = { standard = {} }
user_pool   = { scopes = { read = "Reads" } }
"""
SMALL = """
name        = "small"
environment = "test"
alarms      = null
encryption  = { customer_key = false }
entities    = { items = { operations = ["get"] } }
website     = {}
"""


def apply(
    aws: ProxiedAws, folder: Path, name: str, variables: str, region: str = REGION, overrides: Values | None = None
) -> str:
    """Apply variables to the state with that name, and return the summary."""
    var_file = folder / f"{name}.tfvars"
    var_file.write_text(f'{variables}region = "{region}"\n')
    root = terraform.stage(folder / name, folder / f"{name}.tfstate", overrides)
    return aws.apply(root, [var_file], folder / f"{name}.log", region)


def methods(aws: ProxiedAws) -> dict[str, Values]:
    """Return the gateway's methods by verb and path."""
    gateway = aws.client("apigateway")
    (api,) = gateway.get_rest_apis()["items"]
    return {
        f"{verb} {resource['path']}": gateway.get_method(
            restApiId=api["id"], resourceId=resource["id"], httpMethod=verb
        )
        for resource in gateway.get_resources(restApiId=api["id"], limit=500)["items"]
        for verb in resource.get("resourceMethods", {})
    }


def test_what_is_taken_away_is_gone(tmp_path: Path) -> None:
    with proxied_moto(tmp_path) as aws:
        apply(aws, tmp_path, "trial", ON, overrides=NOT_IN_MOTO)
        tables = aws.client("dynamodb")
        ttl = tables.describe_time_to_live(TableName="trial-sessions-test")["TimeToLiveDescription"]
        assert (ttl["AttributeName"], ttl["TimeToLiveStatus"]) == ("expires", "ENABLED")
        tables.put_item(TableName="trial-sessions-test", Item={"id": {"S": "kept"}, "expires": {"N": "1"}})

        apply(aws, tmp_path, "trial", OFF, overrides=NOT_IN_MOTO)
        for name in ("sessions", "notes"):
            table = f"trial-{name}-test"
            ttl = tables.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
            assert ttl["TimeToLiveStatus"] == "DISABLED", table
            described = tables.describe_table(TableName=table)["Table"]
            assert described["DeletionProtectionEnabled"] is False
            assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["created"]
        assert tables.scan(TableName="trial-sessions-test")["Count"] == 1

        functions = aws.client("lambda")
        for configuration in functions.list_functions()["Functions"]:
            name = configuration["FunctionName"]
            assert "Concurrency" not in functions.get_function(FunctionName=name), name
            assert not configuration.get("VpcConfig", {}).get("SubnetIds"), name
            assert configuration["SnapStart"]["ApplyOn"] == "None", name
        roles = aws.client("iam")
        for role in roles.list_roles()["Roles"]:
            assert "PermissionsBoundary" not in roles.get_role(RoleName=role["RoleName"])["Role"]

        found = methods(aws)
        asked = {key: (m["authorizationType"], m["apiKeyRequired"]) for key, m in found.items() if "/notes" in key}
        assert asked.pop("GET /notes/{id}") == ("NONE", True)
        assert asked.pop("GET /notes")[0] == "COGNITO_USER_POOLS"
        assert set(asked.values()) == {("NONE", False)}
        assert not any("filter" in p or "pinned" in p for p in found["GET /notes"]["requestParameters"])
        gateway = aws.client("apigateway")
        (plan,) = gateway.get_usage_plans()["items"]
        assert not plan.get("quota")

        users = aws.client("cognito-idp")
        (pool,) = users.list_user_pools(MaxResults=10)["UserPools"]
        described = users.describe_user_pool(UserPoolId=pool["Id"])["UserPool"]
        assert described["MfaConfiguration"] == "OPTIONAL"
        assert described["DeletionProtection"] == "INACTIVE"
        assert not described.get("Domain")
        (app,) = users.list_user_pool_clients(UserPoolId=pool["Id"])["UserPoolClients"]
        client = users.describe_user_pool_client(UserPoolId=pool["Id"], ClientId=app["ClientId"])["UserPoolClient"]
        for setting in ("AllowedOAuthFlows", "AllowedOAuthScopes", "CallbackURLs", "LogoutURLs"):
            assert not client.get(setting), setting
        assert not users.list_groups(UserPoolId=pool["Id"])["Groups"]
        assert aws.faults() == []


def test_a_second_region_has_the_same_system(tmp_path: Path) -> None:
    """Names in IAM, S3 and CloudFront are unique across regions, as this emulator enforces."""
    with proxied_ministack(tmp_path) as aws:
        first = apply(aws, tmp_path, "first", SMALL, "us-west-2")
        second = apply(aws, tmp_path, "second", SMALL, "eu-central-1")
        assert first == second
        names = [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]]
    regions = Counter(name.rpartition("-test-")[2] for name in names)
    assert regions["us-west-2"] == regions["eu-central-1"] > 0
