"""Start, apply and stop one system on this machine: its emulator, and the resources that Terraform creates in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import secrets
import shlex
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.errors import UserError
from tools.files import read_json, write, write_json
from tools.laptop import snapshot, user_root
from tools.laptop.emulator import Emulator, Running, client, corrections_version
from tools.laptop.issuer import FOLDER, issuer_url
from tools.laptop.issuer.tokens import Issuer
from tools.laptop.secret_values import SecretValues
from tools.sources import sources
from tools.terraform import (
    ROOT,
    SERVICE,
    InterruptedApplyError,
    Progress,
    Terraform,
    environment,
    module_folders,
    stage,
)
from tools.urls import domain_of, local_urls

DEFAULT_PORT = 4566

PARALLEL = 30  # Terraform's -parallelism, high because the provider mostly waits

TERRAFORM_EXIT_SECONDS = 60.0  # if its parent process is killed, Terraform exits when it writes its next line

# Changes to the modules that make an apply faster here:
# - The packages reach the emulator through a bucket. With `filename`, the provider creates one function after the
#   other, five seconds each; with S3, it creates them in parallel.
# - A distribution is deployed at once, but the provider first checks after half a minute.
# - The provider takes 25 seconds to create a queue, so a queue of jobs does not depend on its dead-letter queue.
# - The provider takes 30 seconds to create a DNS record. The local run needs none: the emulator recognizes a domain by
#   the header Host, and issues its certificate at once.
OVERRIDES = {
    "modules/domain": {
        "resource": {"aws_route53_record": {name: {"for_each": "${toset([])}"} for name in ("alias", "validation")}},
    },
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
    "modules/queue": {
        "resource": {
            "aws_sqs_queue": {
                "work": {
                    "redrive_policy": "${jsonencode({ deadLetterTargetArn = local.dead_letters_arn, "
                    "maxReceiveCount = var.attempts })}"
                }
            }
        }
    },
    "modules/website": {
        "resource": {"aws_cloudfront_distribution": {"this": {"wait_for_deployment": False}}},
    },
}


def overrides_for(port: int) -> dict[str, Any]:
    """Return OVERRIDES and one more, which replaces the issuer of the tfvars with the local issuer."""
    here = f'${{var.jwt == null ? null : "{issuer_url(port)}"}}'
    return {**OVERRIDES, SERVICE: {"locals": {"jwt_issuer": here}}}


Confirm = Callable[[list[str]], bool]


def describe_items(running: Running, table: dict[str, Any]) -> str | None:
    """Return the number of items in a table as text, or None for an empty one."""
    dynamodb = client("dynamodb", running)
    try:
        count = dynamodb.describe_table(TableName=table["name"])["Table"]["ItemCount"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    return f"{count} item{'s' * (count != 1)} in the table {table['name']}" if count else None


def describe_users(running: Running, pool: dict[str, Any]) -> str | None:
    """Return the number of users in a pool as text, or None for an empty one."""
    cognito = client("cognito-idp", running)
    try:
        count = cognito.describe_user_pool(UserPoolId=pool["id"])["UserPool"]["EstimatedNumberOfUsers"]
    except cognito.exceptions.ResourceNotFoundException:
        return None
    return f"{count} user{'s' * (count != 1)} in the user pool {pool['name']}" if count else None


# The functions that describe user data which a deletion would lose, by the type of the Terraform resource.
USER_DATA = {"aws_cognito_user_pool": describe_users, "aws_dynamodb_table": describe_items}


@dataclass(frozen=True)
class System:
    """One system, with all its files in one folder.

    The emulator saves its resources and Terraform's state together, but during an apply Terraform sends its state
    only from time to time. So each apply first makes a copy of the saved state, and deletes the copy at its end. If an
    apply finds a copy, a kill or Ctrl-C has interrupted the previous apply, and Terraform's state may lack resources
    that it created. The apply then restores the copy, but keeps the current items.
    """

    folder: Path
    progress: Progress = field(default=lambda _: None)

    @property
    def identity(self) -> dict[str, str]:
        """The system's name and environment; empty if unknown. Two systems can have the same NAME-ENVIRONMENT."""
        applied = read_json(self.folder / "settings.json") or {}
        known = read_json(self.folder / "system.json") or applied.get("settings", {})
        return {part: known[part] for part in ("name", "environment") if part in known}

    @property
    def name(self) -> str:
        """NAME-ENVIRONMENT as in resource names; with both parts spelled out if another system has the same."""
        if not (identity := self.identity):
            return self.folder.name
        name = "{name}-{environment}".format(**identity)
        if not re.fullmatch(rf"{re.escape(name)}-\d+", self.folder.name):
            return name
        return '{} (name "{name}", environment "{environment}")'.format(name, **identity)

    @property
    def emulator(self) -> Emulator:
        """The emulator that serves this system."""
        return Emulator(self.folder / "emulator")

    @property
    def terraform_log(self) -> Path:
        """The file with all output of Terraform."""
        return self.folder / "terraform.log"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that Terraform computed in the last apply: local.tools of modules/service."""
        settings: dict[str, Any] = self._applied()["settings"]
        return settings

    @property
    def var_files(self) -> list[Path]:
        """The var-files of the last apply."""
        return [Path(file) for file in self._applied()["var_files"]]

    @property
    def root(self) -> Path | None:
        """The folder of the user's own root configuration if the last apply used one, else None."""
        return Path(self.settings["root"]) if "root" in self.settings else None

    @property
    def live_file(self) -> Path:
        """The live file, which pins the versions of functions. The local run has it in its own folder."""
        return self.folder / "root" / "environments" / f"{self.settings['environment']}.live.json"

    @property
    def users(self) -> Path:
        """The file with the passwords of the users that Trestle created."""
        return self.folder / "users.json"

    @property
    def secrets(self) -> SecretValues:
        """The secret values that the user has set."""
        return SecretValues(self.folder / "secrets.json")

    def issuer(self, running: Running) -> Issuer:
        """Return the local issuer, which replaces the one of the tfvars."""
        return Issuer(self.folder / FOLDER, issuer_url(running.port))

    def put_secrets(self) -> list[str]:
        """Write the secrets' values to the running system. Return the names of secrets that have none."""
        return self.secrets.put(self.settings.get("functions", {}), self.running())

    def apply(self, settings: dict[str, Any], var_files: Sequence[Path], port: int, confirm: Confirm) -> None:
        """Start the emulator unless it is running, and apply unless nothing has changed.

        If the apply would delete items or users, call `confirm` first. If that returns False, change nothing.
        """
        self._recover()
        running = self.emulator.running()
        if running and (running.region, running.version) != (settings["region"], corrections_version()):
            self.stop()
            port, running = running.port, None
        died = self.emulator.has_died
        inputs = fingerprint(var_files, root_of(settings))
        started = running or self.emulator.start(port, settings["region"])
        try:
            state = self.emulator.state(started)
            if state.get("notice"):
                self.progress(state["notice"])
            self._take_over_state(started, is_empty=state.get("empty", False))
            applied = read_json(self.folder / "applied") or {}
            # Functions may run before the apply ends. With the user's own root, they are known only after it.
            self.secrets.put(settings.get("functions", {}), started)
            # A restart loads the saved state. The emulator counts the changes of its resources, because users can
            # change them by hand. After a kill, the changes of the last seconds may be lost.
            is_untouched = not died and applied.get("changes") == state.get("changes", -1)
            # The deployed API contains the issuer's URL, which contains the port.
            is_same_issuer = applied.get("issuer") in (None, issuer_url(started.port))
            if is_untouched and is_same_issuer and applied["fingerprint"] == inputs:
                self.progress("Nothing has changed since the last apply.")
                return
            has_issuer = self._run_apply(started, settings, var_files, confirm, refresh=not is_untouched)
        except BaseException:
            if not running:
                self.progress("Stopping the emulator ...")
                self.emulator.stop()  # which saves as much as possible
            raise
        changes = self.emulator.state(started).get("changes", -1)
        issuer = issuer_url(started.port) if has_issuer else None
        write_json(self.folder / "applied", {"fingerprint": inputs, "changes": changes, "issuer": issuer})

    def outputs(self) -> dict[str, Any]:
        """Return Terraform's outputs with local URLs, and the values of the API keys."""
        running = self.running()
        made = read_json(self.folder / "outputs.json") or {}
        if "api_keys" not in made:
            raise UserError(f"{self.name} is not up yet: run `python local.py up`, or wait until that command is done.")
        outputs: dict[str, Any] = local_urls(made, running.endpoint, domain_of(made))
        if made.get("website_url"):  # also if it has a domain of its own
            outputs["website_url"] = running.console
        return outputs

    def request(self) -> str | None:
        """Return a curl command that lists the first entity that curl can list, or None."""
        outputs = self.outputs()
        curl, address = "curl -i", outputs["api_url"].rstrip("/")
        if domain := self.settings.get("domain"):  # missing if an older version applied the system
            curl, address = f"curl -i -H 'host: {domain['name']}'", self.running().endpoint
        for entity in self.settings.get("entities", {}).values():
            method = entity["methods"].get("list", {"access": None})
            url = f"{address}/{entity['path']}"
            if method["access"] == "open":
                return f"{curl} {url}"
            if method["access"] == "api_key":
                return f"{curl} -H 'x-api-key: {next(iter(outputs['api_keys'].values()))}' {url}"
            # Tokens of the user pool have no custom scopes here.
            if method["access"] == "cognito" and method["scope"] is None and outputs.get("user_pool_client_id"):
                group = f" --group {method['group']}" if method["group"] else ""
                token = f"$(python local.py token --user me{group})"
                return f'{curl} -H "authorization: Bearer {token}" {url}'
            if method["access"] == "jwt":
                # If there are both issuers, the user pool is the default.
                issuer = " --issuer jwt" if outputs.get("user_pool_id") else ""
                names = "".join(f" --{kind} {shlex.quote(method[kind])}" for kind in ("group", "scope") if method[kind])
                token = f"$(python local.py token --user me{issuer}{names})"
                return f'{curl} -H "authorization: Bearer {token}" {url}'
        return None

    def running(self) -> Running:
        """Return the running emulator. Raise UserError with exit code 3 if there is none."""
        if running := self.emulator.running():
            return running
        raise UserError(f"{self.name} is not running: start it with `python local.py up`.", exit_code=3)

    def stop(self, save: bool = True) -> None:
        """Save the emulator's state and stop it. If it cannot save, leave it running and raise UserError."""
        running = self.emulator.running()
        fault = self.emulator.save(running) if running and save else ""
        # An emulator that does not respond has ended, or only a signal can stop it.
        if running and fault and self.emulator.is_responding(running):
            raise UserError(
                f"{self.name} keeps running, because its latest changes cannot be saved ({fault}). "
                f"Fix this, for example by freeing disk space for {self.folder}, then run `python local.py down`."
            )
        self.emulator.stop()

    def purge(self) -> None:
        """Delete all data of the stopped system."""
        shutil.rmtree(self.folder)

    def has_changes(self, var_files: Sequence[Path]) -> bool:
        """Return whether a second apply of the same var-files would change anything."""
        return self._terraform(self.running(), self.settings).has_changes(var_files)

    def _applied(self) -> dict[str, Any]:
        known = read_json(self.folder / "settings.json")
        if known is None:
            raise UserError(f"{self.name} is not up yet: run `python local.py up`.", exit_code=3)
        found: dict[str, Any] = known
        return found

    def _take_over_state(self, started: Running, *, is_empty: bool) -> None:
        """Move Terraform's state from the file of an earlier Trestle into the emulator.

        If the emulator is empty, its resources are lost: only rename the file.
        """
        if not self._state_file.exists():
            return
        if is_empty:
            self._state_file.replace(self._state_file.with_name(f"{self._state_file.name}.{time.time_ns()}"))
            return
        self.emulator.put_terraform_state(started, self._state_file.read_bytes())
        self._save(started)
        self._state_file.unlink()

    def _run_apply(
        self, started: Running, settings: dict[str, Any], var_files: Sequence[Path], confirm: Confirm, *, refresh: bool
    ) -> bool:
        """Apply, and return whether the system accepts tokens of the local issuer.

        refresh: whether Terraform first compares its state with the resources, to find changes made outside of it.
        """
        terraform = self._terraform(started, settings)
        self.progress("Preparing Terraform ...")
        terraform.init_once()
        self.progress("Applying ...")
        user_data = self._user_data(started)

        def consider(deleted: set[str]) -> None:
            losses = [user_data[address] for address in sorted(deleted & user_data.keys())]
            if losses and not confirm(losses):
                raise UserError(
                    f"Nothing was changed, because this would delete {' and '.join(losses)} of {self.name}. "
                    "To delete them, add --yes."
                )
            (self.folder / "applied").unlink(missing_ok=True)
            upload_packages(started, root_of(settings) or ROOT)

        with self._recoverable(started) as lock:
            if not user_data:
                consider(set())
            try:
                said = terraform.apply(
                    var_files,
                    f"-parallelism={PARALLEL}",
                    pass_fds=[lock],
                    consider=consider if user_data else None,
                    refresh=refresh,
                )
            except UserError as error:
                if not self.emulator.is_responding(started):
                    raise InterruptedApplyError(
                        f"The emulator of {self.name} ended during the apply (log: {self.emulator.log}): run "
                        "`python local.py up` again, which first restores the state from before this apply."
                    ) from None
                if re.search("already ?exists", str(error), re.IGNORECASE):
                    raise type(error)(
                        f"{error} It was created without Terraform: delete it, or run `python local.py down --purge`, "
                        f"which deletes {self.name} with all its items."
                    ) from None
                raise
            state = self.emulator.terraform_state(started)
            outputs = {name: output["value"] for name, output in state["outputs"].items()}
            made = outputs.get(user_root.OUTPUT, outputs)
            # Terraform's outputs have only the keys' ids. Their values are in the state.
            values = {key["id"]: key["value"] for key in resources_of(state, "aws_api_gateway_api_key")}
            made["api_keys"] = {name: values[id_] for name, id_ in made["api_key_ids"].items()}
            write_json(self.folder / "outputs.json", made)
            settings = settings | outputs.get(user_root.TOOLS, {})
            if has_issuer := bool(settings.get("jwt")):
                self.issuer(started).prepare(settings["jwt"], self.name)
            known = {"settings": settings, "var_files": [str(file) for file in var_files]}
            write_json(self.folder / "settings.json", known)
        self.progress(f"Applied: {said}.")
        return has_issuer

    def _user_data(self, running: Running) -> dict[str, str]:
        """Return descriptions of user data, such as "12 items in the table x", by Terraform's resource address."""
        resources = self.emulator.terraform_state(running).get("resources", [])
        found = {}
        for each in resources:
            count = USER_DATA.get(each["type"])
            for instance in each["instances"] if count else ():
                key = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
                module = f"{each['module']}." if "module" in each else ""
                if said := count and count(running, instance["attributes"]):
                    found[f"{module}{each['type']}.{each['name']}{key}"] = said
        return found

    @property
    def _before(self) -> Path:
        """The copy of the emulator's saved state from before the current apply."""
        return self.folder / "before"

    @property
    def _state_file(self) -> Path:
        """The file in which earlier versions of Trestle kept Terraform's state; `before` has a copy during an apply."""
        return self.folder / "terraform.tfstate"

    @contextmanager
    def _recoverable(self, running: Running) -> Iterator[int]:
        """Keep a copy of the saved state during an apply. Yield a file descriptor for Terraform to inherit.

        The descriptor has a lock. While any process holds it, the apply is running, even if this process has ended.
        """
        self._save(running)
        new = self.folder / "before.partial"
        for folder in (new, self._before):
            shutil.rmtree(folder, ignore_errors=True)
        new.mkdir()
        write(new / self.emulator.saved_file.name, self.emulator.saved_file.read_bytes())
        (new / "lock").touch()
        new.rename(self._before)
        with (self._before / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield lock.fileno()
            except UserError as error:
                # After a failed apply that was not interrupted, Terraform knows what it has created.
                if not isinstance(error, InterruptedApplyError):
                    self._settle(running)
                raise
            self._settle(running)

    def _settle(self, running: Running) -> None:
        """Delete the copy once the emulator has saved the result of the apply."""
        self._save(running)
        shutil.rmtree(self._before)

    def _save(self, running: Running) -> None:
        if fault := self.emulator.save(running):
            raise UserError(f"{self.name} cannot save its state ({fault}): fix this, then try again.")

    def _recover(self) -> None:
        """Restore the saved state from the copy if the last apply was interrupted."""
        if not self._before.exists():
            return
        self.progress("The last apply was interrupted: restoring the state before it ...")
        self._wait_for_apply()
        self.stop()
        before = self._before / self.emulator.saved_file.name
        snapshot.restore(self.emulator.saved_file, before)
        snapshot.drop_other_buckets(self.emulator.folder / "s3", before)
        if (self._before / self._state_file.name).exists():
            write(self._state_file, (self._before / self._state_file.name).read_bytes())
        else:
            self._state_file.unlink(missing_ok=True)
        # Terraform writes this file if the emulator is killed before it has received the state.
        (self.folder / "root" / "errored.tfstate").unlink(missing_ok=True)
        shutil.rmtree(self._before)

    def _wait_for_apply(self) -> None:
        """Wait until the Terraform of a killed process has ended."""
        deadline = time.monotonic() + TERRAFORM_EXIT_SECONDS
        with (self._before / "lock").open() as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise UserError(
                            f"Terraform is still running for {self.name}: wait until it has ended."
                        ) from None
                time.sleep(0.1)

    def _terraform(self, running: Running, settings: dict[str, Any]) -> Terraform:
        variables = environment(running.endpoint, running.region) | self.emulator.terraform_variables(running)
        arguments: dict[str, Any] = {}
        if keys := self._keys(settings["api_keys"]):
            arguments["api_key_values"] = keys
        # The console costs nothing here, so it is on unless the tfvars turn it off or the system cannot have it.
        if settings["takes_website"]:
            arguments["website"] = {}
        folder = self.folder / "root"
        overrides = overrides_for(running.port)
        if root := root_of(settings):
            own = user_root.read(root)
            own.stage(folder, {"http": {}}, overrides, **arguments)
            return Terraform(
                folder, variables, self.terraform_log, self.progress,
                is_locked=False, shares_provider=own.providers <= 1,
            )  # fmt: skip
        stage(folder, None, overrides)
        variables |= {f"TF_VAR_{name}": json.dumps(value) for name, value in arguments.items()}
        return Terraform(folder, variables, self.terraform_log, self.progress)

    def _keys(self, names: Sequence[str]) -> dict[str, str]:
        """Return the values of the API keys by name. They are random and created once, in a private file."""
        file = self.folder / "api-keys.json"
        known: dict[str, str] = read_json(file) or {}
        if missing := [name for name in names if name not in known]:
            known |= {name: secrets.token_urlsafe(30) for name in missing}
            write_json(file, known)
        return {name: known[name] for name in names}


def resources_of(state: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Yield the attributes of each resource of a type in Terraform's state."""
    for each in state["resources"]:
        if each["type"] == kind:
            yield from (instance["attributes"] for instance in each["instances"])


def root_of(settings: dict[str, Any]) -> Path | None:
    """Return the user's own root configuration that the settings belong to, or None."""
    return Path(settings["root"]) if "root" in settings else None


def fingerprint(var_files: Sequence[Path], root: Path | None = None) -> str:
    """Return a digest of everything that an apply reads, including the user's own root if there is one."""
    digest = hashlib.sha256()
    folders = (ROOT / name for name in ("contract", "modules", "schemas", "web"))
    files = sources(ROOT, "*.tf") + sources(ROOT / "tools" / "laptop" / "corrections", "*.py")
    files += (f for folder in folders for f in sources(folder))
    if root:
        files += (f for f in sources(root) if f.relative_to(root).parts[0] not in ("dist", *user_root.NOT_LINKED))
        beside = (folder for folder in module_folders(root) if not folder.is_relative_to(root))
        files += (f for folder in beside for f in sources(folder))
    fixed = [(root or ROOT) / "dist/manifest.json", ROOT / ".terraform.lock.hcl"]
    for file in (*sorted(files), *fixed, *var_files):
        content = file.read_bytes()
        digest.update(f"{file}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def upload_packages(running: Running, project: Path) -> None:
    """Upload a project's packages to the bucket that OVERRIDES names."""
    s3, bucket = client("s3", running), f"packages-{running.region}"
    if bucket not in (known["Name"] for known in s3.list_buckets()["Buckets"]):
        # S3 refuses us-east-1 as a LocationConstraint: it is the region of a bucket without one.
        place = {"LocationConstraint": running.region} if running.region != "us-east-1" else {}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    for package in (project / "dist").glob("*.zip"):
        s3.put_object(Bucket=bucket, Key=package.name, Body=package.read_bytes())
