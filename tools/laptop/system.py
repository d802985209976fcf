"""One system on this machine: its emulator and what Terraform made in it, started, changed and stopped."""

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

PARALLEL = 30  # resources at a time: the provider mostly waits

ENDS_WITHIN = 60.0  # seconds; a Terraform whose caller was killed ends when it writes its next line

# The packages reach the emulator through a bucket: with `filename` the provider makes one function after the
# other, five seconds each, while it makes functions from S3 side by side. A distribution is there at once,
# where the provider would look after half a minute. It takes 25 seconds for each queue: a queue of jobs need not
# wait here until that of its dead letters is there. And 30 for each DNS record, which nobody here asks for: a domain
# is known by the header Host, and its certificate is issued at once.
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
    """Return OVERRIDES, and with them this machine's issuer in the place of the one that the tfvars name."""
    here = f'${{var.jwt == null ? null : "{issuer_url(port)}"}}'
    return {**OVERRIDES, SERVICE: {"locals": {"jwt_issuer": here}}}


Confirm = Callable[[list[str]], bool]


def items_of(running: Running, table: dict[str, Any]) -> str | None:
    """Return how many items a table has, or None for an empty one."""
    dynamodb = client("dynamodb", running)
    try:
        count = dynamodb.describe_table(TableName=table["name"])["Table"]["ItemCount"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    return f"{count} item{'s' * (count != 1)} in the table {table['name']}" if count else None


def users_of(running: Running, pool: dict[str, Any]) -> str | None:
    """Return how many users a pool has, or None for an empty one."""
    cognito = client("cognito-idp", running)
    try:
        count = cognito.describe_user_pool(UserPoolId=pool["id"])["UserPool"]["EstimatedNumberOfUsers"]
    except cognito.exceptions.ResourceNotFoundException:
        return None
    return f"{count} user{'s' * (count != 1)} in the user pool {pool['name']}" if count else None


# How to count what users have stored, by the type of Terraform's resource.
USER_DATA = {"aws_cognito_user_pool": users_of, "aws_dynamodb_table": items_of}


@dataclass(frozen=True)
class System:
    """One system, with all its files in one folder.

    The emulator saves its resources and Terraform's state together, but Terraform sends its state only now and
    then during an apply. So each apply begins with a copy of what is saved. A copy that is still there shows
    that a kill or Ctrl-C interrupted an apply, and that Terraform may not know what it has created. The next
    apply then starts from that copy, but keeps the items as they are by then.
    """

    folder: Path
    progress: Progress = field(default=lambda _: None)

    @property
    def identity(self) -> dict[str, str]:
        """The system's name and environment, which may make one NAME-ENVIRONMENT with another's; empty if unknown."""
        applied = read_json(self.folder / "settings.json") or {}
        known = read_json(self.folder / "system.json") or applied.get("settings", {})
        return {part: known[part] for part in ("name", "environment") if part in known}

    @property
    def name(self) -> str:
        """The system as its resources are named, NAME-ENVIRONMENT; with both parts if another has that folder."""
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
        """All that Terraform said."""
        return self.folder / "terraform.log"

    @property
    def settings(self) -> dict[str, Any]:
        """What Terraform knew of the variables of what was applied last: local.tools of modules/service."""
        settings: dict[str, Any] = self._applied()["settings"]
        return settings

    @property
    def var_files(self) -> list[Path]:
        """The variables of what was applied last."""
        return [Path(file) for file in self._applied()["var_files"]]

    @property
    def root(self) -> Path | None:
        """The user's own root configuration, where that was applied last."""
        return Path(self.settings["root"]) if "root" in self.settings else None

    @property
    def live_file(self) -> Path:
        """Which versions of the functions are live, if not the newest; Terraform finds it here."""
        return self.folder / "root" / "environments" / f"{self.settings['environment']}.live.json"

    @property
    def users(self) -> Path:
        """The passwords of the users that we made."""
        return self.folder / "users.json"

    @property
    def secrets(self) -> SecretValues:
        """The values of secrets that we were given."""
        return SecretValues(self.folder / "secrets.json")

    def issuer(self, running: Running) -> Issuer:
        """The issuer that stands in for the one that the tfvars name."""
        return Issuer(self.folder / FOLDER, issuer_url(running.port))

    def missing_secrets(self) -> list[str]:
        """Return the names of secrets of functions that have no value in the running system."""
        return self.secrets.put(self.settings.get("functions", {}), self.running())

    def apply(self, settings: dict[str, Any], var_files: Sequence[Path], port: int, confirm: Confirm) -> None:
        """Start the emulator unless it runs, and apply unless nothing has changed.

        Items and users that the apply would delete are put to `confirm` first; without its consent nothing
        changes.
        """
        self._recover()
        running = self.emulator.running()
        if running and (running.region, running.version) != (settings["region"], corrections_version()):
            self.stop()
            port, running = running.port, None
        died = self.emulator.died
        inputs = fingerprint(var_files, root_of(settings))
        started = running or self.emulator.start(port, settings["region"])
        try:
            state = self.emulator.state(started)
            if state.get("notice"):
                self.progress(state["notice"])
            self._take_over_state(started, is_empty=state.get("empty", False))
            applied = read_json(self.folder / "applied") or {}
            # Functions may run before the apply is done. Of a root of the user's own they are known only after it.
            self.secrets.put(settings.get("functions", {}), started)
            # A restart brings back what was saved, and the emulator counts what changes its resources, for
            # someone may do so by hand. After a kill, what was done in the last seconds may be lost.
            is_untouched = not died and applied.get("changes") == state.get("changes", -1)
            # What is deployed names its issuer, and so the port.
            is_here = applied.get("issuer") in (None, issuer_url(started.port))
            if is_untouched and is_here and applied["fingerprint"] == inputs:
                self.progress("Nothing has changed since the last apply.")
                return
            has_issuer = self._run_apply(started, settings, var_files, confirm, refresh=not is_untouched)
        except BaseException:
            if not running:
                self.progress("Stopping the emulator ...")
                self.emulator.stop()  # which saves what it can
            raise
        changes = self.emulator.state(started).get("changes", -1)
        issuer = issuer_url(started.port) if has_issuer else None
        write_json(self.folder / "applied", {"fingerprint": inputs, "changes": changes, "issuer": issuer})

    def outputs(self) -> dict[str, Any]:
        """Return Terraform's outputs, with URLs that answer on this machine, and the API keys' values."""
        running = self.running()
        made = read_json(self.folder / "outputs.json") or {}
        if "api_keys" not in made:
            raise UserError(f"{self.name} is not up yet: run `python local.py up`, or wait until it is done.")
        outputs: dict[str, Any] = local_urls(made, running.endpoint, domain_of(made))
        if made.get("website_url"):  # whatever name it has in AWS
            outputs["website_url"] = running.console
        return outputs

    def request(self) -> str | None:
        """Return a curl command, to paste, that lists the first collection that curl can list; else None."""
        outputs = self.outputs()
        curl, address = "curl -i", outputs["api_url"].rstrip("/")
        if domain := self.settings.get("domain"):  # not known to what an older version applied
            curl, address = f"curl -i -H 'host: {domain['name']}'", self.running().endpoint
        for entity in self.settings.get("entities", {}).values():
            method = entity["methods"].get("list", {"access": None})
            url = f"{address}/{entity['path']}"
            if method["access"] == "open":
                return f"{curl} {url}"
            if method["access"] == "api_key":
                return f"{curl} -H 'x-api-key: {next(iter(outputs['api_keys'].values()))}' {url}"
            # Users who sign in here have no scopes of our own.
            if method["access"] == "cognito" and method["scope"] is None and outputs.get("user_pool_client_id"):
                group = f" --group {method['group']}" if method["group"] else ""
                token = f"$(python local.py token --user me{group})"
                return f'{curl} -H "authorization: Bearer {token}" {url}'
            if method["access"] == "jwt":
                # Of both issuers, the user pool is the one that signs unless another is named.
                issuer = " --issuer jwt" if outputs.get("user_pool_id") else ""
                names = "".join(f" --{kind} {shlex.quote(method[kind])}" for kind in ("group", "scope") if method[kind])
                token = f"$(python local.py token --user me{issuer}{names})"
                return f'{curl} -H "authorization: Bearer {token}" {url}'
        return None

    def running(self) -> Running:
        """Return the running emulator; stop with exit code 3 when there is none."""
        if running := self.emulator.running():
            return running
        raise UserError(f"{self.name} is not running: start it with `python local.py up`.", exit_code=3)

    def stop(self, save: bool = True) -> None:
        """Stop the emulator, if it runs, once it has saved its state; where it cannot, it keeps running."""
        running = self.emulator.running()
        fault = self.emulator.save(running) if running and save else ""
        # Where it does not answer, it has ended, or nothing but a signal will do.
        if running and fault and self.emulator.answers(running):
            raise UserError(
                f"{self.name} keeps running, because what has changed in it cannot be saved ({fault}). "
                f"Fix that, for example by freeing space in {self.folder}, then run `python local.py down`."
            )
        self.emulator.stop()

    def purge(self) -> None:
        """Delete all that the stopped system keeps."""
        shutil.rmtree(self.folder)

    def has_changes(self, var_files: Sequence[Path]) -> bool:
        """Tell whether applying the same again would change anything."""
        return self._terraform(self.running(), self.settings).has_changes(var_files)

    def _applied(self) -> dict[str, Any]:
        known = read_json(self.folder / "settings.json")
        if known is None:
            raise UserError(f"{self.name} is not up yet: run `python local.py up`.", exit_code=3)
        found: dict[str, Any] = known
        return found

    def _take_over_state(self, started: Running, *, is_empty: bool) -> None:
        """Move the state file of an earlier version into the emulator, unless the emulator has lost its resources."""
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
        """Apply; return whether the system takes tokens of this machine's issuer.

        With `refresh`, look first for what has changed outside Terraform.
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
                    f"Nothing has changed: this would delete {' and '.join(losses)} of {self.name}. "
                    "If that is what you want, add --yes."
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
                if not self.emulator.answers(started):
                    raise InterruptedApplyError(
                        f"The emulator of {self.name} ended during the apply (log: {self.emulator.log}): run "
                        "`python local.py up` again, which begins with what was there before it."
                    ) from None
                if re.search("already ?exists", str(error), re.IGNORECASE):
                    raise type(error)(
                        f"{error} Something outside Terraform has made it: delete it, or run "
                        f"`python local.py down --purge`, which deletes all of {self.name}, its items too."
                    ) from None
                raise
            state = self.emulator.terraform_state(started)
            outputs = {name: output["value"] for name, output in state["outputs"].items()}
            made = outputs.get(user_root.OUTPUT, outputs)
            # Ours, or the values that the variables or an argument of a root of the user's own give.
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
        """Return what users have stored, such as "12 items in the table x", by Terraform's address."""
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
        """The copy of the emulator's saved state from before the apply that is under way."""
        return self.folder / "before"

    @property
    def _state_file(self) -> Path:
        """Where an earlier version kept Terraform's state, and a second copy in `before` during an apply."""
        return self.folder / "terraform.tfstate"

    @contextmanager
    def _recoverable(self, running: Running) -> Iterator[int]:
        """Keep a copy of the saved state during an apply; yield a file descriptor for the apply to hold.

        While any process holds it, the apply still runs, even if this process has ended.
        """
        self._save(running)
        new = self.folder / "before.partial"
        for folder in (new, self._before):
            shutil.rmtree(folder, ignore_errors=True)
        new.mkdir()
        write(new / self.emulator.saved.name, self.emulator.saved.read_bytes())
        (new / "lock").touch()
        new.rename(self._before)
        with (self._before / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield lock.fileno()
            except UserError as error:
                # An apply that fails comes to its end, and Terraform knows what it has made.
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
            raise UserError(f"{self.name} cannot save its state ({fault}): fix that, then try again.")

    def _recover(self) -> None:
        """Restore the saved state from the copy if the last apply was interrupted."""
        if not self._before.exists():
            return
        self.progress("The last apply was cut short: beginning with what was there before it ...")
        self._wait_for_apply()
        self.stop()
        before = self._before / self.emulator.saved.name
        snapshot.restore(self.emulator.saved, before)
        snapshot.drop_other_buckets(self.emulator.folder / "s3", before)
        if (self._before / self._state_file.name).exists():
            write(self._state_file, (self._before / self._state_file.name).read_bytes())
        else:
            self._state_file.unlink(missing_ok=True)
        # Terraform writes this file where the emulator was killed before it took the state.
        (self.folder / "root" / "errored.tfstate").unlink(missing_ok=True)
        shutil.rmtree(self._before)

    def _wait_for_apply(self) -> None:
        """Wait until the Terraform of a killed process has ended."""
        deadline = time.monotonic() + ENDS_WITHIN
        with (self._before / "lock").open() as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise UserError(
                            f"Terraform is still at work on {self.name}: wait until it has ended."
                        ) from None
                time.sleep(0.1)

    def _terraform(self, running: Running, settings: dict[str, Any]) -> Terraform:
        variables = environment(running.endpoint, running.region) | self.emulator.terraform_variables(running)
        arguments: dict[str, Any] = {}
        if keys := self._keys(settings["api_keys"]):
            arguments["api_key_values"] = keys
        # It costs nothing here: there unless the tfvars say otherwise, or it cannot be.
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
        """Return values for the API keys by name: random, made once, readable by their owner alone."""
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
    """Return the user's own root configuration that settings are of, if so."""
    return Path(settings["root"]) if "root" in settings else None


def fingerprint(var_files: Sequence[Path], root: Path | None = None) -> str:
    """Return a digest of everything that an apply reads, of the user's own root if there is one."""
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
    """Put a project's packages where OVERRIDES has them."""
    s3, bucket = client("s3", running), f"packages-{running.region}"
    if bucket not in (known["Name"] for known in s3.list_buckets()["Buckets"]):
        # S3 knows us-east-1 as the place of a bucket without a place.
        place = {"LocationConstraint": running.region} if running.region != "us-east-1" else {}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    for package in (project / "dist").glob("*.zip"):
        s3.put_object(Bucket=bucket, Key=package.name, Body=package.read_bytes())
