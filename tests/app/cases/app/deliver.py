"""Send webhooks; each is retried with growing pauses until its receiver accepts it."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request

from trestle.app import Context, Job, Retry, secret


def handle(job: Job, context: Context) -> None:
    body = json.dumps(job.body["event"]).encode()
    signed = hmac.new(secret("outgoing").encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Delivery": job.id, "X-Signature": signed}
    try:
        urllib.request.urlopen(urllib.request.Request(job.body["url"], body, headers), timeout=10).close()
    except urllib.error.HTTPError as error:
        if error.code == 410:
            return  # The receiver has unsubscribed.
        if error.code == 429:
            raise Retry(after=int(error.headers.get("Retry-After", 60))) from None
        raise
