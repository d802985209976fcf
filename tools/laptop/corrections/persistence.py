"""Save the emulator's whole state in one file, in the background, completely or not at all.

The emulator saves only when it stops, writes one file per service, and ignores failures. Here, soon after a
change, a copy of the process (fork) writes all services as they are at that moment. The new file replaces the old one
when it is completely on the disk. The server keeps responding: the fork takes milliseconds, and the copy does the
writing.

The same file holds Terraform's state, so that the state and its resources are saved and restored together. Terraform
reads and writes it with its `http` backend:
https://developer.hashicorp.com/terraform/language/backend/http
"""

from __future__ import annotations

import asyncio
import copy
import fcntl
import gc
import hmac
import json
import logging
import os
import re
import signal
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tools.laptop.corrections import TERRAFORM_PATH, Params, basic_authorization

NAME = "saved"
FORMAT = 1

# The paths that this module serves, with their methods. For Terraform's state, these are the methods of its `http`
# backend without locks.
SAVE_PATH, STATE_PATH = "/_trestle/save", "/_trestle/state"
METHODS = {SAVE_PATH: ("POST",), STATE_PATH: ("GET",), TERRAFORM_PATH: ("DELETE", "GET", "POST")}

# Seconds from a change to its save; the shortest time between two saves, in seconds and as a multiple of a save's
# duration, so that a large state costs no more than a small one; and seconds until a save is aborted.
SOON, APART, SHARE, GIVEN_UP = 0.25, 1.0, 4.0, 120

# The names of requests that read, and of those that change data but no resources of Terraform.
READS = re.compile(r"BatchGet|Describe|Filter|Get|Head|List|Lookup|Query|Scan|Search|Select|Test|TransactGet")
OF_DATA = re.compile(
    r"(Batch|Transact)Write|(Delete|Put|Update)Item|(Batch)?Execute(Statement|Transaction)"
    r"|PutLogEvents|CreateLogStream|PutMetricData|PutTraceSegments"
    r"|Admin|SignUp|Confirm|Initiate|RespondTo|Forgot|Resend|GlobalSignOut|Revoke"
    r"|(De|En|ReEn)crypt|Generate|Sign$|Verify|AssumeRole|Invoke"
    r"|Send|Receive|DeleteMessage|ChangeMessage|Publish$|PutEvents$|CreateSecret$|PutSecretValue$"
)
DATA_PATHS = re.compile(
    r"/(_aws/|_ministack/|oauth2/|login|logout|restapis/[^/]+/[^/]+/_user_request_)|.*/(invocations|response|error)$"
)


def correct(persistence: Any, app: Any, functions: Any) -> Saver:
    """Correct ministack.core.persistence and its callers. Return the object that saves."""
    decode = persistence._json_object_hook

    def decode_strictly(value: Params) -> Any:
        # Users' properties may have the names that the emulator uses for its own types.
        scoped = value.get("__account_region_scoped__") is True or value.get("__scoped__") is True
        is_bytes = len(value) == 1 and isinstance(value.get("__bytes__"), str)
        return decode(value) if scoped or is_bytes else value

    persistence._json_object_hook = decode_strictly
    saver = Saver(persistence, app, functions, Path(persistence.STATE_DIR))
    # Unreferenced code is deleted when the state is loaded, since a state on the disk may still refer to it.
    saver.prune, functions._prune_orphan_code_blobs = functions._prune_orphan_code_blobs, lambda _: None
    app._load_persisted_state = saver.load
    app.save_all = lambda _: saver.save_at_the_end()
    return saver


class Saver:
    """Saves and loads the emulator's state."""

    def __init__(self, persistence: Any, app: Any, functions: Any, folder: Path) -> None:
        """Use this folder for the saved state."""
        self.persistence, self.app, self.functions, self.folder = persistence, app, functions, folder
        self.prune: Any = None
        self.changes = 0  # number of changes to resources, ever
        self.terraform: str | None = None  # Terraform's state, once there is one
        self.notice = ""  # message for the command that starts the emulator
        self.empty = True  # whether nothing was loaded
        self.touched = self.saved = 0
        self.fault = ""
        self.is_serving = False  # whether a request was answered
        self.loop: asyncio.AbstractEventLoop | None = None
        self.wake = asyncio.Event()
        self.at_work = asyncio.Lock()

    @property
    def file(self) -> Path:
        """The file with the whole state: a line with Terraform's state and the number of services, then a line each."""
        return self.folder / NAME

    @property
    def previous(self) -> Path:
        """The file with the previous state."""
        return self.folder / f"{NAME}.previous"

    def touch(self, *, is_change: bool = False) -> None:
        """Record that something has changed."""
        self.touched += 1
        self.changes += is_change
        self.wake.set()

    def touch_from_thread(self) -> None:
        """Record, outside the server's thread, that data has changed."""
        if self.loop:
            self.loop.call_soon_threadsafe(self.touch)

    # -- saving

    async def keep_saving(self) -> None:
        """Save soon after each change, in an endless loop."""
        self.loop = asyncio.get_running_loop()
        while True:
            await self.wake.wait()
            self.wake.clear()
            await asyncio.sleep(SOON)
            if self.touched == self.saved:
                continue
            began = time.monotonic()
            fault = await self.save()
            if fault and not self.fault:
                log_line(f"The state could not be saved: {fault}")
            self.fault = fault
            if fault:
                self.wake.set()
            await asyncio.sleep(max(APART, SHARE * (time.monotonic() - began)))

    async def save(self) -> str:
        """Save the changes of all requests so far. Return the error, or an empty text."""
        async with self.at_work:
            seen, copied = self.touched, self._copy()
            fault = await asyncio.to_thread(outcome, *copied)
            if not fault:
                self._mark_saved(seen)
            return fault

    def save_at_the_end(self) -> None:
        """Save the changes that are not saved yet."""
        if self.touched != self.saved and (fault := outcome(*self._copy())):
            log_line(f"The state could not be saved: {fault}")

    def _mark_saved(self, seen: int) -> None:
        self.saved = seen
        for old in self.folder.glob("*.json"):  # as the emulator itself does
            if old.stem in self.app._state_map:
                old.unlink()

    def _copy(self) -> tuple[int, int]:
        """Start a copy of this process that saves. Return its id and the pipe for its error."""
        ours, reader, writer = os.getpid(), *os.pipe()
        with warnings.catch_warnings():
            # Threads are not copied, so a lock that one of them holds is never released: hence the alarm.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._save_and_exit(ours, writer)
        os.close(writer)
        return pid, reader

    def _save_and_exit(self, parent: int, writer: int) -> NoReturn:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.alarm(GIVEN_UP)
            gc.disable()
            gc.freeze()
            # Connections, and the lock that marks a running emulator, belong to the original process.
            os.closerange(3, writer)
            os.closerange(writer + 1, 65536)
            logging.disable()
            vars(copy)["deepcopy"] = lambda value, _=None: value  # this is a copy of the process
            with (self.folder / f"{NAME}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if os.getppid() == parent:  # otherwise, another emulator may have loaded the file
                    self.write()
            os._exit(0)
        except BaseException as error:
            os.write(writer, (str(error) or type(error).__name__).encode())
            os._exit(1)

    def write(self) -> None:
        """Write the current state. The old file stays until the new one is completely on the disk."""
        partial = self.folder / f"{NAME}.partial"
        try:
            services = self.app._build_persistence_save_dict()
            with partial.open("wb") as out:
                header = {
                    "format": FORMAT, "changes": self.changes, "services": len(services), "terraform": self.terraform
                }  # fmt: skip
                out.write(json.dumps(header).encode() + b"\n")
                for name, get_state in services.items():
                    out.write(self._line(name, get_state) + b"\n")
                out.flush()
                os.fsync(out.fileno())
            with suppress(OSError):  # not every file system supports links
                self.previous.unlink(missing_ok=True)
                self.previous.hardlink_to(self.file)
            partial.replace(self.file)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
        with suppress(OSError):  # not every file system supports it
            folder = os.open(self.folder, os.O_RDONLY)
            os.fsync(folder)

    def _line(self, name: str, get_state: Any) -> bytes:
        try:
            state = get_state()
            line = {
                "service": name, "version": self.persistence._state_format_version(name), "state": state
            }  # fmt: skip
            text = json.dumps(line, default=self.persistence._json_default)
        except OSError:
            raise
        except Exception as error:
            log_line(f"The state of {name} could not be saved: {error!r}")
            state = None
        if state is not None:
            return text.encode()
        # A module that cannot be imported has no state: keep the saved one.
        known = lines(self.file)[1:] if self.file.exists() else []
        nothing = json.dumps({"service": name, "version": 0, "state": None}).encode()
        return next((line for line in known if json.loads(line)["service"] == name), nothing)

    # -- loading

    def load(self) -> None:
        """Load the last saved state. If it cannot be read, keep the file and load the previous one."""
        with (self.folder / f"{NAME}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a copy of a killed emulator may still be saving
            states, unreadable = self._newest()
        self.empty = not states
        for name, state in states.items():
            try:
                self.app._get_module(name_of_module(self.app, name)).load_persisted_state(state)
            except Exception as error:
                # Without this error, the next save would delete its state.
                log_line(f"The saved state of {name} cannot be restored ({error!r}). It is in {self.folder}.")
                os._exit(1)
        if unreadable:
            since = "the state that was saved before it" if states else "nothing"
            self.notice = f"Saved state cannot be read: it is kept in {', '.join(unreadable)}, and {since} is loaded."
        beside = self.folder.parent.parent / "before" / NAME
        texts = [f.read_bytes() for f in (self.file, self.previous, beside) if f.exists()]
        found = (re.findall(rb'"code_blob_ref": "(\w+)"', text) for text in texts)
        self.prune({reference.decode() for each in found for reference in each})

    def _newest(self) -> tuple[dict[str, Any], list[str]]:
        unreadable: list[str] = []
        (self.folder / f"{NAME}.partial").unlink(missing_ok=True)
        for file in (self.file, self.previous):
            if file.exists():
                try:
                    return self._read(file), unreadable
                except (ValueError, KeyError, TypeError):
                    kept = file.with_name(f"{file.name}.unreadable-{time.time_ns()}")
                    file.rename(kept)
                    unreadable.append(str(kept))
        states: dict[str, Any] = {}
        for name in self.app._state_map:
            file = self.folder / f"{name}.json"
            if file.exists():
                if (state := self.persistence.load_state(name)) is not None:
                    states |= {name: state} if state else {}
                else:
                    kept = file.with_name(f"{file.name}.unreadable-{time.time_ns()}")
                    file.rename(kept)
                    unreadable.append(str(kept))
        return states, unreadable

    def _read(self, file: Path) -> dict[str, Any]:
        header, *services = lines(file)
        known = json.loads(header)
        if known["format"] != FORMAT or known["services"] != len(services):
            raise ValueError
        states = {}
        for line in services:
            found = json.loads(line, object_hook=self.persistence._json_object_hook)
            if found["version"] > self.persistence._state_format_version(found["service"]):
                raise ValueError
            if found["state"]:
                states[found["service"]] = found["state"]
        self.changes, self.terraform = known["changes"], known.get("terraform")
        return states


def name_of_module(app: Any, state: str) -> str:
    """Return the module that owns the state with this name."""
    name: str = app._state_map[state]
    return name


def log_line(text: str) -> None:
    """Write a line to the emulator's log without buffers, whose locks another thread may have held."""
    os.write(2, f"{text}\n".encode())


def lines(file: Path) -> list[bytes]:
    """Return a file's lines."""
    return file.read_bytes().rstrip(b"\n").split(b"\n")


def outcome(pid: int, reader: int) -> str:
    """Wait for the copy that saves. Return the error, or an empty text."""
    said = b""
    while chunk := os.read(reader, 4096):
        said += chunk
    os.close(reader)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return said.decode() or (f"the process that saves ended with {code}" if code else "")


def serve(app: Any, saver: Saver, password: Path) -> Any:
    """Wrap the server: record changes, and serve the commands that start and stop the emulator.

    Terraform's state is only for clients that can read the password file.
    """
    running: list[asyncio.Task[None]] = []

    async def answer(send: Any, status: int, text: str = "", **headers: str) -> None:
        named = {"content-type": "application/json", **headers}
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": text.encode()})

    async def answer_ourselves(scope: Params, receive: Any, send: Any) -> None:
        path, method = scope["path"], scope["method"]
        if path == TERRAFORM_PATH and not is_owner(scope, password):
            await answer(send, 401, www_authenticate='Basic realm="trestle"')
        elif method not in METHODS[path]:
            await answer(send, 405, allow=", ".join(METHODS[path]))
        elif path == SAVE_PATH:
            fault = await saver.save()
            await answer(send, 507 if fault else 200, json.dumps({"fault": fault}))
        elif path == STATE_PATH:
            known = {name: getattr(saver, name) for name in ("changes", "empty", "fault", "notice")}
            await answer(send, 200, json.dumps(known))
        elif method == "GET":
            await answer(send, 404 if saver.terraform is None else 200, saver.terraform or "")
        elif method == "DELETE":
            keep(None)
            await answer(send, 200)
        elif (body := await whole_body(receive)) is not None:
            state = state_of(body)
            if state is not None:
                keep(state)
            await answer(send, 400 if state is None else 200)

    def keep(state: str | None) -> None:
        saver.terraform = state
        saver.touch()

    async def serve(scope: Params, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":

            async def began(message: Params) -> None:
                if message["type"] == "lifespan.startup.complete":
                    running.append(asyncio.create_task(saver.keep_saving()))
                await send(message)

            await app(scope, receive, began)
            return
        saver.is_serving = True
        if scope["path"] in METHODS:
            await answer_ourselves(scope, receive, send)
        else:
            head = b""

            async def read() -> Params:
                nonlocal head
                message: Params = await receive()
                if len(head) < 200:
                    head += message.get("body", b"")[:200]
                return message

            try:
                await app(scope, read, send)
            finally:
                kind = kind_of(scope, head)
                if kind != "read":
                    saver.touch(is_change=kind == "change")

    return serve


def is_owner(scope: Params, password: Path) -> bool:
    """Return whether a request has the password of a file. Read it each time: it may be created after the start."""
    given = dict(scope.get("headers", ())).get(b"authorization", b"")
    try:
        known = password.read_text()
    except OSError:
        return False
    return bool(known) and hmac.compare_digest(given, basic_authorization(known).encode())


async def whole_body(receive: Any) -> bytes | None:
    """Return the body of a request, or None if the client was killed while it was sending."""
    chunks, more = [], True
    while more:
        message: Params = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


def state_of(body: bytes) -> str | None:
    """Return Terraform's state in a body as text, or None if there is none."""
    try:
        text = body.decode()
        state = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return text if isinstance(state, dict) and isinstance(state.get("version"), int) else None


def kind_of(scope: Params, body: bytes) -> str:
    """Return whether a request probably reads, changes data or changes a resource, from its name."""
    headers = dict(scope.get("headers", ()))
    host, path, method = headers.get(b"host", b"").decode("latin-1"), scope["path"], scope.get("method", "")
    if path.startswith("/_ministack/health"):
        return "read"
    if DATA_PATHS.match(path) or ".cloudfront.net" in host or ".execute-api." in host:
        return "data"
    action = headers.get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
    if not action and (found := re.match(r"/service/\w+/operation/(\w+)$", path)):
        action = found[1]
    if not action and (sent := re.search(rb"(?:^|&)Action=(\w+)", body)):
        action = sent[1].decode()
    if action:
        return "read" if READS.match(action) else "data" if OF_DATA.match(action) else "change"
    return "read" if method in ("GET", "HEAD", "OPTIONS") else "change"
