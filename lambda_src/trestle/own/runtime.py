"""What carries out the functions of trestle.app while hooks run."""

from __future__ import annotations

from trestle import app
from trestle.own.entities import OwnEntity
from trestle.own.scope import NotHereError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Runtime:
    """Carries out the functions of trestle.app for hooks."""

    def entity(self, name: str) -> app.Entity:
        """Return the entity for own code."""
        return OwnEntity(name)

    def secret(self, name: str) -> str:
        """Raise: hooks have no secrets."""
        raise _no_effect("secret")

    def setting(self, name: str) -> str:
        """Raise: hooks have no settings."""
        raise _no_effect("setting")

    def send(self, function: str, body: Any, *, delay: int) -> None:
        """Raise: hooks send nothing."""
        raise _no_effect("send")

    def transaction(self) -> Any:
        """Raise: a hook's transaction is that of its item's write."""
        raise NotHereError("A hook cannot open a transaction. Use context.transaction, which joins the item's write.")


def _no_effect(name: str) -> NotHereError:
    return NotHereError(
        f"A hook cannot call {name}(): it may run several times for one write, so it only reads, refuses and adds "
        "writes to context.transaction."
    )
