"""The plans that several test files use."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.plan import inventory
from tests.plan.planner import REGION, Plan, Planner, Values, project_of

SMALL: Values = {
    "name": "shop",
    "environment": "test",
    "region": REGION,
    "entities": {"todos": {}},
    "network": None,
}

ONE: Values = {"todos": {"operations": ["get"]}}
POOL = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_Abc123"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/console/0a-1b"
KEY = "arn:aws:kms:us-west-2:123456789012:key/0a-1b"
# A VPC that the emulator always has. A plan reads a VPC's addresses if functions call its
# endpoints.
GUEST_NETWORK = {"subnet_ids": ["subnet-00000001", "subnet-00000002"], "vpc_id": "vpc-00000001"}
CERTIFICATES = "arn:aws:acm:us-west-2:123456789012:certificate"
VPC_ENDPOINTS = ["vpce-1123456789abcdef0", "vpce-0123456789abcdef0"]
TWO: Values = {"todos": {"operations": ["create", "list"]}}
BOUNDARY = "arn:aws:iam::123456789012:policy/shop-boundary"
ORIGINS = [f"https://a-rather-long-origin-{n:03}.apps.example.com" for n in range(100)]

# Each changes the smallest system in one or two respects, and tests refer to it by its name. A
# resource takes about 12 ms, so most systems have few operations.
SYSTEMS: dict[str, Values] = {
    "among_others": {
        "entities": {
            "docs": {"path": "v1/docs", "operations": ["get"]},
            "films": {"path": "/", "ids": "client", "operations": ["create"]},
            "todos": {"path": "v1", "ids": "client", "operations": ["create"]},
        }
    },
    "at_the_root": {"entities": {"todos": {"path": "/", "operations": ["create", "get"]}}},
    "bounded": {"entities": ONE, "network": {}, "permissions_boundary": BOUNDARY},
    "bodies_at_gateway": {"entities": TWO, "validate_bodies_at_gateway": True},
    "docs_for_holders_of_keys": {
        "docs": "api_key",
        "entities": {"todos": {**TWO["todos"], "access": {"default": "open"}}},
    },
    "docs_for_nobody": {"docs": "none", "entities": ONE},
    "expiring": {"entities": {"todos": {"operations": ["create", "get"], "ttl": "expiresAt"}}},
    "filtered": {
        "entities": {
            "todos": {
                "filters": {"status": {"sort": "quantity"}, "userId": {}},
                "operations": ["create", "list"],
                "schema": "schemas/order.json",
            }
        }
    },
    "filtered_unordered": {
        "entities": {
            "todos": {
                "filters": {"year": {"sort": "title"}, "title": {"sort": "title"}},
                "list": "unordered",
                "operations": ["list"],
                "schema": "schemas/movie.json",
            }
        }
    },
    "guest": {"encryption": {"key_arn": KEY}, "entities": ONE, "network": GUEST_NETWORK},
    "interface_endpoint": {"network": {"endpoints": ["kms"]}, "entities": ONE},
    "many_origins": {"entities": TWO, "cors_origins": ORIGINS[:50]},
    "merging": {"entities": {"todos": {"put": "merge"}}},
    "mixed_access": {
        "entities": {
            "todos": {
                "operations": ["create", "get", "list"],
                "access": {"default": "api_key", "get": "open", "list": "iam"},
            }
        }
    },
    "nat_none": {"network": {"nat": "none"}, "entities": ONE},
    "nat_per_az": {"network": {"nat": "per_az", "cidr": "10.9.0.0/16"}, "entities": ONE},
    "nat_single": {"network": {"nat": "single"}, "entities": ONE},
    "one_origin": {"entities": TWO, "cors_origins": ORIGINS[:1]},
    "open": {"entities": {"todos": {"operations": ["create", "list"], "access": {"default": "open"}}}},
    "other_path": {"entities": {"todos": {"operations": ["create", "list"], "path": "v1/todos"}}},
    "per_entity": {"entities": {"todos": {"functions": "per_entity"}}},
    "restricted": {
        "entities": {
            "todos": {
                "access": {"default": "cognito"},
                "fields": {
                    "status": {"write": "group=staff"},
                    "userId": {"read": "group=staff", "write": "scope=users"},
                },
                "filters": {"userId": {}},
                "schema": "schemas/order.json",
            }
        }
    },
    "small": {},
    "two_entities": {
        "entities": {
            "todos": {"operations": ["get"], "path": "v1/todos"},
            "customers": {"operations": ["get"], "path": "v1/customers"},
        }
    },
    "two_operations": {"entities": TWO},
    "two_plans": {
        "api_key_values": {"partner": "a-value-that-was-given"},
        "api_keys": {"partner": "paid", "app": "free"},
        "entities": ONE,
        "throttle": {"rate_limit": 10, "burst_limit": 20},
        "usage_plans": {
            "free": {"rate_limit": 5, "quota": {"limit": 100, "period": "WEEK"}},
            "paid": {"rate_limit": 500},
        },
    },
    "unordered": {
        "deletion_protection": True,
        "entities": {
            "todos": {
                "operations": ["create", "list"],
                "list": "unordered",
                "function": {
                    "log_level": "DEBUG",
                    "memory_size": 512,
                    "reserved_concurrency": 5,
                    "snap_start": True,
                    "timeout": 10,
                },
            }
        },
    },
}

# Existing resources of a security or platform team, and all features that cost money: a system that
# needs no skips in the policy scan.
TOPIC = "arn:aws:sns:us-west-2:123456789012:on-call"
CODE_SIGNING = "arn:aws:lambda:us-west-2:123456789012:code-signing-config:csc-0123456789abcdef0"
IDENTITY = "arn:aws:ses:us-west-2:123456789012:identity/example.com"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a-1b"
EQUIPPED: Values = {
    "alarms": {"topic_arn": TOPIC},
    "audit": {},
    "budget": {"emails": ["team@example.com"], "monthly": 50},
    "code_signing_config_arn": CODE_SIGNING,
    "entities": {"todos": {"access": {"default": "cognito"}, "operations": ["get"]}},
    "log_bucket": "example-access-logs",
    "user_pool": {
        "email": {
            "configuration_set": "shop",
            "from": "Shop <no-reply@example.com>",
            "reply_to": "help@example.com",
            "source_arn": IDENTITY,
        },
        "self_sign_up": True,
    },
    "waf": {"countries": ["DE"]},
    "website": {"aliases": ["console.example.com"], "certificate_arn": CERTIFICATE, "web_acl_arn": WEB_ACL},
}

# The same for sign-in, and for features that are off by default. These are in a separate plan: a
# plan of both would take longer than the two plans, and some tests need only this one.
GUARDED: dict[str, Values] = {
    "audited": {"audit": {}, "deletion_protection": True, "entities": ONE},
    "audited_for_long": {"audit": {"retention_years": 7}, "entities": ONE},
    "backed_up": {
        "backup": {},
        "deletion_protection": True,
        "entities": ONE,
        "permissions_boundary": BOUNDARY,
    },
    "backed_up_for_long": {
        "backup": {"daily_days": 7, "monthly_days": 365},
        "entities": {**ONE, "notes": {"operations": ["get"]}},
    },
    "at_domain": {
        "domain": {"name": "api.example.com", "zone_id": "Z0123456789ABCDEFGHIJ"},
        "entities": ONE,
        "website": {},
    },
    "at_domain_with_mutual_tls": {
        "domain": {
            "certificate_arn": f"{CERTIFICATES}/0a-1b",
            "name": "api.example.com",
            "ownership_certificate_arn": f"{CERTIFICATES}/2c-3d",
            "truststore": "s3://example-truststore/clients.pem",
            "truststore_version": "v1",
        },
        "entities": ONE,
    },
    "equipped": EQUIPPED,
    "equipped_without_acl": {"entities": ONE, "log_bucket": EQUIPPED["log_bucket"], "website": {"access_log": False}},
    "existing_pool": {
        "entities": {"todos": {**TWO["todos"], "access": {"create": "cognito:scope=import", "list": "cognito"}}},
        "user_pool": {"arn": POOL},
    },
    "guarded": {"entities": ONE, "log_retention_days": 30, "waf": {}},
    "guarded_by_country": {"entities": ONE, "waf": {"countries": ["DE", "FR"], "rate_limit": 10}},
    "inside_vpc": {
        "entities": {"todos": {"access": {"default": "open", "list": "iam"}, "operations": ["create", "get", "list"]}},
        "private": {"vpc_endpoint_ids": VPC_ENDPOINTS},
        "waf": {},
    },
    "inside_vpc_without_iam": {"entities": ONE, "private": {"vpc_endpoint_ids": VPC_ENDPOINTS[:1]}},
    "issued": {
        "alarms": {},
        "entities": {
            "notes": {"access": {"default": "jwt"}, "functions": "per_entity", "operations": ["create", "get"]},
            "todos": {
                "access": {
                    "create": "jwt:scope=todos:write",
                    "default": "jwt",
                    "delete": "jwt:group=/Support Team",
                    "get": "cognito:group=admins",
                    "list": "open",
                },
                "operations": ["create", "delete", "get", "list", "merge"],
            },
        },
        "jwt": {
            "audiences": ["https://api.example.com", "shop"],
            "groups_claim": "https://example.com/roles",
            "issuer": "https://example.eu.auth0.com/",
        },
        "network": {},
        "permissions_boundary": BOUNDARY,
    },
    "owned": {"entities": {"todos": {"access": {"default": "cognito"}, "owner": "sub"}}},
    "shared": {
        "entities": {
            "todos": {
                "access": {"default": "cognito"},
                "acts_for": "scope=act",
                "filters": {"status": {}},
                "owner": "claim:tenant_id",
                "schema": "schemas/order.json",
                "sees_all": "group=support",
            }
        }
    },
    "owned_per_entity": {
        "entities": {
            "todos": {
                "access": {"default": "cognito", "delete": "cognito:group=admins"},
                "functions": "per_entity",
                "owner": "sub",
            }
        }
    },
    "signed_in": {
        "entities": {"todos": {**TWO["todos"], "access": {"default": "cognito"}}},
        "user_pool": {"self_sign_up": True, "mfa": "OFF"},
    },
    "with_website": {
        "entities": {"todos": {**TWO["todos"], "access": {"default": "cognito"}}},
        "user_pool": {"app_scopes": ["report"], "scopes": {"report": "Reads reports"}},
        "website": {},
    },
    "with_website_at_names": {
        "entities": ONE,
        "waf": {"countries": ["DE", "FR"]},
        "website": {
            "aliases": ["console.example.com", "c.example.com"],
            "certificate_arn": CERTIFICATE,
            "price_class": "PriceClass_All",
            "web_acl_arn": WEB_ACL,
        },
    },
    # In neither of these does a plan create a client for the page.
    "with_website_of_existing_pool": {
        "entities": {
            "memos": {**ONE["todos"], "access": {"get": "jwt:scope=memos:read"}},
            "todos": {**TWO["todos"], "access": {"default": "cognito"}},
        },
        "jwt": {
            "audiences": ["https://memos.example.com", "memos"],
            "client_id": "console",
            "issuer": "https://auth.example.com/realms/shop",
        },
        "user_pool": {"arn": POOL},
        "website": {},
    },
    "with_scopes": {
        "deletion_protection": True,
        "entities": {
            "todos": {
                "access": {
                    "create": "cognito:scope=import",
                    "default": "cognito",
                    "delete": "cognito:group=admins",
                    "list": "cognito:scope=https://api.example.com/todos.read",
                    "replace": "open",
                }
            }
        },
        "user_pool": {
            "app_scopes": ["report"],
            "callback_urls": ["https://app.example.com/in"],
            "domain_prefix": "shop-example",
            "groups": ["editors"],
            "logout_urls": ["https://app.example.com/out"],
            "machine_client": True,
            "mfa": "ON",
            "password_minimum_length": 16,
            "scopes": {"report": "Reads reports"},
            "tokens": {"access_minutes": 15, "refresh_days": 1},
        },
    },
}

# The same for monitoring.
WATCHED: dict[str, Values] = {
    "unseen": {"dashboard": False, "entities": ONE, "metrics": False},
    "watched": {"alarms": {"emails": ["a@example.com", "b@example.com"]}},
    "watched_by_others": {
        "alarms": {"topic_arn": TOPIC},
        "encryption": {"customer_key": False},
        # No own code uses the second one yet.
        "entities": {**ONE, "nights": {"operations": []}},
    },
    "watched_for_callers": {
        "alarms": {"api_4xx": 20}
        | dict.fromkeys(("api_5xx", "duration_percent", "error_rate_percent", "errors", "latency_p99_ms"), 0)
        | dict.fromkeys(("table_system_errors", "table_throttles", "throttles"), 0),
        "entities": ONE,
    },
    "watched_in_part": {
        "alarms": {"errors": 2, "requests": 50}
        | dict.fromkeys(("api_4xx", "api_5xx", "latency_p99_ms", "table_system_errors", "table_throttles"), 0)
        | dict.fromkeys(("duration_percent", "throttles"), 0),
        "entities": {
            "todos": {
                "function": {"timeout": 60},
                "functions": "per_entity",
                "operations": ["create", "list"],
            },
            "todo-lists": {"operations": ["get"], "function": {"memory_size": 512}},
        },
    },
    "watched_without_metrics": {
        "alarms": {"duration_percent": 50},
        "entities": {
            "todos": {"access": {"create": "jwt"}, "function": {"timeout": 60}, "operations": ["create", "get"]}
        },
        "jwt": {"audiences": ["shop"], "issuer": "https://auth.example.com"},
        "metrics": False,
    },
}


# The same for own functions, which all have the same code.
CODE = {
    "work": """
def handle(work, context): ...
def pay(request, context): ...
""",
}
ORDERS = {"access": {"default": "open"}, "operations": ["create", "get"], "schema": "schemas/order.json"}
MAILS = "arn:aws:sns:us-west-2:123456789012:mails"
BUCKET = "arn:aws:s3:::shop-pictures"
STRIPE = "arn:aws:secretsmanager:us-west-2:000000000000:secret:stripe-a1b2c3"
ENTITIES: Values = {"orders": ORDERS, "todos": {"operations": ["get"], "ttl": "expiresAt"}}
FUNCTIONS: Values = {
    "mail": {
        "changes": {
            "orders": [
                {"kind": "created"},
                {"kind": "updated", "becomes": {"status": "shipped"}},
                {"kind": "updated", "becomes": {"quantity": "3", "status": "paid"}},
                {"kind": "deleted"},
            ],
            "todos": [{"kind": "expired"}],
        },
        "reserved_concurrency": 0,
    },
    "deliver": {"queue": {"attempts": 12, "backoff": "1m-4h"}, "egress": True, "reserved_concurrency": 7},
    "report": {"schedule": "cron(0 3 * * ? *)", "timeout": 900},
    "thumbs": {
        "event": {
            "source": "aws.s3",
            "types": ["Object Created"],
            "detail": {
                "bucket.name": ["shop-pictures"],
                "bucket.of.the.owner": ["b", "a"],
                "object.key": ["a.png"],
                "reason": ["PutObject"],
            },
        },
        "statements": [
            {"actions": ["s3:GetObject"], "resources": [f"{BUCKET}/*"]},
            {"actions": ["sns:Publish"], "resources": [MAILS]},
        ],
        "reserved_concurrency": 1,
    },
    "heard": {"event": {"source": "shop.orders", "bus": "orders"}},
    "backfill": {"uses": {"todos": ["list"]}},
    "pay": {
        "routes": {"POST /pay": {"access": "open", "call": "pay"}},
        "secrets": {"stripe": STRIPE},
        "sends": ["deliver"],
    },
}
NETWORK = {"endpoints": ["secretsmanager", "sqs"], "nat": "single"}


def with_code(functions: Values) -> Values:
    """Return functions that all have the module of CODE."""
    return {name: {"code": "work", **function} for name, function in functions.items()}


class Systems(dict[str, Plan]):
    """The plans of SYSTEMS, GUARDED and WATCHED by name. Each group is planned when the first of its plans is used."""

    def __init__(self, planner: Planner) -> None:
        super().__init__()
        self.planner = planner

    def __missing__(self, name: str) -> Plan:
        lot, systems = next((lot, s) for lot, s in LOTS.items() if name in s)
        changed = {system: {**SMALL, **values} for system, values in systems.items()}
        self.update(self.planner.systems(lot, changed))
        return self[name]


LOTS = {"systems": SYSTEMS, "guarded": GUARDED, "watched": WATCHED}


@pytest.fixture(scope="session")
def plan(planner: Planner) -> Plan:
    """The plan that most assertions read: all six operations, a network and a customer key, as by default."""
    return planner(**{name: value for name, value in SMALL.items() if name != "network"})


@pytest.fixture(scope="session")
def systems(planner: Planner) -> dict[str, Plan]:
    """A plan for each of SYSTEMS, GUARDED and WATCHED by name."""
    return Systems(planner)


@pytest.fixture(scope="session")
def var_files(planner: Planner) -> dict[str, Plan]:
    """The plan of each committed var-file by its name."""
    return inventory.VarFiles(planner)


@pytest.fixture(scope="session")
def changed_plan(planner: Planner) -> Plan:
    """`plan` with all settings changed that do not affect the API's shape."""
    return planner(
        **{name: value for name, value in SMALL.items() if name not in ("network", "entities")},
        alarms={"topic_arn": TOPIC},
        api_keys={"partner": "standard"},
        dashboard=False,
        deletion_protection=True,
        encryption={"customer_key": False},
        entities={"todos": {"function": {"memory_size": 512, "timeout": 10, "log_level": "DEBUG"}}},
        log_retention_days=30,
        metrics=False,
        network=None,
        tags={"CostCentre": "42"},
        throttle={"rate_limit": 10, "burst_limit": 20},
    )


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(project_of(tmp_path_factory.mktemp("triggers"), CODE))


@pytest.fixture(scope="session")
def triggers(planner: Planner, code: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan]:
    """A system with every kind of function, in a network; one without a network, a key and most of them; and a guest.

    The second has a canary.
    """
    boundary = "arn:aws:iam::123456789012:policy/bounds"
    full = {
        "alarms": {"emails": ["a@example.com"]},
        "code_signing_config_arn": CODE_SIGNING,
        "entities": ENTITIES,
        "functions": with_code(FUNCTIONS),
        "network": NETWORK,
        "permissions_boundary": boundary,
    }
    some = {name: FUNCTIONS[name] for name in ("deliver", "report")}
    own = {name: FUNCTIONS[name] for name in ("backfill", "deliver", "pay", "thumbs")}
    guest = {
        "encryption": {"key_arn": KEY},
        "entities": ENTITIES,
        "functions": with_code(own),
        "network": GUEST_NETWORK,
    }
    lean = {"encryption": {"customer_key": False}, "entities": ENTITIES, "functions": with_code(some)}
    tried = {"since": "2026-11-21T12:30:37Z", "versions": {"shop-report-test": "8"}, "percent": 10}
    live = {"since": "2026-11-02T09:00:12Z", "versions": {"shop-report-test": "7", "shop-deliver-test": "7"}}
    released = tmp_path_factory.mktemp("released") / "project"
    shutil.copytree(code, released)
    (released / "environments").mkdir()
    (released / "environments" / "test.live.json").write_text(json.dumps({"live": live, "canary": tried}))
    return planner.systems(
        "triggers",
        {
            "full": {**SMALL, **full, "project": code},
            "lean": {**SMALL, **lean, "project": str(released)},
            "guest": {**SMALL, **guest, "project": code},
        },
    )
