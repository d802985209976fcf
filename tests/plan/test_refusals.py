"""A plan's messages about invalid variables: the place, the fault and the remedy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

from tests.plan import rules
from tests.plan.conftest import IDENTITY, POOL, SMALL
from tests.plan.planner import Planner, Values
from tools import shapes
from tools.terraform import ROOT, find_terraform
from tools.tfvars import Type, variable_types

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

PROPERTIES: Values = {
    "any": {},
    "due": {"type": "string", "format": "date"},
    "flag": {"type": "boolean"},
    "kept": {"type": "string", "readOnly": True},
    "list": {"type": "array", "items": {"type": "string"}},
    "title": {"type": "string", "minLength": 1},
}
WIDE = [f"a_name_that_is_rather_long_for_a_property_{n:02}" for n in range(19)]
SCHEMAS: dict[str, str] = {
    "broken.json": "{",
    "list.json": "[]",
    "own.json": json.dumps({"type": "object", "properties": {"id": {}, "version": {}}}),
    "part.json": json.dumps({"type": "object", "allOf": [{"properties": {"version": {}}}]}),
    "task.json": json.dumps({"type": "object", "properties": PROPERTIES, "required": ["due", "flag", "title"]}),
    "wide.json": json.dumps(
        {"type": "object", "properties": {name: {"type": "string"} for name in WIDE}, "required": [*WIDE]}
    ),
}
TASK: Values = {"operations": ["list"], "schema": "schemas/task.json"}

# The origins have an allowed length and are part of every function's environment, so other settings
# exceed the limit.
ORIGINS = [f"https://app-{n:02}.customers.example.com" for n in range(60)]

CROWDED = {
    "CORS_ORIGINS": " ".join(ORIGINS),
    "ENTITY": "crowded",
    "ENTITY_OPTIONS": json.dumps(
        {"filters": {name: {"sort": name} for name in WIDE}, "list": "created", "schema": "wide"},
        separators=(",", ":"),
    ),
    "ENVIRONMENT": "test",
    "LOG_LEVEL": "INFO",
    "METRICS_NAMESPACE": "shop-test",
    "TABLE_NAME": "shop-crowded-test",
}


def environment_bytes(part: object) -> int:
    """Return the size of an environment, or of a value in it, in bytes as Lambda counts them."""
    return len(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode())


# Faults in schemas, and in attributes that refer to them; each entity has one fault.
FAULTS: dict[str, tuple[Values, str]] = {
    "absent": (
        {"schema": "schemas/absent.json"},
        "entities.absent.schema: there is no schemas/absent.json. Write it, or leave the attribute out",
    ),
    "broken": ({"schema": "schemas/broken.json"}, "entities.broken.schema: schemas/broken.json is not JSON."),
    "array": ({"schema": "schemas/list.json"}, "entities.array.schema: schemas/list.json is not a JSON Schema."),
    "own": (
        {"schema": "schemas/own.json"},
        "entities.own.schema: schemas/own.json declares version, which the server sets. Remove it",
    ),
    "part": (
        {"schema": "schemas/part.json"},
        "entities.part.schema: schemas/part.json#/allOf/0/properties/version: the server sets version itself: remove",
    ),
    "bare": (
        {"filters": {"status": {}}},
        "entities.bare.filters.status: only a property of a schema can be filtered on. Write a schema",
    ),
    "unknown": (
        {**TASK, "filters": {"state": {}}},
        'entities.unknown.filters.state: schemas/task.json has no property "state". Write one of any,',
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
        'entities.unsorted.filters.flag: schemas/task.json has no property "date" to sort by. Write one',
    ),
    "optional": (
        {**TASK, "filters": {"flag": {"sort": "any"}}},
        'could not be sorted. Add it to "required" in schemas/task.json, or leave sort out',
    ),
    "orderless": (
        {**TASK, "filters": {"title": {"sort": "flag"}}},
        "entities.orderless.filters.title: flag needs one type that has an order. Write",
    ),
    "untold": (
        {"fields": {"a": {"read": "nobody"}}},
        "entities.untold.fields.a: only a property of a schema can have rules. Write a schema",
    ),
    "unread": (
        {**TASK, "fields": {"state": {"read": "nobody"}}},
        'entities.unread.fields.state: schemas/task.json has no top-level property "state". Write one of any,',
    ),
    "unwritten": (
        {**TASK, "fields": {"kept": {"read": "nobody", "write": "nobody"}}},
        "entities.unwritten.fields.kept.write: schemas/task.json marks kept as readOnly, so no client can write it.",
    ),
    "grouped": (
        {**TASK, "access": {"list": "cognito"}, "fields": {"title": {"read": "group=Human Resources"}}},
        'entities.grouped.fields.title.read: a group of the user pool cannot have the name "Human Resources". Write',
    ),
    "tokenless": (
        {**TASK, "fields": {"title": {"read": "group=hr"}}},
        "entities.tokenless.fields.title.read: no operation that reads items needs a token, so nobody could read",
    ),
    "reading": (
        {**TASK, "access": {"list": "cognito"}, "fields": {"title": {"read": "group=hr", "write": "scope=pay"}}},
        "entities.reading.fields.title.write: no operation that writes items needs a token, so nobody could write",
    ),
    "undying": (
        {**TASK, "ttl": "expiresAt"},
        'entities.undying.ttl: schemas/task.json has no property "expiresAt". Write one of any, due,',
    ),
    "timeless": (
        {**TASK, "ttl": "due"},
        'entities.timeless.ttl: due is not a time. Write "type": "string", "format": "date-time" in',
    ),
    "crowded": (
        {
            "filters": {name: {"sort": name} for name in WIDE},
            "operations": ["list"],
            "schema": "schemas/wide.json",
        },
        "entities.crowded: the environment variables of the function shop-crowded-list-test take "
        f"{environment_bytes(CROWDED)} bytes, and Lambda allows 4096. cors_origins take "
        f"{environment_bytes(CROWDED['CORS_ORIGINS'])} of them, "
        f"filters and other settings {environment_bytes(CROWDED['ENTITY_OPTIONS'])}. Write fewer or shorter ones.",
    ),
}

# Faults that the variable's own validations find, also all in one plan.
REFUSED: dict[str, tuple[Values | None, str]] = {
    "bounced": ({"operations": ["upsert"]}, 'entities.bounced.operations: there is no operation "upsert". Write any'),
    "misspelt": ({"hooks": {"code": "Bookings"}}, 'hooks.code: "Bookings" is not the name of a module in app/. Write'),
    "hookless": (
        {"hooks": {"code": "x", "uses": {"before_creat": {}}}},
        'entities.hookless.hooks.uses: there is no hook "before_creat". Write any of before_create, before_delete,',
    ),
    "stray": (
        {"hooks": {"code": "x", "uses": {"before_create": {"beyond": ["get"]}}}},
        'entities.stray.hooks.uses.before_create: there is no entity "beyond". Write one of',
    ),
    "overreaching": (
        {"hooks": {"code": "x", "uses": {"before_create": {"void": ["upsert", "get"]}}}},
        'overreaching.hooks.uses.before_create.void: before_create cannot use "upsert". Write any of create,',
    ),
    "writing": (
        {"hooks": {"code": "x", "uses": {"present": {"void": ["merge"]}}}},
        'writing.hooks.uses.present.void: present cannot use "merge". Write any of get, list: present only reads.',
    ),
    "useless": (
        {"hooks": {"code": "x", "uses": {"before_create": {"void": []}}}},
        "useless.hooks.uses.before_create.void: the list is empty. Write any of create,",
    ),
    "unused": (
        {"hooks": {"code": "x", "uses": {"before_create": None}}},
        "entities.unused.hooks.uses.before_create is null. Write before_create = {}, or remove it.",
    ),
    "void": ({"operations": ["get", None]}, "entities.void.operations: there is no operation null. Write any of"),
    "nothing": (None, "entities.nothing is null. Write nothing = {}, or remove it."),
    "private": ({"access": {"read": "open"}}, 'access: there is no operation "read". Write default or'),
    "secret": ({"access": {"get": "nobody"}}, 'entities.secret.access.get: "nobody" is not an access mode.'),
    "nobody": ({"access": {"": "all"}}, 'entities.nobody.access: there is no operation "". Write default or'),
    "silent": ({"access": {"get": None}}, "entities.silent.access.get: null is not an access mode. Write"),
    "crowd": ({"access": {"get": "cognito:group=a,b"}}, '.get: "cognito:group=a,b" is not an access mode.'),
    "absentee": (
        {"access": {"default": "open", "delete": "iam", "list": "open"}, "operations": ["list"]},
        "entities.absentee.access.delete: the entity has no operation delete. Add it to operations, or",
    ),
    "ownerless": (
        {"access": {"default": "cognito", "get": "open"}, "owner": "sub"},
        'entities.ownerless.access: owner needs a token, but "open" (get) does not require one. Write "cognito"',
    ),
    "disowned": (
        {"access": {"list": "open"}, "owner": "sub"},
        "entities.disowned.access: owner needs a token, but "
        '"api_key" (create, delete, get, merge, replace) and "open" (list) do not require one. Write',
    ),
    "owned": ({"access": {"default": "cognito"}, "owner": "tenant"}, 'entities.owned.owner: "tenant" is not an'),
    "scanned": (
        {"access": {"default": "cognito"}, "list": "unordered", "owner": "sub"},
        'entities.scanned.list: owner needs list = "created", because a Scan would also read',
    ),
    "unsaid": (
        {"fields": {"a": {}}},
        "entities.unsaid.fields.a has neither read nor write. Write read =",
    ),
    "no-rules": ({"fields": {"a": None}}, "entities.no-rules.fields.a has neither read nor write. Write"),
    "someone": (
        {"fields": {"a": {"read": "hr"}}},
        'entities.someone.fields.a.read: "hr" is not a valid rule. Write "group=NAME", "scope=NAME", "owner" or',
    ),
    "no-group": ({"fields": {"a": {"write": "group="}}}, '.no-group.fields.a.write: "group=" is not a valid'),
    "no-scope": ({"fields": {"a": {"write": "scope=a b"}}}, '.no-scope.fields.a.write: "scope=a b" is not a valid'),
    "capital": ({"fields": {"a": {"write": "Owner"}}}, '.capital.fields.a.write: "Owner" is not a valid'),
    "emptiness": ({"fields": {"a": {"read": ""}}}, '.emptiness.fields.a.read: "" is not a valid'),
    "everyones": (
        {"fields": {"a": {"write": "scope=openid"}}},
        """entities.everyones.fields.a.write: every user's token may have the scope "openid". Name a scope of your""",
    ),
    "belongings": (
        {"fields": {"a": {"read": "owner"}}},
        "entities.belongings.fields.a: the items have no owners. Write",
    ),
    "stamped": (
        {"fields": {"version": {"read": "nobody"}}},
        "entities.stamped.fields.version: the server sets version, and everybody may read it. Remove it",
    ),
    "one": ({"path": "same"}, 'entities: one and other have the same path, "same". Give each its own'),
    "other": ({"path": "/same"}, "Give each its own path"),
    "root": ({"path": "/"}, 'root and summit have the same path, "/". Give each its own'),
    "summit": ({"path": "/"}, "Give each its own path"),
    "far": ({"path": "a//b"}, 'entities.far.path: "a//b" has an empty segment. Write one to four'),
    "open": ({"path": "a/"}, 'entities.open.path: "a/" has an empty segment.'),
    "blank": ({"path": ""}, 'entities.blank.path: "" is empty.'),
    "up": ({"path": ".."}, 'entities.up.path: ".." has a segment "..", which clients resolve'),
    "here": ({"path": "."}, 'entities.here.path: "." has a segment ".", which clients resolve'),
    "inside": ({"path": "a/./b"}, 'entities.inside.path: "a/./b" has a segment ".", which'),
    "outside": ({"path": "a/../b"}, 'entities.outside.path: "a/../b" has a segment "..", which'),
    "nested": ({"path": "a/{id}/b"}, 'entities.nested.path: "a/{id}/b" contains "{".'),
    "coded": ({"path": "a%2Eb"}, 'entities.coded.path: "a%2Eb" contains "%".'),
    "spaced": ({"path": "a b"}, 'entities.spaced.path: "a b" contains a space.'),
    "deep": ({"path": "a/b/c/d/e"}, 'entities.deep.path: "a/b/c/d/e" has 5 segments.'),
    "described": ({"path": "/openapi.json"}, 'entities.described.path: "/openapi.json" is the path of the OpenAPI'),
    "ping": ({}, 'entities.ping.path: "ping" begins with /ping or /sping, which API Gateway'),
    "health": ({"path": "/sping/a"}, 'entities.health.path: "/sping/a" begins with /ping or /sping, which'),
    "endless-time": ({"ttl": ""}, "entities.endless-time.ttl is empty. Write the name of a property that"),
    "clash": (
        {"filters": {"limit": {}}},
        "entities.clash.filters.limit: every list has the parameters cursor, fields, limit and order. Give",
    ),
    "unnamed": ({"filters": {"": {}}}, 'entities.unnamed.filters: the name "" is empty. Remove'),
    "endless": (
        {"filters": {"\u00fc" * 200: {}}},
        '..." takes 1200 characters in a URL, and a filter\'s name may have 1024. Give the',
    ),
    "twofold": (
        {"filters": {"a.due.gte": {}, "flag": {"sort": "a.due"}}},
        'filters: "a.due.gte" is also the range parameter of lists sorted by "a.due". Rename one of',
    ),
    "absent": ({"filters": {"status": None}}, "entities.absent.filters.status is null. Write status = {},"),
    "full": (
        {"filters": {name: {} for name in ["more", *WIDE]}, "schema": "schemas/wide.json"},
        "entities.full.filters: the entity has 20 filters, and each needs an index. DynamoDB allows 20 indexes a",
    ),
    "split": ({"functions": "each"}, 'entities.split.functions: "each" is not a valid value. Write "per_'),
    "elsewhere": ({"schema": "todo.json"}, 'entities.elsewhere.schema: "todo.json" is not a valid'),
    "loud": ({"function": {"log_level": "TRACE"}}, 'entities.loud.function.log_level: "TRACE" is not a'),
    "small": (
        {"function": {"memory_size": 64}},
        "entities.small.function.memory_size is 64. Write a whole number from 128 to 10240.",
    ),
    "split-second": (
        {"function": {"timeout": 0.5}},
        "entities.split-second.function.timeout is 0.5. Write a whole number from 1 to 900.",
    ),
    "long-" + "a" * 26: (
        {"functions": "per_entity"},
        f'the function name "a-name-for-a-shop-long-{"a" * 26}-entity-test-environment" '
        "has 73 characters, 9 more than the 64 that AWS allows. Shorten the entity's name, name or",
    ),
    "my tasks": ({}, 'entities: "my tasks" contains a space. Write up to 31 lower-case letters'),
    "myTasks": ({}, 'entities: "myTasks" contains the capital letter T.'),
    "my_tasks": ({}, 'entities: "my_tasks" contains an underscore.'),
    "tâches": ({}, 'entities: "tâches" contains "â".'),
    "": ({}, 'entities: "" is empty.'),
    "a--b": ({}, 'entities: "a--b" has a hyphen at its start or end, or two in a row.'),
    "todo-2": ({}, 'entities: "todo-2" has a word that does not begin with a letter.'),
    "a" * 34: ({}, f'entities: "{"a" * 34}" has 34 characters.'),
}  # fmt: skip

# Faults that other variables' validations find, with their whole messages, in a plan each.
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a"
COUNTRIES: list[str] = (
    botocore.session.get_session().get_service_model("wafv2").shape_for("CountryCode").metadata["enum"]
)
SUCH_ORIGINS = 'Write an origin such as "https://app.example.com", or only ["*"].'
NOT_SENT: dict[str | None, str] = {
    "https://App.Example.com": (
        'contains the capital letter A, which browsers send in lower case. Write "https://app.example.com".'
    ),
    "HTTP://a.example": ('contains the capital letter H, which browsers send in lower case. Write "http://a.example".'),
    "https://a.example:443": ('has its scheme\'s default port, which browsers leave out. Write "https://a.example".'),
    "http://localhost:80": 'has its scheme\'s default port, which browsers leave out. Write "http://localhost".',
    "https://a.example/": 'ends in a slash, which browsers leave out. Write "https://a.example".',
    "https://a.example:8443/app": 'has a path, which browsers leave out. Write "https://a.example:8443".',
    "https://me@a.example": 'has a user, which browsers leave out. Write "https://a.example".',
    "https://a.example?b": 'has a query or a fragment, which browsers leave out. Write "https://a.example".',
    "https://bücher.example": (f'contains "ü", and browsers send such a host name in its xn-- form. {SUCH_ORIGINS}'),
    "https://a b.example": f"contains a space. {SUCH_ORIGINS}",
    "*": f"allows every origin, so it has to be the only one. {SUCH_ORIGINS}",
    "https://*.example.com": f"contains a *, which is not a wildcard here. {SUCH_ORIGINS}",
    "null": f"would allow everyone: any page can send it from a sandbox. {SUCH_ORIGINS}",
    None: f"does not begin with https:// or http://. {SUCH_ORIGINS}",
    "": f"is empty. {SUCH_ORIGINS}",
    "a.example": f"does not begin with https:// or http://. {SUCH_ORIGINS}",
    "http://[::1]:3000": f"is an IPv6 address, which is not supported. {SUCH_ORIGINS}",
    "http://127.1:3000": f"has an IPv4 address that browsers write in another way. {SUCH_ORIGINS}",
    "http://0x7f.0.0.1": f"has an IPv4 address that browsers write in another way. {SUCH_ORIGINS}",
    "https://a..example": f"has a malformed host name. {SUCH_ORIGINS}",
    "https://a.example:65536": f"has a port that is not from 1 to 65535, or that has leading zeros. {SUCH_ORIGINS}",
    "https://a.example:0443": f"has a port that is not from 1 to 65535, or that has leading zeros. {SUCH_ORIGINS}",
}
SENT = [
    "http://127.0.0.1:3000", "http://localhost", "http://localhost:443", "https://3-a.example:80",
    "https://a.example:65535", "https://my_app.example", "https://xn--bcher-kva.example",
]  # fmt: skip
LABEL = "Write up to 128 letters, digits and . _ -, such as"
TAGS = "letters, digits, spaces and _ . : / = + - @."
SUBNET = 'is not an IPv4 network from /16 to /28, written with its first address. Write subnets such as "10.0.2.0/24".'
URL = (
    "Write one that begins with https://, http://localhost or an app's own scheme, such as "
    'com.example.app://, and has no #: "https://app.example.com/signed-in".'
)
COMBINATIONS: dict[str, tuple[Values, list[str]]] = {
    "brought": (
        {
            "alarms": {"topic_arn": "arn:aws:sns:eu-west-3:123456789012:on-call"},
            "budget": {"emails": ["team", None], "monthly": 0.001},
            "code_signing_config_arn": "arn:aws:signer:us-west-2:123456789012:/signing-profiles/lambda",
            "entities": {"todos": {"access": {"get": "cognito"}}},
            "log_bucket": "arn:aws:s3:::example-logs",
            "user_pool": {
                "email": {
                    "configuration_set": "my set",
                    "from": "no-reply@example.org",
                    "reply_to": "Support",
                    "source_arn": IDENTITY,
                }
            },
        },
        [
            "alarms: topic_arn is a topic in eu-west-3, but alarms in us-west-2 can publish only to topics in the",
            "budget: monthly is 0.001. Write dollars above 0, with whole cents",
            '"team" is not an address. Write one such as "team@example.com". budget.emails: null is not an address.',
            "is not a code signing configuration of us-west-2. Write arn:aws:lambda:us-west-2:ACCOUNT:code-signing",
            'log_bucket: "arn:aws:s3:::example-logs" is not a bucket\'s name. Write only the name, "example-logs".',
            'user_pool.email: the identity of source_arn, "example.com", does not cover from, "no-reply@example.org".',
            'user_pool.email: reply_to "Support" is not an address. Write one such as',
            'user_pool.email: configuration_set "my set" is not the name of a',
        ],
    ),
    "faults": (
        {
            "entities": {"todos": {"access": {"get": "cognito"}}},
            "usage_plans": {"two words": {"burst_limit": 1.5, "quota": {"limit": 1.5}}, "none": None},
            "user_pool": {
                "arn": POOL,
                "callback_urls": ["javascript://x/%0aalert(1)", "http://a.example", "https://a.example#b"],
                "domain_prefix": "shop",
                "mfa": "ON",
                "tokens": {"access_minutes": 1440, "refresh_days": 1},
            },
            "waf": {"countries": [*COUNTRIES, "ZZ"]},
        },
        [
            "usage_plans.none needs a rate_limit over 0, and a whole number over 0 as burst_limit. Write none = "
            "{ rate_limit = 50, burst_limit = 100 }. usage_plans.two words needs a rate_limit over 0, and",
            f'usage_plans: "two words" contains a space. {LABEL} "standard".',
            'usage_plans: a quota is { limit = 10000, period = "DAY" }, with a whole limit over 0',
            "user_pool: an existing pool keeps its own clients, groups, domain and rules. Beside arn, write only",
            f'user_pool: the URL "http://a.example" is not encrypted. {URL} user_pool: the URL '
            f'"https://a.example#b" has a #, which Cognito refuses. {URL} user_pool: the URL '
            '"javascript://x/%0aalert(1)" has a scheme that callback_urls and logout_urls cannot have',
            "user_pool: a refresh token has to outlast the access tokens that it renews. Write tokens",
            'waf: there is no country "ZZ". Write ISO 3166 codes',
        ],
    ),
    "nameless": (
        {"api_keys": {"": "standard", "a b": "gold", "c": None}},
        [
            f'"a b" contains a space. {LABEL} "partner".',
            'api_keys.a b: there is no usage plan "gold". Write one of standard, or add the plan to '
            "usage_plans. api_keys.c: there is no usage plan null. Write",
        ],
    ),
    "nobody": (
        {"api_keys": {}, "user_pool": {"mfa": "ON"}},
        [
            "api_keys is empty, but an operation or docs requires a key, so nobody could call",
            "user_pool: no operation or route requires cognito, so there is no pool. Write access =",
        ],
    ),
    "several": (
        {"usage_plans": {"basic": {}, "gold": {}}},
        ['of the plans basic, gold. Write api_keys = { default = "basic" }, or another plan.'],
    ),
    "empty": (
        {"entities": {}, "cors_origins": []},
        [
            "entities is empty. Write at least one entity: entities = { todos = {} }.",
            'cors_origins is empty. Write ["*"], or origins such as ["https://app.example.com"].',
        ],
    ),
    "repeated": (
        {
            "cors_origins": ["https://a.example", "https://b.example", "https://a.example"],
            "website": {"aliases": ["a.example", "a.example"], "certificate_arn": CERTIFICATE},
        },
        [
            'cors_origins: "https://a.example" is listed more than once. Keep one.',
            'website: the alias "a.example" is listed more than once. Keep one.',
        ],
    ),
    "origins": (
        {"cors_origins": [*SENT, *NOT_SENT]},
        [
            " ".join(
                f"cors_origins: {'null' if origin is None else f'{chr(34)}{origin}{chr(34)}'} {said}"
                for origin, said in NOT_SENT.items()
            )
        ],
    ),
    "unsized": (
        {"cors_origins": [f"https://app-{n:03}.example.com" for n in range(100)]},
        ['cors_origins: the origins have 2799 characters, and functions have room for 2600. Write fewer,'],
    ),
    "names": (
        {"environment": "my dev", "name": "2shop", "region": "us-west-2a", "docs": "iam"},
        [
            'environment: "my dev" contains a space. Write 2 to 20 lower-case letters, digits and hyphens, a',
            'name: "2shop" does not begin with a letter. Write 2 to 20 lower-case letters, digits and',
            'region: "us-west-2a" is an availability zone. Write a region such as "us-west-2".',
            'docs: "iam" is not an access mode of the OpenAPI document. Write "open", "api_key" or "none".',
        ],
    ),
    "ends": (
        {"environment": "dev-", "name": "s", "region": "Oregon", "log_retention_days": 42},
        [
            'environment: "dev-" ends in a hyphen. Write',
            'name: "s" has one character. Write',
            'region: "Oregon" is not a region\'s code. Write a region such as "us-west-2".',
            "log_retention_days: CloudWatch does not keep logs for 42 days. Write 1, 3, 5,",
        ],
    ),
    "lengths": (
        {"environment": "a" * 21, "name": ""},
        [f'environment: "{"a" * 21}" has 21 characters. Write', 'name: "" is empty. Write'],
    ),
    "hyphens": (
        {
            "audit": {"retention_years": 8},
            "environment": "a--b",
            "release": {"percent": 0},
        },
        [
            "release: percent is 0. Write a whole number from 1 to 100.",
            "audit: retention_years is 8. Write a whole number from 1 to 7.",
            'audit: the trail\'s name "shop-audit-a--b" has two hyphens in a row, which CloudTrail refuses. Write',
        ],
    ),
    "international": (
        {"name": "xn--shop"},
        ['name: "xn--shop" begins with "xn--", which AWS does not allow in names of buckets or security groups. Write'],
    ),
    "bucket": (
        {"environment": "", "name": "sg-shop"},
        [
            'environment: "" is empty. Write',
            'name: "sg-shop" begins with "sg-", which AWS does not allow in names of buckets or',
        ],
    ),
    "tags": (
        {
            "tags": {
                "environment": "x", "MANAGEDBY": "x", "Team": "x", "team": "x", "AWS:a": "x", "a#": "x",
                "": "x", "k" * 129: "x", "Größe Ω-1": "né @", "long": "v" * 257, "hash": "#",
                "none": None, "blank": "",
            }
        },
        [
            'tags: "MANAGEDBY" is one of Project, Environment and ManagedBy, which Trestle sets; IAM does not '
            "distinguish upper and lower case. Leave it out. "
            'tags: "environment" is one of Project, Environment and ManagedBy, which Trestle sets; IAM',
            'tags: "Team" and "team" differ only in case, which IAM refuses. Keep one.',
            f'tags: the key "" is empty. Write up to 128 {TAGS} tags: the key "AWS:a" begins with aws:, '
            f'which AWS reserves. Write up to 128 {TAGS} tags: the key "a#" contains #. Write up to 128 '
            f'{TAGS} tags: the key "{"k" * 129}" has 129 characters. Write up to 128 {TAGS}',
            f"tags.hash: the value contains #. Write up to 256 {TAGS} tags.long: the value has 257 "
            f"characters. Write up to 256 {TAGS} tags.none: the value is null. Write up to 256 {TAGS}",
        ],
    ),
    "tagged": (
        {"tags": {f"k{n}": "x" for n in range(47)}},
        ["tags: there are 47. A resource may have 50 tags, and Trestle sets four of them. Write at most 46."],
    ),
    "subnets": (
        {
            "network": {
                "private_subnets": ["10.0.2.0", "10.0.3.1/24", "10.0.4.0/29", None],
                "public_subnets": ["10.1.0.0/24", "10.0.16.0/20", "10.0.31.0/24", "10.0.16.0/20"],
            }
        },
        [
            f'network: "10.0.2.0" {SUBNET} network: "10.0.3.1/24" {SUBNET} network: "10.0.4.0/29" {SUBNET} '
            f"network: null {SUBNET}",
            'network: the subnet "10.1.0.0/24" is not within the VPC\'s cidr, "10.0.0.0/16". Write one that',
            'network: the subnets "10.0.16.0/20" and "10.0.31.0/24" overlap. Give each its own addresses. '
            'network: the subnets "10.0.16.0/20" and "10.0.16.0/20" overlap. Give each its own addresses. '
            'network: the subnets "10.0.31.0/24" and "10.0.16.0/20" overlap. Give each its own addresses.',
        ],
    ),
    **{
        f"cidr {cidr}": ({"network": {"cidr": cidr}}, [f'network: "{cidr}" {said}. Write a cidr such as'])
        for cidr, said in {
            "10.0.0.1/16": "does not begin at its first address, 10.0.0.0",
            "10.0.0.0/21": "is not from /16 to /20",
            "127.0.0.0/16": "is in a range that a VPC cannot have",
            "fd00::/16": "is not an IPv4 network",
        }.items()
    },
    "others": (
        {
            "alarms": {"emails": ["on-call", "a@b.example"]},
            "network": {"endpoints": ["kms", "ecr.api", "s3-outposts", "SQS"], "nat": "double"},
            "permissions_boundary": "boundary",
            "website": {"aliases": ["https://a.example"], "certificate_arn": CERTIFICATE, "price_class": "x"},
        },
        [
            'alarms.emails: "on-call" is not an address. Write one such as "on-call@example.com".',
            'network: nat is "double". Write "none", "single" or "per_az".',
            'network.endpoints: "SQS" is not the name of an AWS service. Write names such as "kms" or "ecr.api".',
            'permissions_boundary: "boundary" is not the ARN of a policy. Write',
            'website: the alias "https://a.example" is not a full domain name in lower-case letters. Write one',
            'website: price_class is "x". Write "PriceClass_100", "PriceClass_200" or "PriceClass_All".',
        ],
    ),
    "sign in": (
        {
            "entities": {"todos": {"access": {"get": "cognito"}}},
            "user_pool": {
                "callback_urls": [f"https://a.example/{n}" for n in range(101)],
                "domain_prefix": "My.pool",
                "groups": ["a,b", "g" * 129, None],
                "mfa": "SMS",
                "scopes": {**{f"s{n}": "S" for n in range(98)}, "a/b": "S", "c": "", "d": "d" * 257},
            },
        },
        [
            "user_pool: there are 101 callback_urls and 0 logout_urls, and Cognito allows 100 of each. Write",
            'user_pool: the domain_prefix "My.pool" contains the capital letter M. Write up to 63 lower-case',
            f'user_pool.groups: "a,b" contains a comma. {LABEL} "admins". user_pool.groups: "{"g" * 129}" '
            f'has 129 characters. {LABEL} "admins". user_pool.groups: "" is empty. {LABEL} "admins".',
            'user_pool: mfa is "SMS". Write "OFF", "ON" or "OPTIONAL".',
            f'user_pool.scopes: "a/b" contains a slash. {LABEL} "import".',
            "user_pool.scopes.c: the description is empty. Write 1 to 256 characters, such as { c = "
            '"Imports items" }. user_pool.scopes.d: the description has 257 characters. Write 1 to 256',
            "user_pool: there are 101 scopes, including those in access, and Cognito allows 100. Write fewer.",
        ],
    ),
    "contact": (
        {"info": {"contact": {"email": "us", "url": "example.com"}, "license": {"name": " ", "url": ""}}},
        [
            "info.license.name is empty. Write a name, or leave license out.",
            'info.contact.url: "example.com" does not begin with https:// or http:// and a host. Write a URL such '
            'as "https://example.com/terms". info.license.url: "" is empty. Write',
            'info.contact.email: "us" is not an address. Write one such as "api@example.com".',
        ],
    ),
    "scopes of clients": (
        {
            "entities": {"todos": {"access": {"get": "cognito"}}},
            "user_pool": {
                "app_scopes": [f"s{n}" for n in range(48)],
                "domain_prefix": "shop",
                "machine_client": True,
                "scopes": {f"s{n}": "S" for n in range(51)},
            },
        },
        [
            "user_pool: Cognito allows 50 scopes for a client. Write at most 47 app_scopes (there are 48), and at "
            "most 50 scopes beside a machine_client (there are 51)."
        ],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def faults(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The faults of entities with the schemas of this file. The planner has built the packages."""
    root = rules.preconditions(tmp_path_factory.mktemp("faults"))
    (root / "schemas").unlink(missing_ok=True)
    (root / "schemas").mkdir()
    for name, text in SCHEMAS.items():
        (root / "schemas" / name).write_text(text)
    manifest = json.loads((root / "dist/manifest.json").read_bytes())
    manifest["schemas"]["schemas/part.json"] = shapes.texts(SCHEMAS["part.json"].encode())
    (root / "dist").unlink()
    (root / "dist").mkdir()
    (root / "dist/manifest.json").write_text(json.dumps(manifest))
    entities = {name: e for name, (e, _) in FAULTS.items()}
    return "\n".join(rules.rule_errors(root, {**SMALL, "cors_origins": ORIGINS, "entities": entities}))


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for checking validations."""
    return rules.validations(tmp_path_factory.mktemp("variables"))


@pytest.fixture(scope="module")
def combined_errors(variables: Path) -> str:
    entities = {name: e for name, (e, _) in REFUSED.items()}
    long = {**SMALL, "environment": "test-environment", "name": "a-name-for-a-shop"}
    return "\n".join(rules.rule_errors(variables, {**long, "entities": entities}))


@pytest.mark.parametrize("entity", FAULTS)
def test_fault_of_a_schema_is_named(faults: str, entity: str) -> None:
    assert FAULTS[entity][1] in faults


def test_each_has_one_fault(faults: str) -> None:
    assert faults.count("entities.") == len(FAULTS) + 1, "own.json declares two"
    assert "are out of date" not in faults


@pytest.mark.parametrize("entity", REFUSED)
def test_messages_name_the_entity_and_the_remedy(combined_errors: str, entity: str) -> None:
    assert REFUSED[entity][1] in combined_errors


@pytest.mark.parametrize("name", COMBINATIONS)
def test_refusal_of_a_variable_says_the_remedy(variables: Path, name: str) -> None:
    values, sentences = COMBINATIONS[name]
    said = rules.rule_errors(variables, {**SMALL, **values})
    unsaid = [each for each in sentences if not any(each in text for text in said)]
    assert unsaid == [], "\n".join(said)
    assert len(said) == len(sentences), "\n".join(said)


VALID_WITH_EMPTY: dict[str, Values] = {
    "origins": {"cors_origins": SENT},
    "names": {
        "entities": {"a" * 31: {"functions": "per_entity"}, "pings": {}, "a-b1-c": {}},
        "environment": "d--1",
        "name": "a--1",
    },
    "paths": {
        "entities": {
            name: {"path": path}
            for name, path in {
                "a": "/",
                "b": "a/b/c/d",
                "c": "/v1/a.b/c-d",
                "d": ".well-known/x",
                "e": "...",
                "f": "openapi.json/x",
                "g": "a/ping",
            }.items()
        }
    },
    "subnets": {
        "network": {
            "cidr": "10.20.0.0/16",
            "private_subnets": ["10.20.0.0/17", "10.20.255.240/28"],
            "public_subnets": ["10.20.128.0/18", "10.20.192.0/24"],
        }
    },
    "tags": {"tags": {**{f"k{n}": "" for n in range(44)}, "k" * 128: "v" * 256, "Größe Ω_.:/=+-@1": "né _.:/=+-@"}},
}


@pytest.mark.parametrize("name", VALID_WITH_EMPTY)
def test_what_lies_just_within_is_accepted(variables: Path, name: str) -> None:
    assert rules.rule_errors(variables, {**SMALL, **VALID_WITH_EMPTY[name]}) == []


# Texts that may be empty: a tag's value, and the name of a property, as in JSON.
MAY_BE_EMPTY = [("entities", "NAME", "filters", "NAME", "sort"), ("tags", "NAME")]
LIST_ELEMENTS = {
    "NAME": {"kind": "created"},
    "aliases": "a.example",
    "cors_origins": "https://a.example",
    "private_subnets": "10.0.0.0/24",
    "public_subnets": "10.0.0.0/24",
    "statements": {"actions": ["ses:SendEmail"], "resources": ["*"]},
    "subnet_ids": "subnet-0a",
}
# Keys of maps that cannot have any name.
KEYS = {"answers": "200", "routes": "POST /x", "settings": "CURRENCY"}


def example_value(kind: Type) -> object:
    if kind.kind == "object":
        return {name: example_value(inner) for name, inner in kind.attributes.items() if inner.is_required}
    return {"string": "x", "number": 1, "bool": True, "map": {}}.get(kind.kind, [])


def faulty_values(kind: Type, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield places in the variables, each with a faulty value: an empty text or key, or a list of one thing twice."""
    if kind.kind == "string":
        yield place, ""
    elif kind.kind == "list":
        yield place, [LIST_ELEMENTS[place[-1]]] * 2
    elif kind.kind == "map":
        assert kind.element
        yield place, {"": example_value(kind.element)}
    for name, inner in kind.attributes.items():
        yield from faulty_values(inner, (*place, name))
    if kind.element:
        yield from faulty_values(kind.element, (*place, "NAME" if kind.kind == "map" else "0"))


def set_at(kind: Type, place: tuple[str, ...], value: object, within: object = None, where: str = "") -> object:
    """Return a value of the type, with another value at a place in it; `where` is the name of its parent."""
    if not place:
        return value
    name, *rest = place
    if kind.element:
        inner = set_at(kind.element, (*rest,), value)
        key = KEYS.get(where, "default" if kind.element.kind == "string" else "todos")
        return {key: inner} if name == "NAME" else [inner]
    base = within if isinstance(within, dict) else example_value(kind)
    assert isinstance(base, dict)
    return {**base, name: set_at(kind.attributes[name], (*rest,), value, where=name)}


@pytest.mark.slow  # about ten seconds
def test_no_empty_text_or_key_and_no_repetition_is_accepted(tmp_path: Path) -> None:
    """Each is an instance of the configuration in one plan, because separate plans would take a minute."""
    variables = variable_types(ROOT / "variables.tf")
    rules.validations(tmp_path / "system")
    start = {"name": "shop", "environment": "test", "entities": {"todos": {"access": {"default": "cognito"}}}}
    # Faults in functions are not found by validations: see test_function_faults.py.
    places = [each for each in faulty_values(variables) if each[0][0] != "functions"]
    given = {f"place_{n}": set_at(variables, place, value, start) for n, (place, value) in enumerate(places)}
    for name, values in given.items():
        assert isinstance(values, dict)
        # As variables of the outer root, because Terraform would validate some literals before it
        # knows the others.
        module = {"source": "./system", "project": ".", **{each: f"${{var.{name}.{each}}}" for each in values}}
        (tmp_path / f"{name}.tf.json").write_text(json.dumps({"variable": {name: {}}, "module": {name: module}}))
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps(given))
    for command in ("init", "plan"):
        arguments = [str(find_terraform()), command, "-input=false", *(["-json"] if command == "plan" else [])]
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    refused = {each["diagnostic"]["range"]["filename"] for each in events if each["type"] == "diagnostic"}
    accepted = [place for n, (place, _) in enumerate(places) if f"place_{n}.tf.json" not in refused]
    assert accepted == MAY_BE_EMPTY
