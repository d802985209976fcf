"""Measure the CPU time of handlers in fresh processes, for all benchmarks.

The handlers respond to the same request, on Lambda's Python if the machine has it. CPU time does not depend on
the load of the machine or on the fake DynamoDB.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import certifi

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "lambda_src")]

import build  # noqa: E402 - sys.path comes first
from benchmarks.fake_dynamodb import ID, FakeDynamoDB  # noqa: E402 - as above
from trestle.store.roots import AMAZON_ROOTS  # noqa: E402 - as above

HERE = Path(__file__).resolve().parent
BODY = {"title": "Write the quarterly report", "done": False, "priority": 3, "tags": ["work", "writing"]}


class Request(NamedTuple):
    """A request, and the expected status."""

    method: str
    resource: str
    body: Any
    status: int


REQUESTS = {
    "create": Request("POST", "/items", BODY, 201),
    "get": Request("GET", "/items/{id}", None, 200),
    "list": Request("GET", "/items", None, 200),
    "replace": Request("PUT", "/items/{id}", BODY, 200),
    "merge": Request("PATCH", "/items/{id}", {"done": True, "priority": 1}, 200),
    "delete": Request("DELETE", "/items/{id}", None, 204),
}


class Sample(NamedTuple):
    """The CPU seconds of one process."""

    interpreter: float
    imported: float
    first: float
    warm: float

    @property
    def cold(self) -> float:
        """The CPU seconds of the import and the first request."""
        return self.imported + self.first


@dataclass(frozen=True)
class Handler:
    """A handler to measure: index.py in a folder.

    uses_packages: whether it needs the packages of requirements/benchmarks.txt, as all handlers with boto3 do.
    environment: its additional environment variables.
    """

    name: str
    folder: Path
    uses_packages: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


Samples = dict[tuple[str, str], list[Sample]]


def event(request: Request) -> dict[str, Any]:
    """Return an event of API Gateway's REST proxy integration."""
    method, resource, body, _ = request
    path = resource.replace("{id}", ID)
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Host": "abcdefghij.execute-api.us-west-2.amazonaws.com",
        "User-Agent": "curl/8.5.0",
        "X-Amzn-Trace-Id": "Root=1-67000000-000000000000000000000000",
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        "x-api-key": "benchmark",
    }
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"id": ID} if "{id}" in resource else None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.7", "userAgent": "curl/8.5.0", "apiKeyId": "benchmark"},
            "path": f"/dev{path}",
            "protocol": "HTTP/1.1",
            "requestId": "8f5f8a8e-0000-4000-8000-000000000001",
            "resourcePath": resource,
            "stage": "dev",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


class Bench:
    """The handlers' folder, the Python that runs them, their packages and their DynamoDB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dynamodb = FakeDynamoDB(folder)
        self.python, self.version = find_lambda_python()
        self.packages = install_packages(self.python)
        root = self.dynamodb.ca.read_text(encoding="utf-8")
        # The roots that each would load in Lambda (boto3 its whole bundle, ours only Amazon's), and the test's root.
        self.bundles = {True: folder / "all.pem", False: folder / "amazon.pem"}
        self.bundles[True].write_text(Path(certifi.where()).read_text(encoding="utf-8") + root)
        self.bundles[False].write_text(AMAZON_ROOTS + root)

    def handler(self, name: str, folder: str, *, uses_packages: bool = True) -> Handler:
        """Return one of the handlers in benchmarks/handlers. Its first start compiles it."""
        shutil.copytree(HERE / "handlers" / folder, self.folder / folder)
        return Handler(name, self.folder / folder, uses_packages)

    def function(self, name: str, archive: Path, *, entry: str = "index", **environment: str) -> Handler:
        """Return a function of Trestle, from its zip. entry: the module of Lambda's handler."""
        folder = self.folder / f"{archive.stem}.{len([*self.folder.iterdir()])}"
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        if entry != "index":
            for path in (*folder.glob(f"{entry}.py"), *folder.glob(f"__pycache__/{entry}.*")):
                path.rename(path.with_name(path.name.replace(entry, "index")))
        if not self.version.startswith(f"{build.RUNTIME}."):
            options = ["-q", "--invalidation-mode", "unchecked-hash", str(folder)]
            subprocess.run([*self.python, "-m", "compileall", *options], check=True)
        return Handler(name, folder, environment=environment)

    def start(self, handler: Handler, request: Request, warm: int = 0) -> Sample:
        """Measure one fresh process that handles a request, and then warm ones."""
        request_file = self.folder / "request"
        request_file.write_text(repr((event(request), request.status, warm)), encoding="utf-8")
        environment = {
            "AWS_REGION": "us-west-2",
            "AWS_DEFAULT_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_SESSION_TOKEN": "benchmark" * 80,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_ENDPOINT_URL": self.dynamodb.url,
            "AWS_CA_BUNDLE": str(self.bundles[handler.uses_packages]),
            "TABLE_NAME": "items",
            "ENTITY": "items",
            "ENTITY_OPTIONS": "{}",
            "ENVIRONMENT": "dev",
            "METRICS_NAMESPACE": "items-dev",
            "POWERTOOLS_SERVICE_NAME": "items",
            **handler.environment,
        }
        if handler.folder.parent == self.folder and (HERE / "handlers" / handler.folder.name).is_dir():
            # Bytecode is cached, as that of boto3 is in Lambda. A first start has filled the folder.
            environment["PYTHONPYCACHEPREFIX"] = str(self.folder / "pycache")
        else:
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        if handler.uses_packages:
            environment["PYTHONPATH"] = str(self.packages)
        command = [*self.python, "-S", str(HERE / "one_start.py"), str(handler.folder), str(request_file)]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise SystemExit(answer.stderr[-2000:])
        return Sample(*json.loads(answer.stdout.splitlines()[-1]))

    def measure(
        self, handlers: Mapping[str, Sequence[Handler]], rounds: int, warm: int, requests: Mapping[str, Request]
    ) -> Samples:
        """Return the samples of each round by (handler's name, request's name).

        handlers: the handlers of each request, by its name. They take turns, so that a slow phase of the machine
        affects all of them.
        """
        for name, each in handlers.items():
            for handler in each:
                self.start(handler, requests[name])
        samples: Samples = {(handler.name, name): [] for name, each in handlers.items() for handler in each}
        for number in range(rounds):
            for name, each in handlers.items():
                for handler in each:
                    if sys.stderr.isatty():
                        shown = f"round {number + 1} of {rounds}: {name}, {handler.name}"
                        print(f"{shown:<70}", end="\r", file=sys.stderr, flush=True)
                    samples[handler.name, name].append(self.start(handler, requests[name], warm))
        if sys.stderr.isatty():
            print(file=sys.stderr)
        return samples

    def count_requests(self, handler: Handler, request: Request) -> str:
        """Return the number of DynamoDB requests of one call, as the fake DynamoDB counts them."""
        self.dynamodb.requests.clear()
        self.start(handler, request)
        return ", ".join(f"{count} {action}" for action, count in self.dynamodb.requests.items())

    def build(self, files: Mapping[str, str]) -> Path:
        """Build a project with these files (path -> content). Return its dist/."""
        project = self.folder / f"project.{len([*self.folder.iterdir()])}"
        for path, content in files.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(content, encoding="utf-8")
        if build.main(["--project", str(project)]):
            raise SystemExit("The build failed.")
        return project / "dist"


def find_lambda_python() -> tuple[list[str], str]:
    """Return a command that starts Lambda's Python, or this Python if there is none, and its version."""
    for command in [*build.python_commands(), [sys.executable]]:
        version_command = [*command, "-c", "import platform; print(platform.python_version())"]
        answer = subprocess.run(version_command, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return command, answer.stdout.strip()
    raise AssertionError("this Python does not start")


def install_packages(python: list[str]) -> Path:
    """Return the folder of the packages that other frameworks' handlers need, installed for a Python."""
    # The environment is created with that Python, so that compiled packages fit it.
    if subprocess.run([*python, "-m", "tools", "setup", "benchmarks"], cwd=ROOT, check=False).returncode:
        raise SystemExit(1)
    command = [*python, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    folder = ROOT / ".venv-benchmarks"
    packages = folder / "lib" / name / "site-packages"
    if not packages.is_dir():
        raise SystemExit(
            f"{folder.name} was created by another Python than {' '.join(python)}. Delete it, then try again."
        )
    return packages


def ratio(ours: Sequence[Sample], others: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    """Return the median of each round's ratio."""
    return statistics.median(value(one) / value(other) for one, other in zip(ours, others, strict=True))


def excess(ours: Sequence[Sample], others: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    """Return the median of each round's difference, in milliseconds."""
    return statistics.median(value(one) - value(other) for one, other in zip(ours, others, strict=True)) * 1000


def milliseconds(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    """Return the median of a value."""
    return statistics.median(map(value, samples)) * 1000


def cold(sample: Sample) -> float:
    return sample.cold


def warm(sample: Sample) -> float:
    return sample.warm
