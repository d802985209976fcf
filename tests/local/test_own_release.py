"""Test a bad release of own code on the local system: a job fails, the release is rolled back, and the job succeeds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.local import test_release
from tests.local.api import Api
from tests.local.test_release import RepositoryCopy, copy_of_repository

pytestmark = pytest.mark.slow

SYSTEM = """
name        = "own"
environment = "local"
encryption  = { customer_key = false }
network     = null
release     = { minutes = %s, percent = 50 }
entities = {
  items = { access = { default = "open" }, ids = "client", operations = ["get"] }
}
functions = {
  ask = {
    code   = "work"
    routes = { "POST /work" = { call = "ask", access = "open" } }
    sends  = ["work"]
  }
  work = {
    queue = { attempts = 1 }
    uses  = { items = ["create"] }
  }
}
"""
CODE = """
from trestle.app import Context, Job, Request, Response, entity, send


def ask(request: Request, context: Context) -> Response:
    send("work", request.body)
    return Response(202)


def handle(job: Job, context: Context) -> None:
    %s
    entity("items").create({"by": "%s"}, id=job.body["id"])
"""


@dataclass
class OwnCopy(RepositoryCopy):
    """A copy of the repository with a function that has a queue."""

    def set_minutes(self, minutes: float) -> None:
        """Set how long a canary runs."""
        (self.root / "system.tfvars").write_text(SYSTEM % minutes)

    def write(self, code: str, by: str = "new") -> None:
        """Replace the function's code."""
        (self.root / "app").mkdir(exist_ok=True)
        (self.root / "app" / "work.py").write_text(CODE % (code, by))

    def version(self, function: str) -> str:
        """Return a function's live version, after checking that no canary runs."""
        alias = self.client("lambda").get_alias(FunctionName=f"own-{function}-local", Name="live")
        assert not (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
        return str(alias["FunctionVersion"])

    def failed(self) -> list[Any]:
        """Return the bodies of the dead letters without removing them."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName="own-work-failed-local")["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(each["Body"])["body"] for each in found.get("Messages", ())]


@pytest.fixture
def copy(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnCopy]:
    """The running system of a copy of the repository."""
    monkeypatch.setattr(test_release, "PARTS", (*test_release.PARTS, "app"))
    found = OwnCopy(tmp_path_factory.mktemp("stack"), root=copy_of_repository(tmp_path_factory.mktemp("copy")))
    found.set_minutes(0)
    found.write("pass", "old")
    with found.started():
        yield found


def wait_for(what: Any) -> Any:
    """Wait for a true value and return it; the test's own limit ends the wait."""
    while not (found := what()):
        time.sleep(0.2)
    return found


def test_a_bad_consumer_is_rolled_back_and_its_jobs_then_succeed(copy: OwnCopy) -> None:
    api = Api(copy.api().url.removesuffix("/items"), None)

    def item(item_id: str) -> Any:
        answer = api("GET", f"/items/{item_id}")
        return answer.json if answer.status == 200 else None

    assert api("POST", "/work", {"id": "first"}).status == 202
    assert wait_for(lambda: item("first"))["by"] == "old"
    before = {name: copy.version(name) for name in ("ask", "work")}

    copy.write("raise RuntimeError(job.id)")
    copy.set_minutes(10)
    releasing = copy.run("-m", "tools", "release", "--env", "local")
    assert releasing.stdout
    said = next(line for line in releasing.stdout if "All jobs, events and changes" in line or "Error" in line)
    assert f"own-work-local {before['work']} -> " in said
    # The new version gets all jobs, not a share of them, and a plan shows no changes.
    assert copy.version("work") != before["work"]
    assert api("POST", "/work", {"id": "second"}).status == 202
    said = releasing.communicate()[0]
    assert releasing.returncode == 1
    assert "Rolled back: faults of the new versions" in said
    assert "RuntimeError" in said
    assert {name: copy.version(name) for name in before} == before
    assert not copy.has_changes()

    assert wait_for(copy.failed) == [{"id": "second"}]
    assert item("second") is None
    redrive = copy.run("-m", "tools", "redrive", "--env", "local", "--function", "work")
    said = redrive.communicate()[0]
    assert redrive.returncode == 0, said
    assert wait_for(lambda: item("second"))["by"] == "old"
    assert copy.failed() == []
