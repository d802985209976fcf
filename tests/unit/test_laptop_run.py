"""Test `local.py run`: its arguments, and its output."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools.aws import run_here
from tools.errors import UserError

FUNCTIONS = {
    key: {"name": f"shop-{key}-dev", "kind": kind, "queue": None, "dead_letters": None}
    for key, kind in {"mail": "changes", "report": "schedule", "thumbs": "event", "pay": "routes"}.items()
}


class Client:
    """A fake Lambda client with a fixed response."""

    exceptions = SimpleNamespace(ResourceNotFoundException=KeyError)

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"result": "done"}
        self.calls: list[tuple[str, Any]] = []

    def invoke(self, **call: Any) -> dict[str, Any]:
        self.calls.append((call["FunctionName"], json.loads(call["Payload"])))
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode())}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    environment = SimpleNamespace(
        name="local",
        running_system=SimpleNamespace(name="shop-dev"),
        functions=lambda: FUNCTIONS,
        client=lambda *_, **__: made,
    )
    monkeypatch.setattr(run_here, "LocalEnvironment", lambda _: environment)
    return made


def run(function: str, change: Path | None = None, body: Path | None = None) -> int:
    options = Namespace(function=function, change=change, body=body, progress=lambda _: None)
    return run_here.run_function(options)


def test_a_function_is_called_with_its_input(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text('{"n": 1.5}')
    assert run("report") == run("report", body=file) == run("mail", change=file) == run("thumbs", body=file) == 0
    assert [name for name, _ in client.calls] == ["shop-report-dev"] * 2 + ["shop-mail-dev", "shop-thumbs-dev"]
    assert [call["trestle"] for _, call in client.calls] == [
        {"job": '{"body":null}'}, {"job": '{"body":{"n":1.5}}'}, {"change": '{"n":1.5}'}, {"event": '{"n":1.5}'},
    ]  # fmt: skip


def test_the_result_is_printed(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    run("report")
    assert "report is done after " in capsys.readouterr().err
    client.answer = {"result": "again"}
    run("report")
    assert "`python local.py logs` shows its progress." in capsys.readouterr().err
    client.answer = {"error": {"type": "KeyError", "place": "app/report.py:12"}}
    with pytest.raises(UserError) as failed:
        run("report")
    assert str(failed.value) == (
        "report failed at app/report.py:12 with KeyError. `python local.py logs` has the error."
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"function": "reprot"}, "shop-dev has no function reprot: did you mean report?"),
        ({"function": "xyz"}, "shop-dev has no function xyz: name one of mail, pay, report, thumbs."),
        ({"function": "pay"}, "pay has routes: send it a request."),
        (
            {"function": "mail"},
            "mail takes a change: write one into a file, as docs/how-to/own-code.md shows, and add --change",
        ),
        (
            {"function": "thumbs"},
            "thumbs takes an event: write one into a file, as docs/how-to/own-code.md shows, and add --body",
        ),
        ({"function": "mail", "body": Path("x")}, "mail takes a change: pass it with --change FILE."),
        ({"function": "report", "change": Path("x")}, "report takes a job: pass it with --body FILE."),
        ({"function": "report", "body": Path("/no/such")}, "There is no file /no/such: name another with --body."),
    ],
)
def test_invalid_input_is_refused(client: Client, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refused:
        run(**given)
    assert said in str(refused.value)
    assert not client.calls


@pytest.mark.parametrize("text", ["{", '{"a": NaN}', "\udcff", "[1]"])
def test_a_file_without_a_change_is_refused(client: Client, tmp_path: Path, text: str) -> None:
    file = tmp_path / "change.json"
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(UserError, match=r"change\.json"):
        run("mail", change=file)
    assert not client.calls
