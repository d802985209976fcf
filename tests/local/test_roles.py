"""Test each function's role on the running system: it allows the function's requests and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.runner import Local
from tools.laptop.emulator import Running

# Each operation's DynamoDB requests, as in docs/reference/http-api.md.
RIGHTS = {
    "create": {"PutItem"},
    "delete": {"DeleteItem"},
    "get": {"GetItem"},
    "list": {"Query on the index"},
    "merge": {"GetItem", "UpdateItem"},
    "replace": {"UpdateItem"},
}
# Exceptions by an entity's settings. The last four have one function for all operations.
OTHERWISE = {
    "drafts.replace": {"GetItem", "UpdateItem"},
    "events.list": {"Scan"},
    "ledger": {"PutItem", "Query on the index"},
    "notes": {"PutItem", "DeleteItem", "GetItem", "Query on the index", "UpdateItem"},
    "shipments": {"PutItem", "DeleteItem", "GetItem", "Query on the index"},
    "staff": {"PutItem", "GetItem", "Query on the index", "UpdateItem"},
}

Request = Callable[[], Any]


@dataclass(frozen=True)
class Roles:
    """The functions' roles by "entity.operation", or by "entity" if one function has all operations."""

    local: Local

    @cached_property
    def running(self) -> Running:
        """The emulator."""
        return self.local.running()

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """Terraform's outputs."""
        return self.local.outputs()

    @cached_property
    def arns(self) -> dict[str, str]:
        """The ARN of each role."""
        return {
            (entity if entity in OTHERWISE else f"{entity}.{operation}"): arn
            for entity, operations in self.outputs["function_role_arns"].items()
            for operation, arn in operations.items()
        }

    @cached_property
    def own_arns(self) -> dict[str, str]:
        """The ARN of each role of a function of app/, by the function's name."""
        return {name: each["role_arn"] for name, each in self.outputs["functions"].items()}

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("nobody", "nothing", region_name=self.running.region)

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def client(self, service: str) -> Any:
        """Return a client with the permissions of the role assumed last."""
        if service not in self._clients:
            make: Any = self._session.client
            self._clients[service] = make(service, endpoint_url=self.running.endpoint)
        return self._clients[service]

    def assume(self, role: str) -> None:
        """Use only a role's permissions."""
        given = self.local.client("sts").assume_role(
            RoleArn=self.arns.get(role) or self.own_arns[role], RoleSessionName="tests"
        )
        # All clients share this object, since creating clients for each role would take a minute.
        held: Any = self._session.get_credentials()
        held.access_key = given["Credentials"]["AccessKeyId"]
        held.secret_key = given["Credentials"]["SecretAccessKey"]
        held.token = given["Credentials"]["SessionToken"]


@pytest.fixture(scope="module")
def roles(local: Local) -> Roles:
    """The system's roles."""
    return Roles(local)


def own_requests(dynamodb: Any, table: str) -> dict[str, Request]:
    """Return the functions' own requests by description."""
    one = {"TableName": table, "Key": {"id": {"S": "nobody"}}}
    query: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "#c = :c",
        "ExpressionAttributeValues": {":c": {"S": "items"}},
    }
    return {
        "PutItem": lambda: dynamodb.put_item(
            TableName=table, Item=one["Key"], ConditionExpression="attribute_exists(id)"
        ),
        "GetItem": lambda: dynamodb.get_item(**one),
        "UpdateItem": lambda: dynamodb.update_item(**one, ConditionExpression="attribute_exists(id)"),
        "DeleteItem": lambda: dynamodb.delete_item(**one),
        "Query on the index": lambda: dynamodb.query(
            **query, IndexName="created", ExpressionAttributeNames={"#c": "collection"}
        ),
        "Query on the table": lambda: dynamodb.query(**query, ExpressionAttributeNames={"#c": "id"}),
        "Scan": lambda: dynamodb.scan(TableName=table),
        "DescribeTable": lambda: dynamodb.describe_table(TableName=table),
        "DeleteTable": lambda: dynamodb.delete_table(TableName=table),
    }


def foreign_requests(make: Callable[[str], Any], outputs: dict[str, Any], role: str) -> dict[str, Request]:
    """Return requests that no function sends, by description."""
    other = outputs["function_names"]["events" if role.startswith("items") else "items"]["create"]
    other_role = outputs["function_role_arns"]["events" if role.startswith("items") else "items"]["create"]
    table = outputs["table_names"]["items"]
    dynamodb, functions, logs = make("dynamodb"), make("lambda"), make("logs")
    group = f"/aws/lambda/{other}"
    return {
        "all tables": lambda: dynamodb.list_tables(Limit=1),
        "many items": lambda: dynamodb.batch_get_item(RequestItems={table: {"Keys": [{"id": {"S": "x"}}]}}),
        "a statement": lambda: dynamodb.execute_statement(Statement=f'SELECT * FROM "{table}"'),
        "a function's call": lambda: functions.invoke(FunctionName=other),
        "a function's settings": lambda: functions.get_function(FunctionName=other),
        "another function's log": lambda: logs.filter_log_events(logGroupName=group),
        "a line in another's log": lambda: logs.create_log_stream(logGroupName=group, logStreamName="x"),
        "a new log": lambda: logs.create_log_group(logGroupName="/aws/lambda/new"),
        "another role": lambda: make("sts").assume_role(RoleArn=other_role, RoleSessionName="tests"),
        "its own rights": lambda: make("iam").list_role_policies(RoleName=other_role.split("/")[-1]),
        "keys of callers": lambda: make("apigateway").get_api_keys(includeValues=True),
        "users": lambda: make("cognito-idp").list_users(UserPoolId=outputs["user_pool_id"]),
        "encryption keys": lambda: make("kms").list_keys(),
        "a package": lambda: make("s3").get_object(Bucket="packages-us-west-2", Key="get.zip"),
        "secrets": lambda: make("secretsmanager").list_secrets(),
    }


def is_allowed(request: Request) -> bool:
    """Return whether the role's policy allows the request."""
    try:
        request()
    except ClientError as error:
        return error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException")
    return True


def test_a_role_allows_only_what_its_operations_need(roles: Roles) -> None:
    assert len(roles.arns) == 19
    everybodys = set().union(*RIGHTS.values(), *OTHERWISE.values())
    for role in roles.arns:
        entity, _, operation = role.partition(".")
        roles.assume(role)
        for name, table in roles.outputs["table_names"].items():
            tried = own_requests(roles.client("dynamodb"), table)
            if name != entity:
                tried = {what: tried[what] for what in everybodys}
            allowed = {what for what, request in tried.items() if is_allowed(request)}
            assert allowed == ((OTHERWISE.get(role) or RIGHTS[operation]) if name == entity else set()), (
                role,
                table,
            )


def test_a_role_reaches_only_its_table(roles: Roles) -> None:
    for role in roles.arns:
        roles.assume(role)
        tried = foreign_requests(roles.client, roles.outputs, role)
        assert {what for what, request in tried.items() if is_allowed(request)} == set(), role


def test_the_refused_requests_succeed_with_all_permissions(roles: Roles) -> None:
    """Shows that the refused requests are valid, so that only the role can be the reason."""
    tried = foreign_requests(roles.local.client, roles.outputs, "items.get")
    assert {what for what, request in tried.items() if not is_allowed(request)} == set()
