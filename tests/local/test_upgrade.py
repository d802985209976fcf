"""A system from before modules/service existed keeps its items when its code is upgraded."""

from __future__ import annotations

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
    """Put into a copy's root what modules/service holds, as it was before the module existed."""
    for name in ("main.tf", "moved.tf", "outputs.tf", "variables.tf"):
        (root / name).unlink()
    for file in sorted((ROOT / SERVICE).glob("*.tf")):
        if file.name != "versions.tf":
            text = file.read_text().replace('"../', '"./modules/').replace("${path.module}/../..", "${path.root}")
            text = text.replace('variable "project" {', 'variable "project" {\n  default = "."')
            # The tools read the root's variables from one file.
            name = "variables.tf" if file.name.startswith("variables-") else file.name
            with (root / name).open("a") as layout:
                layout.write(f"{text}\n")


def lay_out_as_now(root: Path) -> None:
    """Upgrade the copy."""
    for file in root.glob("*.tf"):
        file.unlink()
    for file in ROOT.glob("*.tf"):
        (root / file.name).write_text(file.read_text())


def state_modules(copy: RepositoryCopy) -> set[str]:
    """Return the outermost modules in Terraform's state."""
    resources = copy.stack.emulator.terraform_state(copy.stack.running())["resources"]
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

        lay_out_as_now(root)
        second = copy.run(*up)
        said = second.communicate()[0]
        assert second.returncode == 0, said
        assert "Applied: 0 added, 0 changed, 0 destroyed." in said
        assert state_modules(copy) == {"module.service"}
        assert Api(copy.api().url, None)("GET", item.location).json == item.json
        assert not copy.has_changes()
    finally:
        copy.run("local.py", "down").communicate()
