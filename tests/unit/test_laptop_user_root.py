"""A root of the user's own: which module call is meant, and how it is staged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.errors import UserError
from tools.laptop import user_root
from tools.laptop.stack import fingerprint
from tools.terraform import ROOT

CALL = """module "api" {
  source = "git::https://example.com/trestle.git//modules/service?ref=v1.0.0"
  name = "shop"
}
"""


def written(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.tf").write_text(text)
    return folder


def test_the_call_of_the_module_is_found_wherever_it_comes_from(tmp_path: Path) -> None:
    providers = 'provider "aws" {\n}\nprovider "aws" {\n  alias = "api"\n}\n'
    others = 'module "inner" {\n  source = "./inner"\n}\nmodule "outer" {\n  source = "../outer"\n}\n'
    found = user_root.read(written(tmp_path / "root", main=CALL, more=providers + others))
    assert (found.call, found.providers) == ("api", 2)
    assert found.arguments >= {"source", "name"}
    assert found.outside == {"outer": tmp_path / "outer"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "does not call modules/service: pass --root a folder whose Terraform calls it once."),
        (CALL + CALL.replace("api", "b"), "calls modules/service more than once (api, b): pass --root"),
        (CALL.replace("  name", "  for_each = {}\n  name"), "has for_each, and local.py runs one system at a time"),
        ("module {", "main.tf is not Terraform: `terraform validate` says where it goes wrong."),
    ],
)
def test_another_folder_is_refused_with_what_to_pass(tmp_path: Path, text: str, fault: str) -> None:
    root = written(tmp_path / "root", main=text)
    with pytest.raises(UserError) as error:
        user_root.read(root)
    assert fault in str(error.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^There is no folder .*/absent: pass --root the folder of your Terraform"):
        user_root.read(tmp_path / "absent")


@pytest.mark.parametrize("name", user_root.WRITTEN)
def test_a_file_of_the_users_that_the_stage_would_write_over_is_refused(tmp_path: Path, name: str) -> None:
    root = written(tmp_path / "root", main=CALL)
    (root / name).write_text("{}")
    with pytest.raises(UserError, match=rf"{name} has a name that the local run needs for a file of its own: rename"):
        user_root.read(root)


def test_a_module_outside_may_be_called_like_a_folder_of_trestle(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    more = 'module "web" {\n  source = "../web"\n}\n'
    staged = user_root.read(written(tmp_path / "root", main=CALL, more=more)).stage(tmp_path / "stage", {}, {})
    assert (staged / ".trestle/outside/web").resolve() == tmp_path / "web"
    assert (staged / ".trestle/web").resolve() == ROOT / "web"


def test_a_change_in_a_module_outside_is_a_change(tmp_path: Path) -> None:
    root = written(tmp_path / "root", main=CALL + 'module "outer" {\n  source = "../outer"\n}\n')
    outer = written(tmp_path / "outer", main="")
    (root / "dist").mkdir()
    (root / "dist/manifest.json").touch()
    before = fingerprint([], root)
    (outer / "main.tf").write_text("locals {}\n")
    assert fingerprint([], root) != before


def test_the_stage_has_another_backend_and_this_trestle(tmp_path: Path) -> None:
    root = written(tmp_path / "root", main=CALL + 'module "outer" {\n  source = "../outer"\n}\n')
    (tmp_path / "outer").mkdir()
    for name in ("schemas", "environments", ".terraform"):
        (root / name).mkdir()
    (root / "terraform.tfstate").write_text("{}")
    staged = tmp_path / "staged"
    backend = {"local": {"path": "here"}}
    for _ in range(2):
        user_root.read(root).stage(staged, backend, {"modules/function": {"x": 1}}, name="other", website={})
    assert {path.name for path in staged.iterdir() if path.is_symlink()} == {"main.tf", "schemas"}
    override = json.loads((staged / "local_override.tf.json").read_text())
    assert override == {
        "terraform": {"backend": backend},
        "module": {
            "api": {"source": "./.trestle/modules/service", "project": "${path.root}", "website": {}},
            "outer": {"source": "./.trestle/outside/outer"},
        },
    }
    assert (staged / ".trestle/outside/outer").resolve() == tmp_path / "outer"
    assert json.loads((staged / ".trestle/modules/function/local_override.tf.json").read_text()) == {"x": 1}
    for name in user_root.BESIDE_MODULES:
        assert (staged / ".trestle" / name).resolve() == ROOT / name
    assert (staged / ".terraform.lock.hcl").read_text() == (ROOT / ".terraform.lock.hcl").read_text()
