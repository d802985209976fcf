"""Test reindex: it fills the index and expiry attributes of items stored before they were declared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit import commands
from tests.unit.api import TABLE, Api, succeed
from tests.unit.commands import FakeEnvironment
from tests.unit.conftest import Make
from tests.unit.lambdas import FakeLambda
from tests.unit.loopback import Behaviour, Server, answers, fails
from tests.unit.test_faults import overtake
from tests.unit.test_list import follow
from tools.aws import reindex as tool
from tools.aws.environment import AwsEnvironment
from tools.errors import UserError
from trestle.entity import Entity
from trestle.store.derived import derivation_of, is_derived

OPTIONS = {"filters": {"status": {"sort": "rank"}, "completed": {}}, "ttl": "until", "schema": "task"}
SCHEMA = {
    "type": "object",
    "properties": {
        "status": {"type": "string"},
        "completed": {"type": "boolean"},
        "rank": {"type": "number"},
        "until": {"type": "integer"},
    },
}
FUTURE = 4_000_000_000


@pytest.fixture
def filtered_api(make_api: Make) -> Api:
    """The entity with filters, on a table with their indexes."""
    return make_api(OPTIONS, {"task": SCHEMA}, numeric=["rank"])


@pytest.fixture
def unfiltered_api(filtered_api: Api, make_api: Make) -> Api:
    """The same entity before its filters were declared."""
    return make_api({"schema": "task"}, {"task": SCHEMA})


@pytest.fixture
def entity() -> Entity:
    return Entity("items", TABLE, OPTIONS, SCHEMA)


def run(api: Api, entity: Entity, **how: Any) -> tuple[int, int]:
    done = tool.ReindexResult(after=how.pop("after", None))
    tool.reindex(api.client, entity, done, rate=1e9, **how)
    return done.read, done.changed


def list_items(api: Api, **query: str) -> list[Any]:
    return [item for page in follow(api, **query) for item in page["items"]]


def test_older_items_are_found_and_not_changed(unfiltered_api: Api, filtered_api: Api, entity: Entity) -> None:
    old = [unfiltered_api.create({"status": "open", "rank": rank, "until": FUTURE}) for rank in (2, 1.5, 1e100)]
    unfiltered_api.create({})
    new = filtered_api.create({"status": "open", "rank": 9})
    assert list_items(filtered_api, status="open") == [new]
    assert run(filtered_api, entity) == (5, 3)
    assert list_items(filtered_api, status="open") == [old[1], old[0], new, old[2]]
    stored = filtered_api.client.get_item(TableName=TABLE, Key={"id": {"S": old[0]["id"]}})["Item"]
    assert (stored["expires"], stored["number_rank"]) == ({"N": str(FUTURE)}, {"N": "2"})
    assert run(filtered_api, entity) == (5, 0)


def test_items_that_another_program_wrote_are_listed(filtered_api: Api, entity: Entity) -> None:
    stamp = {"S": "2026-01-02T03:04:05.000006Z"}
    record = {"id": {"S": "theirs"}, "createdAt": stamp, "updatedAt": stamp, "version": {"N": "1"}}
    filtered_api.client.put_item(TableName=TABLE, Item={"id": {"S": "no-item"}, "doc": {"M": {}}})
    filtered_api.client.put_item(TableName=TABLE, Item={**record, "doc": {"M": {"completed": {"BOOL": True}}}})
    assert run(filtered_api, entity) == (2, 1)
    (item,) = list_items(filtered_api)
    assert item == filtered_api.request("GET", "/items/theirs").json
    assert (item["id"], item["completed"], item["version"]) == ("theirs", True, 1)
    assert list_items(filtered_api, completed="true") == [item]


def test_undeclared_attributes_are_removed(filtered_api: Api) -> None:
    item = filtered_api.create({"status": "open", "rank": 1, "completed": True, "until": FUTURE})
    assert run(filtered_api, Entity("items", TABLE, {"filters": {"completed": {}}})) == (1, 1)
    stored = filtered_api.client.get_item(TableName=TABLE, Key={"id": {"S": item["id"]}})["Item"]
    assert {name for name in stored if is_derived(name)} == {"by_completed"}
    assert run(filtered_api, Entity("items", TABLE)) == (1, 1)
    assert filtered_api.request("GET", f"/items/{item['id']}").json == item


def test_a_stale_value_is_corrected(filtered_api: Api, unfiltered_api: Api, entity: Entity) -> None:
    path = f"/items/{filtered_api.create({'status': 'open', 'rank': 1})['id']}"
    changed = unfiltered_api.request("PATCH", path, {"status": "done", "rank": 2}).json
    assert run(filtered_api, entity) == (1, 1)
    assert (list_items(filtered_api, status="open"), list_items(filtered_api, status="done")) == ([], [changed])


def test_an_overtaken_reindex_loses_no_write(unfiltered_api: Api, filtered_api: Api, entity: Entity) -> None:
    item = unfiltered_api.create({"status": "open", "rank": 1})
    path = f"/items/{item['id']}"

    def client_writes(_: Any) -> None:
        unfiltered_api.request("PATCH", path, {"status": "done"})

    with filtered_api.fault("UpdateItem", client_writes, succeed):
        assert run(filtered_api, entity) == (1, 1)
    (found,) = list_items(filtered_api, status="done")
    assert (found["version"], list_items(filtered_api, status="open")) == (2, [])


def test_an_item_deleted_or_recreated_meanwhile(unfiltered_api: Api, filtered_api: Api, entity: Entity) -> None:
    item = unfiltered_api.create({"status": "open", "rank": 1})
    path = f"/items/{item['id']}"

    def client_deletes(_: Any) -> None:
        unfiltered_api.request("DELETE", path)

    with filtered_api.fault("UpdateItem", client_deletes):
        assert run(filtered_api, entity) == (1, 0)
    assert list_items(filtered_api) == []


def test_an_item_that_changes_all_the_time_stops_the_run(
    unfiltered_api: Api, filtered_api: Api, entity: Entity
) -> None:
    path = f"/items/{unfiltered_api.create({'status': 'open', 'rank': 1})['id']}"
    change = overtake(filtered_api, path)
    steps = [step for _ in range(tool.ATTEMPTS) for step in (change, succeed)]
    with filtered_api.fault("UpdateItem", *steps), pytest.raises(UserError, match="keeps changing"):
        run(filtered_api, entity)


def test_a_run_continues_after_an_interrupted_one(
    unfiltered_api: Api, filtered_api: Api, entity: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "PAGE", 2)
    for rank in range(5):
        unfiltered_api.create({"status": "open", "rank": rank})
    stopped = tool.ReindexResult()

    def stop(_: tool.ReindexResult) -> None:
        if stopped.read == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tool.reindex(filtered_api.client, entity, stopped, rate=1e9, report=stop)
    assert (stopped.read, stopped.changed, len(list_items(filtered_api, status="open"))) == (4, 4, 4)
    assert run(filtered_api, entity, after=stopped.after) == (1, 1)
    assert len(list_items(filtered_api, status="open")) == 5


def test_the_rate_is_limited(
    unfiltered_api: Api, filtered_api: Api, entity: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "PAGE", 2)
    pauses: list[float] = []
    monkeypatch.setattr("tools.aws.reindex.time.sleep", pauses.append)
    for _ in range(3):
        unfiltered_api.create({"status": "open", "rank": 1})
    done = tool.ReindexResult()
    tool.reindex(filtered_api.client, entity, done, rate=0.01)
    assert [150 < pause <= 200 for pause in pauses] == [True]


def test_items_keep_their_owners(make_api: Make, entity: Entity) -> None:
    owned = {"owner": "sub"}
    now = make_api(OPTIONS | owned, {"task": SCHEMA}, numeric=["rank"])
    before = make_api({"schema": "task"} | owned, {"task": SCHEMA})
    hers, his = (before.as_user(sub).create({"status": "open", "rank": 1}) for sub in ("alice", "bob"))
    assert run(now, entity) == (2, 2)
    assert list_items(now.as_user("alice"), status="open") == [hers]
    assert list_items(now.as_user("bob"), status="open") == [his]
    assert run(now, entity) == (2, 0)
    assert run(now, entity, after=f"alice#{hers['id']}")[1] == 0


def test_access_to_all_items_finds_older_items(make_api: Make) -> None:
    shared = {"owner": "sub", "sees_all": "group=support", "acts_for": "group=support"}
    now, before = make_api(shared), make_api({"owner": "sub"})
    hers, his = (before.as_user(sub).create({}) for sub in ("alice", "bob"))
    make_api().create({})  # without an owner
    support = now.as_user("eve", **{"cognito:groups": "support"})
    assert support.request("GET", "/items").json["items"] == []
    assert support.request("GET", f"/items/{hers['id']}").status == 404
    assert run(now, Entity("items", TABLE, shared)) == (3, 2)
    assert support.request("GET", "/items").json["owners"] == ["alice", "bob"]
    assert support.request("GET", f"/items/{his['id']}").json == his
    assert support.request("DELETE", f"/items/{hers['id']}").status == 204
    assert run(now, Entity("items", TABLE, shared)) == (2, 0)
    assert run(now, Entity("items", TABLE, {"owner": "sub"})) == (2, 1)
    assert support.request("GET", "/items").json["owners"] == []


def test_items_without_an_owner_stay_so(make_api: Make, filtered_api: Api, unfiltered_api: Api, entity: Entity) -> None:
    scoped = make_api({**OPTIONS, "owner": "sub"}, {"task": SCHEMA}, numeric=["rank"])
    plain = unfiltered_api.create({"status": "open", "rank": 1})
    hers = scoped.as_user("alice").create({"status": "open", "rank": 1})
    assert run(filtered_api, entity) == (2, 1)
    assert list_items(scoped.as_user("alice"), status="open") == [hers]
    assert list_items(filtered_api, status="open") == [plain]


def test_records_that_are_not_items_are_not_changed(filtered_api: Api, entity: Entity) -> None:
    filtered_api.client.put_item(TableName=TABLE, Item={"id": {"S": "x"}, "by_status": {"S": "odd"}})
    assert run(filtered_api, entity) == (1, 0)


def test_the_options_of_a_function_determine_the_derived_attributes(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "task.json").write_text(json.dumps(SCHEMA))
    outputs = {"table_names": {"items": TABLE}}
    project: Any = FakeEnvironment(outputs, {}, tmp_path)
    doc = {"status": "a", "rank": 1, "completed": None, "until": 5}
    derived = derivation_of(tool.deployed_entity(project, outputs, "items", OPTIONS)).of(doc, "")
    assert derived == {
        "by_status": {"S": "s:a"},
        "number_rank": {"N": "1"},
        "by_completed": None,
        "expires": {"N": "5"},
    }
    assert derivation_of(tool.deployed_entity(project, outputs, "items", {})).of({"status": "a"}, "") == {}


LAMBDA = FakeLambda({name: {"ttl": name} for name in ("d", "g", "l", "m", "until")})


def test_the_table_and_the_options_are_the_deployed_ones() -> None:
    functions = {
        "a": {"get": "g", "list": "l", "merge": "m"},
        "b": {"get": "g", "delete": "d"},
        "c": {"create": "none"},
    }
    outputs = {"table_names": {name: f"t-{name}" for name in functions}, "function_names": functions}
    environment: Any = FakeEnvironment(outputs, {"lambda": LAMBDA})
    assert tool.deployed_options(environment, outputs, "a") == {"ttl": "m"}
    assert tool.deployed_entity(environment, outputs, "a", {}).table == "t-a"
    for entity, message in [
        ("x", "There is no entity x: name one of a, b, c"),
        ("c", "no function none in us-west-2"),
    ]:
        with pytest.raises(UserError, match=message):
            tool.deployed_options(environment, outputs, entity)
    tool.check_writers(outputs, "a")
    with pytest.raises(UserError, match="nothing to reindex"):
        tool.check_writers(outputs, "b")


@pytest.mark.parametrize("rate", ["0", "-5", "nan", "inf", "fast"])
def test_an_invalid_rate(capsys: pytest.CaptureFixture[str], rate: str) -> None:
    with pytest.raises(SystemExit):
        commands.run("reindex", "--env", "dev", "--entity", "todos", "--rate", rate)
    assert f"{rate} is not a rate: write a number greater than 0." in capsys.readouterr().err


def test_the_command(
    unfiltered_api: Api, filtered_api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unfiltered_api.create({"until": FUTURE})
    outputs = {"table_names": {"a": TABLE}, "function_names": {"a": {"create": "until"}}}
    environment = FakeEnvironment(outputs, {"lambda": LAMBDA, "dynamodb": filtered_api.client})
    monkeypatch.setattr("tools.commands.find_environment", lambda *_: environment)
    for arguments, code, message in [
        (["a"], 0, "1 items read, 1 changed."),
        (["a", "--rate", "5"], 0, "1 items read, 0 changed."),
        (["b"], 1, "There is no entity b: name one of a with ENTITY=."),
    ]:
        assert commands.run("reindex", "--env", "dev", "--entity", *arguments) == code
        assert environment.prepared.pop()
        assert capsys.readouterr().err.splitlines()[-1] == message


def test_an_entity_without_functions_has_the_options_of_its_tfvars() -> None:
    """Only own code uses it, so no function has its options."""
    options = {"filters": {"done": {}}, "ids": "client"}
    outputs = {"table_names": {"a": TABLE}, "function_names": {"a": {}}}
    environment: Any = FakeEnvironment(outputs, {"lambda": None}, known={"a": {"options": options}})
    assert tool.deployed_options(environment, outputs, "a") == options
    tool.check_writers(outputs, "a")


SCHEMA_FAULTS = {
    "missing": (None, "is missing, and the live functions of the entity a use it: restore the file, or run"),
    "a folder": ("folder", "is missing, and the live functions of the entity a use it: restore the file, or run"),
    "no JSON": ("{", "#: Not valid JSON"),
    "Latin-1": ("\xff", "#: the file is not UTF-8"),
    "no schema": ("[]", "#: the outermost value must be an object"),
}


@pytest.mark.parametrize("command", ["export", "import", "reindex"])
@pytest.mark.parametrize("fault", SCHEMA_FAULTS)
def test_an_unusable_schema_is_reported_in_one_sentence(
    command: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For example after the file was renamed: the live functions still use the old one."""
    content, message = SCHEMA_FAULTS[fault]
    schema, items = tmp_path / "schemas" / "task.json", tmp_path / "items.jsonl"
    schema.parent.mkdir()
    if content == "folder":
        schema.mkdir()
    elif content is not None:
        schema.write_text(content, encoding="latin-1")
    if command == "import":
        items.write_text('{"id": "a"}\n')
    outputs = {"table_names": {"a": TABLE}, "function_names": {"a": {"create": "c"}}}
    clients = {"lambda": FakeLambda({"c": {"schema": "task"}}), "dynamodb": None}
    monkeypatch.setattr("tools.commands.find_environment", lambda *_: FakeEnvironment(outputs, clients, tmp_path))
    named = [] if command == "reindex" else ["--file", items]
    assert commands.run(command, "--env", "dev", "--entity", "a", *named) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{schema}{'' if message.startswith('#') else ' '}{message}")
    assert "`make apply ENV=dev`" in said
    assert said.count("\n") == 1
    assert items.exists() == (command == "import")


ONGOING = fails("TransactionConflictException", message="Transaction is ongoing for the item")


@pytest.mark.parametrize("conflicts", [1, 9, 10])
def test_the_tools_writes_are_retried_after_conflicts_with_transactions(
    monkeypatch: pytest.MonkeyPatch, conflicts: int
) -> None:
    """A live system's hooks may change an item during an import or reindex."""
    asked: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", asked.append)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with Server(*conflicts * [ONGOING], answers({})) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = AwsEnvironment("dev", lambda _: None).client("dynamodb")

        def write() -> None:
            client.put_item(TableName="t", Item={"id": {"S": "a"}})

        if conflicts < 10:
            write()
        else:
            with pytest.raises(client.exceptions.TransactionConflictException):
                write()
    assert len(server.requests) == min(conflicts + 1, 10)
    assert asked == sorted(asked)
    assert len(asked) == len(server.requests) - 1


@pytest.mark.parametrize("fault", [fails("ConditionalCheckFailedException"), fails("ValidationException")])
def test_the_tools_writes_are_not_retried_after_other_errors(monkeypatch: pytest.MonkeyPatch, fault: Behaviour) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with Server(fault) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        client = AwsEnvironment("dev", lambda _: None).client("dynamodb")
        with pytest.raises(client.exceptions.ClientError):
            client.put_item(TableName="t", Item={"id": {"S": "a"}})
    assert len(server.requests) == 1
