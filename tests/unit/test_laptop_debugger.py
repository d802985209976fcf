"""Test functions under a debugger: how they are selected, their ports, and the messages."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools.errors import UserError
from tools.laptop import debugger
from tools.laptop.corrections import queues
from tools.laptop.corrections.debugging import FILE, NO_LIMIT, Debugging, correct


@pytest.fixture
def system(tmp_path: Path) -> Any:
    (tmp_path / "emulator").mkdir()
    outputs = {
        "function_names": {"items": {"create": "shop-items-create-dev"}},
        "functions": {"pay": {"name": "shop-pay-dev"}},
    }
    return SimpleNamespace(
        name="shop-dev", folder=tmp_path, root=None, outputs=lambda: outputs,
        emulator=SimpleNamespace(folder=tmp_path / "emulator"),
    )  # fmt: skip


def test_a_function_is_named_as_in_the_logs_and_keeps_its_port(system: Any) -> None:
    debugging = Debugging(system.emulator.folder / FILE)
    assert debugging.asked("shop-pay-dev") == ""
    said = debugger.attach(system, "pay")
    asked = json.loads(debugging.asked("shop-pay-dev"))
    assert f"When pay is called, it waits for a debugger at 127.0.0.1:{asked['port']}" in said
    assert f'"connect": {{"host": "127.0.0.1", "port": {asked["port"]}}}' in said
    assert debugging.asked("shop-items-create-dev") == ""
    debugger.attach(system, "items.create")
    assert json.loads(debugging.asked("shop-items-create-dev"))["port"] == asked["port"]
    assert debugging.asked("shop-pay-dev") == ""
    debugger.detach(system.emulator.folder)
    debugger.detach(system.emulator.folder)
    assert debugging.asked("shop-items-create-dev") == ""


def test_an_unknown_function_and_a_missing_package_are_refused(system: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"shop-dev has no function pai: did you mean pay\?"):
        debugger.attach(system, "pai")
    debugger.check_debugger()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs the package debugpy, which is not installed: run `.* install debugpy`"):
        debugger.check_debugger()


def test_a_process_is_for_one_debugger_and_without_limits(tmp_path: Path) -> None:
    made: list[Any] = []
    runtime = SimpleNamespace(_PYTHON_WORKER_SCRIPT="", _lock=Lock(), _workers={}, kill_workers=lambda _: None)
    functions = SimpleNamespace(acquire_worker=lambda *given, **options: made.append((*given, options)))
    correct(functions, runtime, Debugging(tmp_path / FILE))
    config = {"FunctionArn": "arn:aws:lambda:eu:1:function:f:2", "Timeout": 3, "Environment": {"Variables": {"A": "1"}}}
    acquire: Any = functions.acquire_worker
    acquire("f", config, b"", qualifier="2")
    assert made.pop()[1] == config
    plain, debugged = (SimpleNamespace(config=each, in_use=False) for each in (config, None))
    asked = json.dumps({"function": "f", "port": 9})
    (tmp_path / FILE).write_text(asked)
    debugged.config = {"Environment": {"Variables": {"TRESTLE_DEBUG": asked}}}
    runtime._workers |= {"1:eu:f:1": [debugged], "1:eu:f:2": [plain, debugged], "1:eu:g:2": [plain]}
    acquire("f", config, b"", qualifier="2")
    name, given, _, options = made.pop()
    assert (name, options) == ("f", {"qualifier": "2"})
    assert given == config | {
        "Timeout": NO_LIMIT, "Environment": {"Variables": {"A": "1", "TRESTLE_DEBUG": asked}}
    }  # fmt: skip
    assert runtime._workers == {"1:eu:f:1": [], "1:eu:f:2": [debugged], "1:eu:g:2": [plain]}
    (tmp_path / FILE).unlink()
    acquire("f", config, b"", qualifier="2")
    assert runtime._workers["1:eu:f:2"] == []


@pytest.mark.parametrize("is_debugged", [False, True])
@pytest.mark.parametrize("moved", [None, 77.0])
def test_a_message_waits_for_the_debugger(tmp_path: Path, is_debugged: bool, moved: float | None) -> None:
    """Meanwhile nobody else receives it, and afterwards its visibility time-out is as without a debugger."""
    if is_debugged:
        (tmp_path / FILE).write_text(json.dumps({"function": "f"}))
    message: dict[str, Any] = {"id": "m", "visible_at": 50.0, "receipt_handle": "r"}
    seen: list[float] = []

    def execute(*_: Any) -> dict[str, Any]:
        seen.append(message["visible_at"])
        message["visible_at"] = moved or message["visible_at"]
        return {"error": True}

    functions = SimpleNamespace(
        _poll_sqs=None, _execute_function=execute, _emit_lambda_metrics=lambda *_, **__: None,
        _esm_backoff_until={}, _ESM_BACKOFF_SECONDS=1,
    )  # fmt: skip
    background = SimpleNamespace(mark_changed=lambda: None)
    service = SimpleNamespace(_delete_messages_for_esm=lambda *_: None)
    queues.correct_batches(functions, service, background, Debugging(tmp_path / FILE))
    run: Any = functions.__dict__["_run_sqs_batch"]
    run({"UUID": "u"}, {"config": {"FunctionName": "f"}}, {}, [message], "url", "queue")
    assert seen == [50.0 + (NO_LIMIT if is_debugged else 0)]
    assert message == {"id": "m", "visible_at": moved or 50.0, "receipt_handle": "r"}


class Lock:
    """A fake lock."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...
