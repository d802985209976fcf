"""Start the emulator as an empty AWS account, for the commands that deploy.

It is the emulator of the local run, but here the user runs Terraform with the commands of make.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from tools.errors import UserError
from tools.laptop.emulator import HOST, Emulator, Running, check_port
from tools.terraform import Progress

DEFAULT_PORT = 4567  # differs from that of the local run, so that both can run
REGION = "us-west-2"

# The environment variables that name a proxy, and those that list the hosts that do not use it.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
UNPROXIED = ("NO_PROXY", "no_proxy")


class EmulatedAws:
    """An emulated AWS, which keeps its data in one folder and deletes it when it stops."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder = folder
        self.progress = progress
        self.emulator = Emulator(folder)

    def start(self, port: int | None = None, region: str = REGION) -> Running:
        """Start an empty emulated AWS. Raise UserError if one is already running, or if the port is not free."""
        if running := self.emulator.running():
            raise UserError(
                f"An emulated AWS is already running on port {running.port}: `python local.py emulator --env` "
                "prints its exports, `python local.py emulator --stop` stops it and deletes its data."
            )
        check_port(port or DEFAULT_PORT)
        self.progress("Starting the emulator ...")
        self._empty()
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o700)
        return self.emulator.start(port or DEFAULT_PORT, region)

    def running(self) -> Running:
        """Return the running emulated AWS. Raise UserError with exit code 3 if there is none."""
        if running := self.emulator.running():
            return running
        raise UserError("No emulated AWS is running: start one with `python local.py emulator`.", exit_code=3)

    def stop(self) -> None:
        """Stop it if it is running, and delete its data."""
        self.emulator.stop()
        self._empty()

    def _empty(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def proxy_exceptions(*addresses: str) -> dict[str, str]:
    """Return the variables that let requests to these hosts bypass the user's proxy; none without a proxy."""
    if not any(os.environ.get(name) for name in PROXIES):
        return {}
    known = {name: [h for h in os.environ.get(name, "").split(",") if h] for name in UNPROXIED}
    return {name: ",".join(dict.fromkeys([*hosts, *addresses])) for name, hosts in known.items()}


def exports(running: Running) -> list[str]:
    """Return the shell lines that make every command use the emulator instead of the user's AWS account."""
    variables = {
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": running.region,
        "AWS_DEFAULT_REGION": running.region,  # the only one that boto3 reads
        "AWS_EC2_METADATA_DISABLED": "true",
        # A profile in these files may name another endpoint, or be invalid.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    variables |= proxy_exceptions(HOST)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    # These take precedence over the exported variables.
    foreign = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_PROFILE", "AWS_SESSION_TOKEN")
    others = [name for name in os.environ if name in foreign or name.startswith("AWS_ENDPOINT_URL_")]
    return [*lines, *([f"unset {' '.join(sorted(others))}"] if others else [])]
