"""Emulated AWS behind a proxy that checks each request against AWS's service models."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3

from tests.independent import wire
from tests.plan.planner import REGION, ROOT
from tools import terraform
from tools.laptop.emulator import Emulator, free_port

# Resources that moto 5.2.5 does not implement. The other emulator implements them all.
NOT_IN_MOTO: dict[str, Any] = {
    "modules/monitoring": {
        "resource": {
            "aws_cloudwatch_composite_alarm": {"api": {"count": 0}, "entity": {"for_each": {}}},
            "aws_cloudwatch_query_definition": {"this": {"for_each": {}}},
        }
    }
}


class ProxiedAws:
    """A proxy before an emulated AWS, and the requests that it has seen."""

    def __init__(self, endpoint: str, report: Path) -> None:
        self.endpoint = endpoint
        self.report = report

    def requests(self) -> list[dict[str, Any]]:
        """Return the operation and the faults of each request so far."""
        return [json.loads(line) for line in self.report.read_text().splitlines()]

    def faults(self) -> list[str]:
        """Return the faults of the requests so far."""
        return sorted({f"{r['operation']}: {fault}" for r in self.requests() for fault in r["faults"]})

    def client(self, service: str, **options: Any) -> Any:
        """Return a client of an AWS service."""
        make: Any = boto3.client
        return make(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test",
            aws_secret_access_key="test", **options,
        )  # fmt: skip

    def apply(self, root: Path, var_files: Sequence[Path], log: Path, region: str = REGION) -> str:
        """Apply a staged configuration through the proxy; return Terraform's summary."""
        runner = terraform.Terraform(root, terraform.environment(self.endpoint, region), log, lambda _: None)
        runner.init()
        return runner.apply(var_files)


@contextmanager
def run_server(*command: str | Path, port: int, log: Path) -> Iterator[None]:
    """Run a server of this Python until the block ends; start the block once it accepts connections."""
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 60
            while not is_listening(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(30)


def is_listening(port: int) -> bool:
    """Return whether a server accepts connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def start_proxy(upstream: int, folder: Path) -> Iterator[ProxiedAws]:
    """Put the proxy before the emulator at a port."""
    report, port = folder / "requests.jsonl", free_port()
    report.touch()
    command = ("-m", wire.__name__, str(port), str(upstream), report)
    with run_server(*command, port=port, log=folder / "proxy.log"):
        yield ProxiedAws(f"http://127.0.0.1:{port}", report)


@contextmanager
def proxied_moto(folder: Path) -> Iterator[ProxiedAws]:
    """Run moto's server behind the proxy."""
    port = free_port()
    command = ("-m", "tests.independent.moto_server", "-p", str(port))
    with ExitStack() as stack:
        stack.enter_context(run_server(*command, port=port, log=folder / "moto.log"))
        yield stack.enter_context(start_proxy(port, folder))


@contextmanager
def proxied_ministack(folder: Path) -> Iterator[ProxiedAws]:
    """Run the laptop's emulator behind the proxy."""
    emulator = Emulator(folder / "emulator")
    try:
        running = emulator.start(free_port(), REGION)
        with start_proxy(running.port, folder) as proxy:
            yield proxy
    finally:
        emulator.stop()
