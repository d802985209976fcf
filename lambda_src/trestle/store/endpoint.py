"""Where DynamoDB answers: the endpoint of a region in any AWS partition, or the one the environment names."""

from __future__ import annotations

import os

# Region prefix -> the partition's DNS suffix; the commercial and GovCloud partitions share the default.
# Source: botocore's partitions.json, against which the tests hold every region.
SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}


class Endpoint:
    """The parts of a base URL: TLS verifies `host`, `authority` is the Host header, `path` is never empty."""

    __slots__ = ("authority", "host", "path", "port", "tls")

    def __init__(self, url: str) -> None:
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in ("http", "https"):
            raise ValueError(f"The endpoint {url!r} is no http:// or https:// URL.")
        self.tls = scheme == "https"
        authority, _, path = rest.partition("/")
        if authority.startswith("["):
            self.host, _, after = authority[1:].partition("]")
            port = after.removeprefix(":")
        else:
            self.host, _, port = authority.partition(":")
        if not self.host or not self.host.isascii() or "@" in authority or not (port or "0").isdigit():
            raise ValueError(f"The endpoint {url!r} has no plain host and port.")
        default = 443 if self.tls else 80
        self.port = int(port or default)
        self.authority = authority if self.port != default else authority.removesuffix(f":{port}")
        self.path = f"/{path}"


def region() -> str:
    """Return the region to sign for; Lambda always sets AWS_REGION."""
    name = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not name:
        raise ValueError("Set AWS_REGION: there is no region to sign requests for.")
    return name


def url(name: str) -> str:
    """Return DynamoDB's base URL in region `name`, or the one in AWS_ENDPOINT_URL(_DYNAMODB)."""
    environment = os.environ
    named = environment.get("AWS_ENDPOINT_URL_DYNAMODB") or environment.get("AWS_ENDPOINT_URL")
    if named and environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        return named
    suffix = next((suffix for prefix, suffix in SUFFIXES.items() if name.startswith(prefix)), "amazonaws.com")
    fips = environment.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true"
    return f"https://{'dynamodb-fips' if fips else 'dynamodb'}.{name}.{suffix}"
