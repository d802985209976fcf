"""Test export and import: items survive unchanged, and every incomplete run is reported."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import build
from tests.unit import commands
from tests.unit.api import TABLE, Api, error, lose_answer
from tests.unit.commands import FakeEnvironment
from tests.unit.conftest import Make
from tests.unit.lambdas import FakeLambda
from tools.aws import reindex
from tools.aws import transfer as tool
from tools.errors import UserError
from trestle.entity import Entity
from trestle.store.derived import derivation_of
from trestle.store.put import creation

OPTIONS = {
    "filters": {"status": {"sort": "rank"}},
    "schema": "task",
    "ttl": "until",
    "reserved_ids": ["openapi.json"],
}
SCHEMA = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "default": "open"},
        "rank": {"type": "number"},
        "until": {"type": "integer"},
    },
}
STAMPS = {
    "createdAt": "2026-01-02T03:04:05.000006Z",
    "updatedAt": "2026-02-02T03:04:05.000006Z",
    "version": 3,
}
FUTURE = 4_000_000_000

Entities = Callable[..., tool.DeployedEntity]


@pytest.fixture
def api(make_api: Make) -> Api:
    return make_api(OPTIONS, {"task": SCHEMA}, numeric=["rank"])


@pytest.fixture
def entity(api: Api) -> tool.DeployedEntity:
    return tool.DeployedEntity(Entity("items", TABLE, OPTIONS, SCHEMA), api.client)


def run_export(source: tool.DeployedEntity) -> tuple[str, tool.ExportResult]:
    out = io.StringIO()
    done = tool.export(source, TABLE, out.write)
    return out.getvalue(), done


def file(*lines: Any) -> io.BytesIO:
    texts = (each if isinstance(each, str) else json.dumps(each) for each in lines)
    return io.BytesIO("".join(f"{text}\n" for text in texts).encode())


def run_import(entity: tool.DeployedEntity, source: io.BytesIO, **how: Any) -> tool.ImportResult:
    done = tool.ImportResult(after=how.pop("after", 0))
    tool.write(source, entity, done, rate=1e9, **how)
    return done


def records(api: Api) -> dict[str, Any]:
    found = {each["id"]["S"]: each for each in api.client.scan(TableName=TABLE)["Items"]}
    for record in found.values():
        record.pop("write")
    return found


def wipe(api: Api) -> None:
    for key in records(api):
        api.client.delete_item(TableName=TABLE, Key={"id": {"S": key}})


def test_an_export_and_import_change_nothing(api: Api, entity: tool.DeployedEntity) -> None:
    values = [1.10, 10**37, 1e-130, "\u00e4\u2028\U0001f600", "", None, [[], {}], {"": {"id": 1}}]
    made = [api.create({"status": "a", "rank": rank, "until": FUTURE}) for rank in (1.5, 2)]
    made.append(api.create({"values": values, "deep": json.loads("[" * 31 + "]" * 31)}))
    changed = api.request("PATCH", f"/items/{made[0]['id']}", {"status": "b"})
    before = records(api)
    text, done = run_export(entity)
    assert (done.items, done.expired, done.left_out) == (3, 0, [])
    lines = {item["id"]: item for item in map(json.loads, text.strip().split("\n"))}
    assert lines == {item["id"]: item for item in (changed.json, *made[1:])}
    wipe(api)
    source = io.BytesIO(text.encode())
    assert tool.check(source, entity.entity) == []
    source.seek(0)
    assert str(run_import(entity, source)) == "3 written"
    assert records(api) == before
    answer = api.request("GET", f"/items/{made[0]['id']}")
    assert (answer.body, answer.etag) == (changed.body, changed.etag)
    assert api.request("GET", "/items", query={"status": "b"}).json["items"] == [changed.json]


def test_a_second_run_changes_nothing(api: Api, entity: tool.DeployedEntity) -> None:
    lines = [{"id": "a", "rank": 1.0, **STAMPS}, "", {"id": "b", "status": "x"}]
    assert run_import(entity, file(*lines)).outcomes == {"written": 2}
    before = api.client.scan(TableName=TABLE)["Items"]
    assert run_import(entity, file(*lines)).outcomes == {"unchanged": 2}
    assert api.client.scan(TableName=TABLE)["Items"] == before


def test_a_line_without_times_is_a_new_item(api: Api, entity: tool.DeployedEntity) -> None:
    run_import(entity, file({"id": "b", "rank": 1}))
    item = api.request("GET", "/items/b").json
    assert item.pop("createdAt") == item.pop("updatedAt") > "2026"
    assert item == {"id": "b", "rank": 1, "status": "open", "version": 1}


def test_an_older_item_gets_no_later_defaults(api: Api, entity: tool.DeployedEntity) -> None:
    run_import(entity, file({"id": "a", **STAMPS}))
    assert api.request("GET", "/items/a").json == {"id": "a", **STAMPS}


def test_another_item_with_the_id_is_kept_without_the_replace_option(api: Api, entity: tool.DeployedEntity) -> None:
    run_import(entity, file({"id": "a", "rank": 1, **STAMPS}))
    other = [{"id": "b", **STAMPS}, {"id": "a", "rank": True, **STAMPS}]
    done = run_import(entity, file(*other), as_stored=True)
    assert (str(done), done.after) == ("1 written, 1 refused", 2)
    assert done.left_out == ["line 2: the table has another item with this id (ARGS=--replace replaces it)"]
    assert api.request("GET", "/items/a").json["rank"] == 1
    done = run_import(entity, file({"id": "a", "rank": 2, **STAMPS}), replace=True)
    assert (str(done), done.left_out) == ("1 replaced", [])
    assert api.request("GET", "/items/a").json["rank"] == 2
    api.client.put_item(TableName=TABLE, Item={"id": {"S": "c"}})
    assert str(run_import(entity, file({"id": "c", **STAMPS}))) == "1 refused"


def test_bad_lines_are_reported_by_number_and_fault(entity: tool.DeployedEntity) -> None:
    whole = {"id": "a", **STAMPS}
    time = "Must be a time in UTC such as 2026-01-02T03:04:05.000006Z"
    rule = "Must have 1 to 128 letters, digits, '.', '_', '~' and '-', and be neither '.' nor '..'"
    bad = {
        '{"id": "a", "id": "b"}': "/id The name is repeated",
        "{": "Not valid JSON at line 1, column 2",
        '{"id": "a", "n": NaN}': "/n NaN is not a JSON number",
        "[]": "is not a JSON object",
        "{}": "has no id: add one, so that a second run recognizes the item",
        '{"id": 1}': "has no id: add one, so that a second run recognizes the item",
        '{"id": "a b"}': f"/id {rule}",
        '{"id": ".#a"}': "/id Must have no #: items of this entity have no owners",
        '{"id": "openapi.json"}': "/id Is reserved: another route has this path",
        '{"id": "a", "rank": "1", "status": 1}': (
            "/rank Must be a number, not a string; /status Must be a string, not an integer"
        ),
        json.dumps({**whole, "createdAt": "2026-01-02"}): f"/createdAt {time}",
        json.dumps({**whole, "updatedAt": "2026-02-30T03:04:05.000006Z"}): f"/updatedAt {time}",
        json.dumps({**whole, "version": 0}): "/version Must be a whole number from 1",
        json.dumps({**whole, "version": True}): "/version Must be a whole number from 1",
        '{"id": "a", "version": 1}': f"/createdAt {time}; /updatedAt {time}",
    }
    faults = tool.check(file('{"id": "fine"}', *bad, whole, whole), entity.entity)
    wanted = [f"line {number}: {fault}" for number, fault in enumerate(bad.values(), 2)]
    assert faults == [*wanted, f"line {len(bad) + 3}: has the id of line {len(bad) + 2}"]
    assert tool.check(io.BytesIO(b'{"id": "\xff"}\n'), entity.entity) == ["line 1: is not UTF-8"]
    assert tool.check(io.BytesIO(b'\xef\xbb\xbf{"id": "a"}'), entity.entity) == []


def test_items_older_than_their_schema_can_be_restored(api: Api, entity: tool.DeployedEntity) -> None:
    line = {"id": "openapi.json", "rank": "old", **STAMPS}
    assert len(tool.check(file(line), entity.entity)) == 1
    assert tool.check(file(line), entity.entity, as_stored=True) == []
    assert str(run_import(entity, file(line), as_stored=True)) == "1 written"
    assert "number_rank" not in records(api)["openapi.json"]


PRICED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "price": {"type": "number", "readOnly": True},
        "status": {"type": "string", "readOnly": True, "default": "new"},
        "lines": {"type": "array", "items": {
            "type": "object", "properties": {"cost": {"type": "number", "readOnly": True}}, "required": ["cost"],
        }},
    },
    "required": ["price"],
    "anyOf": [{"required": ["price"]}, {"required": ["quote"]}],
    "not": {"required": ["price", "quote"]},
}  # fmt: skip


def test_read_only_properties_are_restored(make_api: Make) -> None:
    api = make_api({"schema": "task"}, {"task": PRICED})
    entity = tool.DeployedEntity(Entity("items", TABLE, {"schema": "task"}, PRICED), api.client)
    made = api.create({"price": 1, "lines": [{"cost": 1}]})
    line = {"id": "paid", "price": 9.5, "status": "paid", "lines": [{"cost": 4}], **STAMPS}
    run_import(entity, file(line))
    text = run_export(entity)[0]
    assert json.loads(next(each for each in text.splitlines() if '"paid"' in each)) == line
    wipe(api)
    run_import(entity, io.BytesIO(text.encode()))
    assert api.request("GET", "/items/paid").json == line
    # Its price was never set: the API created it so, and so does an import.
    assert api.request("GET", f"/items/{made['id']}").json == made


def test_restricted_properties_are_restored(make_api: Make) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "pay": {"type": "number"}, "pin": {"type": "string"}},
        "required": ["name", "pay", "pin"],
        "anyOf": [{"required": ["pay"]}],
    }  # fmt: skip
    options = {"schema": "task", "fields": {"pay": {"write": "group=hr"}, "pin": {"read": "nobody"}}}
    api = make_api(options, {"task": schema})
    entity = tool.DeployedEntity(Entity("items", TABLE, options, schema), api.client)
    made = api.create({"name": "a", "pin": "1"})
    hr = api.as_user("ann", **{"cognito:groups": "hr"}).create({"name": "b", "pin": "2", "pay": 5})
    text = run_export(entity)[0]
    lines = {line["name"]: line for line in map(json.loads, text.splitlines())}
    assert (lines["a"]["pin"], lines["b"]["pin"], lines["b"]["pay"]) == ("1", "2", 5)
    wipe(api)
    run_import(entity, io.BytesIO(text.encode()))
    assert [api.request("GET", f"/items/{each['id']}").json for each in (made, hr)] == [made, hr]
    assert run_export(entity)[0] == text
    faults = tool.check(file({"id": "a", "name": "a", "pay": "x"}), entity.entity)
    assert faults == ["line 1: /pin Is required; /pay Must be a number, not a string"]


@pytest.mark.parametrize(
    ("doc", "faults"),
    [
        ({}, []),
        ({"price": "x"}, ["/price Must be a number, not a string"]),
        ({"lines": [{"cost": "x"}]}, ["/lines/0/cost Must be a number, not a string"]),
        ({"price": 1, "quote": 1}, [" Must not meet the schema's exclusion (not)"]),
    ],
)
def test_read_only_properties_are_validated_if_present(doc: dict[str, Any], faults: list[str]) -> None:
    entity = Entity("items", TABLE, {"schema": "task"}, PRICED)
    found = tool.check(file({"id": "a", **doc}), entity)
    assert found == [f"line 1: {fault.strip()}" for fault in faults]
    if not faults:
        line = tool.parse_line(1, json.dumps({"id": "a", **doc}).encode(), entity)
        assert (line.is_new, line.item.doc) == (True, {**doc, "status": "new"})


def test_owners_keep_their_items(make_api: Make) -> None:
    options = {"owner": "sub", "filters": {"tag": {}}}
    api = make_api(options)
    entity = tool.DeployedEntity(Entity("items", TABLE, options), api.client)
    hers, his = (api.as_user(sub).create({"tag": "x", "owner": "me"}) for sub in ("alice", "bob"))
    before = records(api)
    text, _ = run_export(entity)
    assert sorted(json.loads(each)["id"] for each in text.splitlines()) == [
        f"alice#{hers['id']}",
        f"bob#{his['id']}",
    ]
    wipe(api)
    assert tool.check(io.BytesIO(text.encode()), entity.entity) == []
    run_import(entity, io.BytesIO(text.encode()))
    assert records(api) == before
    assert api.as_user("alice").request("GET", "/items", query={"tag": "x"}).json["items"] == [hers]
    assert tool.check(file({"id": "a"}), entity.entity) == [
        "line 1: /id Must be OWNER#ID: items of this entity have owners"
    ]


def test_tenants_keep_their_items(make_api: Make) -> None:
    options = {"owner": "claim:tenant", "filters": {"tag": {}}}
    api = make_api(options)
    entity = tool.DeployedEntity(Entity("items", TABLE, options), api.client)
    item = api.as_user("ada", tenant="é#1").create({"tag": "x"})
    before = records(api)
    text, _ = run_export(entity)
    assert json.loads(text)["id"] == f"%C3%A9%231#{item['id']}"
    wipe(api)
    run_import(entity, io.BytesIO(text.encode()))
    assert records(api) == before
    long, escaped = "x" * 257, "other bytes than those of ids are escaped as %XX before #"
    assert tool.check(file({"id": "é#a"}, {"id": "%c3%a9#a"}, {"id": f"{long}#a"}), entity.entity) == [
        f"line 1: /id Must be %C3%A9#a: {escaped}",
        f"line 2: /id Must be %C3%A9#a: {escaped}",
        "line 3: /id Must have an owner of at most 256 bytes before #",
    ]


def test_expired_items_are_neither_exported_nor_imported(api: Api, entity: tool.DeployedEntity) -> None:
    api.create({"until": 1})
    text, done = run_export(entity)
    assert (text, done.items, done.expired) == ("", 0, 1)
    wipe(api)
    gone = {"id": "a", "until": 1, **STAMPS}
    assert str(run_import(entity, file(gone))) == "1 expired"
    assert records(api) == {}
    item = tool.parse_line(1, file(gone).read(), entity.entity).item
    api.client.put_item(TableName=TABLE, Item=creation(entity.entity, "", item).payload["Item"])
    assert str(run_import(entity, file({"id": "a", "until": FUTURE, **STAMPS}))) == "1 written"


def test_records_that_are_not_items_are_reported(api: Api, entity: tool.DeployedEntity) -> None:
    stamp = {"S": STAMPS["createdAt"]}
    whole = {"createdAt": stamp, "updatedAt": stamp, "version": {"N": "1"}, "doc": {"M": {}}}
    for name, record in {
        "bare": {},
        "binary": {**whole, "doc": {"M": {"a": {"B": b"x"}}}},
        "half": {**whole, "version": {"N": "1.5"}},
        "list": {**whole, "doc": {"L": []}},
        "own": {**whole, "doc": {"M": {"id": {"S": "x"}}}},
        "text": {**whole, "version": {"S": "1"}},
        "fine": whole,
    }.items():
        api.client.put_item(TableName=TABLE, Item={"id": {"S": name}, **record})
    text, done = run_export(entity)
    assert (done.items, json.loads(text)["id"]) == (1, "fine")
    value = "holds a value that JSON does not have, or a version that is no whole number"
    assert sorted(done.left_out) == [
        "bare: lacks createdAt and doc and updatedAt and version",
        f"binary: {value}",
        f"half: {value}",
        "list: has doc as L instead of M",
        "own: has id in its doc, which the server sets",
        "text: has version as S instead of N",
    ]


def test_many_pages_and_batches(api: Api, entity: tool.DeployedEntity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "BATCH", 2)
    said: list[str] = []
    pauses: list[float] = []
    monkeypatch.setattr("tools.aws.transfer.time.sleep", pauses.append)
    lines = [{"id": f"{n}", "text": "x" * 300_000, **STAMPS} for n in range(5)]
    done = tool.ImportResult(after=1)
    tool.write(file(*lines), entity, done, rate=0.01, report=said.append)
    assert (str(done), done.after, said) == ("4 written", 5, ["2 written", "4 written"])
    assert [round(pause, -2) for pause in pauses] == [200, 400]
    out = io.StringIO()
    assert tool.export(entity, TABLE, out.write, said.append).items == 4
    assert said[2:] == ["[3 items] written ..."]


def test_items_that_dynamodb_refuses_are_reported(api: Api, entity: tool.DeployedEntity) -> None:
    done = run_import(entity, file({"id": "a", "text": "x" * 420_000, **STAMPS}))
    assert done.left_out == ["line 1: the item exceeds DynamoDB's 400 KB"]
    with api.fault("PutItem", lose_answer):
        assert str(run_import(entity, file({"id": "b", **STAMPS}))) == "1 written"
    with api.fault("PutItem", error("AccessDeniedException")), pytest.raises(Exception, match="AccessDenied"):
        run_import(entity, file({"id": "c", **STAMPS}))


def test_a_file_that_changes_meanwhile_stops_the_run(entity: tool.DeployedEntity) -> None:
    with pytest.raises(UserError, match="The file has changed since it was validated: line 2: is not a JSON object"):
        run_import(entity, file({"id": "a"}, "[]"))


LAMBDA = FakeLambda({"c": {"schema": "task", "ids": "client"}, "g": {"ttl": "until"}, "x": {}})
FUNCTIONS = {"a": {"create": "c", "get": "g"}, "b": {"get": "x"}, "c": {"create": "none"}}
OUTPUTS = {
    "api_url": "https://x.execute-api.eu-west-1.amazonaws.com/dev",
    "table_names": dict.fromkeys(FUNCTIONS, TABLE),
    "function_names": FUNCTIONS,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder outside Trestle with a schema and a build."""
    (tmp_path / "schemas").mkdir()
    text = json.dumps(SCHEMA)
    (tmp_path / "schemas" / "task.json").write_text(text)
    (tmp_path / "lambda_src").symlink_to(build.ROOT / "lambda_src")
    manifest = json.loads(build.build_files(build.Sources(tmp_path), "none")[build.MANIFEST])
    manifest["functions"]["create"]["source_code_hash"] = LAMBDA.code
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def find_entity(project: Path, name: str, functions: FakeLambda = LAMBDA) -> tool.DeployedEntity:
    environment: Any = FakeEnvironment(OUTPUTS, {"lambda": functions, "dynamodb": None}, project)
    return tool.load_deployed_entity(environment, name)


def test_an_entity_is_read_from_its_functions_settings(project: Path) -> None:
    found = find_entity(project, "a").entity
    assert (found.ids, found.ttl, found.schema) == ("client", "until", SCHEMA)
    assert derivation_of(found).of({"until": 5}, "") == {"expires": {"N": "5"}}
    other = find_entity(project, "b").entity
    assert (other.ids, other.ttl, other.schema) == ("server", None, {})
    for name, message in [
        ("x", "There is no entity x: name one of a, b, c with ENTITY=."),
        ("c", "There is no function none in us-west-2: set AWS_PROFILE to its account."),
    ]:
        with pytest.raises(UserError, match=message):
            find_entity(project, name)


def test_an_entity_of_another_build_is_recognised(project: Path) -> None:
    def is_built_here(name: str, functions: FakeLambda = LAMBDA) -> bool:
        return find_entity(project, name, functions).matches_local_build

    other = FakeLambda(LAMBDA.settings, "built elsewhere")
    assert (is_built_here("a"), is_built_here("a", other)) == (True, False)
    schema = project / "schemas" / "task.json"
    schema.write_text(json.dumps({**SCHEMA, "required": ["rank"]}))
    assert not is_built_here("a")  # the schema differs, too
    (project / "dist" / "manifest.json").unlink()
    assert not is_built_here("a")
    assert is_built_here("b", other)  # b has no schema


@pytest.fixture
def run(
    api: Api, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, list[str]]]:
    environment = FakeEnvironment(OUTPUTS, {"lambda": LAMBDA, "dynamodb": api.client}, project)
    monkeypatch.setattr("tools.commands.find_environment", lambda *_: environment)

    def run(command: str, entity: str, file: object = None, *arguments: object) -> tuple[int, list[str]]:
        capsys.readouterr()
        named = ["--file", file] if file else []
        code = commands.run(command, "--env", "dev", "--entity", entity, *named, *arguments)
        lines = capsys.readouterr().err.splitlines()
        return code, [line for line in lines if " s  [" not in line]  # without progress lines

    return run


def test_the_commands(api: Api, run: Callable[..., tuple[int, list[str]]], tmp_path: Path) -> None:
    api.create({"until": FUTURE})
    api.create({"until": 1})
    items = tmp_path / "items.jsonl"
    assert run("export", "a", items) == (
        0,
        [f"1 items of {TABLE} written. 1 have expired and were skipped."],
    )
    assert stat.S_IMODE(items.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.glob("*.jsonl*")] == ["items.jsonl"]
    assert run("export", "a", items)[1] == [f"{items} already exists: name another file with FILE=, or move it."]
    nowhere = tmp_path / "no" / "x.jsonl"
    assert run("export", "a", nowhere)[1] == [
        f"{nowhere} cannot be written: there is no folder {nowhere.parent}. Name another file with FILE=."
    ]
    assert run("import", "a", items) == (0, [f"{TABLE}: 1 unchanged."])
    wipe(api)
    assert run("import", "a", items) == (0, [f"{TABLE}: 1 written."])
    assert run("import", "b", items, "--replace")[1] == [
        "No function of b has a schema: the import accepts every JSON object.",
        f"{TABLE}: 1 unchanged.",
    ]
    (tmp_path / "dist" / "manifest.json").unlink()
    assert run("import", "a", items)[1] == [
        f"The live functions of a were not built from {tmp_path}, whose schema validates the lines. "
        "If the schema has changed since, check out the commit that they were built from.",
        f"{TABLE}: 1 unchanged.",
    ]
    assert run("import", "a", nowhere)[1] == [f"There is no file {nowhere}: name one with FILE=."]
    assert run("export", "x", nowhere)[0] == 1


def test_an_unusable_file_stops_a_command_before_the_build(
    run: Callable[..., tuple[int, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the user would wait minutes for build, Terraform and table scan before the error."""
    file, pipe, loose = tmp_path / "items.jsonl", tmp_path / "pipe", tmp_path / "loose"
    file.write_text("")
    os.mkfifo(pipe)
    loose.symlink_to(tmp_path / "nowhere")
    forbidden, too_long = tmp_path / "forbidden", tmp_path / ("x" * 300)
    forbidden.touch()
    # The tests may run as root, who may read and write any file.
    is_allowed = {tmp_path / "schemas": False, forbidden: False}
    monkeypatch.setattr("tools.aws.transfer.os.access", lambda path, _: is_allowed.get(path, True))

    def refuse(_: FakeEnvironment) -> None:
        pytest.fail("the command went on")

    monkeypatch.setattr(FakeEnvironment, "prepare", refuse)
    another = "Name another file with FILE=."
    for command, named, said in [
        ("export", file, f"{file} already exists: name another file with FILE=, or move it."),
        ("export", loose, f"{loose} already exists: name another file with FILE=, or move it."),
        ("export", tmp_path, f"{tmp_path} already exists: name another file with FILE=, or move it."),
        (
            "export", file / "x",
            f"{file / 'x'} cannot be written: there is no folder {file}. {another}",
        ),
        (
            "export", tmp_path / "schemas" / "x",
            f"{tmp_path / 'schemas' / 'x'} cannot be written: you may not write in {tmp_path / 'schemas'}. {another}",
        ),
        ("import", tmp_path, f"{tmp_path} is a folder: name a file with FILE=."),
        ("import", pipe, f"{pipe} is a pipe or a device: write the lines to a file, and name it with FILE=."),
        ("import", loose, f"There is no file {loose}: name one with FILE=."),
        ("import", file / "x", f"There is no file {file / 'x'}: name one with FILE=."),
        ("import", forbidden, f"{forbidden} cannot be read: you have no permission. {another}"),
        ("import", too_long, f"{too_long} cannot be read: File name too long. {another}"),
    ]:  # fmt: skip
        assert run(command, "a", named) == (1, [said])


def test_the_commands_report_what_they_leave_out(
    api: Api, run: Callable[..., tuple[int, list[str]]], tmp_path: Path
) -> None:
    items = tmp_path / "items.jsonl"
    items.write_bytes(file(*['{"rank": "x"}'] * 21, '{"id": "a"}').read())
    code, said = run("import", "a", items)
    assert (code, len(said), said[0].partition(":")[0], said[-2:]) == (
        1,
        reindex.FAULTS_SHOWN + 2,
        "line 1",
        [
            f"Lines of {items} with faults: 21.",
            "Nothing was written: correct the file, and import it again.",
        ],
    )
    assert records(api) == {}
    items.write_bytes(file({"id": "a", **STAMPS}, {"id": "b", "until": 1, **STAMPS}).read())
    api.client.put_item(TableName=TABLE, Item={"id": {"S": "a"}})
    assert run("import", "a", items) == (
        1,
        [
            f"{TABLE}: 1 refused, 1 expired.",
            "line 1: the table has another item with this id (ARGS=--replace replaces it)",
            "Lines that were not written: 1.",
        ],
    )
    assert run("export", "b", "-") == (
        1,
        [
            f"0 items of {TABLE} written.",
            "a: lacks createdAt and doc and updatedAt and version",
            "Records that are not items and were skipped: 1.",
        ],
    )


def test_a_run_that_stops_says_how_far_it_came(
    api: Api,
    run: Callable[..., tuple[int, list[str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tool, "BATCH", 1)
    items = tmp_path / "items.jsonl"
    items.write_bytes(file({"id": "a", **STAMPS}, {"id": "b", **STAMPS}).read())
    with api.fault("PutItem", lambda _: None, error("AccessDeniedException")):
        code, said = run("import", "a", items)
    assert (code, len(said)) == (1, 1)
    assert said[-1].endswith(
        "So far up to line 1: 1 written. Import the file again: items that the table already has stay."
    )

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    with api.fault("Scan", stop):
        assert run("export", "a", tmp_path / "b.jsonl") == (130, [])
    assert not list(tmp_path.glob("b.jsonl*"))
    assert run("import", "a", items) == (
        0,
        [f"{TABLE}: 1 unchanged, 1 written."],
    )
