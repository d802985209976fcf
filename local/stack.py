"""The local stack: the emulator and what Terraform made in it, brought up, changed, and taken down."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import tfvars
from local.emulator import Emulator, Running, check_port, client
from local.errors import UserError
from local.terraform import ROOT, Progress, Terraform, environment, find_mirror, find_terraform, stage

DEFAULT_PORT = 4566

PARALLEL = 30  # resources at a time: the provider mostly waits

# The packages reach the emulator through a bucket: with `filename` the provider makes one function after the
# other, five seconds each, while it makes functions from S3 side by side. A distribution is there at once,
# where the provider would look after half a minute.
OVERRIDES = {
    "modules/function": {
        "resource": {
            "aws_lambda_function": {
                "this": {
                    "filename": None,
                    "s3_bucket": "packages-${var.scope.region}",
                    "s3_key": "${basename(var.package)}",
                }
            }
        }
    },
    "modules/website": {
        "resource": {"aws_cloudfront_distribution": {"this": {"wait_for_deployment": False}}},
    },
}


@dataclass(frozen=True)
class Stack:
    """One local stack, with all its state in one folder."""

    folder: Path
    progress: Progress = field(default=lambda _: None)

    @property
    def emulator(self) -> Emulator:
        """The emulator that serves this stack."""
        return Emulator(self.folder / "emulator")

    @property
    def terraform_log(self) -> Path:
        """All that Terraform said."""
        return self.folder / "terraform.log"

    @property
    def settings(self) -> dict[str, Any]:
        """What Terraform knew of the variables of what is up: local.tools of locals.tf."""
        settings: dict[str, Any] = json.loads((self.folder / "settings.json").read_text())["settings"]
        return settings

    @property
    def var_files(self) -> list[Path]:
        """The variables of what is up."""
        known = json.loads((self.folder / "settings.json").read_text())
        return [Path(file) for file in known["var_files"]]

    @property
    def live_file(self) -> Path:
        """Which versions of the functions are live, if not the newest; Terraform finds it here."""
        return self.folder / "root" / "environments" / f"{self.settings['environment']}.live.json"

    @property
    def users(self) -> Path:
        """The passwords of the users that we made."""
        return self.folder / "users.json"

    def up(self, var_files: Sequence[Path], port: int | None = None) -> Running:
        """Bring the stack up, or change the running one in place; return the emulator that serves it."""
        tfvars.check(var_files)
        with self._lock():
            running = self.emulator.running()
            if running and port not in (None, running.port):
                raise UserError(
                    f"The stack runs on port {running.port}: run `python local.py down` before you move it."
                )
            if not running:
                check_port(port or DEFAULT_PORT)
            find_terraform()
            find_mirror()
            self._build()
            self._discard_lost_state()
            terraform = self._terraform(running)
            settings = self._settings(terraform, var_files)
            self.progress("Preparing Terraform ...")
            terraform.init()
            if running and running.region != settings["region"]:
                self.emulator.stop()
                port, running = running.port, None
            return self._apply(running, port or DEFAULT_PORT, settings, var_files)

    def again(self) -> Running:
        """Build and apply once more, with the variables that the running stack has."""
        self.running()
        return self.up(self.var_files)

    def outputs(self) -> dict[str, Any]:
        """Return Terraform's outputs, with URLs that answer on this machine, and the API keys' values."""
        running = self.running()
        try:
            made = json.loads((self.folder / "outputs.json").read_text())
        except FileNotFoundError:
            raise UserError("The stack is not up yet: wait until `python local.py up` is done.") from None
        outputs: dict[str, Any] = local_urls(made, running.endpoint)
        if made.get("website_url"):  # whatever name it has in AWS
            outputs["website_url"] = running.console
        keys = {**self._keys(), **self.settings["api_key_values"]}  # a var-file's own values go before ours
        return {**outputs, "api_keys": {name: keys[name] for name in made["api_key_ids"]}}

    def request(self) -> str | None:
        """Return a curl command, to paste, that lists the first collection that curl can list; else None."""
        outputs = self.outputs()
        for entity in self.settings["entities"].values():
            method = entity["methods"].get("list", {"access": None})
            url = f"{outputs['api_url'].rstrip('/')}/{entity['path']}"
            if method["access"] == "open":
                return f"curl -i {url}"
            if method["access"] == "api_key":
                return f"curl -i -H 'x-api-key: {next(iter(outputs['api_keys'].values()))}' {url}"
            # Users who sign in here have no scopes of our own.
            if method["access"] == "cognito" and method["scope"] is None and outputs["user_pool_client_id"]:
                group = f" --group {method['group']}" if method["group"] else ""
                token = f"$(python local.py token --user me{group})"
                return f'curl -i -H "authorization: Bearer {token}" {url}'
        return None

    def running(self) -> Running:
        """Return the running emulator; stop with exit code 3 when there is none."""
        if running := self.emulator.running():
            return running
        raise UserError("The stack is not running: start it with `python local.py up`.", exit_code=3)

    def down(self, purge: bool = False) -> None:
        """Stop the stack; purge its data, too, if so asked."""
        with self._lock():
            self.emulator.stop()
            if purge:
                self._discard()
                for file in (self.folder / "api-keys.json", self.users):
                    file.unlink(missing_ok=True)

    def has_changes(self, var_files: Sequence[Path]) -> bool:
        """Tell whether applying the same again would change anything."""
        with self._lock():
            running = self.running()
            settings = self._settings(self._terraform(running), var_files)
            return self._terraform(running, settings).has_changes(var_files)

    def _apply(
        self, running: Running | None, port: int, settings: dict[str, Any], var_files: Sequence[Path]
    ) -> Running:
        fingerprint = self._fingerprint(var_files)
        applied = self.folder / "applied"
        unchanged = applied.is_file() and applied.read_text() == fingerprint
        started = running or self.emulator.start(port, settings["region"])
        # What was saved on the way down is what was applied then: a restart has nothing to apply unless the
        # configuration changed. On a running stack someone may have changed resources by hand, so look.
        if running or not unchanged:
            applied.unlink(missing_ok=True)
            try:
                self._run_apply(started, settings, var_files)
            except BaseException as error:
                if not running:
                    self.progress("Stopping the emulator ...")
                    self.emulator.stop()
                    # Terraform drops the calls under way and never learns what they have made: it would be in
                    # the way of the next apply. Before the first one is done there is nothing to lose.
                    if isinstance(error, KeyboardInterrupt) and not (self.folder / "outputs.json").exists():
                        self._discard()
                raise
            applied.write_text(fingerprint)
        else:
            self.progress("Nothing has changed since the last apply.")
        return started

    def _run_apply(self, started: Running, settings: dict[str, Any], var_files: Sequence[Path]) -> None:
        terraform = self._terraform(started, settings)
        self.progress("Applying ...")
        upload_packages(started)
        try:
            self.progress(f"Applied: {terraform.apply(var_files, f'-parallelism={PARALLEL}')}.")
        except UserError as error:
            if re.search("already ?exists", str(error), re.IGNORECASE):
                raise UserError(
                    f"{error} An apply that was stopped leaves such things: `python local.py down --purge` "
                    "deletes all of the stack, its items too; then bring it up again."
                ) from None
            raise
        (self.folder / "outputs.json").write_text(json.dumps(terraform.outputs(), indent=2) + "\n")

    def _terraform(self, running: Running | None, settings: dict[str, Any] | None = None) -> Terraform:
        root = stage(self.folder / "root", self.folder / "terraform.tfstate", OVERRIDES)
        # Before the emulator is up nothing may be reached, and port 1 refuses every connection.
        endpoint, region = (
            (running.endpoint, running.region) if running else ("http://127.0.0.1:1", "us-east-1")
        )
        variables = environment(endpoint, region)
        if settings and (keys := self._keys(settings["api_keys"])):
            variables["TF_VAR_api_key_values"] = json.dumps(keys)
        # It costs nothing here: there unless the tfvars say otherwise, or nothing describes the API to it.
        if settings and settings["docs"] != "none":
            variables["TF_VAR_website"] = "{}"
        return Terraform(root, variables, self.terraform_log, self.progress)

    def _build(self) -> None:
        self.progress("Building the functions ...")
        done = subprocess.run(
            [sys.executable, ROOT / "build.py"], check=False, capture_output=True, text=True
        )
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
            raise UserError(f"The build failed: {said[-1]} Run `python build.py` to see all of it.")

    def _settings(self, terraform: Terraform, var_files: Sequence[Path]) -> dict[str, Any]:
        """Return what Terraform knows of the variables; it is asked when inputs changed."""
        cache, fingerprint = self.folder / "settings.json", self._fingerprint(var_files)
        try:
            known = json.loads(cache.read_text())
        except (FileNotFoundError, ValueError):
            known = {}
        asked = {"fingerprint": fingerprint, "var_files": [str(file) for file in var_files]}
        if {name: known.get(name) for name in asked} != asked:
            known = {**asked, "settings": terraform.facts(var_files)}
            cache.write_text(json.dumps(known, indent=2) + "\n")
        settings: dict[str, Any] = known["settings"]
        return settings

    def _fingerprint(self, var_files: Sequence[Path]) -> str:
        """Return a digest of everything that an apply reads."""
        digest = hashlib.sha256()
        folders = (ROOT / name for name in ("modules", "schemas", "web"))
        files = [*ROOT.glob("*.tf"), *(f for folder in folders for f in folder.rglob("*") if f.is_file())]
        files += (ROOT / "local" / "corrections").glob("*.py")
        fixed = [ROOT / name for name in ("dist/manifest.json", ".terraform.lock.hcl")]
        for file in (*sorted(files), *fixed, *var_files):
            content = file.read_bytes()
            digest.update(f"{file}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def _keys(self, names: Sequence[str] = ()) -> dict[str, str]:
        """Return the values of the API keys by name: random, made once, readable by their owner alone."""
        file = self.folder / "api-keys.json"
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        if missing := [name for name in names if name not in known]:
            known |= {name: secrets.token_urlsafe(30) for name in missing}
            # For its owner alone, from the start: Path.open takes no mode.
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as kept:  # noqa: PTH123
                json.dump(known, kept, indent=2)
        return {name: known[name] for name in names or known}

    def _discard_lost_state(self) -> None:
        """Start afresh when the emulator died: what Terraform remembers is not there any more."""
        if self.emulator.died:
            self.progress("The emulator was killed and its data is lost: starting afresh.")
            self._discard()

    def _discard(self) -> None:
        for name in ("emulator", "root"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for file in ("applied", "outputs.json", "settings.json", "terraform.log"):
            (self.folder / file).unlink(missing_ok=True)
        for state in self.folder.glob("terraform.tfstate*"):
            state.unlink()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one command at a time work on this stack."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # the state holds the keys' values
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    "Another command is at work on this stack: wait until it is done, then try again."
                ) from None
            yield


def upload_packages(running: Running) -> None:
    """Put the functions' packages where OVERRIDES has them."""
    s3, bucket = client("s3", running), f"packages-{running.region}"
    if bucket not in (known["Name"] for known in s3.list_buckets()["Buckets"]):
        # S3 knows us-east-1 as the place of a bucket without a place.
        place = {"LocationConstraint": running.region} if running.region != "us-east-1" else {}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    for package in (ROOT / "dist").glob("*.zip"):
        s3.put_object(Bucket=bucket, Key=package.name, Body=package.read_bytes())


def local_urls(value: Any, endpoint: str) -> Any:
    """Return the value with the URLs of APIs' stages and of sign-in as they answer on this machine."""
    if isinstance(value, dict):
        return {k: local_urls(v, endpoint) for k, v in value.items()}
    if isinstance(value, list):
        return [local_urls(v, endpoint) for v in value]
    if isinstance(value, str):
        value = re.sub(r"https://[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com", endpoint, value)
        pattern = r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"
        return re.sub(pattern, rf"{endpoint}/_aws/execute-api/\1", value)
    return value
