"""The least that answers: http.client, a signature by hand, no retries, no other errors, no log. A floor, no advice."""
# It is measured as it is: neither typed nor tidied.
# mypy: ignore-errors
# ruff: noqa

import hashlib
import hmac
import http.client
import json
import os
import ssl
import time

HOST = os.environ["AWS_ENDPOINT_URL"].partition("://")[2]
REGION = os.environ["AWS_REGION"]
connection = None


def sign(key, text):
    return hmac.digest(key, text.encode(), "sha256")


def call(action, payload):
    global connection
    body = json.dumps(payload)
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{at[:8]}/{REGION}/dynamodb/aws4_request"
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": HOST,
        "x-amz-date": at,
        "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"],
        "x-amz-target": f"DynamoDB_20120810.{action}",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body.encode()).hexdigest()}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = sign(key, part)
    signature = sign(key, f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    if connection is None:
        context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
        connection = http.client.HTTPSConnection(HOST, context=context)
    connection.request("POST", "/", body, headers)
    return json.loads(connection.getresponse().read())


def to_attribute(value):
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, list):
        return {"L": [to_attribute(each) for each in value]}
    return {"N": str(value)}


def from_attribute(attribute):
    ((kind, value),) = attribute.items()
    if kind == "L":
        return [from_attribute(each) for each in value]
    return int(value) if kind == "N" else value


def respond(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


def is_valid(todo):
    tags, priority = todo.get("tags", []), todo.get("priority", 3)
    return (
        isinstance(todo.get("title"), str)
        and 1 <= len(todo["title"]) <= 200
        and isinstance(todo.get("done", False), bool)
        and type(priority) is int
        and 1 <= priority <= 5
        and isinstance(tags, list)
        and len(tags) <= 20
        and all(isinstance(tag, str) for tag in tags)
    )


def lambda_handler(event, context):
    if event["httpMethod"] == "POST":
        todo = json.loads(event["body"])
        if not is_valid(todo):
            return respond(422, {"message": "The item is not valid"})
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        todo = {"done": False, "priority": 3, "tags": [], **todo}
        todo.update(id=os.urandom(16).hex(), createdAt=now, updatedAt=now)
        item = {name: to_attribute(value) for name, value in todo.items()}
        call("PutItem", {"TableName": "flat", "Item": item})
        return respond(201, todo)
    found = call("GetItem", {"TableName": "flat", "Key": {"id": {"S": event["pathParameters"]["id"]}}})
    if "Item" not in found:
        return respond(404, {"message": "Not found"})
    return respond(200, {name: from_attribute(value) for name, value in found["Item"].items()})
