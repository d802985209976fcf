"""The transaction that a function of app/ opens with `with transaction() as t`."""

from __future__ import annotations

from trestle import app, errors
from trestle.own.flows import ATTEMPTS, LOST, pause
from trestle.own.scope import LostRaceError, NotHereError, current
from trestle.own.transaction import Transaction
from trestle.own.values import raise_public
from trestle.store.transaction import MAX_WRITES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trestle.context import Context
    from trestle.entity import Entity
    from trestle.store.writes import Write


class OpenedTransaction(Transaction):
    """A function's transaction, carried out at the end of its `with` block unless the block raises."""

    __slots__ = ("_is_open", "_is_used")

    max_writes = MAX_WRITES
    too_many = f"A transaction takes at most {MAX_WRITES} writes."

    def __init__(self) -> None:
        super().__init__()
        self._is_open = self._is_used = False

    def __enter__(self) -> OpenedTransaction:
        if self._is_used:
            raise NotHereError("The transaction was opened before. Call transaction() for a new one.")
        self._is_open = self._is_used = True
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_open = False
        if kind is None and self._planned:
            self._carry_out(current().context)

    def _carry_out(self, context: Context) -> None:
        """Carry out the writes. Conflicts with other transactions are retried."""
        for number in range(ATTEMPTS):
            try:
                self.commit(context)
            except LostRaceError as lost:
                if lost.may_pass:
                    pause(number)
                    continue
                raise app.Changed from None
            except errors.Refusal as refusal:
                raise_public(refusal)
            return
        raise app.Changed(LOST)

    def _taken(self) -> Exception:
        return app.Taken()

    def _failed(self, otherwise: app.Refuse | None, *, exists: bool) -> Exception:
        return otherwise or (app.Changed() if exists else app.NotFound())

    def _add(
        self, write: Write, entity: Entity, owner: str, item_id: str, otherwise: app.Refuse | None, *, is_read: bool
    ) -> None:
        if not self._is_open:
            raise NotHereError("The transaction is not open. Write `with transaction() as t:`, and use t in its block.")
        super()._add(write, entity, owner, item_id, otherwise, is_read=is_read)
