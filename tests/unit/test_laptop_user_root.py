"""Test root configurations of users: which module call is used, and how it is staged."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.errors import UserError
from tools.laptop import user_root
from tools.laptop.environment import LocalEnvironment
from tools.laptop.system import System, fingerprint
from tools.laptop.systems import NEEDED, Systems, evaluate_tools
from tools.terraform import ROOT, Terraform, environment, find_terraform, init_depends_on, module_folders

CALL = """module "api" {
  source = "git::https://example.com/trestle.git//modules/service?ref=v1.0.0"
  name = "shop"
}
"""


def write_root(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.tf").write_text(text)
    return folder


def test_the_module_call_is_found_with_any_source(tmp_path: Path) -> None:
    providers = 'provider "aws" {\n}\nprovider "aws" {\n  alias = "api"\n}\n'
    others = 'module "inner" {\n  source = "./inner"\n}\nmodule "outer" {\n  source = "../outer"\n}\n'
    found = user_root.read(write_root(tmp_path / "root", main=CALL, more=providers + others))
    assert (found.call, found.providers) == ("api", 2)
    assert found.arguments >= {"source", "name"}
    assert found.outside == {"outer": tmp_path / "outer"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "does not call modules/service: set --root to a folder whose Terraform calls it once."),
        (CALL + CALL.replace("api", "b"), "calls modules/service more than once (api, b): set --root"),
        (CALL.replace("  name", "  for_each = {}\n  name"), "has for_each, and local.py runs one system at a time"),
        ("module {", "main.tf is not valid Terraform: run `terraform validate` to see the errors."),
    ],
)
def test_another_folder_is_refused_with_the_remedy(tmp_path: Path, text: str, fault: str) -> None:
    root = write_root(tmp_path / "root", main=text)
    with pytest.raises(UserError) as error:
        user_root.read(root)
    assert fault in str(error.value)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^There is no folder .*/absent: set --root to the folder of your Terraform"):
        user_root.read(tmp_path / "absent")


def test_a_root_in_json_is_read(tmp_path: Path) -> None:
    """Programs write this form."""
    configuration = {
        "//": "made by a program",
        "data": {"aws_vpc": {"main": {"default": True}}},
        "locals": {"x": [1]},
        "module": [{"api": {"source": "x//modules/service", "name": "shop"}}, {"b": [{"source": "../b"}]}],
        "provider": {"aws": [{"region": "eu-west-1"}, {"alias": "api", "region": "eu-west-3"}]},
        "terraform": {"required_version": ">= 1.10"},
        "variable": {"size": {"type": "number"}},
    }
    root = write_root(tmp_path / "root", other='data "aws_region" "here" {}\n')
    (root / "main.tf.json").write_text(json.dumps(configuration))
    found = user_root.read(root)
    assert (found.call, found.providers, found.outside) == ("api", 2, {"b": tmp_path / "b"})
    assert list(found.variables.attributes) == ["size"]
    assert set(found.read_first) == {"data.aws_region.here", "data.aws_vpc.main", "module.b"}


def test_an_override_file_holds_a_part_of_a_call(tmp_path: Path) -> None:
    found = user_root.read(write_root(tmp_path / "root", main=CALL, z_override='module "api" {\n  docs = "none"\n}\n'))
    assert found.arguments >= {"source", "name", "docs"}


VARIABLES = """
variable "region" { type = string }
variable "anything" { type = any }
variable "untyped" {}
variable "pair" { type = tuple([string, object({ a = string })]) }
variable "lists" { type = list(any) }
variable "sizes" {
  # By team.
  type = map(object({ "cpu" = number, tags = optional(map(string), {}), more = optional(object({ x = any }), {}) }))
}
"""
RIGHT = """
region   = "eu-west-1"
anything = { x = { y = 1 } }
untyped  = { x = [{ y = 1 }] }
pair     = ["x", { a = "y" }]
lists    = [{ x = 1 }]
sizes    = { one = { cpu = 1, tags = { Any = "x" }, more = { x = { y = 1 } } } }
"""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("regoin = null", "regoin: no such variable; did you mean region?"),
        ("sizes = { one = { cpus = 1 } }", "sizes.one.cpus: no such attribute; did you mean cpu?"),
        ("sizes = { one = { cpu = 1, more = { y = 1 } } }", "sizes.one.more.y: no such attribute; write one of x."),
        ('region = "a"\nregion = "b"', "region is set twice, in lines 1 and 2; remove one of them"),
        ('{"region": "a"}', "holds JSON, but Terraform reads JSON only from files whose name ends in .json"),
    ],
)
@pytest.mark.parametrize("name", ["named.tfvars", "root/own.auto.tfvars", "root/terraform.tfvars"])
def test_names_that_the_root_does_not_declare_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, fault: str
) -> None:
    root, systems = write_root(tmp_path / "root", main=CALL, variables=VARIABLES), Systems(tmp_path / "local")
    right, file = tmp_path / "right.tfvars", tmp_path / name
    right.write_text(RIGHT)
    file.write_text(text)

    def refuse_build(*_: Any, **__: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr("tools.laptop.systems.build_functions", refuse_build)
    named = [right, file] if file.parent == tmp_path else [right]
    with pytest.raises(UserError) as error:
        systems.up(named, root=root)
    assert str(error.value).startswith(str(file))
    assert fault in str(error.value)
    file.unlink()
    with pytest.raises(NotImplementedError):
        systems.up([right], root=root)


def test_a_root_without_variables_accepts_none(tmp_path: Path) -> None:
    root, file = write_root(tmp_path / "root", main=CALL), tmp_path / "x.tfvars"
    file.write_text("x = 1\n")
    with pytest.raises(UserError, match=r"x\.tfvars: x: no such variable; remove it\.$"):
        Systems(tmp_path / "local").up([file], root=root)


# Built into Terraform, like terraform_data: known in a plan, but not in an evaluation before it.
REMOTE = """
variable "environment" { default = "dev" }
data "terraform_remote_state" "there" {
  backend = "local"
  config  = { path = "${path.module}/there.tfstate" }
}
resource "terraform_data" "made" {}
module "beside" { source = "./beside" }
module "api" {
  source = "./modules/service"
  tools  = { %s }
}
"""
KNOWN = (
    'name = "shop", environment = var.environment, region = "us-west-2", api_keys = [], takes_website = false, '
    "faults = []"
)
MADE, THERE = "terraform_data.made.id", "data.terraform_remote_state.there.outputs.region"


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialised root with a fake modules/service."""
    root = write_root(tmp_path_factory.mktemp("my work") / "root", main=REMOTE % KNOWN)
    for module in ("beside", "modules/service"):
        (root / module).mkdir(parents=True)
    (root / "modules/service/main.tf").write_text(
        'variable "tools" {}\noutput "tools" {\n  sensitive = true\n  value     = var.tools\n}\n'
    )
    (root / "beside/main.tf").write_text(
        'data "terraform_remote_state" "there" {\n  backend = "local"\n'
        '  config  = { path = "${path.root}/there.tfstate" }\n}\n'
        'output "region" {\n  value = data.terraform_remote_state.there.outputs.region\n}\n'
    )
    state = {"version": 4, "serial": 1, "lineage": "x", "resources": []}
    outputs = {"region": {"value": "eu-west-1", "type": "string"}}
    (root / "there.tfstate").write_text(json.dumps({**state, "outputs": outputs}))
    fresh_terraform(root).init()
    return root


def fresh_terraform(root: Path) -> Terraform:
    """Return a Terraform for a root, without AWS and with an empty cache."""
    (root / "terraform.tfstate").unlink(missing_ok=True)
    return Terraform(root, environment("http://127.0.0.1:1", "us-east-1"), is_locked=False)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('name = "shop"', 'name = "sh${"$"}{op"', {"name": "sh${op"}),
        ("faults = []", f"faults = [{MADE}]", {}),
        ("faults = []", f"faults = [], release = {MADE}, entities = {MADE}", {"faults": []}),
        ("takes_website = false", "takes_website = sensitive(false)", {"takes_website": False}),
        ('region = "us-west-2"', f"region = {THERE}", {"region": "eu-west-1"}),
        ('region = "us-west-2"', "region = module.beside.region", {"region": "eu-west-1"}),
    ],
)
def test_each_needed_value_is_evaluated_separately(remote: Path, old: str, new: str, found: dict[str, Any]) -> None:
    assert old in KNOWN
    (remote / "main.tf").write_text(REMOTE % KNOWN.replace(old, new))
    tools = evaluate_tools(fresh_terraform(remote), user_root.read(remote), ["-var=environment=test"])
    every = {"name": "shop", "environment": "test", "region": "us-west-2", "api_keys": [], "takes_website": False}
    assert tools == {**every, **({"faults": []} if "faults" not in new else {}), **found}


@pytest.mark.parametrize("name", [NEEDED[0], NEEDED[-1]])
def test_values_known_after_apply_are_refused_in_one_sentence(remote: Path, name: str) -> None:
    known = re.sub(rf"(?<={name} = )[^,]+(?=, )", MADE, KNOWN, count=1)
    (remote / "main.tf").write_text(REMOTE % known)
    with pytest.raises(UserError) as error:
        evaluate_tools(fresh_terraform(remote), user_root.read(remote), [])
    assert str(error.value) == (
        f"module.api in {remote}: the local run needs the value of {name} before the first apply (it is known "
        "only after an apply). Write a constant, or use a variable."
    )


def test_an_empty_data_source_is_reported(remote: Path) -> None:
    (remote / "main.tf").write_text(
        (REMOTE % KNOWN.replace('"us-west-2"', THERE)).replace("there.tfstate", "elsewhere.tfstate")
    )
    with pytest.raises(
        UserError,
        match=r"api in .*: the local run needs the value of region .*\(terraform apply failed: Unable to find ",
    ):
        evaluate_tools(fresh_terraform(remote), user_root.read(remote), [])


@pytest.mark.parametrize("name", user_root.WRITTEN)
def test_a_file_that_the_stage_would_overwrite_is_refused(tmp_path: Path, name: str) -> None:
    root = write_root(tmp_path / "root", main=CALL)
    (root / name).write_text("{}")
    with pytest.raises(UserError, match=rf"{name} has the name of a file that the local run creates: rename"):
        user_root.read(root)


def test_a_users_module_may_have_the_name_of_a_trestle_folder(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    more = 'module "web" {\n  source = "../web"\n}\n'
    staged = user_root.read(write_root(tmp_path / "root", main=CALL, more=more)).stage(tmp_path / "stage", {}, {})
    assert (staged / ".trestle/outside/web").resolve() == tmp_path / "web"
    assert (staged / ".trestle/web").resolve() == ROOT / "web"


CHAIN = {
    "root/main.tf": CALL + 'module "inner" { source = "./inner" }\nmodule "outer" { source = "../link/outer" }\n',
    "root/more.tf.json": '{"module": {"json": {"source": "../json"}}}',
    "root/inner/main.tf": 'module "beside" {\n  source = "../../beside"\n}\n',
    "beside/main.tf": "",
    "json/main.tf": "",
    "real/outer/main.tf": 'module "shared" {\n  source = "../shared"\n}\n',
    "real/shared/main.tf": "",
}


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A root whose modules, inside and outside its folder, call others, one through a link."""
    for name, text in CHAIN.items():
        file = tmp_path / "my work" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "my work/link").symlink_to(tmp_path / "my work/real")
    (tmp_path / "my work/root/dist").mkdir()
    (tmp_path / "my work/root/dist/manifest.json").touch()
    return tmp_path / "my work"


def test_modules_are_found_as_terraform_installs_them(chain: Path) -> None:
    root = chain / "root"
    (root / "main.tf").write_text(CHAIN["root/main.tf"].removeprefix(CALL))
    done = subprocess.run(
        [find_terraform(), "init", "-backend=false"], check=False, cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    installed = json.loads((root / ".terraform/modules/modules.json").read_text())["Modules"]
    found = module_folders(root)
    assert {folder.resolve() for folder in found} == {(root / module["Dir"]).resolve() for module in installed}
    assert len(found) == len(installed) == 6


@pytest.mark.parametrize("changed", [name for name in CHAIN if name.endswith(".tf")])
def test_changed_modules_are_noticed_and_new_calls_repeat_init(chain: Path, changed: str) -> None:
    def staged() -> Path:
        return user_root.read(chain / "root").stage(chain / "staged", {}, {})

    before, prepared = fingerprint([], chain / "root"), init_depends_on(staged())
    (chain / changed).write_text(f"{CHAIN[changed]}locals {{}}\n")
    assert fingerprint([], chain / "root") != before
    assert init_depends_on(staged()) == prepared, "locals require no init"
    (chain / changed).write_text(f'{CHAIN[changed]}module "more" {{\n  source = "./more"\n}}\n')
    assert init_depends_on(staged()) != prepared


def test_a_new_call_in_a_trestle_module_repeats_the_roots_init(chain: Path) -> None:
    staged = user_root.read(chain / "root").stage(chain / "staged", {}, {})
    prepared = init_depends_on(staged)
    called = staged / ".trestle/modules/website/main.tf"  # as in a later version
    called.write_text(called.read_text() + '\nmodule "more" {\n  source = "../more"\n}\n')
    assert init_depends_on(staged) != prepared


def test_an_interrupted_init_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.terraform.find_mirror", lambda: None)
    inits = []

    def init(_: Terraform) -> None:
        inits.append((tmp_path / "main.tf").read_text())
        if "other" in inits[-1]:
            raise KeyboardInterrupt

    monkeypatch.setattr(Terraform, "init", init)
    (tmp_path / ".terraform").mkdir()
    texts = [f'module "x" {{\n  source = "./{name}"\n}}\n' for name in ("one", "one", "other", "one")]
    for text in texts:
        (tmp_path / "main.tf").write_text(text)
        with contextlib.suppress(KeyboardInterrupt):
            Terraform(tmp_path, {}).init_once()
    assert inits == [texts[0], *texts[2:]]


def test_the_stage_has_another_backend_and_this_trestle(tmp_path: Path) -> None:
    root = write_root(tmp_path / "root", main=CALL + 'module "outer" {\n  source = "../outer"\n}\n')
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


@pytest.mark.parametrize("root", ["/a platform/root", None])
def test_the_project_of_a_system_is_its_root(root: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"name": "shop", "environment": "demo"} | ({"root": root} if root else {})
    monkeypatch.setattr(System, "_applied", lambda _: {"settings": settings, "var_files": ["/a platform/x.tfvars"]})
    monkeypatch.setattr(System, "running", lambda _: None)
    monkeypatch.setattr(Systems, "current", lambda _: System(Path("/x")))
    monkeypatch.setattr("tools.laptop.environment.local_systems", lambda _: Systems(Path("/")))
    local = LocalEnvironment(lambda _: None)
    assert local.project == (Path(root) if root else ROOT)
    shown = "--root '/a platform/root' " if root else ""
    assert local.apply_command == f"python local.py up --detach {shown}--var-file '/a platform/x.tfvars'"
