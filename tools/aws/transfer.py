"""Export an entity's items to a file of JSON lines, and import such a file into its table.

A line is an item as the API returns it. If items have owners, its id is OWNER#ID, as in the table.

An import validates the whole file before it writes anything, as the entity's functions do: ids,
schema, owners. It derives the keys of lists and filters and the time to live as they do, and keeps
ids, times and versions. It skips an item that the table has with the same content, so that an
interrupted import can be run again.

With --hooks, new items are created as by the API's POST: the entity's before_create runs on this
machine with the caller's permissions, and its writes are stored with the item or not at all.
Without --hooks no hook runs.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import re
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from tools.aws.reindex import (
    InvalidItemError,
    Record,
    deployed_entity,
    deployed_options,
    report_faults,
    schema_file,
    stored_item,
)
from tools.aws.versions import ALIAS
from tools.console import print_note
from tools.contract import SERVERS_OWN
from tools.dist import read_manifest
from tools.environment import Environment
from tools.errors import ROOT, UserError

sys.path.insert(0, str(ROOT / "lambda_src"))

from trestle import errors
from trestle.clock import now
from trestle.context import Context
from trestle.entity import Entity
from trestle.errors import InvalidRequest
from trestle.item import MAX_OWNER_BYTES, RESERVED, Item, is_owner, join_key, split_key
from trestle.operations.ids import NOT_RESERVED, RULE, is_id
from trestle.schema import read_only
from trestle.schema.defaults import fill
from trestle.schema.formats import is_date_time
from trestle.schema.validation import is_equal, validate
from trestle.store import boto3_client
from trestle.store.attributes import decode
from trestle.store.put import creation
from trestle.store.records import ENVELOPE, has_expired
from trestle.store.writes import is_left_by
from trestle.strict_json import dumps, loads

BATCH = 100  # lines between two checks of the rate
THREADS = 8
DEFAULT_RATE = 200.0  # writes a second
STAMPS = tuple(name for name in SERVERS_OWN if name != "id")
WRITER = "import"  # the author in the records
# The functions' format of times, whose text sorts by time.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


@dataclass(frozen=True)
class DeployedEntity:
    """An entity as it is deployed, and a DynamoDB client."""

    entity: Entity
    client: Any
    matches_local_build: bool = True  # whether its live functions come from the last build, with its schemas
    hooks: Any = None  # trestle.own.hooks.Hooks, if they are to run


# --- export


@dataclass
class ExportResult:
    """The number of items and of expired items, and the skipped records with the reason."""

    items: int = 0
    expired: int = 0
    left_out: list[str] = field(default_factory=list)


def export(
    source: DeployedEntity,
    table: str,
    write: Callable[[str], Any],
    report: Callable[[str], None] = lambda _: None,
) -> ExportResult:
    """Write every item of a table as a line. Reads are strongly consistent for each item."""
    result = ExportResult()
    start: dict[str, Any] = {}
    while True:
        page = source.client.scan(TableName=table, ConsistentRead=True, **start)
        for record in page["Items"]:
            if has_expired(source.entity, record):
                result.expired += 1
                continue
            try:
                write(f"{serialize(source.entity, record)}\n")
                result.items += 1
            except InvalidItemError as fault:
                result.left_out.append(f"{record['id']['S']}: {fault}")
        if "LastEvaluatedKey" not in page:
            return result
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        report(f"[{result.items:,} items] written ...")


def serialize(entity: Entity, record: Record) -> str:
    """Return a record as a line. Raise InvalidItemError if it is not an item, or an import would refuse it."""
    item, key = stored_item(entity, record), record["id"]["S"]
    if own := sorted(item.doc.keys() & RESERVED):
        raise InvalidItemError(f"has {' and '.join(own)} in its doc, which the server sets")
    view = {**item.view(), "id": key}
    owner, item_id = split_key(key)
    faults = list(stamp_faults(view))
    faults += key_faults(key, owner, item_id)
    if faults:
        raise InvalidItemError(describe_faults(faults))
    return dumps(view)


# --- import


class ImportLine(NamedTuple):
    """An item in a file, and its owner, or "". An item without times is new."""

    number: int
    item: Item
    owner: str
    is_new: bool


def parse_lines(file: IO[bytes], entity: Entity, *, as_stored: bool) -> Iterator[ImportLine | InvalidItemError]:
    """Yield each line that is not empty, or its fault."""
    for number, raw in enumerate(file, 1):
        if raw.strip():
            try:
                yield parse_line(number, raw, entity, as_stored=as_stored)
            except InvalidItemError as fault:
                yield InvalidItemError(f"line {number}: {fault}")


def parse_line(number: int, raw: bytes, entity: Entity, *, as_stored: bool = False) -> ImportLine:
    """Return the item in a line. Raise InvalidItemError with all its faults.

    A line without times and version is a new item, and gets the schema's defaults. readOnly
    properties are accepted. as_stored: accept items that the API would refuse now, such as those
    from before a stricter schema.
    """
    try:
        value = loads(raw.strip().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidItemError("is not UTF-8") from None
    except InvalidRequest as error:
        raise InvalidItemError(describe_faults(error.faults)) from None
    if not isinstance(value, dict):
        raise InvalidItemError("is not a JSON object")
    if not isinstance(value.get("id"), str):
        raise InvalidItemError("has no id: add one, so that a second run recognizes the item")
    owner, item_id = split_key(value["id"])
    faults = [] if as_stored else list(placement_faults(entity, item_id, owner))
    faults += key_faults(value["id"], owner, item_id)
    doc = {name: member for name, member in value.items() if name not in RESERVED}
    is_new = value.keys().isdisjoint(STAMPS)
    if is_new:
        created_at = now()
        value |= {"createdAt": created_at, "updatedAt": created_at, "version": 1}
        doc = fill(doc, entity.schema)
    if not as_stored:
        faults += validate(doc, schema_of(entity, doc))
    faults += stamp_faults(value)
    if faults:
        raise InvalidItemError(describe_faults(faults))
    return ImportLine(number, Item(item_id, doc, *(value[name] for name in STAMPS)), owner, is_new)


def schema_of(entity: Entity, doc: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema for an object, without the missing properties that not every client may write.

    Such properties are readOnly, or `fields` names who writes them.
    """
    place = read_only.with_members(read_only.find(entity.schema), entity.restricted)
    missing = {
        name: inner for name, inner in place.members.items() if inner is not read_only.READ_ONLY or name not in doc
    }
    if not missing:
        return entity.schema
    return read_only.before_own_code(entity.schema, read_only.Place(missing))


def key_faults(key: str, owner: str, item_id: str) -> Iterator[dict[str, str]]:
    """Yield the faults of an item's key. The owner is "" for an item without an owner."""
    if not is_id(item_id):
        yield {"pointer": "/id", "detail": RULE}
    elif owner and not is_owner(owner):
        yield {"pointer": "/id", "detail": f"Must have an owner of at most {MAX_OWNER_BYTES} bytes before #"}
    elif key != join_key(owner, item_id):
        detail = f"Must be {join_key(owner, item_id)}: other bytes than those of ids are escaped as %XX before #"
        yield {"pointer": "/id", "detail": detail}


def placement_faults(entity: Entity, item_id: str, owner: str) -> Iterator[dict[str, str]]:
    """Yield the reasons why the API could not find an item with this id and owner."""
    if item_id in entity.reserved_ids:
        yield {"pointer": "/id", "detail": NOT_RESERVED}
    if entity.owner and not owner:
        yield {"pointer": "/id", "detail": "Must be OWNER#ID: items of this entity have owners"}
    if owner and not entity.owner:
        yield {"pointer": "/id", "detail": "Must have no #: items of this entity have no owners"}


def stamp_faults(value: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the faults of an item's times and version."""
    for name in ("createdAt", "updatedAt"):
        stamp = value.get(name)
        if not (isinstance(stamp, str) and TIME.fullmatch(stamp) and is_date_time(stamp)):
            example = "2026-01-02T03:04:05.000006Z"
            yield {"pointer": f"/{name}", "detail": f"Must be a time in UTC such as {example}"}
    version = value.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        yield {"pointer": "/version", "detail": "Must be a whole number from 1"}


def describe_faults(faults: list[dict[str, str]]) -> str:
    """Return faults as one sentence."""
    return "; ".join(f"{fault['pointer']} {fault['detail']}".strip() for fault in faults)


def check(file: IO[bytes], entity: Entity, *, as_stored: bool = False, hooks: bool = False) -> list[str]:
    """Validate every line; return the faults, each as "line 3: ...". hooks: whether hooks are to run."""
    faults: list[str] = []
    numbers: dict[str, int] = {}
    for line in parse_lines(file, entity, as_stored=as_stored):
        if isinstance(line, InvalidItemError):
            faults.append(str(line))
        elif hooks and not line.is_new:
            faults.append(
                f"line {line.number}: has times and a version, so it is not a new item: omit --hooks to store it "
                "unchanged"
            )
        elif (first := numbers.setdefault(join_key(line.owner, line.item.id), line.number)) != line.number:
            faults.append(f"line {line.number}: has the id of line {first}")
    return faults


@dataclass
class ImportResult:
    """The progress: lines by outcome, skipped lines with the reason, and the line to continue after."""

    outcomes: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    after: int = 0

    def __str__(self) -> str:
        """Return the outcomes as text."""
        return ", ".join(f"{count:,} {outcome}" for outcome, count in self.outcomes.items()) or "no lines"


def write(
    file: IO[bytes],
    target: DeployedEntity,
    result: ImportResult,
    *,
    as_stored: bool = False,
    replace: bool = False,
    rate: float = DEFAULT_RATE,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Store the item of every line after `result.after`, and keep `result` up to date."""
    started, count = time.monotonic(), 0

    def rest() -> Iterator[ImportLine]:
        for line in parse_lines(file, target.entity, as_stored=as_stored):
            if isinstance(line, InvalidItemError):
                raise UserError(f"The file has changed since it was validated: {line}.")
            if line.number > result.after:
                yield line

    def store(line: ImportLine) -> tuple[str, str]:
        if target.hooks:
            return create(target, line)
        outcome = put(target, line, replace=replace)
        return outcome, REJECTED.get(outcome, "")

    found = rest()
    # Hooks run one at a time, as in a function.
    with ThreadPoolExecutor(1 if target.hooks else THREADS) as threads:
        while batch := list(islice(found, BATCH)):
            for line, (outcome, why) in zip(batch, threads.map(store, batch), strict=True):
                result.outcomes[outcome] += 1
                if why:
                    result.left_out.append(f"line {line.number}: {why}")
            result.after, count = batch[-1].number, count + len(batch)
            report(str(result))
            time.sleep(max(0.0, started + count / rate - time.monotonic()))


# The outcomes of skipped lines, with the reason.
REJECTED = {
    "refused": "the table has another item with this id (ARGS=--replace replaces it)",
    "too large": "the item exceeds DynamoDB's 400 KB",
}


def put(target: DeployedEntity, line: ImportLine, *, replace: bool) -> str:
    """Store one item, unless another item has its id; return the outcome."""
    entity, client = target.entity, target.client
    write = creation(entity, line.owner, line.item)
    write.sign(WRITER)
    record = write.payload["Item"]
    if has_expired(entity, record):
        return "expired"
    try:
        client.put_item(TableName=entity.table, ReturnValuesOnConditionCheckFailure="ALL_OLD", **write.payload)
    except client.exceptions.ConditionalCheckFailedException as error:
        stored = error.response.get("Item") or {}
        if is_left_by(write, stored):  # a retry after a lost response
            return "written"
        if is_same(stored, record, ("doc",) if line.is_new else ENVELOPE):
            return "unchanged"
        if not replace:
            return "refused"
        client.put_item(TableName=entity.table, Item=record)
        return "replaced"
    except ClientError as error:
        if "Item size" in str(error):
            return "too large"
        raise
    return "written"


def create(target: DeployedEntity, line: ImportLine) -> tuple[str, str]:
    """Create a new item as POST does, with the entity's hooks; return the outcome, and why it was skipped or "".

    Raise UserError if a hook fails.
    """
    from trestle.own.code import CodeError  # noqa: PLC0415 - for few imports
    from trestle.own.creation import create as create_hooked  # noqa: PLC0415

    context = Context(owner=line.owner, operation="create", request_id=f"line {line.number}", writer=WRITER)
    try:
        # The key lets a second run find the item of the first, without another run of the hook.
        key = join_key(line.owner, line.item.id)
        _, was_there = create_hooked(target.hooks, target.entity, context, line.item.doc, line.item.id, key=key)
    except errors.Refused as refused:
        return "refused by a hook", refused.detail
    except (errors.Conflict, errors.KeyReused):
        return "refused", "the table has another item with this id"
    except errors.TooLarge:
        return "too large", REJECTED["too large"]
    except errors.Unavailable as error:
        raise UserError(f"line {line.number}: {error.detail}") from error
    except errors.Refusal as refusal:  # such as a required property that the hook did not set
        return "invalid", f"{refusal.detail} {describe_faults(refusal.faults)}".strip()
    except CodeError as error:
        raise UserError(f"line {line.number}: {error}") from error
    return ("unchanged" if was_there else "written"), ""


def is_same(stored: Record, record: Record, attributes: Iterable[str]) -> bool:
    """Return whether two records have equal JSON values. A record that is not an item has none."""
    try:
        return all(name in stored and is_equal(decode(stored[name]), decode(record[name])) for name in attributes)
    except (InvalidRequest, ValueError):
        return False


# --- the command


def load_deployed_entity(environment: Environment, name: str, *, hooks: bool = False) -> DeployedEntity:
    """Return an entity as it is deployed in an environment. hooks: with its hooks; clients then choose the ids."""
    outputs, functions = environment.outputs(), environment.client("lambda")
    options = deployed_options(environment, outputs, name)
    entity = deployed_entity(environment, outputs, name, options | ({"ids": "client"} if hooks else {}))
    schema, live = schema_file(environment.project, options), outputs["function_names"][name].values()
    client = environment.client("dynamodb")
    return DeployedEntity(
        entity,
        client,
        not schema or matches_local_build(environment.project, live, functions, schema),
        load_hooks(environment, entity, outputs["function_names"][name].get("create"), client) if hooks else None,
    )


def load_hooks(environment: Environment, entity: Entity, function: str | None, client: Any) -> Any:
    """Return the hooks of an entity, from the project's code and the settings of the create function.

    Raise UserError if before_create does not exist or cannot be imported.
    """
    none = UserError(f"{entity.name} has no hook before_create for its create operation: omit --hooks.")
    if function is None:
        raise none
    settings = environment.client("lambda").get_function_configuration(FunctionName=function, Qualifier=ALIAS)
    variables: dict[str, str] = settings["Environment"]["Variables"]
    if "hooks" not in json.loads(variables.get("ENTITY_OPTIONS") or "{}"):
        raise none
    from trestle.own.code import CodeError  # noqa: PLC0415 - for few imports
    from trestle.own.operations import hooks_of  # noqa: PLC0415
    from trestle.own.output import LEVELS  # noqa: PLC0415

    os.environ["DYNAMODB_CLIENT"] = "boto3"
    boto3_client.use(client)
    sys.path.insert(0, str(environment.project))
    # The schemas of entities that hooks use are in the project, too.
    try:
        hooks = hooks_of(entity, {**variables, "LAMBDA_TASK_ROOT": str(environment.project)}, LEVELS["WARNING"])
    except CodeError as error:
        packages = " Install its packages into .venv first." if isinstance(error.__cause__, ImportError) else ""
        raise UserError(f"{error}{packages}") from error
    if not hooks.before_create:
        raise none
    return hooks


def matches_local_build(project: Path, names: Iterable[str], functions: Any, schema: Path) -> bool:
    """Return whether live functions come from a project's last build here, and that build had this schema."""
    built = read_manifest(project / "dist")
    hashes = {each["source_code_hash"] for each in built.get("functions", {}).values()}
    found = (functions.get_function_configuration(FunctionName=name, Qualifier=ALIAS) for name in names)
    had = built.get("schemas", {}).get(f"schemas/{schema.name}", {}).get("sha256")
    return had == hashlib.sha256(schema.read_bytes()).hexdigest() and hashes >= {each["CodeSha256"] for each in found}


def check_new(path: Path) -> None:
    """Raise UserError if an export cannot write a new file there."""
    if os.path.lexists(path):
        raise UserError(f"{path} already exists: name another file with FILE=, or move it.")
    folder = path.parent
    if not folder.is_dir():
        raise UserError(f"{path} cannot be written: there is no folder {folder}. Name another file with FILE=.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path} cannot be written: you may not write in {folder}. Name another file with FILE=.")


def check_readable(path: Path) -> None:
    """Raise UserError unless this is a file that an import can read several times."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise UserError(f"There is no file {path}: name one with FILE=.") from None
        raise UserError(f"{path} cannot be read: {error.strerror}. Name another file with FILE=.") from None
    if stat.S_ISDIR(mode):
        raise UserError(f"{path} is a folder: name a file with FILE=.")
    if not stat.S_ISREG(mode):
        raise UserError(f"{path} is a pipe or a device: write the lines to a file, and name it with FILE=.")
    if not os.access(path, os.R_OK):
        raise UserError(f"{path} cannot be read: you have no permission. Name another file with FILE=.")


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    """Open a new file that only its owner can read, and that gets its name once it is complete."""
    check_new(path)
    partial = path.with_name(f"{path.name}.partial")
    try:
        # Items may be personal data.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - a descriptor
            yield file
        partial.rename(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}. Name another file with FILE=.") from error
    finally:
        partial.unlink(missing_ok=True)


def run_export(options: argparse.Namespace) -> int:
    """Write the file; return 1 if records were skipped."""
    file = options.file or Path(f"{options.entity}-{options.env}.jsonl")
    is_stdout = str(file) == "-"
    # Checked before the slow build and Terraform.
    if not is_stdout:
        check_new(file)
    environment: Environment = options.environment
    environment.prepare()
    source = load_deployed_entity(environment, options.entity)
    table = options.table or source.entity.table
    if is_stdout:
        result = export(source, table, sys.stdout.write, options.progress)
    else:
        with new_file(file) as opened:
            result = export(source, table, opened.write, options.progress)
    expired = f" {result.expired:,} have expired and were skipped." if result.expired else ""
    print_note(f"{result.items:,} items of {table} written.{expired}")
    report_faults(result.left_out, "Records that are not items and were skipped")
    return 1 if result.left_out else 0


def run_import(options: argparse.Namespace) -> int:
    """Store the file's items; return 1 if lines were skipped. Raise UserError before any write if lines have faults."""
    check_readable(options.file)
    if options.hooks and (options.as_stored or options.replace):
        raise UserError("--hooks creates new items, and cannot be combined with --as-stored or --replace.", exit_code=2)
    environment: Environment = options.environment
    environment.prepare()
    target = load_deployed_entity(environment, options.entity, hooks=options.hooks)
    entity = target.entity
    if not entity.schema:
        print_note(f"No function of {entity.name} has a schema: the import accepts every JSON object.")
    elif not target.matches_local_build:
        print_note(
            f"The live functions of {entity.name} were not built from {environment.project}, whose schema validates "
            "the lines. If the schema has changed since, check out the commit that they were built from."
        )
    how = {"as_stored": options.as_stored}
    with options.file.open("rb") as file:
        if faults := check(file, entity, hooks=options.hooks, **how):
            report_faults(faults, f"Lines of {options.file} with faults")
            raise UserError("Nothing was written: correct the file, and import it again.")
        file.seek(0)
        result = ImportResult(after=options.after)
        total = max((number for number, line in enumerate(file, 1) if line.strip()), default=0)
        file.seek(0)

        def report(text: str) -> None:
            options.progress(f"[{result.after:,}/{total:,}] {text}")

        try:
            write(file, target, result, replace=options.replace, rate=options.rate, report=report, **how)
        except (UserError, BotoCoreError, ClientError, KeyboardInterrupt) as error:
            why = str(error) or "Stopped."
            after = f" up to line {result.after}" if result.after else ""
            raise UserError(
                f"{why} So far{after}: {result}. Import the file again: items that the table already has stay."
            ) from error
    print_note(f"{entity.table}: {result}.")
    report_faults(result.left_out, "Lines that were not written")
    return 1 if result.left_out else 0
