"""moto's server, with two operations as AWS documents them.

`python -m tests.independent.moto_server -p PORT` takes moto's own arguments. moto 5.2.5 has no UpdateMethod, and
its UpdateUserPoolClient keeps the settings that a request leaves out, which AWS sets to their defaults:
https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateMethod-Patch
https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPoolClient.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.apigateway.models import Method
from moto.apigateway.responses import APIGatewayResponse
from moto.cognitoidp.models import CognitoIdpBackend, CognitoIdpUserPoolClient
from moto.core.utils import camelcase_to_underscores
from moto.server import main


def patch(method: Method, operation: dict[str, str]) -> None:
    """Carry out one patch operation on a method; raise AttributeError if a method has nothing at its path."""
    kind, value = operation["op"], operation.get("value")
    name, *keys = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    attribute = camelcase_to_underscores(name)
    before = getattr(method, attribute)
    if name == "authorizationScopes":
        scopes = set(before or ())
        setattr(method, attribute, sorted(scopes | {value} if kind == "add" else scopes - {value}))
        return
    new: Any = value == "true" if name in ("apiKeyRequired", "requestParameters") else value or None
    if keys:
        others = {key: kept for key, kept in (before or {}).items() if key != keys[0]}
        new = others if kind == "remove" else others | {keys[0]: new}
    setattr(method, attribute, new)


def update_method(self: APIGatewayResponse) -> str:
    """Answer UpdateMethod."""
    _, _, api, _, resource, _, verb = self.path.split("/")
    method = self.backend.get_method(api, resource, verb)
    for operation in self._get_param("patchOperations"):
        patch(method, operation)
    return json.dumps(method.to_json())


def update_user_pool_client(
    self: CognitoIdpBackend, user_pool_id: str, client_id: str, extended_config: dict[str, Any]
) -> CognitoIdpUserPoolClient:
    """Set all settings of an app client: what the request leaves out gets its default."""
    client: CognitoIdpUserPoolClient = self.describe_user_pool_client(user_pool_id, client_id)
    defaults = CognitoIdpUserPoolClient(user_pool_id, client.generate_secret, {})
    client.extended_config = defaults.extended_config | extended_config
    return client


if __name__ == "__main__":
    APIGatewayResponse.update_method = update_method  # type: ignore[attr-defined] # moto lacks it
    CognitoIdpBackend.update_user_pool_client = update_user_pool_client  # type: ignore[method-assign] # as above
    main()
