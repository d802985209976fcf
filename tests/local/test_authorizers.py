"""Test token authorizers and the laptop's issuer in an empty emulator, without Terraform."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.local.api import POOL
from tools.laptop.emulator import ACCOUNT, Emulator, Running, client, free_port
from tools.laptop.issuer.tokens import Issuer

pytestmark = pytest.mark.slow

REGION = "us-west-2"

# The authorizer's behaviour depends on the token. It records each call in a file.
CODE = """
import json, os, time


def authorize(event, context):
    token = event["authorizationToken"].removeprefix("Bearer ")
    with open(os.environ["CALLS"], "a") as calls:
        print(json.dumps(event), file=calls)
    method, stage = event["methodArn"], event["methodArn"].split("/")[:2]
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "/".join([*stage, "*"])}
    decision = {
        "principalId": token, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"jwt": json.dumps({"sub": token}), "number": 1, "flag": True},
    }
    if token.startswith("raise."):
        raise Exception(token.removeprefix("raise."))
    if token == "sleep":
        time.sleep(30)
    if token == "deny":
        statement["Effect"] = "Deny"
    if token == "method":
        statement["Resource"] = method
    if token == "action":
        statement["Action"] = "s3:GetObject"
    if token == "nested":
        decision["context"]["jwt"] = {"sub": token}
    if token == "nothing":
        return {"principalId": token}
    return decision


def echo(event, context):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["authorizer"])}
"""

FAULTS = {"AUTHORIZER_FAILURE": "503", "AUTHORIZER_CONFIGURATION_ERROR": "500", "UNAUTHORIZED": "401"}


@dataclass
class Gateway:
    """An API with one resource, whose two methods have an authorizer."""

    running: Running
    folder: Path
    api: str = ""
    authorizer: str = ""

    def client(self, service: str) -> Any:
        return client(service, self.running)

    def function(self, handler: str) -> str:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as package:
            package.writestr("index.py", CODE)
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=handler, Runtime="python3.13", Handler=f"index.{handler}", Timeout=2, Publish=True,
            Role=f"arn:aws:iam::{ACCOUNT}:role/r", Code={"ZipFile": code.getvalue()},
            Environment={"Variables": {"CALLS": str(self.folder / "calls")}},
        )  # fmt: skip
        functions.create_alias(FunctionName=handler, Name="live", FunctionVersion="1")
        of = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{handler}:live"
        return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{of}/invocations"

    def make(self) -> None:
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)
        gateway = self.client("apigateway")
        api = self.api = gateway.create_rest_api(name="a")["id"]
        self.authorizer = gateway.create_authorizer(
            restApiId=api, name="a", type="TOKEN", authorizerUri=self.function("authorize"),
            identitySource="method.request.header.Authorization",
            identityValidationExpression="Bearer [A-Za-z.]+", authorizerResultTtlInSeconds=300,
        )["id"]  # fmt: skip
        (root,) = gateway.get_resources(restApiId=api)["items"]
        resource = gateway.create_resource(restApiId=api, parentId=root["id"], pathPart="echo")["id"]
        echo = self.function("echo")
        for method in ("GET", "POST"):
            named = {"restApiId": api, "resourceId": resource, "httpMethod": method}
            gateway.put_method(**named, authorizationType="CUSTOM", authorizerId=self.authorizer)
            gateway.put_integration(**named, type="AWS_PROXY", integrationHttpMethod="POST", uri=echo)
        for kind, status in FAULTS.items():
            gateway.put_gateway_response(
                restApiId=api, responseType=kind, statusCode=status,
                responseParameters={"gatewayresponse.header.x-kind": f"'{kind}'"},
            )  # fmt: skip
        gateway.create_deployment(restApiId=api, stageName="dev")

    def __call__(self, token: str | None, method: str = "GET") -> tuple[int, Any]:
        """Return a response's status and the authorizer's context or the kind of fault."""
        headers = {} if token is None else {"Authorization": token}
        url = f"{self.running.endpoint}/_aws/execute-api/{self.api}/dev/echo"
        answer = POOL.request(method, url, headers=headers)
        return answer.status, answer.headers.get("x-kind") or json.loads(answer.data)

    def calls(self) -> list[Any]:
        """Return the events that the authorizer got."""
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    made = Emulator(tmp_path_factory.mktemp("system") / "emulator")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def gateway(emulator: Emulator) -> Gateway:
    made = Gateway(emulator.start(free_port(), REGION), emulator.folder)
    made.make()
    return made


def test_other_headers_than_bearer_tokens_do_not_reach_the_function(gateway: Gateway) -> None:
    before = len(gateway.calls())
    for token in (None, "", "Bearer", "Bearer ", "bearer allow", "Basic allow", "allow", "xBearer allow", "Bearer a b"):
        assert gateway(token) == (401, "UNAUTHORIZED"), token
    assert len(gateway.calls()) == before


def test_the_function_gets_the_header_and_its_context_is_passed_on_as_text(gateway: Gateway) -> None:
    status, context = gateway("Bearer ada")
    assert (status, json.loads(context.pop("jwt"))) == (200, {"sub": "ada"})
    assert context == {"principalId": "ada", "number": "1", "flag": "true"}
    assert gateway.calls()[-1] == {
        "type": "TOKEN", "authorizationToken": "Bearer ada",
        "methodArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{gateway.api}/dev/GET/echo",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        ("raise.Unauthorized", (401, "UNAUTHORIZED")),
        ("raise.unauthorized", (503, "AUTHORIZER_FAILURE")),
        ("raise.Forbidden", (503, "AUTHORIZER_FAILURE")),
        ("sleep", (503, "AUTHORIZER_FAILURE")),
        ("nothing", (500, "AUTHORIZER_CONFIGURATION_ERROR")),
        ("nested", (500, "AUTHORIZER_CONFIGURATION_ERROR")),
    ],
)
def test_each_fault_of_the_function_has_its_response_and_is_not_cached(
    gateway: Gateway, token: str, answer: tuple[int, str]
) -> None:
    before = len(gateway.calls())
    assert gateway(f"Bearer {token}") == answer
    if token != "sleep":
        assert gateway(f"Bearer {token}") == answer
        assert len(gateway.calls()) == before + 2


def test_a_policy_that_does_not_allow_the_method_is_403(gateway: Gateway) -> None:
    assert [gateway(f"Bearer {token}")[0] for token in ("deny", "action")] == [403, 403]


def test_a_decision_is_cached_by_token_and_evaluated_for_each_method(gateway: Gateway) -> None:
    before = len(gateway.calls())
    assert [gateway("Bearer bob")[1]["principalId"] for _ in range(3)] == ["bob"] * 3
    assert gateway("Bearer eve")[1]["principalId"] == "eve"
    assert gateway("Bearer bob", "POST")[1]["principalId"] == "bob"
    assert len(gateway.calls()) == before + 2
    assert [gateway("Bearer method", method)[0] for method in ("GET", "POST")] == [200, 403]


def test_a_changed_ttl_is_reported_as_a_number_and_takes_effect(gateway: Gateway) -> None:
    made, named = gateway.client("apigateway"), {"restApiId": gateway.api, "authorizerId": gateway.authorizer}
    path = "/authorizerResultTtlInSeconds"
    changed = made.update_authorizer(**named, patchOperations=[{"op": "replace", "path": path, "value": "0"}])
    assert changed["authorizerResultTtlInSeconds"] == 0
    before = len(gateway.calls())
    assert [gateway("Bearer carl")[0] for _ in range(2)] == [200, 200]
    assert len(gateway.calls()) == before + 2
    made.update_authorizer(**named, patchOperations=[{"op": "replace", "path": path, "value": "300"}])


def test_the_process_serves_the_issuer_as_long_as_it_has_keys(emulator: Emulator, gateway: Gateway) -> None:
    issuer = Issuer(emulator.folder.with_name("issuer"), f"{gateway.running.endpoint}/_trestle/issuer")
    document = f"{issuer.url}/.well-known/openid-configuration"
    browser = {"User-Agent": "Mozilla/5.0", "Origin": "http://localhost:1", "Sec-Fetch-Site": "cross-site"}
    assert POOL.request("GET", document).status == 503
    issuer.prepare({"audiences": ["a"], "groups_claim": "groups", "client_id": "c", "issuer": "x"}, "shop-test")
    for headers in ({}, browser):
        found = POOL.request("GET", document, headers=headers)
        assert (found.status, found.json()["issuer"]) == (200, issuer.url)
    keys = jwt.PyJWKSet.from_dict(POOL.request("GET", found.json()["jwks_uri"]).json())
    token = issuer.access_token("ada")
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, ["RS256"], audience="a", issuer=issuer.url)["exp"] > time.time()
    # Nothing is served for a foreign domain that points to this machine.
    elsewhere = POOL.request("GET", document, headers={"Host": "attacker.example"})
    assert elsewhere.status == 403
