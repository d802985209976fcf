"""Correct the addresses of APIs: domains, disabled default addresses, and the VPC endpoints of private APIs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from tools.laptop.corrections import Params

# The path of an API's domain for clients that cannot set the header Host; the domain follows it.
DOMAINS = "/_aws/domains/"
# An API's name in the DNS name of a VPC endpoint: the API's id and the endpoint's id.
PRIVATE_API = re.compile(r"([a-z0-9]+)-(vpce-[0-9a-f]+)")

# The domain of a request, and the VPC endpoint that it comes through; "" for none.
DOMAIN: ContextVar[str] = ContextVar("DOMAIN", default="")
ENDPOINT: ContextVar[str] = ContextVar("ENDPOINT", default="")


def correct(v1: Any, app: Any, evaluator: Any) -> None:
    """Correct ministack.services.apigateway_v1, and the parts of the server and of policies that handle addresses.

    Must run after apigateway.correct, on which it relies.
    """
    correct_domains(v1)
    correct_paths(app, v1)
    correct_events(v1)
    correct_refusals(app, v1, evaluator)


def domain_names(v1: Any) -> Collection[str]:
    """Return the names of all domains."""
    return [name for (_account, _region, name), _domain in v1._domain_names.all_items()]


def correct_domains(v1: Any) -> None:
    """Correct aws_api_gateway_domain_name and _base_path_mapping: updates, and the mapping of the root."""
    create_mapping, create_name = v1._create_base_path_mapping, v1._create_domain_name
    handle_request = v1.handle_request

    def create_mapping_of_root(name: str, data: Params) -> Any:
        return create_mapping(name, data | {"basePath": data.get("basePath") or "(none)"})

    def create_available_name(data: Params) -> Any:
        if data["domainName"] in v1._domain_names:
            return v1._v1_error("BadRequestException", "The domain name you provided already exists.", 400)
        status, headers, body = create_name(data)
        if status == 201:
            made = v1._domain_names[data["domainName"]]
            made["domainNameStatus"] = "AVAILABLE"
            return v1._v1_response(without_empty_truststore(made), 201)
        return status, headers, body

    async def handle_with_changes(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        top, name, *rest = [*(unquote(part) for part in path.split("/") if part), "", ""][:5]
        if (method, top) == ("PATCH", "domainnames"):
            kind, base_path = [*filter(None, rest), "", ""][:2]
            changed = v1._base_path_mappings.get(name, {}).get(base_path) if kind else v1._domain_names.get(name)
            if changed is not None:
                v1._apply_patch(changed, json.loads(body)["patchOperations"])
                return v1._v1_response(without_empty_truststore(changed))
        return await handle_request(method, path, headers, body, query)

    v1._create_base_path_mapping, v1._create_domain_name = create_mapping_of_root, create_available_name
    v1.handle_request = handle_with_changes


def without_empty_truststore(domain: Params) -> Params:
    """Remove the mutual TLS from a domain that does not require it. Return the domain."""
    if not domain.get("mutualTlsAuthentication", {}).get("truststoreUri"):
        domain.pop("mutualTlsAuthentication", None)
    return domain


def correct_paths(app: Any, v1: Any) -> None:
    """Correct routing: serve domains at a path too, and take the VPC endpoint from the address of a private API."""
    parse = app._parse_execute_api_url

    def parse_address(host: str, path: str) -> Any:
        found = parse(host, path)
        DOMAIN.set("")
        ENDPOINT.set("")
        if path.startswith(DOMAINS):
            name, _, rest = path.removeprefix(DOMAINS).partition("/")
            DOMAIN.set(name)
            return v1.resolve_base_path_mapping(name, f"/{rest}") or ("unknown", "unknown", "/")
        if found and (private := PRIVATE_API.fullmatch(found[0])):
            ENDPOINT.set(private[2])
            return private[1], *found[1:]
        return found

    app._parse_execute_api_url = parse_address


def correct_events(v1: Any) -> None:
    """Correct the address in functions' events: at a domain, leave out the stage and the local path of the domain."""
    build_event = v1._build_lambda_event_v1

    def build_event_at_domain(*arguments: Any, **options: Any) -> Any:
        event = build_event(*arguments, **options)
        if name := DOMAIN.get():
            context = event["requestContext"]
            stage = f"/{context['stage']}"
            # Without a slash at the end, clients would resolve relative references against the name.
            context["path"] = f"/{name}" if context["path"] == stage else context["path"].removeprefix(stage)
            context |= {"domainName": name, "domainPrefix": name.partition(".")[0]}
            event["headers"]["host"] = name
            event["multiValueHeaders"]["host"] = [name]
        return event

    v1._build_lambda_event_v1 = build_event_at_domain


def correct_refusals(app: Any, v1: Any, evaluator: Any) -> None:
    """Correct access: disabled addresses respond, no request has a VPC endpoint, and policies ignore users' tokens."""
    enforce, authorize = app._enforce_execute_api, v1._authorize_request_v1
    resolve = evaluator._resolve_condition_key

    def enforce_address(api: str, *call: Any, **options: Any) -> Any:
        scope = v1.find_api_scope(api)
        settings = v1._rest_apis.get_scoped(*scope, api) if scope else {}
        if settings.get("disableExecuteApiEndpoint") and not DOMAIN.get():
            kind = {"Content-Type": "application/json", "x-amzn-ErrorType": "ForbiddenException"}
            return 403, kind, json.dumps({"message": "Forbidden"}).encode()
        return enforce(api, *call, **options)

    async def authorize_by_policy(
        api: str, stage: str, method_of_api: Params, method: str, path: str, *call: Any
    ) -> Any:
        error, context = await authorize(api, stage, method_of_api, method, path, *call)
        if error is None and method_of_api.get("authorizationType") not in (None, "AWS_IAM", "NONE"):
            error = v1._anonymous_policy_error(api, stage, method, path, *call[-2:])
        return error, context

    def resolve_endpoint(key: str, context: Any) -> Any:
        return ENDPOINT.get() or None if key.lower() == "aws:sourcevpce" else resolve(key, context)

    app._enforce_execute_api = enforce_address
    v1._authorize_request_v1 = authorize_by_policy
    evaluator._resolve_condition_key = resolve_endpoint
