"""Modules called by others: as in the examples of their READMEs, and from a root other than Trestle's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.plan.conftest import SMALL
from tests.plan.planner import REGION, ROOT, Plan, Planner, TerraformError, Values, plan_as_module
from tests.plan.test_environments import taggable_resources
from tests.unit.test_docs import PAGES, ROOT_BLOCK, shown_hcl
from tools.terraform import copy_modules

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

READMES = sorted((ROOT / "modules").glob("*/README.md"))
EXAMPLE = ROOT / "examples" / "as-module"


def readme_example(readme: Path) -> str:
    """Return the only example of a README."""
    (text,) = re.findall(r"^```hcl\n(.*?)^```", readme.read_text(), re.MULTILINE | re.DOTALL)
    return str(text)


def make_other_root(planner: Planner, folder: Path, **files: str) -> Path:
    """Create a root other than Trestle's, with these files, beside Trestle's modules, and return it."""
    folder.mkdir()
    copy_modules(folder, {})
    for name in ("app", "contract", "dist", "lambda_src", "requirements", "schemas", "web"):
        (folder / name).symlink_to(ROOT / name)
    for name, text in files.items():
        (folder / f"{name}.tf").write_text(text)
    planner.init(folder)
    return folder


@pytest.mark.slow
def test_the_example_of_each_module_can_be_planned(planner: Planner, tmp_path: Path) -> None:
    assert [readme.parent for readme in READMES] == sorted((ROOT / "modules").iterdir())
    texts = {readme.parent.name.replace("-", "_"): readme_example(readme) for readme in READMES}
    provider = f'provider "aws" {{\n  region = "{REGION}"\n}}\n'
    plan = Plan(
        planner.make_plan(make_other_root(planner, tmp_path / "root", **texts, provider=provider), "readmes", (), {})
    )
    found = {r["address"].split(".")[1] for r in plan.data["resource_changes"]}
    assert found == texts.keys() - {"key_policy", "openapi"}


# The resources that examples in documents refer to.
AROUND = f"""
provider "aws" {{
  region = "{REGION}"
}}

provider "aws" {{
  alias  = "us_east_1"
  region = "us-east-1"
}}

locals {{
  statements_of_the_owner = []
}}

resource "aws_kms_key" "shared" {{}}

resource "aws_s3_bucket" "logs" {{
  bucket = "example-access-logs"
}}
"""


@pytest.mark.slow
def test_the_resources_that_documents_show_can_be_planned(planner: Planner, tmp_path: Path) -> None:
    shown = [text for page in PAGES if page not in READMES for text in shown_hcl(page) if ROOT_BLOCK.search(text)]
    assert len(shown) > 3
    source = re.compile(r'"git::[^"]*//(modules/service)[^"]*"')
    texts = {f"shown{number}": source.sub(r'"./\1"', text) for number, text in enumerate(shown)}
    root = make_other_root(planner, tmp_path / "root", **texts, around=AROUND)
    plan = Plan(planner.make_plan(root, "shown", (), {}))
    found = {change["address"] for change in plan.data["resource_changes"]}
    for text in shown:
        assert {".".join(each) for each in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE)} <= found


def test_the_module_stops_at_a_provider_of_another_region(planner: Planner, tmp_path: Path) -> None:
    text = f"""
provider "aws" {{
  region = "{REGION}"
}}

module "api" {{
  source      = "./modules/service"
  project     = path.root
  region      = "eu-west-1"
  name        = "shop"
  environment = "test"
  network     = null
  entities    = {{ todos = {{ operations = ["get"] }} }}
}}
"""
    root = make_other_root(planner, tmp_path / "root", main=text)
    with pytest.raises(TerraformError, match=f'region is "eu-west-1", but .* uses {REGION}. Write region = '):
        planner.make_plan(root, "elsewhere", (), {})


SAME_APPLY = f"""
provider "aws" {{
  region = "{REGION}"
}}

data "aws_caller_identity" "this" {{}}

resource "aws_cognito_user_pool" "own" {{
  name = "people"
}}

resource "aws_sns_topic" "own" {{
  name = "on-call"
}}

module "api" {{
  source      = "./modules/service"
  for_each    = FORMS
  project     = path.root
  name        = each.key
  environment = "test"
  network     = null
  alarms      = {{ topic_arn = each.value }}
  user_pool   = {{ arn = POOL }}
  entities    = {{ todos = {{ access = {{ default = "cognito" }}, operations = ["get"] }} }}
}}
"""


@pytest.mark.slow
def test_a_topic_and_a_pool_may_come_of_the_same_apply(planner: Planner, tmp_path: Path) -> None:
    """Their ARNs are unknown and could be null. The caller has to exclude null, and the error shows how."""
    composed = "arn:aws:sns:us-west-2:${data.aws_caller_identity.this.account_id}:${aws_sns_topic.own.name}"
    forms = f'{{ coalesced = coalesce(aws_sns_topic.own.arn), composed = "{composed}" }}'
    pool = "aws_cognito_user_pool.own.arn"
    text = SAME_APPLY.replace("FORMS", forms).replace("POOL", f"coalesce({pool})")
    plan = Plan(
        planner.make_plan(make_other_root(planner, tmp_path / "root", main=text), "same-apply", (), {}), prefix=""
    )
    made = [address for address in plan.resources if re.search("aws_(sns|cognito)", address)]
    assert made == ["aws_cognito_user_pool.own", "aws_sns_topic.own"]
    assert sum(".aws_cloudwatch_composite_alarm." in address for address in plan.resources) >= 2

    plain = SAME_APPLY.replace("FORMS", "{ plain = aws_sns_topic.own.arn }").replace("POOL", pool)
    with pytest.raises(TerraformError, match=r"write topic_arn = coalesce\(aws_sns_topic.NAME.arn\)") as error:
        planner.make_plan(make_other_root(planner, tmp_path / "plain", main=plain), "same-apply-plain", (), {})
    assert "arn = coalesce(aws_cognito_user_pool.NAME.arn)" in str(error.value)


@pytest.fixture(scope="module")
def as_module(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Values:
    """The plan of examples/as-module."""
    return plan_as_module(planner, tmp_path_factory.mktemp("as-module")).data


def test_another_root_calls_the_module_with_a_provider_and_schemas_of_its_own(as_module: Values) -> None:
    resources = {r["address"]: r["change"] for r in as_module["resource_changes"] if r["mode"] == "managed"}
    beside = {address.split(".")[0] for address in resources} - {"module"}
    assert beside == {
        "aws_default_security_group",
        "aws_kms_key",
        "aws_route_table",
        "aws_route_table_association",
        "aws_subnet",
        "aws_vpc",
        "aws_vpc_endpoint",
    }
    function = resources['module.api.module.function["tasks.create"].aws_lambda_function.this']
    assert function["after"]["filename"] == "./dist/create.zip"
    role = resources['module.api.module.function["tasks.create"].aws_iam_role.this']["after"]
    assert role["name"] == "guest-tasks-create-demo-us-west-2", "the alias' region, not the home region"
    ours = {"CostCentre": "42", "Environment": "demo", "ManagedBy": "terraform", "Project": "guest"}
    assert (role["tags"], role["tags_all"]) == (ours, {**ours, "Owner": "platform"})


def test_a_vpc_and_a_key_may_come_of_the_same_apply(as_module: Values) -> None:
    """Their ids are unknown then, and the key's policy contains the module's statements."""
    resources = {r["address"]: r["change"] for r in as_module["resource_changes"] if r["mode"] == "managed"}
    made = {
        address
        for address in resources
        if re.search(r"^module\.api\.module\.(encryption|(existing_)?network)", address)
    }
    network = "module.api.module.existing_network[0]"
    assert made == {
        f"{network}.aws_security_group.functions",
        f'{network}.aws_vpc_security_group_egress_rule.gateway["dynamodb"]',
    }
    function = resources['module.api.module.function["tasks.create"].aws_lambda_function.this']["after_unknown"]
    assert function["kms_key_arn"] is True
    policy = json.loads(resources["aws_kms_key.company"]["after"]["policy"])
    assert [s["Sid"] for s in policy["Statement"]] == ["AccountAdministers", "AccountUses", "LogGroups"]


def test_an_instance_of_for_each_has_names_of_its_own(systems: dict[str, Plan]) -> None:
    """All plans of `systems` are instances of one module call."""
    assert systems["small"].prefix == 'module.system["small"].'
    assert systems["small"].one("aws_dynamodb_table")["name"] == f"{SMALL['name']}-todos-{SMALL['environment']}"


@pytest.mark.parametrize(
    "name",
    ["audited", "backed_up", "bounded", "guarded", "nat_single", "signed_in", "two_plans", "watched", "with_website"],
)
def test_the_module_adds_the_tags_that_its_provider_does_not(systems: dict[str, Plan], name: str) -> None:
    for address, values in taggable_resources(systems[name]).items():
        ours = {"Environment": "test", "ManagedBy": "terraform", "Project": "shop"}
        assert values["tags_all"].items() >= ours.items(), address
