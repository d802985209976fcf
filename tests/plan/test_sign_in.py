"""Sign-in: the user pool, its clients, and the scopes that the gateway requires of their tokens."""

from __future__ import annotations

import json

import pytest

from tests.plan.conftest import POOL
from tests.plan.planner import ROOT, UNKNOWN, Plan, Values
from tools.aws import preflight
from tools.aws.findings import Context

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

KINDS = (
    "aws_api_gateway_authorizer", "aws_cognito_resource_server", "aws_cognito_user_group",
    "aws_cognito_user_pool", "aws_cognito_user_pool_client", "aws_cognito_user_pool_domain",
)  # fmt: skip

# The scopes of which every access token has one: after SRP, after sign-in at the domain, or for a
# machine.
SIGNED_IN = ["aws.cognito.signin.user.admin", "openid"]


def count_kinds(plan: Plan) -> list[int]:
    """Return the number of resources of each of KINDS."""
    return [plan.counts[kind] for kind in KINDS]


def method(plan: Plan, operation: str) -> Values:
    return plan.one("aws_api_gateway_method", f'"todos.{operation}"')


def test_there_is_no_pool_where_nothing_asks_for_one(plan: Plan) -> None:
    assert count_kinds(plan) == [0] * 6
    names = ("sign_in_url", "user_pool_client_id", "user_pool_id", "user_pool_machine_client_id")
    assert [plan.outputs[name] for name in names] == [None] * 4


def test_a_pool_and_a_client_by_default(systems: dict[str, Plan]) -> None:
    plan = systems["signed_in"]
    assert count_kinds(plan) == [1, 0, 0, 1, 1, 0]
    assert plan.counts["aws_api_gateway_usage_plan"] == 0, "nobody has a key"
    assert plan.outputs["user_pool_id"] == plan.outputs["user_pool_client_id"] == UNKNOWN
    assert plan.outputs["sign_in_url"] is None


@pytest.mark.parametrize(
    ("system", "length", "mfa", "software", "protection", "self_sign_up"),
    [
        ("owned", 12, "OPTIONAL", [{"enabled": True}], "INACTIVE", False),
        ("signed_in", 12, "OFF", [], "INACTIVE", True),
        ("with_scopes", 16, "ON", [{"enabled": True}], "ACTIVE", False),
    ],
)
def test_pool(
    systems: dict[str, Plan], system: str, length: int, mfa: str, software: list[Values], protection: str,
    self_sign_up: bool,
) -> None:  # fmt: skip
    pool = systems[system].one("aws_cognito_user_pool")
    assert pool["name"] == "shop-test"
    (passwords,) = pool["password_policy"]
    classes = ("lowercase", "numbers", "symbols", "uppercase")
    assert passwords["minimum_length"] == length
    assert all(passwords[f"require_{kind}"] for kind in classes)
    assert (pool["mfa_configuration"], pool["software_token_mfa_configuration"]) == (mfa, software)
    assert pool["deletion_protection"] == protection
    assert pool["admin_create_user_config"][0]["allow_admin_create_user_only"] is not self_sign_up
    assert pool["alias_attributes"] == pool["auto_verified_attributes"] == ["email"]
    assert pool["user_attribute_update_settings"] == [{"attributes_require_verification_before_update": ["email"]}]


def test_apps_client_has_no_secret_and_no_passwords_in_the_clear(systems: dict[str, Plan]) -> None:
    for system in ("signed_in", "with_scopes"):
        client = systems[system].one("aws_cognito_user_pool_client", ".app[")
        assert client["generate_secret"] is False
        assert sorted(client["explicit_auth_flows"]) == ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]
        assert client["prevent_user_existence_errors"] == "ENABLED"
        assert client["enable_token_revocation"] is True
        units = {"access_token": "minutes", "id_token": "minutes", "refresh_token": "days"}
        assert client["token_validity_units"] == [units]


def test_apps_client_without_a_domain_knows_no_oauth(systems: dict[str, Plan]) -> None:
    client = systems["signed_in"].one("aws_cognito_user_pool_client")
    assert client["allowed_oauth_flows_user_pool_client"] is False
    assert client["allowed_oauth_flows"] == client["allowed_oauth_scopes"] == client["callback_urls"] == []
    assert (client["access_token_validity"], client["refresh_token_validity"]) == (60, 30)


def test_apps_client_gets_a_code_and_only_the_scopes_written_down(systems: dict[str, Plan]) -> None:
    plan = systems["with_scopes"]
    client = plan.one("aws_cognito_user_pool_client", ".app[")
    assert client["allowed_oauth_flows"] == ["code"], "not implicit: tokens stay out of addresses"
    assert sorted(client["allowed_oauth_scopes"]) == ["email", "openid", "profile", "shop-test/report"]
    assert client["callback_urls"] == ["https://app.example.com/in"]
    assert client["logout_urls"] == ["https://app.example.com/out"]
    assert (client["access_token_validity"], client["refresh_token_validity"]) == (15, 1)
    assert plan.outputs["sign_in_url"] == "https://shop-example.auth.us-west-2.amazoncognito.com"
    assert plan.one("aws_cognito_user_pool_domain")["domain"] == "shop-example"


def test_machines_client_has_all_scopes_and_no_users(systems: dict[str, Plan]) -> None:
    client = systems["with_scopes"].one("aws_cognito_user_pool_client", ".machine[")
    assert client["allowed_oauth_flows"] == ["client_credentials"]
    assert sorted(client["allowed_oauth_scopes"]) == ["shop-test/import", "shop-test/report"]
    assert client["explicit_auth_flows"] == ["ALLOW_REFRESH_TOKEN_AUTH"], "unset, it would sign users in"
    assert client["generate_secret"] is True


def test_secret_is_in_no_output(systems: dict[str, Plan]) -> None:
    plan = systems["with_scopes"]
    access = plan.configuration["module_calls"]["access"]["module"]
    assert "client_secret" not in json.dumps([access["outputs"], plan.configuration["outputs"]])


def test_groups_and_scopes_are_those_of_access_and_more(systems: dict[str, Plan]) -> None:
    plan = systems["with_scopes"]
    assert {g["name"] for g in plan.all("aws_cognito_user_group").values()} == {"admins", "editors"}
    server = plan.one("aws_cognito_resource_server")
    assert server["identifier"] == "shop-test"
    assert {s["scope_name"]: s["scope_description"] for s in server["scope"]} == {
        "import": "Operations for the scope import",
        "report": "Reads reports",
    }


@pytest.mark.parametrize(
    ("operation", "scopes"),
    [
        ("create", ["shop-test/import"]),
        ("delete", [*SIGNED_IN, "shop-test/import", "shop-test/report"]),
        ("get", [*SIGNED_IN, "shop-test/import", "shop-test/report"]),
        ("list", ["https://api.example.com/todos.read"]),
    ],
)
def test_methods_require_access_tokens(systems: dict[str, Plan], operation: str, scopes: list[str]) -> None:
    found = method(systems["with_scopes"], operation)
    assert (found["authorization"], found["api_key_required"]) == ("COGNITO_USER_POOLS", False)
    assert found["authorizer_id"] == UNKNOWN, "set"
    assert sorted(found["authorization_scopes"]) == sorted(scopes), "with none, ID tokens would pass"


def test_other_methods_ask_for_no_token(systems: dict[str, Plan]) -> None:
    plan = systems["with_scopes"]
    others = {a: m for a, m in plan.all("aws_api_gateway_method").items() if m["authorization"] == "NONE"}
    assert any('"todos.replace"' in address for address in others)
    assert all(m["authorizer_id"] is m["authorization_scopes"] is None for m in others.values())


def test_without_scopes_of_our_own_signing_in_is_what_counts(systems: dict[str, Plan]) -> None:
    assert sorted(method(systems["signed_in"], "list")["authorization_scopes"]) == SIGNED_IN


def test_an_existing_pool_is_asked_and_left_alone(systems: dict[str, Plan]) -> None:
    plan = systems["existing_pool"]
    assert count_kinds(plan) == [1, 0, 0, 0, 0, 0]
    authorizer = plan.one("aws_api_gateway_authorizer")
    assert (authorizer["type"], authorizer["provider_arns"]) == ("COGNITO_USER_POOLS", [POOL])
    assert plan.outputs["user_pool_id"] == "eu-central-1_Abc123"
    assert plan.outputs["user_pool_client_id"] is None


def test_another_pool_redeploys(systems: dict[str, Plan]) -> None:
    assert systems["existing_pool"].one("terraform_data", "user_pool")["input"] == POOL
    # A plan does not show why a resource is replaced.
    deployment = (ROOT / "modules" / "api" / "main.tf").read_text().partition('_deployment" "this"')[2]
    assert "replace_triggered_by  = [terraform_data.user_pool]" in deployment


def test_owners_need_nothing_of_the_table(systems: dict[str, Plan]) -> None:
    ours, others = (systems[name].one("aws_dynamodb_table") for name in ("owned", "small"))
    assert ours == others, "the owner is in the keys' values"


@pytest.mark.parametrize(
    ("system", "distributions", "sign_up"),
    [
        ("signed_in", "This apply creates no CloudFront distribution.", "Anyone may sign up, but Cognito itself"),
        (
            "with_scopes",
            "This apply creates no CloudFront distribution.",
            "Only administrators create users, or Amazon SES",
        ),
        ("with_website", "This is the account's first CloudFront distribution", "Only administrators create users"),
        ("existing_pool", "This apply creates no CloudFront distribution.", "Only administrators create users"),
    ],
)
def test_preflight_reads_real_plans(systems: dict[str, Plan], system: str, distributions: str, sign_up: str) -> None:
    """Only the real provider shows the names of attributes."""

    class NewAccount:
        def list_distributions(self, MaxItems: str) -> Values:  # noqa: N803 - boto3's name
            return {"DistributionList": {"Quantity": 0}}

    plan = {"resource_changes": list(systems[system].changes.values())}
    context = Context("test", "us-west-2", lambda *_: NewAccount(), plan=plan, account="1")
    for check, said in ((preflight.distributions, distributions), (preflight.sign_up, sign_up)):
        (finding,) = check(context)
        assert finding.text.startswith(said)


def test_who_reaches_the_items_of_others_has_a_group_and_a_scope(systems: dict[str, Plan]) -> None:
    plan = systems["shared"]
    assert [group["name"] for group in plan.all("aws_cognito_user_group").values()] == ["support"]
    assert [each["scope_name"] for each in plan.one("aws_cognito_resource_server")["scope"]] == ["act"]
