"""Test that preflight finds what would make an apply fail, each with its remedy."""

from __future__ import annotations

import argparse
import base64
import io
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from tests.unit.loopback import Server, answers
from tools import tfvars
from tools.aws import environment as aws_environment
from tools.aws import findings as kinds
from tools.aws import preflight as tool
from tools.errors import UserError
from tools.terraform import ROOT, Terraform

LOCK = {
    "Who": "ada@laptop",
    "Created": "2026-01-02T03:04:05Z",
    "Operation": "OperationTypeApply",
    "ID": "x-1",
}
ARN = "arn:aws:acm:eu-west-1:1:certificate/x"


def client_error(code: str = "AccessDenied") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Op")


class Exceptions:
    class NoSuchKey(ClientError):  # noqa: N818 - boto3's name
        pass

    class NoSuchHostedZone(ClientError):  # noqa: N818 - boto3's name
        pass

    class NotFoundException(ClientError):  # noqa: N818 - boto3's name
        pass

    class NoSuchEntityException(ClientError):  # noqa: N818 - boto3's name
        pass


def not_found_error(kind: type[ClientError]) -> ClientError:
    return kind({"Error": {"Code": "404", "Message": "no"}}, "Op")


class FakeClient:
    """A fake client: it returns or raises the scripted result of each operation."""

    exceptions = Exceptions

    def __init__(self, answers: dict[str, Any], asked: list[Any], place: str | None) -> None:
        self.answers = answers
        self.asked = asked
        self.place = place

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.asked.append((operation, self.place, arguments))
            answer = self.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, operation: str) -> FakeClient:
        answer = self.answers[operation]
        pages = answer if isinstance(answer, Exception) else [answer] * 2
        return FakeClient({"paginate": pages}, self.asked, self.place)


def environment(plan: Any = None, asked: list[Any] | None = None, **answers: Any) -> kinds.Context:
    """Return an environment whose AWS clients have these results by operation."""

    def client(service: str, place: str | None = None) -> FakeClient:
        return FakeClient(answers, [] if asked is None else asked, place)

    context = kinds.Context("dev", "eu-west-1", client, plan=plan or {}, account="1")
    context.backend = {"bucket": "b", "key": "k", "region": "eu-west-1"}
    return context


def check_findings(check: tool.Check, *arguments: Any, **answers: Any) -> list[tuple[str, str]]:
    findings = list(check(environment(*arguments, **answers)))
    assert all(each.remedy for each in findings if each.level != kinds.OK)
    return [(each.level, each.text) for each in findings]


def change(kind: str, *actions: str, name: str = "this", **more: Any) -> dict[str, Any]:
    details = {"actions": list(actions), "before": None, "after": None, **more}
    return {
        "mode": "managed",
        "type": kind,
        "name": name,
        "address": f'module.x["eu"].module.y["todos"].{kind}.{name}',
        "change": details,
    }


def plan_document(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"resource_changes": [*changes, {**change("aws_dynamodb_table", "delete"), "mode": "data"}]}


def test_the_account() -> None:
    arn = "arn:aws:sts::1:assumed-role/dev/ada"
    assert check_findings(tool.credentials, get_caller_identity={"Account": "1", "Arn": arn}) == [
        ("ok", f"Account 1 as {arn}.")
    ]
    root = check_findings(tool.credentials, get_caller_identity={"Account": "1", "Arn": "arn:aws:iam::1:root"})
    assert root[1] == ("warning", "This is the account's root user.")
    (lost,) = check_findings(tool.credentials, get_caller_identity=NoCredentialsError())
    assert lost == ("stop", "No valid AWS credentials: Unable to locate credentials")


@pytest.mark.parametrize(
    ("regions", "level"),
    [
        ({"RegionName": "eu-west-1", "OptInStatus": "opt-in-not-required"}, "ok"),
        ({"RegionName": "eu-west-1", "OptInStatus": "not-opted-in"}, "stop"),
        ({"RegionName": "eu-west-3"}, "stop"),
    ],
)
def test_the_region(regions: dict[str, str], level: str) -> None:
    assert check_findings(tool.region, describe_regions={"Regions": [regions]})[0][0] == level


def test_the_state_bucket() -> None:
    asked: list[Any] = []
    assert check_findings(tool.bucket, None, asked, head_bucket={}) == [("ok", "It is in b, k.")]
    assert asked == [("head_bucket", "eu-west-1", {"Bucket": "b", "ExpectedBucketOwner": "1"})]
    assert check_findings(tool.bucket, head_bucket=client_error("404")) == [("stop", "The bucket b does not exist.")]
    assert check_findings(tool.bucket, head_bucket=client_error("403")) == [
        ("stop", "The bucket b cannot be read with your credentials (403).")
    ]


def test_locks_of_the_state() -> None:
    body = {"Body": io.BytesIO(json.dumps(LOCK).encode())}
    assert check_findings(tool.lock, get_object=not_found_error(Exceptions.NoSuchKey)) == [
        ("ok", "Nobody holds the state's lock.")
    ]
    (held,) = tool.lock(environment(get_object=body))
    assert held.text == "ada@laptop since 2026-01-02T03:04:05Z: OperationTypeApply."
    assert held.remedy.endswith("`TF_DATA_DIR=.terraform/dev terraform force-unlock x-1`.")
    assert check_findings(tool.lock, get_object={"Body": io.BytesIO(b"{}")}) == [
        ("stop", "Somebody since an unknown time: an operation.")
    ]


def test_the_gateways_role() -> None:
    account = {"cloudwatchRoleArn": "arn:aws:iam::1:role/bootstrap/logs"}
    asked: list[Any] = []
    assert check_findings(tool.gateway_role, None, asked, get_account=account, get_role={})[0][0] == "ok"
    assert asked[1] == ("get_role", None, {"RoleName": "logs"})
    assert check_findings(tool.gateway_role, get_account={}) == [
        ("stop", "API Gateway has no role for writing logs in eu-west-1.")
    ]
    lost = check_findings(
        tool.gateway_role, get_account=account, get_role=not_found_error(Exceptions.NoSuchEntityException)
    )
    assert lost == [("stop", "arn:aws:iam::1:role/bootstrap/logs does not exist any more.")]


def test_losses_by_the_plan() -> None:
    replaced = change("aws_dynamodb_table", "delete", "create", replace_paths=[["range_key"], ["hash_key"], []])
    plan = plan_document(
        replaced,
        change("aws_kms_key", "delete"),
        change("aws_api_gateway_api_key", "create", "delete"),
        change("aws_lambda_function", "delete", "create"),
        change("aws_dynamodb_table", "update", name="other"),
    )
    assert check_findings(tool.losses, plan) == [
        (
            "warning",
            'module.x["eu"].module.y["todos"].aws_api_gateway_api_key.this is replaced, and its value would be lost.',
        ),
        (
            "stop",
            'module.x["eu"].module.y["todos"].aws_dynamodb_table.this is replaced (because of hash_key, range_key), '
            "and its items would be lost.",
        ),
        (
            "stop",
            'module.x["eu"].module.y["todos"].aws_kms_key.this is deleted, and '
            "all data encrypted with it, including backups would be lost.",
        ),
    ]
    drifted = [
        change("aws_dynamodb_table", "delete"),
        change("aws_cloudwatch_log_group", "delete"),
        change("aws_dynamodb_table", "update"),
        change("aws_iam_role", "delete"),
        {**change("aws_kms_key", "delete"), "mode": "data"},
    ]
    gone = {**plan_document(change("aws_dynamodb_table", "create")), "resource_drift": drifted}
    assert check_findings(tool.losses, gone) == [
        (
            "stop",
            'module.x["eu"].module.y["todos"].aws_dynamodb_table.this was deleted outside of Terraform, '
            "with its items.",
        ),
        (
            "warning",
            'module.x["eu"].module.y["todos"].aws_cloudwatch_log_group.this was deleted outside of Terraform, '
            "with its logs.",
        ),
    ]
    assert check_findings(tool.losses, plan_document(change("aws_kms_key", "create"))) == [
        ("ok", "Nothing that holds data is deleted or replaced.")
    ]


def table(**indexes: str) -> dict[str, Any]:
    return {
        "global_secondary_index": [
            {"name": name, "hash_key": f"h_{name}", "range_key": range_key} for name, range_key in indexes.items()
        ]
    }


def test_changes_of_indexes() -> None:
    before, after = table(a="x", b="y", c="z"), table(c="z", b="other", d="w")
    plan = plan_document(change("aws_dynamodb_table", "update", before=before, after=after))
    assert check_findings(tool.indexes, plan) == [
        ("warning", "The index a of todos is deleted, and its filter stops working."),
        ("stop", "The index b of todos is replaced: its filter fails until the index is rebuilt."),
        ("warning", "The index d of todos is new: it lacks the items stored so far."),
    ]
    remedies = [each.remedy for each in tool.indexes(environment(plan))]
    assert remedies[2] == "Then run `make reindex ENV=dev ENTITY=todos`."
    new = plan_document(
        change("aws_dynamodb_table", "create", after=after),
        change("aws_dynamodb_table", "update", before={}, after=table()),
    )
    assert check_findings(tool.indexes, new) == [("ok", "No index of a table with data changes.")]


def limits(limit: int, unreserved: int) -> dict[str, Any]:
    return {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}}


def test_concurrency() -> None:
    plan = plan_document(
        change("aws_lambda_function", "create", after={"reserved_concurrent_executions": 60}),
        change(
            "aws_lambda_function",
            "update",
            before={"reserved_concurrent_executions": 50},
            after={"reserved_concurrent_executions": -1},
        ),
    )
    assert check_findings(tool.concurrency, plan, get_account_settings=limits(1000, 110)) == [
        ("ok", "100 of 1000 stay unreserved.")
    ]
    assert check_findings(tool.concurrency, plan, get_account_settings=limits(1000, 109)) == [
        ("stop", "This apply reserves 10 more concurrency; 109 of 1000 are unreserved, and 100 must remain.")
    ]
    assert check_findings(tool.concurrency, plan_document(), get_account_settings=limits(10, 10)) == [
        ("warning", "All functions of the account share a concurrency of 10.")
    ]


def test_quotas() -> None:
    eips = plan_document(change("aws_eip", "create"), change("aws_eip", "create"), change("aws_eip", "no-op"))
    four: Any = {"Addresses": [{}] * 4}
    assert check_findings(tool.addresses, eips, describe_addresses=four, get_service_quota=client_error()) == [
        (
            "stop",
            "4 of 5 Elastic IP addresses used (AWS's default: the account's own quota could not be read); "
            "this apply adds 2.",
        )
    ]
    for limit, level in [(5, "stop"), (6, "warning"), (10, "ok")]:
        answer = {"Quota": {"Value": float(limit)}}
        said = check_findings(tool.addresses, eips, describe_addresses=four, get_service_quota=answer)
        assert said == [(level, f"4 of {limit} Elastic IP addresses used; this apply adds 2.")]
    full: Any = {"describe_vpcs": {"Vpcs": [{}] * 3}, "get_service_quota": client_error()}
    assert check_findings(tool.networks, plan_document(), **full)[0][0] == "ok"  # nothing is added
    (stop,) = tool.networks(environment(plan_document(change("aws_vpc", "create")), **full))
    assert (stop.level, "--quota-code L-F678F1CE --desired-value 10" in stop.remedy) == ("stop", True)


def test_network_interfaces() -> None:
    new = plan_document(
        change("aws_subnet", "create", name="private"),
        change("aws_subnet", "create", name="private"),
        change("aws_subnet", "create", name="public"),
        change("aws_nat_gateway", "create"),
        change("aws_vpc_endpoint", "create", after={"vpc_endpoint_type": "Interface"}),
        change("aws_vpc_endpoint", "create", after={"vpc_endpoint_type": "Gateway"}),
    )
    used = {"describe_network_interfaces": {"NetworkInterfaces": [{}]}, "get_service_quota": client_error()}
    assert check_findings(tool.interfaces, new, **used)[0][1].startswith("2 of 5000 network interfaces used")
    assert check_findings(tool.interfaces, new, **used)[0][1].endswith("this apply adds 5.")
    groups = [change("aws_security_group", "create", name=name) for name in ("functions", "egress")]
    guest = {**plan_document(*groups), "variables": {"network": {"value": {"subnet_ids": ["a", "b"]}}}}
    assert check_findings(tool.interfaces, guest, **used)[0][1].endswith("this apply adds 4.")
    old = plan_document(change("aws_subnet", "no-op", name="private", before={"id": "s"}))
    subnets = [{"SubnetId": "s", "AvailableIpAddressCount": n} for n in (15, 16)]
    assert check_findings(tool.interfaces, old, **used, describe_subnets={"Subnets": subnets})[1:] == [
        ("warning", "s has 15 addresses left.")
    ]


def domain(**values: Any) -> dict[str, Any]:
    resource = {"type": "aws_api_gateway_domain_name", "values": {"domain_name": "api.example.com", **values}}
    return {"planned_values": {"root_module": {"child_modules": [{"resources": [resource]}]}}}


def described_certificate(**changed: Any) -> dict[str, Any]:
    good = {
        "DomainName": "*.example.com",
        "Status": "ISSUED",
        "NotAfter": datetime.now(UTC) + timedelta(days=9),
    }
    return {"Certificate": {**good, "RenewalEligibility": "ELIGIBLE", **changed}}


def with_functions(**functions: Any) -> dict[str, Any]:
    return {"variables": {"functions": {"value": functions}}}


STRIPE = "arn:aws:secretsmanager:eu-west-1:1:secret:stripe-a1b2c3"
KEY = "arn:aws:kms:eu-west-1:1:key/k"
THERE = {"Name": "stripe", "VersionIdsToStages": {"v1": ["AWSCURRENT"]}}


@pytest.mark.parametrize(
    ("answer", "level", "said"),
    [
        (THERE, "ok", "stripe, for functions.pay, exists."),
        ({**THERE, "KmsKeyId": "alias/aws/secretsmanager"}, "ok", "stripe, for functions.pay, exists."),
        ({**THERE, "KmsKeyId": KEY}, "warning", f"which is encrypted with the key {KEY}."),
        ({**THERE, "DeletedDate": datetime.now(UTC)}, "stop", "which is marked for deletion."),
        ({"Name": "stripe", "VersionIdsToStages": {"v1": ["AWSPREVIOUS"]}}, "stop", "which has no value yet."),
        ({"Name": "stripe"}, "stop", "which has no value yet."),
        (client_error("ResourceNotFoundException"), "stop", "which does not exist."),
        (client_error(), "warning", f"{STRIPE}, for functions.pay, could not be checked: AccessDenied."),
    ],
)  # fmt: skip
def test_secrets_of_functions(answer: Any, level: str, said: str) -> None:
    plan = with_functions(pay={"secrets": {"stripe": STRIPE, "again": STRIPE}}, mail={"changes": {}})
    ((found, text),) = check_findings(tool.secrets, plan, describe_secret=answer)
    assert found == level
    assert text.endswith(said)


def test_a_function_that_may_decrypt_needs_no_further_permission() -> None:
    statements = [{"actions": ["kms:Decrypt"], "resources": [KEY]}]
    plan = with_functions(pay={"secrets": {"stripe": STRIPE}, "statements": statements})
    assert check_findings(tool.secrets, plan, describe_secret={**THERE, "KmsKeyId": KEY})[0][0] == "ok"


def test_a_secret_of_another_region_needs_both_permissions() -> None:
    asked: list[Any] = []
    elsewhere = STRIPE.replace("eu-west-1", "us-east-1")
    plan = with_functions(pay={"secrets": {"stripe": elsewhere}})
    assert check_findings(tool.secrets, plan, asked, describe_secret=THERE) == [
        ("warning", f"functions.pay reads {elsewhere}, which is not in eu-west-1: an outage of either region stops it.")
    ]
    assert asked == [("describe_secret", "us-east-1", {"SecretId": elsewhere})], "its value is not read"
    assert check_findings(tool.secrets, with_functions()) == [("ok", "No function reads secrets.")]


def test_event_buses_and_their_rules() -> None:
    assert check_findings(tool.rules) == [("ok", "No function has an event.")]
    rule = change(
        "aws_cloudwatch_event_rule", "create", after={"event_bus_name": "arn:aws:events:r:1:event-bus/orders"}
    )
    plan = {
        **plan_document(rule, change("aws_cloudwatch_event_rule", "create", after={})),
        **with_functions(heard={"event": {"source": "s", "bus": "orders"}}, thumbs={"event": {"source": "aws.s3"}}),
    }
    quota = {"Quota": {"Value": 4.0}}
    assert check_findings(tool.rules, plan, list_rules={"Rules": [{}, {}]}, get_service_quota=quota) == [
        ("stop", "4 of 4 rules of the event bus default used; this apply adds 1."),
        ("stop", "4 of 4 rules of the event bus orders used; this apply adds 1."),
    ]
    missing = check_findings(tool.rules, plan, list_rules=client_error("ResourceNotFoundException"))
    assert missing[1] == ("stop", "There is no event bus orders in eu-west-1.")


ZONE_ID = "Z0123456789ABCDEFGHIJ"
FREE = not_found_error(Exceptions.NotFoundException)


def given(*changes: dict[str, Any], **variables: Any) -> dict[str, Any]:
    return {**plan_document(*changes), "variables": {name: {"value": value} for name, value in variables.items()}}


def zone_answers(name: str = "example.com.", *records: tuple[str, str], private: bool = False) -> dict[str, Any]:
    return {
        "get_hosted_zone": {
            "HostedZone": {"Name": name, "Config": {"PrivateZone": private}},
            "DelegationSet": {"NameServers": ["ns-2.example.net", "ns-1.example.net"]},
        },
        "list_resource_record_sets": {"ResourceRecordSets": [{"Name": n, "Type": t} for n, t in records]},
    }


def test_a_missing_certificate() -> None:
    missing = check_findings(
        tool.certificate, domain(regional_certificate_arn=ARN),
        describe_certificate=client_error("ResourceNotFoundException"),
    )  # fmt: skip
    assert missing == [("stop", f"{ARN}, for api.example.com, does not exist.")]
    with pytest.raises(ClientError):
        check_findings(tool.certificate, domain(regional_certificate_arn=ARN), describe_certificate=client_error())


NEW_RECORD = change("aws_route53_record", "create")


@pytest.mark.parametrize(
    ("answers", "level", "text"),
    [
        (
            zone_answers("example.com.", ("example.com.", "NS"), ("www.example.com.", "A")),
            "ok",
            f"api.example.com is in the zone example.com ({ZONE_ID}), "
            "whose name servers are ns-1.example.net, ns-2.example.net.",
        ),
        (zone_answers("api.example.com."), "ok", None),
        (zone_answers("other.com."), "stop", f"The hosted zone {ZONE_ID} is for other.com, not for api.example.com."),
        (
            zone_answers("i.example.com."),
            "stop",
            f"The hosted zone {ZONE_ID} is for i.example.com, not for api.example.com.",
        ),
        (zone_answers(private=True), "stop", None),
        (
            zone_answers("com.", ("com.", "NS"), ("example.com.", "NS")),
            "stop",
            f"example.com is delegated to another zone, so {ZONE_ID} does not serve api.example.com.",
        ),
        (
            zone_answers("example.com.", ("api.example.com.", "CNAME")),
            "stop",
            "api.example.com already has records (CNAME), and the apply cannot create a second one.",
        ),
        (
            {"get_hosted_zone": not_found_error(Exceptions.NoSuchHostedZone)},
            "stop",
            f"There is no hosted zone {ZONE_ID}.",
        ),
    ],
)
def test_hosted_zones(answers: dict[str, Any], level: str, text: str | None) -> None:
    plan = given(NEW_RECORD, domain={"name": "api.example.com", "zone_id": ZONE_ID})
    ((found, said),) = check_findings(tool.domain, plan, **answers)
    assert found == level
    assert text in (None, said)


def test_a_domain_of_another_environment() -> None:
    wanted = {"name": "api.example.com", "certificate_arn": ARN}
    new = change("aws_api_gateway_domain_name", "create")
    assert check_findings(tool.domain, given(new, domain=wanted), get_domain_name=FREE) == []
    ((level, text),) = check_findings(tool.domain, given(new, domain=wanted), get_domain_name={})
    assert (level, "API Gateway in eu-west-1 already has a domain" in text) == ("stop", True)
    assert check_findings(tool.domain, given(domain=wanted)) == []
    assert check_findings(tool.domain, given(domain=None)) == []


@pytest.mark.parametrize(
    ("version", "answers", "level", "said"),
    [
        ("v1", {}, "ok", "The truststore s3://trust/ca.pem exists."),
        (None, {}, "warning", "only after a change of domain.truststore_version"),
        ("v1", {"get_bucket_versioning": {}}, "warning", "only after a change of domain.truststore_version"),
        ("v1", {"head_object": client_error("404")}, "stop", "s3://trust/ca.pem, version v1, does not exist"),
        (None, {"get_bucket_location": client_error("NoSuchBucket")}, "stop", "s3://trust/ca.pem does not exist"),
        ("v1", {"head_object": client_error("403")}, "stop", "You may not read the truststore"),
        (
            "v1",
            {"get_bucket_location": {"LocationConstraint": None}},
            "stop",
            "is in us-east-1, and the API is in eu-w",
        ),
    ],
)
def test_truststores(version: str | None, answers: dict[str, Any], level: str, said: str) -> None:
    wanted = {"name": "a.example.com", "truststore": "s3://trust/ca.pem", "truststore_version": version}
    good = {
        "get_bucket_location": {"LocationConstraint": "eu-west-1"},
        "get_bucket_versioning": {"Status": "Enabled"},
        "head_object": {},
    }
    ((found, text),) = check_findings(tool.domain, given(domain=wanted), **{**good, **answers})
    assert found == level
    assert said in text


ENDPOINT = {
    "PrivateDnsEnabled": False,
    "ServiceName": "com.amazonaws.eu-west-1.execute-api",
    "State": "available",
    "VpcId": "vpc-1",
}


@pytest.mark.parametrize(
    ("answer", "level", "text"),
    [
        (ENDPOINT, "ok", "vpce-1 in vpc-1 is available."),
        (ENDPOINT | {"PrivateDnsEnabled": True}, "ok", None),
        (
            ENDPOINT | {"ServiceName": "com.amazonaws.eu-west-1.kms"},
            "stop",
            "vpce-1 is for com.amazonaws.eu-west-1.kms, not for execute-api.",
        ),
        (ENDPOINT | {"State": "pendingAcceptance"}, "warning", "vpce-1 is pendingAcceptance."),
        (client_error("InvalidVpcEndpointId.NotFound"), "stop", "There is no VPC endpoint vpce-1 in eu-west-1."),
        (None, "stop", "There is no VPC endpoint vpce-1 in eu-west-1."),
    ],
)
def test_vpc_endpoints_of_private_apis(answer: Any, level: str, text: str | None) -> None:
    plan = given(private={"vpc_endpoint_ids": ["vpce-1"]})
    answers = answer if isinstance(answer, ClientError) else {"VpcEndpoints": [answer] if answer else []}
    ((found, said),) = check_findings(tool.vpc_endpoints, plan, describe_vpc_endpoints=answers)
    assert found == level
    assert text in (None, said)
    assert check_findings(tool.vpc_endpoints, given(private=None)) == []


def test_certificates() -> None:
    assert check_findings(tool.certificate, {}) == [("ok", "The API has no domain of its own.")]
    assert check_findings(tool.certificate, domain()) == [
        ("ok", "This apply creates the certificate of api.example.com.")
    ]
    here, edge = domain(regional_certificate_arn=ARN), domain(certificate_arn=ARN)
    assert check_findings(tool.certificate, edge) == [
        ("stop", f"{ARN}, for api.example.com, is in eu-west-1, not in us-east-1.")
    ]
    for answer, level, text in [
        (described_certificate(), "ok", "The certificate of api.example.com is issued."),
        (described_certificate(NotAfter=None), "ok", "The certificate of api.example.com is issued."),
        (
            described_certificate(Status="PENDING_VALIDATION"),
            "stop",
            "The certificate of api.example.com is PENDING_VALIDATION.",
        ),
        (
            described_certificate(DomainName="example.com", SubjectAlternativeNames=["www.example.com"]),
            "stop",
            "The certificate is for example.com, www.example.com, not for api.example.com.",
        ),
    ]:
        assert check_findings(tool.certificate, here, describe_certificate=answer) == [(level, text)]
    (old,) = check_findings(
        tool.certificate, here, describe_certificate=described_certificate(RenewalEligibility="INELIGIBLE")
    )
    assert (old[0], old[1].endswith("and ACM will not renew it.")) == ("warning", True)


TFVARS = 'name = "shop"\nenvironment = "dev"\nentities = { todos = {} }\n'


def test_a_first_distribution() -> None:
    plan = plan_document(change("aws_cloudfront_distribution", "create"))
    for quantity, level in [(0, "warning"), (2, "ok")]:
        answer = {"DistributionList": {"Quantity": quantity}}
        assert [each[0] for each in check_findings(tool.distributions, plan, list_distributions=answer)] == [level]
    kept = plan_document(change("aws_cloudfront_distribution", "update"))
    assert check_findings(tool.distributions, kept) == [("ok", "This apply creates no CloudFront distribution.")]


@pytest.mark.parametrize(
    ("by_administrators", "email", "level"),
    [
        (True, [], "ok"),
        (False, [], "warning"),
        (False, [{"email_sending_account": "COGNITO_DEFAULT"}], "warning"),
        (False, [{"email_sending_account": "DEVELOPER"}], "ok"),
    ],
)
def test_mails_to_people_who_sign_up(by_administrators: bool, email: list[Any], level: str) -> None:
    pool = {
        "admin_create_user_config": [{"allow_admin_create_user_only": by_administrators}],
        "email_configuration": email,
    }
    plan = plan_document(change("aws_cognito_user_pool", "no-op", after=pool))
    assert [each[0] for each in check_findings(tool.sign_up, plan)] == [level]
    assert check_findings(tool.sign_up, plan_document(change("aws_cognito_user_pool", "delete")))[0][0] == "ok"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one environment."""
    (tmp_path / "environments").mkdir()
    shutil.copy(ROOT / "variables.tf", tmp_path)
    (tmp_path / "environments" / "dev.tfvars").write_text(f'{TFVARS}region = "eu-west-1"\n')
    (tmp_path / "environments" / "dev.s3.tfbackend").write_text('bucket = "b"\nkey = "k"\nregion = "eu-west-1"\n')
    for module in (aws_environment, tfvars):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "build_functions", lambda _: None)
    return tmp_path


def test_the_location_of_the_state(root: Path) -> None:
    context = environment()
    assert list(tool.backend(context)) == []
    assert context.backend == {"bucket": "b", "key": "k", "region": "eu-west-1"}
    (root / "environments" / "dev.s3.tfbackend").write_text('key = "k"\nregion = "eu-west-1"\n')
    assert check_findings(tool.backend) == [("stop", "environments/dev.s3.tfbackend has no bucket.")]
    (root / "environments" / "dev.s3.tfbackend").unlink()
    assert check_findings(tool.backend) == [("stop", "There is no environments/dev.s3.tfbackend.")]
    (root / "environments" / "dev.s3.tfbackend").write_bytes("bucket".encode("utf-16"))
    (stop,) = tool.run_check(tool.backend, environment())
    assert (stop.level, stop.subject) == ("stop", "backend")
    assert stop.text.endswith("dev.s3.tfbackend is in UTF-16: save it as UTF-8.")


@pytest.fixture
def terraform(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The fake Terraform's output for each command."""
    said: dict[str, Any] = {"init": None, "state": {}, "plan": {}}

    def answer(command: str) -> Any:
        if isinstance(said[command], Exception):
            raise said[command]
        return said[command]

    for command in said:
        monkeypatch.setattr(Terraform, command, lambda *_, command=command: answer(command))
    return said


def test_invalid_variables() -> None:
    """They are refused before any other Terraform command."""

    def refuse() -> Any:
        raise UserError("jwt.issuer: no.")

    context = environment()
    context.facts = refuse
    (stop,) = tool.state(context)
    assert (stop.level, stop.subject, stop.text) == ("stop", "tfvars", "jwt.issuer: no.")


def test_the_state_of_another_system(terraform: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"environment": "dev", "name": "shop", "region": "eu-west-1"}
    monkeypatch.setattr(aws_environment, "facts", lambda _: variables)
    assert check_findings(tool.state) == [("ok", "Nothing is deployed yet.")]
    instance: dict[str, Any] = {"attributes": {"tags_all": {"Environment": "prod"}}}
    terraform["state"] = {"resources": [{"instances": [instance]}]}
    ((level, text),) = check_findings(tool.state)
    assert (level, "names the state of prod" in text) == ("stop", True)
    instance["attributes"]["tags_all"]["Environment"] = "dev"
    assert check_findings(tool.state) == [("ok", "The state holds 1 resources of dev.")]
    instance["attributes"]["tags_all"]["Project"] = "store"
    ((level, text),) = check_findings(tool.state)
    assert (level, text.startswith("dev is deployed with the name store, but its tfvars say shop")) == ("stop", True)
    instance["attributes"]["tags_all"]["Project"] = "shop"
    instance["attributes"]["arn"] = "arn:aws:dynamodb:us-west-2:1:table/x"
    terraform["state"] = {"resources": [{"type": "aws_dynamodb_table", "instances": [instance]}]}
    ((level, text),) = check_findings(tool.state)
    assert (level, text.startswith("dev is deployed in us-west-2, but its tfvars say")) == ("stop", True)
    terraform["init"] = UserError("terraform init failed: No.")
    assert check_findings(tool.state) == [("stop", "terraform init failed: No.")]


def test_the_planned_changes(terraform: dict[str, Any]) -> None:
    changes = [
        change("x", "create"),
        change("x", "delete", "create"),
        change("x", "no-op"),
        change("x", "update"),
    ]
    terraform["plan"] = {"resource_changes": changes}
    assert check_findings(tool.plan) == [("ok", "2 created, 1 changed, 1 deleted.")]
    terraform["plan"] = UserError("terraform plan failed: No.")
    assert check_findings(tool.plan) == [("stop", "terraform plan failed: No.")]


def checks(monkeypatch: pytest.MonkeyPatch, **levels: str | Exception) -> None:
    """Make the named checks return a finding of this level or raise this error; all others find nothing."""

    def replace_check(check: tool.Check) -> tool.Check:
        def finds(_: kinds.Context) -> kinds.Findings:
            level = levels.get(check.__name__)
            if isinstance(level, Exception):
                raise level
            if level:
                yield kinds.Finding(level, check.__name__, "Text.", "" if level == kinds.OK else "Remedy.")

        finds.__name__ = check.__name__
        return finds

    groups = tuple(tuple(replace_check(check) for check in group) for group in tool.GROUPS)
    needed = {check.__name__ for check in tool.REQUIRED}
    monkeypatch.setattr(tool, "GROUPS", groups)
    monkeypatch.setattr(tool, "REQUIRED", tuple(c for group in groups for c in group if c.__name__ in needed))
    monkeypatch.setattr(tool, "region", groups[1][0])


def run(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = tool.preflight(argparse.Namespace(env="dev", progress=lambda _: None))
    return code, capsys.readouterr().out.splitlines()


RSA_KEY = {"kty": "RSA", "n": base64.urlsafe_b64encode(b"\xff" * 256).decode().rstrip("="), "e": "AQAB"}


def issuer_findings(server: Server, *keys: Any, jwks: str = "/keys", **known: Any) -> list[tuple[str, str]]:
    """Return the findings for an issuer that publishes these keys."""

    def answer(connection: Any, request: Any) -> bool:
        is_discovery = request.path == "/.well-known/openid-configuration"
        found = {"issuer": server.url, "jwks_uri": server.url + jwks, **known} if is_discovery else {"keys": keys}
        return answers(found)(connection, request)

    server.script = [answer]
    context = environment({"variables": {"jwt": {"value": {"audiences": ["shop"], "issuer": server.url}}}})
    findings = list(tool.issuer(context))
    assert all(each.remedy for each in findings if each.level != kinds.OK)
    return [(each.level, each.text) for each in findings]


def test_the_issuer_of_tokens() -> None:
    assert check_findings(tool.issuer) == [("ok", "No operation accepts tokens of your own issuer.")]
    with Server() as server:
        assert issuer_findings(server, RSA_KEY) == [("ok", f"{server.url} has keys for RS256.")]
        secret = {"kty": "oct", "k": "AAAA"}
        assert issuer_findings(server, secret) == [("stop", f"{server.url} publishes no key for RS256 or ES256.")]
        ((level, said),) = issuer_findings(server, RSA_KEY, issuer=f"{server.url}/")
        assert (level, said.partition(". ")[2]) == ("stop", "The discovery document belongs to another issuer.")
    ((level, said),) = issuer_findings(server)
    assert (level, "cannot be read from here" in said) == ("warning", True)


@pytest.mark.usefixtures("root")
def test_a_preflight_without_problems(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    checks(monkeypatch, bucket="ok", networks="warning", lock=client_error())
    code, said = run(capsys)
    assert code == 0
    assert said == [
        "ok       bucket          Text.",
        f"warning  lock            Not checked: {client_error()}",
        "                         Get the missing permission, or look in the console.",
        "warning  networks        Text.",
        "                         Remedy.",
        "",
        "Nothing prevents an apply (warnings: 2).",
    ]


@pytest.mark.usefixtures("root")
def test_a_stop_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    checks(monkeypatch, lock="stop", losses="stop", region=client_error())
    code, said = run(capsys)
    assert (code, said[-1]) == (1, "Stop: fix the stops before an apply (2, and warnings: 1).")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("level", ["stop", client_error()])
def test_checks_that_fail_are_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: Any
) -> None:
    checks(monkeypatch, plan=level, losses="stop")
    after_the_plan = [check.__name__.replace("_", " ") for check in tool.GROUPS[-1]]
    assert after_the_plan[:2] == ["losses", "indexes"]
    code, said = run(capsys)
    assert code == 1
    assert said[-4:-2] == [
        f"warning  not checked     {', '.join(after_the_plan)}.",
        "                         Fix the stops above, and run preflight again.",
    ]


def test_the_region_comes_from_the_tfvars(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Any] = []

    def look(context: kinds.Context, _: Any) -> list[kinds.Finding]:
        seen.append(
            (
                context.region,
                context.client("sts").meta.region_name,
                context.client("s3", "us-east-1").meta.region_name,
            )
        )
        return []

    monkeypatch.setattr(tool, "run_checks", look)
    assert run(capsys)[0] == 0
    (root / "environments" / "dev.tfvars").write_text(TFVARS)
    assert run(capsys)[0] == 0
    assert seen == [("eu-west-1", "eu-west-1", "us-east-1"), ("us-west-2", "us-west-2", "us-east-1")]
    (root / "environments" / "dev.tfvars").write_text("colour = 1")
    assert run(capsys)[0] == 1
