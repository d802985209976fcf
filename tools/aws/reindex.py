"""Derive anew what lists, filters and the time to live go by, for the items that a table holds already.

Items that were stored before a filter was declared lack the keys of its index, and those that another
program wrote may lack all of them. `terraform output -json | python -m tools.aws.reindex ENTITY` gives them
these, once the filter is applied; `--local` does so in the local run. What to derive is read from the
deployed function, so that it is what the function derives.

A change is conditional on the version that was read and leaves version and updatedAt alone: no write of a
client's is lost or seen twice. Run again, it changes only what is not right yet. A record that is no item is
named and left as it is.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tools.aws.deployed import region
from tools.aws.versions import ALIAS
from tools.contract import ITEMS, OPERATIONS, SERVERS_OWN
from tools.errors import UserError, user_errors
from tools.laptop import systems
from tools.laptop.emulator import client as local_client
from tools.terraform import ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))

from trestle.errors import InvalidRequest
from trestle.item import Item, owned, parted
from trestle.schema.types import is_numeric
from trestle.store.attributes import decode
from trestle.store.derived import EXPIRES, PREFIXES, Derivation

PAGE = 100  # items
ATTEMPTS = 10  # at an item that keeps changing
REPORT_SECONDS = 2.0
DEFAULT_RATE = 200.0
# The functions that write derive attributes; all that derive them have the same options.
WRITERS = {name for name, operation in OPERATIONS.items() if "filters" in operation["settings"]}
# The attributes of an item, with their types.
ENVELOPE = {name: ITEMS["attributes"][name] for name in (*SERVERS_OWN, "doc")}
FAULTS_SHOWN = 20  # faults

Record = dict[str, dict[str, Any]]


class InvalidItemError(Exception):
    """Why a line or a record is not an item, or cannot be changed."""


@dataclass
class ReindexResult:
    """The progress: items read and changed, records left out and why, and the id to continue after."""

    read: int = 0
    changed: int = 0
    left_out: list[str] = field(default_factory=list)
    after: str | None = None


def reindex(
    client: Any,
    table: str,
    entity: str,
    derivation: Derivation,
    result: ReindexResult,
    *,
    rate: float = DEFAULT_RATE,
    report: Callable[[ReindexResult], None] = lambda _: None,
) -> None:
    """Mend every item of a table after `result.after`, at most `rate` a second; `result` is kept up to date."""
    started = time.monotonic()
    while True:
        start = {"ExclusiveStartKey": {"id": {"S": result.after}}} if result.after else {}
        page = client.scan(TableName=table, Limit=PAGE, ConsistentRead=True, **start)
        for record in page["Items"]:
            result.read += 1
            try:
                result.changed += correct_item(client, table, entity, derivation, record)
            except InvalidItemError as fault:
                result.left_out.append(f"{record['id']['S']}: {fault}")
        if "LastEvaluatedKey" not in page:
            return
        result.after = page["LastEvaluatedKey"]["id"]["S"]
        report(result)
        time.sleep(max(0.0, started + result.changed / rate - time.monotonic()))


def correct_item(client: Any, table: str, entity: str, derivation: Derivation, record: Record) -> bool:
    """Give one item the attributes that are derived from it, and only those; return whether any were wrong.

    Raise InvalidItemError for a record that is no item, and for an item that has no room for them.
    """
    for _ in range(ATTEMPTS):
        update = correction(entity, derivation, record)
        if not update:
            return False
        try:
            client.update_item(TableName=table, Key={"id": record["id"]}, **update)
        except client.exceptions.ConditionalCheckFailedException as error:
            if not (found := error.response.get("Item")):
                return False  # deleted meanwhile
            record = found
            continue
        except ClientError as error:
            if "Item size" in str(error):
                raise InvalidItemError("has no room for the keys of its filters within DynamoDB's 400 KB") from None
            raise
        return True
    raise UserError(f"The item {record['id']['S']} keeps changing: try again when it is written less.")


def correction(entity: str, derivation: Derivation, record: Record) -> dict[str, Any]:
    """Return the UpdateItem that makes an item's derived attributes right, empty when they are.

    Raise InvalidItemError for a record that is no item.
    """
    owner, _ = parted(record["id"]["S"])
    wanted = {name: value for name, value in derivation.of(item_of(record).doc, owner).items() if value}
    wanted["collection"] = {"S": owned(entity, owner)}
    removals = [name for name in record if is_derived(name) and name not in wanted]
    values = {name: value for name, value in wanted.items() if not is_same(record.get(name), value)}
    if not removals and not values:
        return {}
    names = {f"#{index}": name for index, name in enumerate([*values, *removals])}
    aliases = {name: alias for alias, name in names.items()}
    clauses = {
        "SET": ",".join(f"{aliases[name]}=:{aliases[name][1:]}" for name in values),
        "REMOVE": ",".join(aliases[name] for name in removals),
    }
    return {
        "UpdateExpression": " ".join(f"{verb} {each}" for verb, each in clauses.items() if each),
        "ConditionExpression": "createdAt=:created AND #version=:version",
        "ExpressionAttributeNames": {**names, "#version": "version"},
        "ExpressionAttributeValues": {
            **{f":{aliases[name][1:]}": value for name, value in values.items()},
            ":created": record["createdAt"],
            ":version": record["version"],
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def item_of(record: Record) -> Item:
    """Return a record's item, with its owner in the id. Raise InvalidItemError for a record that is not an item."""
    if missing := ENVELOPE.keys() - record.keys():
        raise InvalidItemError(f"lacks {' and '.join(sorted(missing))}")
    if wrong := [name for name, kind in ENVELOPE.items() if kind not in record[name]]:
        types = (f"{name} as {'/'.join(record[name])} instead of {ENVELOPE[name]}" for name in wrong)
        raise InvalidItemError(f"has {' and '.join(types)}")
    made_at, changed_at = record["createdAt"]["S"], record["updatedAt"]["S"]
    try:
        version = int(record["version"]["N"])
        return Item(record["id"]["S"], decode(record["doc"]), made_at, changed_at, version)
    except (InvalidRequest, ValueError):
        raise InvalidItemError("holds a value that JSON does not have, or a version that is no whole number") from None


def is_derived(attribute: str) -> bool:
    """Whether an attribute is one that a filter or a time to live goes by, or went by once."""
    return attribute.startswith(PREFIXES) or attribute == EXPIRES


def is_same(one: Mapping[str, str] | None, other: Mapping[str, str]) -> bool:
    """Whether two key attributes are equal; DynamoDB may write a number in its own way."""
    if one and "N" in one and "N" in other:
        return Decimal(one["N"]) == Decimal(other["N"])
    return one == other


def derivation_of(options: Mapping[str, Any]) -> Derivation:
    """What a function with these options (its variable ENTITY_OPTIONS) derives."""
    filters = {name: each.get("sort", "createdAt") for name, each in options.get("filters", {}).items()}
    stem = options.get("schema")
    schema = json.loads((ROOT / "schemas" / f"{stem}.json").read_text(encoding="utf-8")) if stem else {}
    numeric = {sort for sort in filters.values() if is_numeric(schema, sort)}
    return Derivation(filters, options.get("ttl"), numeric)


def deployed(outputs: Mapping[str, Any], entity: str, client: Any) -> tuple[str, dict[str, Any]]:
    """An entity's table, and the settings that its live functions run with; `client` is Lambda's.

    Each function has those that it needs; what two of them have is the same. Raises UserError.
    """
    tables = outputs["table_names"]
    if entity not in tables:
        raise UserError(f"There is no entity {entity}: name one of {', '.join(sorted(tables))} with ENTITY=.")
    settings: dict[str, Any] = {}
    for function in sorted(set(outputs["function_names"][entity].values())):
        try:
            found = client.get_function_configuration(FunctionName=function, Qualifier=ALIAS)
        except client.exceptions.ResourceNotFoundException:
            place = client.meta.region_name
            raise UserError(f"There is no function {function} in {place}: set AWS_PROFILE to its account.") from None
        variables = found.get("Environment", {}).get("Variables", {})
        settings |= json.loads(variables.get("ENTITY_OPTIONS") or "{}")
    return tables[entity], settings


def check_writers(outputs: Mapping[str, Any], entity: str) -> None:
    """Stop where no function of an entity writes or lists."""
    if not outputs["function_names"][entity].keys() & WRITERS:
        raise UserError(f"The entity {entity} has no operation that uses filters: there is nothing to do.")


def parse_outputs(text: str) -> dict[str, Any]:
    """The values of what `terraform output -json` printed. Raises UserError where nothing is deployed."""
    found = {name: each["value"] for name, each in json.loads(text or "{}").items()}
    if "api_url" not in found:
        raise UserError("Nothing is deployed yet: run `make deploy` for this environment first.")
    return found


def remote_clients(outputs: Mapping[str, Any]) -> tuple[Any, Any]:
    """Lambda's client and DynamoDB's, in the region of the environment with these outputs."""
    place = region(outputs["api_url"])
    retries = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
    return boto3.client("lambda", place), boto3.client("dynamodb", place, config=retries)


def rate_argument(text: str) -> float:
    """Read a rate, for argparse; raises ArgumentTypeError, which it shows."""
    with suppress(ValueError):
        if 0 < (rate := float(text)) < math.inf:
            return rate
    raise argparse.ArgumentTypeError(f"{text} is no rate: write a number over 0.")


def main(arguments: list[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.aws.reindex", description=__doc__.splitlines()[0])
    parser.add_argument("entity")
    parser.add_argument("--local", action="store_true", help="the local run's table; else outputs on stdin")
    parser.add_argument("--after", metavar="ID", help="continue after this item, where a run has stopped")
    parser.add_argument("--rate", type=rate_argument, default=DEFAULT_RATE, help="changes a second (%(default)g)")
    options = parser.parse_args(arguments)
    result = ReindexResult(after=options.after)
    said = 0.0

    def report(result: ReindexResult) -> None:
        nonlocal said
        if time.monotonic() - said >= REPORT_SECONDS:
            said = time.monotonic()
            print(f"{result.read} items read, {result.changed} changed ...", file=sys.stderr)

    try:
        if options.local:
            stack = systems.local_systems().current()
            running = stack.running()
            outputs = stack.outputs()
            lambdas, client = local_client("lambda", running), local_client("dynamodb", running)
        else:
            outputs = parse_outputs(sys.stdin.read())
            lambdas, client = remote_clients(outputs)
        table, settings = deployed(outputs, options.entity, lambdas)
        check_writers(outputs, options.entity)
        derivation = derivation_of(settings)
        reindex(client, table, options.entity, derivation, result, rate=options.rate, report=report)
    except (UserError, BotoCoreError, ClientError, KeyboardInterrupt) as error:
        where = f" To continue, add --after {result.after}." if result.after else ""
        print(f"{error or 'Stopped.'}{where}", file=sys.stderr)
        return 1
    print(f"{result.read} items read, {result.changed} changed.", file=sys.stderr)
    report_faults(result.left_out, "Records that were left as they are")
    return 1 if result.left_out else 0


def report_faults(faults: list[str], what: str) -> None:
    """Say the first of the faults, and how many there are."""
    for fault in faults[:FAULTS_SHOWN]:
        print(fault, file=sys.stderr)
    if faults:
        print(f"{what}: {len(faults):,}.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(user_errors(main)())
