"""Test the emulator's corrections without an emulator, and that they are pinned to one version."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tools.laptop.corrections import (
    PINNED,
    apigateway,
    backup,
    cloudfront,
    cloudtrail,
    functions,
    sign_in_page,
    waf,
)
from tools.laptop.system import fingerprint

ROOT = Path(__file__).resolve().parents[2]


def test_the_corrections_are_for_the_pinned_version() -> None:
    pinned = re.search(r"^ministack==(\S+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    assert pinned
    assert PINNED == pinned[1] == version("ministack"), (
        "Review tools/laptop/corrections/ for the new version: delete each correction that it no longer needs, "
        "run `make verify`, then raise PINNED"
    )


def test_another_version_is_not_started() -> None:
    program = (
        "import importlib.metadata as m, runpy; m.version = lambda name: '9.9.9'; "
        f"runpy.run_path({str(ROOT / 'tools' / 'laptop' / 'corrections' / '__main__.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The local run corrects MiniStack 1.5.33, but 9.9.9 is installed: run `make setup`.\n"


def test_a_changed_correction_causes_an_apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tools" / "laptop" / "corrections"
    shutil.copytree(ROOT / "tools" / "laptop" / "corrections", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dist/manifest.json", ".terraform.lock.hcl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr("tools.laptop.system.ROOT", tmp_path)
    files = sorted(folder.rglob("*"))
    known = {fingerprint([])}
    for file in files:
        file.write_text("changed")
        known.add(fingerprint([]))
    assert len(known) == 1 + len(files) > 2


SCOPES = "authorizationScopes"
STAGE = {"apiId": "x", "stage": "dev"}
PATCHES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"a": 1}, {"op": "replace", "path": "/a", "value": "text"}, {"a": "text"}),
    ({}, {"op": "add", "path": "/apiKeyRequired", "value": "true"}, {"apiKeyRequired": True}),
    ({}, {"op": "add", "path": "/throttle/rateLimit", "value": "1.5"}, {"throttle": {"rateLimit": 1.5}}),
    ({"t": {}}, {"op": "add", "path": "/t/a~1b", "value": "x"}, {"t": {"a/b": "x"}}),
    ({"a": 1, "b": 2}, {"op": "remove", "path": "/a"}, {"b": 2}),
    ({"l": ["a"]}, {"op": "add", "path": "/l/b"}, {"l": ["a", "b"]}),
    ({"l": ["a", "b"]}, {"op": "remove", "path": "/l/a"}, {"l": ["b"]}),
    ({"apiStages": []}, {"op": "add", "path": "/apiStages", "value": "x:dev"}, {"apiStages": [STAGE]}),
    ({"apiStages": [STAGE]}, {"op": "remove", "path": "/apiStages", "value": "x:dev"}, {"apiStages": []}),
    ({SCOPES: ["a"]}, {"op": "add", "path": f"/{SCOPES}", "value": "b"}, {SCOPES: ["a", "b"]}),
    ({SCOPES: ["a"]}, {"op": "remove", "path": f"/{SCOPES}", "value": "a"}, {SCOPES: []}),
    ({SCOPES: None}, {"op": "add", "path": f"/{SCOPES}", "value": "b"}, {SCOPES: ["b"]}),
    ({"providerARNs": ["a"]}, {"op": "add", "path": "/providerARNs", "value": "b"}, {"providerARNs": ["a", "b"]}),
    ({"providerARNs": ["a"]}, {"op": "remove", "path": "/providerARNs", "value": "a"}, {"providerARNs": []}),
    ({}, {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "0"}, {"authorizerResultTtlInSeconds": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("before", "operation", "after"), PATCHES)
def test_patches_keep_types(before: dict[str, Any], operation: dict[str, Any], after: dict[str, Any]) -> None:
    assert apigateway.apply_patch(copy.deepcopy(before), [operation]) == after


def test_a_firewalls_logging_is_stored() -> None:
    arn, other = "arn:firewall", {"statusCode": 200}

    async def handle_request(*_: Any) -> Any:
        return other

    service = SimpleNamespace(
        handle_request=handle_request, json_response=lambda found: found,
        _waf_err=lambda code, said: {"error": code}, _web_acls={"a": {"ARN": arn}},
    )  # fmt: skip
    waf.correct(service)

    def ask(action: str, sent: Any) -> Any:
        headers = {"x-amz-target": f"AWSWAF_20190729.{action}"}
        return asyncio.run(service.handle_request("POST", "/", headers, json.dumps(sent).encode(), {}))

    missing, named = {"error": "WAFNonexistentItemException"}, {"ResourceArn": arn}
    logging = {"LoggingConfiguration": {**named, "LogDestinationConfigs": ["arn:logs"]}}
    assert ask("GetWebACL", {}) == other
    assert ask("GetLoggingConfiguration", named) == missing
    assert ask("PutLoggingConfiguration", {"LoggingConfiguration": {"ResourceArn": "arn:another"}}) == missing
    assert ask("PutLoggingConfiguration", logging) == ask("GetLoggingConfiguration", named) == logging
    assert ask("DeleteLoggingConfiguration", named) == {}
    assert ask("GetLoggingConfiguration", named) == missing


def test_a_trails_tags_are_stored() -> None:
    tagged: list[Any] = []
    answers: list[Any] = [(200, {}, b'{"TrailARN": "arn:trail"}'), (400, {}, b"{}")]
    service = SimpleNamespace(
        _create_trail=lambda _: answers.pop(0), _add_tags=tagged.append, _DISPATCH={"GetTrail": None}
    )
    cloudtrail.correct(service)
    create: Any = service._DISPATCH["CreateTrail"]
    tags = [{"Key": "Team", "Value": "x"}]
    assert [create({"TagsList": tags})[0] for _ in range(2)] == [200, 400]
    assert tagged == [{"ResourceId": "arn:trail", "TagsList": tags}]


def test_a_vaults_policy_is_stored() -> None:
    other: Any = (404, {}, b"")
    vault = {"BackupVaultArn": "arn:vault", "BackupVaultName": "shop-test", "Locked": False}

    async def handle_request(*_: Any) -> Any:
        return other

    service = SimpleNamespace(
        handle_request=handle_request, _ok=lambda found: found, _no_content=lambda: None,
        _vaults={"shop-test": vault},
    )  # fmt: skip
    backup.correct(service)

    def ask(method: str, path: str = "/backup-vaults/shop-test/access-policy", body: bytes = b"") -> Any:
        return asyncio.run(service.handle_request(method, path, {}, body, {}))

    assert ask("GET") == ask("GET", "/backup-vaults/shop-test") == other
    assert ask("PUT", "/backup-vaults/another/access-policy", b'{"Policy": "{}"}') == other
    assert ask("PUT", body=b'{"Policy": "{}"}') is None
    assert ask("GET") == {"BackupVaultArn": "arn:vault", "BackupVaultName": "shop-test", "Policy": "{}"}
    assert ask("DELETE") is None
    assert ask("DELETE") is None
    assert ask("GET") == other


@pytest.mark.parametrize(("status", "kept"), [(201, "arn:csc"), (409, "arn:of-the-first")])
def test_a_functions_code_signing_configuration_is_stored(status: int, kept: str) -> None:
    known = {"f": {"code_signing_config_arn": "arn:of-the-first"}, "g": {}}
    service = SimpleNamespace(_functions=known, _create_function=lambda _: (status, {}, b""))
    functions.correct_code_signing(service)
    assert service._create_function({"FunctionName": "f", "CodeSigningConfigArn": "arn:csc"})[0] == status
    assert service._create_function({"FunctionName": "g"})[0] == status
    assert known == {"f": {"code_signing_config_arn": kept}, "g": {}}


def test_an_alias_distributes_calls_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    routing = {"AdditionalVersionWeights": {"8": 0.25}}
    record = {"aliases": {"live": {"FunctionVersion": "7", "RoutingConfig": routing}, "plain": {}}}
    service = SimpleNamespace(
        _get_func_record_for_ref=lambda reference: (record if reference == "arn:f" else None, None, reference)
    )
    functions.correct_alias_weights(service)
    draws = iter([0.2, 0.25, 0.2, 0.2])
    monkeypatch.setattr("random.random", lambda: next(draws))
    found = [service._get_func_record_for_ref(f"arn:{name}")[2] for name in ("f:live", "f:live", "f:plain", "g:live")]
    assert found == ["arn:f:8", "arn:f:live", "arn:f:plain", "arn:g:live"]


FAILING = """
import json, sys

def handler(event, context):
    print(json.dumps({"line": "a\u2028b\x85c"}, ensure_ascii=False))
    try:
        raise KeyError("first")
    except KeyError as cause:
        raise ValueError("Unauth\\norized") from cause
"""


def test_an_error_of_a_function_is_one_log_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lambdas: Any = import_module("ministack.services.lambda_svc")
    logs: Any = import_module("ministack.services.cloudwatch_logs")
    runtime = import_module("ministack.core.lambda_runtime")
    (tmp_path / "index.py").write_text(FAILING)
    done = subprocess.run(
        [sys.executable, "-c", corrected_script(runtime)], capture_output=True, check=True, text=True,
        input=f"{json.dumps({'code_dir': str(tmp_path), 'module': 'index', 'handler': 'handler'})}\n"
        f"{json.dumps({'event': {}})}\n",
    )  # fmt: skip
    failed = json.loads(done.stdout.splitlines()[1])
    result = {"error": True, "body": {}, "log": f"{done.stderr}{failed['trace']}"}
    told = SimpleNamespace(_execute_function_warm=lambda *_: result)
    functions.correct_events(told, SimpleNamespace(_PYTHON_WORKER_SCRIPT=""))
    monkeypatch.setattr(logs, "_log_groups", {})
    output = told._execute_function_warm({}, {}, "id")["log"]
    lambdas._emit_lambda_logs({"config": {"FunctionName": "f"}}, "id", output, error=True, duration_ms=1)
    (stream,) = logs._log_groups["/aws/lambda/f"]["streams"].values()
    start, said, crash, end, report = (event["message"] for event in stream["events"])
    assert json.loads(said) == {"line": "a\u2028b\x85c"}
    assert crash.splitlines()[:3] == [
        "[ERROR] ValueError: Unauth", "orized", "Traceback (most recent call last):",
    ]  # fmt: skip
    assert crash.count("File ") == 1, "the place where it was raised, not one in the emulator"
    assert 'index.py", line 9, in handler' in crash
    assert (start[:5], end[:3], report[:6]) == ("START", "END", "REPORT")


def corrected_script(runtime: Any) -> str:
    """Return the corrected script that the emulator's function processes run."""
    corrected = SimpleNamespace(_PYTHON_WORKER_SCRIPT=runtime._PYTHON_WORKER_SCRIPT)
    functions.correct_events(SimpleNamespace(_execute_function_warm=None), corrected)
    return str(corrected._PYTHON_WORKER_SCRIPT)


def test_a_failed_import_is_logged() -> None:
    crash = {"error": True, "log": "", "body": {"errorType": "RuntimeError", "errorMessage": "no\nmore"}}
    answers: list[Any] = [{"body": "{}"}, {"body": "{}", "log": ""}, {**crash, "log": "a\nb"}, crash]
    service = SimpleNamespace(_execute_function_warm=lambda *_: answers.pop(0))
    functions.correct_events(service, SimpleNamespace(_PYTHON_WORKER_SCRIPT=""))
    logs = [service._execute_function_warm({}, {}, "id").get("log") for _ in range(4)]
    assert logs[0] is None
    assert [each.splitlines() for each in logs[1:]] == [[], ["a", "b"], ["[ERROR] RuntimeError: no\nmore"]]


def test_a_changed_function_reports_its_version() -> None:
    answers = [(200, {"ETag": "2"}, b""), (412, {}, b"")]
    service = SimpleNamespace(_cf_update_function=lambda *_: answers.pop(0))
    cloudfront.correct_changed_functions(service)
    assert service._cf_update_function("mount", {}, b"")[1] == {"ETag": "2", "ETtag": "2"}
    assert service._cf_update_function("mount", {}, b"") == (412, {}, b"")


def test_the_callers_account_does_not_change_the_response() -> None:
    other = {"DomainName": "d2.cloudfront.net"}
    every = SimpleNamespace(to_dict=lambda: {1: {"DomainName": "d1.cloudfront.net"}, 2: other})
    service = SimpleNamespace(_distributions=every, _fetch_from_origin=None)
    cloudfront.correct_distributions(service, None, list)
    find: Any = service.find_distribution_for_label
    assert (find("d2"), find("d3")) == (other, None)


def test_a_packed_document_is_served_complete() -> None:
    """Repeated parts of a template become a variable; values are inserted unchanged."""
    template = "#set($a0 = '\"$ref\":\"#/x\",')#set($a1f = '${a0}')[${a0}${a1f}${a0} $context.requestId]"
    assert apigateway.unpack(template) == '["$ref":"#/x",${a0}"$ref":"#/x", $context.requestId]'
    assert apigateway.unpack("{ ${a0} }") == "{ ${a0} }"


def test_the_sign_in_page_says_where_to_get_a_password() -> None:

    pages = SimpleNamespace(
        _login_page_html=lambda client, error="": f"<form>{client}</form>{error}",
        _username_page_html=lambda: "<form></form>",
    )
    sign_in_page.correct(pages, Path("/home/ada/<shop>/users.json"))
    for page in (pages._login_page_html("console", error="no"), pages._username_page_html()):
        assert "python local.py token --user NAME" in page
        assert "/home/ada/&lt;shop&gt;/users.json" in page
    assert pages._login_page_html("console", error="no").startswith("<form>console</form><p")
