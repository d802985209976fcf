"""Correct WAF: the logging of firewalls."""

from __future__ import annotations

import json
from typing import Any

from tools.laptop.corrections import Params


def correct(waf: Any) -> None:
    """Correct aws_wafv2_web_acl_logging_configuration: the emulator does not have it."""
    handle_request = waf.handle_request
    key = "LoggingConfiguration"  # stored with its web ACL, and so saved and deleted with it

    async def handle_with_logging(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action not in (f"{verb}{key}" for verb in ("Delete", "Get", "Put")):
            return await handle_request(method, path, headers, body, query)
        sent = json.loads(body)
        arn = sent[key]["ResourceArn"] if action == f"Put{key}" else sent["ResourceArn"]
        acl: Params = next((acl for acl in waf._web_acls.values() if acl["ARN"] == arn), {})
        if action == f"Put{key}" and acl:
            acl[key] = sent[key]
        if key not in acl:
            return waf._waf_err("WAFNonexistentItemException", f"{arn} has no logging configuration.")
        found = acl.pop(key) if action == f"Delete{key}" else acl[key]
        return waf.json_response({} if action == f"Delete{key}" else {key: found})

    waf.handle_request = handle_with_logging
