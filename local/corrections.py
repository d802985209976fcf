"""Run MiniStack with the read-backs corrected that would make every next plan show a difference.

The emulator accepts these settings and then does not report them, so Terraform sees drift in a stack that
nobody touched. Each correction names the resources that drift without it. They reach into private functions
and so hold for one version alone: on another the launcher stops before it serves anything.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

PINNED = "1.5.33"

LARGEST_PAGE = 10_000  # lines of a log that one answer holds

Params = dict[str, Any]
Handler = Callable[[Params], Any]

DEFAULT_FLOW_LOG_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)

# The mapping template of modules/api that repeats an allowed origin: the emulator has no #if.
ALLOW_ORIGIN = re.compile(
    r"#set\(\$allowed = (\[.*?\])\)#set\(\$headers = .*?"
    r"#if\(\$origin && \$allowed\.contains\(\$origin\)\)"
    r"#set\(\$context\.responseOverride\.header\.Access-Control-Allow-Origin = \$origin\)#end"
)

# Where users sign in, and what of an app's client says where they come back to.
SIGN_IN = re.compile(r"https://[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com")
RETURN_URLS = ("CallbackURLs", "LogoutURLs")

# What browsers send and programs do not: the first two not with each request. No page can change one of them.
BROWSER = {
    b"origin": re.compile(rb"."),
    b"sec-fetch-site": re.compile(rb"."),
    b"user-agent": re.compile(rb"Mozilla/"),
}
# What they may ask for, as "METHOD path". To the letter: what the emulator has no handler for at such a path,
# it takes for a call of the service that the query, a header or the body names.
OF_CONSOLE = re.compile(r"[A-Z]+ /(api/.*|[0-9a-f]{16}/.*|[a-z]+\.[a-z]+)?", re.DOTALL)
OF_APIS = re.compile(
    r"[A-Z]* /_aws/execute-api/[^/]+/.*"
    r"|GET /(logout|oauth2/(authorize|userInfo))"
    r"|POST /(login|oauth2/(login|revoke|token|userInfo))"
    r"|OPTIONS /oauth2/(revoke|token|userInfo)",
    re.DOTALL,
)

# The request that an API is at work on, as the emulator has it.
REQUEST: ContextVar[dict[str, Any]] = ContextVar("REQUEST")
# The path of the HTTP request, as it was sent.
SENT: ContextVar[str] = ContextVar("SENT", default="/")


def correct_security_groups(ec2: Any) -> None:
    """aws_security_group and its rules: prefix lists are lost, and a new group's open egress rule stays."""
    parse, rule_xml = ec2._parse_ip_permissions, ec2._sg_rule_xml

    def parse_ip_permissions(params: Params, prefix: str) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = parse(params, prefix)
        for i, rule in enumerate(rules, 1):
            if (
                rule["IpProtocol"] == "-1"
            ):  # a rule for all protocols has no ports, though some callers send 0
                rule.pop("FromPort", None)
                rule.pop("ToPort", None)
            base = f"{prefix}.{i}.PrefixListIds"
            j = 1
            while list_id := ec2._p(params, f"{base}.{j}.PrefixListId"):
                description = ec2._p(params, f"{base}.{j}.Description")
                rule["PrefixListIds"].append(
                    {"PrefixListId": list_id, **({"Description": description} if description else {})}
                )
                j += 1
        return rules

    def sg_rule_xml(sg_id: str, rule: dict[str, Any], is_egress: bool = False) -> str:
        xml: str = rule_xml(sg_id, rule, is_egress)
        for entry in rule.get("PrefixListIds", []):
            # Without addresses or groups the rule comes out as one bare item: the prefix list belongs in it.
            xml = f"{xml.removesuffix('</item>')}<prefixListId>{entry['PrefixListId']}</prefixListId></item>"
        return xml

    ec2._parse_ip_permissions = parse_ip_permissions
    ec2._sg_rule_xml = sg_rule_xml


def correct_vpc_endpoints(ec2: Any) -> None:
    """aws_vpc_endpoint: policy, security groups, private DNS and address type are dropped or not reported."""
    create, modify, fields_xml = ec2._create_vpc_endpoint, ec2._modify_vpc_endpoint, ec2._vpce_fields_xml

    def remember(endpoint: dict[str, Any], params: Params) -> None:
        removed = ec2._parse_member_list(params, "RemoveSecurityGroupId")
        groups = [group for group in endpoint.get("Groups", []) if group not in removed]
        for name in ("SecurityGroupId", "AddSecurityGroupId"):
            groups += [g for g in ec2._parse_member_list(params, name) if g not in groups]
        endpoint["Groups"] = groups
        for key in ("PolicyDocument", "PrivateDnsEnabled", "IpAddressType"):
            if value := ec2._p(params, key):
                endpoint[key] = value
        if ec2._p(params, "ResetPolicy") == "true":
            endpoint.pop("PolicyDocument", None)

    def create_vpc_endpoint(params: Params) -> Any:
        known = set(ec2._vpc_endpoints)
        create(params)
        (made,) = set(ec2._vpc_endpoints) - known
        remember(ec2._vpc_endpoints[made], params)
        xml = vpce_fields_xml(ec2._vpc_endpoints[made], "vpcEndpoint")
        return ec2._xml(200, "CreateVpcEndpointResponse", xml)

    def modify_vpc_endpoint(params: Params) -> Any:
        answer = modify(params)
        if endpoint := ec2._vpc_endpoints.get(ec2._p(params, "VpcEndpointId")):
            remember(endpoint, params)
        return answer

    def vpce_fields_xml(endpoint: dict[str, Any], tag: str = "item") -> str:
        groups = "".join(f"<item><groupId>{g}</groupId></item>" for g in endpoint.get("Groups", []))
        xml = f"<groupSet>{groups}</groupSet>"
        for name, key in (("policyDocument", "PolicyDocument"), ("privateDnsEnabled", "PrivateDnsEnabled")):
            if key in endpoint:
                xml += f"<{name}>{ec2._esc(endpoint[key])}</{name}>"
        if endpoint["VpcEndpointType"] == "Interface":
            xml += f"<ipAddressType>{endpoint.get('IpAddressType', 'ipv4')}</ipAddressType>"
            xml += "<dnsOptions><dnsRecordIpType>ipv4</dnsRecordIpType></dnsOptions>"
        return f"{fields_xml(endpoint, tag).rstrip().removesuffix(f'</{tag}>')}{xml}</{tag}>"

    ec2._vpce_fields_xml = vpce_fields_xml
    ec2._ACTION_MAP |= {"CreateVpcEndpoint": create_vpc_endpoint, "ModifyVpcEndpoint": modify_vpc_endpoint}


def correct_network_acls(ec2: Any) -> None:
    """aws_network_acl: subnets belong to no list, so none can change to another; rules lose ports."""
    describe, entry_xml = ec2._describe_network_acls, ec2._network_acl_entry_xml
    create_subnet, delete_subnet = ec2._create_subnet, ec2._delete_subnet
    create_entry, replace_entry = ec2._create_network_acl_entry, ec2._replace_network_acl_entry

    def associate(acl_id: str, subnet_id: str) -> str:
        association_id = f"aclassoc-{uuid.uuid4().hex[:17]}"
        ec2._network_acls[acl_id]["Associations"].append(
            {"NetworkAclAssociationId": association_id, "SubnetId": subnet_id}
        )
        return association_id

    def dissociate(matches: Callable[[dict[str, str]], bool]) -> str:
        subnet_id = ""
        for acl in ec2._network_acls.values():
            subnet_id = next((a["SubnetId"] for a in acl["Associations"] if matches(a)), subnet_id)
            acl["Associations"] = [a for a in acl["Associations"] if not matches(a)]
        return subnet_id

    def subnet_created(params: Params) -> Any:
        known = set(ec2._subnets)
        answer = create_subnet(params)
        for made in set(ec2._subnets) - known:
            vpc = ec2._vpcs[ec2._subnets[made]["VpcId"]]
            associate(vpc["DefaultNetworkAclId"], made)
        return answer

    def subnet_deleted(params: Params) -> Any:
        dissociate(lambda a: a["SubnetId"] == ec2._p(params, "SubnetId"))
        return delete_subnet(params)

    def association_replaced(params: Params) -> Any:
        if (acl_id := ec2._p(params, "NetworkAclId")) not in ec2._network_acls:
            return ec2._error("InvalidNetworkAclID.NotFound", f"There is no network ACL '{acl_id}'", 400)
        subnet_id = dissociate(lambda a: a["NetworkAclAssociationId"] == ec2._p(params, "AssociationId"))
        new = associate(acl_id, subnet_id)
        xml = f"<newAssociationId>{new}</newAssociationId>"
        return ec2._xml(200, "ReplaceNetworkAclAssociationResponse", xml)

    def acls_described(params: Params) -> Any:
        if subnets := ec2._parse_filters(params).get("association.subnet-id"):
            for i, acl in enumerate(ec2._network_acls.values(), 1):
                holds = any(a["SubnetId"] in subnets for a in acl["Associations"])
                params = params | {f"NetworkAclId.{i}": [acl["NetworkAclId"] if holds else "none"]}
        return describe(params)

    def with_ports(change: Handler) -> Handler:
        def changed(params: Params) -> Any:
            answer = change(params)
            if acl := ec2._network_acls.get(ec2._p(params, "NetworkAclId")):
                fields = ("PortRange.From", "PortRange.To", "Icmp.Type", "Icmp.Code")
                acl["Entries"][-1] |= {f: v for f in fields if (v := ec2._p(params, f))}
            return answer

        return changed

    def network_acl_entry_xml(entry: dict[str, Any]) -> str:
        xml = ""
        for name, first, last in (("portRange", "from", "to"), ("icmpTypeCode", "type", "code")):
            key = "PortRange" if name == "portRange" else "Icmp"
            if (low := entry.get(f"{key}.{first.title()}")) is not None:
                high = entry.get(f"{key}.{last.title()}", low)
                xml += f"<{name}><{first}>{low}</{first}><{last}>{high}</{last}></{name}>"
        return f"{entry_xml(entry).rstrip().removesuffix('</item>')}{xml}</item>"

    ec2._network_acl_entry_xml = network_acl_entry_xml
    ec2._ACTION_MAP |= {
        "CreateNetworkAclEntry": with_ports(create_entry),
        "CreateSubnet": subnet_created,
        "DeleteSubnet": subnet_deleted,
        "DescribeNetworkAcls": acls_described,
        "ReplaceNetworkAclAssociation": association_replaced,
        "ReplaceNetworkAclEntry": with_ports(replace_entry),
    }


def correct_flow_logs(ec2: Any) -> None:
    """aws_flow_log: tags, the role, the interval and the format are dropped."""
    create, describe = ec2._create_flow_logs, ec2._describe_flow_logs

    def create_flow_logs(params: Params) -> Any:
        known = set(ec2._flow_logs)
        answer = create(params)
        for made in set(ec2._flow_logs) - known:
            ec2._parse_tag_specs(params, "vpc-flow-log", made)
            ec2._flow_logs[made] |= {
                "DeliverLogsPermissionArn": ec2._p(params, "DeliverLogsPermissionArn"),
                "MaxAggregationInterval": ec2._p(params, "MaxAggregationInterval") or "600",
                "LogFormat": ec2._p(params, "LogFormat") or DEFAULT_FLOW_LOG_FORMAT,
            }
        return answer

    def describe_flow_logs(params: Params) -> Any:
        status, headers, body = describe(params)
        xml = body.decode() if isinstance(body, bytes) else body
        for flow_log_id, record in ec2._flow_logs.items():
            own = f"<flowLogId>{flow_log_id}</flowLogId>"
            xml = xml.replace(
                own,
                f"{own}<deliverLogsPermissionArn>{record['DeliverLogsPermissionArn']}</deliverLogsPermissionArn>"
                f"<maxAggregationInterval>{record['MaxAggregationInterval']}</maxAggregationInterval>"
                f"<logFormat>{ec2._esc(record['LogFormat'])}</logFormat>",
            )
        return status, headers, xml.encode() if isinstance(body, bytes) else xml

    ec2._ACTION_MAP |= {"CreateFlowLogs": create_flow_logs, "DescribeFlowLogs": describe_flow_logs}


def correct_api_gateway(v1: Any) -> None:
    """aws_api_gateway_*: MOCK integrations gain a method; changes in place are refused or lost."""
    put_integration, handle_request = v1._put_integration, v1.handle_request
    tag_resource, untag_resource = v1._tag_v1_resource, v1._untag_v1_resource

    def put_integration_as_sent(api: str, resource: str, method: str, data: Params) -> Any:
        answer = put_integration(api, resource, method, data)
        if data.get("type") == "MOCK" and answer[0] == 201:
            integration = v1._resources[api][resource]["resourceMethods"][method]["methodIntegration"]
            integration["httpMethod"] = data.get("httpMethod")
            return v1._v1_response(integration, 201)
        return answer

    async def handle_with_method_responses(
        method: str, path: str, headers: Any, body: Any, query: Any
    ) -> Any:
        parts = [part for part in path.split("/") if part]
        if method == "PATCH" and len(parts) == 8 and parts[4] == "methods" and parts[6] == "responses":
            _, api, _, resource, _, http_method, _, status = parts
            response = v1._resources[api][resource]["resourceMethods"][http_method]["methodResponses"][status]
            return v1._v1_response(apply_patch(response, json.loads(body)["patchOperations"]))
        return await handle_request(method, path, headers, body, query)

    def tags_of(arn: str) -> dict[str, str]:
        kind, name, *stage = arn.partition("::/")[2].split("/")
        stores = {"apikeys": v1._api_keys, "restapis": v1._rest_apis, "usageplans": v1._usage_plans}
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


def apply_patch(target: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Apply patch operations: their values are strings throughout, and ~1 in a path stands for a slash."""
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
        elif keys == ["authorizationScopes"]:
            scopes = [scope for scope in parent.get(last) or [] if scope != value]
            parent[last] = scopes if remove else [*scopes, value]
        elif remove:
            parent.pop(last, None)
        elif value in ("true", "false"):
            parent[last] = value == "true"
        elif last in ("burstLimit", "limit", "offset", "rateLimit", "timeoutInMillis"):
            parent[last] = json.loads(value)
        else:
            parent[last] = value
    return target


def correct_request_ids(v1: Any) -> None:
    """An answer's x-amzn-requestid is not the id that the function and the answer's body know."""
    execute = v1._execute_in_scope

    async def execute_in_scope(request: dict[str, Any], *arguments: Any) -> Any:
        REQUEST.set(request)
        answer = await execute(request, *arguments)
        if isinstance(answer, tuple):
            answer[1]["x-amzn-requestid"] = request["request_id"]
        return answer

    v1._execute_in_scope = execute_in_scope


def correct_proxy_events(app: Any, v1: Any) -> None:
    """Functions are told neither the caller's API key nor the root's bare path, and get other request ids."""
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
        if key and methods.get(method, {}).get("apiKeyRequired"):  # others are told nothing of keys
            context["identity"] |= {"apiKey": key["value"], "apiKeyId": key["id"]}
        if not SENT.get().endswith("/"):
            context["path"] = context["path"].rstrip("/")
        return event

    app._parse_execute_api_url = parse_execute_api_url
    v1._build_lambda_event_v1 = build_whole_event


def correct_mock_answers(v1: Any) -> None:
    """MOCK integrations answer with their template as it stands, and a 204 with a body."""
    invoke_mock = v1._invoke_mock_v1

    def invoke_rendered_mock(integration: dict[str, Any]) -> Any:
        status, headers, body = invoke_mock(integration)
        request = REQUEST.get()
        origin = next((v for k, v in request["headers"].items() if k.lower() == "origin"), "")
        text, allowed = ALLOW_ORIGIN.subn("", body.decode())
        # What was replaced is there to be found, which mypy cannot know.
        if allowed and origin in json.loads(ALLOW_ORIGIN.search(body.decode())[1]):  # type: ignore[index]
            headers["Access-Control-Allow-Origin"] = origin
        text = v1._render_request_template_v1(text, "", {}, {"requestId": request["request_id"]})
        return status, headers, b"" if status == 204 else text.encode()

    v1._invoke_mock_v1 = invoke_rendered_mock


def correct_signed_calls(app: Any, v1: Any, auth_error: Any) -> None:
    """A signature for another service or region passes, and who has no right gets an answer of IAM's."""
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
            # Rights are looked at once the signature is right; its faults get the gateway's answers already.
            return refusal("AccessDenied") if b"is not authorized to perform" in refused[2] else refused
        signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", headers.get("authorization", ""))
        ours = signed is None or signed.groups() == (scope[1], "execute-api")
        return None if ours else refusal("SignatureDoesNotMatch")

    app._enforce_execute_api = enforce_as_gateway


def correct_firewalls(waf: Any) -> None:
    """aws_wafv2_web_acl_logging_configuration: there are no requests for it."""
    handle_request = waf.handle_request
    key = "LoggingConfiguration"  # kept with its web ACL, and so saved and deleted with it

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


def correct_trails(cloudtrail: Any) -> None:
    """aws_cloudtrail: tags that come with a new trail are dropped."""
    create = cloudtrail._create_trail

    def create_trail(sent: Params) -> Any:
        answer = create(sent)
        if answer[0] == 200:
            tags = {"ResourceId": json.loads(answer[2])["TrailARN"], "TagsList": sent.get("TagsList", [])}
            cloudtrail._add_tags(tags)
        return answer

    cloudtrail._DISPATCH["CreateTrail"] = create_trail


def correct_vault_policies(backup: Any) -> None:
    """aws_backup_vault_policy: there are no requests to set or to delete one."""
    handle_request = backup.handle_request
    key = "Policy"  # kept with its vault, and so saved and deleted with it

    async def handle_with_policies(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        match = re.fullmatch(r"/backup-vaults/([^/]+)/access-policy", path)
        vault = backup._vaults.get(match[1]) if match else None
        if vault is None:
            return await handle_request(method, path, headers, body, query)
        if method == "PUT":
            vault[key] = json.loads(body)[key]
        elif method == "DELETE":
            vault.pop(key, None)
        elif key not in vault:
            return await handle_request(method, path, headers, body, query)
        if method != "GET":
            return backup._no_content()
        named = ("BackupVaultArn", "BackupVaultName", key)
        return backup._ok({name: vault[name] for name in named})

    backup.handle_request = handle_with_policies


def correct_alias_weights(functions: Any) -> None:
    """aws_lambda_alias: the API sends every request to the first of an alias' two versions."""
    find = functions._get_func_record_for_ref

    def find_by_weight(reference: str) -> Any:
        name, _, qualifier = reference.rpartition(":")
        function = find(name)[0] or {}
        routing = function.get("aliases", {}).get(qualifier, {}).get("RoutingConfig", {})
        draw = random.random()  # noqa: S311 - lots, no secret
        for other, weight in routing.get("AdditionalVersionWeights", {}).items():
            if draw < weight:
                reference = f"{name}:{other}"
        return find(reference)

    functions._get_func_record_for_ref = find_by_weight


def correct_crash_logs(functions: Any) -> None:
    """A function that fails while it is imported leaves no word of it in its log."""
    execute = functions._execute_function_warm

    def execute_and_tell(*call: Any) -> Any:
        result = execute(*call)
        if result.get("error") and not result.get("log"):
            result["log"] = "[ERROR] {errorType}: {errorMessage}".format(**result["body"])
        return result

    functions._execute_function_warm = execute_and_tell


def nested(params: Params) -> Params:
    """Return the parameters of AWS's Query protocol as the objects and lists that their names stand for."""
    found: Params = {}
    for name, value in params.items():
        *parents, last = name.split(".")
        below = found
        for key in parents:
            below = below.setdefault(key, {})
        below[last] = value[0] if isinstance(value, list) else value
    members: Params = listed(found)
    return members


def listed(found: Any) -> Any:
    """Return objects whose only property is "member", by number, as lists."""
    if not isinstance(found, dict):
        return found
    if found.keys() == {"member"}:
        numbered = sorted((int(number), value) for number, value in found["member"].items())
        return [listed(value) for _, value in numbered]
    return {key: listed(value) for key, value in found.items()}


def as_xml(found: Any) -> str:
    """Return what a JSON answer holds as a Query answer has it; what is null is left out."""
    if isinstance(found, dict):
        return "".join(f"<{k}>{as_xml(v)}</{k}>" for k, v in found.items() if v is not None)
    if isinstance(found, list):
        return "".join(f"<member>{as_xml(value)}</member>" for value in found)
    return escape(str(found).lower() if isinstance(found, bool) else str(found))


def correct_alarms(cloudwatch: Any) -> None:
    """aws_cloudwatch_metric_alarm and _composite_alarm: most of what is set is dropped or not reported."""
    put, describe = cloudwatch._put_metric_alarm, cloudwatch._describe_alarms

    def put_metric_alarm(params: Params, data: Params, is_cbor: bool, is_json: bool = False) -> Any:
        sent = data if is_cbor or is_json else nested(params)
        answer = put(params, data, is_cbor, is_json)
        if answer[0] == 200:
            alarm = cloudwatch._alarms[sent["AlarmName"]]
            kept = ("EvaluateLowSampleCountPercentile", "InsufficientDataActions", "Metrics")
            alarm |= {key: sent[key] for key in kept if key in sent}
            for query in alarm.get("Metrics", []):
                if "MetricStat" in query:
                    query["MetricStat"]["Period"] = int(query["MetricStat"]["Period"])
                query["ReturnData"] = str(query.get("ReturnData", True)).lower() == "true"
            if "Metrics" in sent:  # each has its own, and the emulator makes some up for the alarm
                for key in ("Dimensions", "MetricName", "Namespace", "Period", "Statistic"):
                    alarm.pop(key, None)
        return answer

    def describe_alarms(params: Params, data: Params, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return describe(params, data, is_cbor, is_json)
        status, _, body = describe(params, nested(params), False, True)
        if status != 200:
            return describe(params, data, False)
        found = json.loads(body)
        for alarm in [alarm for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found[kind]]:
            for key in [key for key in alarm if key.endswith("Timestamp")]:
                alarm[key] = cloudwatch._ts_iso(alarm[key])
        xml = f"<DescribeAlarmsResult>{as_xml(found)}</DescribeAlarmsResult>"
        return cloudwatch._xml(200, "DescribeAlarmsResponse", xml)

    cloudwatch._put_metric_alarm = put_metric_alarm
    cloudwatch._describe_alarms = describe_alarms


def correct_saved_queries(logs: Any) -> None:
    """aws_cloudwatch_query_definition: there are no requests for it."""
    handle_request = logs.handle_request
    own = "queryDefinitionId"  # they are kept among the queries that run, and so saved with them

    async def handle_with_saved_queries(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if not action.endswith(("QueryDefinition", "QueryDefinitions")):
            return await handle_request(method, path, headers, body, query)
        sent = json.loads(body)
        if action == "DescribeQueryDefinitions":
            prefix = sent.get("queryDefinitionNamePrefix", "")
            found = [q for q in logs._queries.values() if own in q and q["name"].startswith(prefix)]
            return logs.json_response({"queryDefinitions": found})
        if action == "DeleteQueryDefinition":
            return logs.json_response({"success": logs._queries.pop(sent[own], None) is not None})
        name = sent.setdefault(own, str(uuid.uuid4()))
        logs._queries[name] = sent | {"lastModified": int(time.time() * 1000)}
        return logs.json_response({own: name})

    logs.handle_request = handle_with_saved_queries


def correct_log_search(logs: Any) -> None:
    """FilterLogEvents: prefixes of streams are ignored, and lines beyond the largest page never told."""
    filter_log_events = logs._filter_log_events

    def filter_by_prefix_and_page(data: Params) -> Any:
        # The token says with what time the page begins, and how many lines of that time have been told.
        start, _, count = data.get("nextToken", "").partition(":")
        told = int(count or 0)
        limit = min(data.get("limit", LARGEST_PAGE) + told, LARGEST_PAGE)
        wanted = data | {"limit": limit} | ({"startTime": int(start)} if start else {})
        if prefix := data.get("logStreamNamePrefix"):
            streams = logs._log_groups.get(data["logGroupName"], {"streams": ()})["streams"]
            # An empty list stands for all of them.
            wanted["logStreamNames"] = [each for each in list(streams) if each.startswith(prefix)] or [""]
        status, headers, body = filter_log_events(wanted)
        if status != 200:
            return status, headers, body
        found = json.loads(body)
        page = found["events"]
        if len(page) == limit:
            last = page[-1]["timestamp"]
            found["nextToken"] = f"{last}:{sum(line['timestamp'] == last for line in page)}"
        return logs.json_response(found | {"events": page[told:]})

    logs._filter_log_events = filter_by_prefix_and_page


def correct_distributions(cloudfront: Any, app: Any) -> None:
    """aws_cloudfront_distribution: it does not reach APIs, and needs Node.js to run a function."""
    fetch = cloudfront._fetch_from_origin

    async def fetch_from_any(origin: Params, method: str, uri: str, query: str, *call: Any) -> Any:
        api, _, service = origin["domain_name"].partition(".")
        if not service.startswith("execute-api."):
            return await fetch(origin, method, uri, query, *call)
        headers, body, *_ = call
        path = f"/_aws/execute-api/{api}{unquote(origin['origin_path'] + uri)}"
        status, answered, content = await app._handle_execute_api_request(
            "", path, method, headers, body, parse_qs(query, keep_blank_values=True)
        )
        return status, "", cloudfront._multidict_from_pairs(answered.items()), content

    def find_whoever_asks(label: str) -> Params | None:
        # By the name of the caller's account a browser would choose whether it gets the console or AWS.
        every: Any = cloudfront._distributions.to_dict().values()
        return next((d for d in every if d["DomainName"] == f"{label}.cloudfront.net"), None)

    async def run_function(_arn: str, event: Params) -> Params:
        request: Params = event["request"]
        # What the one function that there is does, aws_cloudfront_function.mount of modules/website.
        uri: str = request["uri"]
        if not uri.startswith("/api/") or re.search(r"/(\.|%2e){2}(/|$)", uri, re.IGNORECASE):
            return {"statusCode": 400}
        viewer = {"x-viewer-address": {"value": event["viewer"]["ip"]}}
        return request | {"uri": uri.removeprefix("/api"), "headers": request["headers"] | viewer}

    cloudfront.find_distribution_for_label = find_whoever_asks
    cloudfront._fetch_from_origin = fetch_from_any
    cloudfront._run_function = run_function


def correct_changed_functions(cloudfront: Any) -> None:
    """aws_cloudfront_function: SDKs look for the new version where AWS tells it, under a name with a slip."""
    update = cloudfront._cf_update_function

    def update_and_tell(*call: Any) -> Any:
        status, headers, body = update(*call)
        if status == 200:
            headers["ETtag"] = headers["ETag"]
        return status, headers, body

    cloudfront._cf_update_function = update_and_tell


def correct_response_headers_policies(cloudfront: Any) -> None:
    """aws_cloudfront_response_headers_policy: what is not set is reported as set to nothing."""
    build = cloudfront._RHP_SPEC["build_config"]

    def build_what_is_set(parent: Any, config: Params) -> None:
        build(parent, config)
        for name in ("CustomHeaders", "RemoveHeaders"):
            if not config[name]:
                parent.remove(parent.find(f"{name}Config"))

    cloudfront._build_rhp_config_xml = cloudfront._RHP_SPEC["build_config"] = build_what_is_set


def correct_bucket_policies(evaluator: Any) -> None:
    """aws_s3_bucket_policy: a distribution reads its bucket over TLS, and policies are not told."""
    evaluate = evaluator.evaluate_resource_policy

    def evaluate_over_tls(policy: Any, context: Any, service: str | None = None) -> Any:
        if service == "cloudfront.amazonaws.com":
            context.service_context["aws:securetransport"] = "true"
        return evaluate(policy, context, service=service)

    evaluator.evaluate_resource_policy = evaluate_over_tls


def correct_console_addresses(cloudfront: Any, cognito: Any, port: str) -> None:
    """The page is told where users sign in in AWS, and they would come back to where the page is in AWS."""
    handle, find_client = cloudfront.handle_viewer_request, cognito._find_pool_by_client_id

    def here(text: str) -> str:
        return SIGN_IN.sub(f"http://127.0.0.1:{port}", text)

    async def handle_with_addresses(distribution: Params, method: str, path: str, *call: Any) -> Any:
        status, headers, body = await handle(distribution, method, path, *call)
        if policy := headers.get("Content-Security-Policy"):
            headers["Content-Security-Policy"] = here(policy)
        if path == "/config.json" and status == 200:
            body = here(body.decode()).encode()
            headers.pop("Content-Length", None)  # for the server to set, as for other bodies
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


def serve_to_whom_it_is_for(app: Any, cloudfront: Any, port: str) -> Any:
    """Wrap the server: the console is at http://localhost, and nobody's web page gets at AWS.

    AWS takes any signature here and runs functions as whoever started it. Any page that is open in a browser
    can send requests here, and can point its own name here, so that they are its own origin's. So other names
    get nothing, and browsers get the console, the APIs and the sign-in pages alone.
    """
    said = (
        f"Browsers get the console at http://localhost:{port}, the APIs and the sign-in pages here, and all "
        "by the names localhost and 127.0.0.1 alone. For AWS use a program: an SDK, Terraform or curl.\n"
    )

    async def refuse(scope: Params, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        kind = [(b"content-type", b"text/plain"), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": 403, "headers": kind})
        await send({"type": "http.response.body", "body": said.encode()})

    async def serve(scope: Params, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        browser = any(pattern.match(headers.get(name, b"")) for name, pattern in BROWSER.items())
        consoles = [distribution["DomainName"] for distribution in cloudfront._distributions.values()]
        # A program's request that is signed or names a target is for AWS, and one below /_ for the emulator.
        other = scope["path"].startswith("/_") or headers.keys() & {b"x-amz-date", b"x-amz-target"}
        if host == "localhost" and consoles and (browser or not other):
            host = consoles[0]
            kept = [(k, v) for k, v in scope["headers"] if k not in (b"host", b"x-forwarded-proto")]
            there = [(b"host", host.encode()), (b"x-forwarded-proto", b"https")]
            scope = scope | {"headers": [*kept, *there]}
        here = host in ("127.0.0.1", "localhost", *consoles) or host.endswith(".localhost")
        asked = f"{scope.get('method', '')} {scope['path']}"
        allowed = OF_CONSOLE if host in consoles else OF_APIS
        if here and (not browser or allowed.fullmatch(asked)):
            await app(scope, receive, send)
        else:
            await refuse(scope, send)

    return serve


def replay_lost_answers(app: Any) -> Any:
    """Wrap the server: a request whose answer got lost, and which is sent again, gets that answer.

    SDKs number their calls, and a second try has its first try's number. Without this, the second try to
    create something finds that it exists, and fails.
    """
    answers: OrderedDict[bytes, list[Params]] = OrderedDict()

    async def serve(scope: Params, receive: Any, send: Any) -> None:
        call = dict(scope.get("headers", ())).get(b"amz-sdk-invocation-id")
        if call is None:
            await app(scope, receive, send)
            return
        if call in answers:
            while (await receive()).get("more_body"):
                pass
            for message in answers[call]:
                await send(message)
            return
        sent: list[Params] = []

        async def keep(message: Params) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                if sent[0]["status"] < 400:
                    answers[call] = sent
                while len(answers) > 500:
                    answers.popitem(last=False)
            await send(message)

        await app(scope, receive, keep)

    return serve


def main() -> None:
    """Apply the corrections and serve; the environment configures the emulator (see local/emulator.py)."""
    if (found := version("ministack")) != PINNED:
        sys.exit(f"The local run corrects MiniStack {PINNED}, but {found} is installed: run `make setup`.")
    app: Any = import_module("ministack.app")
    ec2 = import_module("ministack.services.ec2")
    v1 = import_module("ministack.services.apigateway_v1")

    correct_security_groups(ec2)
    correct_vpc_endpoints(ec2)
    correct_network_acls(ec2)
    correct_flow_logs(ec2)
    correct_api_gateway(v1)
    correct_request_ids(v1)
    correct_proxy_events(app, v1)
    correct_mock_answers(v1)
    correct_signed_calls(app, v1, import_module("ministack.core.iam_evaluator").AuthError)
    correct_firewalls(import_module("ministack.services.waf"))
    correct_trails(import_module("ministack.services.cloudtrail"))
    correct_vault_policies(import_module("ministack.services.backup"))
    functions = import_module("ministack.services.lambda_svc")
    correct_alias_weights(functions)
    correct_crash_logs(functions)
    correct_alarms(import_module("ministack.services.cloudwatch"))
    logs = import_module("ministack.services.cloudwatch_logs")
    correct_saved_queries(logs)
    correct_log_search(logs)
    cloudfront = import_module("ministack.services.cloudfront")
    cognito = import_module("ministack.services.cognito")
    correct_distributions(cloudfront, app)
    correct_changed_functions(cloudfront)
    correct_response_headers_policies(cloudfront)
    correct_bucket_policies(import_module("ministack.core.iam_evaluator"))
    correct_console_addresses(cloudfront, cognito, os.environ["GATEWAY_PORT"])
    app.app = serve_to_whom_it_is_for(replay_lost_answers(app.app), cloudfront, os.environ["GATEWAY_PORT"])
    app.main()


if __name__ == "__main__":
    main()
