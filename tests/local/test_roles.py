"""Each function's role, tried on the running stack: its own requests pass, everybody else's are refused."""

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

# What docs/reference/http-api.md says an operation asks of DynamoDB.
RIGHTS = {
    "create": {"PutItem"},
    "delete": {"DeleteItem"},
    "get": {"GetItem"},
    "list": {"Query on the index"},
    "merge": {"GetItem", "UpdateItem"},
    "replace": {"UpdateItem"},
}
# And where an entity's settings ask for something else. The last four have one function for all operations.
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
    """The functions' roles: by "entity.operation", or "entity" where one function has them all."""

    local: Local

    @cached_property
    def running(self) -> Running:
        """The emulator."""
        return self.local.running()

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """What Terraform made."""
        return self.local.outputs()

    @cached_property
    def arns(self) -> dict[str, str]:
        """Each role's ARN."""
        return {
            (entity if entity in OTHERWISE else f"{entity}.{operation}"): arn
            for entity, operations in self.outputs["function_role_arns"].items()
            for operation, arn in operations.items()
        }

    @cached_property
    def own_arns(self) -> dict[str, str]:
        """The ARN of the role of each function of one's own, by its name."""
        return {name: each["role_arn"] for name, each in self.outputs["functions"].items()}

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("nobody", "nothing", region_name=self.running.region)

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    def client(self, service: str) -> Any:
        """Return a client, which has the rights of the role that was assumed last."""
        if service not in self._clients:
            make: Any = self._session.client
            self._clients[service] = make(service, endpoint_url=self.running.endpoint)
        return self._clients[service]

    def assume(self, role: str) -> None:
        """Have a role's rights alone."""
        given = self.local.client("sts").assume_role(
            RoleArn=self.arns.get(role) or self.own_arns[role], RoleSessionName="tests"
        )
        # Clients hold on to this very object; a client for each role would take a minute to make.
        held: Any = self._session.get_credentials()
        held.access_key = given["Credentials"]["AccessKeyId"]
        held.secret_key = given["Credentials"]["SecretAccessKey"]
        held.token = given["Credentials"]["SessionToken"]


@pytest.fixture(scope="module")
def roles(local: Local) -> Roles:
    """The roles of the stack."""
    return Roles(local)


def own_requests(dynamodb: Any, table: str) -> dict[str, Request]:
    """Return requests by what they are."""
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
    """Return requests that no function has to send, by what they are."""
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
    """Tell whether the request got past the role's policy."""
    try:
        request()
    except ClientError as error:
        return error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException")
    return True


def test_a_role_allows_what_its_operations_need_and_nothing_else(roles: Roles) -> None:
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


def test_a_role_reaches_nothing_but_its_table(roles: Roles) -> None:
    for role in roles.arns:
        roles.assume(role)
        tried = foreign_requests(roles.client, roles.outputs, role)
        assert {what for what, request in tried.items() if is_allowed(request)} == set(), role


def test_who_has_every_right_is_let_through(roles: Roles) -> None:
    """The requests above are sound: it is for the role that they are refused."""
    tried = foreign_requests(roles.local.client, roles.outputs, "items.get")
    assert {what for what, request in tried.items() if not is_allowed(request)} == set()
