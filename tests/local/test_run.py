"""Test local.py as its users run it: restarts, changes in place, and errors."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.local.api import Api
from tests.local.conftest import VAR_FILES
from tests.local.runner import ROOT, Local, error_sentence, is_listening, small_system
from tools.laptop.corrections import TERRAFORM_PASSWORD, TERRAFORM_PATH, basic_authorization
from tools.laptop.emulator import ask
from tools.laptop.systems import Systems

SMOKE = ROOT / "tests" / "smoke.py"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Local]:
    """A system that does not run yet, with small.tfvars of one function in its folder."""
    (tmp_path / "small.tfvars").write_text(small_system("list"))
    stack = Local(tmp_path / "state")
    yield stack
    stack("down")


def plans_of_keys(local: Local) -> dict[str, str]:
    """Return the name of each key's plan, read from the gateway and not from Terraform."""
    gateway, outputs = local.client("apigateway"), local.outputs()
    names = {id_: name for name, id_ in outputs["api_key_ids"].items()}
    return {
        names[key["id"]]: plan
        for plan, id_ in outputs["usage_plan_ids"].items()
        for key in gateway.get_usage_plan_keys(usagePlanId=id_)["items"]
    }


def test_status_outputs_and_smoke(local: Local) -> None:
    status = local("status")
    assert (status.returncode, status.stderr) == (0, "")
    outputs = local.outputs()
    assert outputs["api_url"] in status.stdout
    assert outputs["api_url"].startswith(f"http://127.0.0.1:{local.port}/")
    assert set(outputs["api_keys"]) == set(outputs["api_key_ids"]) == {"default", "other", "trial"}
    assert outputs["function_names"]["items"]["create"] == "trestle-items-create-local"
    smoke = subprocess.run(
        [sys.executable, SMOKE, outputs["api_url"], "--api-key", outputs["api_keys"]["default"]],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (smoke.returncode, smoke.stdout.splitlines()[-1]) == (
        0,
        "OK: create, read, list, change, delete, 404",
    )


def test_smoke_fails_if_the_api_is_broken(local: Local) -> None:
    for arguments in ([local.outputs()["api_url"]], ["http://127.0.0.1:1/none"]):
        smoke = subprocess.run(
            [sys.executable, SMOKE, *arguments],
            check=False,
            capture_output=True,
            text=True,
        )
        assert smoke.returncode == 1
        assert smoke.stderr.startswith("FAILED after nothing: POST ")


def test_logs_are_filtered_by_request_id(local: Local, items: Api) -> None:
    problem = items("GET", "/not-in-the-log-before").problem(404, "not-found")
    logs = local("logs")
    assert (logs.returncode, logs.stderr) == (0, "")
    (line,) = (line for line in logs.stdout.splitlines() if problem["requestId"] in line)
    logged = json.loads(line[line.index("{") :])
    assert (logged["operation"], logged["status"], logged["problem"]) == ("get", 404, "not-found")
    assert (logged["databaseRequests"], logged["consumedCapacity"]) == (1, 1)
    assert logged["caller"] in local.outputs()["api_key_ids"].values()
    assert logged["functionVersion"].isdecimal(), "a release finds a version's lines by it"
    assert logged["sourceIp"] == "127.0.0.1"
    assert items.key
    assert items.key not in logs.stdout


def test_a_reader_may_close_the_pipe(local: Local) -> None:
    """`head` does, here even before the first line."""
    reader, writer = os.pipe()
    os.close(reader)
    for command in ("outputs", "status"):
        done = subprocess.run(
            [sys.executable, ROOT / "local.py", command], check=False, stdout=writer, stderr=subprocess.PIPE,
            text=True, env={**os.environ, "TRESTLE_LOCAL_DIR": str(local.folder)},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (141, ""), command
    os.close(writer)


def test_only_their_owner_can_read_the_keys(local: Local) -> None:
    assert stat.S_IMODE((local.system.folder / "api-keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(local.folder.stat().st_mode) == 0o700


def test_only_its_owner_can_read_terraforms_state(local: Local) -> None:
    stack, running = local.system, local.running()
    password = stack.folder / TERRAFORM_PASSWORD
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    secret = password.read_bytes()
    assert len(secret) >= 32
    for file in (file for file in local.folder.rglob("*") if file.is_file() and file != password):
        assert secret not in file.read_bytes(), file
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            assert secret not in (process / "cmdline").read_bytes()
    # Functions inherit the emulator's environment.
    assert secret not in Path("/proc", str(running.pid), "environ").read_bytes()

    state = ask(running.port, "GET", TERRAFORM_PATH, 10)
    wrong = basic_authorization("wrong")
    assert state == ask(running.port, "GET", TERRAFORM_PATH, 10, authorization=wrong) == (401, {})
    assert ask(running.port, "POST", TERRAFORM_PATH, 10, b'{"version": 4}', authorization=wrong)[0] == 401
    right = basic_authorization(secret.decode())
    assert ask(running.port, "PUT", TERRAFORM_PATH, 10, b"{}", authorization=right)[0] == 405
    assert ask(running.port, "POST", TERRAFORM_PATH, 10, b"{", authorization=right)[0] == 400
    assert stack.emulator.terraform_state(running)["outputs"]


def test_it_listens_only_on_this_machine(local: Local) -> None:
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    addresses = {line.split()[1] for line in listening.splitlines()[1:] if f":{local.port:04X} " in line}
    assert {address.split(":")[0] for address in addresses if address} == {"0100007F"}


def test_a_second_plan_has_no_changes(local: Local) -> None:
    assert not local.system.has_changes([f.resolve() for f in VAR_FILES])


@pytest.mark.slow
def test_a_restart_keeps_everything(local: Local, items: Api) -> None:
    made = items.create({"kept": True})
    outputs = local.outputs()
    assert local("down").returncode == 0
    assert not is_listening(local.port)
    for command in ("status", "outputs", "logs"):
        done = local(command)
        assert (done.returncode, done.stdout) == (3, "")
        assert "local.py up" in done.stderr
    assert local.up(*VAR_FILES).returncode == 0
    assert local.outputs() == outputs
    assert items("GET", made.location).json == made.json


@pytest.mark.slow
def test_a_running_system_is_changed_in_place(local: Local, items: Api, tmp_path: Path) -> None:
    made = items.create()
    before = local.outputs()
    on_plans = plans_of_keys(local)
    change = tmp_path / "change.tfvars"
    changed = VAR_FILES[1].read_text()
    for old, new in (
        (
            "items  = {}",
            'items = { access = { get = "open" }, operations = ["create", "get", "list", "replace"] }',
        ),
        ("events = {", 'extra = { operations = ["list"] }\n  events = {'),
        ('list = "unordered", operations = ["create", "get", "list"]', 'operations = ["list"]'),
        ("cognito:scope=import", "cognito:scope=export"),
        ("{ quota = { limit = 10000 } }", "{ rate_limit = 7, burst_limit = 9, quota = { limit = 5000 } }"),
        # A key and a plan that sort before the others, and one of each between them.
        ('other = "standard"', 'a = "all", other = "standard", partner = "partners"'),
        (
            "usage_plans = {",
            "usage_plans = { all = { quota = { limit = 99 } }, partners = { quota = { limit = 9 } }, ",
        ),
    ):
        assert old in changed
        changed = changed.replace(old, new)
    changed += 'cors_origins = ["https://a.example", "https://b.example"]\n'
    change.write_text(changed)
    done = local.up(*VAR_FILES, change)
    assert done.returncode == 0, done.stderr
    try:
        assert not local.system.has_changes([*VAR_FILES, change])
        assert items("GET", made.location, X_Api_Key=None).json == made.json
        refused = items("DELETE", made.location, Origin="https://b.example")
        assert (refused.status, refused.headers["Allow"]) == (405, "GET, OPTIONS, PUT")
        assert refused.headers["Access-Control-Allow-Origin"] == "https://b.example"
        assert "Access-Control-Allow-Origin" not in items("OPTIONS", made.location, Origin="https://c.example").headers
        assert local.api("extra")("GET").status == 200
        after = local.outputs()
        for output in ("api_key_ids", "api_keys", "usage_plan_ids"):
            assert after[output].items() > before[output].items(), "existing keys keep their plans"
        assert plans_of_keys(local) == {**on_plans, "a": "all", "partner": "partners"}
    finally:
        back = local.up(*VAR_FILES)
    assert back.returncode == 0, back.stderr
    assert local.outputs() == before
    assert plans_of_keys(local) == on_plans
    assert items("GET", made.location, X_Api_Key=None).status == 403
    assert items("GET", made.location).json == made.json


def test_a_running_system_keeps_its_port(local: Local) -> None:
    said = error_sentence(local("up", "--detach", "--port", "4799", "--var-file", VAR_FILES[0]))
    assert said == f"trestle-local is running on port {local.port}: first run `python local.py down`."


def test_a_refused_change_keeps_the_system_running(local: Local, items: Api, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tfvars"
    wrong.write_text("throttle = { rate_limit = 0 }\n")
    said = error_sentence(local.up(*VAR_FILES, wrong))
    assert "throttle: rate_limit is 0 and burst_limit is 2000. Write a rate_limit over 0" in said
    assert items("GET").status == 200


def test_a_second_command_at_the_same_time_is_refused(local: Local, items: Api) -> None:
    with Systems(local.folder).lock():
        for command in (("down",), ("up", "--detach")):
            said = error_sentence(local(*command))
            assert said == "Another command is using the local run: wait until it has ended, then try again."
    assert items("GET").status == 200


def test_a_busy_port_is_named(small: Local) -> None:
    with socket.create_server(("127.0.0.1", small.port)):
        said = error_sentence(small.up(small.folder.parent / "small.tfvars"))
    assert said == f"Port {small.port} is not free (Address already in use): choose another with --port N."


def test_a_missing_var_file_is_named(small: Local) -> None:
    said = error_sentence(small.up(small.folder / "none.tfvars"))
    assert said == f"There is no var-file {small.folder / 'none.tfvars'}: name an existing file with --var-file."


def test_a_missing_provider_is_reported(small: Local, tmp_path: Path) -> None:
    said = error_sentence(small.up(small.folder.parent / "small.tfvars", TRESTLE_PLUGIN_DIR=str(tmp_path)))
    assert said.startswith(f"TRESTLE_PLUGIN_DIR ({tmp_path}) does not contain the AWS provider: name a folder that")
    assert not is_listening(small.port)


def test_a_refused_variable_is_explained(small: Local, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tfvars"
    wrong.write_text(small_system("fly"))
    said = error_sentence(small.up(wrong))
    assert 'entities.items.operations: there is no operation "fly". Write any of create, delete, get, list,' in said
    assert not is_listening(small.port)


@pytest.mark.slow
def test_an_example_with_a_network_has_no_changes(small: Local) -> None:
    example = ROOT / "examples" / "vpc-items.tfvars"
    done = small.up(example)
    assert done.returncode == 0, done.stderr
    assert not small.system.has_changes([example])
    outputs = small.outputs()
    assert outputs["vpc_id"].startswith("vpc-")
    assert small.api().create().status == 201


@pytest.mark.slow
def test_a_customer_key_endpoints_a_firewall_a_trail_and_a_vault_have_no_changes(small: Local, tmp_path: Path) -> None:
    more = tmp_path / "more.tfvars"
    more.write_text(
        'network = { nat = "per_az", endpoints = ["kms", "logs"] }\nlog_retention_days = 30\n'
        "audit = {}\nbackup = { monthly_days = 365 }\ndeletion_protection = true\nwaf = {}\n"
    )
    staging = ROOT / "environments" / "staging.tfvars"
    done = small.up(staging, more)
    assert done.returncode == 0, done.stderr
    assert not small.system.has_changes([staging, more])
    assert small.api().create().status == 201
    hold_a_record(small)


def hold_a_record(stack: Local) -> None:
    """Only a caller who may bypass the lock can delete a trail's record early."""
    s3 = stack.client("s3")
    bucket = "trestle-audit-staging-000000000000-us-west-2"
    record = {"Bucket": bucket, "Key": "AWSLogs/000000000000/CloudTrail/us-west-2/1.json.gz"}
    version = s3.put_object(**record, Body=b"{}")["VersionId"]
    kept = s3.head_object(**record)
    assert kept["ObjectLockMode"] == "GOVERNANCE"
    assert 364 <= (kept["ObjectLockRetainUntilDate"] - datetime.now(UTC)).days <= 366
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**record, VersionId=version)
    s3.delete_object(**record, VersionId=version, BypassGovernanceRetention=True)
