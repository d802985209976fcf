"""Test an issuer's tokens at functions of app/, and releases of the authorizer that verifies them."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.local.api import Api
from tests.local.runner import ROOT
from tests.local.test_issuer import check_unauthorized, forged_tokens
from tests.local.test_release import RepositoryCopy, copy_of_repository
from tools.laptop.issuer.tokens import Issuer

pytestmark = pytest.mark.slow

SYSTEM = """
name        = "own"
environment = "local"
encryption  = { customer_key = false }
network     = null
release     = { minutes = %s, percent = %s }
jwt         = { audiences = ["https://api.example.com"], issuer = "https://issuer.example.com/" }
entities = {
  tasks = {
    access     = { default = "jwt" }
    fields = {
      note = { read = "group=support", write = "group=support" }
      pin  = { read = "owner", write = "nobody" }
    }
    filters    = { note = {} }
    ids        = "client"
    operations = ["create", "get"]
    owner      = "claim:tenant_id"
    schema     = "schemas/task.json"
  }
}
functions = {
  cards = {
    code = "desk"
    routes = {
      "GET /tasks/{id}/card"       = { access = "jwt", call = "card" }
      "GET /tasks/{id}/of/{owner}" = { access = "jwt", call = "card_of" }
      "GET /notes/{note}"          = { access = "jwt", call = "noted" }
      "POST /tasks/{id}/close"     = { access = "jwt:scope=tasks:close", call = "close" }
      "GET /me"                    = { access = "jwt", call = "me" }
      "GET /health"                = { access = "open", call = "me" }
    }
    uses = { tasks = ["get", "list", "merge"] }
  }
  desk = {
    owners = "any"
    routes = {
      "GET /desk"                  = { access = "jwt:group=Support Team", call = "everyone" }
      "GET /desk/{owner}/{id}"     = { access = "jwt:group=Support Team", call = "card_of" }
    }
    uses = { tasks = ["get", "list"] }
  }
  raw = {
    code   = "desk"
    fields = "any"
    routes = {
      "GET /tasks/{id}/raw"  = { access = "jwt", call = "card" }
      "POST /tasks/{id}/raw" = { access = "jwt", call = "close" }
    }
    uses = { tasks = ["get", "merge"] }
  }
}
"""
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("title", "note", "pin", "state")},
    "required": ["title"],
}
CODE = """
from trestle.app import Context, Request, Response, entity

tasks = entity("tasks")


def card(request: Request, context: Context) -> Response:
    return Response(200, {**tasks.get(request.path["id"])})


def card_of(request: Request, context: Context) -> Response:
    return Response(200, {**tasks.of(request.path["owner"]).get(request.path["id"])})


def noted(request: Request, context: Context) -> Response:
    return Response(200, [{**task} for task in tasks.list({"note": request.path["note"]})])


def close(request: Request, context: Context) -> Response:
    return Response(200, {**tasks.merge(request.path["id"], request.body)})


def everyone(request: Request, context: Context) -> Response:
    return Response(200, [[task.owner, task.id, sorted(task)] for task in tasks.everyone.list()])


def me(request: Request, context: Context) -> Response:
    caller = context.caller
    return Response(200, {
        "kind": caller.kind, "id": caller.id, "owner": caller.owner,
        "groups": sorted(caller.groups), "scopes": sorted(caller.scopes), "plan": caller.claims.get("plan"),
    })
"""
TOKENS = "lambda_src/trestle/authorizer/tokens.py"
AUTHORIZER = "own-authorizer-local"


@dataclass
class JwtCopy(RepositoryCopy):
    """A copy of the repository, in which tests may break the authorizer."""

    def set_minutes(self, minutes: float, percent: int = 50) -> None:
        """Set how long a canary runs, and its share of the requests."""
        (self.root / "system.tfvars").write_text(SYSTEM % (minutes, percent))

    def write(self, code: str) -> None:
        """Change how the authorizer verifies tokens."""
        before, line, after = (ROOT / TOKENS).read_text().partition("    header, claims = ")
        assert line
        (self.root / TOKENS).write_text(f"{before}    {code}\n{line}{after}")

    def live(self) -> str:
        """Return the authorizer's live version, after checking that no canary runs."""
        alias = self.client("lambda").get_alias(FunctionName=AUTHORIZER, Name="live")
        assert not (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
        return str(alias["FunctionVersion"])

    def logged(self) -> list[str]:
        """Return the output of `make logs FUNCTION=authorizer`."""
        running = self.run("-m", "tools", "logs", "--env", "local", "--function", "authorizer")
        said = running.communicate()[0]
        assert running.returncode == 0, said
        return said.splitlines()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JwtCopy]:
    """The running system of a copy of the repository."""
    root = copy_of_repository(tmp_path_factory.mktemp("copy"))
    (root / "app").mkdir()
    (root / "app" / "desk.py").write_text(CODE)
    (root / "schemas" / "task.json").write_text(json.dumps(SCHEMA))
    found = JwtCopy(tmp_path_factory.mktemp("stack"), root=root)
    found.set_minutes(0)
    with found.started():
        yield found


@pytest.fixture(scope="module")
def issuer(copy: JwtCopy) -> Issuer:
    """The laptop's issuer with its private keys."""
    return copy.system.issuer(copy.running())


class People:
    """Callers with the issuer's tokens."""

    def __init__(self, url: str, issuer: Issuer) -> None:
        self.nobody = Api(url, None)
        self.issuer = issuer

    def __call__(self, user: str, tenant: str | None = None, **rights: Any) -> Api:
        claims = {} if tenant is None else {"tenant_id": tenant}
        return self.nobody.as_bearer(self.issuer.access_token(user, claims=claims | rights.pop("claims", {}), **rights))


@pytest.fixture(scope="module")
def people(copy: JwtCopy, issuer: Issuer) -> People:
    return People(copy.api("").url.rstrip("/"), issuer)


@pytest.fixture
def task(people: People, request: pytest.FixtureRequest) -> str:
    """The id of a task of the tenant acme with a note that only support reads and writes."""
    writer = people("ada", "acme", groups=["support"])
    task: str = request.node.name.partition("[")[0][-60:]
    assert writer("POST", "/tasks", {"id": task, "title": "t", "note": "late"}).status == 201
    return task


# --- access ---


def test_forged_tokens_reach_no_own_function(people: People) -> None:
    check_unauthorized(people.nobody("GET", "/me"))
    check_unauthorized(people.nobody("POST", "/tasks/x/close", {}))
    for what, token in forged_tokens(people.issuer):
        check_unauthorized(people.nobody.as_bearer(token)("GET", "/me"), what)
    check_unauthorized(people.nobody.as_bearer(people.issuer.access_token("eve", lifetime=-9))("GET", "/desk"))


def test_own_code_gets_the_caller(people: People) -> None:
    ada = people("auth0|12 ü", "acme", groups=["b", "a"], scopes=["s:1", "s:2"], claims={"plan": {"seats": 2}})
    assert ada("GET", "/me").json == {
        "kind": "user", "id": "auth0|12 ü", "owner": "acme", "groups": ["a", "b"], "scopes": ["s:1", "s:2"],
        "plan": {"seats": 2},
    }  # fmt: skip
    assert people("eve")("GET", "/me").json["owner"] == ""
    # An open route requires no token, and trusts no claim that the authorizer has not verified.
    assert ada("GET", "/health").json["kind"] == "anonymous"


def test_routes_check_each_tokens_scopes_and_groups(people: People, task: str) -> None:
    path = f"/tasks/{task}/close"
    wrong: tuple[dict[str, Any], ...] = ({}, {"scopes": ["tasks"]}, {"groups": ["tasks:close"]})
    for rights in wrong:
        people("ada", "acme", **rights)("POST", path, {"state": "done"}).problem(403, "forbidden")
    closed = people("ada", "acme", scopes=["x", "tasks:close"])("POST", path, {"state": "done"})
    assert (closed.status, closed.json["state"]) == (200, "done")
    wrong = ({}, {"groups": ["Support"]}, {"groups": ["Support Team,"]}, {"scopes": ["Support Team"]})
    for rights in wrong:
        people("sue", **rights)("GET", "/desk").problem(403, "forbidden")
    assert people("sue", groups=["Support Team"])("GET", "/desk").status == 200


# --- whose items ---


def test_a_route_accesses_only_items_of_its_callers_tenant(people: People, task: str) -> None:
    for user in ("ada", "alan"):
        assert people(user, "acme")("GET", f"/tasks/{task}/card").json["title"] == "t"
        assert people(user, "acme")("GET", f"/tasks/{task}/of/acme").json["title"] == "t"
    people("bob", "globex")("GET", f"/tasks/{task}/card").problem(404, "not-found")
    # Naming another owner is an error of the code, so callers get no details.
    others = [
        people("bob", "globex")("GET", f"/tasks/{each}/of/acme").problem(500, "internal-error") for each in (task, "x")
    ]
    assert others[0]["detail"] == others[1]["detail"]
    people("tom")("GET", f"/tasks/{task}/card").problem(403, "forbidden")
    for claims in ({"tenant_id": ["acme"]}, {"tenant_id": None}, {"tenant_id": ""}, {"tenant": "acme"}):
        people("tom", claims=claims)("GET", f"/tasks/{task}/card").problem(403, "forbidden")
    # Neither a query nor a header changes who the caller is.
    bob = people("bob", "globex")
    bob("GET", f"/tasks/{task}/card?owner=acme&tenant_id=acme", Tenant_Id="acme").problem(404, "not-found")


def test_a_function_for_all_owners_names_the_owner(people: People, task: str) -> None:
    people("bob", "globex")("POST", "/tasks", {"id": task, "title": "his"})
    sue = people("sue", groups=["Support Team"])
    assert sue("GET", f"/desk/acme/{task}").json["title"] == "t"
    assert sue("GET", f"/desk/globex/{task}").json["title"] == "his"
    sue("GET", f"/desk/nobody/{task}").problem(404, "not-found")
    listed = {(owner, item) for owner, item, _ in sue("GET", "/desk").json}
    assert listed >= {("acme", task), ("globex", task)}


# --- properties ---


def test_routes_hide_properties_that_their_caller_may_not_read(people: People, task: str) -> None:
    ada, support = people("ada", "acme"), people("ada", "acme", groups=["support"])
    assert "note" not in ada("GET", f"/tasks/{task}/card").json
    assert support("GET", f"/tasks/{task}/card").json["note"] == "late"
    assert ada("GET", f"/tasks/{task}/raw").json["note"] == "late", 'fields = "any"'
    ada("GET", "/notes/late").problem(403, "forbidden")
    assert support("GET", "/notes/late").json
    desk = people("sue", groups=["Support Team"])("GET", "/desk").json
    assert all("note" not in names for *_, names in desk)
    both = people("sue", groups=["Support Team", "support"])("GET", "/desk").json
    assert any("note" in names for owner, item, names in both if (owner, item) == ("acme", task))


def test_routes_write_only_properties_that_their_caller_may_write(people: People, task: str) -> None:
    closer, scopes = people("ada", "acme", scopes=["tasks:close"]), ["tasks:close"]
    for change in ({"note": "x"}, {"note": None}, {"pin": "1"}, {"state": "x", "note": "x"}):
        problem = closer("POST", f"/tasks/{task}/close", change).problem(403, "forbidden")
        assert [each["pointer"] for each in problem["errors"]] == [f"/{'pin' if 'pin' in change else 'note'}"]
    support = people("ada", "acme", scopes=scopes, groups=["support"])
    assert support("POST", f"/tasks/{task}/close", {"note": "early"}).json["note"] == "early"
    support("POST", f"/tasks/{task}/close", {"pin": "1"}).problem(403, "forbidden")
    assert closer("POST", f"/tasks/{task}/raw", {"pin": "1"}).json["pin"] == "1", 'fields = "any"'
    assert people("ada", "acme")("GET", f"/tasks/{task}/card").json == {"title": "t", "pin": "1"}


# --- releases of the authorizer ---


@contextmanager
def load(people: People, statuses: Counter[int]) -> Iterator[None]:
    """Send requests with good tokens, each only once since the gateway caches decisions, and some with bad ones."""
    done, numbers, lock = threading.Event(), itertools.count(), threading.Lock()
    refused: list[int] = []

    def send() -> None:
        while not done.is_set():
            status = people(f"user{next(numbers)}", "acme")("GET", "/me").status
            expired = people("late", lifetime=-9 - next(numbers))("GET", "/me").status
            with lock:
                statuses[status] += 1
                refused.append(expired)

    callers = [threading.Thread(target=send) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        done.set()
        for caller in callers:
            caller.join()
    assert set(refused) <= {401, 503}


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ('raise RuntimeError("broken")', 503, f"{AUTHORIZER} {{}}: 503, RuntimeError"),
        ('raise Refused("signature")', 401, " x 401"),
    ],
)
def test_a_bad_authorizer_is_rolled_back(copy: JwtCopy, people: People, code: str, status: int, reason: str) -> None:
    before, statuses = copy.live(), Counter[int]()
    copy.set_minutes(10)
    copy.write(code)
    with load(people, statuses):
        returned, said = copy.release("release")
    assert returned == 1, said
    tried = said.split(f"{AUTHORIZER} {before} -> ")[1].split(".")[0]
    assert "Rolled back: " in said
    assert reason.format(tried) in said
    assert statuses[status] > 0
    assert set(statuses) == {200, status}
    assert copy.live() == before
    assert {people(f"after{number}", "acme")("GET", "/me").status for number in range(5)} == {200}
    assert not copy.has_changes()


def test_refused_tokens_do_not_roll_an_authorizer_back(copy: JwtCopy, people: People) -> None:
    before, statuses = copy.live(), Counter[int]()
    earlier = len(copy.logged())
    copy.set_minutes(0.2, percent=100)
    copy.write("pass")
    with load(people, statuses):
        returned, said = copy.release("release")
    assert returned == 0, said
    assert "s] 0 faults" in said
    assert set(statuses) == {200}
    assert copy.live() != before
    logs = copy.logged()[earlier:]
    assert any(" expired" in line for line in logs)
    assert not any("Traceback" in line or "Unauthorized" in line or "  File " in line for line in logs), logs

    code, said = copy.release("rollback")
    assert (code, copy.live()) == (0, before), said
    assert people("back", "acme")("GET", "/me").status == 200
    assert not copy.has_changes()
