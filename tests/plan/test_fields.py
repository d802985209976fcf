"""Rules for reading and writing properties: the functions' settings, and the OpenAPI document."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.plan import documents
from tests.plan.planner import Plan, Values
from tests.plan.test_function import entity_options
from tests.plan.test_openapi import operations, resolve
from tools import shapes

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

TEXT = {"type": "string"}
PERSON: Values = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "salary": {"type": "number", "description": "A year's."},
        "grade": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "address": {"anyOf": [TEXT, {"type": "number"}]},
        "pin": TEXT,
        "locked": TEXT,
        "state": {"type": "string", "readOnly": True},
        "gone": TEXT,
    },
    "required": ["name", "salary", "grade", "address", "pin"],
    "additionalProperties": False,
    "minProperties": 6,
    "anyOf": [{"required": ["salary"]}, {"required": ["pin"]}],
    "allOf": [{"required": ["name"]}, {"not": {"required": ["salary", "locked"]}}],
}
HR = {"read": "group=hr", "write": "group=hr"}
FIELDS: Values = {
    "salary": HR,
    "grade": {"write": "scope=pay"},
    "address": {"write": "group=hr"},
    "pin": {"read": "nobody"},
    "locked": {"write": "nobody"},
    "state": {"read": "group=hr"},
    "gone": {"read": "nobody", "write": "nobody"},
}
ENTITY: Values = {
    "access": {"default": "cognito"},
    "fields": FIELDS,
    "filters": {"grade": {"sort": "salary"}, "name": {}},
    "schema": "schemas/person.json",
}
SENT = ("PeopleBody", "PeoplePatch", "PeopleReplacement")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for documents, with its own schema."""
    folder = documents.folder_for_documents(tmp_path_factory.mktemp("fields"))
    manifest = json.loads((folder / "dist/manifest.json").read_text())
    for name in ("dist", "schemas"):
        (folder / name).unlink()
        (folder / name).mkdir()
    text = json.dumps(PERSON)
    (folder / "schemas/person.json").write_text(text)
    manifest["schemas"]["schemas/person.json"] = {"sha256": "", **shapes.texts(text.encode())}
    (folder / "dist/manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> Values:
    return documents.document(folder, entities={"people": ENTITY})


def takes(found: Values, schema: str, value: Any) -> bool:
    """Return whether a schema of the document allows a value in a request, or for an item in a response."""
    validator = OAS30ReadValidator if schema.endswith("Item") else OAS30WriteValidator
    whole = found["components"]["schemas"][schema] | {"components": found["components"]}
    return bool(validator(whole).is_valid(value))


def test_the_document_is_valid(found: Values) -> None:
    OpenAPIV30SpecValidator(found).validate()


def test_properties_that_not_everybody_has_say_so(found: Values) -> None:
    schemas = found["components"]["schemas"]
    for name in (*SENT, "PeopleItem"):
        properties = schemas[name]["properties"]
        assert "x-readable-by" not in properties["name"]
        assert "description" not in properties["name"]
        for property_, rules in FIELDS.items():
            rule = properties[property_]
            read, write = rules.get("read"), rules.get("write")
            assert rule.get("x-readable-by") == read
            assert rule.get("x-writable-by") == (write if write != "scope=pay" else "scope=shop-test/pay")
    of = {name: rule.get("description") for name, rule in schemas["PeopleItem"]["properties"].items()}
    assert of["salary"] == "A year's.\n\nOnly members of the group hr may read or write it."
    assert of["grade"] == "Only access tokens with the scope shop-test/pay may write it."
    assert of["pin"] == "Nobody may read it."
    assert of["gone"] == "Nobody may read or write it."


def test_no_property_is_for_neither_direction(found: Values) -> None:
    schemas = found["components"]["schemas"]
    for name in (*SENT, "PeopleItem"):
        for rule in schemas[name]["properties"].values():
            assert not (rule.get("readOnly") and rule.get("writeOnly"))
    of = {name: schemas[name]["properties"] for name in (*SENT, "PeopleItem")}
    assert all(of[name][each]["readOnly"] for name in SENT for each in ("locked", "gone"))
    assert of["PeopleItem"]["pin"]["writeOnly"]
    assert of["PeopleItem"]["gone"]["writeOnly"]
    assert of["PeopleItem"]["locked"]["readOnly"]


@pytest.mark.parametrize(
    ("schema", "value", "taken"),
    [
        ("PeopleBody", {"name": "a", "pin": "1"}, True),
        ("PeopleBody", {"name": "a", "pin": "1", "salary": 5, "address": "x", "grade": "b"}, True),
        ("PeopleBody", {"name": "a"}, False),  # everybody can write the pin
        ("PeopleBody", {"pin": "1"}, False),
        ("PeopleBody", {"name": "a", "pin": "1", "salary": "x"}, False),
        ("PeopleBody", {"name": "a", "pin": "1", "locked": "x"}, False),
        ("PeopleReplacement", {"name": "a"}, True),  # the item keeps its pin
        ("PeopleReplacement", {"name": "a", "pin": "1"}, True),
        ("PeopleReplacement", {"salary": 1}, False),
        ("PeoplePatch", {"salary": None}, True),  # items without it are there
        ("PeoplePatch", {"grade": None, "address": None}, True),
        ("PeoplePatch", {"pin": None}, False),
        ("PeoplePatch", {"name": None}, False),
        ("PeoplePatch", {"grade": "c"}, False),
        ("PeoplePatch", {"address": {}}, False),
    ],
)
def test_bodies_are_as_the_functions_take_them(found: Values, schema: str, value: Values, taken: bool) -> None:
    """tests/unit/test_fields.py tests the functions' part."""
    assert takes(found, schema, value) == taken


def test_answers_may_lack_what_not_everybody_has(found: Values) -> None:
    stamps = {"id": "a", "createdAt": "2026-01-02T03:04:05.000006Z", "updatedAt": "2026-01-02T03:04:05.000006Z"}
    item: Values = {**stamps, "version": 1, "name": "a"}
    assert takes(found, "PeopleItem", item)
    assert takes(found, "PeopleItem", {**item, "salary": 5, "state": "x"})
    assert not takes(found, "PeopleItem", {name: value for name, value in item.items() if name != "name"})
    assert not takes(found, "PeopleItem", {**item, "salary": "x"})


def test_the_gateways_model_takes_what_any_caller_may_send(folder: Path) -> None:
    text = documents.run(
        folder, "console", "-var-file=test.tfvars.json", expression="base64encode(module.openapi.models.people)\n"
    )
    model = json.loads(base64.b64decode(text.strip().strip('"')))
    assert model["required"] == ["name"]
    assert {"anyOf", "minProperties"}.isdisjoint(model)
    assert "x-readable-by" not in json.dumps(model)


def test_operations_answer_403_where_somebody_may_less(folder: Path) -> None:
    """Even those that are open."""
    fields = {"name": {"read": "nobody"}, "locked": {"write": "nobody"}}
    entity = {**ENTITY, "access": {"default": "open"}, "fields": fields}
    found = documents.document(folder, entities={"people": entity})
    refusing = {operation["operationId"] for _, _, operation in operations(found) if "403" in operation["responses"]}
    assert refusing == {"createPerson", "listPeople", "mergePerson", "replacePerson"}
    get = found["paths"]["/people/{id}"]["get"]
    assert "304" not in get["responses"], "what a caller may read may change without a write"
    parameters = [resolve(each, found) for each in found["paths"]["/people"]["get"]["parameters"]]
    (of_name,) = (each["description"] for each in parameters if each["name"] == "name")
    assert of_name.endswith("403 for callers who may not read name.")
    writable = documents.document(folder, entities={"people": {**entity, "fields": {"locked": {"write": "nobody"}}}})
    assert "304" in writable["paths"]["/people/{id}"]["get"]["responses"]
    assert "403" not in writable["paths"]["/people"]["get"]["responses"]


@pytest.mark.parametrize("operation", ["create", "get", "list", "merge", "replace"])
def test_functions_are_told_the_rules(systems: dict[str, Plan], operation: str) -> None:
    assert entity_options(systems["restricted"], operation)["fields"] == {
        "status": {"write": "group=staff"},
        "userId": {"read": "group=staff", "write": "scope=shop-test/users"},
    }


def test_a_function_that_needs_no_rules_has_none(systems: dict[str, Plan]) -> None:
    assert "fields" not in entity_options(systems["restricted"], "delete")
    assert "fields" not in entity_options(systems["owned"], "get")


def test_a_group_or_a_scope_that_only_fields_name_is_there(systems: dict[str, Plan]) -> None:
    (group,) = systems["restricted"].all("aws_cognito_user_group").values()
    assert group["name"] == "staff"
    (server,) = systems["restricted"].all("aws_cognito_resource_server").values()
    assert [scope["scope_name"] for scope in server["scope"]] == ["users"]


@pytest.mark.parametrize(
    ("access", "rule"),
    [
        ({"default": "cognito"}, "scope=shop-test/pay"),
        ({"default": "jwt"}, "scope=pay"),
        ({"default": "jwt", "get": "cognito"}, "scope=shop-test/pay pay"),
    ],
)
def test_a_scope_is_called_as_the_tokens_call_it(folder: Path, access: Values, rule: str) -> None:
    entity = {**ENTITY, "access": access, "fields": {"grade": {"write": "scope=pay"}}}
    jwt = {"issuer": "https://issuer.example.com/", "audiences": ["shop"]}
    found = documents.document(folder, entities={"people": entity}, jwt=jwt if "jwt" in access.values() else None)
    assert found["components"]["schemas"]["PeoplePatch"]["properties"]["grade"]["x-writable-by"] == rule
