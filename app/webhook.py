"""Webhooks out, signed as https://www.standardwebhooks.com describes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request

from trestle.app import Context, Job, Retry, secret, setting

TIMEOUT = 10  # seconds


def deliver(job: Job, context: Context) -> None:
    """Post an event to the receiver. The queue retries after any response other than 200 to 299."""
    url = setting("WEBHOOK_URL")
    if not url:
        return
    body = json.dumps(job.body["event"]).encode()
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": job.body["id"],  # the same at each attempt, so that a receiver can tell repetitions
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature(job.body['id'], timestamp, body)}",
    }
    try:
        # The URL is a setting of the deployment, so no caller can choose its scheme.
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=TIMEOUT).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        after = error.headers["Retry-After"] or ""
        if after.isdecimal():
            raise Retry(after=min(int(after), 3600)) from None
        raise


def signature(message_id: str, timestamp: str, body: bytes) -> str:
    key = secret("webhook").encode()
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
