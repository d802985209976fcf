"""Test the tenants example over HTTP: two isolated tenants, and a support team with access to both."""

from __future__ import annotations

import itertools
import os
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.local.api import Answer, Api
from tests.local.described_api import DescribedApi
from tests.local.runner import ROOT
from tests.local.test_examples import Example, example_fixture, list_items
from tests.tutorial import console_blocks, run_commands

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "how-to" / "tenants.md"

_tenants = example_fixture("tenants")


@pytest.fixture(scope="module")
def people(tenants: Example) -> dict[str, DescribedApi]:
    """Users of two tenants, the support team, its lead, and a user without tenant and group."""

    def signed_in(*arguments: str) -> DescribedApi:
        done = tenants.local("token", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return DescribedApi(Api(tenants.url, None, done.stdout.strip()))

    support = ("--group", "support")
    return {
        "ada": signed_in("--user", "ada", "--claim", "tenant_id=acme"),
        "alan": signed_in("--user", "alan", "--claim", "tenant_id=acme"),
        "bob": signed_in("--user", "bob", "--claim", "tenant_id=globex"),
        "sue": signed_in("--user", "sue", *support),
        "lea": signed_in("--user", "lea", *support, "--group", "support-lead"),
        "tom": signed_in("--user", "tom"),
        "kim": signed_in("--user", "kim", "--group", "support-lead"),
    }


def owned(answer: Answer) -> set[tuple[str, str]]:
    """Return a list's ids with the items' owners."""
    assert answer.status == 200, answer.content
    return set(zip((item["id"] for item in answer.json["items"]), answer.json["owners"], strict=True))


def test_a_tenants_users_share_its_items(people: dict[str, DescribedApi]) -> None:
    made = people["ada"].create("/projects", {"name": "Rocket"})
    assert made.json["status"] == "active"
    assert "Item-Owner" not in made.headers
    assert people["alan"]("GET", made.location).json == made.json
    changed = people["alan"]("PATCH", made.location, {"status": "paused"}, If_Match=made.headers["ETag"])
    assert changed.json in list_items(people["ada"], "/projects?status=paused")
    assert "owners" not in people["ada"]("GET", "/projects").json


def test_no_item_of_a_tenant_reaches_the_other(people: dict[str, DescribedApi]) -> None:
    ada, bob, project = people["ada"], people["bob"], uuid.uuid4().hex
    key = uuid.uuid4().hex
    hers = [ada.create("/tasks", {"projectId": project, "title": title}) for title in ("Fuel", "Launch")]
    bob.create("/tasks", {"projectId": uuid.uuid4().hex, "title": "Other"})
    task = {"projectId": project, "title": "Once"}
    once = ada("POST", "/tasks", task, Idempotency_Key=key)
    sent: tuple[tuple[str, Any], ...] = (("GET", None), ("PUT", task), ("PATCH", {"done": True}), ("DELETE", None))
    for method, body in sent:
        bob(method, hers[0].location, body).problem(404, "not-found")
        bob(method, f"{hers[0].location}?owner=acme", body).problem(403, "forbidden")
        bob(method, f"{hers[0].location}?owner=nobody", body).problem(403, "forbidden")
    bob("POST", "/tasks?owner=acme", task).problem(403, "forbidden")
    for query in ("", f"&projectId={project}"):
        cursor = quote(ada("GET", f"/tasks?limit=1{query}").json["next"])
        assert ada("GET", f"/tasks?limit=1{query}&cursor={cursor}").status == 200
        bob("GET", f"/tasks?limit=1{query}&cursor={cursor}").problem(400, "invalid-request")
    assert list_items(bob, f"/tasks?projectId={project}") == []
    bob("GET", f"/tasks?projectId={project}&owner=acme").problem(403, "forbidden")
    assert not {task.json["id"] for task in hers} & {task["id"] for task in list_items(bob, "/tasks?limit=100")}
    again = bob("POST", "/tasks", task, Idempotency_Key=key)
    assert (again.status, again.json["id"] == once.json["id"]) == (201, False)
    assert "Idempotency-Replayed" not in again.headers
    assert ada("POST", "/tasks", task, Idempotency_Key=key).json == once.json
    assert [ada("GET", task.location).json for task in hers] == [task.json for task in hers]


def test_support_reads_all_tenants_items_and_writes_none(people: dict[str, DescribedApi]) -> None:
    sue = people["sue"]
    made = {name: people[name].create("/projects", {"name": f"Of {name}"}) for name in ("ada", "bob")}
    hers, his = ((made[name].json["id"], tenant) for name, tenant in (("ada", "acme"), ("bob", "globex")))
    assert owned(sue("GET", "/projects?limit=100")) >= {hers, his}
    for tenant, own, other in (("acme", hers, his), ("globex", his, hers)):
        shown = owned(sue("GET", f"/projects?limit=100&owner={tenant}"))
        assert own in shown
        assert other not in shown
        assert own in owned(sue("GET", f"/projects?limit=100&status=active&owner={tenant}"))
    sue("GET", "/projects?status=active").problem(400, "invalid-request")
    for query in ("", "?owner=acme"):
        read = sue("GET", f"{made['ada'].location}{query}")
        assert (read.json["name"], read.headers["Item-Owner"]) == ("Of ada", "acme")
    sue("GET", f"{made['ada'].location}?owner=globex").problem(404, "not-found")
    for method, body in (("PUT", {"name": "Hers"}), ("PATCH", {"name": "Hers"}), ("DELETE", None)):
        sue(method, f"{made['ada'].location}?owner=acme", body).problem(403, "forbidden")
        assert sue(method, made["ada"].location, body).status in (403, 404)
    for path in ("/projects", "/projects?owner=acme"):
        sue("POST", path, {"name": "Hers"}).problem(403, "forbidden")
    assert people["ada"]("GET", made["ada"].location).json == made["ada"].json


def test_the_lead_of_support_writes_for_a_tenant(people: dict[str, DescribedApi]) -> None:
    lea = people["lea"]
    made = lea.create("/projects?owner=acme", {"name": "For Acme"})
    assert made.headers["Item-Owner"] == "acme"
    assert people["ada"]("GET", made.location).json == made.json
    people["bob"]("GET", made.location).problem(404, "not-found")
    changed = lea("PATCH", f"{made.location}?owner=acme", {"status": "finished"}, If_Match=made.headers["ETag"])
    assert people["ada"]("GET", made.location).json == changed.json
    lea("PATCH", f"{made.location}?owner=globex", {"status": "paused"}).problem(404, "not-found")
    assert lea("PUT", made.location, {"name": "Found by its id"}).headers["Item-Owner"] == "acme"
    people["kim"]("GET", f"{made.location}?owner=acme").problem(403, "forbidden")
    assert people["kim"]("DELETE", f"{made.location}?owner=acme").status == 204
    people["ada"]("GET", made.location).problem(404, "not-found")


def test_a_tenant_does_not_see_supports_notes(people: dict[str, DescribedApi]) -> None:
    ada, sue = people["ada"], people["sue"]
    made = ada.create("/projects", {"name": "Noted"})
    at = f"{made.location}?owner=acme"
    noted = people["lea"]("PATCH", at, {"internalNotes": "Pays late"})
    assert (noted.status, noted.json["internalNotes"]) == (200, "Pays late")
    assert sue("GET", at).json["internalNotes"] == "Pays late"
    listed = {item["id"]: item for item in list_items(sue, "/projects?limit=100")}
    assert listed[made.json["id"]]["internalNotes"] == "Pays late"
    seen = [ada("GET", made.location), ada("GET", "/projects?limit=100"), ada("PUT", made.location, {"name": "New"})]
    assert [answer.status for answer in seen] == [200, 200, 200]
    assert not any(b"internalNotes" in answer.content for answer in seen)
    problem = ada("PATCH", made.location, {"internalNotes": "Pays well"}).problem(403, "forbidden")
    assert [error["pointer"] for error in problem["errors"]] == ["/internalNotes"]
    assert sue("GET", at).json["internalNotes"] == "Pays late", "PUT keeps properties hidden from its caller"


def test_a_token_without_a_tenant_gives_no_access(people: dict[str, DescribedApi], tenants: Example) -> None:
    tenants.api()("GET", "/projects").problem(401, "unauthorized")
    made = people["ada"].create("/projects", {"name": "Hers"})
    people["tom"]("GET", "/projects").problem(403, "forbidden")
    people["tom"]("GET", made.location).problem(403, "forbidden")
    people["tom"]("POST", "/projects", {"name": "His"}).problem(403, "forbidden")


def test_the_how_to_page_shows_its_commands_output(tenants: Example) -> None:
    """Runs all commands but the one that starts the system. No other test uses the page's tenant."""
    (up, *commands), *blocks = [
        [(command.replace("acme", "initech"), shown.replace("acme", "initech")) for command, shown in step.commands()]
        for step in console_blocks(PAGE)
    ]
    assert up == ("python local.py up --detach --var-file examples/tenants.tfvars", "")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TRESTLE_LOCAL_DIR": str(tenants.local.folder),
    }
    run_commands(list(itertools.chain(commands, *blocks)), ROOT, environment)
