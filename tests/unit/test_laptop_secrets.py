"""Test the laptop's secret values: readable only by their owner, passed to the functions, never printed."""

from __future__ import annotations

import io
import json
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools.errors import UserError
from tools.laptop import own_functions, secret_values
from tools.laptop.emulator import Running
from tools.laptop.secret_values import SecretValues, advice

RUNNING = Running(1, 2, "eu-west-1")
STRIPE, OTHER, MADE = (f"arn:aws:secretsmanager:eu-west-1:1:secret:{name}" for name in ("stripe", "other", "made"))
FUNCTIONS = {
    "pay": {"secrets": {"stripe": STRIPE, "made": MADE}},
    "refund": {"secrets": {"stripe": OTHER}},
    "plain": {"secrets": {}},
}


class Vault:
    """A fake Secrets Manager with one value that Terraform created."""

    class MissingError(Exception):
        """The secret does not exist."""

    exceptions = SimpleNamespace(ResourceNotFoundException=MissingError, InvalidRequestException=KeyError)

    def __init__(self) -> None:
        self.values, self.calls = {MADE: "by Terraform"}, 0

    def get_secret_value(self, **asked: str) -> dict[str, str]:
        if asked["SecretId"] not in self.values:
            raise self.MissingError
        return {"SecretString": self.values[asked["SecretId"]]}

    def put_secret_value(self, **sent: str) -> None:
        self.get_secret_value(SecretId=sent["SecretId"])
        self.values[sent["SecretId"]], self.calls = sent["SecretString"], self.calls + 1

    def create_secret(self, **sent: str) -> None:
        self.values[sent["Name"]], self.calls = sent["SecretString"], self.calls + 1


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Vault:
    made = Vault()
    monkeypatch.setattr(secret_values, "client", lambda *_: made)
    return made


def test_values_are_set_for_every_arn_and_missing_ones_are_reported(tmp_path: Path, vault: Vault) -> None:
    secrets = SecretValues(tmp_path / "secrets.json")
    assert secrets.put({"plain": {}}, RUNNING) == []
    assert secrets.put(FUNCTIONS, RUNNING) == ["stripe"]
    secrets.keep("stripe", "s3cret")
    assert secrets.put(FUNCTIONS, RUNNING) == []
    assert vault.values == {STRIPE: "s3cret", OTHER: "s3cret", MADE: "by Terraform"}
    secrets.put(FUNCTIONS, RUNNING)
    assert vault.calls == 2  # an unchanged value is not written again: a new version would restart functions
    secrets.keep("made", "here")
    secrets.put(FUNCTIONS, RUNNING)
    assert vault.values[MADE] == "here"
    assert secrets.file.stat().st_mode & 0o777 == 0o600


def test_secrets_without_a_value_are_reported_with_a_remedy() -> None:
    assert advice([]) == ""
    assert advice(["a"]) == "The secret a has no value yet: run `python local.py secret a`."
    assert advice(["a", "b"]) == (
        "The secrets a, b have no value yet: run `python local.py secret a` and `python local.py secret b`."
    )


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stopped system with secrets."""
    secrets = SecretValues(tmp_path / "secrets.json")
    system = SimpleNamespace(
        name="shop-dev", settings={"functions": FUNCTIONS}, secrets=secrets,
        emulator=SimpleNamespace(running=lambda: None),
    )  # fmt: skip
    systems = SimpleNamespace(current=lambda: system, lock=lambda: (tmp_path / "lock").open("w"))
    monkeypatch.setattr(own_functions, "local_systems", lambda _: systems)
    return system


def give(name: str) -> int:
    return own_functions.run_secret(Namespace(name=name, progress=None))


def test_a_piped_value_is_stored_and_not_shown(
    known: Any, vault: Vault, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, "pässword with spaces \r\n".encode())
    assert give("stripe") == 0
    assert known.secrets.known() == {"stripe": "pässword with spaces "}
    assert capfd.readouterr() == ("", "stripe is stored for shop-dev.\n")
    assert vault.calls == 0
    known.emulator.running = lambda: RUNNING
    pipe(monkeypatch, b"two\nlines")
    give("stripe")
    assert vault.values[STRIPE] == "two\nlines"
    assert capfd.readouterr().err == "stripe is stored for shop-dev; its functions now use it.\n"


def test_a_value_is_typed_without_echo(known: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("getpass.getpass", lambda text: f"typed at {text[-17:]!r}")
    assert give("stripe") == 0
    assert known.secrets.known() == {"stripe": "typed at 'Value of stripe: '"}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("strip", b"x", "shop-dev has no secret strip: did you mean stripe?"),
        ("xyz", b"x", "shop-dev has no secret xyz: name one of made, stripe"),
        ("stripe", b"", "No value was given for stripe: type one, or pipe one in."),
        ("stripe", b"\n", "No value was given for stripe: type one, or pipe one in."),
        ("stripe", b"\xff\xfea", "The value of stripe is in UTF-16: save it as UTF-8."),
        ("stripe", b"x" * 65_537, "The value of stripe is too large: Secrets Manager's limit is 65,536 bytes."),
    ],
)
def test_unknown_secrets_and_invalid_values_are_refused(
    known: Any, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, said: str
) -> None:
    pipe(monkeypatch, data)
    with pytest.raises(UserError) as refused:
        give(name)
    assert said in str(refused.value)
    assert not known.secrets.file.exists()


def test_a_system_without_secrets_says_so(known: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known.settings = {}
    pipe(monkeypatch, b"x")
    with pytest.raises(UserError, match="shop-dev has no secret stripe: its functions have no `secrets`"):
        give("stripe")


def test_only_its_owner_can_read_the_file(known: Any) -> None:
    known.secrets.keep("stripe", "v")
    assert json.loads(known.secrets.file.read_text()) == {"stripe": "v"}
