"""Run a system in this process: its functions, with tables of moto."""

from __future__ import annotations

import copy
import json
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest

from tools.contract import ITEMS, OPERATIONS, PROBLEMS
from tools.testing.clock import Clock
from tools.testing.events import event
from tools.testing.functions import ENVIRONMENT, Handler, LambdaContext, load_handler
from tools.testing.own import OwnFunctions, Secrets
from tools.testing.project import Project
from tools.testing.tables import backend, records_of
from trestle import app
from trestle.context import Context
from trestle.entity import Entity

SIGNED_IN = "aws.cognito.signin.user.admin"  # the scope of every user who signs in with a password


class Answer:
    """A response of the API. Header names are not case-sensitive."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        self.status = status
        self.headers = _Headers(headers)
        self.text = text

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
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

    Keyword arguments of a request are headers: `If_Match=item.etag` sends If-Match. The query is a part of the path,
    or the argument `query`. A body that is not text is sent as JSON.
    """

    def __init__(
        self,
        system: System,
        claims: Mapping[str, Any] | None = None,
        identity: Mapping[str, Any] | None = None,
        token: Mapping[str, Any] | None = None,
    ) -> None:
        """Create a client with its credentials.

        claims: the claims of a user pool's access token. token: the context of Trestle's Lambda authorizer for an
        issuer's token.
        """
        self._system = system
        self._claims = dict(claims or {})
        self._identity = dict(identity or {})
        self._token = dict(token or {})

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
        """Return the items of all pages of a list. Raise AssertionError if a response is not a page."""
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
        return self._system.answer(sent, self._claims, self._identity, self._token)


class Lists:
    """The lag of lists. In DynamoDB, lists may lag behind writes; in moto, they never do."""

    def __init__(self) -> None:
        self._behind: Any = None

    def lag(self) -> None:
        """Let lists keep the current items, without later writes."""
        current = backend()
        self._behind = copy.copy(current)
        self._behind.tables = {name: copy.copy(table) for name, table in current.tables.items()}
        for table in self._behind.tables.values():
            table.items = copy.deepcopy(table.items)

    def catch_up(self) -> None:
        """Let lists show every write again, as at the start."""
        self._behind = None

    def backend(self, current: Any) -> Any:
        """Return the moto backend that handles a list."""
        return self._behind or current


class Items:
    """The items of an entity, read and written directly: without access checks, hooks and lag."""

    def __init__(self, entity: Entity) -> None:
        self._entity = entity

    def create(self, properties: Mapping[str, Any], *, id: str = "", owner: str = "") -> app.Item:
        """Store an item, which may have properties that clients cannot write. Return it.

        Missing properties get their defaults. Raise ValueError if the item breaks the schema or its id is in use.
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
            raise ValueError(f'{self._entity.name}: there is already an item "{id}".')
        return public_item(item, owner)

    def find(self, id: str, *, owner: str = "") -> app.Item | None:
        """Return an item as of the last write, or None if there is none."""
        from trestle.errors import NotFound
        from trestle.operations.get import get
        from trestle.own.values import public_item

        self._check_owner(owner)
        try:
            return public_item(get(self._entity, Context(owner=owner), id), owner)
        except NotFound:
            return None

    def all(self) -> list[app.Item]:
        """Return all items of all owners, in the order of their creation."""
        from trestle.item import split_key
        from trestle.own.values import public_item
        from trestle.store.records import has_expired, item_of

        found = [
            public_item(item_of(self._entity, record), split_key(record["id"]["S"])[0])
            for record in records_of(self._entity.table)
            if not has_expired(self._entity, record)
        ]
        return sorted(found, key=lambda item: (item.created_at, item.id))

    def _check_owner(self, owner: str) -> None:
        if bool(self._entity.owner) != bool(owner):
            what = "have owners: pass owner" if self._entity.owner else "have no owners: leave out owner"
            raise ValueError(f"Items of {self._entity.name} {what}.")


class System:
    """The API and the functions of a var-file, in this process.

    secrets: the values of secrets, by their keys in the tfvars. settings: values that replace those in the tfvars, by
    name, from the next call of a function on.
    """

    def __init__(self, project: Project, patch: pytest.MonkeyPatch) -> None:
        """Create its empty tables in a running moto. `patch` is undone after the test."""
        self.clock = Clock()
        self.lists = Lists()
        self._project = project
        # By function: its handler, and the runtime that trestle.app's functions use for it.
        self._handlers: dict[str, tuple[Handler, app.Runtime | None]] = {}
        for name, value in {**ENVIRONMENT, "AWS_REGION": project.region, "AWS_DEFAULT_REGION": project.region}.items():
            patch.setenv(name, value)
        for each in filter(None, (project.packages, project.folder)):
            patch.syspath_prepend(str(each))
        _forget_other_app(project.folder)
        self._patch(patch)
        self.settings: dict[str, str] = {}
        tables = {name: each["table"] for name, each in project.entities.items()}
        self._own = OwnFunctions(project.own_functions, tables, project.region, self.clock, self._invoke)
        if project.own_functions:
            self._own.watch(patch)
        self._templates = {
            **{key: self._template(each) for key, each in project.methods.items()},
            **{key: f"/{each['path']}".rstrip("/") or "/" for key, each in project.own_routes.items()},
        }
        for name in project.entities:
            self._create_table(name)

    @property
    def secrets(self) -> Secrets:
        """The values of secrets, by their keys in `secrets` in the tfvars."""
        return self._own.secrets

    def run(self, function: str, body: Any = None) -> None:
        """Run a job of a function now, as `make run` does, and then the jobs that it continues with Again.

        Raise the exceptions of the function.
        """
        self._own.run(function, body)

    def send(self, function: str, body: Any) -> None:
        """Send a job to a function's queue, as `send` of trestle.app does. deliver() delivers it."""
        self._own.send(function, body)

    def emit(self, source: str, type: str, detail: Mapping[str, Any]) -> list[str]:
        """Put an event on EventBridge's bus. Return the names of the functions to which deliver() delivers it."""
        return self._own.emit(source, type, detail)

    def deliver(self, *, twice: bool = False, retry: bool = False) -> None:
        """Deliver changes, jobs and events to functions until none is due, including those that result from them.

        twice: deliver each one a second time, as may happen in AWS. What a repetition sends is not repeated.
        retry: retry failed and postponed ones until they succeed or are dead letters. The clock moves forward to each
        attempt. Without `retry`, raise the exceptions of the function; the change or job is retried when it is due.
        Expired items are deleted first.
        """
        self._own.deliver(self._delete_expired, twice=twice, retry=retry)

    def jobs(self, function: str) -> list[Any]:
        """Return the bodies of the jobs in a function's queue, including those that are not due yet."""
        return self._own.jobs(function)

    def dead_letters(self, function: str) -> list[Any]:
        """Return the dead letters of a function.

        A job is its body, an event is the whole event, a change is {"function", "change", "error", "attempts"}.
        """
        return self._own.dead_letters(function)

    @property
    def anonymous(self) -> Client:
        """A client without a token or an API key."""
        return Client(self)

    def user(self, id: str, *, groups: Sequence[str] = (), scopes: Sequence[str] = (), **claims: Any) -> Client:
        """Return the client of a signed-in user. `id` is the token's subject, which owns items.

        The user has signed in both to the user pool and to the issuer of `jwt`.
        """
        known = {"sub": id, "token_use": "access", "client_id": "tests", "username": id, **claims}
        if groups:
            known["cognito:groups"] = ",".join(groups)
        known["scope"] = " ".join([SIGNED_IN, *map(self._scope, scopes)])
        return Client(self, known, token=self._token({"sub": id, "client_id": "tests", **claims}, groups, scopes))

    def machine(self, id: str, *, scopes: Sequence[str]) -> Client:
        """Return a client with its own token, which has these scopes."""
        known = {"sub": id, "client_id": id}
        scope = " ".join(map(self._scope, scopes))
        return Client(self, {**known, "token_use": "access", "scope": scope}, token=self._token(known, (), scopes))

    def key(self, name: str = "") -> Client:
        """Return a client with an API key of the tfvars, by default the first."""
        known = self._project.keys
        if name and name not in known:
            raise ValueError(f'There is no API key "{name}". Use one of {", ".join(known)}.')
        return Client(self, identity={"apiKeyId": name or known[0]})

    def iam(self, arn: str) -> Client:
        """Return a client that signs its requests with the credentials of an AWS identity."""
        return Client(self, identity={"userArn": arn})

    def entity(self, name: str) -> Items:
        """Return the items of an entity, to add and read them directly."""
        known = self._project.entities
        if name not in known:
            raise ValueError(f'There is no entity "{name}". Use one of {", ".join(known)}.')
        environment = {"LAMBDA_TASK_ROOT": str(self._project.folder)}
        return Items(Entity.with_schema(name, known[name]["table"], self._project.options[name], environment))

    def _delete_expired(self) -> None:
        """Delete expired items in tables whose changes functions handle. DynamoDB does this with a delay."""
        from trestle.store.boto3_client import shared_client
        from trestle.store.records import has_expired

        for name in self._watched_entities:
            entity = self.entity(name)._entity
            for record in list(records_of(entity.table)) if entity.ttl else ():
                if has_expired(entity, record):
                    shared_client().delete_item(TableName=entity.table, Key={ITEMS["key"]: record[ITEMS["key"]]})
                    last = backend().tables[entity.table].stream_shard.items[-1].record
                    last["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

    @property
    def _watched_entities(self) -> set[str]:
        """The entities whose changes functions handle."""
        return {name for each in self._project.own_functions.values() for name in each["changes"]}

    def answer(
        self,
        sent: dict[str, Any],
        claims: Mapping[str, Any],
        identity: Mapping[str, Any],
        token: Mapping[str, Any],
    ) -> Answer:
        """Return the response of the gateway and its function to an event with any path.

        The gateway passes on the credentials that it has checked: the claims if access is cognito, the token if it is
        jwt, the identity if access requires one.
        """
        method, path, gateway = sent["httpMethod"], sent["path"], sent["requestContext"]
        routes = self._routes(path)
        if not routes:
            return self._refusal("MISSING_AUTHENTICATION_TOKEN", gateway["requestId"])
        if method not in routes:
            allowed = ", ".join(sorted([*routes, "OPTIONS"]))
            return self._refusal("METHOD_NOT_ALLOWED", gateway["requestId"], Allow=allowed)
        key = routes[method]
        route = self._project.methods.get(key) or self._project.own_routes[key]
        access = route["access"]
        if access == "cognito":
            if not {*str(claims.get("scope", "")).split()} & {*self._project.method_scopes[key]}:
                return self._refusal("UNAUTHORIZED", gateway["requestId"])
            gateway["authorizer"] = {"claims": dict(claims)}
        elif access == "jwt":
            if not token:
                return self._refusal("UNAUTHORIZED", gateway["requestId"])
            text = json.dumps({**token, "exp": int(self.clock.time()) + 3600})
            gateway["authorizer"] = {"jwt": text, "principalId": token["sub"]}
        elif access == "api_key" and "apiKeyId" not in identity:
            return self._refusal("INVALID_API_KEY", gateway["requestId"])
        elif access == "iam" and "userArn" not in identity:
            return self._refusal("MISSING_AUTHENTICATION_TOKEN", gateway["requestId"])
        elif access != "open":
            gateway["identity"].update(identity)
        sent["resource"] = gateway["resourcePath"] = template = self._templates[key]
        sent["pathParameters"] = _match_path(template, path) or None
        is_own = key in self._project.own_routes
        result = self._invoke(route["function"], sent) if is_own else self._call(route["function"], sent)
        return Answer(result["statusCode"], result["headers"], result["body"] or "")

    def _call(self, function: str, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Call a function with an event. Return the result. The first call is a cold start."""
        environment = {**self._project.environments[function], "LAMBDA_TASK_ROOT": str(self._project.folder)}
        facts = self._project.functions[function]
        answer: dict[str, Any] = self._handle(
            function, (facts["package"], facts["file"]), environment, sent, LambdaContext()
        )
        return answer

    def _invoke(self, name: str, sent: Mapping[str, Any], seconds: float = 30) -> Any:
        """Call an own function with an event. Return the result. The first call is a cold start."""
        settings = self._project.own_functions[name]["settings"]
        environment = {
            **self._project.own_environments[name],
            **{each: value for each, value in self.settings.items() if each in settings},
            "CHECK_ANSWERS": "1",
            "LAMBDA_TASK_ROOT": str(self._project.folder),
        }
        context = LambdaContext(int(seconds * 1000))
        return self._handle(json.dumps([name, self.settings]), ("app", "index.py"), environment, sent, context)

    def _handle(
        self, key: str, file: tuple[str, str], environment: Mapping[str, str], sent: Any, context: LambdaContext
    ) -> Any:
        """Call a function with an event in its own environment, isolated from the other functions of this process."""
        if key not in self._handlers:
            with mock.patch.object(app, "_runtime", None):
                self._handlers[key] = load_handler(*file, environment), app._runtime
        handler, runtime = self._handlers[key]
        with mock.patch.dict(os.environ, environment), mock.patch.object(app, "_runtime", runtime):
            return handler(sent, context)

    def _template(self, route: Mapping[str, Any]) -> str:
        """Return the path of an operation, such as /orders/{id}."""
        base = f"/{self._project.entities[route['entity']]['path']}".rstrip("/")
        return f"{base}/{OPERATIONS[route['operation']]['path']}".rstrip("/") or "/"

    def _routes(self, path: str) -> dict[str, str]:
        """Return the methods of a path, each with its key in the project. Fixed segments match before parameters."""
        found: dict[str, dict[str, str]] = {}
        for key, template in self._templates.items():
            if _match_path(template, path) is not None:
                route = self._project.own_routes.get(key)
                method = route["method"] if route else OPERATIONS[self._project.methods[key]["operation"]]["method"]
                found.setdefault(template, {})[method] = key
        # "{" sorts after all characters of a path.
        return found[min(found)] if found else {}

    def _refusal(self, response: str, request_id: str, **headers: str) -> Answer:
        """Return one of the gateway's own responses."""
        known = PROBLEMS["gateway"][response]
        kind = PROBLEMS["kinds"][known["kind"]]
        known_routes = [*self._project.methods.values(), *self._project.own_routes.values()]
        uses_iam = any(route["access"] == "iam" for route in known_routes)
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
        """Return a scope as in tokens, with its API as a prefix."""
        return name if "/" in name or "." in name else f"{self._project.identifier}/{name}"

    def _token(self, claims: Mapping[str, Any], groups: Sequence[str], scopes: Sequence[str]) -> dict[str, Any]:
        """Return the context of Trestle's Lambda authorizer for an issuer's token, without its times."""
        known = {**claims, **({self._project.groups_claim: [*groups]} if groups else {}), "scope": " ".join(scopes)}
        return {"sub": known["sub"], "groups": [*groups], "scopes": [*scopes], "claims": known}

    def _patch(self, patch: pytest.MonkeyPatch) -> None:
        """Let the functions use this system's clock, and the lists its lag."""
        from moto.dynamodb.models import DynamoDBBackend

        import trestle.clock
        import trestle.http.callers
        import trestle.store.records

        for module in (trestle.clock, trestle.http.callers, trestle.store.records):
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
                    "Projection": {"ProjectionType": each["projection"]},
                }
                for index, each in indexes.items()
            ]
        }
        stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
        shared_client().create_table(
            TableName=self._project.entities[name]["table"],
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_key_schema(ITEMS["key"]),
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()],
            **(more if indexes else {}),
            **(stream if name in self._watched_entities else {}),
        )


def _match_path(template: str, path: str) -> dict[str, str] | None:
    """Return the values of a route's parameters in a path, or None if it does not match. It may end with a slash."""
    parts, asked = template.strip("/").split("/"), path.removeprefix("/").removesuffix("/").split("/")
    if len(parts) != len(asked):
        return None
    found = {}
    for part, value in zip(parts, asked, strict=True):
        if part.startswith("{") and value:
            found[part.strip("{}")] = value
        elif part != value:
            return None
    return found


def _key_schema(*keys: str) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def _forget_other_app(folder: Path) -> None:
    """Let the next import of own code load that of the project, instead of the one that another test has imported."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "app":
            places = [*getattr(module, "__path__", ()), *filter(None, [module.__file__])]
            if not any(Path(place).is_relative_to(folder / "app") for place in places):
                del sys.modules[name]


def _number(value: Any) -> Any:
    """Return a Decimal in a body as a JSON number."""
    return int(value) if value == int(value) else float(value)
