"""The operations of an entity with hooks."""

from __future__ import annotations

import json
from functools import partial

from trestle import app
from trestle.own.hooks import Hooks
from trestle.own.scope import NoEntities, NotHereError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Protocol

    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.item import Item
    from trestle.own.scope import Uses

    States = Sequence[tuple[str, int]] | None

    class Create(Protocol):
        """Makes items."""

        def __call__(
            self, entity: Entity, context: Context, doc: dict[str, Any], own_id: Any = ..., *, key: str = ""
        ) -> tuple[Item, bool]: ...

    class Change(Protocol):
        """Changes items."""

        def __call__(
            self, entity: Entity, context: Context, item_id: str, doc: dict[str, Any], expected: States = None, /
        ) -> Item: ...

    class Delete(Protocol):
        """Deletes items."""

        def __call__(self, entity: Entity, context: Context, item_id: str, expected: States = None, /) -> None: ...


def operations_of(entity: Entity, environment: Mapping[str, str], level: int) -> HookedOperations:
    """Return the operations of a function's entity with hooks. Parameters and errors are those of hooks_of."""
    return HookedOperations(hooks_of(entity, environment, level))


def hooks_of(entity: Entity, environment: Mapping[str, str], level: int) -> Hooks:
    """Return the hooks of a function's entity. level: the log level.

    Raise CodeError if their module, or the hooks of an entity that they use, cannot be imported.
    """
    app._register(Runtime())
    module: str = json.loads(environment["ENTITY_OPTIONS"])["hooks"]
    uses: Uses = NoEntities()
    if environment.get("ENTITIES"):
        # Imported at cold start, and only if hooks use entities.
        from trestle.own import transaction  # noqa: F401 - for its import alone
        from trestle.own.entities import Entities

        uses = Entities(environment, level)
    return Hooks(entity, module, uses, level)


class HookedOperations:
    """The operations of trestle.operations, with an entity's hooks.

    present: modifies items in place before they are sent, None if the entity lacks the hook.
    """

    __slots__ = ("_hooks", "present")

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self.present = hooks.show if hooks.present else None

    @property
    def create(self) -> Create:
        """The function that creates items, like trestle.operations.create.create.

        Each property imports only its own operation. An endpoint asks for its operation at cold start.
        """
        if self._hooks.before_create:
            from trestle.own.creation import create as hooked

            return partial(hooked, self._hooks)
        from trestle.operations.create import create

        return create

    @property
    def replace(self) -> Change:
        """The function that replaces items, like trestle.operations.replace.replace."""
        if self._hooks.before_update:
            from trestle.own import flows

            return lambda entity, context, item_id, doc, expected=None: flows.replace(
                self._hooks, entity, context, item_id, doc, expected=expected
            )
        from trestle.operations.replace import replace

        return replace

    @property
    def merge(self) -> Change:
        """The function that merges patches into items, like trestle.operations.merge.merge."""
        if self._hooks.before_update:
            from trestle.own import flows

            return lambda entity, context, item_id, doc, expected=None: flows.merge(
                self._hooks, entity, context, item_id, doc, expected=expected
            )
        from trestle.operations.merge import merge

        return merge

    @property
    def delete(self) -> Delete:
        """The function that deletes items, like trestle.operations.delete.delete."""
        if self._hooks.before_delete:
            from trestle.own import flows

            return partial(flows.delete, self._hooks)
        from trestle.operations.delete import delete

        return delete


NO_TRANSACTION = "A hook cannot open a transaction. Use context.transaction, which includes the item's write."


class Runtime:
    """The implementation of trestle.app for hooks."""

    def entity(self, name: str) -> app.Entity:
        """Return the entity for own code."""
        from trestle.own.entities import OwnEntity

        return OwnEntity(name)

    def secret(self, name: str) -> str:
        """Raise an error, since hooks have no secrets."""
        raise no_effect("secret")

    def setting(self, name: str) -> str:
        """Raise an error, since hooks have no settings."""
        raise no_effect("setting")

    def send(self, function: str, body: Any, *, delay: int) -> None:
        """Raise an error, since hooks send nothing."""
        raise no_effect("send")

    def transaction(self) -> Any:
        """Raise an error, since a hook has context.transaction."""
        raise NotHereError(NO_TRANSACTION)


def no_effect(name: str) -> NotHereError:
    """Return the error for a function that hooks cannot call."""
    return NotHereError(
        f"A hook cannot call {name}(): it may run several times for one write, so it only reads, refuses and adds "
        "writes to context.transaction."
    )
