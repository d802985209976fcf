"""Each role, tried on the running table: its own requests pass, everybody else's are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.emulator import client
from local.stack import Stack
from tests.local.runner import Local

# What docs/api.md says an operation asks of DynamoDB.
RIGHTS = {
    "create": {"PutItem"},
    "delete": {"DeleteItem"},
    "get": {"GetItem"},
    "list": {"Query on the index"},
    "merge": {"GetItem", "UpdateItem"},
    "replace": {"UpdateItem"},
}


def requests(dynamodb: Any, table: str) -> dict[str, Callable[[], Any]]:
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


def is_allowed(request: Callable[[], Any]) -> bool:
    """Tell whether the request got past the role's policy."""
    try:
        request()
    except ClientError as error:
        return error.response["Error"]["Code"] != "AccessDeniedException"
    return True


@pytest.mark.parametrize("operation", RIGHTS)
def test_a_role_allows_what_its_operation_needs_and_nothing_else(local: Local, operation: str) -> None:
    running, outputs = Stack(local.folder).running(), local.outputs()
    credentials = client("sts", running).assume_role(
        RoleArn=outputs["function_role_arns"]["items"][operation], RoleSessionName="tests"
    )["Credentials"]
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=running.endpoint,
        region_name=running.region,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    own = requests(dynamodb, outputs["table_names"]["items"])
    assert {name for name, request in own.items() if is_allowed(request)} == RIGHTS[operation]
    others = requests(dynamodb, outputs["table_names"]["drafts"])
    assert {name for name, request in others.items() if is_allowed(request)} == set()
