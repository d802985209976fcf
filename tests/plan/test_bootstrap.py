"""The configuration that an administrator applies: the roles of CI, and their limits."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.plan import rules
from tests.plan.conftest import GUEST_NETWORK, KEY, MAILS
from tests.plan.planner import ROOT, UNKNOWN, Plan, Planner
from tools.terraform import link

pytestmark = pytest.mark.xdist_group("plan")

ACCOUNT = "000000000000"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/bootstrap/shop-boundary-test-us-west-2"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
# "test" is the environment of the other tests' plans.
ENVIRONMENTS = ["dev", "prod", "test"]
ZONE = "Z0123456789ABCDEFGHIJ"
DOMAINS = {
    "prod": {"name": "api.example.com"},
    "test": {"name": "api.test.example.com", "truststore": "s3://example-truststore/clients.pem", "zone_id": ZONE},
}
VARIABLES = {
    "function_statements": [{"actions": ["sns:Publish"], "resources": [MAILS]}],
    "log_bucket": "example-access-logs",
    "oidc_provider_arn": PROVIDER,
    "repository": "octo/shop",
}
LIMIT = {
    "role": 10240,
    "policy": 6144,
}  # characters that IAM takes, of a role's own policies together and of a managed one

Statement = dict[str, Any]
Statements = list[Statement]

# The exact IAM actions that a role of CI may have. A pattern in any other form fails.
IAM_OF_DEPLOY = {
    f"iam:{action}"
    for action in (
        "CreateRole", "CreateServiceLinkedRole", "DeleteRole", "DeleteRolePolicy", "GetRole", "GetRolePolicy",
        "ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListRolePolicies", "ListRoleTags",
        "PassRole", "PutRolePermissionsBoundary", "PutRolePolicy", "TagRole", "UntagRole",
        "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
    )
}  # fmt: skip
IAM_OF_PLAN = {
    f"iam:{action}"
    for action in (
        "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies", "ListRoleTags",
    )
}  # fmt: skip

DIGEST = hashlib.sha256(f"{ACCOUNT}-us-west-2".encode()).hexdigest()[:12]

# The resources of an environment: an action that its deploy role needs, and the resource.
OWN = [
    ("backup:CreateBackupVault", "arn:aws:backup:us-west-2:{account}:backup-vault:shop-{env}"),
    ("budgets:ModifyBudget", "arn:aws:budgets::{account}:budget/shop-{env}-us-west-2"),
    ("cloudtrail:PutEventSelectors", "arn:aws:cloudtrail:us-west-2:{account}:trail/shop-audit-{env}"),
    ("cloudwatch:PutDashboard", "arn:aws:cloudwatch::{account}:dashboard/shop-{env}"),
    ("cloudwatch:PutDashboard", "arn:aws:cloudwatch::{account}:dashboard/shop-{env}-us-west-2"),
    ("cloudwatch:PutDashboard", "arn:aws:cloudwatch::{account}:dashboard/shop-{env}-us-west-2-1"),
    ("cloudwatch:PutMetricAlarm", "arn:aws:cloudwatch:us-west-2:{account}:alarm:shop-{env}/errors"),
    ("dynamodb:DeleteTable", "arn:aws:dynamodb:us-west-2:{account}:table/shop-todos-{env}"),
    ("events:PutRule", "arn:aws:events:us-west-2:{account}:rule/shop-thumbs-{env}"),
    ("events:PutTargets", "arn:aws:events:us-west-2:{account}:rule/orders/shop-thumbs-{env}"),
    ("iam:PassRole", "arn:aws:iam::{account}:role/shop-{env}-flow-logs"),
    ("iam:PassRole", "arn:aws:iam::{account}:role/shop-flow-{env}-us-west-2"),
    ("iam:PutRolePolicy", "arn:aws:iam::{account}:role/shop-todos-create-{env}"),
    ("iam:PutRolePolicy", "arn:aws:iam::{account}:role/shop-todos-create-{env}-us-west-2"),
    ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::{account}:role/shop-todos-create-{env}"),
    ("kms:CreateAlias", "arn:aws:kms:us-west-2:{account}:alias/shop-{env}"),
    ("lambda:UpdateFunctionCode", "arn:aws:lambda:us-west-2:{account}:function:shop-todos-create-{env}"),
    ("lambda:PutFunctionCodeSigningConfig", "arn:aws:lambda:us-west-2:{account}:function:shop-todos-create-{env}"),
    ("logs:DeleteLogGroup", "arn:aws:logs:us-west-2:{account}:log-group:/aws/vpc/shop-{env}"),
    ("cloudfront:UpdateFunction", "arn:aws:cloudfront::{account}:function/shop-website-{env}"),
    ("cloudfront:UpdateFunction", "arn:aws:cloudfront::{account}:function/shop-website-{env}-us-west-2"),
    ("s3:GetBucketPolicy", "arn:aws:s3:::shop-audit-{env}-{account}"),
    ("s3:GetBucketPolicy", "arn:aws:s3:::shop-audit-{env}-{account}-us-west-2"),
    ("s3:PutBucketLogging", "arn:aws:s3:::shop-website-{env}-{account}-us-west-2"),
    ("s3:PutBucketPolicy", "arn:aws:s3:::shop-website-{env}-{account}"),
    ("s3:PutBucketPolicy", "arn:aws:s3:::shop-website-{env}-{account}-us-west-2"),
    # A name over S3's 63 characters ends in a digest instead.
    ("s3:PutBucketPolicy", f"arn:aws:s3:::shop-website-{{env}}-{DIGEST}"),
    ("s3:PutObject", "arn:aws:s3:::shop-website-{env}-{account}/index.html"),
    ("s3:GetObject", "arn:aws:s3:::shop-state-{account}-us-west-2/trestle/{env}.tfstate"),
    ("s3:PutObject", "arn:aws:s3:::shop-state-{account}-us-west-2/trestle/{env}.tfstate"),
    ("s3:PutObject", "arn:aws:s3:::shop-state-{account}-us-west-2/trestle/{env}.tfstate.tflock"),
    ("scheduler:CreateScheduleGroup", "arn:aws:scheduler:us-west-2:{account}:schedule-group/shop-{env}"),
    ("scheduler:UpdateSchedule", "arn:aws:scheduler:us-west-2:{account}:schedule/shop-{env}/report"),
    ("sqs:SetQueueAttributes", "arn:aws:sqs:us-west-2:{account}:shop-deliver-failed-{env}"),
    ("sns:Subscribe", "arn:aws:sns:us-west-2:{account}:shop-alarms-{env}"),
    ("wafv2:UpdateWebACL", "arn:aws:wafv2:us-west-2:{account}:regional/webacl/shop-{env}/1"),
]  # fmt: skip

# Actions that no role of CI may have in any environment, including its own.
BUCKET = f"arn:aws:s3:::shop-audit-test-{ACCOUNT}-us-west-2"
FUNCTION = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:shop-todos-create-test"
FUNCTIONS_OF_TEST = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:shop-*-test"
LOGS = "arn:aws:s3:::example-access-logs"
SIGNING = f"arn:aws:lambda:us-west-2:{ACCOUNT}:code-signing-config:csc-0123456789abcdef0"
VAULT = f"arn:aws:backup:us-west-2:{ACCOUNT}:backup-vault:shop-test"
NEVER = [
    *((f"backup:{action}", resource)
      for action in ("DeleteRecoveryPoint", "StartCopyJob", "StartRestoreJob",
                     "UpdateRecoveryPointLifecycle")
      for resource in (VAULT, f"arn:aws:backup:us-west-2:{ACCOUNT}:recovery-point:1")),
    *((f"cloudtrail:{action}", f"arn:aws:cloudtrail:us-west-2:{ACCOUNT}:trail/shop-audit-test")
      for action in ("CreateTrail", "DeleteTrail", "StopLogging", "UpdateTrail")),
    *((f"cloudwatch:{action}", f"arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:shop-test")
      for action in ("DisableAlarmActions", "SetAlarmState")),
    *((f"cognito-idp:{action}", f"arn:aws:cognito-idp:us-west-2:{ACCOUNT}:userpool/us-west-2_1")
      for action in ("AdminAddUserToGroup", "AdminGetUser", "ListUsersInGroup")),
    *((f"dynamodb:{action}", f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/shop-todos-test")
      for action in ("DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")),
    *((f"lambda:{action}", SIGNING)
      for action in ("CreateCodeSigningConfig", "DeleteCodeSigningConfig", "UpdateCodeSigningConfig")),
    *((f"lambda:{action}", FUNCTION)
      for action in ("CreateFunctionUrlConfig", "DeleteFunctionCodeSigningConfig", "InvokeFunction",
                     "InvokeFunctionUrl", "UpdateFunctionUrlConfig")),
    *((f"dynamodb:{action}", f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/shop-todos-test/stream/1")
      for action in ("GetRecords", "GetShardIterator")),
    *((f"sqs:{action}", f"arn:aws:sqs:us-west-2:{ACCOUNT}:shop-deliver-test")
      for action in ("DeleteMessage", "PurgeQueue", "ReceiveMessage", "SendMessage")),
    ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:stripe-a1b2c3"),
    *((f"s3:{action}", f"{BUCKET}/AWSLogs/{ACCOUNT}/CloudTrail/us-west-2/1.json.gz")
      for action in ("BypassGovernanceRetention", "DeleteObject", "DeleteObjectVersion", "GetObject",
                     "GetObjectVersion", "PutObject", "PutObjectRetention")),
    *((f"s3:{action}", BUCKET)
      for action in ("DeleteBucket", "DeleteBucketPolicy", "PutBucketLogging", "PutBucketObjectLockConfiguration",
                     "PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration")),
    *((f"s3:{action}", LOGS) for action in ("DeleteBucket", "PutBucketPolicy", "PutLifecycleConfiguration")),
    *((f"s3:{action}", f"{LOGS}/s3/1") for action in ("DeleteObject", "GetObject", "PutObject")),
    ("sns:Publish", f"arn:aws:sns:us-west-2:{ACCOUNT}:shop-alarms-test"),
    ("wafv2:GetSampledRequests", f"arn:aws:wafv2:us-west-2:{ACCOUNT}:regional/webacl/shop-test/1"),
]  # fmt: skip


@pytest.fixture(scope="module")
def plan_bootstrap(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Plan]:
    """Plans bootstrap/ with variables, into a file: `bootstrapped("file", name="shop")`."""
    root = tmp_path_factory.mktemp("bootstrap") / "bootstrap"
    shutil.copytree(ROOT / "bootstrap", root, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    planner.init(root)
    return lambda file, **variables: Plan(planner.make_plan(root, file, (), variables), prefix="")


@pytest.fixture(scope="module")
def bootstrap_plan(plan_bootstrap: Callable[..., Plan]) -> Plan:
    """The plan for a repository that deploys."""
    return plan_bootstrap("bootstrap", **VARIABLES, domains=DOMAINS, environments=ENVIRONMENTS, name="shop")


@pytest.fixture(scope="module")
def guest_bootstrap_plan(plan_bootstrap: Callable[..., Plan]) -> Plan:
    """The same for systems under an existing key and in an existing VPC."""
    guest = {"key_arns": [KEY], "vpc_ids": [GUEST_NETWORK["vpc_id"]]}
    return plan_bootstrap("guest", **VARIABLES, **guest, environments=["test"], name="shop")


def policies(plan: Plan, role: str) -> dict[str, list[str]]:
    """Return the texts of a role's own and managed policies; the role is "plan" or an environment."""
    key, kind = ("[0]", "plan") if role == "plan" else (f'["{role}"]', "deploy")
    own = plan.one("aws_iam_role_policy", f"{kind}{key}")["policy"]
    names = [] if role == "plan" else ["deploy", "triggers", "website"]
    if f"aws_iam_policy.domain{key}" in plan.resources:
        names.append("domain")
    managed = [plan.one("aws_iam_policy", f".{name}{key}")["policy"] for name in names]
    return {"role": [own], "policy": managed}


def statements(plan: Plan, role: str) -> Statements:
    """Return all statements of a role of CI."""
    texts = [text for some in policies(plan, role).values() for text in some]
    return [s for text in texts for s in json.loads(text)["Statement"]]


def by_sid(plan: Plan, role: str) -> dict[str, Statement]:
    """Return a role's statements by their Sid."""
    return {s["Sid"]: s for s in statements(plan, role)}


def as_list(value: str | list[str]) -> list[str]:
    """Return a value that IAM accepts as a string or a list as a list."""
    return [value] if isinstance(value, str) else value


def matches(patterns: str | list[str], text: str) -> bool:
    """Return whether one of IAM's patterns, in which * and ? stand for anything, matches the text."""
    return any(fnmatchcase(text, pattern.replace("[", "[[]")) for pattern in as_list(patterns))


def allowing_statements(policy: Statements, action: str, resource: str) -> list[Statement]:
    """Return the statements that allow an action on a resource under any condition. Actions are not case-sensitive."""
    return [
        s
        for s in policy
        if s["Effect"] == "Allow"
        and ("NotAction" in s or matches([a.lower() for a in as_list(s["Action"])], action.lower()))
        and ("NotResource" in s or matches(s["Resource"], resource))
    ]


def policy_faults(policy: Statements, iam: set[str]) -> Iterator[str]:
    """Yield the forbidden actions that a role of CI is allowed; iam has the allowed IAM actions."""
    for statement in policy:
        if statement["Effect"] == "Allow":
            for pattern in as_list(statement.get("Action", "*")):
                if fnmatchcase("iam", pattern.split(":")[0].lower()) and pattern not in iam:
                    yield f"{statement.get('Sid')}: {pattern}"
    for action, resource in NEVER:
        for statement in allowing_statements(policy, action, resource):
            yield f"{statement.get('Sid')}: {action} on {resource}"


ROLES = [*ENVIRONMENTS, "plan"]


@pytest.mark.parametrize("role", ROLES)
def test_ci_has_only_the_permissions_that_it_needs(bootstrap_plan: Plan, role: str) -> None:
    """No records, users or items, no other way to invoke a function, and only the listed IAM actions."""
    iam = IAM_OF_PLAN if role == "plan" else IAM_OF_DEPLOY
    assert list(policy_faults(statements(bootstrap_plan, role), iam)) == []


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": ["s3:GetObject", "s3:DeleteObjectVersion", "iam:Put*", "iam:Attach*"], "Resource": "*"},
        {"Action": "*", "Resource": "*"},
        {"Action": "S3:getobject", "Resource": f"arn:aws:s3:::shop-*-{ACCOUNT}-us-west-2/*"},
        {"Action": "iam:*", "Resource": "arn:aws:iam::*:role/none"},
        {"Action": "iam:PutRolePermissions?oundary", "Resource": "*"},
        {"Action": "i*:Get*", "Resource": "*"},
        {"Action": "lambda:*Function*", "Resource": [FUNCTION, f"{FUNCTION}:*"]},
        {"Action": "wafv2:Get*", "Resource": "*"},
        {"Action": "s3:PutBucket*", "Resource": "arn:aws:s3:::shop-audit-*"},
        {"Action": "cognito-idp:*", "Resource": "*", "Condition": {"StringEquals": {}}},
        {"NotAction": "iam:*", "Resource": "*"},
        {"Action": "sns:*", "NotResource": "arn:aws:sns:us-west-2:1:x"},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("role", ["test", "plan"])
def test_an_additional_statement_is_detected(bootstrap_plan: Plan, role: str, statement: Statement) -> None:
    iam = IAM_OF_PLAN if role == "plan" else IAM_OF_DEPLOY
    assert list(policy_faults([*statements(bootstrap_plan, role), {"Effect": "Allow", **statement}], iam))


@pytest.mark.parametrize("role", ENVIRONMENTS)
def test_a_deploy_role_reaches_only_its_environment(bootstrap_plan: Plan, role: str) -> None:
    policy = statements(bootstrap_plan, role)
    for action, resource in OWN:
        arns = {env: resource.format(account=ACCOUNT, env=env) for env in ENVIRONMENTS}
        assert [env for env, arn in arns.items() if allowing_statements(policy, action, arn)] == [role], action


def named_resources(plan: Plan) -> list[tuple[str, str]]:
    """Return the plan's resources that IAM identifies by name: an action that creates each, and its ARN."""
    place = f"us-west-2:{ACCOUNT}"
    kinds = {
        "aws_backup_vault": ("backup:CreateBackupVault", f"arn:aws:backup:{place}:backup-vault:%s"),
        "aws_budgets_budget": ("budgets:TagResource", f"arn:aws:budgets::{ACCOUNT}:budget/%s"),
        "aws_cloudfront_function": (
            "cloudfront:CreateFunction",
            f"arn:aws:cloudfront::{ACCOUNT}:function/%s",
        ),
        "aws_cloudtrail": ("cloudtrail:GetTrailStatus", f"arn:aws:cloudtrail:{place}:trail/%s"),
        "aws_cloudwatch_composite_alarm": ("cloudwatch:TagResource", f"arn:aws:cloudwatch:{place}:alarm:%s"),
        "aws_cloudwatch_dashboard": (
            "cloudwatch:GetDashboard",
            f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/%s",
        ),
        "aws_cloudwatch_event_rule": ("events:PutRule", f"arn:aws:events:{place}:rule/%s"),
        "aws_cloudwatch_log_group": ("logs:CreateLogGroup", f"arn:aws:logs:{place}:log-group:%s"),
        "aws_cloudwatch_metric_alarm": ("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:{place}:alarm:%s"),
        "aws_dynamodb_table": ("dynamodb:CreateTable", f"arn:aws:dynamodb:{place}:table/%s"),
        "aws_iam_role": ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/%s"),
        "aws_kms_alias": ("kms:CreateAlias", f"arn:aws:kms:{place}:%s"),
        "aws_lambda_function": ("lambda:CreateFunction", f"arn:aws:lambda:{place}:function:%s"),
        "aws_s3_bucket": ("s3:ListBucket", "arn:aws:s3:::%s"),
        "aws_scheduler_schedule": ("scheduler:CreateSchedule", f"arn:aws:scheduler:{place}:schedule/shop-test/%s"),
        "aws_scheduler_schedule_group": ("scheduler:TagResource", f"arn:aws:scheduler:{place}:schedule-group/%s"),
        "aws_sqs_queue": ("sqs:CreateQueue", f"arn:aws:sqs:{place}:%s"),
        "aws_sns_topic": ("sns:CreateTopic", f"arn:aws:sns:{place}:%s"),
        "aws_wafv2_web_acl": ("wafv2:CreateWebACL", f"arn:aws:wafv2:{place}:regional/webacl/%s/1"),
    }
    return [
        (action, arn % name)
        for kind, (action, arn) in kinds.items()
        for values in plan.all(kind).values()
        for attribute in ("alarm_name", "dashboard_name", "function_name", "bucket", "name")
        if (name := values.get(attribute)) not in (None, UNKNOWN)
    ]


@pytest.mark.parametrize(
    "system", ["audited", "backed_up", "equipped", "guarded", "issued", "watched", "with_scopes", "with_website"]
)
def test_a_deploy_role_reaches_all_that_is_named(bootstrap_plan: Plan, systems: dict[str, Plan], system: str) -> None:
    """The other tests plan the system shop, test. Resources that an administrator creates are compared separately."""
    policy = statements(bootstrap_plan, "test")
    named = named_resources(systems[system])
    assert len(named) > 5
    assert [pair for pair in named if not allowing_statements(policy, *pair)] == []


def test_a_deploy_role_reaches_what_starts_functions(bootstrap_plan: Plan, triggers: dict[str, Plan]) -> None:
    named = named_resources(triggers["full"])
    assert {action.split(":")[0] for action, _ in named} >= {"events", "scheduler", "sqs"}
    policy = statements(bootstrap_plan, "test")
    assert [pair for pair in named if not allowing_statements(policy, *pair)] == []
    (passing,) = allowing_statements(policy, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/shop-report-schedule-test")
    assert "scheduler.amazonaws.com" in passing["Condition"]["StringEquals"]["iam:PassedToService"]
    mapping = f"arn:aws:lambda:us-west-2:{ACCOUNT}:event-source-mapping:1"
    functions = {"ArnLike": {"lambda:FunctionArn": [FUNCTIONS_OF_TEST, f"{FUNCTIONS_OF_TEST}:*"]}}
    for action in ("Create", "Delete", "Get", "Update"):
        (found,) = allowing_statements(policy, f"lambda:{action}EventSourceMapping", mapping)
        assert found["Condition"] == functions, "a mapping's own ARN does not say whose it is"


def test_a_boundary_lets_functions_do_what_triggers_and_statements_ask(
    bootstrap_plan: Plan, triggers: dict[str, Plan]
) -> None:
    """All permissions of the roles of a system with every kind of function, except those in function_statements."""
    boundary = json.loads(bootstrap_plan.one("aws_iam_policy", 'boundary["test"]')["policy"])["Statement"]
    wanted = [
        (action, resource)
        for policy in triggers["full"].all("aws_iam_role_policy").values()
        if policy["policy"] != UNKNOWN
        for statement in json.loads(policy["policy"])["Statement"]
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]
    assert len(wanted) > 60
    refused = {action for action, resource in wanted if not allowing_statements(boundary, action, resource)}
    assert refused == {"s3:GetObject"}
    sids = {s["Sid"]: s for s in boundary}
    assert sids["ReadSecrets"]["Condition"] == {"StringEquals": OURS}
    assert sids["EncryptMessages"]["Condition"]["StringEquals"]["kms:ViaService"] == [
        f"{service}.us-west-2.amazonaws.com" for service in ("scheduler", "sqs")
    ]
    for action, resource in (("sqs:PurgeQueue", "shop-mail-test"), ("sqs:SendMessage", "shop-mail-prod")):
        assert not allowing_statements(boundary, action, f"arn:aws:sqs:us-west-2:{ACCOUNT}:{resource}")


@pytest.mark.parametrize(
    "statement",
    [
        {"actions": ["iam:CreateRole"], "resources": ["*"]},
        {"actions": ["*"], "resources": ["*"]},
        {"actions": ["ses:SendEmail"], "resources": []},
    ],
)
def test_rights_over_roles_are_no_functions(tmp_path: Path, statement: Statement) -> None:
    variables = link(tmp_path, (ROOT / "bootstrap" / name for name in ("names.tf", "variables.tf")))
    (said,) = rules.rule_errors(variables, {**VARIABLES, "function_statements": [statement]})
    assert said.startswith("function_statements: each needs actions such as")


def test_only_an_environments_role_reaches_its_state(bootstrap_plan: Plan) -> None:
    for environment in ("dev", "prod"):
        backend = (ROOT / "environments" / f"{environment}.s3.tfbackend").read_text()
        (key,) = re.findall(r'^key += "(.+)"$', backend, re.MULTILINE)
        state = f"arn:aws:s3:::shop-state-{ACCOUNT}-us-west-2/{key}"
        for action in ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"):
            for file in (state, f"{state}.tflock"):
                holders = [
                    role for role in ENVIRONMENTS if allowing_statements(statements(bootstrap_plan, role), action, file)
                ]
                assert holders == [environment]


def test_deploy_roles_trust_one_environment_and_the_plan_role_pull_requests(bootstrap_plan: Plan) -> None:
    found = {}
    for address, role in bootstrap_plan.all("aws_iam_role").items():
        (statement,) = json.loads(role["assume_role_policy"])["Statement"]
        if address.startswith("aws_iam_role.ci["):
            equal = statement["Condition"].pop("StringEquals")
            assert not statement["Condition"]
            assert equal["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
            found[role["name"]] = equal["token.actions.githubusercontent.com:sub"]
    assert found == {
        "shop-deploy-dev-us-west-2": "repo:octo/shop:environment:dev",
        "shop-deploy-prod-us-west-2": "repo:octo/shop:environment:prod",
        "shop-deploy-test-us-west-2": "repo:octo/shop:environment:test",
        "shop-plan-us-west-2": "repo:octo/shop:pull_request",
    }


def test_no_policy_is_out_of_these_tests_sight(bootstrap_plan: Plan) -> None:
    per_environment = {f'deploy["{environment}"]' for environment in ENVIRONMENTS}
    boundaries = {f'boundary["{environment}"]' for environment in ENVIRONMENTS}
    more = {f'{name}["{environment}"]' for name in ("triggers", "website") for environment in ENVIRONMENTS}
    more |= {f'domain["{environment}"]' for environment in DOMAINS}
    expected = {
        "aws_iam_policy": per_environment | more | boundaries,
        "aws_iam_role_policy": {*per_environment, "plan[0]"},
        "aws_iam_role_policy_attachment": {*per_environment, *more, "logs"},
    }
    for kind, names in expected.items():
        assert bootstrap_plan.all(kind).keys() == {f"{kind}.{name}" for name in names}
    assert not {"aws_iam_role_policies_exclusive", "aws_iam_policy_attachment"} & bootstrap_plan.counts.keys()
    for role in bootstrap_plan.all("aws_iam_role").values():
        # A value that the configuration sets would be known here. AWS sets this one.
        assert (role["inline_policy"], role["managed_policy_arns"]) == (UNKNOWN, UNKNOWN)


def test_a_role_and_a_boundary_are_told_for_each_environment(bootstrap_plan: Plan) -> None:
    for output in ("deploy_role_arns", "permissions_boundaries"):
        assert bootstrap_plan.outputs[output].keys() == set(ENVIRONMENTS)


def test_without_a_repository_there_is_no_role_for_ci(plan_bootstrap: Callable[..., Plan]) -> None:
    plan = plan_bootstrap("by-hand", name="shop")
    assert plan.counts["aws_iam_role"] == 1, "API Gateway's, for its logs"
    assert plan.counts["aws_iam_policy"] == plan.counts["aws_iam_role_policy"] == 0
    outputs = ("deploy_role_arns", "permissions_boundaries", "plan_role_arn")
    assert [plan.outputs[output] for output in outputs] == [{}, {}, None]


@pytest.mark.parametrize(
    "environments",
    [["a-dev", "dev"], ["dev", "logs"], ["dev", "dev-us-west-2"], ["dev", "west-2"]],
)
def test_environments_that_iam_could_not_tell_apart_are_refused(tmp_path: Path, environments: list[str]) -> None:
    variables = link(tmp_path, (ROOT / "bootstrap" / name for name in ("names.tf", "variables.tf")))
    (said,) = rules.rule_errors(variables, {**VARIABLES, "environments": environments})
    assert said.startswith("environments: a name ")


def test_planning_changes_nothing(bootstrap_plan: Plan) -> None:
    reads = ("Describe", "Get", "List", "View", "Decrypt", "GET")
    allowed = [a for s in statements(bootstrap_plan, "plan") if s["Effect"] == "Allow" for a in as_list(s["Action"])]
    assert [a for a in allowed if not a.split(":")[1].startswith(reads)] == []


def test_roles_of_ci_are_out_of_its_own_reach(bootstrap_plan: Plan) -> None:
    assert {role["path"] for role in bootstrap_plan.all("aws_iam_role").values()} == {"/bootstrap/"}
    assert {policy["path"] for policy in bootstrap_plan.all("aws_iam_policy").values()} == {"/bootstrap/"}
    for role in ENVIRONMENTS:
        for name in ("shop-deploy-test-us-west-2", "shop-plan-us-west-2"):
            arn = f"arn:aws:iam::{ACCOUNT}:role/bootstrap/{name}"
            assert not [a for a in IAM_OF_DEPLOY if allowing_statements(statements(bootstrap_plan, role), a, arn)]


def test_only_roles_with_a_boundary_get_permissions(bootstrap_plan: Plan) -> None:
    granting = ("AttachRolePolicy", "CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy")
    role = f"arn:aws:iam::{ACCOUNT}:role/shop-todos-create-test"
    policy = statements(bootstrap_plan, "test")
    for action in granting:
        for statement in allowing_statements(policy, f"iam:{action}", role):
            assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    for action in (
        "CreatePolicyVersion",
        "DeleteRolePermissionsBoundary",
        "DeletePolicy",
        "AttachRolePolicy",
    ):
        for resource in (role, BOUNDARY):
            assert not allowing_statements(policy, f"iam:{action}", resource)


def test_a_boundary_allows_only_its_environment(bootstrap_plan: Plan) -> None:
    boundary = json.loads(bootstrap_plan.one("aws_iam_policy", 'boundary["test"]')["policy"])["Statement"]
    allowed = {s["Sid"]: s for s in boundary}
    assert not [a for s in boundary for a in as_list(s["Action"]) if fnmatchcase("iam", a.split(":")[0])]
    assert "*" not in str(allowed["UseItems"]["Action"])
    group = f"arn:aws:logs:us-west-2:{ACCOUNT}:log-group:/aws/lambda/shop-todos-create-{{}}:log-stream:1"
    table = f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/shop-todos-{{}}"
    for action, arn in (
        ("dynamodb:GetItem", table),
        ("dynamodb:Query", table + "/index/created"),
        ("logs:PutLogEvents", group),
    ):
        assert [e for e in ENVIRONMENTS if allowing_statements(boundary, action, arn.format(e))] == ["test"]
    assert allowed["Decrypt"]["Condition"] == {"StringEquals": OURS}


def test_existing_keys_are_used_and_not_changed(guest_bootstrap_plan: Plan, triggers: dict[str, Plan]) -> None:
    policy = statements(guest_bootstrap_plan, "test")
    for action in ("CreateGrant", "Decrypt", "GenerateDataKey", "GetKeyPolicy"):
        (statement,) = [s for s in allowing_statements(policy, f"kms:{action}", KEY) if "Condition" not in s]
        assert (statement["Sid"], statement["Resource"]) == ("UseExistingKeys", [KEY])
    for action in ("CreateAlias", "PutKeyPolicy", "ScheduleKeyDeletion", "TagResource"):
        assert all("Condition" in s for s in allowing_statements(policy, f"kms:{action}", KEY)), "by our tags alone"
    boundary = json.loads(guest_bootstrap_plan.one("aws_iam_policy", 'boundary["test"]')["policy"])["Statement"]
    wanted = [
        (action, statement)
        for policy in triggers["guest"].all("aws_iam_role_policy").values()
        for statement in json.loads(policy["policy"])["Statement"]
        if statement["Resource"] == KEY
        for action in as_list(statement["Action"])
    ]
    assert {action for action, _ in wanted} == {"kms:Decrypt", "kms:GenerateDataKey"}
    for action, statement in wanted:
        (bound,) = [s for s in allowing_statements(boundary, action, KEY) if s["Resource"] == [KEY]]
        services = as_list(statement["Condition"]["StringEquals"]["kms:ViaService"])
        assert set(services) <= set(bound["Condition"]["StringEquals"]["kms:ViaService"])
    assert allowing_statements(statements(guest_bootstrap_plan, "plan"), "kms:Decrypt", KEY)


def test_an_existing_vpc_gets_security_groups_and_nothing_else(guest_bootstrap_plan: Plan) -> None:
    found = by_sid(guest_bootstrap_plan, "test")
    vpcs = [f"arn:aws:ec2:us-west-2:*:vpc/{GUEST_NETWORK['vpc_id']}"]
    assert (found["LeaveOthersAlone"]["NotResource"], "Resource" in found["LeaveOthersAlone"]) == (vpcs, False)
    denied = found["LeaveExistingNetworksAsTheyAre"]
    assert (denied["Effect"], denied["Resource"], "Condition" in denied) == ("Deny", vpcs, False)
    assert denied["NotAction"] == ["ec2:CreateSecurityGroup", "ec2:Describe*"]


@pytest.mark.parametrize(
    ("variable", "value"), [("key_arns", "arn:aws:kms:us-west-2:1:alias/shared"), ("vpc_ids", "10.0.0.0/16")]
)
def test_what_is_no_existing_key_or_vpc(tmp_path: Path, variable: str, value: str) -> None:
    variables = link(tmp_path, (ROOT / "bootstrap" / name for name in ("names.tf", "variables.tf")))
    (said,) = rules.rule_errors(variables, {**VARIABLES, variable: [value]})
    assert said.startswith(f'{variable}: "{value}" is not the ')


@pytest.mark.parametrize("names", ["short", "long"])
def test_policies_are_within_what_iam_takes(
    plan_bootstrap: Callable[..., Plan], bootstrap_plan: Plan, names: str
) -> None:
    longest = {"environments": ["e" * 20], "name": "n" * 20, "region": "ap-southeast-2"}
    guest = {"key_arns": [KEY], "vpc_ids": [GUEST_NETWORK["vpc_id"]]}
    domains = {longest["environments"][0]: DOMAINS["test"] | {"name": "a" * 60 + ".example"}}
    variables = {**VARIABLES, "domains": domains, **longest, **guest}
    plan = bootstrap_plan if names == "short" else plan_bootstrap("longest", **variables)
    for role in [*(ENVIRONMENTS if names == "short" else longest["environments"]), "plan"]:
        found = policies(plan, role)
        assert sum(map(len, found["role"])) <= LIMIT["role"]
    assert all(len(policy["policy"]) <= LIMIT["policy"] for policy in plan.all("aws_iam_policy").values())
    assert all(len(role["name"]) <= 64 for role in plan.all("aws_iam_role").values())


OURS = {"aws:ResourceTag/Environment": "test", "aws:ResourceTag/Project": "shop"}


def test_keys_and_pools_are_ours_by_their_tags(bootstrap_plan: Plan) -> None:
    found = by_sid(bootstrap_plan, "test")
    claimed = {key.replace("Resource", "Request"): value for key, value in OURS.items()}
    for sid in ("KeepKeys", "KeepUserPools"):
        assert found[sid]["Condition"] == {"StringEquals": OURS}
    for sid in ("MakeKeys", "MakeUserPools"):
        assert found[sid]["Condition"] == {"StringEquals": claimed}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:shop-test"),
        *((f"lambda:{action}", FUNCTION)
          for action in ("DeleteFunction", "GetAlias", "GetFunctionConfiguration", "ListAliases",
                         "ListVersionsByFunction", "UpdateAlias")),
        *((f"logs:{action}",
           f"arn:aws:logs:us-west-2:{ACCOUNT}:log-group:/aws/lambda/shop-todos-create-test:*")
          for action in ("DescribeLogStreams", "FilterLogEvents")),
    ],
)  # fmt: skip
def test_ci_may_release(bootstrap_plan: Plan, action: str, resource: str) -> None:
    assert allowing_statements(statements(bootstrap_plan, "test"), action, resource)


def test_keys_of_others_cannot_be_tagged_as_ours(bootstrap_plan: Plan) -> None:
    found = by_sid(bootstrap_plan, "test")
    for sid, tag in (("ClaimNoKeys", "Project"), ("ClaimNoKeysOfOthers", "Environment")):
        denied = found[sid]
        assert (denied["Effect"], denied["Action"]) == ("Deny", "kms:TagResource")
        assert denied["Resource"] == f"arn:aws:kms:us-west-2:{ACCOUNT}:key/*"
        assert denied["Condition"] == {"StringNotEquals": {f"aws:ResourceTag/{tag}": OURS[f"aws:ResourceTag/{tag}"]}}


def test_what_has_no_name_is_told_apart_by_its_tag(bootstrap_plan: Plan) -> None:
    denied = by_sid(bootstrap_plan, "test")["LeaveOthersAlone"]
    assert (denied["Effect"], denied["Resource"]) == ("Deny", "*")
    assert {"apigateway:*", "ec2:*", "cloudwatch:DeleteAlarms"} <= set(denied["Action"])
    assert denied["Condition"] == {
        "Null": {"aws:ResourceTag/Environment": "false"},
        "StringNotEquals": {"aws:ResourceTag/Environment": "test"},
    }


@pytest.mark.parametrize("role", ROLES)
def test_records_are_denied_whatever_grants_them(bootstrap_plan: Plan, role: str) -> None:
    """A bucket's policy can grant what a role's own policies do not."""
    denied = by_sid(bootstrap_plan, role)["TouchNoRecords"]
    assert (denied["Effect"], denied["Action"], "Condition" in denied) == ("Deny", "s3:*", False)
    assert matches(denied["Resource"], f"{BUCKET}/AWSLogs/1.json.gz")
    assert not matches(denied["Resource"], BUCKET)


@pytest.mark.parametrize("role", ENVIRONMENTS)
def test_backups_are_denied_whatever_grants_them(bootstrap_plan: Plan, role: str) -> None:
    """A vault's policy can grant what a role's own policies do not, and the deploy role writes it."""
    denied = by_sid(bootstrap_plan, role)["TouchNoBackups"]
    assert (denied["Effect"], denied["Resource"], "Condition" in denied) == ("Deny", "*", False)
    for action, _ in NEVER:
        assert not action.startswith("backup:") or matches(denied["Action"], action)


def test_backup_plans_are_ours_by_their_tags(bootstrap_plan: Plan) -> None:
    found = by_sid(bootstrap_plan, "test")
    claimed = {key.replace("Resource", "Request"): value for key, value in OURS.items()}
    assert found["DeployBackupPlans"]["Condition"] == {"StringEquals": OURS}
    assert found["MakeBackupPlans"]["Condition"] == {"StringEquals": claimed, "StringEqualsIfExists": OURS}


def test_a_boundary_lets_tables_be_backed_up_and_restored(bootstrap_plan: Plan, systems: dict[str, Plan]) -> None:
    boundary = json.loads(bootstrap_plan.one("aws_iam_policy", 'boundary["test"]')["policy"])["Statement"]
    wanted = [
        (action, resource.replace("*", "01"))
        for policy in systems["backed_up"].all("aws_iam_role_policy").values()
        if policy["policy"] != UNKNOWN
        for statement in json.loads(policy["policy"])["Statement"]
        if statement["Sid"] in ("CopyTables", "FillTables", "KeepCopies", "ReadCopies")
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]
    assert len(wanted) > 20
    assert [pair for pair in wanted if not allowing_statements(boundary, *pair)] == []


def test_what_a_security_team_brings_is_named_and_not_changed(bootstrap_plan: Plan) -> None:
    policy = statements(bootstrap_plan, "test")
    wanted = [
        (
            "iam:CreateServiceLinkedRole",
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/email.cognito-idp.amazonaws.com/x",
        ),
        ("lambda:PutFunctionCodeSigningConfig", SIGNING),
        ("s3:GetBucketAcl", LOGS),
        ("s3:PutBucketAcl", LOGS),
        ("wafv2:GetWebACL", f"arn:aws:wafv2:us-east-1:{ACCOUNT}:global/webacl/edge/1"),
    ]
    assert [pair for pair in wanted if not allowing_statements(policy, *pair)] == []
    (making,) = allowing_statements(policy, *wanted[0])
    assert "email.cognito-idp.amazonaws.com" in making["Condition"]["StringEquals"]["iam:AWSServiceName"]
    logging = bootstrap_plan.one("aws_s3_bucket_logging")
    state = f"shop-state-{ACCOUNT}-us-west-2"
    assert (logging["target_bucket"], logging["target_prefix"]) == ("example-access-logs", f"s3/{state}/")
    (statement,) = bootstrap_plan.outputs["log_bucket_statements"]
    assert statement["Resource"] == f"{LOGS}/{logging['target_prefix']}*"
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == f"arn:aws:s3:::{state}"


@pytest.mark.parametrize("role", ENVIRONMENTS)
def test_ci_cannot_open_functions_to_others(bootstrap_plan: Plan, role: str) -> None:
    denied = by_sid(bootstrap_plan, role)["OpenNoOtherWay"]
    assert (denied["Effect"], denied["Resource"], "Condition" in denied) == ("Deny", "*", False)
    for action in (
        "CreateFunctionUrlConfig",
        "InvokeFunction",
        "InvokeFunctionUrl",
        "UpdateFunctionUrlConfig",
    ):
        assert matches(denied["Action"], f"lambda:{action}")


@pytest.mark.parametrize("role", ROLES)
def test_what_a_plan_needs_is_allowed(bootstrap_plan: Plan, role: str) -> None:
    pool = f"arn:aws:cognito-idp:us-west-2:{ACCOUNT}:userpool/us-west-2_1"
    for action, resource in (
        ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:us-west-2:{ACCOUNT}:alarm:shop-test"),
        ("cognito-idp:DescribeUserPool", pool),
        (
            "s3:GetBucketObjectLockConfiguration",
            f"arn:aws:s3:::shop-audit-{role.replace('plan', 'dev')}-{ACCOUNT}",
        ),
    ):
        assert allowing_statements(statements(bootstrap_plan, role), action, resource), action


def test_what_watches_is_made_in_our_region(bootstrap_plan: Plan) -> None:
    everywhere = by_sid(bootstrap_plan, "test")["DeployOthersThatWatch"]
    assert everywhere["Condition"] == {"StringEquals": {"aws:RequestedRegion": "us-west-2"}}


# --- Domains and private APIs ---

DOMAIN_ARN = "arn:aws:apigateway:us-west-2::/domainnames/{name}"
CERTIFICATE = f"arn:aws:acm:us-west-2:{ACCOUNT}:certificate/0a-1b"


def roles_that_may(plan: Plan, action: str, resource: str) -> set[str]:
    return {role for role in ROLES if allowing_statements(statements(plan, role), action, resource)}


def test_a_deploy_role_reaches_the_domain_of_its_environment_alone(bootstrap_plan: Plan) -> None:
    for environment, domain in DOMAINS.items():
        arn = DOMAIN_ARN.format(name=domain["name"])
        for action in ("DELETE", "PATCH"):
            assert roles_that_may(bootstrap_plan, f"apigateway:{action}", arn) == {environment}
            assert roles_that_may(bootstrap_plan, f"apigateway:{action}", f"{arn}/basepathmappings/(none)") == {
                environment
            }
        assert roles_that_may(bootstrap_plan, "apigateway:GET", arn) == {environment, "plan"}
    assert roles_that_may(bootstrap_plan, "apigateway:PATCH", DOMAIN_ARN.format(name="other.example.com")) == set()
    assert roles_that_may(bootstrap_plan, "apigateway:POST", DOMAIN_ARN.removesuffix("/{name}")) == DOMAINS.keys()


def test_only_with_a_zone_are_certificates_and_records_made(bootstrap_plan: Plan) -> None:
    zone = f"arn:aws:route53:::hostedzone/{ZONE}"
    for action, resource in (
        ("acm:RequestCertificate", "*"), ("acm:DeleteCertificate", CERTIFICATE),
        ("route53:ChangeResourceRecordSets", zone), ("route53:GetChange", "arn:aws:route53:::change/C1"),
    ):  # fmt: skip
        assert roles_that_may(bootstrap_plan, action, resource) == {"test"}, action
    for action, resource in (("acm:DescribeCertificate", CERTIFICATE), ("route53:ListResourceRecordSets", zone)):
        assert roles_that_may(bootstrap_plan, action, resource) == {"plan", "test"}, action
    found = by_sid(bootstrap_plan, "test")
    assert found["KeepCertificates"]["Condition"] == {"StringEquals": OURS}
    claimed = {key.replace("Resource", "Request"): value for key, value in OURS.items()}
    assert found["MakeCertificates"]["Condition"] == {"StringEquals": claimed, "StringEqualsIfExists": OURS}
    (names,) = found["KeepRecords"]["Condition"]["ForAllValues:StringLike"].values()
    for name, is_ours in (
        ("api.test.example.com", True), ("_0a1b.api.test.example.com", True), ("api.example.com", False),
        ("test.example.com", False), ("www.api.test.example.com", False),
    ):  # fmt: skip
        assert matches(names, name) is is_ours, name
    assert found["KeepRecords"]["Condition"]["ForAllValues:StringEquals"] == {
        "route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA", "CNAME"]
    }


def test_only_with_a_truststore_are_certificates_asked_of_callers(bootstrap_plan: Plan) -> None:
    arn = DOMAIN_ARN.format(name=DOMAINS["test"]["name"])
    for action, resource in (
        ("apigateway:AddCertificateToDomain", arn), ("apigateway:RemoveCertificateFromDomain", arn),
        ("s3:GetObject", "arn:aws:s3:::example-truststore/clients.pem"),
        ("s3:GetObjectVersion", "arn:aws:s3:::example-truststore/clients.pem"),
    ):  # fmt: skip
        assert roles_that_may(bootstrap_plan, action, resource) == {"test"}, action
    assert roles_that_may(bootstrap_plan, "s3:GetObject", "arn:aws:s3:::example-truststore/other.pem") == set()


def test_the_policy_of_a_private_api_is_ci_s_to_write(bootstrap_plan: Plan) -> None:
    """API Gateway requires a separate permission besides that to change the API."""
    arn = "arn:aws:apigateway:us-west-2::/restapis/abc"
    assert roles_that_may(bootstrap_plan, "apigateway:UpdateRestApiPolicy", arn) == {*ENVIRONMENTS}


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ({"dev": {"name": "https://api.example.com"}}, 'domains.dev.name: "https://api.example.com" is not a name'),
        ({"dev": {"name": "a.example", "zone_id": "example.com"}}, 'domains.dev.zone_id: "example.com" is not the id'),
        ({"dev": {"name": "a.example", "truststore": "s3://b/*"}}, 'domains.dev.truststore: "s3://b/*" is not an'),
        ({"qa": {"name": "a.example"}}, 'domains: there is no environment "qa". Write one of environments: dev, prod'),
    ],
)
def test_domains_that_cannot_be_are_refused(tmp_path: Path, domain: dict[str, Any], said: str) -> None:
    variables = link(tmp_path, (ROOT / "bootstrap" / name for name in ("names.tf", "variables.tf")))
    (found,) = rules.rule_errors(variables, {**VARIABLES, "domains": domain})
    assert found.startswith(said)
