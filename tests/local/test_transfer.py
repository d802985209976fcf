"""Test how operators restore lost or corrupted data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.api import Api
from tests.local.runner import ROOT, Local

RESTORED = "items-restored"


def run_transfer(
    local: Local, command: str, entity: str, file: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    arguments: list[str | Path] = [command, "--env", "local", "--entity", entity, "--file", file, *options]
    return subprocess.run(
        [sys.executable, "-m", "tools", *arguments], check=False, capture_output=True,
        text=True, cwd=ROOT, env={**os.environ, "TRESTLE_LOCAL_DIR": str(local.folder)},
    )  # fmt: skip


@pytest.fixture
def dynamodb(local: Local) -> Iterator[Any]:
    """A DynamoDB client for operators' requests; restored tables are deleted afterwards."""
    database = local.client("dynamodb")
    yield database
    if RESTORED in database.list_tables()["TableNames"]:
        database.delete_table(TableName=RESTORED)


def read_items(api: Api, ids: list[str]) -> dict[str, tuple[str, bytes]]:
    answers = {each: api("GET", f"/{each}") for each in ids}
    return {each: (answer.headers["ETag"], answer.content) for each, answer in answers.items()}


def test_lost_and_corrupted_items_are_restored_from_a_file(local: Local, empty_items: Api, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    ids = [empty_items.create({"name": f"lamp {n}", "price": n + 0.10}).json["id"] for n in range(3)]
    empty_items("PATCH", f"/{ids[0]}", {"price": 9})
    before = read_items(empty_items, ids)
    done = run_transfer(local, "export", "items", file)
    assert (done.returncode, done.stderr) == (0, "3 items of trestle-items-local written.\n")
    assert json.loads(before[ids[0]][1]) in map(json.loads, file.read_text().splitlines())

    empty_items("DELETE", f"/{ids[1]}")
    empty_items("PUT", f"/{ids[2]}", {"name": "spoilt"})
    done = run_transfer(local, "import", "items", file)
    assert done.returncode == 1
    assert "Lines that were not written: 1." in done.stderr
    assert empty_items("GET", f"/{ids[2]}").json["name"] == "spoilt"
    done = run_transfer(local, "import", "items", file, "--replace")
    assert done.returncode == 0, done.stderr
    assert read_items(empty_items, ids) == before
    listed = empty_items("GET").json["items"]
    assert [item["id"] for item in listed] == ids
    assert empty_items("PATCH", f"/{ids[2]}", {"price": 1}, If_Match=before[ids[2]][0]).status == 200


def test_a_point_in_time_is_restored(local: Local, empty_items: Api, dynamodb: Any, tmp_path: Path) -> None:
    ids = [empty_items.create().json["id"] for _ in range(3)]
    before = read_items(empty_items, ids)
    table = local.outputs()["table_names"]["items"]
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=RESTORED, UseLatestRestorableTime=True
    )
    dynamodb.get_waiter("table_exists").wait(TableName=RESTORED)
    for each in ids[:2]:
        empty_items("DELETE", f"/{each}")
    file = tmp_path / "restored.jsonl"
    done = run_transfer(local, "export", "items", file, "--table", RESTORED)
    assert (done.returncode, done.stderr) == (0, f"3 items of {RESTORED} written.\n")
    done = run_transfer(local, "import", "items", file)
    assert (done.returncode, {*done.stderr.strip(".\n").split(": ")[-1].split(", ")}) == (
        0,
        {"2 written", "1 unchanged"},
    )
    assert read_items(empty_items, ids) == before


def test_notes_keep_their_owners(local: Local, tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    ada, bob = (Api(local.api("notes").url, None, user_token(local, name)) for name in ("ada-moves", "bob-moves"))
    made = ada.create({"title": "Hers", "tag": "moved"}).json
    assert run_transfer(local, "export", "notes", file).returncode == 0
    mine = [line for line in file.read_text().splitlines() if made["id"] in line]
    (tmp_path / "mine.jsonl").write_text("\n".join(mine))
    dynamodb = local.client("dynamodb")
    key = {"id": {"S": json.loads(mine[0])["id"]}}
    dynamodb.delete_item(TableName=local.outputs()["table_names"]["notes"], Key=key)
    assert ada("GET", f"/{made['id']}").status == 404
    done = run_transfer(local, "import", "notes", tmp_path / "mine.jsonl")
    assert done.returncode == 0, done.stderr
    assert ada("GET", "?tag=moved").json["items"] == [made]
    assert bob("GET", f"/{made['id']}").status == 404


def user_token(local: Local, user: str) -> str:
    return local("token", "--user", user).stdout.strip()


def test_an_invalid_line_stops_the_import(local: Local, tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_text('{"id": "ada#ok", "title": "Good"}\n{"id": "ada#no", "title": ""}\n')
    done = run_transfer(local, "import", "notes", file)
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            "line 2: /title Must have at least 1 character",
            f"Lines of {file} with faults: 1.",
            "Nothing was written: correct the file, and import it again.",
        ],
    )
    table = local.outputs()["table_names"]["notes"]
    dynamodb = local.client("dynamodb")
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"id": {"S": "ada#ok"}})
