"""Features that cost money and are off by default, the firewall and the audit trail; and the key's policy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plan.planner import UNKNOWN, Plan, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

TRAIL = "arn:aws:cloudtrail:us-west-2:000000000000:trail/shop-audit-test"
BUCKET = "shop-audit-test-000000000000-us-west-2"


def rules(plan: Plan) -> dict[str, Values]:
    """Return the firewall's rules by name, in the order of their evaluation."""
    found = sorted(plan.one("aws_wafv2_web_acl")["rule"], key=lambda rule: rule["priority"])
    return {rule["name"]: rule for rule in found}


def statements(plan: Plan, kind: str) -> dict[str, Any]:
    """Return the statements of the only policy of a kind by their Sid."""
    return {s["Sid"]: s for s in json.loads(plan.one(kind)["policy"])["Statement"]}


def test_off_by_default(plan: Plan) -> None:
    kinds = {"aws_wafv2_web_acl", "aws_wafv2_web_acl_association", "aws_cloudtrail", "aws_s3_bucket"}
    kinds |= {"aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm", "aws_sns_topic"}
    assert kinds.isdisjoint(+plan.counts)


def test_firewall_limits_refuses_and_counts(systems: dict[str, Plan]) -> None:
    plan = systems["guarded"]
    found = rules(plan)
    assert list(found) == ["rate", "known-bad-inputs", "anonymous-addresses"]
    (limit,) = found["rate"]["statement"][0]["rate_based_statement"]
    assert (limit["aggregate_key_type"], limit["limit"], limit["evaluation_window_sec"]) == ("IP", 2000, 300)
    assert found["rate"]["action"][0]["block"] == [{"custom_response": []}]
    for name, group, override in (
        ("known-bad-inputs", "AWSManagedRulesKnownBadInputsRuleSet", "none"),
        ("anonymous-addresses", "AWSManagedRulesAnonymousIpList", "count"),
    ):
        assert found[name]["statement"][0]["managed_rule_group_statement"][0]["name"] == group
        (action,) = found[name]["override_action"]
        assert [key for key, value in action.items() if value] == [override]
    acl = plan.one("aws_wafv2_web_acl")
    assert (acl["scope"], acl["name"]) == ("REGIONAL", "shop-test")
    assert acl["default_action"][0]["allow"] == [{"custom_request_handling": []}]


def test_firewall_may_leave_countries_out(systems: dict[str, Plan]) -> None:
    found = rules(systems["guarded_by_country"])
    assert list(found) == ["rate", "countries", "known-bad-inputs", "anonymous-addresses"]
    assert found["rate"]["statement"][0]["rate_based_statement"][0]["limit"] == 10
    countries = found["countries"]
    assert countries["action"][0]["block"] == [{"custom_response": []}]
    (let_in,) = countries["statement"][0]["not_statement"][0]["statement"][0]["or_statement"]
    (geo,), (header,) = (
        let_in["statement"][0]["geo_match_statement"],
        let_in["statement"][1]["byte_match_statement"],
    )
    assert geo["country_codes"] == ["DE", "FR"]
    assert matches_distribution_header(header), "the distribution has looked itself"


def matches_distribution_header(match: Values) -> bool:
    """Return whether a statement matches the header that only the console's distribution sends."""
    (field,) = match["field_to_match"]
    asked = (field["single_header"][0]["name"], match["positional_constraint"], match.get("search_string"))
    return asked == ("x-distribution-word", "EXACTLY", UNKNOWN)


def test_users_of_the_console_are_counted_by_their_own_addresses(systems: dict[str, Plan]) -> None:
    """Not by CloudFront's shared addresses, or by the callers' own X-Forwarded-For."""
    found = rules(systems["with_website_at_names"])
    assert list(found)[:3] == ["rate-of-console", "rate", "countries"]
    (of_console,) = found["rate-of-console"]["statement"][0]["rate_based_statement"]
    (others,) = found["rate"]["statement"][0]["rate_based_statement"]
    assert (of_console["aggregate_key_type"], of_console["limit"]) == ("FORWARDED_IP", 2000)
    assert of_console["forwarded_ip_config"] == [{"fallback_behavior": "MATCH", "header_name": "x-viewer-address"}]
    assert found["rate-of-console"]["action"][0]["block"] == [{"custom_response": []}]
    assert matches_distribution_header(of_console["scope_down_statement"][0]["byte_match_statement"][0])
    (apart,) = others["scope_down_statement"][0]["not_statement"]
    assert matches_distribution_header(apart["statement"][0]["byte_match_statement"][0])


def test_firewall_is_in_front_of_the_stage(systems: dict[str, Plan]) -> None:
    system = systems["guarded"]
    association = system.one("aws_wafv2_web_acl_association")
    assert association["resource_arn"] == association["web_acl_arn"] == UNKNOWN
    (made,) = (r for r in system.configuration["resources"] if r["type"] == "aws_wafv2_web_acl_association")
    assert "module.api.stage_arn" in made["expressions"]["resource_arn"]["references"]


def test_the_firewall_logs_blocked_requests_without_secrets(systems: dict[str, Plan]) -> None:
    plan = systems["guarded"]
    group = plan.one("aws_cloudwatch_log_group", "module.firewall")
    assert group["name"] == "aws-waf-logs-shop-test"
    assert (group["retention_in_days"], group["kms_key_id"]) == (30, UNKNOWN)
    log = plan.one("aws_wafv2_web_acl_logging_configuration")
    headers = {field["single_header"][0]["name"] for field in log["redacted_fields"]}
    assert headers == {"authorization", "x-api-key", "x-amz-security-token", "x-distribution-word"}
    (kept,) = log["logging_filter"]
    assert kept["default_behavior"] == "DROP"
    conditions = kept["filter"][0]["condition"]
    assert {c["action_condition"][0]["action"] for c in conditions} == {"BLOCK", "COUNT"}


@pytest.mark.parametrize("system", ["guarded", "guarded_by_country"])
def test_firewall_keeps_no_samples(systems: dict[str, Plan], system: str) -> None:
    """Samples are not redacted like the log, and anyone who may read the ACL may read them."""
    acl = systems[system].one("aws_wafv2_web_acl")
    settings = [part["visibility_config"][0] for part in (acl, *acl["rule"])]
    assert [s["sampled_requests_enabled"] for s in settings] == [False] * (1 + len(acl["rule"]))


def test_trail_records_our_items_and_nothing_else(systems: dict[str, Plan]) -> None:
    trail = systems["audited"].one("aws_cloudtrail")
    assert (trail["name"], trail["s3_bucket_name"]) == ("shop-audit-test", UNKNOWN)
    assert trail["enable_log_file_validation"] is True
    assert trail["kms_key_id"] == UNKNOWN
    assert trail["event_selector"] == []
    (selector,) = trail["advanced_event_selector"]
    fields = {f["field"]: f["equals"] or f["starts_with"] for f in selector["field_selector"]}
    assert fields == {
        "eventCategory": ["Data"],
        "resources.type": ["AWS::DynamoDB::Table"],
        "resources.ARN": ["arn:aws:dynamodb:us-west-2:000000000000:table/shop-todos-test"],
    }


def test_records_are_protected(systems: dict[str, Plan]) -> None:
    plan = systems["audited"]
    bucket = plan.one("aws_s3_bucket")
    assert (bucket["bucket"], bucket["force_destroy"]) == (BUCKET, False)
    assert plan.one("aws_s3_bucket_versioning")["versioning_configuration"][0]["status"] == "Enabled"
    access = plan.one("aws_s3_bucket_public_access_block")
    closed = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    assert all(access[setting] for setting in closed)
    (rule,) = plan.one("aws_s3_bucket_server_side_encryption_configuration")["rule"]
    assert rule["apply_server_side_encryption_by_default"] == [
        {"kms_master_key_id": UNKNOWN, "sse_algorithm": "aws:kms"}
    ]


def test_bucket_takes_records_of_the_trail_alone_and_over_tls(systems: dict[str, Plan]) -> None:
    found = statements(systems["audited"], "aws_s3_bucket_policy")
    assert found["TlsOnly"]["Effect"] == "Deny"
    assert found["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    allowed = {sid: s for sid, s in found.items() if s["Effect"] == "Allow"}
    assert allowed.keys() == {"TrailLooks", "TrailWrites"}
    for statement in allowed.values():
        assert statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
        assert statement["Condition"]["StringEquals"]["aws:SourceArn"] == TRAIL
    assert allowed["TrailWrites"]["Resource"] == f"arn:aws:s3:::{BUCKET}/AWSLogs/000000000000/*"


@pytest.mark.parametrize(("system", "years"), [("audited", 1), ("audited_for_long", 7)])
def test_records_are_locked_for_the_retention_period(systems: dict[str, Plan], system: str, years: int) -> None:
    plan = systems[system]
    assert plan.one("aws_s3_bucket")["object_lock_enabled"] is True
    (rule,) = plan.one("aws_s3_bucket_object_lock_configuration")["rule"]
    (retention,) = rule["default_retention"]
    assert (retention["mode"], retention["years"], retention["days"]) == ("GOVERNANCE", years, None)


def test_deletion_protection_covers_records(systems: dict[str, Plan]) -> None:
    denied = statements(systems["audited"], "aws_s3_bucket_policy")["NobodyDeletes"]
    assert (denied["Effect"], denied["Principal"]) == ("Deny", "*")
    assert {"s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"} <= set(denied["Action"])
    unprotected = systems["audited_for_long"]
    assert "NobodyDeletes" not in statements(unprotected, "aws_s3_bucket_policy")
    assert unprotected.one("aws_s3_bucket")["force_destroy"] is True


@pytest.mark.parametrize(("system", "years"), [("audited", 1), ("audited_for_long", 7)])
def test_records_go_when_they_are_due(systems: dict[str, Plan], system: str, years: int) -> None:
    (rule,) = systems[system].one("aws_s3_bucket_lifecycle_configuration")["rule"]
    assert rule["status"] == "Enabled"
    assert rule["expiration"][0]["days"] == years * 366
    assert rule["noncurrent_version_expiration"][0]["noncurrent_days"] == 90
    assert rule["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]


@pytest.mark.parametrize(
    ("system", "sids"),
    [
        ("small", {"AccountAdministers", "LogGroups"}),
        ("audited", {"AccountAdministers", "LogGroups", "Trail", "TrailLooks"}),
    ],
)
def test_services_use_the_key_only_for_own_resources(systems: dict[str, Plan], system: str, sids: set[str]) -> None:
    key = systems[system].one("aws_kms_key")
    assert key["enable_key_rotation"] is True
    found = statements(systems[system], "aws_kms_key")
    assert found.keys() == sids
    assert found.pop("AccountAdministers")["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}
    for sid, statement in found.items():
        assert statement["Principal"].keys() == {"Service"}
        sources = {key: value for keys in statement["Condition"].values() for key, value in keys.items()}
        assert sources.keys() & {"aws:SourceArn", "kms:EncryptionContext:aws:logs:arn"}, sid
        for value in sources.values():
            arns = [value] if isinstance(value, str) else value
            assert all("000000000000" in arn and not arn.endswith(":*") for arn in arns), sid
        assert not {"kms:*", "kms:CreateGrant"} & set(statement["Action"])
