"""Correct the derived attributes of stored items: the keys of lists and filters, and the time to live.

Items stored before a filter was declared lack the keys of its index, and items that another program
wrote may lack all keys. Once the filter is applied, `make reindex ENV=dev ENTITY=todos` adds them.
It reads the options of the deployed functions, and so derives the same attributes as they do.

Each update requires the version that was read, and keeps version and updatedAt, so that it loses no
write of a client and repeats none. A second run changes only items that are not correct yet.
Records that are not items are reported and left unchanged.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools import schemas
from tools.aws.versions import ALIAS
from tools.console import print_note
from tools.contract import ITEMS, OPERATIONS
from tools.environment import Environment
from tools.errors import UserError
from tools.terraform import ROOT

sys.path.insert(0, str(ROOT / "lambda_src"))

from trestle.entity import Entity
from trestle.item import Item, split_key
from trestle.store.derived import derivation_of, is_derived
from trestle.store.put import place_of
from trestle.store.records import InvalidRecordError, item_of
from trestle.strict_json import loads

PAGE = 100  # items
ATTEMPTS = 10  # to update an item that keeps changing
DEFAULT_RATE = 200.0
# The operations that derive attributes; their functions have the same options.
WRITERS = {name for name, operation in OPERATIONS.items() if "filters" in operation["settings"]}
FAULTS_SHOWN = 20
# The keys of indexes for callers who may read the items of other owners.
PLACE = {ITEMS["everyone_index"]["hash"], ITEMS["id_index"]["hash"]}

Record = dict[str, dict[str, Any]]


class InvalidItemError(Exception):
    """The reason why a line or record is not an item, or cannot be changed."""


@dataclass
class ReindexResult:
    """The progress: items read and changed, skipped records with the reason, and the id to continue after."""

    read: int = 0
    changed: int = 0
    left_out: list[str] = field(default_factory=list)
    after: str | None = None


def reindex(
    client: Any,
    entity: Entity,
    result: ReindexResult,
    *,
    rate: float = DEFAULT_RATE,
    report: Callable[[ReindexResult], None] = lambda _: None,
) -> None:
    """Correct every item after `result.after`, at most `rate` a second, and keep `result` up to date."""
    started = time.monotonic()
    while True:
        start = {"ExclusiveStartKey": {"id": {"S": result.after}}} if result.after else {}
        page = client.scan(TableName=entity.table, Limit=PAGE, ConsistentRead=True, **start)
        for record in page["Items"]:
            result.read += 1
            try:
                result.changed += correct_item(client, entity, record)
            except InvalidItemError as fault:
                result.left_out.append(f"{record['id']['S']}: {fault}")
        if "LastEvaluatedKey" not in page:
            return
        result.after = page["LastEvaluatedKey"]["id"]["S"]
        report(result)
        time.sleep(max(0.0, started + result.changed / rate - time.monotonic()))


def correct_item(client: Any, entity: Entity, record: Record) -> bool:
    """Correct an item's derived attributes; return whether any were wrong.

    Raise InvalidItemError if the record is not an item, or if the attributes do not fit into it.
    """
    for _ in range(ATTEMPTS):
        update = correction(entity, record)
        if not update:
            return False
        try:
            client.update_item(TableName=entity.table, Key={"id": record["id"]}, **update)
        except client.exceptions.ConditionalCheckFailedException as error:
            if not (found := error.response.get("Item")):
                return False  # deleted since it was read
            record = found
            continue
        except ClientError as error:
            if "Item size" in str(error):
                raise InvalidItemError("would exceed DynamoDB's 400 KB with the keys of its filters") from None
            raise
        return True
    raise UserError(f"The item {record['id']['S']} keeps changing: run it again when there are fewer writes.")


def correction(entity: Entity, record: Record) -> dict[str, Any]:
    """Return the UpdateItem that corrects an item's derived attributes; empty if they are correct.

    Raise InvalidItemError if the record is not an item.
    """
    item, (owner, _) = stored_item(entity, record), split_key(record["id"]["S"])
    wanted = {name: value for name, value in derivation_of(entity).of(item.doc, owner).items() if value}
    wanted |= place_of(entity, owner, item.id)
    removals = [name for name in record if (is_derived(name) or name in PLACE) and name not in wanted]
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


def stored_item(entity: Entity, record: Record) -> Item:
    """Return the item in a record. Raise InvalidItemError if the record is not an item."""
    try:
        return item_of(entity, record)
    except InvalidRecordError as error:
        raise InvalidItemError(error.reason) from None


def is_same(one: Mapping[str, str] | None, other: Mapping[str, str]) -> bool:
    """Return whether two key attributes are equal; DynamoDB may format a number differently."""
    if one and "N" in one and "N" in other:
        return Decimal(one["N"]) == Decimal(other["N"])
    return one == other


def deployed_options(environment: Environment, outputs: Mapping[str, Any], entity: str) -> dict[str, Any]:
    """Return the options of an entity's live functions.

    Each function has the options it needs, and options of two functions are equal. An entity
    without functions, which only own code uses, has the options of the tfvars. Raise UserError if a
    function does not exist.
    """
    tables = outputs["table_names"]
    if entity not in tables:
        raise UserError(f"There is no entity {entity}: name one of {', '.join(sorted(tables))} with ENTITY=.")
    functions = sorted(set(outputs["function_names"][entity].values()))
    options: dict[str, Any] = {} if functions else dict(environment.entities()[entity]["options"])
    client = environment.client("lambda")
    for function in functions:
        try:
            found = client.get_function_configuration(FunctionName=function, Qualifier=ALIAS)
        except client.exceptions.ResourceNotFoundException:
            place = client.meta.region_name
            raise UserError(f"There is no function {function} in {place}: set AWS_PROFILE to its account.") from None
        variables = found.get("Environment", {}).get("Variables", {})
        options |= json.loads(variables.get("ENTITY_OPTIONS") or "{}")
    return options


def schema_file(project: Path, options: Mapping[str, Any]) -> Path | None:
    """Return the file of the schema that an entity's options name, or None if they name none."""
    return project / "schemas" / f"{options['schema']}.json" if "schema" in options else None


def read_schema(environment: Environment, entity: str, file: Path) -> dict[str, Any]:
    """Return an entity's schema as the functions read it. Raise UserError if the file is missing or faulty."""
    if not file.is_file():
        raise UserError(
            f"{file} is missing, and the live functions of the entity {entity} use it: restore the file, or run "
            f"`{environment.apply_command}` if your configuration names another schema now."
        )
    content = file.read_bytes()
    if found := schemas.faults(content):
        where, fault = found[0]
        raise UserError(f"{file}#{where}: {fault}. Correct the schema, then run `{environment.apply_command}`.")
    schema: dict[str, Any] = loads(content.decode("utf-8"))
    return schema


def deployed_entity(
    environment: Environment, outputs: Mapping[str, Any], entity: str, options: Mapping[str, Any]
) -> Entity:
    """Return an entity with the options of its live functions and the schema of the environment's project."""
    file = schema_file(environment.project, options)
    schema = read_schema(environment, entity, file) if file else {}
    return Entity(entity, outputs["table_names"][entity], options, schema)


def check_writers(outputs: Mapping[str, Any], entity: str) -> None:
    """Raise UserError if no function of an entity writes or lists."""
    operations = outputs["function_names"][entity].keys()
    if operations and not operations & WRITERS:
        raise UserError(f"The entity {entity} has no operation that uses filters: there is nothing to reindex.")


def run_reindex(options: argparse.Namespace) -> int:
    """Reindex; return 1 if records were left unchanged."""
    result = ReindexResult(after=options.after)
    environment: Environment = options.environment
    environment.prepare()
    outputs = environment.outputs()
    known = deployed_options(environment, outputs, options.entity)
    entity, client = deployed_entity(environment, outputs, options.entity, known), environment.client("dynamodb")
    check_writers(outputs, options.entity)

    def report(done: ReindexResult) -> None:
        options.progress(f"[{done.read:,} items] read, {done.changed:,} changed ...")

    try:
        reindex(client, entity, result, rate=options.rate, report=report)
    except (UserError, BotoCoreError, ClientError, KeyboardInterrupt) as error:
        where = f" To continue, add --after {result.after}." if result.after else ""
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        raise UserError(f"{error if code == 1 else 'Stopped.'}{where}", code) from error
    print_note(f"{result.read} items read, {result.changed} changed.")
    report_faults(result.left_out, "Records left unchanged")
    return 1 if result.left_out else 0


def report_faults(faults: list[str], what: str) -> None:
    """Print the first of the faults, and their number."""
    for fault in faults[:FAULTS_SHOWN]:
        print_note(fault)
    if faults:
        print_note(f"{what}: {len(faults):,}.")
