"""Test the upgrade of a system from before modules/service existed: items are kept, and its records are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.local.api import Api
from tests.local.test_release import RepositoryCopy, copy_of_repository
from tools.terraform import ROOT, SERVICE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SYSTEM = """
name        = "small"
environment = "local"
alarms      = {}
audit       = {}
backup      = {}
entities    = { items = { access = { default = "open", list = "cognito" } } }
network     = {}
waf         = {}
"""


def lay_out_as_before(root: Path) -> None:
    """Move the content of modules/service to a copy's root, as before the module existed."""
    for name in ("main.tf", "moved.tf", "outputs.tf", "variables.tf"):
        (root / name).unlink()
    for file in sorted((ROOT / SERVICE).glob("*.tf")):
        if file.name != "versions.tf":
            text = file.read_text().replace('"../', '"./modules/').replace("${path.module}/../..", "${path.root}")
            text = text.replace('variable "project" {', 'variable "project" {\n  default = "."')
            # The tools then read the root's variables from one file.
            name = "variables.tf" if file.name.startswith("variables-") else file.name
            with (root / name).open("a") as layout:
                layout.write(f"{text}\n")


def lay_out_as_now(root: Path) -> None:
    """Upgrade the copy."""
    for file in root.glob("*.tf"):
        file.unlink()
    for file in ROOT.glob("*.tf"):
        (root / file.name).write_text(file.read_text())


# An older version's record of the variables and outputs of its last apply.
SETTINGS_THEN = {"api_keys", "entities", "environment", "name", "region", "release"}
OUTPUTS_THEN = {
    "api_key_ids", "api_keys", "api_url", "function_names", "function_role_arns", "openapi_url", "table_names",
    "user_pool_client_id", "user_pool_id",
}  # fmt: skip


def write_as_before(folder: Path) -> None:
    """Write the records of the last apply in an older version's format."""
    for name, members, then in (
        ("settings.json", "settings", SETTINGS_THEN),
        ("outputs.json", None, OUTPUTS_THEN),
        ("applied", None, {"changes", "fingerprint"}),
    ):
        record = json.loads((folder / name).read_text())
        kept = record[members] if members else record
        assert kept.keys() > then
        for each in kept.keys() - then:
            del kept[each]
        (folder / name).write_text(json.dumps(record))


def check_commands(copy: RepositoryCopy) -> None:
    """Check the commands that read these records."""
    for command in (["status"], ["outputs"], ["env"], ["logs"], ["token", "--user", "me"]):
        running = copy.run("local.py", *command)
        said = running.communicate()[0]
        assert running.returncode == 0, said
    refused = copy.run("local.py", "token", "--user", "me", "--issuer", "jwt")
    assert "no issuer other than the user pool" in refused.communicate()[0]
    refused = copy.run("local.py", "run", "nightly")
    said = refused.communicate()[0]
    assert (refused.returncode != 0, "Traceback" in said) == (True, False), said


def state_modules(copy: RepositoryCopy) -> set[str]:
    """Return the outermost modules in Terraform's state."""
    resources = copy.system.emulator.terraform_state(copy.system.running())["resources"]
    return {".".join(each.get("module", "").split(".")[:2]) for each in resources if each["mode"] == "managed"}


def test_an_upgrade_moves_every_resource_and_keeps_the_items(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    copy_of_repository(root)
    copy = RepositoryCopy(tmp_path / "stack", root=root)
    (root / "system.tfvars").write_text(SYSTEM)
    lay_out_as_before(root)
    up = ("local.py", "up", "--detach", "--port", str(copy.port), "--var-file", "system.tfvars")
    try:
        first = copy.run(*up)
        said = first.communicate()[0]
        assert first.returncode == 0, said
        assert "module.service" not in state_modules(copy)
        item = Api(copy.api().url, None).create()
        write_as_before(copy.system.folder)
        check_commands(copy)

        lay_out_as_now(root)
        second = copy.run(*up)
        said = second.communicate()[0]
        assert second.returncode == 0, said
        assert "Applied: 0 added, 0 changed, 0 destroyed." in said
        assert state_modules(copy) == {"module.service"}
        assert Api(copy.api().url, None)("GET", item.location).json == item.json
        assert not copy.has_changes()
        assert json.loads((copy.system.folder / "settings.json").read_text())["settings"].keys() > SETTINGS_THEN
    finally:
        copy.run("local.py", "down").communicate()
