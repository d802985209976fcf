"""Test entities and their operations without HTTP, several in one process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.unit.conftest import ENVIRONMENT, KEYS
from trestle.context import Context
from trestle.entity import Entity
from trestle.errors import InvalidItem, NotFound, Unavailable
from trestle.operations.create import create
from trestle.operations.delete import delete
from trestle.operations.get import get
from trestle.operations.list import list_items
from trestle.operations.merge import merge
from trestle.operations.replace import replace

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title"],
    "properties": {"title": {"type": "string"}, "done": {"type": "boolean", "default": False}},
}
TASKS = Entity("tasks", "test-tasks", {"ids": "client"}, SCHEMA)
NOTES = Entity("notes", "test-notes", {"owner": "sub", "ttl": "until"})


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("ENTITY", "TABLE_NAME"):
        monkeypatch.delenv(name)
    with mock_aws():
        client = boto3.client("dynamodb")
        for entity in (TASKS, NOTES):
            client.create_table(TableName=entity.table, **KEYS)
        yield


def test_each_entity_has_its_own_table_schema_and_options() -> None:
    task, _ = create(TASKS, Context(), {"title": "a"}, "mine")
    note, _ = create(NOTES, Context(owner="ada"), {"title": 1}, "mine")
    assert (task.id, task.doc) == ("mine", {"title": "a", "done": False})
    assert (note.id != "mine", note.doc) == (True, {"title": 1})
    with pytest.raises(InvalidItem):
        create(TASKS, Context(), {"title": 1})
    assert get(TASKS, Context(), "mine").doc == task.doc
    with pytest.raises(NotFound):
        get(TASKS, Context(), note.id)
    assert [item.id for item in list_items(NOTES, Context(owner="ada"), 10)[0]] == [note.id]


def test_a_context_has_the_owner_of_the_items() -> None:
    ada, bob = Context(owner="ada"), Context(owner="bob")
    note, _ = create(NOTES, ada, {"text": "a"})
    for operation in (
        lambda: get(NOTES, bob, note.id),
        lambda: replace(NOTES, bob, note.id, {}),
        lambda: merge(NOTES, bob, note.id, {"text": "b"}),
        lambda: delete(NOTES, bob, note.id),
    ):
        with pytest.raises(NotFound):
            operation()
    assert list_items(NOTES, bob, 10) == ([], None)
    assert merge(NOTES, ada, note.id, {"text": "b"}).version == 2


def test_an_idempotency_key_is_its_callers_and_its_entitys() -> None:
    made = [
        create(entity, Context(caller=caller, owner="ada"), {"title": "a"}, key="k")
        for entity in (TASKS, NOTES)
        for caller in ("ada", "bob", "ada")
    ]
    assert [replayed for _, replayed in made] == [False, False, True] * 2
    assert len({item.id for item, _ in made}) == 4


def test_a_context_counts_the_calls_of_all_its_operations() -> None:
    context = Context(owner="ada")
    note, _ = create(NOTES, context, {})
    merge(NOTES, context, note.id, {"a": {"b": 1}})
    create(TASKS, Context(), {"title": "a"})
    assert [(call.action, *call.tables, call.status) for call in context.calls] == [
        ("PutItem", "test-notes", 200),
        ("GetItem", "test-notes", 200),
        ("UpdateItem", "test-notes", 200),
    ]


def test_no_operation_starts_after_the_deadline() -> None:
    with pytest.raises(Unavailable):
        create(TASKS, Context(deadline=time.monotonic() - 1), {"title": "a"})
    assert list_items(TASKS, Context(), 10) == ([], None)
