"""What a plan says of entities that cannot be: which one, which attribute, and what to write instead."""

from __future__ import annotations

import json
from pathlib import Path

import botocore.session
import pytest

from tests.plan.conftest import POOL, SMALL
from tests.plan.planner import Planner, TerraformError, Values

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

PROPERTIES: Values = {
    "any": {},
    "due": {"type": "string", "format": "date"},
    "flag": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "string"}},
    "title": {"type": "string", "minLength": 1},
}
SCHEMAS: dict[str, str] = {
    "broken.json": "{",
    "list.json": "[]",
    "own.json": json.dumps({"type": "object", "properties": {"id": {}, "version": {}}}),
    "task.json": json.dumps(
        {"type": "object", "properties": PROPERTIES, "required": ["due", "flag", "title"]}
    ),
}
TASK: Values = {"operations": ["list"], "schema": "schemas/task.json"}

# What is wrong with schemas, and with what entities make of them; each entity has one fault.
FAULTS: dict[str, tuple[Values, str]] = {
    "absent": (
        {"schema": "schemas/absent.json"},
        "entities.absent.schema: there is no schemas/absent.json. Write it, or leave the attribute out",
    ),
    "broken": ({"schema": "schemas/broken.json"}, "entities.broken.schema: schemas/broken.json is not JSON."),
    "array": ({"schema": "schemas/list.json"}, "entities.array.schema: schemas/list.json is no JSON Schema."),
    "own": (
        {"schema": "schemas/own.json"},
        "entities.own.schema: schemas/own.json declares version, which the server sets. Remove it",
    ),
    "bare": (
        {"filters": {"status": {}}},
        "entities.bare.filters.status: only a property of a schema can be filtered on. Write a schema",
    ),
    "unknown": (
        {**TASK, "filters": {"state": {}}},
        "entities.unknown.filters.state: schemas/task.json has no property state. Write one of any,",
    ),
    "untyped": (
        {**TASK, "filters": {"any": {}}},
        "entities.untyped.filters.any: the property needs one type to filter on. Write",
    ),
    "several": (
        {**TASK, "filters": {"list": {}}},
        "entities.several.filters.list: the property needs one type to filter on. Write",
    ),
    "unsorted": (
        {**TASK, "filters": {"flag": {"sort": "date"}}},
        "entities.unsorted.filters.flag: schemas/task.json has no property date to sort by. Write one",
    ),
    "optional": (
        {**TASK, "filters": {"flag": {"sort": "any"}}},
        'could not be sorted. Add it to "required" in schemas/task.json, or leave sort out',
    ),
    "orderless": (
        {**TASK, "filters": {"title": {"sort": "flag"}}},
        "entities.orderless.filters.title: flag needs one type that has an order. Write",
    ),
    "undying": (
        {**TASK, "ttl": "expiresAt"},
        "entities.undying.ttl: schemas/task.json has no property expiresAt. Write one of any, due,",
    ),
    "timeless": (
        {**TASK, "ttl": "due"},
        'entities.timeless.ttl: due is no time. Write "type": "string", "format": "date-time" in',
    ),
}

# What the variable's own validations refuse, all in one plan as well.
REFUSED: dict[str, tuple[Values, str]] = {
    "bounced": ({"operations": ["upsert"]}, "entities.bounced.operations: there is no upsert. Write any of"),
    "idle": ({"operations": []}, "entities.idle.operations: there is none. Write any of create,"),
    "private": ({"access": {"read": "open"}}, "access: there is no operation read. Write default or"),
    "secret": ({"access": {"get": "nobody"}}, 'entities.secret.access.get: nobody is "nobody". Write'),
    "crowd": ({"access": {"get": "cognito:group=a,b"}}, 'access.get: nobody is "cognito:group=a,b". Write'),
    "absentee": (
        {"access": {"default": "open", "delete": "iam", "list": "open"}, "operations": ["list"]},
        "entities.absentee.access.delete: the entity has no such operation. Add delete to its operations, or",
    ),
    "ownerless": (
        {"access": {"default": "cognito", "get": "open"}, "owner_scoped": True},
        'entities.ownerless.access: no owner is named by "open" (get). Write "cognito" or another form',
    ),
    "disowned": (
        {"access": {"list": "open"}, "owner_scoped": True},
        "entities.disowned.access: no owner is named by "
        '"api_key" (create, delete, get, merge, replace) or "open" (list). Write',
    ),
    "scanned": (
        {"access": {"default": "cognito"}, "list": "unordered", "owner_scoped": True},
        'There is list = "unordered" in scanned.',
    ),
    "one": ({"path": "same"}, 'entities: one and other have the same path, "same". Give each a path'),
    "other": ({"path": "/same"}, "Give each a path of its own"),
    "far": ({"path": "a//b"}, 'its description. It is "a//b" in far.'),
    "clash": (
        {"filters": {"limit": {}}},
        "entities.clash.filters.limit: every list has the parameters cursor, fields, limit and order. Give",
    ),
    "nameless": ({"filters": {"": {}}}, 'entities.nameless.filters: a parameter needs a name, and "" is'),
    "endless": (
        {"filters": {"\u00fc" * 200: {}}},
        '..." takes 1200 characters in a URL, and a filter\'s name may take 1024. Give the',
    ),
    "twofold": (
        {"filters": {"a.due.gte": {}, "flag": {"sort": "a.due"}}},
        'filters: "a.due.gte" is also the parameter that bounds lists sorted by "a.due". Give one of',
    ),
    "split": ({"functions": "each"}, '"each" in split'),
    "elsewhere": ({"schema": "todo.json"}, '"todo.json" in elsewhere'),
}  # fmt: skip

# What other variables' validations refuse, and what they say, in a plan each.
COUNTRIES: list[str] = (
    botocore.session.get_session().get_service_model("wafv2").shape_for("CountryCode").metadata["enum"]
)
TOGETHER: dict[str, tuple[Values, list[str]]] = {
    "faults": (
        {
            "entities": {"todos": {"access": {"get": "cognito"}}},
            "usage_plans": {"two words": {"burst_limit": 1.5, "quota": {"limit": 1.5}}},
            "user_pool": {
                "arn": POOL,
                "callback_urls": ["javascript://x/%0aalert(1)"],
                "domain_prefix": "shop",
                "mfa": "ON",
                "tokens": {"access_minutes": 1440, "refresh_days": 1},
            },
            "waf": {"countries": [*COUNTRIES, "ZZ"]},
        },
        [
            "usage_plans: write at least one plan, with a rate_limit and a whole burst_limit over 0:",
            "usage_plans: name each plan in up to 128 letters, digits and . _ -: { standard = { rate_limit",
            'usage_plans: a quota is { limit = 10000, period = "DAY" }, with a whole limit over 0',
            "user_pool: a pool there is already keeps its own clients, groups, domain and rules. Beside arn,",
            "or an app's own scheme, such as com.example.app://, and have no #",
            "user_pool: a refresh token has to outlast the access tokens that it renews. Write tokens",
            "waf: there is no country ZZ. Write codes",
        ],
    ),
    "nameless": (
        {"api_keys": {"": "standard"}},
        ['digits and . _ -: { partner = "standard" }. There are [""].'],
    ),
    "nobody": (
        {"api_keys": {}, "user_pool": {"mfa": "ON"}},
        [
            "api_keys: there is none, and api_key is asked for: nobody could call. Name a key,",
            "user_pool: no operation asks for cognito, so there is none. Write access =",
        ],
    ),
    "several": (
        {"usage_plans": {"basic": {}, "gold": {}}},
        ['of the plans basic, gold the default key is on. Write api_keys = { default = "basic" }, or'],
    ),
}


def refusal(planner: Planner, folder: Path, **variables: Values) -> str:
    """Return what a plan of the variables stops with, on the schemas of this file."""
    root = planner.copy(folder / "root")
    (root / "schemas").unlink(missing_ok=True)
    (root / "schemas").mkdir()
    for name, text in SCHEMAS.items():
        (root / "schemas" / name).write_text(text)
    with pytest.raises(TerraformError) as error:
        planner.planned(root, folder.name, (), {**SMALL, **variables})
    return str(error.value)


@pytest.fixture(scope="module")
def faults(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> str:
    return refusal(
        planner, tmp_path_factory.mktemp("faults"), entities={name: e for name, (e, _) in FAULTS.items()}
    )


@pytest.fixture(scope="module")
def refusals(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> str:
    return refusal(
        planner, tmp_path_factory.mktemp("refusals"), entities={name: e for name, (e, _) in REFUSED.items()}
    )


@pytest.mark.parametrize("entity", FAULTS)
def test_fault_of_a_schema_is_named(faults: str, entity: str) -> None:
    assert FAULTS[entity][1] in faults


def test_each_has_one_fault(faults: str) -> None:
    assert faults.count("entities.") == len(FAULTS) + 1, "own.json declares two"
    assert "differ from those in the Lambda packages" not in faults


@pytest.mark.parametrize("entity", REFUSED)
def test_refusal_names_entity_and_remedy(refusals: str, entity: str) -> None:
    assert REFUSED[entity][1] in refusals


@pytest.mark.parametrize("name", TOGETHER)
def test_refusal_of_a_variable_says_the_remedy(planner: Planner, tmp_path: Path, name: str) -> None:
    variables, sentences = TOGETHER[name]
    said = refusal(planner, tmp_path, **variables)
    assert [sentence for sentence in sentences if sentence not in said] == [], said
    assert said.count("Invalid value for variable") == len(sentences), said
