"""Upload pictures to S3 instead of the API: clients use a presigned URL, and S3's event creates the item."""

from __future__ import annotations

import uuid
from contextlib import suppress

import boto3

from trestle.app import Context, Event, Request, Response, Taken, entity, setting


def sign(request: Request, context: Context) -> Response:
    name = str(uuid.uuid4())
    place = {"Bucket": setting("BUCKET"), "Key": name}
    url = boto3.client("s3").generate_presigned_url("put_object", Params=place, ExpiresIn=300)
    return Response(201, {"id": name, "url": url}, {"Location": f"/pictures/{name}"})


def uploaded(event: Event, context: Context) -> None:
    found = event.detail["object"]
    with suppress(Taken):  # The event was delivered before.
        entity("pictures").create({"size": found["size"]}, id=found["key"])
