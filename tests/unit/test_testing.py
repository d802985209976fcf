"""Test trestle.testing: the fixture `system` behaves like the gateway and the functions behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

import trestle.testing
from tools.errors import UserError
from tools.terraform import ROOT
from tools.testing import own
from tools.testing.project import Project, read_project
from trestle.app import Taken
from trestle.testing import System

NOON = "2027-01-01T12:00:00.000000Z"
GUIDE = (ROOT / "docs" / "reference" / "testing.md").read_text(encoding="utf-8")
VARIABLES = """
name        = "shop"
environment = "test"
network     = null
entities = {
  notes = {
    schema = "schemas/note.json", access = { default = "open" }, filters = { kind = {} }, ttl = "until"
    hooks  = { code = "notes", uses = { before_create = { notes = ["list"] } } }
  }
  prices = {
    access = { default = "open", create = "cognito:group=staff", merge = "cognito:scope=write", delete = "iam" }
    path   = "v1/prices"
  }
  events = { ids = "client", list = "unordered", operations = [] }
  issued = { access = { default = "jwt", get = "jwt:scope=read:it", delete = "jwt:group=Shop Staff" }, ids = "client" }
  files = {
    access = { default = "cognito" }, fields = { kind = { read = "group=hr", write = "group=hr" } }
    ids    = "client", operations = ["create", "get", "replace"], schema = "schemas/note.json"
  }
  plain = { functions = "per_entity", list = "unordered", ids = "client", operations = ["create", "get", "list"] }
}
jwt = { issuer = "https://issuer.example", audiences = ["api"], groups_claim = "https://issuer.example/roles" }
functions = {
  ask = {
    routes = {
      "GET /notes/latest"      = { access = "open", call = "latest" }
      "GET /ask/{what}/{when}" = { access = "api_key", call = "ask" }
      "POST /ask" = {
        access = "cognito:group=staff", call = "post"
        body   = "schemas/note.json", answers = { 200 = "schemas/note.json" }
      }
    }
    secrets  = { key = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:key-AbCdEf" }
    settings = { PLACE = "here" }
  }
  watch = {
    changes = { notes = [{ kind = "created" }, { kind = "updated" }, { kind = "expired" }] }
    uses    = { events = ["create"] }
  }
  work  = { queue = { attempts = 3, backoff = "10s-1m" }, sends = ["work"], uses = { events = ["create"] } }
  tick  = { code = "work:tick", schedule = "rate(1 day)", sends = ["work"], uses = { notes = ["create"] } }
  ear   = {
    code  = "work:ear"
    event = { source = "shop", types = ["Sold"], detail = { "item.kind" = ["pen", "ink"] } }
    uses  = { events = ["create"] }
  }
}
"""
SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"type": "string"},
        "until": {"type": "integer"},
        "seen": {"type": "integer", "readOnly": True},
        "at": {"type": "string", "readOnly": True},
    },
}
# Members that the system itself uses.
FOR_FUNCTIONS = ("Clock.time", "Clock.time_ns", "Lists.backend", "System.answer")
ASK = """
from trestle.app import Response, secret, setting


def latest(request, context):
    return Response(200, {"latest": True})


def ask(request, context):
    return Response(200, {**request.path, "place": setting("PLACE"), "key": secret("key")})


def post(request, context):
    return Response(200, {"kind": request.body.get("answer", "none")}, {"X-By": context.caller.id})
"""
WATCH = """
from trestle.app import entity


def handle(change, context):
    if change.item.get("kind") == "poison":
        raise ValueError("poison")
    entity("events").create({"kind": change.kind, "at": change.at}, id=f"{change.id}{context.now[-5:-1]}")
"""
WORK = """
import uuid

from trestle.app import Again, Retry, entity, send


def handle(job, context):
    if job.body == "fail":
        raise ValueError("no such work")
    if job.body == "later" and job.attempt == 1:
        raise Retry(after=60)
    if job.body == "for ever":
        return Again(job.body)
    if isinstance(job.body, int) and job.body > 1:
        note(job)
        return Again(job.body - 1)
    note(job)


def note(job):
    entity("events").create({"job": job.body, "attempt": job.attempt}, id=str(uuid.uuid4()))


def tick(job, context):
    send("work", {"price": 2}, delay=90)


def ear(event, context):
    entity("events").create({"sold": event.detail["item"]["kind"]}, id=event.id)
"""
HOOKS = """
from trestle.app import entity


def before_create(draft, context):
    draft["seen"] = len(list(entity("notes").list()))
    draft["at"] = context.now
"""


FILES = {
    "schemas/note.json": json.dumps(SCHEMA),
    "app/ask.py": ASK,
    "app/notes.py": HOOKS,
    "app/watch.py": WATCH,
    "app/work.py": WORK,
    "shop.tfvars": VARIABLES,
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return read_project(folder, folder / "shop.tfvars")


@pytest.fixture
def system(shop: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    with mock_aws():
        yield System(shop, monkeypatch)


def test_callers_access_only_properties_for_them(system: System) -> None:
    hr, other = system.user("ann", groups=["hr"]), system.user("bob")
    system.entity("files").create({"kind": "a"}, id="1")
    assert hr.get("/files/1").json["kind"] == "a"
    assert "kind" not in other.get("/files/1").json
    assert other.put("/files/1", {"seen": 5}).status == 200
    refused = other.post("/files", {"id": "2", "kind": "b"})
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (403, "/kind")
    assert system.entity("files").find("1") == {"kind": "a"}


def test_terraform_evaluates_the_same_inputs_once(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.testing.project._evaluate", None)
    assert read_project(shop.folder, shop.folder / "shop.tfvars") == shop


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shop.tfvars": VARIABLES.replace("ttl ", "tll ")}, "tll"),
        ({"shop.tfvars": VARIABLES.replace('"notes",', '"no",')}, "there is no app/no.py"),
        ({"shop.tfvars": VARIABLES.replace("{ kind = {} }", "{ other = {} }")}, 'has no property "other"'),
        ({"shop.tfvars": VARIABLES.replace('"post"', '"pots"')}, "app/ask.py defines no pots"),
        ({"app/notes.py": "def before_craete(draft, context): ..."}, "before_craete"),
    ],
)
def test_inputs_that_a_plan_would_refuse_are_refused(
    shop: Project, tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(changes.get(name) or (shop.folder / name).read_text())
    with pytest.raises(UserError, match=re.escape(sentence)):
        read_project(tmp_path, tmp_path / "shop.tfvars")


def test_tokens_of_an_issuer(system: System) -> None:
    ada = system.user("auth0|ada", groups=["Shop Staff"], scopes=["read:it"], tenant="acme")
    bob = system.user("auth0|bob", groups=["Shop"], scopes=["read"])
    for client in (system.anonymous, system.key(), system.iam("arn:aws:iam::111122223333:role/a")):
        assert client.post("/issued", {"id": "a"}).status == 401
    assert bob.post("/issued", {"id": "a"}).status == 201
    assert (bob.get("/issued/a").status, ada.get("/issued/a").status) == (403, 200)
    assert (bob.delete("/issued/a").status, ada.delete("/issued/a").status) == (403, 204)
    assert system.machine("job", scopes=["read:it"]).get("/issued/a").status == 404


def test_a_missing_var_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no .*/none.tfvars"):
        read_project(tmp_path, tmp_path / "none.tfvars")


def test_the_gateway_checks_access(system: System) -> None:
    staff, ada = system.user("eve", groups=["staff", "other"]), system.user("ada")
    made = staff.post("/v1/prices", {"of": "tea"})
    assert made.status == 201
    path = f"/v1/prices/{made.json['id']}"
    refused = system.anonymous.post("/v1/prices", {})
    assert (refused.status, refused.json["type"]) == (401, "urn:trestle:problem:unauthorized")
    assert list(refused.json) == ["type", "title", "status", "detail", "requestId"]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers.get("WWW-Authenticate") == "Bearer"
    assert ada.post("/v1/prices", {}).status == 403
    assert ada.patch(path, {}).status == 401
    assert system.user("ada", scopes=["write"]).patch(path, {"of": "ice"}).json["of"] == "ice"
    assert system.machine("m1", scopes=["write"]).patch(path, {"of": "oil"}, If_Match=made.etag).status == 412
    assert system.machine("m1", scopes=["read"]).patch(path, {}).status == 401
    assert system.anonymous.get(path).json["of"] == "ice"
    assert ada.delete(path).status == 404
    assert system.iam("arn:aws:iam::123456789012:role/ops").delete(path).status == 204


def test_api_keys(system: System) -> None:
    assert system.anonymous.get("/plain").status == 403
    assert system.key("default").get("/plain").json["items"] == []
    with pytest.raises(ValueError, match='There is no API key "gold"'):
        system.key("gold")


def test_unknown_paths_and_methods(system: System) -> None:
    refused = system.anonymous.put("/notes", {})
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, OPTIONS, POST")
    assert system.anonymous.get("/nothing").status == 404
    assert system.anonymous.get("/notes/1/2").status == 404
    assert system.key().delete("/plain/1").headers["allow"] == "GET, OPTIONS"


def test_the_clock(system: System) -> None:
    system.clock.set(NOON)
    made = system.anonymous.post("/notes", {"until": int(datetime(2027, 1, 2, tzinfo=UTC).timestamp())}).json
    assert (made["createdAt"], made["at"]) == (NOON, NOON)
    system.clock.advance(hours=11)
    assert system.anonymous.get(f"/notes/{made['id']}").status == 200
    assert [each.id for each in system.entity("notes").all()] == [made["id"]]
    system.clock.advance(hours=2)
    assert system.anonymous.get(f"/notes/{made['id']}").status == 404
    assert system.entity("notes").find(made["id"]) is None
    assert system.entity("notes").all() == []
    with pytest.raises(ValueError, match="has no time zone"):
        system.clock.set("2027-01-01T12:00:00")


def test_lists_that_lag(system: System) -> None:
    client = system.anonymous
    first = client.post("/notes", {"kind": "a"}).json
    assert first["seen"] == 0
    system.lists.lag()
    second = client.post("/notes", {"kind": "a"}).json
    client.patch(f"/notes/{first['id']}", {"kind": "b"})
    assert second["seen"] == 1
    assert client.post("/notes", {}).json["seen"] == 1
    assert client.list("/notes", {"kind": "a"}) == [first]
    assert client.get(f"/notes/{second['id']}").json == second
    assert len(system.entity("notes").all()) == 3
    system.lists.catch_up()
    assert client.list("/notes", {"kind": "a"}) == [second]
    assert len(client.list("/notes", {"limit": 1})) == 3


def test_unordered_lists_lag_too(system: System) -> None:
    system.lists.lag()
    made = system.key().post("/plain", {"id": "a"})
    assert (made.status, system.key().list("/plain")) == (201, [])


def test_existing_items(system: System) -> None:
    notes = system.entity("notes")
    made = notes.create({"kind": "a", "seen": 7}, id="n1")
    assert notes.find("n1") == made
    assert system.anonymous.get("/notes?kind=a").json["items"][0]["seen"] == 7
    with pytest.raises(ValueError, match='there is already an item "n1"'):
        notes.create({}, id="n1")
    with pytest.raises(ValueError, match="/kind"):
        notes.create({"kind": 1})
    with pytest.raises(ValueError, match="have no owners"):
        notes.find("n1", owner="ada")
    with pytest.raises(ValueError, match='There is no entity "note"'):
        system.entity("note")


# --- Functions of app/


def events(system: System) -> list[dict[str, Any]]:
    return [dict(event) for event in system.entity("events").all()]


def test_routes_of_functions(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    assert system.anonymous.get("/notes/latest").json == {"latest": True}
    assert system.anonymous.get("/notes/another").status == 404
    assert system.anonymous.get("/ask/price/today").status == 403
    assert system.key().get("/ask/price/today").status == 500
    assert "Secrets Manager" in capsys.readouterr().err
    system.secrets["key"] = "k1"
    assert system.key().get("/ask/price/today").json == {"what": "price", "when": "today", "place": "here", "key": "k1"}
    system.settings["PLACE"] = "there"
    system.secrets["key"] = "k2"
    assert system.key().get("/ask/price/today/").json["place"] == "there"
    assert (dict(system.secrets), len(system.secrets)) == ({"key": "k2"}, 1)
    del system.secrets["key"]
    assert "key" not in system.secrets
    with pytest.raises(ValueError, match=r'No function has a secret "kye". Declared: key'):
        system.secrets["kye"] = "x"


def test_a_function_has_fewer_permissions_than_its_hooks(shop: Project) -> None:
    settings, entities = (json.loads(shop.own_environments["tick"][name]) for name in ("FUNCTION", "ENTITIES"))
    assert settings["uses"] == {"notes": ["create"]}
    assert entities["notes"]["operations"] == ["create", "list"]
    assert "uses" not in json.loads(shop.own_environments["watch"]["FUNCTION"])


def test_access_bodies_and_responses_of_routes(system: System) -> None:
    assert system.anonymous.post("/ask", {}).status == 401
    assert system.user("ada").post("/ask", {}).status == 403
    ada = system.user("ada", groups=["staff"])
    answer = ada.post("/ask", {"answer": "yes"})
    assert (answer.status, answer.json, answer.headers["x-by"]) == (200, {"kind": "yes"}, "ada")
    assert ada.post("/ask", {"kind": 1}).status == 422
    assert ada.post("/ask", {"answer": 1}).status == 500  # its response breaks the schema
    assert ada.delete("/ask").headers["Allow"] == "OPTIONS, POST"


def test_changes_are_passed_to_functions_on_delivery(system: System) -> None:
    system.clock.set(NOON)
    note = system.anonymous.post("/notes", {"until": 1798804800 + 3600}).json
    system.anonymous.patch(f"/notes/{note['id']}", {"kind": "a"})
    other = system.anonymous.post("/notes", {}).json
    system.anonymous.delete(f"/notes/{other['id']}")
    assert events(system) == []
    system.deliver()
    assert sorted(event["kind"] for event in events(system)) == ["created", "created", "updated"]
    assert events(system)[0]["at"] == NOON
    system.deliver()
    assert len(events(system)) == 3
    system.clock.advance(hours=2)
    system.deliver()
    assert [event["kind"] for event in events(system)][3:] == ["expired"]


def test_a_change_that_fails_raises_and_becomes_a_dead_letter(system: System) -> None:
    system.anonymous.post("/notes", {"kind": "poison"})
    system.anonymous.post("/notes", {})
    for _ in range(2):
        with pytest.raises(ValueError, match="poison") as caught:
            system.deliver()
        assert str(caught.traceback[-1].path).endswith("app/watch.py")
    system.deliver(retry=True)
    (letter,) = system.dead_letters("watch")
    assert (letter["function"], letter["error"]["type"], letter["change"]["item"]["kind"]) == (
        "watch", "ValueError", "poison",
    )  # fmt: skip
    assert [event["kind"] for event in events(system)] == ["created"]


def test_a_job_and_its_effects(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system.run("work", 3)
    assert [event["job"] for event in events(system)] == [3, 2, 1]
    with pytest.raises(ValueError, match="no such work"):
        system.run("work", "fail")
    assert own.CALLS == 1000
    monkeypatch.setattr(own, "CALLS", 20)
    with pytest.raises(AssertionError, match="work was called 20 times"):
        system.run("work", "for ever")


def test_an_overdue_job_is_retried_like_any_other(system: System) -> None:
    system.send("work", "later")
    system.clock.advance(hours=13)
    system.deliver()
    assert events(system) == []
    system.clock.advance(seconds=62)
    system.deliver()
    assert events(system) == [{"job": "later", "attempt": 2}]


def test_jobs_are_delivered_when_they_are_due(system: System) -> None:
    system.run("tick")
    system.send("work", "later")
    assert system.jobs("work") == [{"price": 2}, "later"]
    system.deliver()
    assert events(system) == []
    system.clock.advance(seconds=62)
    system.deliver()
    assert events(system) == [{"job": "later", "attempt": 2}]
    system.clock.advance(seconds=30)
    system.deliver()
    assert events(system)[1:] == [{"job": {"price": 2}, "attempt": 1}]
    assert system.jobs("work") == []


def test_failed_jobs(system: System) -> None:
    system.send("work", "fail")
    with pytest.raises(ValueError, match="no such work"):
        system.deliver()
    system.deliver()  # the job is not due yet
    began = system.clock.time()
    system.deliver(retry=True)
    assert system.dead_letters("work") == ["fail"]
    assert system.clock.time() >= began + 29  # after 10 and 20 seconds, in whole milliseconds
    system.deliver()
    assert (system.jobs("work"), events(system)) == ([], [])


def test_jobs_delivered_twice(system: System) -> None:
    system.send("work", 2)
    system.deliver(twice=True)
    # Job 2 is delivered twice. Both deliveries send a job 1: the first of these is delivered twice,
    # the other once.
    assert sorted(event["job"] for event in events(system)) == [1, 1, 1, 2, 2]


def test_events_reach_the_functions_whose_rule_they_match(system: System) -> None:
    detail = {"item": {"kind": "pen", "price": 1.5}}
    assert system.emit("another", "Sold", detail) == []
    assert system.emit("shop", "Bought", detail) == []
    assert system.emit("shop", "Sold", {"item": {"kind": "cup"}}) == []
    assert system.emit("shop", "Sold", {"item": "pen"}) == []
    assert system.emit("shop", "Sold", detail) == ["ear"]
    assert system.jobs("ear")[0]["detail"] == detail
    with pytest.raises(Taken):
        system.deliver(twice=True)
    assert events(system) == [{"sold": "pen"}]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda system: system.run("watch"), 'There is no function "watch" with jobs. Use one of ear, tick, work.'),
        (lambda system: system.jobs("x"), 'There is no function "x" with jobs. Use one of ear, tick, work.'),
        (lambda system: system.send("ask", 1), 'There is no function "ask" with jobs. Use one of ear, tick, work.'),
        (
            lambda system: system.dead_letters("ask"),
            'There is no function "ask" with dead letters. Use one of ear, tick, watch, work.',
        ),
    ],
)
def test_an_unknown_function_is_named(system: System, call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call(system)


def test_the_docs_name_each_public_name() -> None:
    public = [name for name in trestle.testing.__all__ if not name.startswith(("_", "pytest_"))]
    assert [name for name in public if not re.search(rf"\b{name}\b", GUIDE)] == []
    members = {
        f"{name}.{member}": member
        for name in public
        if name != "system"  # a fixture, not a function
        for member in vars(getattr(trestle.testing, name))
        if not member.startswith("_") and f"{name}.{member}" not in FOR_FUNCTIONS
    }
    assert "System.user" in members
    assert [full for full, member in members.items() if not re.search(rf"`{member}[`(]", GUIDE)] == []


@pytest.mark.parametrize("page", ["how-to/own-code.md", "reference/testing.md"])
def test_the_examples_of_the_docs(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (example,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "mark.system" in block)
    names: dict[str, Any] = {}
    exec(example, names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    with mock_aws():
        test(System(read_project(ROOT, ROOT / test.pytestmark[0].args[0]), monkeypatch))
