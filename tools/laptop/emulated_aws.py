"""The emulator as an empty AWS account, for the commands that deploy.

It is the same program that serves the laptop run, but here make runs the user's own Terraform.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from tools.errors import UserError
from tools.laptop.emulator import HOST, Emulator, Running, check_port
from tools.terraform import Progress

DEFAULT_PORT = 4567  # not the laptop run's, so that both can run
REGION = "us-west-2"

# The variables that name a proxy, and those that list the hosts to reach without it.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
UNPROXIED = ("NO_PROXY", "no_proxy")


class EmulatedAws:
    """An emulated AWS, which keeps its data in one folder and deletes them when it stops."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder = folder
        self.progress = progress
        self.emulator = Emulator(folder)

    def start(self, port: int | None = None, region: str = REGION) -> Running:
        """Start an empty one. Raise UserError if one runs already, or if the port is not free."""
        if running := self.emulator.running():
            raise UserError(
                f"An emulated AWS runs already, on port {running.port}: `python local.py emulator --env` "
                "prints its exports, `python local.py emulator --stop` stops it and deletes what is in it."
            )
        check_port(port or DEFAULT_PORT)
        self.progress("Starting the emulator ...")
        self._empty()
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o700)
        return self.emulator.start(port or DEFAULT_PORT, region)

    def running(self) -> Running:
        """Return the running one; stop with exit code 3 when there is none."""
        if running := self.emulator.running():
            return running
        raise UserError("No emulated AWS is running: start one with `python local.py emulator`.", exit_code=3)

    def stop(self) -> None:
        """Stop it, if it runs, and delete what is in it."""
        self.emulator.stop()
        self._empty()

    def _empty(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def proxy_exceptions(*addresses: str) -> dict[str, str]:
    """Return the variables that keep requests to these hosts from the user's proxy; none without a proxy."""
    if not any(os.environ.get(name) for name in PROXIES):
        return {}
    known = {name: [h for h in os.environ.get(name, "").split(",") if h] for name in UNPROXIED}
    return {name: ",".join(dict.fromkeys([*hosts, *addresses])) for name, hosts in known.items()}


def exports(running: Running) -> list[str]:
    """Return the shell lines that point every command at the emulator, and at no account of the user."""
    variables = {
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": running.region,
        "AWS_DEFAULT_REGION": running.region,  # boto3 reads this one alone
        "AWS_EC2_METADATA_DISABLED": "true",
        # A profile in them may name another endpoint, or not parse.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    variables |= proxy_exceptions(HOST)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    # These take precedence over what is exported.
    foreign = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_PROFILE", "AWS_SESSION_TOKEN")
    others = [name for name in os.environ if name in foreign or name.startswith("AWS_ENDPOINT_URL_")]
    return [*lines, *([f"unset {' '.join(sorted(others))}"] if others else [])]
