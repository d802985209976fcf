"""Test how the emulator reads a Lambda authorizer's response."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tools.laptop.corrections import authorizers

METHOD = "arn:aws:execute-api:us-west-2:000000000000:api/dev/GET/todos/1"
ALLOW = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
DENY = ALLOW | {"Effect": "Deny"}
STAGE = "arn:aws:execute-api:us-west-2:000000000000:api/dev/*"


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        ([ALLOW], "Allow"),
        (ALLOW, "Allow"),
        ([ALLOW | {"Resource": STAGE}], "Allow"),
        ([ALLOW | {"Resource": ["x", METHOD]}], "Allow"),
        ([ALLOW | {"Resource": METHOD[:-1] + "?"}], "Allow"),
        ([ALLOW | {"Resource": METHOD.replace("GET", "POST")}], "NoMatch"),
        ([ALLOW | {"Resource": METHOD[:-1]}], "NoMatch"),
        ([ALLOW | {"Resource": STAGE.replace("dev", "prod")}], "NoMatch"),
        ([ALLOW | {"Action": "EXECUTE-API:*"}], "Allow"),
        ([ALLOW | {"Action": ["s3:*", "*"]}], "Allow"),
        ([ALLOW | {"Action": "lambda:InvokeFunction"}], "NoMatch"),
        ([ALLOW | {"Action": "execute-api:InvalidateCache"}], "NoMatch"),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], "Allow"),
        ([{"Effect": "Allow", "Resource": "*"}], "NoMatch"),
        ([{"Effect": "Allow", "Action": "*", "NotResource": METHOD}], "NoMatch"),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "x"}], "Allow"),
        ([{"Effect": "Allow", "Action": "*"}], "NoMatch"),
        ([ALLOW | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}], "NoMatch"),
        ([ALLOW, DENY | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}], "Deny"),
        ([ALLOW, DENY], "Deny"),
        ([DENY, ALLOW], "Deny"),
        ([ALLOW, DENY | {"Resource": "x"}], "Allow"),
        ([ALLOW | {"Effect": "allow"}], "NoMatch"),
        (["allow"], "NoMatch"),
        ([], "NoMatch"),
        (None, "NoMatch"),
    ],
)
def test_a_policy_is_read_as_iam_reads_it(statements: Any, decision: str) -> None:
    assert authorizers.decide({"Statement": statements}, METHOD) == decision


def test_an_invalid_policy_allows_nothing() -> None:
    none: list[Any] = [None, "Allow", [ALLOW], {}]
    assert [authorizers.decide(policy, METHOD) for policy in none] == ["NoMatch"] * 4


def failed(text: Any) -> dict[str, Any]:
    return {"error": True, "body": {"errorMessage": text, "errorType": "Exception"}}


def allowed(context: Any) -> dict[str, Any]:
    return {"body": {"principalId": "ada", "policyDocument": {"Statement": [ALLOW]}, "context": context}}


@pytest.mark.parametrize(
    ("result", "corrected"),
    [
        (None, None),
        ({"body": "text"}, {"body": "text"}),
        ({"body": None}, {"body": None}),
        (failed("Unauthorized"), failed("Unauthorized")),
        (failed("unauthorized"), failed("not 401: unauthorized")),
        (failed(" Unauthorized"), failed("not 401:  Unauthorized")),
        (failed("Task timed out"), failed("not 401: Task timed out")),
        (failed(None), failed(None)),
        (allowed(None), allowed(None)),
        (allowed({"jwt": "{}", "n": 1, "b": True}), allowed({"jwt": "{}", "n": 1, "b": True})),
        (allowed({"jwt": {}}), {"body": None}),
        (allowed({"jwt": []}), {"body": None}),
        (allowed("text"), {"body": None}),
    ],
)
def test_faults_of_an_authorizer_are_distinguished(result: Any, corrected: Any) -> None:
    async def invoke(*call: Any) -> Any:
        assert call == ({"id": "a"}, {}, "account", "region")
        return result

    service = SimpleNamespace(_invoke_authorizer_lambda=invoke)
    authorizers.correct(service)
    invoke_corrected: Any = service._invoke_authorizer_lambda
    assert asyncio.run(invoke_corrected({"id": "a"}, {}, "account", "region")) == corrected
    assert service._evaluate_policy is authorizers.decide
