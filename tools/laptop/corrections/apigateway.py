"""Correct API Gateway: updates, functions' events, responses without a function, and signatures."""

from __future__ import annotations

import json
import os
import re
from contextvars import ContextVar
from typing import Any

from tools.laptop.corrections import Params
from trestle.schema.patterns import matches

# The mapping template of modules/api that returns an allowed origin. The emulator does not support #if.
ALLOW_ORIGIN = re.compile(
    r"#set\(\$allowed = (\[.*?\])\)#set\(\$headers = .*?"
    r"#if\(\$origin && \$allowed\.contains\(\$origin\)\)"
    r"#set\(\$context\.responseOverride\.header\.Access-Control-Allow-Origin = \$origin\)#end"
)

# How modules/api packs an OpenAPI document that is too large for a template: variables stand for repeated parts.
VARIABLE = re.compile(r"#set\(\$(a[0-9a-f]+) = '([^']*)'\)")

# The API's own URL in modules/api's OpenAPI document, in which the emulator does not support domain names.
OWN_URL = re.compile(r"https://\$context\.domainName\$context\.path\.replace\('([^']+)',''\)")

# The attributes that are numbers, but arrive as text.
NUMBERS = ("authorizerResultTtlInSeconds", "burstLimit", "limit", "offset", "rateLimit", "timeoutInMillis")

# The request that an API is handling, in the emulator's form.
REQUEST: ContextVar[dict[str, Any]] = ContextVar("REQUEST")
# The path of the HTTP request as sent.
SENT: ContextVar[str] = ContextVar("SENT", default="/")


def correct(v1: Any, app: Any, auth_error: Any) -> None:
    """Correct ministack.services.apigateway_v1, and the parts of the server that it uses."""
    correct_api_gateway(v1)
    correct_key_values(v1)
    correct_models(v1)
    correct_request_ids(v1)
    correct_proxy_events(app, v1)
    correct_mock_integrations(v1)
    correct_signed_calls(app, v1, auth_error)


def correct_models(v1: Any) -> None:
    """Correct aws_api_gateway_model: patterns are read as those of Python's `re` instead of ECMA 262."""

    def regex_search(pattern: str, text: str) -> bool | None:
        try:
            return matches(pattern, text)
        except re.error:  # as in the emulator: a pattern that it cannot read matches everything
            return None

    v1._regex_search = regex_search


def correct_api_gateway(v1: Any) -> None:
    """Correct aws_api_gateway_*: MOCK integrations gain a method, and updates are rejected or lost."""
    put_integration, handle_request = v1._put_integration, v1.handle_request
    tag_resource, untag_resource = v1._tag_v1_resource, v1._untag_v1_resource

    def put_integration_as_sent(api: str, resource: str, method: str, data: Params) -> Any:
        answer = put_integration(api, resource, method, data)
        if data.get("type") == "MOCK" and answer[0] == 201:
            integration = v1._resources[api][resource]["resourceMethods"][method]["methodIntegration"]
            integration["httpMethod"] = data.get("httpMethod")
            return v1._v1_response(integration, 201)
        return answer

    async def handle_with_method_responses(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        parts = [part for part in path.split("/") if part]
        if method == "PATCH" and len(parts) == 8 and parts[4] == "methods" and parts[6] == "responses":
            _, api, _, resource, _, http_method, _, status = parts
            response = v1._resources[api][resource]["resourceMethods"][http_method]["methodResponses"][status]
            return v1._v1_response(apply_patch(response, json.loads(body)["patchOperations"]))
        return await handle_request(method, path, headers, body, query)

    def tags_of(arn: str) -> dict[str, str]:
        kind, name, *stage = arn.partition("::/")[2].split("/")
        stores = {
            "apikeys": v1._api_keys, "domainnames": v1._domain_names,
            "restapis": v1._rest_apis, "usageplans": v1._usage_plans,
        }  # fmt: skip
        tagged = v1._stages_v1[name][stage[1]] if stage else stores[kind][name]
        tags: dict[str, str] = tagged.setdefault("tags", {})
        return tags

    def tag_resource_itself(arn: str, data: Params) -> Any:
        tags_of(arn).update(data["tags"])
        return tag_resource(arn, data)

    def untag_resource_itself(arn: str, keys: list[str]) -> Any:
        for key in keys:
            tags_of(arn).pop(key, None)
        return untag_resource(arn, keys)

    v1._tag_v1_resource, v1._untag_v1_resource = tag_resource_itself, untag_resource_itself
    v1._put_integration = put_integration_as_sent
    v1.handle_request = handle_with_method_responses
    v1._apply_patch = apply_patch


def correct_key_values(v1: Any) -> None:
    """Correct aws_api_gateway_api_key: a key without a value is rejected, because SDKs send an empty one."""
    create = v1._create_api_key

    def create_with_value(data: Params) -> Any:
        return create({name: value for name, value in data.items() if name != "value" or value})

    v1._create_api_key = create_with_value


def apply_patch(target: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Apply patch operations. All their values are strings, and ~1 in a path stands for a slash."""
    for operation in operations:
        keys = [k.replace("~1", "/").replace("~0", "~") for k in operation["path"].strip("/").split("/")]
        *parents, last = keys
        parent: Any = target
        for key in parents:
            if not isinstance(parent.get(key), (dict, list)):
                parent[key] = {}
            parent = parent[key]
        remove, value = operation["op"] == "remove", operation.get("value") or ""
        if isinstance(parent, list):
            parent.remove(last) if remove else parent.append(last)
        elif keys == ["apiStages"]:
            api, _, stage = value.partition(":")
            others = [s for s in parent[last] if (s["apiId"], s["stage"]) != (api, stage)]
            parent[last] = others if remove else [*others, {"apiId": api, "stage": stage}]
        elif keys in (["authorizationScopes"], ["providerARNs"]):
            others = [each for each in parent.get(last) or [] if each != value]
            parent[last] = others if remove else [*others, value]
        elif remove:
            parent.pop(last, None)
        elif value in ("true", "false"):
            parent[last] = value == "true"
        elif last in NUMBERS:
            parent[last] = json.loads(value)
        else:
            parent[last] = value
    return target


def correct_request_ids(v1: Any) -> None:
    """Correct request ids: a response's x-amzn-requestid is not the id in the function's event and in the body."""
    execute = v1._execute_in_scope

    async def execute_in_scope(request: dict[str, Any], *arguments: Any) -> Any:
        REQUEST.set(request)
        answer = await execute(request, *arguments)
        if isinstance(answer, tuple):
            answer[1]["x-amzn-requestid"] = request["request_id"]
        return answer

    v1._execute_in_scope = execute_in_scope


def correct_proxy_events(app: Any, v1: Any) -> None:
    """Correct functions' events: they lack the caller's API key and the bare path of the root, and have other ids."""
    build_event, parse = v1._build_lambda_event_v1, app._parse_execute_api_url

    def parse_execute_api_url(host: str, path: str) -> Any:
        SENT.set(path)
        return parse(host, path)

    def build_whole_event(*arguments: Any, **options: Any) -> Any:
        event = build_event(*arguments, **options)
        context, request = event["requestContext"], REQUEST.get()
        context["requestId"] = context["extendedRequestId"] = request["request_id"]
        methods, method = arguments[3]["resourceMethods"], arguments[5]
        key = v1._resolve_api_key(v1._api_key_from_request(request["headers"]))
        if key and methods.get(method, {}).get("apiKeyRequired"):  # the events of other methods contain no key
            context["identity"] |= {"apiKey": key["value"], "apiKeyId": key["id"]}
        if not SENT.get().endswith("/"):
            context["path"] = context["path"].rstrip("/")
        return event

    app._parse_execute_api_url = parse_execute_api_url
    v1._build_lambda_event_v1 = build_whole_event


def correct_mock_integrations(v1: Any) -> None:
    """Correct MOCK integrations: they return their template without evaluation, and a body with a 204."""
    invoke_mock = v1._invoke_mock_v1
    endpoint = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"

    def invoke_rendered_mock(integration: dict[str, Any]) -> Any:
        status, headers, body = invoke_mock(integration)
        request = REQUEST.get()
        origin = next((v for k, v in request["headers"].items() if k.lower() == "origin"), "")
        text = body.decode()
        allowed = ALLOW_ORIGIN.search(text)
        if allowed and origin in json.loads(allowed[1]):
            headers["Access-Control-Allow-Origin"] = origin
        known = {"requestId": request["request_id"]}
        text = OWN_URL.sub(lambda path: endpoint + SENT.get().removesuffix(path[1]), text)
        text = v1._render_request_template_v1(unpack(ALLOW_ORIGIN.sub("", text)), "", {}, known)
        return status, headers, b"" if status == 204 else text.encode()

    v1._invoke_mock_v1 = invoke_rendered_mock


def unpack(template: str) -> str:
    """Return the template with its variables replaced by their values."""
    values = dict(VARIABLE.findall(template))
    text = VARIABLE.sub("", template)
    return re.sub(r"\$\{(a[0-9a-f]+)\}", lambda found: values[found[1]], text) if values else text


def correct_signed_calls(app: Any, v1: Any, auth_error: Any) -> None:
    """Correct signatures: those for another service or region pass, and a missing permission gives an error of IAM."""
    enforce = app._enforce_execute_api
    v1._AUTHENTICATION_GATEWAY_ERRORS["AccessDenied"] = ("ACCESS_DENIED", "AccessDeniedException")

    def enforce_as_gateway(*call: Any, **options: Any) -> Any:
        api, stage, method, path, headers, query = call

        def refusal(code: str) -> Any:
            return v1.authentication_error_response(api, stage, auth_error(code, code), headers, query)

        refused = enforce(*call, **options)
        scope = v1.find_api_scope(api)
        if scope is None or v1.method_authorization_type(api, stage, method, path) != "AWS_IAM":
            return refused
        if refused is not None:
            # Permissions are checked only for valid signatures. Invalid ones already get the gateway's responses.
            return refusal("AccessDenied") if b"is not authorized to perform" in refused[2] else refused
        signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", headers.get("authorization", ""))
        ours = signed is None or signed.groups() == (scope[1], "execute-api")
        return None if ours else refusal("SignatureDoesNotMatch")

    app._enforce_execute_api = enforce_as_gateway
