"""Several writes, on any of the system's tables, that succeed or fail together."""

from __future__ import annotations

import time

from trestle.errors import TooLarge, Unavailable
from trestle.item import split_key
from trestle.store import dynamodb, table
from trestle.store.dynamodb import ServiceError
from trestle.store.writes import Cancelled, is_deleted, is_left_by, perform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from trestle.context import Context
    from trestle.store.writes import Write

MAX_WRITES = 100
# The names of the actions in a transaction. Only transactions have ConditionCheck.
_MEMBERS = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete", "ConditionCheck": "ConditionCheck"}
# Reasons for which DynamoDB cancels a transaction. Source: "TransactionCanceledException" in its API Reference.
_THROTTLED = frozenset(("ProvisionedThroughputExceeded", "ThrottlingError"))
# Part of the message, without blanks, for a transaction over 4 MB.
_TOO_LARGE_TOGETHER = "4MB"


class TransactionTooLarge(ValueError):  # noqa: N818 - named as the refusals are
    """The transaction has more writes than DynamoDB allows."""


def commit(context: Context, writes: Sequence[Write]) -> None:
    """Carry out all writes or none. A single write needs no transaction.

    Retries within the call, including those after throttling, send the same token, so that nothing is carried out
    twice. Raises Cancelled for the first write whose condition failed, otherwise for the first one that conflicted with
    another transaction; Unavailable; TooLarge; TransactionTooLarge for more than MAX_WRITES writes; ValueError for two
    writes on one record.
    """
    check_writes(writes)
    if not writes:
        return
    if len(writes) == 1 and writes[0].action != "ConditionCheck":
        perform(context, writes[0])
        return
    if context.writer:
        for write in writes:
            write.sign(context.writer)
    payload = {
        "ClientRequestToken": table.write_token(),
        "TransactItems": [
            {
                _MEMBERS[write.action]: {
                    "TableName": write.entity.table,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    **write.payload,
                }
            }
            for write in writes
        ],
    }
    tables = list(dict.fromkeys(write.entity.table for write in writes))
    uncertain = False
    retries = 0
    while True:
        try:
            table.request(tables, context, "TransactWriteItems", payload)
        except ServiceError as error:
            uncertain = uncertain or error.uncertain
            try:
                _settle(context, writes, error, uncertain=uncertain)
            except Unavailable:
                seconds = dynamodb.pause("ThrottlingException", retries)
                is_late = context.deadline is not None and time.monotonic() + seconds >= context.deadline
                if is_late or retries + 1 == dynamodb.ATTEMPTS:
                    raise
                time.sleep(seconds)
                retries += 1
                continue
        return


def _settle(context: Context, writes: Sequence[Write], error: ServiceError, *, uncertain: bool) -> None:
    """Return if an error shows that an earlier attempt carried out the writes. Otherwise raise like `commit`.

    It raises Unavailable for throttling, which is transient.
    """
    if error.code == "ValidationException" and _TOO_LARGE_TOGETHER in error.message.replace(" ", ""):
        raise TooLarge("The transaction would exceed the database's limit of 4 MB.") from error
    if error.code != "TransactionCanceledException":
        raise error
    reasons = error.body.get("CancellationReasons") or []
    codes = [reason.get("Code") for reason in reasons]
    met = [reason.get("Item") or {} for reason in reasons]
    if _is_carried_out(writes, codes, met, uncertain=uncertain):
        return
    if "ConditionalCheckFailed" in codes:
        index = codes.index("ConditionalCheckFailed")
        raise Cancelled(index, "condition", met[index]) from None
    if any("Item size" in (reason.get("Message") or "") for reason in reasons):
        raise TooLarge(table.ITEM_TOO_LARGE) from error
    if not _THROTTLED.isdisjoint(codes):
        context.calls[-1].throttled = True
        raise Unavailable(table.NO_ANSWER) from error
    if "TransactionConflict" in codes:
        raise Cancelled(codes.index("TransactionConflict"), "conflict", {}) from None
    raise error


def check_writes(writes: Sequence[Write]) -> None:
    """Raise TransactionTooLarge for more than MAX_WRITES writes, ValueError for two on one record."""
    if len(writes) > MAX_WRITES:
        raise TransactionTooLarge(f"A transaction takes at most {MAX_WRITES} writes; this one has {len(writes)}.")
    found: set[tuple[str, str]] = set()
    for write in writes:
        key: str = (write.payload.get("Key") or write.payload["Item"])["id"]["S"]
        if (write.entity.table, key) in found:
            item_id = split_key(key)[1]
            raise ValueError(f"A transaction has one write per item; {write.entity.name} {item_id} has two.")
        found.add((write.entity.table, key))


def _is_carried_out(
    writes: Sequence[Write], codes: Sequence[str], met: Sequence[dict[str, Any]], *, uncertain: bool
) -> bool:
    """Return whether an earlier attempt carried out the writes, and only its answer was lost.

    DynamoDB recognises the ClientRequestToken for ten minutes. After that, one record with the token of its Write
    proves it, since all were written together. If no write leaves a token, all records to be deleted must be missing.
    """
    if any(map(is_left_by, writes, met)):
        return True
    if not uncertain or any(write.token for write in writes):
        return False
    deletions = [index for index, write in enumerate(writes) if write.action == "DeleteItem"]
    return bool(deletions) and all(
        codes[index] == "ConditionalCheckFailed" and is_deleted(writes[index], met[index]) for index in deletions
    )
