"""Run local.py as users do, with all state in a separate folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.local.api import Api
from tools.laptop import emulator
from tools.laptop.system import System
from tools.laptop.systems import Systems

ROOT = Path(__file__).resolve().parents[2]


def copy_files(folder: Path) -> None:
    """Copy the repository's files to a folder, as in a clone, and link our .venv."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        if (source := ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(source.read_bytes())
            (folder / name).chmod(source.stat().st_mode)
    (folder / ".venv").symlink_to(ROOT / ".venv")


@dataclass
class Local:
    """Runs the commands of one system on one port."""

    folder: Path
    port: int = field(default_factory=emulator.free_port)

    def __call__(
        self, *arguments: str | Path, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of local.py and wait for its end."""
        return self._run(ROOT / "local.py", *arguments, stdin=stdin, **environment)

    def operate(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `make` with ENV=local and wait for its end."""
        return self._run("-m", "tools", command, "--env", "local", *arguments)

    def _run(
        self, *arguments: str | Path, stdin: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=ROOT, input=stdin,
            env={**os.environ, "TRESTLE_LOCAL_DIR": str(self.folder), **environment},
        )  # fmt: skip

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        """Start a command that can be interrupted, unlike a shell's background job."""
        return subprocess.Popen(
            [sys.executable, ROOT / "local.py", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, "TRESTLE_LOCAL_DIR": str(self.folder), **environment},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
        )  # fmt: skip

    def up(self, *var_files: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Start the system, detached, on its port."""
        named = [argument for var_file in var_files for argument in ("--var-file", var_file)]
        return self("up", "--detach", "--port", str(self.port), *named, **environment)

    @property
    def system(self) -> System:
        """The running system, or the one that ran last."""
        return Systems(self.folder).current()

    def running(self) -> emulator.Running:
        """Return the system's running emulator."""
        return self.system.running()

    def client(self, service: str) -> Any:
        """Return a client of an AWS service in the system, with all permissions."""
        return emulator.client(service, self.running())

    def outputs(self) -> dict[str, Any]:
        """Return the outputs."""
        done = self("outputs")
        assert done.returncode == 0, done.stderr
        outputs: dict[str, Any] = json.loads(done.stdout)
        return outputs

    def api(self, path: str = "items") -> Api:
        """Return a client of one collection, with a key."""
        outputs = self.outputs()
        return Api(f"{outputs['api_url']}/{path}", next(iter(outputs["api_keys"].values()), None))

    def kill(self) -> None:
        """Kill the emulator before it can save anything."""
        os.kill(self.running().pid, signal.SIGKILL)


def small_system(*operations: str, entity: str = "items") -> str:
    """Return the variables of a minimal system: one entity with a function per operation."""
    return f"""
        name               = "small"
        environment        = "local"
        entities           = {{ {entity} = {{ operations = {json.dumps(operations)} }} }}
        encryption         = {{ customer_key = false }}
        log_retention_days = 1
        network            = null
    """


def error_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line on stderr of a failed command, after checking that there is no traceback."""
    assert done.returncode not in (0, 3), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.strip().splitlines()[-1]


def is_listening(port: int) -> bool:
    """Return whether a server listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def read_exports(text: str) -> dict[str, str]:
    """Return the variables that a shell exports after reading these lines."""
    return dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines())
