"""The live versions: the newest, or those in the file that `make release` and `make rollback` write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plan import rules
from tests.plan.conftest import SMALL
from tests.plan.planner import UNKNOWN, Plan, Planner, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

CREATE, GET, LIST = (f"shop-todos-{operation}-test" for operation in ("create", "get", "list"))
VARIABLES = {**SMALL, "entities": {"todos": {"operations": ["create", "get", "list"]}}}


def plan_with_live_file(planner: Planner, folder: Path, text: str) -> Plan:
    """Return the plan of an environment whose file has the text."""
    root = planner.copy_root(folder / "root")
    (root / "environments").mkdir(exist_ok=True)
    (root / "environments" / "test.live.json").write_text(text)
    return Plan(planner.make_plan(root, folder.name, (), VARIABLES))


def live_alias(plan: Plan, name: str) -> Values:
    (alias,) = (a for a in plan.all("aws_lambda_alias").values() if a["function_name"] == name)
    return alias


@pytest.fixture(scope="module")
def pinned_plan(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    gone = "shop-gone-get-test"
    content = {
        "live": {"since": "2026-11-21T12:30:37Z", "versions": {CREATE: "7", GET: 7, gone: "1"}},
        "canary": {"since": "2026-11-21T12:30:37Z", "versions": {GET: "8"}, "percent": 7},
        "history": [],
    }
    return plan_with_live_file(planner, tmp_path_factory.mktemp("pinned"), json.dumps(content))


def test_the_newest_is_live_where_nothing_else_is_said(plan: Plan) -> None:
    for alias in plan.all("aws_lambda_alias").values():
        assert (alias["name"], alias["function_version"], alias["routing_config"]) == ("live", UNKNOWN, [])


def test_the_file_says_what_is_live(pinned_plan: Plan) -> None:
    assert (live_alias(pinned_plan, CREATE)["function_version"], live_alias(pinned_plan, CREATE)["routing_config"]) == (
        "7",
        [],
    )
    assert live_alias(pinned_plan, GET)["function_version"] == "7"
    assert live_alias(pinned_plan, GET)["routing_config"] == [{"additional_version_weights": {"8": 0.07}}]


def test_a_function_that_the_file_does_not_know_follows_the_newest(pinned_plan: Plan) -> None:
    assert (live_alias(pinned_plan, LIST)["function_version"], live_alias(pinned_plan, LIST)["routing_config"]) == (
        UNKNOWN,
        [],
    )


def test_a_queue_goes_to_one_version_even_while_another_is_tried(triggers: dict[str, Plan]) -> None:
    tried, other = (live_alias(triggers["lean"], f"shop-{name}-test") for name in ("report", "deliver"))
    assert (tried["function_version"], tried["routing_config"]) == ("8", [])
    assert (other["function_version"], other["routing_config"]) == ("7", [])


def test_functions_that_are_gone_are_a_warning(pinned_plan: Plan) -> None:
    (check,) = (
        c for c in pinned_plan.data["checks"] if c["address"]["to_display"] == "module.service.check.live_versions"
    )
    assert check["status"] == "fail"
    assert check["instances"][0]["problems"] == [
        {
            "message": "environments/test.live.json names functions that do not exist: shop-gone-get-test. The "
            "next `make release` removes them."
        }
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"versions": {}}',
        '{"live": {"versions": {"x": "newest"}}}',
        '{"live": {"versions": {}}, "canary": {"percent": 0, "versions": {}}}',
    ],
)
def test_a_file_that_cannot_be_read_stops_the_plan(planner: Planner, tmp_path: Path, text: str) -> None:
    """The planner has built the packages."""
    root = rules.preconditions(tmp_path)
    (root / "environments").mkdir()
    (root / "environments" / "test.live.json").write_text(text)
    said = "environments/test.live.json does not name the live versions. Restore it from version control"
    assert [each.partition(", or delete it")[0] for each in rules.rule_errors(root, VARIABLES)] == [said]
