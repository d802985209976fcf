"""Compare the page's modules with their Python counterparts: both must give the same results."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.unit.test_schema import FORMATS as SHARED
from tests.unit.test_schema_patterns import COMMON, MEANING, TEXTS
from tests.web.browser import Open
from trestle.schema.validation import validate
from trestle.strict_json import loads

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5},
        "a/b~c": {"type": "integer", "maximum": 3},
        "home": {"type": "object", "required": ["street"], "additionalProperties": False},
        "tags": {
            "type": "array",
            "items": {"type": "string", "maxLength": 2},
            "maxItems": 2,
            "uniqueItems": True,
        },
    },
    "required": ["name"],
    "minProperties": 1,
    "maxProperties": 3,
}

# Schemas by subject, and JSON texts that both validators check.
CASES: dict[str, list[tuple[dict[str, Any], list[str]]]] = {
    "types": [
        ({"type": kind}, ["null", "true", "0", "-1.0", "1.5", "1e3", '""', '"a"', "[]", "{}"])
        for kind in ("array", "boolean", "integer", "null", "number", "object", "string")
    ]
    + [({"type": "string", "nullable": True}, ["null", "1", '"a"'])],
    "numbers": [
        (
            {"minimum": 1, "maximum": 2},
            ["0", "1", "1.5", "2", "2.0000000000000000000000000000001", '"0"'],
        ),
        ({"minimum": 0, "exclusiveMinimum": True}, ["0", "-0", "0.0", "1e-130", "-1"]),
        ({"maximum": 0.3, "exclusiveMaximum": True}, ["0.3", "0.3000000000000000000000000000000001", "0.29"]),
        ({"multipleOf": 0.01}, ["0.3", "19.99", "19.999", "1e125", "0", "12345678901234567890.01"]),
        ({"multipleOf": 3}, ["9", "10", "3e20", "10000000000000000000000000000000000002"]),
        ({"type": "integer"}, ["12345678901234567890123456789012345678", "1e125", "1.0e0", "0.1e1", "1e-1"]),
    ],
    "strings": [
        ({"minLength": 2, "maxLength": 3}, ['"a"', '"ab"', '"abcd"', '"😀😀😀"', '"😀"', '"e\\u0301"']),
        ({"pattern": "^[A-Z]{2}$"}, ['"AB"', '"ABC"', '"AB\\n"', '"ab"']),
        ({"pattern": "\\d"}, ['"a1"', '"\\u0663"', '"a"']),
        ({"pattern": "^[+]?[0-9][0-9 ().-]{2,30}$"}, ['"+44 20 7946 0958"', '"x"']),
        ({"pattern": "^a", "maxLength": 2}, ['"abc"', '"bcd"', '"b"']),
        (
            {"enum": ["a", 1, None, {"x": [1]}]},
            ['"a"', "1.0", "null", '{"x": [1.0]}', "true", '{"x": [true]}'],
        ),
    ],
    "objects and arrays": [
        (
            PERSON,
            [
                "{}",
                '{"name": "Ada"}',
                '{"name": ""}',
                '{"name": "Augusta", "a/b~c": 4}',
                '{"name": 1, "home": {}}',
                '{"name": "Ada", "home": {"street": 1, "zip": 2}}',
                '{"name": "Ada", "tags": ["a", "a"]}',
                '{"name": "Ada", "tags": ["abc", 1, "b"]}',
                '{"name": "Ada", "x": 1, "y": 2, "z": 3}',
                '{"__proto__": {"name": "Ada"}}',
                '{"name": "Ada", "constructor": 1}',
            ],
        ),
        (
            {"properties": {"__proto__": {"type": "integer"}}, "required": ["toString"]},
            ['{"__proto__": 1, "toString": 1}', '{"__proto__": "a"}', "{}"],
        ),
        ({"additionalProperties": {"type": "integer"}}, ['{"a": 1, "b": "x", "__proto__": "y"}']),
        ({"items": {"items": {"type": "boolean"}}}, ["[[true], [1, false], 2]"]),
        (
            {"uniqueItems": True, "minItems": 2},
            [
                "[1]",
                "[1, 1.0]",
                "[1, true]",
                "[0, false]",
                '["1", 1]',
                '[{"a": 1, "b": 2}, {"b": 2, "a": 1.0}]',
                "[12345678901234567890, 12345678901234567891]",
            ],
        ),
    ],
    "combinations": [
        ({"anyOf": [{"type": "string"}, {"enum": [None]}]}, ["null", '"a"', "1"]),
        ({"oneOf": [{"minimum": 1}, {"maximum": 3}]}, ["0", "2", "5", '"a"']),
        ({"allOf": [{"minLength": 2}, {"pattern": "b"}]}, ['"a"', '"ab"', '"c"']),
        ({"not": {"type": "integer"}}, ["1", "1.0", "1.5"]),
        ({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, ["{}", '{"b": 1}']),
    ],
}

CASES["patterns"] = [
    ({"pattern": pattern}, [json.dumps(text) for text in (*TEXTS, *"".join(MEANING.get(pattern, ())))])
    for pattern in (*COMMON, *MEANING)
]

# Texts by format, separated by blanks.
FORMATS = {
    "colour": "any",
    "date": "2024-02-29 2023-02-29 1900-02-29 2000-02-29 2024-13-01 2024-4-01 2024-04-31",
    "date-time": "2024-01-31T23:59:60Z 2024-01-31t00:00:00z 2024-01-31T24:00:00Z 2024-01-31_00:00:00Z "
    "2024-01-31T00:00:00.123+05:30 2024-01-31T00:00:00 2024-01-31T00:00:00+24:00",
    "email": f"a@b.co a@b a.b+c@d-e.org .a@b.co a..b@c.co a@-b.co ä@b.co {'a' * 65}@b.co a@{'b.' * 130}co",
    "hostname": f"a.b -a a- a_b {'a' * 63} {'a' * 64}",
    "ipv4": "1.2.3.4 256.1.1.1 01.2.3.4 1.2.3",
    "ipv6": ":: ::1 1::2::3 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7 1:2:3:4:5:6:7:: ::ffff:1.2.3.4 ::1.2.3 fe80::1%0 "
    "[::1] 12345:: ::ffff:256.1.1.1 ::01.2.3.4",
    "time": "12:00:00Z 12:00:00 12:00:00z 12:00:00.5-01:00",
    "uri": "https://a.b/c?d#e a: //a a:%zz javascript:alert(1)",
    "uri-reference": "/a %20 é",
    "uuid": "123e4567-e89b-42d3-a456-426614174000 123e4567e89b42d3a456426614174000",
}
CASES["formats"] = [
    ({"format": name}, [json.dumps(text) for text in ("", "a b", *texts.split(" "))]) for name, texts in FORMATS.items()
] + [({"format": name}, [json.dumps(text) for text in [*valid, *invalid]]) for name, (valid, invalid) in SHARED.items()]


def module(page: Page, name: str) -> str:
    """Return the address of one of the page's modules."""
    source = "document.querySelector('script[type=module]').src"
    url: str = page.evaluate(f"(name) => new URL(name, {source}).href", name)
    return url


@pytest.mark.parametrize("about", CASES)
def test_the_page_validates_as_the_api_does(visit: Open, about: str) -> None:
    page = visit("#/docs")
    cases = [(json.dumps(schema), texts) for schema, texts in CASES[about]]
    found = page.evaluate(
        """async ([json, module, cases]) => {
          const { parse } = await import(json);
          const { validate } = await import(module);
          return cases.map(([schema, texts]) => texts.map((text) => validate(parse(schema), parse(text))));
        }""",
        [module(page, "json.js"), module(page, "rules.js"), cases],
    )
    for (schema, texts), verdicts in zip(cases, found, strict=True):
        for text, verdict in zip(texts, verdicts, strict=True):
            assert verdict == validate(loads(text), loads(schema)), (schema, text)


def test_faults_are_readable_sentences(visit: Open) -> None:
    page = visit("#/docs")
    cases = [(schema, texts) for group in CASES.values() for schema, texts in group]
    found = page.evaluate(
        """async ([json, module, words, cases]) => {
          const { parse } = await import(json);
          const { validate } = await import(module);
          const { faultText, ruleAt } = await import(words);
          return cases.map(([text, values]) => {
            const schema = parse(text);
            const faults = values.flatMap((value) => validate(schema, parse(value)));
            return faults.map(({ detail, pointer }) => [detail, faultText(detail, ruleAt(schema, pointer))]);
          });
        }""",
        [module(page, "json.js"), module(page, "rules.js"), module(page, "rules.js"),
         [(json.dumps(schema), texts) for schema, texts in cases]],
    )  # fmt: skip
    said = dict(pair for faults in found for pair in faults)
    as_the_api = [detail for detail, text in said.items() if detail == text and not detail.startswith("Must be ")]
    assert as_the_api == ["Objects and arrays may be nested 32 deep"] * len(as_the_api)
    for detail, text in said.items():
        # The message of a bound is used unchanged.
        assert detail != text or re.match("Must be (at (least|most)|more|less) ", text) or "nested" in text, detail
        assert not re.search(r"pattern|format |anyOf|oneOf|\(not\)|undefined|\[object", text), text
        if "the pattern " in detail:
            pattern = detail.partition("the pattern ")[2]
            assert text == "This does not have the required format" or len(pattern) < 3 or pattern not in text


NUMBERS = """[
    0, -0, 1, 1.0, 1.50, 1e3, 0.1, 1e-7, 1e21, 9007199254740993, 0.30000000000000004, -9.99e125, 1e-130,
    12345678901234567890123456789012345678, 0.1234567890123456789012345678901234567
]"""


def test_no_number_and_no_name_is_lost(visit: Open) -> None:
    page = visit("#/docs")
    text = f'{{"n": {NUMBERS}, "__proto__": {{"a": 1}}, "constructor": "\U0001f600 \u202e"}}'
    written = page.evaluate(
        """async ([json, text]) => {
          const { parse, stringify } = await import(json);
          return stringify(parse(text));
        }""",
        [module(page, "json.js"), text],
    )
    assert loads(written) == loads(text)


BAD_JSON = ["", "{", "[1,]", "{'a': 1}", "01", "1.", "NaN", "Infinity", '"\t"', "nul"]


def test_invalid_json_is_refused(visit: Open) -> None:
    page = visit("#/docs")
    read = page.evaluate(
        """async ([json, texts]) => {
          const { parse } = await import(json);
          return texts.filter((text) => { try { parse(text); return true; } catch { return false; } });
        }""",
        [module(page, "json.js"), BAD_JSON],
    )
    assert read == []


MARKED = {
    "a\u202eb": ["U+202E"],
    "\u3164": ["U+3164"],
    "\u2800": ["U+2800"],
    "\U000e0041\u034f\ufe0f": ["U+E0041", "U+034F", "U+FE0F"],
    "a\u200db\ufeff\u2028\x85": ["U+200D", "U+FEFF", "U+2028", "U+0085"],
    # Parts of emoji are visible.
    "\u2764\ufe0f 1\ufe0f\u20e3 \U0001f469\U0001f3fd\u200d\U0001f4bb \U0001f937\u200d\u2640\ufe0f": [],
    "\tone\r\ntwo": [],
}


def test_invisible_characters_are_marked(visit: Open) -> None:
    page = visit("#/docs")
    found = page.evaluate(
        """async ([text, texts]) => {
          const { visiblePieces } = await import(text);
          return texts.map((each) => visiblePieces(each).flatMap(({ mark }) => mark ?? []));
        }""",
        [module(page, "text.js"), list(MARKED)],
    )
    assert found == list(MARKED.values())


def test_names_of_filters_may_contain_dots(visit: Open) -> None:
    page = visit("#/docs")
    sorts = {"a.b": "due.at", "due.at": "", "status": "due.at"}
    parameters = [
        *({"name": name, "in": "query", "x-sorted-by": sort, "schema": {}} for name, sort in sorts.items()),
        *({"name": f"{sort}.gte", "in": "query", "schema": {}} for sort in ("due.at", "")),
        {"name": "limit", "in": "query", "schema": {}},
    ]
    answer = {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}
    operation = {"tags": ["x"], "summary": "", "parameters": parameters, "responses": {"200": answer}}
    paths = {
        "/x": {"get": {**operation, "operationId": "listXs"}},
        "/x/{id}": {"get": {**operation, "operationId": "getX"}},
    }
    document = {"info": {"title": "x"}, "paths": paths}
    found = page.evaluate(
        """async ([model, document]) => {
          const { readModel } = await import(model);
          const [entity] = readModel(document).entities;
          return entity.filters.map(({ name, bounds }) => [name, ...bounds.map((bound) => bound.name)]);
        }""",
        [module(page, "model.js"), document],
    )
    assert found == [["a.b", "due.at.gte"], ["due.at", ".gte"], ["status", "due.at.gte"]]


RULES = {"read": "x-readable-by", "write": "x-writable-by"}
HR_SEES = ["__proto__", "grade", "n"]
HR_WRITES = ["__proto__", "grade", "mine", "n", "pin"]


@pytest.mark.parametrize(
    ("claims", "shown", "written", "filters"),
    [
        (None, ["grade", "n"], ["n", "pin"], ["n"]),
        ({"cognito:groups": ["staff", "h"]}, ["grade", "n"], ["mine", "n", "pin"], ["n"]),
        (
            {"cognito:groups": ["hr"]},
            ["__proto__", "grade", "n"],
            ["__proto__", "grade", "mine", "n", "pin"],
            ["n", "by"],
        ),
        ({"roles": "hr"}, HR_SEES, HR_WRITES, ["n", "by"]),
        ({"groups": ["hr"], "scope": "a shop/pay"}, ["grade", "n"], ["grade", "mine", "n", "pin"], ["n"]),
        ({"scp": ["pay"]}, ["grade", "n"], ["grade", "mine", "n", "pin"], ["n"]),
    ],
)
def test_entities_offer_only_what_the_caller_may_do(
    visit: Open, claims: Any, shown: list[str], written: list[str], filters: list[str]
) -> None:
    page = visit("#/docs")
    rules = {
        "__proto__": {"read": "group=hr", "write": "group=hr"}, "grade": {"write": "scope=shop/pay pay"},
        "mine": {"read": "nobody", "write": "owner"}, "n": {}, "pin": {"read": "nobody"},
    }  # fmt: skip
    if claims and "hr" in str(claims.get("cognito:groups", claims.get("roles"))):
        claims = {**claims, "scope": "pay"}
    properties = {
        name: {"type": "string", **{RULES[kind]: rule for kind, rule in each.items()}} for name, each in rules.items()
    }
    schema = {"type": "object", "properties": properties}
    sorts = {"n": "createdAt", "pin": "createdAt", "by": "__proto__"}
    parameters = [{"name": name, "in": "query", "x-sorted-by": sort, "schema": {}} for name, sort in sorts.items()]
    operation = {"tags": ["x"], "summary": "", "parameters": parameters}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/XItem"}}}
    answer = {"description": "", "content": content}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/XBody"}}}}
    document = {
        "info": {"title": "x"},
        "components": {
            "schemas": {"XBody": schema, "XItem": schema}, "securitySchemes": {"jwt": {"x-groups-claim": "roles"}},
        },
        "paths": {
            "/x": {
                "get": {**operation, "operationId": "listXs", "responses": {}},
                "post": {**operation, "operationId": "createX", "requestBody": body, "responses": {"201": answer}},
            }
        },
    }  # fmt: skip
    found = page.evaluate(
        """async ([model, text, claims]) => {
          const { readModel } = await import(model);
          const { entities: [entity], operations } = readModel(JSON.parse(text), claims);
          const names = (schema) => Object.keys(schema.properties);
          const written = names(entity.operations.create.body.schema);
          const filters = entity.filters.map(({ name }) => name);
          return [names(entity.item), written, filters, names(operations[1].body.schema)];
        }""",
        [module(page, "model.js"), json.dumps(document), claims],
    )
    assert [sorted(found[0]), sorted(found[1]), found[2]] == [shown, written, filters]
    assert sorted(found[3]) == sorted(rules), "everybody sees the documentation"


def test_routes_of_functions_are_not_entities(visit: Open) -> None:
    page = visit("#/docs")
    answer = {"description": "", "content": {"*/*": {"schema": {}}}}
    operation = {"tags": ["x"], "summary": "", "parameters": [], "responses": {"200": answer}}
    route = {
        "operationId": "listen", "tags": ["x"], "summary": "", "responses": {"2XX": answer}, "x-function": "f",
        "requestBody": {"content": {"application/json": {"schema": {}}}},
    }  # fmt: skip
    document = {
        "info": {"title": "x"},
        "paths": {
            "/x": {"get": {**operation, "operationId": "listXs"}, "post": route},
            "/y": {"put": {**route, "tags": ["f"]}},
        },
    }
    found = page.evaluate(
        """async ([model, document]) => {
          const { readModel } = await import(model);
          return readModel(document).entities.map(({ name, operations }) => [name, Object.keys(operations)]);
        }""",
        [module(page, "model.js"), document],
    )
    assert found == [["x", ["list"]]]


ANY_ORDER = ["subject", "b", "10", "2", "a"]
INNER_ORDER = ["z", "y"]


@pytest.mark.parametrize(
    ("title", "required", "item", "expected"),
    [
        ("subject", ["b"], {"subject": "S", "b": "B"}, "S"),
        (["b", "10"], ["a"], {"b": " B ", "10": 10, "a": "A"}, "B 10"),
        ("subject", ["b"], {"subject": " ", "b": "B"}, "B"),
        (None, ["a", "b", "2"], {"a": "A", "b": "B"}, "B"),
        (None, ["2", "a"], {"2": "2026-01-31", "a": "A"}, "A"),
        (None, ["2"], {"2": "2026-01-31", "title": "T"}, "2026-01-31"),
        (None, [], {"a": "A", "name": "N"}, "N"),
        (None, [], {"a": "A"}, "123e4567\u2026"),
        (None, ["a"], {"a": {"constructor": "x"}}, "123e4567\u2026"),
    ],
)
def test_properties_are_in_the_schemas_order_and_items_have_titles(
    visit: Open, title: Any, required: list[str], item: dict[str, Any], expected: str
) -> None:
    page = visit("#/docs")
    text = {"type": "string"}
    line = {"type": "object", "properties": {"y": text, "z": text}}
    properties: dict[str, Any] = {
        "10": {"type": "integer"}, "2": {**text, "format": "date"}, "a": text, "b": text,
        "subject": text if title else {"type": "array", "items": line},
    }  # fmt: skip
    whole: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    answer = {**whole, "x-property-order": ANY_ORDER, **({"x-title": title} if title else {})}
    if not title:
        lines = {"type": "array", "items": {**line, "x-property-order": INNER_ORDER}}
        answer["properties"] = {**properties, "subject": lines}
    schemas = {"XItem": answer, "XBody": whole}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/XBody"}}}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/XItem"}}}
    document = {
        "info": {"title": "x"},
        "components": {"schemas": schemas},
        "paths": {"/x": {"post": {
            "operationId": "createX", "tags": ["x"], "summary": "", "requestBody": body,
            "responses": {"201": {"description": "", "content": content}},
        }}},
    }  # fmt: skip
    found = page.evaluate(
        """async ([module, document, item]) => {
          const { propertyNames, readModel, titleOf } = await import(module);
          const { entities: [entity], operations: [operation] } = readModel(document);
          const inner = entity.schema.properties.subject.items;
          return {
            names: entity.properties.map(({ name }) => name),
            body: propertyNames(operation.body.schema),
            inner: inner ? propertyNames(inner) : null,
            title: titleOf(entity, item),
          };
        }""",
        [module(page, "model.js"), document, {"id": "123e4567-e89b-42d3-a456-426614174000", **item}],
    )
    assert found == {"names": ANY_ORDER, "body": ANY_ORDER, "inner": None if title else INNER_ORDER, "title": expected}
