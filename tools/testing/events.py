"""Create events of API Gateway's REST proxy integration ("Input format of a Lambda function for proxy
integration" in its developer guide).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

STAGE = "test"


def event(
    method: str,
    path: str,
    *,
    collection: str = "/items",
    body: str | None = None,
    base64: bool = False,
    headers: Mapping[str, str | Sequence[str]] | None = None,
    query: Mapping[str, str | Sequence[str]] | None = None,
    identity: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    jwt: Any = None,
    request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
) -> dict[str, Any]:
    """Return the event of a request on `collection` ("/items") or on an item in it ("/items/42").

    claims: the claims that the authorizer of a user pool passes on. jwt: the context that Trestle's Lambda authorizer
    passes on.
    """
    item_id = path.removeprefix(collection).removeprefix("/")
    resource = collection if not item_id else f"{collection.rstrip('/')}/{{id}}"
    sent = {
        "Accept": "*/*",
        "Host": "abc123.execute-api.us-west-2.amazonaws.com",
        "User-Agent": "curl/8.7.1",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        **(headers or {}),
    }
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": _last(sent),
        "multiValueHeaders": _all(sent),
        "queryStringParameters": _last(query),
        "multiValueQueryStringParameters": _all(query),
        "pathParameters": {"id": item_id} if item_id else None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc123",
            **({"authorizer": {"claims": dict(claims)}} if claims else {}),
            **({"authorizer": {"jwt": json.dumps(jwt), "principalId": "caller"}} if jwt else {}),
            "domainName": "abc123.execute-api.us-west-2.amazonaws.com",
            "domainPrefix": "abc123",
            "extendedRequestId": "Xe3bHFiEPHcEm0Q=",
            "httpMethod": method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None,
                "cognitoIdentityId": None,
                "cognitoIdentityPoolId": None,
                "principalOrgId": None,
                "sourceIp": "192.0.2.1",
                "user": None,
                "userAgent": "curl/8.7.1",
                "userArn": None,
                **(identity or {}),
            },
            "path": f"/{STAGE}{path}",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTime": "21/Nov/2026:10:26:42 +0000",
            "requestTimeEpoch": 1795256802000,
            "resourceId": "abcdef",
            "resourcePath": resource,
            "stage": STAGE,
        },
        "body": body,
        "isBase64Encoded": base64,
    }


def _last(values: Mapping[str, str | Sequence[str]] | None) -> dict[str, str] | None:
    return {name: value if isinstance(value, str) else value[-1] for name, value in values.items()} if values else None


def _all(values: Mapping[str, str | Sequence[str]] | None) -> dict[str, list[str]] | None:
    return {name: [value] if isinstance(value, str) else [*value] for name, value in values.items()} if values else None
