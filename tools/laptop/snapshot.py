"""Restore an earlier saved state of the emulator, as tools/laptop/corrections/persistence.py writes it."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

from tools.files import write
from tools.laptop.corrections.streams import STORES


def restore(saved: Path, before: Path) -> None:
    """Replace a saved state with an earlier one, but keep the items, messages and users of the resources in both."""
    if not saved.exists():
        write(saved, before.read_bytes())
        return
    latest = {known["service"]: known["state"] for known in services(saved)[1]}
    header, earlier = services(before)
    for known in earlier:
        later = latest.get(known["service"])
        if known["service"] == "dynamodb" and later:
            keep(
                known["state"]["tables"],
                later["tables"],
                ("items", "ItemCount", "TableSizeBytes"),
                ("TableId", "KeySchema"),
            )
            keep_streams(known["state"], later)
        if known["service"] == "cognito" and later:
            keep(known["state"]["user_pools"], later["user_pools"], ("_users",), ("Id",))
        if known["service"] == "sqs" and later:
            keep(known["state"]["queues"], later["queues"], ("messages",), ())
        if known["service"] == "lambda" and later:
            keep_values(known["state"], later, "dynamodb_stream_positions", {*known["state"]["esms"]["data"]})
    write(saved, b"".join(json.dumps(each).encode() + b"\n" for each in (header, *earlier)))


def keep(into: dict[str, Any], of: dict[str, Any], what: tuple[str, ...], same: tuple[str, ...]) -> None:
    """Copy some attributes of the resources in `of` to the earlier records of the same resources."""
    for key, resource in into["data"].items():
        later = of["data"].get(key, {})
        if all(name in resource and resource[name] == later.get(name) for name in same):
            resource |= {name: later[name] for name in what if name in later}


def keep_streams(into: dict[str, Any], of: dict[str, Any]) -> None:
    """Copy the records of the streams in both states of DynamoDB, since their writes are kept."""
    tables, later = into["tables"]["data"], of["tables"]["data"]
    stream = "LatestStreamArn"
    same = {key for key, table in tables.items() if stream in table and table[stream] == later.get(key, {}).get(stream)}
    for name in STORES:
        keep_values(into, of, name, same)


def keep_values(into: dict[str, Any], of: dict[str, Any], name: str, keys: set[str]) -> None:
    """Copy the values of some keys of a store to an earlier state, which an earlier version may have saved."""
    if found := of.get(name):
        kept = into.setdefault(name, found | {"data": {}})["data"]
        kept |= {key: value for key, value in found["data"].items() if key in keys}


def services(file: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the header and the services of a saved state."""
    header, *found = (json.loads(line) for line in file.read_bytes().splitlines())
    return header, found


def drop_other_buckets(folder: Path, saved: Path) -> None:
    """Delete the files of buckets that are not in a saved state: the emulator would create buckets from them."""
    known = (each["state"]["buckets_meta"]["data"] for each in services(saved)[1] if each["service"] == "s3")
    scoped = (key.split("\0", 1) for keys in known for key in keys)
    names = {f"{account}/{ast.literal_eval(name)}" for account, name in scoped}
    for bucket in (*folder.glob("[0-9]*/*"), *folder.glob(".versions/*/*")):
        if f"{bucket.parent.name}/{bucket.name}" not in names:
            shutil.rmtree(bucket)
