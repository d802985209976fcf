"""A function of app/: its configuration, its code, and its implementation of trestle.app."""

from __future__ import annotations

import json
import time

from trestle import app, errors
from trestle.clock import now
from trestle.context import Context
from trestle.errors import QuotableError
from trestle.own import scope
from trestle.own.code import PACKAGE, CodeError, load
from trestle.own.output import LEVELS, Output
from trestle.own.scope import FunctionScope, NoEntities, NotHereError, RightError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from typing import Any

    from trestle.own.scope import Uses

SECRET_SECONDS = 300


class SecretError(QuotableError, RuntimeError):
    """A secret cannot be read."""


class SendError(QuotableError, RuntimeError):
    """A job cannot be sent."""


class FunctionContext(app.Context):
    """The context of a function call. Rarely used parts are made on access."""

    __slots__ = ("_owner", "_request")

    def __init__(self, request: Context, via: str, owner: str) -> None:
        self._request = request
        self._owner = owner
        self.via = via
        self.operation = request.operation
        self.request_id = request.request_id
        self._now = now()
        self._deadline = float("inf") if request.deadline is None else request.deadline

    @property
    def caller(self) -> app.Caller | None:
        from trestle.own.callers import caller_of

        return caller_of(self._request, self._owner)

    @property
    def transaction(self) -> app.Transaction:
        raise NotHereError("A function has no item whose write others could join. Use transaction() instead.")


class Function:
    """A function of app/. A Lambda function makes it once, at cold start.

    name: its key in the tfvars. kind: "routes", "changes", "queue", "schedule", "event" or "job". config: the JSON of
    FUNCTION in the environment. level: the lowest level of its log.
    """

    def __init__(self, config: dict[str, Any], environment: Mapping[str, str]) -> None:
        """Import the function's module. Raise CodeError if it, or a hook that it runs, cannot be imported."""
        self.name: str = config["name"]
        self.kind: str = config["kind"]
        self.config = config
        self.level = LEVELS[environment.get("LOG_LEVEL") or "INFO"]
        self.writer = f"function:{self.name}"
        self._environment = environment
        self._secrets: dict[str, tuple[float, str]] = {}
        app._register(self)
        self._uses: Uses = NoEntities()
        self._owner = "sub"
        if environment.get("ENTITIES"):
            # Imported at cold start, and only by functions that use entities.
            from trestle.own.entities import Entities, FunctionUses

            uses = FunctionUses(Entities(environment, self.level), config)
            self._uses, self._owner = uses, uses.owner
        with Output(self.level, Context(), function=self.name):
            self._module = load(config["code"])

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Function:
        """Return the function that the environment variables describe.

        Raise CodeError if its module, or that of a hook that its writes run, cannot be imported.
        """
        return cls(json.loads(environment["FUNCTION"]), environment)

    def call(self, name: str, context: Context, *arguments: Any) -> Any:
        """Call a function of the module with these arguments and its Context, and return its result.

        context: the context of this call, which gets the called name and the writer. Passes on Refused, trestle.app's
        outcomes and Retry, and raises CodeError for everything else.
        """
        context.operation = name
        context.writer = self.writer
        code = getattr(self._module, name, None)
        if not callable(code):
            raise CodeError(f"{PACKAGE}/{self.config['code'].replace('.', '/')}.py defines no function {name}.")
        running = FunctionScope(self.name, context, self._uses)
        via = "api" if self.kind == "routes" else self.writer
        return scope.run(running, self.level, code, *arguments, FunctionContext(context, via, self._owner))

    # --- The implementation of trestle.app

    def entity(self, name: str) -> app.Entity:
        """Return an entity for own code."""
        from trestle.own.entities import OwnEntity

        return OwnEntity(name)

    def secret(self, name: str) -> str:
        """Return the text of a secret, cached for five minutes."""
        context = self._context("secret")
        arn = self._granted("secrets", name, f'{self.name} has no secret "{name}". Write {name} = "<ARN>" in')
        known = self._secrets.get(name)
        if known and time.monotonic() < known[0]:
            return known[1]
        from trestle.store.secrets import BinarySecretError, secret_value
        from trestle.store.services import RefusedError

        try:
            value = secret_value(context, arn)
        except errors.Unavailable as error:
            raise app.Unavailable(error.detail) from error
        except (BinarySecretError, RefusedError) as error:
            raise SecretError(
                f'The secret "{name}" of {self.name} cannot be read. {error} Check functions.{self.name}.secrets.'
            ) from error
        self._secrets[name] = time.monotonic() + SECRET_SECONDS, value
        return value

    def setting(self, name: str) -> str:
        """Return the value of a setting, also while the module is imported."""
        _no_hook("setting")
        if name not in self.config.get("settings", ()):
            raise self._lacks("settings", name, f'{self.name} has no setting "{name}". Write {name} = "<value>" in')
        return self._environment[name]

    def send(self, function: str, body: Any, *, delay: int) -> None:
        """Send a job to a function with a queue."""
        from trestle.own.messages import check_delay, job_message
        from trestle.store.queues import send_message
        from trestle.store.services import RefusedError

        context = self._context("send")
        url = self._granted("sends", function, f'{self.name} may not send to "{function}". Add "{function}" to')
        check_delay(delay)
        try:
            send_message(context, url, job_message(body), delay=delay)
        except errors.Unavailable as error:
            raise app.Unavailable(error.detail) from error
        except RefusedError as error:
            raise SendError(
                f'{self.name} cannot send to "{function}". {error} Check functions.{self.name}.sends.'
            ) from error

    def transaction(self) -> AbstractContextManager[app.Transaction]:
        """Return a transaction that is carried out at the end of its `with` block."""
        running = scope.running()
        if running is not None and running.is_hook:
            from trestle.own.operations import NO_TRANSACTION

            raise NotHereError(NO_TRANSACTION)
        from trestle.own.opened import OpenedTransaction

        return OpenedTransaction()

    def _context(self, name: str) -> Context:
        """Return the context of the running call. Raise NotHereError in hooks, and while a module is imported."""
        _no_hook(name)
        running = scope.running()
        if running is None:
            raise NotHereError(f"{name}() works while a function runs, not while a module is imported.")
        return running.context

    def _granted(self, what: str, name: str, fault: str) -> str:
        """Return what the tfvars grant to this function under a name. Raise RightError, which begins with `fault`."""
        granted: dict[str, str] = self.config.get(what, {})
        if name not in granted:
            raise self._lacks(what, name, fault)
        return granted[name]

    def _lacks(self, what: str, name: str, fault: str) -> RightError:
        if not scope.is_name(name):
            fault = "The name is none of"
        return RightError(f"{fault} functions.{self.name}.{what}.")


def _no_hook(name: str) -> None:
    """Raise NotHereError while a hook runs, since it may run several times for one write."""
    running = scope.running()
    if running is not None and running.is_hook:
        from trestle.own.operations import no_effect

        raise no_effect(name)
