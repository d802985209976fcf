"""A Chalice application. Chalice validates no bodies, so that is written by hand."""
# It is measured as it is: neither typed nor tidied.
# mypy: ignore-errors
# ruff: noqa

import uuid
from datetime import datetime, timezone

import boto3
from chalice import BadRequestError, Chalice, NotFoundError, Response

app = Chalice(app_name="items")
table = boto3.resource("dynamodb").Table("flat")


def check(todo):
    if not isinstance(todo, dict):
        raise BadRequestError("The body must be an object")
    title, tags = todo.get("title"), todo.get("tags", [])
    if not isinstance(title, str) or not 1 <= len(title) <= 200:
        raise BadRequestError("title must have 1 to 200 characters")
    if not isinstance(todo.get("done", False), bool):
        raise BadRequestError("done must be true or false")
    if type(todo.get("priority", 3)) is not int or not 1 <= todo.get("priority", 3) <= 5:
        raise BadRequestError("priority must be 1 to 5")
    if not isinstance(tags, list) or len(tags) > 20 or not all(isinstance(tag, str) for tag in tags):
        raise BadRequestError("tags must be at most 20 strings")
    return {"title": title, "done": todo.get("done", False), "priority": todo.get("priority", 3), "tags": tags}


@app.route("/items", methods=["POST"])
def create_todo():
    todo = check(app.current_request.json_body)
    now = datetime.now(timezone.utc).isoformat()
    todo.update(id=str(uuid.uuid4()), createdAt=now, updatedAt=now)
    table.put_item(Item=todo)
    return Response(todo, status_code=201)


@app.route("/items/{id}", methods=["GET"])
def get_todo(id):
    found = table.get_item(Key={"id": id})
    if "Item" not in found:
        raise NotFoundError("Not found")
    return found["Item"]


lambda_handler = app
