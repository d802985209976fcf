"""URLs as they answer where an emulator is AWS."""

from __future__ import annotations

import os
import re
from typing import Any


def local_urls(value: Any, endpoint: str) -> Any:
    """Return the value with the URLs of APIs' stages and of sign-in as they answer on this machine."""
    if isinstance(value, dict):
        return {k: local_urls(v, endpoint) for k, v in value.items()}
    if isinstance(value, list):
        return [local_urls(v, endpoint) for v in value]
    if isinstance(value, str):
        value = re.sub(r"https://[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com", endpoint, value)
        pattern = r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"
        return re.sub(pattern, rf"{endpoint}/_aws/execute-api/\1", value)
    return value


def reachable_urls(value: Any) -> Any:
    """Return the value with the URLs of APIs and sign-in as they answer: in AWS, or at AWS_ENDPOINT_URL."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    return local_urls(value, endpoint) if endpoint else value
