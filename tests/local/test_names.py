"""Test unusual names, and a sort property whose type changes, from Terraform and the gateway to the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.local.api import Api
from tests.local.test_release import RepositoryCopy, copy_of_repository

pytestmark = pytest.mark.slow

# Each is a filter that sorts by the next.
NAMES = [
    *("due-date", "due date", "fällig", "a.b", "other.gte", 'quo"te', "sl/ash", "#", "$ref", "[0]", "😀"),
    *("a&b=c", "__proto__", "self", "State", "state", "a,b", "x" * 250),
]  # fmt: skip
SORTS = dict(zip(NAMES, [*NAMES[1:], ""], strict=True))
SYSTEM = """
name        = "odd"
environment = "local"
encryption  = {{ customer_key = false }}
network     = null
entities = {{
  odd = {{
    access     = {{ default = "open" }}
    filters    = {filters}
    functions  = "per_entity"
    operations = ["create", "delete", "get", "list", "merge", "replace"]
    schema     = "schemas/odd.json"
  }}
}}
"""
ITEM: dict[str, Any] = {**dict.fromkeys([*NAMES, ""], "x"), "flag": False}


class OddStack(RepositoryCopy):
    """A system of an entity with unusual names, whose property `rank` changes its type."""

    def up_with(self, rank: str) -> Api:
        """Start the system with this type of `rank`; return the collection."""
        properties = {name: {"type": "string"} for name in [*NAMES, ""]}
        schema = {
            "type": "object",
            "required": [*NAMES, "", "rank"],
            "properties": {**properties, "flag": {"type": "boolean"}, "rank": {"type": rank}},
        }
        (self.root / "schemas" / "odd.json").write_text(json.dumps(schema))
        sorts = {name: {"sort": sort} for name, sort in {**SORTS, "flag": "rank"}.items()}
        system = SYSTEM.format(filters=json.dumps(sorts, ensure_ascii=False))
        (self.root / "system.tfvars").write_text(system)
        up = self.run("local.py", "up", "--detach", "--port", str(self.port), "--var-file", "system.tfvars")
        said = up.communicate()[0]
        assert up.returncode == 0, said
        return Api(self.api("odd").url, None)

    def reindex(self) -> str:
        """Run the reindex; return its last line."""
        running = self.run("-m", "tools", "reindex", "--env", "local", "--entity", "odd")
        said = running.communicate()[0]
        assert running.returncode == 0, said
        return said.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def odd_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OddStack]:
    found = OddStack(tmp_path_factory.mktemp("stack"), root=copy_of_repository(tmp_path_factory.mktemp("copy")))
    try:
        yield found
    finally:
        found.run("local.py", "down").communicate()


def flagged_ranks(api: Api, **query: str) -> list[Any]:
    """Return the ranks of the flagged items in order."""
    answer = api("GET", f"?{urlencode({'flag': 'true', **query})}")
    assert answer.status == 200, answer.content
    return [item["rank"] for item in answer.json["items"]]


def test_names_and_types_work_from_the_gateway_to_the_table(odd_stack: OddStack) -> None:
    api = odd_stack.up_with("string")
    made = api.create({**ITEM, "rank": "r"})
    for name, sort in SORTS.items():
        changed = api("PUT", made.location, {**ITEM, name: "b", sort: "d", "rank": "r"})
        assert changed.status == 200, (name, changed.content)
        for bound, wanted in (("gte", [changed.json]), ("gt", []), ("prefix", [changed.json])):
            query = urlencode({name: "b", f"{sort}.{bound}": "d", "fields": ",".join(["version", name])})
            answer = api("GET", f"?{query}")
            narrowed = [{n: item[n] for n in ("id", name, "version")} for item in wanted]
            assert (answer.status, answer.json["items"]) == (200, narrowed), (name, bound, answer.content)
        patched = api("PATCH", made.location, {name: "c"}, If_Match=changed.headers["ETag"])
        assert (patched.status, patched.json[name]) == (200, "c")
    described = Api(odd_stack.outputs()["api_url"], None)("GET", "/openapi.json").json
    OpenAPIV30SpecValidator(described).validate()
    listed = {parameter.get("name") for parameter in described["paths"]["/odd"]["get"]["parameters"]}
    assert listed >= {*NAMES, *(f"{sort}.gte" for sort in SORTS.values())}

    old = [api.create({**ITEM, "flag": True, "rank": rank}) for rank in ("b", "a")]
    assert flagged_ranks(api) == ["a", "b"]

    # From now on ranks are numbers, in a new index.
    api = odd_stack.up_with("integer")
    assert not odd_stack.has_changes()
    assert flagged_ranks(api) == []
    new = [api.create({**ITEM, "flag": True, "rank": rank}) for rank in (10, 9)]
    assert api("PUT", old[0].location, {**ITEM, "flag": True, "rank": 1}).status == 200
    assert (flagged_ranks(api), flagged_ranks(api, **{"rank.gte": "9"})) == ([1, 9, 10], [9, 10])
    assert odd_stack.reindex() == "5 items read, 3 changed.", "the text keys are removed"
    assert flagged_ranks(api) == [1, 9, 10]
    assert api("GET", old[1].location).json["rank"] == "a", "items do not change"

    # Back to texts: an item with a text is found again once the reindex restores its key.
    api = odd_stack.up_with("string")
    assert not odd_stack.has_changes()
    assert api("PATCH", new[0].location, {"rank": "z"}).status == 200
    assert flagged_ranks(api) == ["z"]
    assert odd_stack.reindex() == "5 items read, 5 changed."
    assert flagged_ranks(api) == ["a", "z"]
