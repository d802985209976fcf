"""Start the emulator's process with a clean environment, find it, and stop it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.errors import UserError
from tools.files import write
from tools.laptop.corrections import TERRAFORM_PASSWORD, TERRAFORM_PATH, TERRAFORM_USER, basic_authorization
from tools.sources import sources

CORRECTIONS = Path(__file__).parent / "corrections"
# The program of the emulator's process.
LAUNCHED = (CORRECTIONS, CORRECTIONS.with_name("issuer"))

HOST = "127.0.0.1"
ACCOUNT = "000000000000"
# Below the ports of outgoing connections: one of those could be taken before the emulator listens on it.
FREE_PORTS = range(20_000, 32_768)

STARTED_WITHIN = 60.0  # seconds; it loads its state first
STOPPED_WITHIN = 30.0  # seconds; it saves its state first
SAVED_WITHIN = 180.0  # seconds


@dataclass(frozen=True)
class Running:
    """A running emulator."""

    pid: int
    port: int
    region: str
    version: str = ""  # the digest of the corrections that it was started with

    @property
    def endpoint(self) -> str:
        """The URL that serves every AWS API."""
        return f"http://{HOST}:{self.port}"

    @property
    def console(self) -> str:
        """The URL of the web console. It has the same port, but another host, so that browsers see another origin."""
        return f"http://localhost:{self.port}"


@dataclass(frozen=True)
class Emulator:
    """The emulator whose state lives in one folder.

    The process locks the file `running` as long as it runs. So neither a stale file nor another process with a reused
    id is mistaken for it.
    """

    folder: Path

    @property
    def log(self) -> Path:
        """The file with the emulator's output."""
        return self.folder / "emulator.log"

    @property
    def saved_file(self) -> Path:
        """The file with all its state, which tools/laptop/corrections/persistence.py saves."""
        return self.folder / "state" / "saved"

    @property
    def has_died(self) -> bool:
        """Whether it ended without being stopped, so that its latest changes may not be saved."""
        return self._record.exists() and self.running() is None

    @property
    def _record(self) -> Path:
        return self.folder / "running"

    def running(self) -> Running | None:
        """Return the running emulator, or None."""
        try:
            with self._record.open() as record:
                try:
                    fcntl.flock(record, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return Running(**json.load(record))
        except (FileNotFoundError, ValueError):
            pass
        return None

    def start(self, port: int, region: str) -> Running:
        """Start it and wait until it responds."""
        for name in ("state", "s3", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        launcher = CORRECTIONS / "__main__.py"
        with self._record.open("w") as record, self.log.open("w") as log:
            fcntl.flock(record, fcntl.LOCK_EX)
            # -I keeps PYTHON* variables and the launcher's folder out of its import path. In its own session it does
            # not receive Ctrl-C: this process stops it, after Terraform has ended.
            process = subprocess.Popen(
                [sys.executable, "-I", launcher], env=self._environment(port, region), cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, pass_fds=[record.fileno()], umask=0o077,
            )  # fmt: skip
            started = Running(process.pid, port, region, corrections_version())
            json.dump(vars(started), record)
        try:
            self._wait_until_ready(process, started)
        except BaseException:
            self.stop()
            raise
        return started

    def save(self, running: Running) -> str:
        """Let it save its state. Return the error, or an empty text."""
        status, answered = ask(running.port, "POST", "/_trestle/save", SAVED_WITHIN)
        # An emulator that an earlier version has started does not know this path, but saves when it stops.
        return "it does not respond" if status == 0 else str(answered.get("fault", ""))

    def is_responding(self, running: Running) -> bool:
        """Return whether it is running and responds."""
        return self.running() is not None and is_healthy(running.port)

    @property
    def pool_keys(self) -> Path:
        """The folder of the keys that the emulated user pools sign tokens with."""
        return self.folder / "state" / "cognito-pool-keys"

    def state(self, running: Running) -> dict[str, Any]:
        """Return how often its resources have changed, and the errors of saving and loading."""
        return ask(running.port, "GET", "/_trestle/state", 10)[1]

    def terraform_state(self, running: Running) -> dict[str, Any]:
        """Return Terraform's state; empty before the first apply."""
        status, state = ask(running.port, "GET", TERRAFORM_PATH, SAVED_WITHIN, authorization=self._authorization())
        if status not in (200, 404):
            raise UserError(f"The emulator does not return Terraform's state (log: {self.log}).")
        return state

    def put_terraform_state(self, running: Running, state: bytes) -> None:
        """Replace Terraform's state."""
        given = {"authorization": self._authorization()}
        status, _ = ask(running.port, "POST", TERRAFORM_PATH, SAVED_WITHIN, state, **given)
        if status != 200:
            raise UserError(f"The emulator does not accept Terraform's state (log: {self.log}).")

    def terraform_variables(self, running: Running) -> dict[str, str]:
        """Return the environment variables for Terraform's `http` backend, which keeps the state in the emulator."""
        return {
            "TF_HTTP_ADDRESS": f"{running.endpoint}{TERRAFORM_PATH}",
            "TF_HTTP_PASSWORD": self._password(),
            "TF_HTTP_USERNAME": TERRAFORM_USER,
        }

    def _password(self) -> str:
        """Return the password of Terraform's state. It is random, created once, in a file only its owner can read."""
        file = self.folder.with_name(TERRAFORM_PASSWORD)
        if not file.is_file():
            write(file, secrets.token_urlsafe(30).encode())
        return file.read_text()

    def _authorization(self) -> str:
        return basic_authorization(self._password())

    def stop(self) -> None:
        """Stop it if it is running, and wait until its state is saved."""
        if running := self.running():
            os.kill(running.pid, signal.SIGTERM)
            deadline = time.monotonic() + STOPPED_WITHIN
            while self.running():
                if time.monotonic() > deadline:
                    os.kill(running.pid, signal.SIGKILL)
                    raise UserError(
                        f"The emulator did not stop within {STOPPED_WITHIN:.0f} seconds and was killed. The "
                        f"next `python local.py up` loads its last saved state (log: {self.log})."
                    )
                time.sleep(0.02)
        self._record.unlink(missing_ok=True)

    def _environment(self, port: int, region: str) -> dict[str, str]:
        """Return its whole environment. It passes this on to the functions, so it contains nothing of this process."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.folder / "tmp"),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            "STATE_DIR": str(self.folder / "state"),
            "PERSIST_STATE": "1",
            "S3_DATA_DIR": str(self.folder / "s3"),
            "S3_PERSIST": "1",
            "AUTH": "true",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }

    def _wait_until_ready(self, process: subprocess.Popen[Any], started: Running) -> None:
        deadline = time.monotonic() + STARTED_WITHIN
        while process.poll() is None and time.monotonic() < deadline:
            if is_healthy(started.port):
                return
            time.sleep(0.05)
        said = [line for line in self.log.read_text().splitlines() if line.strip()]
        raise UserError(f"The emulator did not start: {said[-1] if said else 'without output'} (log: {self.log})")


def client(service: str, running: Running, timeout: int | None = None) -> Any:
    """Return a boto3 client of one of the emulator's services, with all permissions.

    timeout: the seconds to wait for a response. With a timeout, the client does not retry.
    """
    import boto3  # noqa: PLC0415 - a third of a second, which most commands need not wait
    from botocore.config import Config  # noqa: PLC0415

    patience: Any = {} if timeout is None else {"read_timeout": timeout, "retries": {"total_max_attempts": 1}}
    make: Any = boto3.client  # typed for each service's literal name
    return make(
        service, endpoint_url=running.endpoint, region_name=running.region,
        aws_access_key_id="test", aws_secret_access_key="test",  # noqa: S106 - the emulator's, and no secret
        config=Config(s3={"addressing_style": "path"}, proxies={}, **patience),
    )  # fmt: skip


def check_port(port: int) -> None:
    """Raise UserError if it is not possible to listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"Port {port} is not free ({os.strerror(error.errno or 0)}): choose another with --port N."
            ) from error


def free_port() -> int:
    """Return a free port that no outgoing connection can get."""
    while True:
        port = secrets.choice(FREE_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def is_healthy(port: int) -> bool:
    """Return whether the emulator responds."""
    return ask(port, "GET", "/_ministack/health", 2)[0] == 200


def corrections_version() -> str:
    """Return a digest of the corrections and of the issuer, which the same process serves."""
    files = (file for folder in LAUNCHED for file in sources(folder, "*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def ask(
    port: int, method: str, path: str, timeout: float, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    """Send a request to the emulator. Return the status and the JSON, or 0 and {} if it does not respond."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return answer.status, said if isinstance(said, dict) else {}
    except ValueError:
        return answer.status, {}
    except (OSError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()
