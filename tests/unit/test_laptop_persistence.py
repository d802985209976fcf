"""Test what the emulator saves and loads, and how an interrupted apply is rolled back."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.core import persistence as emulated
from ministack.core.responses import AccountRegionScopedDict

from tools import files
from tools.laptop import snapshot
from tools.laptop.corrections import TERRAFORM_PATH, basic_authorization, persistence


class FakeService:
    """A fake emulator service with a state to save."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.before: Callable[[], None] = lambda: None

    def get_state(self) -> dict[str, Any]:
        """Return the state to save."""
        self.before()
        return self.state

    def load_persisted_state(self, state: dict[str, Any]) -> None:
        """Load a saved state."""
        self.state = state


def emulator(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **states: dict[str, Any]
) -> tuple[persistence.Saver, dict[str, FakeService]]:
    """Return the persistence of an emulator with these services."""
    services = {name: FakeService(state) for name, state in states.items()}
    for name in ("STATE_DIR", "PERSIST_STATE"):
        monkeypatch.setattr(emulated, name, {"STATE_DIR": str(folder), "PERSIST_STATE": True}[name])
    monkeypatch.setattr(emulated, "_json_object_hook", emulated._json_object_hook)
    app = SimpleNamespace(
        _state_map={name: name for name in services},
        _get_module=services.__getitem__,
        _build_persistence_save_dict=lambda: {name: each.get_state for name, each in services.items()},
    )
    functions = SimpleNamespace(_prune_orphan_code_blobs=lambda _: None)
    return persistence.correct(emulated, app, functions), services


def save(saver: persistence.Saver) -> str:
    """Save as the running emulator does; return the errors."""
    return asyncio.run(saver.save())


def load_states(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> tuple[dict[str, Any], str]:
    """Return the states that an emulator loads from a folder, and its messages."""
    saver, services = emulator(folder, monkeypatch, **{name: {} for name in names})
    saver.load()
    return {name: service.state for name, service in services.items()}, saver.notice


def table(**attributes: Any) -> AccountRegionScopedDict:
    """Return the store of one table."""
    store = AccountRegionScopedDict()
    store.set_scoped("000000000000", "us-west-2", "items", attributes)
    return store


def test_a_saved_state_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Includes unusual property names, and bytes as the emulator has them.
    document = {"__bytes__": {"S": "x"}, "__scoped__": {"BOOL": True}, "__account_region_scoped__": {"M": {}}}
    saver, _ = emulator(tmp_path, monkeypatch, dynamodb={"tables": table(items={"1": document})}, kms={"key": b"\xff"})
    saver.changes, saver.terraform = 7, '{"serial": 3}'
    assert save(saver) == ""
    states, notice = load_states(tmp_path, monkeypatch, "dynamodb", "kms")
    store = states["dynamodb"]["tables"]
    assert store.get_scoped("000000000000", "us-west-2", "items") == {"items": {"1": document}}
    assert (states["kms"], notice) == ({"key": b"\xff"}, "")
    again, _ = emulator(tmp_path, monkeypatch, dynamodb={}, kms={})
    again.load()
    assert (again.changes, again.terraform) == (7, '{"serial": 3}')


def test_a_state_without_terraforms_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier version saved it so."""
    (tmp_path / "saved").write_text("""{"format": 1, "changes": 7, "services": 1}
{"service": "kms", "version": 1, "state": {"key": "k"}}
""")
    saver, services = emulator(tmp_path, monkeypatch, kms={})
    saver.load()
    assert (services["kms"].state, saver.changes, saver.terraform) == ({"key": "k"}, 7, None)


class Served:
    """The server with the endpoint of Terraform's state, whose password is "secret"."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.saver, _ = emulator(folder, monkeypatch, kms={})
        self.password = folder / "password"
        self.password.write_text("secret")
        self.served = persistence.serve(None, self.saver, self.password)
        self.headers: dict[bytes, bytes] = {}

    def ask(
        self, method: str, *messages: dict[str, Any], path: str = TERRAFORM_PATH, given: str | None = "secret"
    ) -> tuple[int, str] | None:
        """Return a response's status and body, or None if the endpoint does not handle the request."""
        received, sent = iter(messages), []
        headers = [(b"authorization", basic_authorization(given).encode())] if given is not None else []

        async def receive() -> dict[str, Any]:
            return next(received)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        asyncio.run(self.served(scope, receive, send))
        self.headers = dict(sent[0]["headers"]) if sent else {}
        return (sent[0]["status"], sent[1]["body"].decode()) if sent else None


def part(text: str | bytes, *, is_last: bool = True) -> dict[str, Any]:
    """Return an ASGI message with a part of a request's body."""
    return {"type": "http.request", "body": text.encode() if isinstance(text, str) else text, "more_body": not is_last}


STATE = '{"version": 4, "serial": 1}'


def test_terraform_keeps_its_state_in_the_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served(tmp_path, monkeypatch)
    assert served.ask("GET") == (404, ""), "so that Terraform knows that there is no state"
    assert served.ask("POST", part(STATE[:9], is_last=False), part(STATE[9:])) == (200, "")
    assert (served.ask("GET"), served.saver.touched, served.saver.changes) == ((200, STATE), 1, 0)
    # Terraform was killed while sending.
    assert served.ask("POST", part("{", is_last=False), {"type": "http.disconnect"}) is None
    assert served.ask("GET") == (200, STATE)
    assert served.ask("DELETE") == (200, "")
    assert (served.ask("GET"), served.saver.touched) == ((404, ""), 2)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b"null", b'{"version": "4"}', b'{"version": 4, "x": "\xff"}', b"[" * 100_000]
)
def test_an_invalid_state_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    served = Served(tmp_path, monkeypatch)
    assert served.ask("POST", part(STATE)) == (200, "")
    assert served.ask("POST", part(body)) == (400, "")
    assert served.ask("GET") == (200, STATE)


@pytest.mark.parametrize("given", [None, "", "Secret", "secret2", "secrét"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
def test_the_state_requires_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, method: str
) -> None:
    served = Served(tmp_path, monkeypatch)
    assert served.ask("POST", part(STATE)) == (200, "")
    assert served.ask(method, part(STATE), given=given) == (401, "")
    assert served.headers[b"www-authenticate"] == b'Basic realm="trestle"'
    assert served.ask("GET") == (200, STATE)
    # After an upgrade, or if the file was deleted, there is no password until one is created.
    served.password.write_text("")
    assert served.ask(method, part(STATE), given="") == (401, "")
    served.password.unlink()
    assert served.ask(method, part(STATE), given="") == (401, "")
    served.password.write_text("other")
    assert served.ask("GET", given="other") == (200, STATE)


@pytest.mark.parametrize("path", persistence.METHODS)
@pytest.mark.parametrize("method", ["DELETE", "GET", "HEAD", "LOCK", "OPTIONS", "PATCH", "POST", "PUT", "UNLOCK"])
def test_other_methods_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, method: str) -> None:
    served = Served(tmp_path, monkeypatch)
    answered = served.ask(method, part(STATE), path=path)
    assert answered
    if method in persistence.METHODS[path]:
        assert answered[0] in (200, 404)
    else:
        assert answered == (405, "")
        assert served.headers[b"allow"].decode() == ", ".join(persistence.METHODS[path])


def test_a_state_saved_by_the_emulator_itself_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator(tmp_path, monkeypatch, kms={}, sts={})
    emulated.save_state("kms", {"key": b"\xff"})
    emulated.save_state("sts", {})
    assert load_states(tmp_path, monkeypatch, "kms", "sts") == ({"kms": {"key": b"\xff"}, "sts": {}}, "")
    saver, _ = emulator(tmp_path, monkeypatch, kms={"key": b"\xfe"}, sts={})
    assert save(saver) == ""
    assert {file.name for file in tmp_path.iterdir()} == {"saved", "saved.lock"}
    assert load_states(tmp_path, monkeypatch, "kms", "sts")[0]["kms"] == {"key": b"\xfe"}


def test_a_failed_save_keeps_the_previous_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saver, services = emulator(tmp_path, monkeypatch, kms={"key": "first"})
    assert save(saver) == ""
    services["kms"].state = {"key": "x" * 10_000}
    # Saving runs in its own process, so no other code sees the full disk.
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    services["kms"].before = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, most))
    saver.touch()
    assert "File too large" in save(saver)
    assert saver.touched != saver.saved, "it is retried"
    assert not (tmp_path / "saved.partial").exists()
    assert load_states(tmp_path, monkeypatch, "kms")[0]["kms"] == {"key": "first"}
    services["kms"].before = lambda: None
    assert save(saver) == ""
    assert saver.touched == saver.saved


def test_a_kill_during_a_save_keeps_the_previous_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saver, services = emulator(tmp_path, monkeypatch, a={"n": 1}, b={"n": 1})
    assert save(saver) == ""
    services["a"].state = services["b"].state = {"n": 2}
    services["b"].before = lambda: os.kill(os.getpid(), 9)
    assert save(saver) == "the process that saves ended with -9"
    assert (tmp_path / "saved.partial").exists()
    assert load_states(tmp_path, monkeypatch, "a", "b") == ({"a": {"n": 1}, "b": {"n": 1}}, "")
    assert not (tmp_path / "saved.partial").exists()


def test_a_service_that_cannot_be_saved_keeps_its_saved_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saver, services = emulator(tmp_path, monkeypatch, a={"n": 1}, b={"n": 1})
    assert save(saver) == ""
    services["a"].state, services["b"].state = {"n": 2}, {"n": object()}
    assert save(saver) == ""
    assert load_states(tmp_path, monkeypatch, "a", "b")[0] == {"a": {"n": 2}, "b": {"n": 1}}


@pytest.mark.parametrize("spoil", [lambda text: text[: len(text) // 2], lambda _: b"\0" * 99, lambda _: b""])
def test_an_unreadable_save_is_kept_and_the_previous_one_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[bytes], bytes]
) -> None:
    saver, services = emulator(tmp_path, monkeypatch, a={"n": 1}, b={"n": 1})
    assert save(saver) == ""
    services["b"].state = {"n": 2}
    assert save(saver) == ""
    spoilt = spoil((tmp_path / "saved").read_bytes())
    (tmp_path / "saved").write_bytes(spoilt)
    states, notice = load_states(tmp_path, monkeypatch, "a", "b")
    assert states == {"a": {"n": 1}, "b": {"n": 1}}
    (kept,) = tmp_path.glob("saved.unreadable-*")
    assert kept.read_bytes() == spoilt
    earlier = "the state that was saved before it is loaded."
    assert notice == f"Saved state cannot be read: it is kept in {kept}, and {earlier}"
    (tmp_path / "saved.previous").write_bytes(spoilt)
    states, notice = load_states(tmp_path, monkeypatch, "a", "b")
    assert states == {"a": {}, "b": {}}
    assert notice.endswith(", and nothing is loaded.")


def request(method: str, path: str, target: str = "", host: str = "127.0.0.1") -> dict[str, Any]:
    """Return a request as the server receives it."""
    headers = [(b"host", host.encode()), *([(b"x-amz-target", target.encode())] if target else [])]
    return {"method": method, "path": path, "headers": headers}


@pytest.mark.parametrize(
    ("scope", "body", "kind"),
    [
        (request("POST", "/", "DynamoDB_20120810.DescribeTable"), b"{}", "read"),
        (request("POST", "/", "DynamoDB_20120810.PutItem"), b"{}", "data"),
        (request("POST", "/", "DynamoDB_20120810.UpdateTable"), b"{}", "change"),
        (request("POST", "/", "AWSCognitoIdentityProviderService.AdminCreateUser"), b"{}", "data"),
        (request("POST", "/", "AWSCognitoIdentityProviderService.CreateGroup"), b"{}", "change"),
        (request("POST", "/"), b"Action=DescribeVpcs&Version=1", "read"),
        (request("POST", "/"), b"Version=1&Action=CreateVpc", "change"),
        (request("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData"), b"", "data"),
        (request("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm"), b"", "change"),
        (request("GET", "/restapis"), b"", "read"),
        (request("PATCH", "/restapis/x"), b"", "change"),
        (request("POST", "/restapis/x/dev/_user_request_/items"), b"", "data"),
        (request("DELETE", "/_aws/execute-api/x/dev/items/1"), b"", "data"),
        (request("POST", "/api/items", host="d1.cloudfront.net"), b"", "data"),
        (request("POST", "/2015-03-31/functions/f/invocations"), b"", "data"),
        (request("PUT", "/2015-03-31/functions/f/configuration"), b"", "change"),
        (request("PUT", "/bucket/key"), b"", "change"),
        (request("POST", "/_ministack/reset"), b"", "data"),
        (request("GET", "/_ministack/health"), b"", "read"),
    ],
)
def test_changes_of_resources_are_distinguished_from_data(scope: dict[str, Any], body: bytes, kind: str) -> None:
    assert persistence.kind_of(scope, body) == kind


def write_state(folder: Path, name: str, table: dict[str, Any], others: dict[str, Any], *buckets: str) -> Path:
    """Write the saved state of one table."""
    lines = [
        {"format": 1, "changes": 1, "services": 3, "terraform": f"of {name}"},
        {"service": "dynamodb", "version": 2, "state": {"tables": {"data": {"a\0r\0'items'": table}}}},
        {
            "service": "s3",
            "version": 2,
            "state": {"buckets_meta": {"data": {f"a\0'{b}'": {} for b in buckets}}},
        },
        {"service": "iam", "version": 2, "state": others},
    ]
    file = folder / name
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.mark.parametrize(("table_id", "items"), [("same", {"1": "new"}), ("another", {"1": "old"})])
def test_a_rollback_of_a_state_keeps_items(tmp_path: Path, table_id: str, items: dict[str, str]) -> None:
    known = {"TableId": "same", "KeySchema": ["id"], "items": {"1": "old"}, "Tags": ["old"]}
    before = write_state(tmp_path, "before", known, {"role": "old"}, "mine")
    later = {"TableId": table_id, "KeySchema": ["id"], "items": {"1": "new"}, "Tags": ["new"]}
    now = write_state(tmp_path, "saved", later, {"role": "new", "other": "new"}, "mine", "made")
    for _ in range(2):  # again, as after a kill in between
        snapshot.restore(now, before)
        header, services = snapshot.services(now)
        assert header["services"] == len(services) == 3
        assert header["terraform"] == "of before"
        assert services[0]["state"]["tables"]["data"]["a\0r\0'items'"] == known | {"items": items}
        assert services[2]["state"] == {"role": "old"}
    for bucket in ("mine", "made"):
        for folder in ("000000000000", ".versions/000000000000"):
            (tmp_path / "s3" / folder / bucket / "key").mkdir(parents=True)
    before.write_text(before.read_text().replace("a\\u0000'", "000000000000\\u0000'"))
    snapshot.drop_other_buckets(tmp_path / "s3", before)
    left = {str(bucket.relative_to(tmp_path / "s3")) for bucket in (tmp_path / "s3").glob("**/m*")}
    assert left == {"000000000000/mine", ".versions/000000000000/mine"}


def test_a_file_is_written_completely_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "known.json"
    files.write_json(file, {"a": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_json(file, {"a": 2})
    assert (files.read_json(file), [f.name for f in tmp_path.iterdir()]) == ({"a": 1}, ["known.json"])
    file.write_bytes(b"{")
    assert files.read_json(file) is None


STREAM = {"LatestStreamArn": "arn:stream", "TableId": "t", "KeySchema": ["id"]}
STORES = ("_stream_records", "_stream_trimmed", "_closed_streams")


def write_sources(folder: Path, name: str, said: str, *keys: str) -> Path:
    """Write a saved state of tables with streams, mappings and queues, each marked with a text."""

    def store(value: Any) -> dict[str, Any]:
        return {"data": dict.fromkeys(keys, value)}

    tables = {"tables": store(STREAM), **{each: store([said]) for each in STORES}}
    mappings = {"esms": store({}), "dynamodb_stream_positions": store(said)}
    queues = {"queues": store({"attributes": said, "messages": [said]})}
    states = {"dynamodb": tables, "lambda": mappings, "sqs": queues}
    lines = [{"format": 1, "services": 3}, *({"service": each, "state": state} for each, state in states.items())]
    file = folder / name
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_undelivered_records_and_messages_are_kept(tmp_path: Path) -> None:
    """Items are kept, and so are their stream records, the positions in the streams, and messages."""
    before, now = (
        write_sources(tmp_path, "before", "old", "a", "gone"),
        write_sources(tmp_path, "saved", "new", "a", "b"),
    )
    snapshot.restore(now, before)
    tables, mappings, queues = (each["state"] for each in snapshot.services(now)[1])
    for name in STORES:
        assert tables[name]["data"] == {"a": ["new"], "gone": ["old"]}
    assert mappings["dynamodb_stream_positions"]["data"] == {"a": "new", "gone": "old"}
    assert queues["queues"]["data"] == {
        "a": {"attributes": "old", "messages": ["new"]}, "gone": {"attributes": "old", "messages": ["old"]},
    }  # fmt: skip


def test_a_state_without_streams_is_rolled_back(tmp_path: Path) -> None:
    before, now = write_sources(tmp_path, "before", "old", "a"), write_sources(tmp_path, "saved", "new", "a")
    for name in STORES:
        before.write_text(before.read_text().replace(f'"{name}"', f'"other{name}"'))
    snapshot.restore(now, before)
    assert snapshot.services(now)[1][0]["state"]["_stream_records"]["data"] == {"a": ["new"]}
