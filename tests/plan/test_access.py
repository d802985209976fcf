"""API keys and usage plans."""

from __future__ import annotations

import json

import pytest

from tests.plan.planner import UNKNOWN, Plan

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share


def test_one_key_on_one_plan_by_default(plan: Plan) -> None:
    key, usage = plan.one("aws_api_gateway_api_key"), plan.one("aws_api_gateway_usage_plan")
    assert key["name"] == "shop-default-test"
    assert key["value"] == UNKNOWN, "AWS makes it"
    assert usage["name"] == "shop-standard-test"
    assert usage["throttle_settings"] == [{"rate_limit": 50, "burst_limit": 100}]
    assert [(q["limit"], q["period"]) for q in usage["quota_settings"]] == [(10000, "DAY")]
    (stage,) = usage["api_stages"]
    assert stage["stage"] == "test"
    assert plan.counts["aws_api_gateway_usage_plan_key"] == 1
    assert plan.outputs["api_key_ids"] == {"default": UNKNOWN}
    assert plan.outputs["usage_plan_ids"] == {"standard": UNKNOWN}


def test_keys_are_on_their_usage_plans(systems: dict[str, Plan]) -> None:
    plan = systems["two_plans"]
    assert {k["name"] for k in plan.all("aws_api_gateway_api_key").values()} == {
        "shop-partner-test",
        "shop-app-test",
    }
    plans = {p["name"]: p for p in plan.all("aws_api_gateway_usage_plan").values()}
    assert {name: p["throttle_settings"][0]["rate_limit"] for name, p in plans.items()} == {
        "shop-free-test": 5,
        "shop-paid-test": 500,
    }
    assert plans["shop-free-test"]["quota_settings"] == [{"limit": 100, "offset": 0, "period": "WEEK"}]
    assert plans["shop-paid-test"]["quota_settings"] == []
    assert plan.outputs["api_key_ids"].keys() == {"partner", "app"}
    assert plan.outputs["usage_plan_ids"].keys() == {"free", "paid"}


def test_no_key_where_nothing_asks_for_one(systems: dict[str, Plan]) -> None:
    kinds = ("aws_api_gateway_api_key", "aws_api_gateway_usage_plan", "aws_api_gateway_usage_plan_key")
    assert {kind: systems["open"].counts[kind] for kind in kinds} == dict.fromkeys(kinds, 0)
    assert systems["open"].outputs["api_key_ids"] == systems["open"].outputs["usage_plan_ids"] == {}


def test_a_given_value_is_sensitive_and_in_no_output(systems: dict[str, Plan]) -> None:
    plan, value = systems["two_plans"], "a-value-that-was-given"
    (change,) = (c for a, c in plan.changes.items() if 'api_key.this["partner"]' in a)
    assert change["change"]["after"]["value"] == value
    assert change["change"]["after_sensitive"]["value"] is True
    assert value not in json.dumps(plan.data["output_changes"])
