"""Each function's role against its code: the planned policies allow exactly the handlers' calls of AWS.

The functions run on real events under moto, with the plan's table and environment variables. A missing
permission fails the test, and so does an unused one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.client import BaseClient
from moto import mock_aws

from tests.plan import inventory
from tests.plan.conftest import SYSTEMS
from tests.plan.planner import REGION, ROOT, UNKNOWN, Plan, Values
from tests.plan.test_table import create_table_arguments
from tests.receiver import receiving
from tests.unit.api import OPERATIONS, Api
from tests.unit.conftest import ENVIRONMENT
from tools.contract import OPERATIONS as OPERATIONS_OF_CONTRACT
from tools.testing.project import Project, read_project
from trestle.testing import System

# Permissions that the code itself does not use. The Lambda service creates network interfaces with
# the role, and its runtime writes the log and sends the traces. The permission for the table's key
# is in a separate policy, whose text a plan knows only for an existing key: see
# test_key_may_be_used_for_the_table_and_the_environment_alone.
RIGHTS_OF_LAMBDA = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ec2:GetSecurityGroupsForVpc",
    "ec2:UnassignPrivateIpAddresses",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
SCHEMAS = {file.stem: json.loads(file.read_text()) for file in sorted((ROOT / "schemas").glob("*.json"))}
SAMPLES: dict[str, Values] = {
    "customer": {"firstName": "Ada", "lastName": "Byron", "email": "ada@example.com"},
    "movie": {"title": "Metropolis", "year": "1927"},
    "project": {"name": "Bridge", "status": "active"},
    "task": {"projectId": "1", "title": "Measure"},
    "order": {"userId": "1", "quantity": 1, "status": "open"},
    "product": {"name": "cup"},
    "room": {"name": "Attic", "beds": 2, "rate": 80},
    "user": {"name": "Ada"},
}
VALUES = {"boolean": "true", "integer": "1", "number": "1.5"}

# The permissions that the parts of a transaction need.
ACTIONS = {"ConditionCheck": "ConditionCheckItem", "Delete": "DeleteItem", "Put": "PutItem", "Update": "UpdateItem"}

Right = tuple[str, str]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def function_of(package: str, table: str, entity: str, options: Values, **more: str) -> Api:
    """Return a function with its planned environment, and with the repository's own code if it has hooks."""
    told = {"TABLE_NAME": table, "ENTITY": entity, "ENTITY_OPTIONS": json.dumps(options), **more}
    code = {file.stem: file.read_text() for file in sorted((ROOT / "app").glob("*.py"))}
    return Api(ENVIRONMENT | told, SCHEMAS, [package], code if "hooks" in options else None)


def bookings_of(room: str) -> Iterator[Values]:
    """Yield bookings of a room that do not overlap."""
    for day in range(1, 28):
        yield {"room": room, "arrival": f"2027-01-{day:02}", "departure": f"2027-01-{day + 1:02}"}


def requests_of(
    operation: str, options: Values, item: str, stored: Values | None = None, samples: Iterator[Values] | None = None
) -> Iterator[tuple[str, str, Any, Values]]:
    """Requests that cover all of an operation's calls of AWS: method, path, body, other arguments.

    stored: the body of the stored item. samples: the bodies for others. Without them, it is one of SAMPLES.
    """
    ((method, on_item),) = (how for how, name in OPERATIONS.items() if name == operation)
    path = f"/items/{item}" if on_item else "/items"
    body = stored or SAMPLES.get(options.get("schema", ""), {"title": "text"})
    samples = samples or repeat(body)
    if operation == "create":
        yield method, path, next(samples), {}
        keyed = next(samples)
        yield method, path, keyed, {"headers": {"Idempotency-Key": "k"}}
        yield method, path, keyed, {"headers": {"Idempotency-Key": "k"}}
    elif operation == "list":
        yield method, path, None, {}
        owned: Values = {"owner": "somebody"} if "sees_all" in options else {}
        if owned:
            yield method, path, None, {"query": owned}
        properties = SCHEMAS.get(options.get("schema", ""), {}).get("properties", {})
        for name in options.get("filters", {}):
            # A sample's value, because a value that breaks the schema never reaches the table.
            value = body.get(name, VALUES.get(properties.get(name, {}).get("type"), "text"))
            yield method, path, None, {"query": {name: value, **owned}}
    elif operation in ("replace", "merge"):
        yield method, path, body, {}
        yield method, path, {**body, "more": {"nested": None}}, {}
    else:
        yield method, path, None, {}


def rights_of(client: BaseClient, action: str, parameters: Values, region: str) -> Iterator[Right]:
    """Yield the permissions that a call needs."""
    kind = client.meta.service_model.service_id.lower().replace(" ", "")
    if kind == "secretsmanager":
        yield f"{kind}:{action}", parameters["SecretId"]
    elif kind == "sqs":
        yield f"{kind}:{action}", f"arn:aws:{kind}:{region}:000000000000:{parameters['QueueUrl'].rpartition('/')[2]}"
    else:
        parts = [(action, parameters)]
        if action == "TransactWriteItems":  # which needs the permission for each of its parts
            parts = [(ACTIONS[name], part) for each in parameters["TransactItems"] for name, part in each.items()]
        for name, part in parts:
            index = f"/index/{part['IndexName']}" if "IndexName" in part else ""
            yield f"{kind}:{name}", f"arn:aws:{kind}:{region}:000000000000:table/{part.get('TableName')}{index}"


def claim_of(options: Values) -> str:
    """Return the claim that identifies the owner of an entity's items."""
    owner: str = options.get("owner", "")
    return owner.removeprefix("claim:") or "sub"


def used_rights(function: Values, operations: set[str], tables: Mapping[str, Values], region: str) -> set[Right]:
    """The actions and resources of all AWS calls by a planned function's code.

    tables: the planned tables by name.
    """
    variables = function["environment"][0]["variables"]
    name, entity = variables["TABLE_NAME"], variables["ENTITY"]
    options = json.loads(variables.get("ENTITY_OPTIONS", "{}"))
    package = Path(function["filename"]).stem.partition(".")[0]
    more = {key: value for key, value in variables.items() if key == "ENTITIES"}
    # A caller who may read and write everything reaches all code paths.
    shared = {name: options[name] for name in ("sees_all", "acts_for") if name in options}
    rules = {
        rule.partition("=")[::2] for rules in [*options.get("fields", {}).values(), shared] for rule in rules.values()
    }
    groups = {*options.get("groups", {}).values(), *(name for kind, name in rules if kind == "group")}
    user = {
        "sub": "somebody", claim_of(options): "somebody", "cognito:groups": ",".join(groups),
        "scope": " ".join(name for kind, name in rules if kind == "scope"),
    }  # fmt: skip
    calls: set[Right] = set()
    call = BaseClient._make_api_call  # type: ignore[attr-defined] # the stubs leave out what is private

    def note(client: BaseClient, action: str, parameters: Values) -> Any:
        calls.update(rights_of(client, action, parameters, region))
        return call(client, action, parameters)

    with mock_aws():
        api = function_of(package, name, entity, options, **more).as_user(**user)
        for each, table in tables.items():
            keys = {part: value for part, value in create_table_arguments(table).items() if value}
            api.client.create_table(TableName=each, **keys)
        samples: Iterator[Values] | None = None
        writer_options = {"owner": options.get("owner", ""), **shared}
        if "hooks" in options:
            rooms = next(each for each in tables if "-rooms-" in each)
            room = function_of("create", rooms, "rooms", {}).create({"name": "Attic", "beds": 2, "rate": 80})
            samples = bookings_of(room["id"])
            writer_options |= {"hooks": options["hooks"], "schema": "booking"}
            more = {"ENTITIES": json.dumps(everything(tables))}
        writer = function_of("create", name, entity, writer_options, **more).as_user(**user)
        if shared:  # finding another owner's item needs an index
            writer = writer.as_user("another", **{claim_of(options): "other"})
        for operation in sorted(operations):
            stored = next(samples) if samples else None
            item = writer.create(stored or {})["id"]
            for method, path, body, parts in requests_of(operation, options, item, stored, samples):
                with mock.patch.object(BaseClient, "_make_api_call", note):
                    answer = api.request(method, path, body, **parts)
                assert answer.status < 300, f"{answer.body} Give SAMPLES what {options.get('schema')} takes."
    return calls


def everything(tables: Mapping[str, Values]) -> Values:
    """Return ENTITIES for a function that may use every operation on the tables."""
    return {
        name.split("-")[1]: {"operations": ["create", "get"], "options": {"ids": "client"}, "table": name}
        for name in tables
    }


def allowed_rights(plan: Plan, key: str, module: str = "function") -> set[Right]:
    """The actions and resources that a function's role allows its code."""
    all_policies = plan.all("aws_iam_role_policy")
    # The permission for the key is used by DynamoDB and Lambda, not by the function's code.
    policies = {
        a: p["policy"]
        for a, p in all_policies.items()
        if f'module.{module}["{key}"]' in a and not a.endswith("aws_iam_role_policy.key[0]")
    }
    assert UNKNOWN not in policies.values(), "no right but that to the key is left to the apply"
    found = [s for policy in policies.values() for s in json.loads(policy)["Statement"]]
    rights = {
        (action, resource)
        for statement in found
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    return {right for right in rights if right[0] not in RIGHTS_OF_LAMBDA}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def check_rights(plan: Plan, region: str) -> None:
    """Compare the calls of every function of a plan with its role."""
    functions = {
        address.partition('["')[2].partition('"]')[0]: function
        for address, function in plan.all("aws_lambda_function").items()
        if 'module.function["' in address
    }
    assert functions
    for key, function in functions.items():
        entity, _, package = key.partition(".")
        entities = [entity, *json.loads(function["environment"][0]["variables"].get("ENTITIES", "{}"))]
        if "hooks" in json.loads(function["environment"][0]["variables"].get("ENTITY_OPTIONS", "{}")):
            entities = list(plan.outputs["table_names"])
        tables = {plan.outputs["table_names"][each]: plan.one("aws_dynamodb_table", f'"{each}"') for each in entities}
        operations = {
            operation
            for operation, name in plan.outputs["function_names"][entity].items()
            if name == function["function_name"]
        }
        assert operations if package == "entity" else operations == {package}
        needed, granted = used_rights(function, operations, tables, region), allowed_rights(plan, key)
        assert needed - granted == set(), f"{key}: its code needs rights that its role lacks"
        assert granted - needed == set(), f"{key}: its role has rights that its code does not use"


# --- Own functions: the example's


# The actions of Lambda itself, with the role of a function that it invokes with jobs or changes.
RIGHTS_OF_CONSUMERS = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
}


def calls_of_functions(project: Project, patch: pytest.MonkeyPatch) -> dict[str, set[Right]]:
    """Return the AWS calls of the example's functions, by function, on all code paths."""
    calls: dict[str, set[Right]] = {name: set() for name in project.own_functions}
    running: list[str] = []
    call, invoke = BaseClient._make_api_call, System._invoke  # type: ignore[attr-defined] # as in used_rights

    def note(client: BaseClient, action: str, parameters: Values) -> Any:
        for right in rights_of(client, action, parameters, project.region) if running else ():
            calls[running[-1]].add(right)
        return call(client, action, parameters)

    def noting(system: System, name: str, *arguments: Any) -> Any:
        running.append(name)
        try:
            return invoke(system, name, *arguments)
        finally:
            running.pop()

    with mock_aws(), receiving() as receiver:
        patch.setattr(System, "_invoke", noting)
        patch.setattr(BaseClient, "_make_api_call", note)
        system = System(project, patch)
        system.secrets["webhook"] = "whsec"
        system.settings["WEBHOOK_URL"] = receiver.url
        room = system.entity("rooms").create({"name": "Attic", "beds": 2, "rate": 80})
        ada, staff = system.user("ada"), system.user("eve", groups=["staff"])
        days = bookings_of(room.id)
        paths = [f"/bookings/{ada.post('/bookings', next(days)).json['id']}" for _ in range(4)]
        assert ada.get(f"{paths[0]}/ticket.svg").status == 200
        assert [ada.post(f"{paths[0]}/cancel").status, staff.post(f"{paths[1]}/cancel").status] == [200, 200]
        receiver.answers = [(500, {}, b"")]
        system.deliver(retry=True)
        notices = ada.list("/notices")
        assert (len(notices), len(receiver.requests)) == (6, 7)
        patch.setattr("app.nightly.PAGE", 1)
        patch.setattr("app.nightly.MARGIN", 10**6)  # so that it continues itself
        system.clock.advance(days=365)
        system.run("nightly")
        system.send("nightly", "no cursor")
        patch.setattr("app.notify.TEXTS", {})  # failures go to the dead-letter queue
        ada.post("/bookings", next(days))
        system.deliver(retry=True)
        assert (len(system.dead_letters("notify")), len(system.dead_letters("nightly"))) == (1, 1)
    return calls


def check_own_functions(plan: Plan, calls: Mapping[str, set[Right]]) -> None:
    """Compare the roles of own functions with their calls."""
    assert calls.keys() == plan.variables["functions"].keys()
    for name, needed in calls.items():
        granted = allowed_rights(plan, name, "own_function")
        assert needed - granted == set(), f"{name}: its code needs rights that its role lacks"
        spare = {(action, on) for action, on in granted - needed if action not in RIGHTS_OF_CONSUMERS}
        uses = plan.variables["functions"][name].get("uses", {})
        for entity, operations in uses.items():
            table = f":table/{plan.outputs['table_names'][entity]}"
            for operation in operations:
                # The tfvars grant an operation: a read includes ConditionCheckItem, and a list all
                # indexes.
                brought = {f"dynamodb:{action}" for action in actions_of(operation)}
                assert {action for action, on in needed if on.endswith(table)} & brought, f"{name} uses no {operation}"
                spare = {(action, on) for action, on in spare if table not in on or action not in brought}
        # Whether a job returns Again is known only when it runs.
        spare -= {
            ("sqs:SendMessage", on) for _, on in spare if on.endswith(f":{plan.outputs['functions'][name]['name']}")
        }
        assert spare == set(), f"{name}: its role has rights that its code does not use"


def actions_of(operation: str) -> set[str]:
    """Return the DynamoDB actions that an operation in `uses` grants."""
    found = OPERATIONS_OF_CONTRACT[operation]
    brought = {*found["actions"], *found.get("own_code_actions", ()), *found.get("index_actions", ())}
    return {*brought, "Scan"} if operation == "list" else brought


@pytest.mark.xdist_group("environments")
def test_roles_of_own_functions(var_files: dict[str, Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    plan = var_files["bookings"]
    calls = calls_of_functions(read_project(ROOT, ROOT / "examples" / "bookings.tfvars"), monkeypatch)
    check_own_functions(plan, calls)
    one = ("dynamodb:DeleteItem", next(on for action, on in calls["cancel"] if action == "dynamodb:DeleteItem"))
    with pytest.raises(AssertionError, match="tickets: its code needs rights that its role lacks"):
        check_own_functions(plan, {**calls, "tickets": {*calls["tickets"], one}})
    with pytest.raises(AssertionError, match="cancel uses no delete"):
        check_own_functions(plan, {**calls, "cancel": calls["cancel"] - {one}})
    secrets = {right for right in calls["webhook"] if right[0] == "secretsmanager:GetSecretValue"}
    with pytest.raises(AssertionError, match="webhook: its role has rights that its code does not use"):
        check_own_functions(plan, {**calls, "webhook": calls["webhook"] - secrets})


@pytest.mark.xdist_group("plan")
@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_roles_allow_only_what_the_code_requests(systems: dict[str, Plan], system: str) -> None:
    check_rights(systems[system], REGION)


@pytest.mark.xdist_group("environments")
@pytest.mark.parametrize("name", sorted(inventory.VAR_FILES))
def test_roles_of_the_var_files(var_files: dict[str, Plan], name: str) -> None:
    check_rights(var_files[name], var_files[name].variables["region"])


@pytest.mark.xdist_group("plan")
@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([], "rights that its role lacks"),
        (["dynamodb:Query"], "rights that its role lacks"),
        (["dynamodb:GetItem", "dynamodb:Query"], "rights that its code does not use"),
        (["dynamodb:GetItem", "dynamodb:*"], "rights that its code does not use"),
        (["dynamodb:GetItem", "ec2:RunInstances"], "rights that its code does not use"),
    ],
)
def test_a_wrong_policy_is_noticed(systems: dict[str, Plan], actions: list[str], message: str) -> None:
    plan = systems["nat_none"]
    ((address, right),) = (
        (a, p) for a, p in plan.all("aws_iam_role_policy").items() if '"todos.get"' in a and p["policy"] != UNKNOWN
    )
    policy = json.loads(right["policy"])
    (statement,) = (s for s in policy["Statement"] if s["Sid"] == "UseTable")
    statement["Action"] = actions
    wrong = {**plan.resources, address: {**right, "policy": json.dumps(policy)}}
    with mock.patch.object(plan, "resources", wrong), pytest.raises(AssertionError, match=message):
        check_rights(plan, REGION)
