"""Endpoints of AWS services: the one that the environment names, or the region's in any partition."""

from __future__ import annotations

import os

# Region prefix -> the partition's DNS suffix; the commercial and GovCloud partitions have the default.
# Source: botocore's partitions.json, with which the tests compare every region.
SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}


class Service:
    """An AWS service with a JSON protocol.

    name: the name in hosts and signatures. title: the name in messages. target: the prefix of X-Amz-Target. version:
    the protocol's version. variable: the suffix of its AWS_ENDPOINT_URL_... variable. always_fips: the prefixes of
    regions whose only endpoint meets FIPS 140.
    """

    __slots__ = ("always_fips", "name", "target", "title", "variable", "version")

    def __init__(
        self, name: str, target: str, *, title: str, version: str, variable: str, always_fips: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.title = title
        self.target = target
        self.version = version
        self.variable = variable
        self.always_fips = always_fips


DYNAMODB = Service("dynamodb", "DynamoDB_20120810", title="DynamoDB", version="1.0", variable="DYNAMODB")


class Endpoint:
    """The parts of a base URL. host: the name that TLS verifies. authority: the Host header. path: never empty."""

    __slots__ = ("authority", "host", "path", "port", "tls")

    def __init__(self, url: str) -> None:
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in ("http", "https"):
            raise ValueError(f"The endpoint {url!r} is not an http:// or https:// URL.")
        self.tls = scheme == "https"
        authority, _, path = rest.partition("/")
        if authority.startswith("["):
            self.host, _, after = authority[1:].partition("]")
            port = after.removeprefix(":")
        else:
            self.host, _, port = authority.partition(":")
        if not self.host or not self.host.isascii() or "@" in authority or not (port or "0").isdigit():
            raise ValueError(f"The endpoint {url!r} must consist of a host, an optional port and a path.")
        default = 443 if self.tls else 80
        self.port = int(port or default)
        self.authority = authority if self.port != default else authority.removesuffix(f":{port}")
        self.path = f"/{path}"


def region() -> str:
    """Return the region to sign for; Lambda always sets AWS_REGION."""
    name = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not name:
        raise ValueError("No region to sign requests for. Set AWS_REGION.")
    return name


def named(service: Service = DYNAMODB) -> str:
    """Return the service's endpoint from AWS_ENDPOINT_URL_<SERVICE> or AWS_ENDPOINT_URL, "" without one."""
    environment = os.environ
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return ""
    return environment.get(f"AWS_ENDPOINT_URL_{service.variable}") or environment.get("AWS_ENDPOINT_URL") or ""


def url(name: str, service: Service = DYNAMODB) -> str:
    """Return a service's base URL in region `name`: the one from the environment, or the region's own."""
    if found := named(service):
        return found
    suffix = next((suffix for prefix, suffix in SUFFIXES.items() if name.startswith(prefix)), "amazonaws.com")
    fips = os.environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true" and not name.startswith(service.always_fips)
    return f"https://{service.name}{'-fips' if fips else ''}.{name}.{suffix}"
