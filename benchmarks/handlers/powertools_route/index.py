"""A route of one's own in a Powertools resolver, as its documentation shows: it reads an item and changes it."""
# It is measured as it is: neither typed nor tidied.
# mypy: ignore-errors
# ruff: noqa

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from pydantic import BaseModel, Field

app = APIGatewayRestResolver(enable_validation=True)
table = boto3.resource("dynamodb").Table("flat")


class Rating(BaseModel):
    priority: int = Field(ge=1, le=5)


class Rated(BaseModel):
    id: str
    title: str
    done: bool


@app.post("/items/<id>/rate")
def rate(id: str, rating: Rating) -> Rated:
    found = table.get_item(Key={"id": id}, ConsistentRead=True)
    if "Item" not in found:
        raise NotFoundError("Not found")
    changed = table.update_item(
        Key={"id": id},
        UpdateExpression="SET #priority = :priority",
        ConditionExpression="#updatedAt = :updatedAt",
        ExpressionAttributeNames={"#priority": "priority", "#updatedAt": "updatedAt"},
        ExpressionAttributeValues={":priority": rating.priority, ":updatedAt": found["Item"]["updatedAt"]},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    return Rated(id=id, title=changed["title"], done=changed["done"])


def lambda_handler(event, context):
    return app.resolve(event, context)
