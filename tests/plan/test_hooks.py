"""Hooks in a plan: the functions that run own code, their zips, settings and permissions, and the hooks' faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plan import rules
from tests.plan.conftest import SMALL
from tests.plan.planner import Plan, Planner, Values, project_of

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

CODE = {
    "bookings": """
def before_create(draft, context): ...
def before_delete(current, context): ...
def present(items, context): ...
""",
    "helpers": "def round_up(number): ...\n",
    "rooms": "def before_update(draft, current, context): ...\n",
}
ENTITIES: Values = {
    "bookings": {
        "hooks": {
            "code": "bookings",
            "uses": {
                "before_create": {"rooms": ["get", "merge"], "nights": ["create"]},
                "before_delete": {"nights": ["delete"]},
            },
        },
    },
    "rooms": {
        "functions": "per_entity",
        "hooks": {"code": "rooms", "uses": {"before_update": {"nights": ["list"], "table": ["get"]}}},
        "operations": ["get", "merge"],
    },
    "nights": {"filters": {"status": {}}, "ids": "client", "operations": [], "schema": "schemas/order.json"},
    # Names that could have the same statement id.
    "table": {"operations": ["get"]},
}


@pytest.fixture(scope="module")
def plans(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    """A system with hooks, and the same without them."""
    project = str(project_of(tmp_path_factory.mktemp("hooked"), CODE))
    plain = {name: {k: v for k, v in entity.items() if k != "hooks"} for name, entity in ENTITIES.items()}
    return planner.systems(
        "hooked",
        {
            "hooked": {**SMALL, "entities": ENTITIES, "project": project},
            "plain": {**SMALL, "entities": plain, "project": project},
        },
    )


@pytest.fixture(scope="module")
def hooked(plans: dict[str, Plan]) -> Plan:
    return plans["hooked"]


def function(plan: Plan, key: str) -> Values:
    """Return a planned function."""
    return plan.resources[f'module.function["{key}"].aws_lambda_function.this']


def environment(plan: Plan, key: str) -> dict[str, Any]:
    """Return a function's environment variables, with JSON decoded."""
    variables: dict[str, str] = function(plan, key)["environment"][0]["variables"]
    return {
        name: json.loads(value) if name in ("ENTITIES", "ENTITY_OPTIONS") else value
        for name, value in variables.items()
    }


def rights(plan: Plan, key: str) -> dict[str, set[str]]:
    """Return a function's actions on tables and indexes, by the last part of the ARN."""
    policy = json.loads(plan.resources[f'module.function["{key}"].aws_iam_role_policy.this']["policy"])
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(sids) == len(set(sids))
    return {
        resource.partition(":table/shop-")[2]: {action.removeprefix("dynamodb:") for action in statement["Action"]}
        for statement in policy["Statement"]
        if statement["Action"][0].startswith("dynamodb:")
        for resource in statement["Resource"]
    }


@pytest.mark.parametrize(
    ("key", "zip_"),
    [
        ("bookings.create", "create.bookings"),
        ("bookings.delete", "delete.bookings"),
        ("bookings.get", "get.bookings"),
        ("bookings.list", "list.bookings"),
        ("bookings.merge", "merge.bookings"),
        ("rooms.entity", "entity.rooms"),
        ("table.get", "get"),
    ],
)
def test_a_function_with_hooks_runs_a_zip_of_its_own(hooked: Plan, key: str, zip_: str) -> None:
    found = function(hooked, key)
    assert found["filename"].endswith(f"/dist/{zip_}.zip")
    assert found["handler"] == ("hooked.lambda_handler" if "." in zip_ else "index.lambda_handler")


def test_hooks_change_no_function_but_those_that_run_them(plans: dict[str, Plan]) -> None:
    hooked, plain = (function(plans[name], "table.get") for name in ("hooked", "plain"))
    assert hooked == plain
    assert function(plans["hooked"], "bookings.get")["function_name"] == "shop-bookings-get-test"


def test_a_function_has_the_permissions_of_all_hooks_that_it_runs(hooked: Plan) -> None:
    assert rights(hooked, "bookings.create") == {
        "bookings-test": {"GetItem", "PutItem"},
        "nights-test": {"PutItem"},
        "nights-test/index/created": {"Query"},
        "nights-test/index/by_status": {"Query"},
        "rooms-test": {"ConditionCheckItem", "GetItem", "UpdateItem"},
        "table-test": {"ConditionCheckItem", "GetItem"},
    }
    assert rights(hooked, "bookings.delete") == {
        "bookings-test": {"DeleteItem", "GetItem"},
        "nights-test": {"DeleteItem"},
    }
    assert rights(hooked, "bookings.get") == {"bookings-test": {"GetItem"}}
    assert rights(hooked, "rooms.entity") == {
        "nights-test/index/created": {"Query"},
        "nights-test/index/by_status": {"Query"},
        "rooms-test": {"GetItem", "UpdateItem"},
        "table-test": {"ConditionCheckItem", "GetItem"},
    }


def test_a_function_knows_the_entities_that_its_hooks_use(hooked: Plan) -> None:
    found = environment(hooked, "bookings.create")
    assert found["ENTITY_OPTIONS"]["hooks"] == "bookings"
    assert found["ENTITIES"] == {
        "nights": {
            "operations": ["create", "list"],
            "options": {"filters": {"status": {}}, "ids": "client", "list": "created", "schema": "order"},
            "table": "shop-nights-test",
        },
        "rooms": {"hooks": "rooms", "operations": ["get", "merge"], "options": {}, "table": "shop-rooms-test"},
        "table": {"operations": ["get"], "options": {}, "table": "shop-table-test"},
    }
    assert "ENTITIES" not in environment(hooked, "bookings.get")


def test_the_output_lists_own_code(plans: dict[str, Plan]) -> None:
    found = plans["hooked"].outputs["own_code"]
    assert found["shop-bookings-create-test"] == {
        "hooks": ["bookings.before_create", "bookings.present", "rooms.before_update"],
        "uses": {"nights": ["create", "list"], "rooms": ["get", "merge"], "table": ["get"]},
    }
    assert found["shop-bookings-get-test"] == {"hooks": ["bookings.present"], "uses": {}}
    assert "shop-table-get-test" not in found
    assert plans["plain"].outputs["own_code"] == {}


def test_an_entity_without_operations_has_a_table_alone(hooked: Plan) -> None:
    assert hooked.outputs["table_names"]["nights"] == "shop-nights-test"
    assert hooked.outputs["function_names"]["nights"] == {}
    assert not [address for address in hooked.resources if "nights" in address and "module.table" not in address]
    document = json.loads(hooked.outputs["openapi_document"])
    assert "nights" not in json.dumps(document).lower()


def test_the_document_says_what_hooks_may_answer(plans: dict[str, Plan]) -> None:
    documents = {name: json.loads(plan.outputs["openapi_document"]) for name, plan in plans.items()}
    paths = documents["hooked"]["paths"]
    for path, method in (("/bookings", "post"), ("/bookings/{id}", "get"), ("/rooms/{id}", "patch")):
        assert paths[path][method]["responses"]["4XX"] == {"$ref": "#/components/responses/Refused"}
    assert "304" not in paths["/bookings/{id}"]["get"]["responses"], "present may change the answer without a write"
    assert "4XX" not in paths["/rooms/{id}"]["get"]["responses"]
    assert "304" in paths["/rooms/{id}"]["get"]["responses"]
    assert "4XX" not in json.dumps(documents["plain"])
    assert "Refused" not in documents["plain"]["components"]["responses"]


# --- Faults in hooks that only the build can find ---


FAULTS: dict[str, tuple[Values, str]] = {
    "lost": (
        {"hooks": {"code": "stones"}},
        "entities.lost.hooks.code: there is no app/stones.py. Write it, or name one",
    ),
    "empty": (
        {"hooks": {"code": "helpers"}},
        "entities.empty.hooks.code: app/helpers.py defines no hook. Define one of before_create, before_delete,",
    ),
    "unheard": (
        {"hooks": {"code": "rooms", "uses": {"before_delete": {"empty": ["get"]}}}},
        "entities.unheard.hooks.uses.before_delete: app/rooms.py defines no before_delete. Define it, or leave its",
    ),
    "here": (
        {"hooks": {"code": "bookings", "uses": {"before_create": {"there": ["merge"]}}}},
        "entities.here.hooks.uses.before_create: the hook would run itself through there.before_update. Remove an",
    ),
    "there": (
        {"hooks": {"code": "rooms", "uses": {"before_update": {"here": ["create"]}}}},
        "entities.there.hooks.uses.before_update: the hook would run itself through here.before_create. Remove an",
    ),
    "self": (
        {"hooks": {"code": "bookings", "uses": {"before_delete": {"self": ["delete"]}}}},
        "entities.self.hooks.uses.before_delete: the hook would run itself through self.before_delete. Remove an",
    ),
}


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("faults")
    project = project_of(folder, CODE)
    root = rules.preconditions(folder / "root")
    values = {**SMALL, "entities": {name: e for name, (e, _) in FAULTS.items()}, "project": str(project)}
    return "\n".join(rules.rule_errors(root, values))


@pytest.mark.parametrize("entity", FAULTS)
def test_a_fault_of_hooks_is_named(faults: str, entity: str) -> None:
    assert FAULTS[entity][1] in faults


def test_each_has_one_fault(faults: str) -> None:
    assert faults.count("entities.") == len(FAULTS)


def test_a_long_chain_of_hooks_is_followed(tmp_path: Path) -> None:
    """Forty entities whose hooks each write the next one. There is no cycle until the last one writes the first."""
    project = project_of(tmp_path, CODE)
    root = rules.preconditions(tmp_path / "root")
    names = [f"{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}" for n in range(40)]

    def chained(following: list[str | None]) -> Values:
        return {
            name: {"hooks": {"code": "rooms", "uses": {"before_update": {after: ["merge"]}} if after else {}}}
            for name, after in zip(names, following, strict=True)
        }

    values = {**SMALL, "project": str(project)}
    assert rules.rule_errors(root, {**values, "entities": chained([*names[1:], None])}) == []
    said = "\n".join(rules.rule_errors(root, {**values, "entities": chained([*names[1:], names[0]])}))
    assert said.count("would run itself") == len(names)


def test_code_that_is_not_built_is_said_first(tmp_path: Path) -> None:
    project = project_of(tmp_path, CODE)
    root = rules.preconditions(tmp_path / "root")
    (project / "app" / "stones.py").write_text("def before_create(draft, context): ...\n")
    values = {**SMALL, "project": str(project), "entities": {"todos": {"hooks": {"code": "stones"}}}}
    (said,) = rules.rule_errors(root, values)
    assert "app/stones.py has changed since the build. Run" in said
