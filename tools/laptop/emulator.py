"""The emulator's process: start it with an environment of our own making, find it again, stop it."""

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
# What runs in the emulator's process.
LAUNCHED = (CORRECTIONS, CORRECTIONS.with_name("issuer"))

HOST = "127.0.0.1"
ACCOUNT = "000000000000"
# Below those that systems give to outgoing connections: a port among these could be taken before it is listened on.
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
    version: str = ""  # of the corrections that it was started with

    @property
    def endpoint(self) -> str:
        """The URL that serves every AWS API."""
        return f"http://{HOST}:{self.port}"

    @property
    def console(self) -> str:
        """The URL that serves the web console: to browsers another origin, at the same port."""
        return f"http://localhost:{self.port}"


@dataclass(frozen=True)
class Emulator:
    """The emulator whose state lives in one folder.

    The process holds a lock on the file `running` for as long as it lives. So a stale file, or another
    process that was given the same id since, is never taken for it.
    """

    folder: Path

    @property
    def log(self) -> Path:
        """What the emulator prints."""
        return self.folder / "emulator.log"

    @property
    def saved(self) -> Path:
        """All its state, as tools/laptop/corrections/persistence.py saves it."""
        return self.folder / "state" / "saved"

    @property
    def died(self) -> bool:
        """Whether it went without being stopped, and so perhaps without saving what changed last."""
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
        """Start it and wait until it answers."""
        for name in ("state", "s3", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        launcher = CORRECTIONS / "__main__.py"
        with self._record.open("w") as record, self.log.open("w") as log:
            fcntl.flock(record, fcntl.LOCK_EX)
            # -I: neither PYTHON* variables nor the launcher's folder reach its import path. A session of
            # its own: Ctrl-C must reach us alone, we stop it once Terraform has come to rest.
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
        """Let it save all that it has answered so far; return what went wrong, or nothing."""
        status, answered = ask(running.port, "POST", "/_trestle/save", SAVED_WITHIN)
        # One that an earlier version has started does not know the path, and saves when it stops.
        return "it does not answer" if status == 0 else str(answered.get("fault", ""))

    def answers(self, running: Running) -> bool:
        """Tell whether it runs and answers."""
        return self.running() is not None and is_healthy(running.port)

    @property
    def pool_keys(self) -> Path:
        """The folder of the keys with which the emulated user pools sign tokens."""
        return self.folder / "state" / "cognito-pool-keys"

    def state(self, running: Running) -> dict[str, Any]:
        """Return how often its resources were changed, and what went wrong with saving and loading."""
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
            raise UserError(f"The emulator does not take Terraform's state (log: {self.log}).")

    def terraform_variables(self, running: Running) -> dict[str, str]:
        """Return the environment variables by which Terraform's `http` backend keeps its state in the emulator."""
        return {
            "TF_HTTP_ADDRESS": f"{running.endpoint}{TERRAFORM_PATH}",
            "TF_HTTP_PASSWORD": self._password(),
            "TF_HTTP_USERNAME": TERRAFORM_USER,
        }

    def _password(self) -> str:
        """Return the password of Terraform's state: random, made once, readable by its owner alone."""
        file = self.folder.with_name(TERRAFORM_PASSWORD)
        if not file.is_file():
            write(file, secrets.token_urlsafe(30).encode())
        return file.read_text()

    def _authorization(self) -> str:
        return basic_authorization(self._password())

    def stop(self) -> None:
        """Stop it, if it runs, and wait until its state is saved."""
        if running := self.running():
            os.kill(running.pid, signal.SIGTERM)
            deadline = time.monotonic() + STOPPED_WITHIN
            while self.running():
                if time.monotonic() > deadline:
                    os.kill(running.pid, signal.SIGKILL)
                    raise UserError(
                        f"The emulator did not stop within {STOPPED_WITHIN:.0f} seconds and was killed; what "
                        f"it had saved is there with the next `python local.py up` (log: {self.log})."
                    )
                time.sleep(0.02)
        self._record.unlink(missing_ok=True)

    def _environment(self, port: int, region: str) -> dict[str, str]:
        """Return the whole environment. It hands all on to the functions, so nothing of ours goes in."""
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
        raise UserError(f"The emulator did not start: {said[-1] if said else 'it said nothing'} (log: {self.log})")


def client(service: str, running: Running, timeout: int | None = None) -> Any:
    """Return a boto3 client of one of the emulator's services, with every right.

    timeout: how many seconds it waits for an answer; then, or on an error, it does not try again.
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
    """Stop when the port cannot be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"Port {port} is not free ({os.strerror(error.errno or 0)}): choose another with --port N."
            ) from error


def free_port() -> int:
    """Return a port that nobody listens on, and that no outgoing connection gets."""
    while True:
        port = secrets.choice(FREE_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def is_healthy(port: int) -> bool:
    """Tell whether the emulator answers."""
    return ask(port, "GET", "/_ministack/health", 2)[0] == 200


def corrections_version() -> str:
    """Return a digest of the corrections, and of the issuer, which the same process serves."""
    files = (file for folder in LAUNCHED for file in sources(folder, "*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def ask(
    port: int, method: str, path: str, timeout: float, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON of a request to the emulator; 0 and nothing where it does not answer."""
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
