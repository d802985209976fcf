"""Test the second deployment, which takes routes that an apply removed out of service."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.aws.redeploy import Routes, route_names
from tools.errors import UserError
from tools.terraform import Terraform

ROUTE = 'module.service.module.api.aws_api_gateway_method.route["todos.{}"]'
MOCK = 'module.service.module.api.aws_api_gateway_method.mock["{}"]'
ALL = [
    ROUTE.format("get"),
    ROUTE.format("delete"),
    MOCK.format("ANY /todos"),
    "module.service.module.api.aws_api_gateway_stage.this",
]

# Prints the lines of the file "state", and records all other calls.
TERRAFORM = """#!/bin/sh
[ "$1" = version ] && exit
if [ "$1" = state ]; then
  cat state 2>/dev/null && exit
  cat said >&2 || echo "No state file was found!" >&2
  exit 1
else echo "$@" >> asked; exit $(cat code 2>/dev/null || echo 0); fi
"""


@pytest.fixture
def routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Routes:
    """The Routes of a root whose terraform is TERRAFORM."""
    terraform = tmp_path / "bin" / "terraform"
    terraform.parent.mkdir()
    terraform.write_text(TERRAFORM)
    terraform.chmod(0o755)
    monkeypatch.setenv("PATH", f"{terraform.parent}{os.pathsep}{os.environ['PATH']}")
    return Routes(Terraform(tmp_path, dict(os.environ, TF_DATA_DIR=".terraform/dev")))


def set_state(routes: Routes, *addresses: str) -> None:
    (routes.terraform.folder / "state").write_text("".join(f"{address}\n" for address in addresses))


def terraform_calls(routes: Routes) -> list[str]:
    file = routes.terraform.folder / "asked"
    return file.read_text().splitlines() if file.exists() else []


def test_routes_are_recognised_in_any_module_call() -> None:
    elsewhere = ALL[0].replace("service", 'shop["eu"]')
    assert route_names([*ALL, elsewhere, 'module.apis.aws_api_gateway_method.route["x"]']) == [
        "ANY /todos", "todos.delete", "todos.get", "todos.get",
    ]  # fmt: skip


def test_a_removed_route_causes_a_deployment(routes: Routes) -> None:
    set_state(routes, *ALL)
    routes.remember()
    set_state(routes, ALL[0], *ALL[2:])
    assert routes.finish(["-var-file=x.tfvars"]) == ["todos.delete"]
    assert terraform_calls(routes) == [
        "apply -input=false -auto-approve -var-file=x.tfvars "
        "-replace=module.service.module.api.aws_api_gateway_deployment.this"
    ]
    assert routes.finish([]) == []
    assert len(terraform_calls(routes)) == 1, "once is enough"


@pytest.mark.parametrize("before", [(), ALL[:1], ALL])
def test_without_removed_routes_nothing_is_deployed(routes: Routes, before: tuple[str, ...]) -> None:
    if before:
        set_state(routes, *before)
    routes.remember()
    set_state(routes, *ALL)
    assert routes.finish([]) == []
    assert terraform_calls(routes) == []


def test_routes_moved_by_the_apply_are_not_removed(routes: Routes) -> None:
    set_state(routes, *(address.removeprefix("module.service.") for address in ALL))
    routes.remember()
    set_state(routes, *ALL)
    assert routes.finish([]) == []
    assert terraform_calls(routes) == []


def test_a_removed_api_is_not_deployed(routes: Routes) -> None:
    set_state(routes, *ALL)
    routes.remember()
    set_state(routes)
    routes.finish([])
    assert terraform_calls(routes) == []


def test_an_unreadable_state_does_not_count_as_empty(routes: Routes) -> None:
    set_state(routes, *ALL)
    routes.remember()
    (routes.terraform.folder / "state").unlink()
    (routes.terraform.folder / "said").write_text("Error: Unable to access object\n\nAccess Denied\n")
    with pytest.raises(UserError, match=r"^Terraform cannot list the state: Unable to access object"):
        routes.finish([])
    set_state(routes, ALL[0], *ALL[2:])
    assert routes.finish([]) == ["todos.delete"]


def test_routes_removed_by_a_failed_apply_are_remembered(routes: Routes) -> None:
    set_state(routes, *ALL)
    routes.remember()
    set_state(routes, ALL[0], *ALL[2:])  # the apply then failed, so finish() never ran
    routes.remember()
    (routes.terraform.folder / "code").write_text("1")
    with pytest.raises(UserError, match=r"todos\.delete may return 500"):
        routes.finish([])
    (routes.terraform.folder / "code").write_text("0")
    assert routes.finish([]) == ["todos.delete"]
