"""Cold starts and warm requests of each function against a tutorial handler; prints and writes RESULTS.md.

Both answer the same request, in fresh processes taken in turn, on the Python that Lambda runs where there is
one. CPU time is counted, not the clock's, so a busy machine and the fake DynamoDB do not show.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import botocore
import certifi

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "lambda_src")]

import build  # noqa: E402 - sys.path comes first
from benchmarks.fake_dynamodb import ID, FakeDynamoDB  # noqa: E402
from trestle.store.roots import AMAZON_ROOTS  # noqa: E402

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
COLD_TARGET, WARM_TARGET = 0.15, 0.25
BODY = {"title": "Write the quarterly report", "done": False, "priority": 3, "tags": ["work", "writing"]}
# operation: method, has an id, body, status
REQUESTS: dict[str, tuple[str, bool, Any, int]] = {
    "create": ("POST", False, BODY, 201),
    "get": ("GET", True, None, 200),
    "list": ("GET", False, None, 200),
    "replace": ("PUT", True, BODY, 200),
    "merge": ("PATCH", True, {"done": True, "priority": 1}, 200),
    "delete": ("DELETE", True, None, 204),
}


class Sample(NamedTuple):
    """CPU seconds of one process."""

    interpreter: float
    imported: float
    first: float
    warm: float

    @property
    def cold(self) -> float:
        """Import and first request."""
        return self.imported + self.first


def event(method: str, has_id: bool, body: Any) -> dict[str, Any]:
    """API Gateway's REST proxy event, as API Gateway writes it."""
    path = f"/items/{ID}" if has_id else "/items"
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
        "resource": "/items/{id}" if has_id else "/items",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"id": ID} if has_id else None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.7", "userAgent": "curl/8.5.0", "apiKeyId": "benchmark"},
            "path": f"/dev{path}",
            "protocol": "HTTP/1.1",
            "requestId": "8f5f8a8e-0000-4000-8000-000000000001",
            "resourcePath": "/items/{id}" if has_id else "/items",
            "stage": "dev",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


class Bench:
    """The processes to be measured, their folders and their environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dynamodb = FakeDynamoDB(folder)
        self.python, self.version = find_lambda_python()
        shutil.copytree(HERE / "tutorial", folder / "tutorial")
        for function in REQUESTS:
            with zipfile.ZipFile(ROOT / "dist" / f"{function}.zip") as archive:
                archive.extractall(folder / function)
        if not self.version.startswith(f"{build.RUNTIME}."):
            options = ["-q", "--invalidation-mode", "unchecked-hash", str(folder)]
            subprocess.run([*self.python, "-m", "compileall", *options], check=True)
        root = self.dynamodb.ca.read_text(encoding="utf-8")
        # What each would load in Lambda, and the test's root: boto3 its whole bundle, ours Amazon's.
        self.bundles = {"tutorial": folder / "all.pem", "ours": folder / "amazon.pem"}
        self.bundles["tutorial"].write_text(Path(certifi.where()).read_text(encoding="utf-8") + root)
        self.bundles["ours"].write_text(AMAZON_ROOTS + root)

    def start(self, operation: str, *, tutorial: bool, warm: int = 0, handler: str = "", options: str = "{}") -> Sample:
        """Measure one fresh process; handler: Trestle's folder, by default the operation's; options: ENTITY_OPTIONS."""
        method, has_id, body, status = REQUESTS[operation]
        request_file = self.folder / "request"
        request_file.write_text(repr((event(method, has_id, body), status, warm)), encoding="utf-8")
        environment = {
            "AWS_REGION": "us-west-2",
            "AWS_DEFAULT_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": "benchmark",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_SESSION_TOKEN": "benchmark" * 80,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_ENDPOINT_URL": self.dynamodb.url,
            "AWS_CA_BUNDLE": str(self.bundles["tutorial" if tutorial else "ours"]),
            "TABLE_NAME": "items",
            "ENTITY": "items",
            "ENTITY_OPTIONS": options,
            "ENVIRONMENT": "dev",
            "METRICS_NAMESPACE": "items-dev",
        }
        if tutorial:
            # boto3 comes compiled with Lambda; here its byte code lies in a folder that a first start filled.
            environment["PYTHONPATH"] = str(Path(boto3.__file__).parent.parent)
            environment["PYTHONPYCACHEPREFIX"] = str(self.folder / "pycache")
        else:
            environment["PYTHONDONTWRITEBYTECODE"] = "1"
        folder = self.folder / ("tutorial" if tutorial else handler or operation)
        command = [*self.python, "-S", str(HERE / "one_start.py"), str(folder), str(request_file)]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise SystemExit(answer.stderr[-2000:])
        return Sample(*json.loads(answer.stdout))

    def count_requests(self, operation: str) -> str:
        """The DynamoDB requests of one call, counted where they arrive."""
        self.dynamodb.requests.clear()
        self.start(operation, tutorial=False)
        return ", ".join(f"{count} {action}" for action, count in self.dynamodb.requests.items())


def find_lambda_python() -> tuple[list[str], str]:
    """A command that starts Lambda's Python, or this one where there is none; and its version."""
    for command in [*build.python_commands(), [sys.executable]]:
        version_command = [*command, "-c", "import platform; print(platform.python_version())"]
        answer = subprocess.run(version_command, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return command, answer.stdout.strip()
    raise AssertionError("this Python does not start")


def measure(bench: Bench, rounds: int, warm: int) -> dict[str, list[tuple[Sample, Sample]]]:
    """(tutorial, ours) by operation and round; in turn, so that a slow spell of the machine hits both."""
    bench.start("get", tutorial=True)
    samples: dict[str, list[tuple[Sample, Sample]]] = {operation: [] for operation in REQUESTS}
    for number in range(rounds):
        for operation, pairs in samples.items():
            print(f"round {number + 1} of {rounds}: {operation:<8}", end="\r", file=sys.stderr, flush=True)
            tutorial = bench.start(operation, tutorial=True, warm=warm)
            pairs.append((tutorial, bench.start(operation, tutorial=False, warm=warm)))
    print(file=sys.stderr)
    return samples


def median(values: list[float]) -> float:
    return statistics.median(values)


def table_row(operation: str, pairs: list[tuple[Sample, Sample]], requests: str) -> str:
    """A line of the table."""
    cold = median([ours.cold / tutorial.cold for tutorial, ours in pairs])
    with_interpreter = median(
        [(ours.interpreter + ours.cold) / (tutorial.interpreter + tutorial.cold) for tutorial, ours in pairs]
    )
    warm = median([ours.warm / tutorial.warm for tutorial, ours in pairs])

    def milliseconds(name: str, index: int) -> float:
        return median([getattr(pair[index], name) for pair in pairs]) * 1000

    return (
        f"| {operation} | {milliseconds('cold', 0):.0f} | {milliseconds('cold', 1):.1f} | **{cold:.3f}** "
        f"| {with_interpreter:.3f} | {milliseconds('warm', 0):.2f} | {milliseconds('warm', 1):.3f} | **{warm:.3f}** "
        f"| {requests} |"
    )


def report(bench: Bench, samples: dict[str, list[tuple[Sample, Sample]]]) -> str:
    """The table, and how it was measured."""
    rounds = len(samples["get"])
    rows = [table_row(operation, pairs, bench.count_requests(operation)) for operation, pairs in samples.items()]
    runtime_note = "Lambda's" if bench.version.startswith(f"{build.RUNTIME}.") else f"not Lambda's {build.RUNTIME}"
    return "\n".join(
        [
            "| operation | cold: tutorial, ms | ours, ms | ratio | with the interpreter | warm: tutorial, ms "
            "| ours, ms | ratio | DynamoDB requests |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Aims: {COLD_TARGET} of the tutorial's cold start, {WARM_TARGET} of its warm request.",
            "",
            f"CPU time, Python {bench.version} ({runtime_note}), {platform.system()} {platform.machine()}, "
            f"{os.cpu_count()} processors, boto3 {boto3.__version__}, botocore {botocore.__version__}; "
            f"medians of {rounds} rounds, ratios being medians of each round's ratio.",
        ]
    )


METHOD = """# Benchmark

{table}

## How it is measured

`make bench` runs each handler in fresh processes, the tutorial's and ours in turn, and counts their CPU time.
The tutorial handler (`tutorial/index.py`) is one function for all routes on `boto3.resource`, with boto3
compiled beforehand as it is in Lambda; ours is the unpacked zip of the operation. `python -S` keeps the
machine's own site-packages out of both.

- Cold: the import of the handler and its first request, with connection, TLS handshake and signature.
- With the interpreter: the same and Python's own start, which both pay alike.
- Warm: the mean of {warm} more requests on the kept connection.
- DynamoDB requests: counted where they arrive, during one cold request of ours.

DynamoDB is a fake in another process that sends canned responses over TLS, with an RSA chain of three
certificates as DynamoDB's is; its time is not counted. Each side loads the roots it would load in Lambda,
boto3 a whole bundle and ours Amazon's, and the fake's.
"""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="pairs of processes per operation")
    parser.add_argument("--warm", type=int, default=200, help="warm requests per process")
    options = parser.parse_args()
    if build.main([]):
        return 1
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        table = report(bench, measure(bench, options.rounds, options.warm))
    print(table)
    RESULTS.write_text(METHOD.format(table=table, warm=options.warm), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
