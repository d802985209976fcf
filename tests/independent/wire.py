"""A proxy before an emulated AWS that checks each request against AWS's own service models.

`python -m tests.independent.wire PORT UPSTREAM REPORT` forwards to http://127.0.0.1:UPSTREAM and appends one
JSON line for each request to the file REPORT:

    {"operation": "dynamodb:CreateTable", "faults": ["TableName: ..."], "policies": [documents]}

botocore's models contain AWS's documented rules for each parameter: pattern, length, range, enumeration, required
members. moto routes and decodes the requests.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound
from werkzeug.serving import run_simple

# SigV4's name of a service, if botocore uses another one.
SERVICES = {"monitoring": "cloudwatch", "email": "ses"}

# POSIX classes in the models' patterns, which Java supports and Python does not.
CLASSES = {
    r"\p{Alpha}": "a-zA-Z", r"\p{Digit}": "0-9", r"\p{Alnum}": "a-zA-Z0-9", r"\p{Punct}": r"!-/:-@\[-`{-~",
    r"\p{Graph}": "!-~", r"\p{Print}": " -~", r"\p{ASCII}": r"\x00-\x7f", r"\p{N}": r"\d",
    r"\p{Space}": r"\s",
    r"\p{Blank}": " \t", r"\p{Upper}": "A-Z", r"\p{Lower}": "a-z",
}  # fmt: skip


def python_pattern(text: str) -> re.Pattern[str] | None:
    """Return a model's pattern for Python, or None if it needs classes that Python lacks."""
    for name, members in CLASSES.items():
        # Inside a class only the members, outside it a class of them.
        text = re.sub(rf"(\[[^\]]*){re.escape(name)}", r"\g<1>" + members.replace("\\", r"\\"), text)
        text = text.replace(name, f"[{members}]")
    if r"\p{" in text or r"\P{" in text:
        return None
    try:
        return re.compile(text)
    except re.error:
        return None


def model_faults(shape: Any, value: Any, where: str = "") -> Iterator[str]:
    """Yield a sentence for each part of a request that AWS's model does not allow."""
    known = shape.metadata
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"{where}.{name}: missing".lstrip(".")
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from model_faults(member, value[name], f"{where}.{name}".lstrip("."))
        return
    size = None
    if shape.type_name == "list":
        size = len(value)
        for index, member in enumerate(value):
            yield from model_faults(shape.member, member, f"{where}[{index}]")
    elif shape.type_name == "map":
        size = len(value)
        for key, member in value.items():
            yield from model_faults(shape.key, key, f"{where} key {key!r}")
            yield from model_faults(shape.value, member, f"{where}[{key!r}]")
    elif shape.type_name in ("string", "blob"):
        size = len(value)
    elif shape.type_name in ("integer", "long", "float", "double"):
        size = value
    if size is not None and "min" in known and size < known["min"]:
        yield f"{where}: {size} is less than {known['min']}"
    if size is not None and "max" in known and size > known["max"]:
        yield f"{where}: {size} is more than {known['max']}"
    if shape.type_name == "string":
        if shape.enum and value not in shape.enum:
            yield f"{where}: {value!r} is none of {', '.join(shape.enum)}"
        if "pattern" in known and (allowed := python_pattern(known["pattern"])) and not allowed.fullmatch(value):
            yield f"{where}: {value!r} does not match {known['pattern']}"


def policies(value: Any) -> Iterator[str]:
    """Yield each policy document among a request's parameters."""
    if isinstance(value, str) and value.lstrip().startswith("{") and '"Statement"' in value:
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from policies(part)


def describe_request(environ: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """Return a request's operation, its faults, and the policy documents in it."""
    environ = {**environ, "wsgi.input": io.BytesIO(body)}
    signed = re.search(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if not signed:
        return {"operation": "unsigned", "faults": [], "policies": []}
    service = SERVICES.get(signed[1], signed[1])
    model = get_service_model(service)
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        # AWS accepts targets with and without the package that prefixes them in CloudTrail's model.
        environ["HTTP_X_AMZ_TARGET"] = f"{model.metadata.get('targetPrefix')}.{target.rpartition('.')[2]}"
    request = Request(environ)
    try:
        found, labels = get_service_router(service).match(request)
    except NotFound:
        unknown = f"{request.method} {request.path} {target or ''} is not an operation of {service}"
        return {"operation": f"{service}:unknown", "faults": [unknown], "policies": []}
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](found)
    values = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": body,
            "url_path": request.path,
            "url_params": labels,
        }
    )
    wrong = [] if found.input_shape is None else list(model_faults(found.input_shape, values))
    return {"operation": f"{service}:{found.name}", "faults": wrong, "policies": list(policies(values))}


class Proxy:
    """The WSGI application: it writes one line to the report for each request, and returns the upstream's response."""

    def __init__(self, upstream: int, report: Path) -> None:
        self.upstream = upstream
        self.report = report
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Check one request and forward it unchanged."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            line = describe_request(environ, body)
        except Exception as error:
            wrong = f"{environ['PATH_INFO']}: {error!r}"
            line = {"operation": "undecoded", "faults": [wrong], "policies": []}
        with self.lock, self.report.open("a") as report:
            report.write(json.dumps(line) + "\n")

        headers = {key: value for key, value in Request(environ).headers.items() if key.lower() != "connection"}
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=120)
        connection.request(environ["REQUEST_METHOD"], environ["RAW_URI"], body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        # moto's 500 means "not implemented", but the provider would retry it for ten minutes.
        status = "400 Not Implemented" if answer.status == 500 else f"{answer.status} {answer.reason}"
        unsuitable = ("connection", "transfer-encoding", "content-length")
        kept = [(key, value) for key, value in answer.getheaders() if key.lower() not in unsuitable]
        length = answer.getheader("content-length") if environ["REQUEST_METHOD"] == "HEAD" else None
        start_response(status, [*kept, ("Content-Length", length or str(len(content)))])
        return [content]


def main(port: int, upstream: int, report: Path) -> None:
    """Serve until the process is stopped."""
    run_simple("127.0.0.1", port, Proxy(upstream, report), threaded=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
