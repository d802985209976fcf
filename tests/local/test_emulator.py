"""Test `local.py emulator`, which starts an empty emulated AWS for programs that find it by variables."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.local.runner import Local, error_sentence, is_listening, read_exports
from tools.laptop.emulated_aws import exports
from tools.laptop.emulator import Running


@pytest.fixture
def emulated_aws(tmp_path: Path) -> Iterator[Local]:
    """A folder for an emulated AWS, which is stopped after the test."""
    cloud = Local(tmp_path)
    yield cloud
    cloud("emulator", "--stop")


def client(variables: dict[str, str], service: str) -> Any:
    """Return a client configured only by the variables."""
    make: Any = boto3.client
    return make(
        service, endpoint_url=variables["AWS_ENDPOINT_URL"], region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def test_it_serves_aws_until_it_is_stopped(emulated_aws: Local) -> None:
    started = emulated_aws("emulator", "--port", str(emulated_aws.port), "--region", "eu-west-1", "--detach")
    assert started.returncode == 0, started.stderr
    variables = read_exports(started.stdout)
    assert variables["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{emulated_aws.port}"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert client(variables, "sts").get_caller_identity()["Account"] == "000000000000"
    assert emulated_aws("emulator", "--env").stdout == started.stdout

    # Terraform sends an empty value to request a key with a generated value.
    gateway = client(variables, "apigateway")
    keys = [gateway.create_api_key(name=name, value="", enabled=True) for name in ("one", "other")]
    values = [gateway.get_api_key(apiKey=key["id"], includeValue=True)["value"] for key in keys]
    assert min(map(len, values)) >= 20
    assert values[0] != values[1]

    again = emulated_aws("emulator", "--port", str(emulated_aws.port))
    assert again.returncode == 1
    assert error_sentence(again).startswith(f"An emulated AWS is already running on port {emulated_aws.port}: ")

    assert emulated_aws("emulator", "--stop").returncode == 0
    assert not is_listening(emulated_aws.port)
    assert emulated_aws("emulator", "--env").returncode == 3
    assert emulated_aws("emulator", "--port", str(emulated_aws.port), "--detach").returncode == 0
    assert client(variables, "apigateway").get_api_keys()["items"] == []


def test_in_the_foreground_ctrl_c_stops_it(emulated_aws: Local) -> None:
    process = emulated_aws.start("emulator", "--port", str(emulated_aws.port))
    assert process.stdout
    assert process.stdout.readline() == f"export AWS_ENDPOINT_URL=http://127.0.0.1:{emulated_aws.port}\n"
    assert is_listening(emulated_aws.port)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert not is_listening(emulated_aws.port)
    assert not (emulated_aws.folder / "aws").exists()


def test_a_shell_with_its_variables_reaches_only_the_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_") or "proxy" in name.lower()]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.example.com")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "intranet example,127.0.0.1")
    script = "\n".join([*exports(Running(1, 5599, "eu-west-1")), "env -0"])
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert {name: value for name, value in found.items() if name.startswith("AWS_")} == {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5599",
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    assert (found["NO_PROXY"], found["no_proxy"]) == ("intranet example,127.0.0.1", "127.0.0.1")
