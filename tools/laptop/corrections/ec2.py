"""Correct EC2: security groups, endpoints, network ACLs and flow logs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from tools.laptop.corrections import Params

Handler = Callable[[Params], Any]

DEFAULT_FLOW_LOG_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)


def correct(ec2: Any) -> None:
    """Correct ministack.services.ec2."""
    correct_security_groups(ec2)
    correct_vpc_endpoints(ec2)
    correct_network_acls(ec2)
    correct_flow_logs(ec2)


def correct_security_groups(ec2: Any) -> None:
    """Correct aws_security_group and its rules: prefix lists are lost, and a new group keeps its open egress rule."""
    parse, rule_xml = ec2._parse_ip_permissions, ec2._sg_rule_xml

    def parse_ip_permissions(params: Params, prefix: str) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = parse(params, prefix)
        for i, rule in enumerate(rules, 1):
            # A rule for all protocols has no ports, although some callers send 0.
            if rule["IpProtocol"] == "-1":
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
            # Without addresses or groups, the rule is a single bare item, to which the prefix list belongs.
            xml = f"{xml.removesuffix('</item>')}<prefixListId>{entry['PrefixListId']}</prefixListId></item>"
        return xml

    ec2._parse_ip_permissions = parse_ip_permissions
    ec2._sg_rule_xml = sg_rule_xml


def correct_vpc_endpoints(ec2: Any) -> None:
    """Correct aws_vpc_endpoint: policy, security groups, private DNS and address type are dropped or not reported."""
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
    """Correct aws_network_acl: subnets have no ACL, so none can change to another, and rules lose their ports."""
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
    """Correct aws_flow_log: tags, role, interval and format are dropped."""
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
