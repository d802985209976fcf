"""Correct CloudFront: the console's distribution, and the resources that belong to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import parse_qs, unquote

from tools.laptop.corrections import Params
from tools.laptop.corrections.activity import PATH as ACTIVITY
from tools.laptop.corrections.addresses import DOMAINS

# The path at which users sign in, and the attributes of an app's client that name their return URLs.
SIGN_IN = re.compile(r"https://[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com")
RETURN_URLS = ("CallbackURLs", "LogoutURLs")


def correct(
    cloudfront: Any, app: Any, evaluator: Any, cognito: Any, *, port: str, domains: Callable[[], Collection[str]]
) -> None:
    """Correct ministack.services.cloudfront, and the parts of policies and sign-in that belong to it."""
    correct_distributions(cloudfront, app, domains)
    correct_changed_functions(cloudfront)
    correct_response_headers_policies(cloudfront)
    correct_bucket_policies(evaluator)
    correct_console_addresses(cloudfront, cognito, port)


def correct_distributions(cloudfront: Any, app: Any, domains: Callable[[], Collection[str]]) -> None:
    """Correct aws_cloudfront_distribution: it does not reach APIs, and needs Node.js to run a function."""
    fetch = cloudfront._fetch_from_origin

    async def fetch_from_any(origin: Params, method: str, uri: str, query: str, *call: Any) -> Any:
        api, _, service = origin["domain_name"].partition(".")
        if origin["domain_name"] in domains():
            address = DOMAINS + origin["domain_name"]
        elif service.startswith("execute-api."):
            address = f"/_aws/execute-api/{api}"
        else:
            return await fetch(origin, method, uri, query, *call)
        headers, body, *_ = call
        path = address + unquote(origin["origin_path"] + uri)
        status, answered, content = await app._handle_execute_api_request(
            "", path, method, headers, body, parse_qs(query, keep_blank_values=True)
        )
        return status, "", cloudfront._multidict_from_pairs(answered.items()), content

    def find_caller(label: str) -> Params | None:
        # Without this, a browser could choose between the console and AWS by the name of the caller's account.
        every: Any = cloudfront._distributions.to_dict().values()
        return next((d for d in every if d["DomainName"] == f"{label}.cloudfront.net"), None)

    async def run_function(_arn: str, event: Params) -> Params:
        request: Params = event["request"]
        # The effect of the only function, aws_cloudfront_function.mount of modules/website.
        uri: str = request["uri"]
        if not uri.startswith("/api/") or re.search(r"/(\.|%2e){2}(/|$)", uri, re.IGNORECASE):
            return {"statusCode": 400}
        viewer = {"x-viewer-address": {"value": event["viewer"]["ip"]}}
        return request | {"uri": uri.removeprefix("/api"), "headers": request["headers"] | viewer}

    cloudfront.find_distribution_for_label = find_caller
    cloudfront._fetch_from_origin = fetch_from_any
    cloudfront._run_function = run_function


def correct_changed_functions(cloudfront: Any) -> None:
    """Correct aws_cloudfront_function: an update's response lacks ETtag, which is AWS's spelling and SDKs read."""
    update = cloudfront._cf_update_function

    def update_with_etag(*call: Any) -> Any:
        status, headers, body = update(*call)
        if status == 200:
            headers["ETtag"] = headers["ETag"]
        return status, headers, body

    cloudfront._cf_update_function = update_with_etag


def correct_response_headers_policies(cloudfront: Any) -> None:
    """Correct aws_cloudfront_response_headers_policy: unset values are reported as empty ones."""
    build = cloudfront._RHP_SPEC["build_config"]

    def build_set_headers(parent: Any, config: Params) -> None:
        build(parent, config)
        for name in ("CustomHeaders", "RemoveHeaders"):
            if not config[name]:
                parent.remove(parent.find(f"{name}Config"))

    cloudfront._build_rhp_config_xml = cloudfront._RHP_SPEC["build_config"] = build_set_headers


def correct_bucket_policies(evaluator: Any) -> None:
    """Correct aws_s3_bucket_policy: a distribution reads its bucket over TLS, which policies do not see."""
    evaluate = evaluator.evaluate_resource_policy

    def evaluate_over_tls(policy: Any, context: Any, service: str | None = None) -> Any:
        if service == "cloudfront.amazonaws.com":
            context.service_context["aws:securetransport"] = "true"
        return evaluate(policy, context, service=service)

    evaluator.evaluate_resource_policy = evaluate_over_tls


def correct_console_addresses(cloudfront: Any, cognito: Any, port: str) -> None:
    """Correct the console's settings: they name the sign-in, dashboard and return URLs of AWS."""
    handle, find_client = cloudfront.handle_viewer_request, cognito._find_pool_by_client_id

    def here(text: str) -> str:
        return SIGN_IN.sub(f"http://127.0.0.1:{port}", text)

    async def handle_with_addresses(distribution: Params, method: str, path: str, *call: Any) -> Any:
        status, headers, body = await handle(distribution, method, path, *call)
        if policy := headers.get("Content-Security-Policy"):
            headers["Content-Security-Policy"] = here(policy)
        if path == "/config.json" and status == 200:
            # The dashboard exists only in AWS. In the local run, activity.py counts requests for the first page.
            told = json.loads(here(body.decode())) | {"activity": ACTIVITY, "dashboard": None}
            body = json.dumps(told).encode()
            headers.pop("Content-Length", None)  # the server sets it, as for other bodies
        return status, headers, body

    def find_client_of_console(client_id: str) -> Any:
        pool_id, pool, client = find_client(client_id)
        there = [f"https://{d['DomainName']}/" for d in cloudfront._distributions.values()]
        if client and set(there) & set(client.get("CallbackURLs", [])):
            urls = {key: [*client.get(key, []), f"http://localhost:{port}/"] for key in RETURN_URLS}
            client = client | urls
        return pool_id, pool, client

    cloudfront.handle_viewer_request = handle_with_addresses
    cognito._find_pool_by_client_id = find_client_of_console
