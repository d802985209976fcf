from __future__ import annotations

import calendar
import hmac
import time
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from trestle.store import signing
from trestle.store.credentials import Credentials
from trestle.store.endpoint import DYNAMODB, Endpoint, Service
from trestle.store.queues import SQS
from trestle.store.secrets import SECRETS_MANAGER

ACTIONS = (
    *((DYNAMODB, action) for action in ("PutItem", "GetItem", "UpdateItem", "DeleteItem", "Query", "Scan")),
    (SQS, "SendMessage"),
    (SECRETS_MANAGER, "GetSecretValue"),
)
words = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+=", min_size=1, max_size=60)


def botocore_signs(
    url: str, service: Service, action: str, body: bytes, keys: Credentials, region: str
) -> dict[str, str]:
    """Return botocore's signature of the same request, signed now."""
    model = get_session().get_service_model(service.name)
    headers = {
        "Content-Type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
        "X-Amz-Target": f"{model.metadata['targetPrefix']}.{action}",
    }
    request = AWSRequest("POST", url, data=body, headers=headers)
    given_keys = BotocoreCredentials(keys.access_key, keys.secret_key, keys.token)
    SigV4Auth(given_keys, model.signing_name, region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@given(
    action=st.sampled_from(ACTIONS),
    body=st.binary(max_size=300),
    access_key=words,
    secret_key=words,
    token=st.none() | words,
    region=st.sampled_from(("us-west-2", "cn-north-1", "eu-isoe-west-1")),
    place=st.sampled_from(("https://dynamodb.us-west-2.amazonaws.com", "http://127.0.0.1:8000", "https://h:443/")),
)
def test_the_signature_equals_botocores(
    action: tuple[Service, str],
    body: bytes,
    access_key: str,
    secret_key: str,
    token: str | None,
    region: str,
    place: str,
) -> None:
    keys = Credentials(access_key, secret_key, token)
    endpoint = Endpoint(place)
    expected = botocore_signs(place + ("" if place.endswith("/") else "/"), *action, body, keys, region)
    now = calendar.timegm(time.strptime(expected["x-amz-date"], "%Y%m%dT%H%M%SZ"))
    found = signing.signed_headers(*action, body, endpoint=endpoint, credentials=keys, region=region, now=now)
    assert found["authorization"] == expected["authorization"]
    assert found["x-amz-date"] == expected["x-amz-date"]
    assert found.get("x-amz-security-token") == token
    assert found["host"] == endpoint.authority
    assert found["content-type"] == expected["content-type"]
    assert found["x-amz-target"] == expected["x-amz-target"]


def sign(**changes: Any) -> str:
    values: dict[str, Any] = {
        "service": DYNAMODB,
        "action": "GetItem",
        "body": b"{}",
        "endpoint": Endpoint("https://dynamodb.us-west-2.amazonaws.com"),
        "credentials": Credentials("AKID", "secret", None),
        "region": "us-west-2",
        "now": 1_800_000_000.0,
    }
    return signing.signed_headers(**values | changes)["authorization"]


def test_the_key_is_derived_again_for_another_day_region_secret_or_service() -> None:
    first = sign()
    others = [
        sign(now=1_800_000_000.0 + 86_400),
        sign(region="eu-west-1"),
        sign(service=SQS),
        sign(credentials=Credentials("AKID", "other", None)),
    ]
    assert len({first, *others}) == 5
    assert sign() == first


def test_the_key_is_cached_for_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    sign()
    derived: list[bytes] = []
    real = hmac.digest

    def counting(key: bytes, message: bytes, name: str) -> bytes:
        derived.append(message)
        return real(key, message, name)

    monkeypatch.setattr(hmac, "digest", counting)
    sign(now=1_800_000_060.0)
    assert len(derived) == 1
