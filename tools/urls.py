"""Rewrite URLs so that they reach an emulator."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


def domain_of(outputs: Mapping[str, Any]) -> str | None:
    """Return the API's own domain from Terraform's outputs, or None."""
    return urlsplit(outputs["api_url"]).hostname if outputs.get("domain_target") else None


def local_urls(value: Any, endpoint: str, domain: str | None = None) -> Any:
    """Return the value with the URLs of stages, of the domain and of sign-in replaced by URLs of this machine."""
    if isinstance(value, dict):
        return {k: local_urls(v, endpoint, domain) for k, v in value.items()}
    if isinstance(value, list):
        return [local_urls(v, endpoint, domain) for v in value]
    if isinstance(value, str):
        if domain:
            value = re.sub(rf"https://{re.escape(domain)}(?![\w.-])", f"{endpoint}/_aws/domains/{domain}", value)
        value = re.sub(r"https://[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com", endpoint, value)
        pattern = r"https://([a-z0-9]+(?:-vpce-[0-9a-f]+)?)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"
        return re.sub(pattern, rf"{endpoint}/_aws/execute-api/\1", value)
    return value


def reachable_urls(value: Any, outputs: Mapping[str, Any]) -> Any:
    """Return the value with the URLs of APIs and sign-in that work: those of AWS, or those at AWS_ENDPOINT_URL.

    outputs: Terraform's outputs, with the API's domain.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    return local_urls(value, endpoint, domain_of(outputs)) if endpoint else value
