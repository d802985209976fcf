"""Test functions of app/ on a laptop: a small system with one of each kind, over HTTP and AWS's API."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.api import Api
from tests.local.runner import ROOT, Local, error_sentence

pytestmark = pytest.mark.slow

PATIENCE = 120.0
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stripe-AbCdEf"


def wait_until(holds: Callable[[], Any]) -> Any:
    """Wait for a true value; return it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


class Parts:
    """The running system, whose functions record their calls as notes."""

    def __init__(self, local: Local, project: Path) -> None:
        self.local, self.project = local, project
        self.up: tuple[Any, ...] = ("up", "--root", project, "--port", str(local.port))

    def api(self, path: str) -> Api:
        return Api(f"{self.local.outputs()['api_url'].rstrip('/')}/{path}", None)

    def notes(self, beginning: str) -> list[str]:
        """Return the functions' notes that start with a text, oldest first."""
        texts = [each["text"] for each in self.api("notes")("GET", "?limit=100").json["items"]]
        return [text for text in texts if text.startswith(beginning)]

    def function(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.local.outputs()["functions"][name]
        return found

    def waiting(self, name: str) -> int:
        """Return the number of a function's dead letters."""
        url, attribute = self.function(name)["dead_letters_url"], "ApproximateNumberOfMessages"
        found = self.local.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
        return int(found["Attributes"][attribute])


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("parts")
    project = folder / "project"
    shutil.copytree(ROOT / "tests" / "local" / "functions", project, ignore=shutil.ignore_patterns("dist", ".*"))
    main = project / "main.tf"
    main.write_text(main.read_text().replace("../../../modules/service", str(ROOT / "modules" / "service")))
    made = Parts(Local(folder / "state"), project)
    done = made.local(*made.up, "--detach")
    try:
        assert done.returncode == 0, done.stderr
        assert "Functions\n  changed  changes of items\n  count    GET /secret, POST /count\n" in done.stderr
        assert "The secret stripe has no value yet: run `python local.py secret stripe`." in done.stderr
        assert not made.local.system.has_changes([])
        yield made
    finally:
        made.local("down")


def test_a_change_is_delivered_after_the_write(parts: Parts) -> None:
    orders = parts.api("orders")
    order = orders.create({"title": "a"}).json
    wait_until(lambda: parts.notes("created a"))
    for status in ("packed", "shipped", "shipped"):
        orders("PATCH", f"/{order['id']}", {"status": status}, **{"content-type": "application/merge-patch+json"})
    orders("DELETE", f"/{order['id']}")
    wait_until(lambda: parts.notes("deleted a"))
    assert parts.notes("updated a") == ["updated a"]


def test_a_poison_change_becomes_a_complete_dead_letter_and_is_redriven(parts: Parts) -> None:
    orders = parts.api("orders")
    poison = orders.create({"title": "poison"}).json
    orders.create({"title": "behind it"})
    wait_until(lambda: parts.notes("created behind it"))
    wait_until(lambda: parts.waiting("changed") == 1)
    queue = parts.function("changed")["dead_letters_url"]
    sqs = parts.local.client("sqs")
    (letter,) = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    said = json.loads(letter["Body"])
    assert (said["change"]["item"]["title"], said["change"]["item"]["id"]) == ("poison", poison["id"])
    assert said["error"] == {"type": "KeyError", "place": said["error"]["place"]}
    assert said["error"]["place"].startswith("app/parts.py:")
    code = parts.project / "app" / "parts.py"
    faulty = code.read_text()
    try:
        code.write_text(faulty.replace('== "poison"', '== "none"'))
        assert parts.local(*parts.up, "--detach").returncode == 0
        redrive = parts.local.operate("redrive", "--function", "changed")
        assert redrive.returncode == 0, redrive.stderr
        wait_until(lambda: parts.notes("created poison"))
        assert parts.waiting("changed") == 0
    finally:
        code.write_text(faulty)
        assert parts.local(*parts.up, "--detach").returncode == 0


def test_a_job_is_retried_later_and_continues_after_again(parts: Parts) -> None:
    count = parts.api("count")
    assert count("POST", "", {"name": "b", "fails": 1}).status == 202
    wait_until(lambda: parts.notes("work b 0 attempt 2"))
    count("POST", "", {"name": "c", "left": 2})
    wait_until(lambda: parts.notes("work c 0 attempt 1"))
    assert parts.notes("work c") == ["work c 2 attempt 1", "work c 1 attempt 1", "work c 0 attempt 1"]


def test_a_job_out_of_retries_is_a_dead_letter_and_its_error_is_logged(parts: Parts) -> None:
    parts.api("count")("POST", "", {"name": "d", "dies": True})
    wait_until(lambda: parts.waiting("work"))
    assert parts.notes("work d") == [f"work d 0 attempt {attempt}" for attempt in (1, 2, 3)]
    logs = parts.local("logs").stdout.splitlines()
    found = [json.loads(line[line.index("{") :]) for line in logs if " work " in line and "ValueError" in line]
    assert found
    for line in found:
        assert line["requestId"]
        assert "app/parts.py:" in json.dumps(line)


def test_a_schedule_and_an_event_start_their_functions(parts: Parts) -> None:
    wait_until(lambda: parts.notes("tick 20"))
    entry = {"Source": "shop", "DetailType": "Made"}
    details = [json.dumps({"bucket": {"name": name}}) for name in ("b", "a")]
    parts.local.client("events").put_events(Entries=[{**entry, "Detail": detail} for detail in details])
    wait_until(lambda: parts.notes("event"))
    assert parts.notes("event") == ["event Made a"]


def test_a_secret_can_be_read_once_it_has_a_value(parts: Parts) -> None:
    secret = parts.api("secret")
    for value in ("first", "second"):
        done = parts.local("secret", "stripe", stdin=value)
        assert (done.returncode, done.stdout) == (0, "")
        assert value not in done.stderr
        assert secret("GET", "").json == {"secret": value}
    (file,) = parts.local.folder.glob("*/secrets.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "no value yet" not in parts.local("status").stderr


def test_functions_are_run_by_hand(parts: Parts, tmp_path: Path) -> None:
    done = parts.local("run", "tick")
    assert done.returncode == 0, done.stderr
    assert "tick is done after " in done.stderr
    file = tmp_path / "change.json"
    change = {"entity": "orders", "kind": "created", "item": {"id": "1", "title": "by hand"}}
    file.write_text(json.dumps(change))
    assert parts.local("run", "changed", "--change", file).returncode == 0
    assert parts.notes("created by hand")
    change["item"] = {"id": "1", "title": "poison"}
    file.write_text(json.dumps(change))
    said = error_sentence(parts.local("run", "changed", "--change", file))
    assert said.startswith("changed failed at app/parts.py:")
    assert "with KeyError. `python local.py logs` has the error." in said
    assert "takes a change: pass it with --change FILE." in error_sentence(
        parts.local("run", "changed", "--body", file)
    )
    assert "has no function tik: did you mean tick?" in error_sentence(parts.local("run", "tik"))


def test_messages_survive_a_restart(parts: Parts) -> None:
    sqs = parts.local.client("sqs")
    body = json.dumps({"id": "x", "at": "2026-01-01T00:00:00Z", "body": {"name": "late"}})
    sqs.send_message(QueueUrl=parts.function("work")["queue_url"], MessageBody=body, DelaySeconds=5)
    assert parts.local("down").returncode == 0
    done = parts.local("up", "--detach")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: parts.notes("work late"))
