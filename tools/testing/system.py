"""A system in this process: its functions, and its tables under moto."""

from __future__ import annotations

import copy
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest

from tools.contract import ITEMS, OPERATIONS, PROBLEMS
from tools.testing.events import event
from tools.testing.functions import ENVIRONMENT, Handler, LambdaContext, load_handler
from tools.testing.project import Project
from trestle import app
from trestle.context import Context
from trestle.entity import Entity

SIGNED_IN = "aws.cognito.signin.user.admin"  # the scope of everybody who signs in with a password


class Answer:
    """What the API answers. Names of headers are read in any case."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self.headers = _Headers(headers)
        self.text = text

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)

    @property
    def etag(self) -> str:
        """The header ETag."""
        return self.headers["ETag"]

    def __repr__(self) -> str:
        return f"<Answer {self.status} {self.text}>"


class _Headers(dict[str, str]):
    def __getitem__(self, name: str) -> str:
        found = next((value for each, value in self.items() if each.lower() == name.lower()), None)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return any(each.lower() == str(name).lower() for each in self)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


class Client:
    """Sends requests as one caller.

    Keywords of a request are headers: `If_Match=item.etag` sends If-Match. The query is part of the path, or
    given as `query`. A body that is no text is sent as JSON.
    """

    def __init__(
        self,
        system: System,
        claims: Mapping[str, Any] | None = None,
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        self._system = system
        self._claims = dict(claims or {})
        self._identity = dict(identity or {})

    def get(self, path: str, *, query: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        """Send GET."""
        return self._send("GET", path, None, query or {}, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Send POST."""
        return self._send("POST", path, body, {}, headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Send PUT."""
        return self._send("PUT", path, body, {}, headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Send PATCH."""
        return self._send("PATCH", path, body, {}, headers)

    def delete(self, path: str, **headers: str) -> Answer:
        """Send DELETE."""
        return self._send("DELETE", path, None, {}, headers)

    def list(self, path: str, query: Mapping[str, Any] | None = None) -> list[Any]:
        """Return the items of all pages of a list. Raise AssertionError for an answer that is none."""
        found: list[Any] = []
        asked = dict(query or {})
        while True:
            answer = self.get(path, query=asked)
            assert answer.status == 200, answer
            found += answer.json["items"]
            if answer.json.get("next") is None:
                return found
            asked["cursor"] = answer.json["next"]

    def _send(self, method: str, path: str, body: Any, query: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        address = urlsplit(path)
        asked = parse_qs(address.query, keep_blank_values=True)
        asked |= {name: [str(value)] for name, value in query.items()}
        if body is not None and not isinstance(body, str):
            body = json.dumps(body, default=_number)
        sent = event(
            method, address.path, body=body, query=asked or None,
            headers={"Content-Type": "application/json"} | {each.replace("_", "-"): headers[each] for each in headers},
            request_id=str(uuid.uuid4()),
        )  # fmt: skip
        return self._system.answer(sent, self._claims, self._identity)


class Clock:
    """The time that the functions see. It goes on as usual until `set` stops it."""

    def __init__(self) -> None:
        self._micros: int | None = None

    def set(self, moment: str | datetime) -> None:
        """Stop the clock at a moment: RFC 3339, or a datetime with a time zone."""
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        if at.tzinfo is None:
            raise ValueError(f'{moment} has no time zone: write one, such as "2027-01-01T12:00:00Z".')
        self._micros = (at - datetime.fromisoformat("1970-01-01T00:00:00Z")) // timedelta(microseconds=1)

    def advance(self, **by: float) -> None:
        """Move the clock on and stop it there: `advance(days=1)`, with the arguments of timedelta."""
        self._micros = self.time_ns() // 1000 + timedelta(**by) // timedelta(microseconds=1)

    def time(self) -> float:
        """Return the seconds since 1970."""
        return self.time_ns() / 1e9

    def time_ns(self) -> int:
        """Return the nanoseconds since 1970."""
        return time.time_ns() if self._micros is None else self._micros * 1000

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)  # it takes the place of the module


class Lists:
    """How far lists are behind. In DynamoDB they may lag behind writes; moto's never do by themselves."""

    def __init__(self) -> None:
        self._behind: Any = None

    def lag(self) -> None:
        """Let lists go on showing what is there now, whatever is written from now on."""
        backend = _backend()
        self._behind = copy.copy(backend)
        self._behind.tables = {name: copy.copy(table) for name, table in backend.tables.items()}
        for table in self._behind.tables.values():
            table.items = copy.deepcopy(table.items)

    def catch_up(self) -> None:
        """Let lists show every write, as they do in the beginning."""
        self._behind = None

    def backend(self, current: Any) -> Any:
        """Return moto's backend that answers a list."""
        return self._behind or current


class Items:
    """The items of an entity, read and written directly: no access, no hook and no lag stands in between."""

    def __init__(self, entity: Entity) -> None:
        self._entity = entity

    def create(self, properties: Mapping[str, Any], *, id: str = "", owner: str = "") -> app.Item:
        """Store an item, with properties that clients cannot write as well, and return it.

        Defaults are filled in. Raise ValueError for what breaks the schema, and for an id that is in use.
        """
        from trestle.clock import now
        from trestle.errors import InvalidItem
        from trestle.item import Item
        from trestle.operations.validation import validator_of
        from trestle.own.values import plain_object, public_item
        from trestle.store.put import put

        self._check_owner(owner)
        validator = validator_of(self._entity)
        doc = validator.filled(plain_object(dict(properties)))
        try:
            validator.check(doc)
        except InvalidItem as error:
            raise ValueError(f"{self._entity.name}: {error} {error.faults}") from None
        moment = now()
        item = Item(id or str(uuid.uuid4()), doc, moment, moment, 1)
        if put(self._entity, Context(owner=owner), item) is not None:
            raise ValueError(f'{self._entity.name}: there is an item "{id}" already.')
        return public_item(item, owner)

    def find(self, id: str, *, owner: str = "") -> app.Item | None:
        """Return an item as the last write left it, None if there is none."""
        from trestle.errors import NotFound
        from trestle.operations.get import get
        from trestle.own.values import public_item

        self._check_owner(owner)
        try:
            return public_item(get(self._entity, Context(owner=owner), id), owner)
        except NotFound:
            return None

    def all(self) -> list[app.Item]:
        """Return all items, of all owners, by the time of their creation."""
        from trestle.item import split_key
        from trestle.own.values import public_item
        from trestle.store.records import has_expired, item_of

        found = [
            public_item(item_of(self._entity, record), split_key(record["id"]["S"])[0])
            for record in _records(self._entity.table)
            if not has_expired(self._entity, record)
        ]
        return sorted(found, key=lambda item: (item.created_at, item.id))

    def _check_owner(self, owner: str) -> None:
        if self._entity.owner_scoped != bool(owner):
            what = "have owners: pass owner" if self._entity.owner_scoped else "have no owners: leave out owner"
            raise ValueError(f"Items of {self._entity.name} {what}.")


class System:
    """The API of a var-file, in this process."""

    def __init__(self, project: Project, patch: pytest.MonkeyPatch) -> None:
        """Make its tables, empty, under a running moto; `patch` is undone after the test."""
        self.clock = Clock()
        self.lists = Lists()
        self._project = project
        self._handlers: dict[str, Handler] = {}
        for name, value in {**ENVIRONMENT, "AWS_REGION": project.region, "AWS_DEFAULT_REGION": project.region}.items():
            patch.setenv(name, value)
        for each in filter(None, (project.packages, project.folder)):
            patch.syspath_prepend(str(each))
        _forget_other_app(project.folder)
        self._patch(patch)
        for name in project.entities:
            self._create_table(name)

    @property
    def anonymous(self) -> Client:
        """Somebody who has neither signed in nor sent an API key."""
        return Client(self)

    def user(self, id: str, *, groups: Sequence[str] = (), scopes: Sequence[str] = (), **claims: Any) -> Client:
        """Return the client of a signed-in user; `id` is the token's subject, which owns items."""
        known = {"sub": id, "token_use": "access", "client_id": "tests", "username": id, **claims}
        if groups:
            known["cognito:groups"] = ",".join(groups)
        return Client(self, {**known, "scope": " ".join([SIGNED_IN, *map(self._scope, scopes)])})

    def machine(self, id: str, *, scopes: Sequence[str]) -> Client:
        """Return a client that has a token of its own, with these scopes."""
        scope = " ".join(map(self._scope, scopes))
        return Client(self, {"sub": id, "client_id": id, "token_use": "access", "scope": scope})

    def key(self, name: str = "") -> Client:
        """Return a client with an API key: one of the tfvars, the first by default."""
        known = self._project.keys
        if name and name not in known:
            raise ValueError(f'There is no API key "{name}". Use one of {", ".join(known)}.')
        return Client(self, identity={"apiKeyId": name or known[0]})

    def iam(self, arn: str) -> Client:
        """Return a client that signs its requests with credentials of an AWS identity."""
        return Client(self, identity={"userArn": arn})

    def entity(self, name: str) -> Items:
        """Return the items of an entity, to seed and to read them directly."""
        known = self._project.entities
        if name not in known:
            raise ValueError(f'There is no entity "{name}". Use one of {", ".join(known)}.')
        environment = {"LAMBDA_TASK_ROOT": str(self._project.folder)}
        return Items(Entity.with_schema(name, known[name]["table"], self._project.options[name], environment))

    def answer(self, sent: dict[str, Any], claims: Mapping[str, Any], identity: Mapping[str, Any]) -> Answer:
        """Answer an event as the gateway and the function behind it do: its path may be anything.

        The gateway hands on what it has checked: claims where access is cognito, the identity where it needs one.
        """
        method, path, gateway = sent["httpMethod"], sent["path"], sent["requestContext"]
        routes = self._routes(path)
        if not routes:
            return self._refusal("MISSING_AUTHENTICATION_TOKEN", gateway["requestId"])
        if method not in routes:
            allowed = ", ".join(sorted([*routes, "OPTIONS"]))
            return self._refusal("METHOD_NOT_ALLOWED", gateway["requestId"], Allow=allowed)
        key = routes[method]
        route = self._project.methods[key]
        access = route["access"]
        if access == "cognito":
            if not {*str(claims.get("scope", "")).split()} & {*self._project.method_scopes[key]}:
                return self._refusal("UNAUTHORIZED", gateway["requestId"])
            gateway["authorizer"] = {"claims": dict(claims)}
        elif access == "api_key" and "apiKeyId" not in identity:
            return self._refusal("INVALID_API_KEY", gateway["requestId"])
        elif access == "iam" and "userArn" not in identity:
            return self._refusal("MISSING_AUTHENTICATION_TOKEN", gateway["requestId"])
        elif access != "open":
            gateway["identity"].update(identity)
        base = self._base(route)
        form = OPERATIONS[route["operation"]]["path"]
        sent["resource"] = gateway["resourcePath"] = f"{base}/{form}".rstrip("/") or "/"
        sent["pathParameters"] = {"id": path.removeprefix(f"{base}/")} if form else None
        result = self._call(route["function"], sent)
        return Answer(result["statusCode"], result["headers"], result["body"])

    def _call(self, function: str, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a function returns to an event; the first one is its cold start."""
        environment = {**self._project.environments[function], "LAMBDA_TASK_ROOT": str(self._project.folder)}
        if function not in self._handlers:
            facts = self._project.functions[function]
            self._handlers[function] = load_handler(facts["package"], facts["file"], environment)
        with mock.patch.dict(os.environ, environment):
            return self._handlers[function](sent, LambdaContext())

    def _base(self, route: Mapping[str, Any]) -> str:
        """Return the path of a method's collection, without a slash at its end."""
        return f"/{self._project.entities[route['entity']]['path']}".rstrip("/")

    def _routes(self, path: str) -> dict[str, str]:
        """Return the methods of a path, each with its key in the project: fixed paths go before those with {id}."""
        found: dict[bool, dict[str, str]] = {}
        for key, route in self._project.methods.items():
            base = self._base(route)
            form = OPERATIONS[route["operation"]]
            rest = path.removeprefix(base)
            is_item = bool(form["path"])
            if path.startswith(base) and (rest.count("/") == 1 and len(rest) > 1 if is_item else rest in ("", "/")):
                found.setdefault(is_item, {})[form["method"]] = key
        return found.get(False) or found.get(True) or {}

    def _refusal(self, response: str, request_id: str, **headers: str) -> Answer:
        """Return one of the gateway's own answers."""
        known = PROBLEMS["gateway"][response]
        kind = PROBLEMS["kinds"][known["kind"]]
        uses_iam = any(route["access"] == "iam" for route in self._project.methods.values())
        problem = {
            "type": f"urn:trestle:problem:{known['kind']}",
            "title": kind["title"],
            "status": kind["status"],
            "detail": (uses_iam and known.get("detail_with_iam")) or known["detail"],
            "requestId": request_id,
        }
        shown = {"Content-Type": "application/problem+json", **known.get("headers", {}), **headers}
        return Answer(kind["status"], shown, json.dumps(problem))

    def _scope(self, name: str) -> str:
        """Return a scope as a token has it: with its API in front."""
        return name if "/" in name or "." in name else f"{self._project.identifier}/{name}"

    def _patch(self, patch: pytest.MonkeyPatch) -> None:
        """Let the functions see our clock, and lists our lag."""
        from moto.dynamodb.models import DynamoDBBackend

        import trestle.clock
        import trestle.store.records

        for module in (trestle.clock, trestle.store.records):
            patch.setattr(module, "time", self.clock)
        scan, query = DynamoDBBackend.scan, DynamoDBBackend.query
        lists = self.lists

        def scan_list(backend: Any, *arguments: Any, **more: Any) -> Any:
            return scan(lists.backend(backend), *arguments, **more)

        def query_list(backend: Any, *arguments: Any, **more: Any) -> Any:
            return query(lists.backend(backend), *arguments, **more)

        patch.setattr(DynamoDBBackend, "scan", scan_list)
        patch.setattr(DynamoDBBackend, "query", query_list)

    def _create_table(self, name: str) -> None:
        from trestle.store.boto3_client import shared_client

        indexes = self._project.indexes[name]
        types = {ITEMS["key"]: "S"}
        for each in indexes.values():
            types |= {each["hash_key"]: "S", each["range_key"]: each["range_type"]}
        more = {
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": index,
                    "KeySchema": _key_schema(each["hash_key"], each["range_key"]),
                    "Projection": {"ProjectionType": "ALL"},
                }
                for index, each in indexes.items()
            ]
        }
        shared_client().create_table(
            TableName=self._project.entities[name]["table"],
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_key_schema(ITEMS["key"]),
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()],
            **(more if indexes else {}),
        )


def _key_schema(*keys: str) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def _backend() -> Any:
    """Return moto's backend of the functions' client."""
    from moto.dynamodb.models import dynamodb_backends

    from trestle.store.boto3_client import shared_client

    return dynamodb_backends["123456789012"][shared_client().meta.region_name]


def _records(table: str) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a table as they are now."""
    for item in _backend().tables[table].all_items():
        yield item.to_json()["Attributes"]


def _forget_other_app(folder: Path) -> None:
    """Let the next import of own code find that of the project, and not what another test has imported."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "app":
            places = [*getattr(module, "__path__", ()), *filter(None, [module.__file__])]
            if not any(Path(place).is_relative_to(folder / "app") for place in places):
                del sys.modules[name]


def _number(value: Any) -> Any:
    """Return a Decimal in a body as a number of JSON."""
    return int(value) if value == int(value) else float(value)
