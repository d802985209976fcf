"""What an account gets by hand: the roles of CI, and what they may never do."""

from __future__ import annotations

import fnmatch
import json
import shutil
from typing import Any

import pytest

from tests.plan.planner import ROOT, Plan, Planner

pytestmark = pytest.mark.xdist_group("plan")

BOUNDARY = "arn:aws:iam::000000000000:policy/bootstrap/shop-boundary-us-west-2"
PROVIDER = "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"
VARIABLES = {"name": "shop", "oidc_provider_arn": PROVIDER, "repository": "octo/shop"}
LIMIT = {
    "role": 10240,
    "policy": 6144,
}  # characters that IAM takes, of a role's own policies and of a managed one


@pytest.fixture(scope="module")
def bootstrap(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan for a repository that deploys."""
    root = tmp_path_factory.mktemp("bootstrap") / "bootstrap"
    shutil.copytree(ROOT / "bootstrap", root, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    planner.init(root)
    return Plan(planner.planned(root, "bootstrap", (), VARIABLES))


def statements(plan: Plan, policy: str) -> dict[str, dict[str, Any]]:
    """Return the statements of CI's policy by their Sid."""
    text = plan.one("aws_iam_role_policy", policy)["policy"]
    assert len(text) <= LIMIT["role"]
    return {s["Sid"]: s for s in json.loads(text)["Statement"]}


def subjects(plan: Plan, role: str) -> list[str]:
    """Return whose tokens a role of CI is for."""
    (statement,) = json.loads(plan.one("aws_iam_role", f'"{role}"')["assume_role_policy"])["Statement"]
    allowed = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert isinstance(allowed, list)
    return allowed


def actions(plan: Plan, policy: str) -> list[str]:
    """Return all that CI's policy allows."""
    allowed = [s["Action"] for s in statements(plan, policy).values() if s["Effect"] == "Allow"]
    return [action for some in allowed for action in ([some] if isinstance(some, str) else some)]


def test_deploying_is_for_environments_and_planning_for_pull_requests(bootstrap: Plan) -> None:
    assert subjects(bootstrap, "deploy") == [
        f"repo:octo/shop:environment:{e}" for e in ("dev", "prod", "staging")
    ]
    assert subjects(bootstrap, "plan") == ["repo:octo/shop:pull_request"]


def test_planning_changes_nothing(bootstrap: Plan) -> None:
    reads = ("Describe", "Get", "List", "Decrypt", "GET")
    assert [a for a in actions(bootstrap, "plan") if not a.split(":")[1].startswith(reads)] == []


def test_roles_of_ci_are_out_of_its_own_reach(bootstrap: Plan) -> None:
    assert {role["path"] for role in bootstrap.all("aws_iam_role").values()} == {"/bootstrap/"}
    named = statements(bootstrap, "deploy")["DeployRoles"]["Resource"]
    assert named == "arn:aws:iam::000000000000:role/shop-*"


def test_rights_go_to_bounded_roles_alone(bootstrap: Plan) -> None:
    boundary = bootstrap.one("aws_iam_policy")
    assert len(boundary["policy"]) <= LIMIT["policy"]
    allowed = {s["Sid"]: s for s in json.loads(boundary["policy"])["Statement"]}
    assert not [s for s in allowed.values() if "iam:" in str(s["Action"])]
    assert "*" not in str(allowed["UseItems"]["Action"])

    granting = {
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
    }
    for sid, statement in statements(bootstrap, "deploy").items():
        if granting & set(statement["Action"]):
            assert sid == "GrantWithinBoundary"
            assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    assert {"iam:*", "iam:DeleteRolePermissionsBoundary"}.isdisjoint(actions(bootstrap, "deploy"))


@pytest.mark.parametrize("policy", ["deploy", "plan"])
@pytest.mark.parametrize(
    "action",
    ["cognito-idp:AdminAddUserToGroup", "cognito-idp:AdminGetUser", "cognito-idp:ListUsersInGroup"],
)
def test_users_are_none_of_cis_business(bootstrap: Plan, policy: str, action: str) -> None:
    allowed = actions(bootstrap, policy)
    assert "cognito-idp:DescribeUserPool" in allowed or "cognito-idp:*UserPool" in allowed
    assert not [pattern for pattern in allowed if fnmatch.fnmatch(action, pattern)]


@pytest.mark.parametrize("policy", ["deploy", "plan"])
@pytest.mark.parametrize(
    "action", ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"]
)
def test_records_are_out_of_cis_reach(bootstrap: Plan, policy: str, action: str) -> None:
    found = [s for s in statements(bootstrap, policy).values() if "audit" in json.dumps(s["Resource"])]
    assert found
    for statement in found:
        assert not [pattern for pattern in statement["Action"] if fnmatch.fnmatch(action, pattern)]


@pytest.mark.parametrize("policy", ["deploy", "plan"])
def test_ci_tells_nobody_and_hides_no_alarm(bootstrap: Plan, policy: str) -> None:
    wanted = "cloudwatch:DescribeAlarms"  # without it there is no plan
    allowed = actions(bootstrap, policy)
    assert wanted in allowed
    for action in ("sns:Publish", "cloudwatch:DisableAlarmActions", "cloudwatch:SetAlarmState"):
        assert not [pattern for pattern in allowed if fnmatch.fnmatch(action, pattern)], action


def test_what_watches_has_our_name(bootstrap: Plan) -> None:
    found = statements(bootstrap, "deploy")
    names = {sid: found[sid]["Resource"] for sid in ("DeployAlarms", "DeployDashboards", "DeployTopics")}
    assert names == {
        "DeployAlarms": "arn:aws:cloudwatch:us-west-2:000000000000:alarm:shop-*",
        "DeployDashboards": "arn:aws:cloudwatch::000000000000:dashboard/shop-*",
        "DeployTopics": "arn:aws:sns:us-west-2:000000000000:shop-*",
    }
    everywhere = found["DeployOthersThatWatch"]
    assert everywhere["Condition"] == {"StringEquals": {"aws:RequestedRegion": "us-west-2"}}


@pytest.mark.parametrize(
    "action",
    [
        "cloudwatch:DescribeAlarms", "lambda:DeleteFunction", "lambda:GetAlias",
        "lambda:GetFunctionConfiguration", "lambda:ListAliases", "lambda:ListVersionsByFunction",
        "lambda:UpdateAlias", "logs:DescribeLogStreams", "logs:FilterLogEvents",
    ],
)  # fmt: skip
def test_ci_may_release(bootstrap: Plan, action: str) -> None:
    assert [pattern for pattern in actions(bootstrap, "deploy") if fnmatch.fnmatch(action, pattern)]


def test_keys_of_others_cannot_be_tagged_as_ours(bootstrap: Plan) -> None:
    found = statements(bootstrap, "deploy")
    denied = found["ClaimNoKeys"]
    assert (denied["Effect"], denied["Action"]) == ("Deny", "kms:TagResource")
    assert denied["Resource"] == "arn:aws:kms:us-west-2:000000000000:key/*"
    assert denied["Condition"] == {"StringNotEquals": {"aws:ResourceTag/Project": "shop"}}
    assert found["KeepKeys"]["Condition"] == {"StringEquals": {"aws:ResourceTag/Project": "shop"}}
