"""The functions of an entity, called as Lambda calls them."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError
from moto.core.models import botocore_stubber

from tools.contract import PROBLEMS
from tools.testing.events import event
from tools.testing.functions import LAMBDA_SRC, Handler, LambdaContext, load_handler
from trestle.store import boto3_client

_CALLS: list[str] = []
_COUNTED: weakref.WeakSet[Any] = weakref.WeakSet()
TABLE = "test-items"
OPERATIONS = {
    ("POST", False): "create",
    ("GET", True): "get",
    ("GET", False): "list",
    ("PUT", True): "replace",
    ("PATCH", True): "merge",
    ("DELETE", True): "delete",
}
_SECRETIVE = re.compile(rf"{TABLE}|arn:|Traceback|botocore|\.py\b|dynamodb", re.IGNORECASE)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


class Api:
    """One entity's functions under one environment, one for each operation or `entity` for them all."""

    def __init__(
        self,
        environment: Mapping[str, str],
        schemas: Mapping[str, Any] | None = None,
        functions: Sequence[str] = tuple(OPERATIONS.values()),
        code: Mapping[str, str] | None = None,
    ) -> None:
        """Load the functions; code: the modules of app/, with hooks, by their names."""
        self._claims: dict[str, Any] | None = None
        self._jwt: dict[str, Any] | None = None
        self._handlers: dict[str, Handler] = {}
        # Laid out as in a function's package: the schemas are beside the code.
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "schemas").mkdir()
        for name, schema in (schemas or {}).items():
            (folder / "schemas" / f"{name}.json").write_text(json.dumps(schema))
        (folder / "app").mkdir()
        for name, source in (code or {}).items():
            (folder / "app" / f"{name}.py").write_text(source)
        file = "index.py" if code is None else "hooked.py"
        for name in [name for name in sys.modules if code is not None and name.partition(".")[0] == "app"]:
            del sys.modules[name]
        variables = {**environment, "LAMBDA_TASK_ROOT": str(folder)}
        with mock.patch.object(sys, "path", [str(folder), *sys.path]):
            for function in functions:
                self._handlers[function] = load_handler(function, file, variables)

    @property
    def client(self) -> Any:
        """The functions' client of DynamoDB."""
        client = boto3_client.shared_client()
        if client not in _COUNTED:
            _COUNTED.add(client)
            client.meta.events.register("before-call.dynamodb", _count)
        return client

    @property
    def calls(self) -> list[str]:
        """The DynamoDB requests of this process so far."""
        assert self.client
        return _CALLS

    def as_user(self, sub: str, **claims: Any) -> Api:
        """The same functions, called by a user with these claims in an access token."""
        mine = copy.copy(self)
        mine._claims = {"sub": sub, "token_use": "access", **claims}
        return mine

    def as_issued(
        self, sub: str, *, groups: Sequence[str] = (), scopes: Sequence[str] = (), exp: int = 2**40, **claims: Any
    ) -> Api:
        """The same functions, called with a token of the issuer that `jwt` names."""
        mine = copy.copy(self)
        found = {"sub": sub, "groups": [*groups], "scopes": [*scopes], "claims": {"sub": sub, **claims}, "exp": exp}
        mine._claims, mine._jwt = None, found
        return mine

    def invoke(self, operation: str, sent: Any, context: Any = None) -> Answer:
        """What an operation's function returns to an event."""
        handler = self._handlers.get(operation) or self._handlers["entity"]
        result = handler(sent, context or LambdaContext())
        assert set(result) == {"statusCode", "headers", "body", "isBase64Encoded"}
        assert result["isBase64Encoded"] is False
        answer = Answer(result["statusCode"], result["headers"], result["body"])
        if answer.status >= 400:
            check_problem(answer)
        return answer

    def request(self, method: str, path: str, body: Any = None, **parts: Any) -> Answer:
        """Send a request; a body that is no text is sent as JSON."""
        context = LambdaContext(parts.pop("millis", 30_000))
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        sent = event(method, path, body=body, **{"claims": self._claims, "jwt": self._jwt, **parts})
        return self.invoke(OPERATIONS[method, sent["pathParameters"] is not None], sent, context)

    def create(self, body: Any, **parts: Any) -> Any:
        """A new item, as it was answered."""
        answer = self.request("POST", "/items", body, **parts)
        assert answer.status == 201, answer.body
        return answer.json

    def requests_of(self, method: str, path: str, body: Any = None, **parts: Any) -> tuple[Answer, list[str]]:
        """An answer and the DynamoDB requests that it took."""
        before = len(self.calls)
        answer = self.request(method, path, body, **parts)
        return answer, self.calls[before:]

    @contextmanager
    def fault(self, action: str, *faults: Callable[..., Any]) -> Iterator[None]:
        """Let the next HTTP requests of a DynamoDB action meet these faults, one each."""
        pending = list(faults)

        def meet(request: Any, **_: Any) -> Any:
            answer = pending.pop(0)(request) if pending else None
            botocore_stubber.enabled = answer is None  # or moto would carry out what has its answer already
            return answer

        def go_on(**_: Any) -> None:
            botocore_stubber.enabled = True

        name = f"before-send.dynamodb.{action}"
        self.client.meta.events.register_first(name, meet)
        self.client.meta.events.register_last("before-send", go_on)  # after moto
        try:
            yield
        finally:
            self.client.meta.events.unregister(name, meet)
            self.client.meta.events.unregister("before-send", go_on)
        assert not pending, "a fault was not met"


def check_problem(answer: Answer) -> None:
    """Hold an error to the contract: problem details, CORS, nothing of the inside."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert list(problem)[:5] == ["type", "title", "status", "detail", "requestId"]
    assert problem["type"].startswith("urn:trestle:problem:")
    assert problem["status"] == answer.status
    assert problem["detail"]
    assert problem["requestId"]
    assert 1 <= len(problem.get("errors", ["-"])) <= 20
    if problem["type"].rpartition(":")[2] in PROBLEMS["kinds"]:  # others are own code's
        assert ("Retry-After" in answer.headers) == (answer.status == 503)
    assert "Access-Control-Allow-Origin" in answer.headers or answer.headers["Vary"] == "Origin"
    assert not _SECRETIVE.search(answer.body), answer.body


def _count(model: Any, **_: Any) -> None:
    _CALLS.append(model.name)


def modules(function: str, environment: Mapping[str, str]) -> set[str]:
    """The modules of the shared package that a function loads as it starts."""
    code = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*(name for name in sys.modules if 'trestle' in name))"
    command = [sys.executable, "-c", code, str(LAMBDA_SRC / function / "index.py")]
    done = subprocess.run(
        command, env={**environment, "PYTHONPATH": str(LAMBDA_SRC)}, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def error(code: str, status: int = 400, message: str = "no", **more: Any) -> Callable[..., AWSResponse]:
    """DynamoDB answers with an error, without doing anything."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message, **more}).encode()
    return lambda request: AWSResponse(request.url, status, HTTPHeaders(), _Raw(body))


def lose_answer(request: Any) -> Any:
    """The request is carried out and its answer never arrives."""
    answer = botocore_stubber("before-send", request)
    assert answer
    assert answer.status_code in (200, 400)
    raise ReadTimeoutError(endpoint_url=request.url)


def succeed(_: Any) -> None:
    """No fault."""


def lose_request(request: Any) -> Any:
    """The request never arrives."""
    raise ReadTimeoutError(endpoint_url=request.url)
