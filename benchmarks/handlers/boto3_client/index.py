"""A lean handler on boto3.client, without a framework and without boto3's resources."""
# It is measured as it is: neither typed nor tidied.
# mypy: ignore-errors
# ruff: noqa

import json
import uuid
from datetime import datetime, timezone
from decimal import Decimal

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

dynamodb = boto3.client("dynamodb")
serialize = TypeSerializer().serialize
deserialize = TypeDeserializer().deserialize


def respond(status, body):
    text = json.dumps(body, default=lambda number: int(number) if number % 1 == 0 else float(number))
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": text}


def fault_of(todo):
    if not isinstance(todo, dict):
        return "The body must be an object"
    title, priority, tags = todo.get("title"), todo.get("priority", 3), todo.get("tags", [])
    if not isinstance(title, str) or not 1 <= len(title) <= 200:
        return "title must have 1 to 200 characters"
    if not isinstance(todo.get("done", False), bool):
        return "done must be true or false"
    if type(priority) is not int or not 1 <= priority <= 5:
        return "priority must be 1 to 5"
    if not isinstance(tags, list) or len(tags) > 20 or not all(isinstance(tag, str) for tag in tags):
        return "tags must be at most 20 strings"
    return None


def lambda_handler(event, context):
    if event["httpMethod"] == "POST":
        todo = json.loads(event["body"], parse_float=Decimal)
        fault = fault_of(todo)
        if fault:
            return respond(422, {"message": fault})
        now = datetime.now(timezone.utc).isoformat()
        todo = {"done": False, "priority": 3, "tags": [], **todo}
        todo.update(id=str(uuid.uuid4()), createdAt=now, updatedAt=now)
        dynamodb.put_item(TableName="flat", Item={name: serialize(value) for name, value in todo.items()})
        return respond(201, todo)
    found = dynamodb.get_item(TableName="flat", Key={"id": {"S": event["pathParameters"]["id"]}})
    if "Item" not in found:
        return respond(404, {"message": "Not found"})
    return respond(200, {name: deserialize(value) for name, value in found["Item"].items()})
