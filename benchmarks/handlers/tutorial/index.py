"""The handler benchmarked against: one function for all routes on boto3's resource, as tutorials write it."""
# It is measured as it is: neither typed nor tidied.
# mypy: ignore-errors
# ruff: noqa

import json
import uuid
from datetime import datetime, timezone
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Key

dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table("items")


class DecimalEncoder(json.JSONEncoder):
    def default(self, o):
        if isinstance(o, Decimal):
            return int(o) if o % 1 == 0 else float(o)
        return super().default(o)


def respond(status, body=None):
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"},
        "body": json.dumps(body, cls=DecimalEncoder) if body is not None else "",
    }


def lambda_handler(event, context):
    method = event["httpMethod"]
    parameters = event.get("pathParameters") or {}
    item_id = parameters.get("id")
    now = datetime.now(timezone.utc).isoformat()
    try:
        if method == "POST":
            item = json.loads(event["body"], parse_float=Decimal)
            item.update(id=str(uuid.uuid4()), createdAt=now, updatedAt=now)
            table.put_item(Item=item)
            return respond(201, item)
        if method == "GET" and item_id:
            found = table.get_item(Key={"id": item_id})
            if "Item" not in found:
                return respond(404, {"message": "Not found"})
            return respond(200, found["Item"])
        if method == "GET":
            found = table.query(IndexName="created", KeyConditionExpression=Key("collection").eq("items"), Limit=26)
            return respond(200, {"items": found["Items"]})
        if method in ("PUT", "PATCH"):
            body = json.loads(event["body"], parse_float=Decimal)
            names = {f"#{name}": name for name in body}
            found = table.update_item(
                Key={"id": item_id},
                UpdateExpression="SET updatedAt = :now, " + ", ".join(f"#{name} = :{name}" for name in body),
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={
                    ":now": now,
                    **{f":{name}": value for name, value in body.items()},
                },
                ReturnValues="ALL_NEW",
            )
            return respond(200, found["Attributes"])
        if method == "DELETE":
            table.delete_item(Key={"id": item_id}, ConditionExpression="attribute_exists(id)")
            return respond(204)
        return respond(405, {"message": "Method not allowed"})
    except dynamodb.meta.client.exceptions.ConditionalCheckFailedException:
        return respond(404, {"message": "Not found"})
    except Exception as error:
        return respond(500, {"message": str(error)})
