"""Call an entity's functions as Lambda calls them."""

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
    """One entity's functions in one environment: one for each operation, or `entity` for all of them."""

    def __init__(
        self,
        environment: Mapping[str, str],
        schemas: Mapping[str, Any] | None = None,
        functions: Sequence[str] = tuple(OPERATIONS.values()),
        code: Mapping[str, str] | None = None,
    ) -> None:
        """Load the functions; code: the source of app/'s modules (hooks) by name."""
        self._claims: dict[str, Any] | None = None
        self._jwt: dict[str, Any] | None = None
        self._handlers: dict[str, Handler] = {}
        # As in a function's zip, the schemas are beside the code.
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
        """Return the functions' DynamoDB client."""
        client = boto3_client.shared_client()
        if client not in _COUNTED:
            _COUNTED.add(client)
            client.meta.events.register("before-call.dynamodb", _count)
        return client

    @property
    def calls(self) -> list[str]:
        """Return the DynamoDB requests that this process has sent."""
        assert self.client
        return _CALLS

    def as_user(self, sub: str, **claims: Any) -> Api:
        """Return the same functions, called with an access token that has these claims."""
        mine = copy.copy(self)
        mine._claims = {"sub": sub, "token_use": "access", **claims}
        return mine

    def as_issued(
        self, sub: str, *, groups: Sequence[str] = (), scopes: Sequence[str] = (), exp: int = 2**40, **claims: Any
    ) -> Api:
        """Return the same functions, called with a token from the issuer in `jwt`."""
        mine = copy.copy(self)
        found = {"sub": sub, "groups": [*groups], "scopes": [*scopes], "claims": {"sub": sub, **claims}, "exp": exp}
        mine._claims, mine._jwt = None, found
        return mine

    def invoke(self, operation: str, sent: Any, context: Any = None) -> Answer:
        """Return what an operation's function returns for an event."""
        handler = self._handlers.get(operation) or self._handlers["entity"]
        result = handler(sent, context or LambdaContext())
        assert set(result) == {"statusCode", "headers", "body", "isBase64Encoded"}
        assert result["isBase64Encoded"] is False
        answer = Answer(result["statusCode"], result["headers"], result["body"])
        if answer.status >= 400:
            check_problem(answer)
        return answer

    def request(self, method: str, path: str, body: Any = None, **parts: Any) -> Answer:
        """Send a request; a body that is not a string is sent as JSON."""
        context = LambdaContext(parts.pop("millis", 30_000))
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        sent = event(method, path, body=body, **{"claims": self._claims, "jwt": self._jwt, **parts})
        return self.invoke(OPERATIONS[method, sent["pathParameters"] is not None], sent, context)

    def create(self, body: Any, **parts: Any) -> Any:
        """Create an item and return it as the response has it."""
        answer = self.request("POST", "/items", body, **parts)
        assert answer.status == 201, answer.body
        return answer.json

    def requests_of(self, method: str, path: str, body: Any = None, **parts: Any) -> tuple[Answer, list[str]]:
        """Return a response and the DynamoDB requests that it took."""
        before = len(self.calls)
        answer = self.request(method, path, body, **parts)
        return answer, self.calls[before:]

    @contextmanager
    def fault(self, action: str, *faults: Callable[..., Any]) -> Iterator[None]:
        """Make the next HTTP requests of a DynamoDB action meet these faults, one each."""
        pending = list(faults)

        def meet(request: Any, **_: Any) -> Any:
            answer = pending.pop(0)(request) if pending else None
            botocore_stubber.enabled = answer is None  # else moto would carry it out too
            return answer

        def go_on(**_: Any) -> None:
            botocore_stubber.enabled = True

        name = f"before-send.dynamodb.{action}"
        self.client.meta.events.register_first(name, meet)
        self.client.meta.events.register_last("before-send", go_on)  # runs after moto's handler
        try:
            yield
        finally:
            self.client.meta.events.unregister(name, meet)
            self.client.meta.events.unregister("before-send", go_on)
        assert not pending, "a fault was not met"


def check_problem(answer: Answer) -> None:
    """Check an error response: problem details, CORS headers, no internal details."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert list(problem)[:5] == ["type", "title", "status", "detail", "requestId"]
    assert problem["type"].startswith("urn:trestle:problem:")
    assert problem["status"] == answer.status
    assert problem["detail"]
    assert problem["requestId"]
    assert 1 <= len(problem.get("errors", ["-"])) <= 20
    if problem["type"].rpartition(":")[2] in PROBLEMS["kinds"]:  # own code may define other types
        assert ("Retry-After" in answer.headers) == (answer.status == 503)
    assert "Access-Control-Allow-Origin" in answer.headers or answer.headers["Vary"] == "Origin"
    assert not _SECRETIVE.search(answer.body), answer.body


def _count(model: Any, **_: Any) -> None:
    _CALLS.append(model.name)


def modules(function: str, environment: Mapping[str, str]) -> set[str]:
    """Return the modules of the shared package that a function loads at its cold start."""
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
    """DynamoDB returns an error and does nothing."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message, **more}).encode()
    return lambda request: AWSResponse(request.url, status, HTTPHeaders(), _Raw(body))


def lose_answer(request: Any) -> Any:
    """DynamoDB carries out the request, but its response is lost."""
    answer = botocore_stubber("before-send", request)
    assert answer
    assert answer.status_code in (200, 400)
    raise ReadTimeoutError(endpoint_url=request.url)


def succeed(_: Any) -> None:
    """No fault."""


def lose_request(request: Any) -> Any:
    """The request never arrives."""
    raise ReadTimeoutError(endpoint_url=request.url)
