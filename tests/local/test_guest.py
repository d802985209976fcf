"""Test `make preflight` on a company's VPC, key, topic, bucket, issuer and domain, with the emulator as AWS."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.local.clone import Clone
from tests.unit.loopback import Server, answers
from tests.unit.test_transport_tls import Authority

REGION = "us-west-2"
ACCOUNT = "000000000000"
NAME = "api.example.com"
KEYS = [{"kty": "RSA", "n": base64.urlsafe_b64encode(b"\xff" * 256).decode().rstrip("="), "e": "AQAB", "kid": "1"}]
LOGS = "company-logs"
VARIABLES = """
name        = "orders"
environment = "company"
region      = "us-west-2"

alarms     = {{ topic_arn = "{topic}" }}
domain     = {{ name = "{name}", certificate_arn = "{certificate}" }}
encryption = {{ key_arn = "{key}" }}
entities = {{
  orders = {{
    access   = {{ default = "jwt", delete = "jwt:group=managers" }}
    owner    = "claim:tenant_id"
    sees_all = "group=support"
  }}
}}
jwt        = {{ issuer = "{issuer}", audiences = ["https://{name}"] }}
log_bucket = "{logs}"
network    = {{ vpc_id = "{vpc}", subnet_ids = {subnets} }}
website    = {{}}
"""


@dataclass
class Company:
    """A company's resources in its account, ready for a guest system except for the policies."""

    clone: Clone
    issuer: Server
    folder: Path
    ids: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ec2, ids = self.clone.client("ec2"), self.ids
        ids["vpc"] = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        ids["subnet_ids"] = [self.subnet(ids["vpc"], f"10.20.{n}.0/24", zone) for n, zone in enumerate("ab")]
        ids["table"] = ec2.create_route_table(VpcId=ids["vpc"])["RouteTable"]["RouteTableId"]
        for subnet in ids["subnet_ids"]:
            ec2.associate_route_table(RouteTableId=ids["table"], SubnetId=subnet)
        self.make_endpoint()
        kms = self.clone.client("kms")
        ids["key"] = kms.create_key(Description="What the company stores")["KeyMetadata"]["Arn"]
        kms.enable_key_rotation(KeyId=ids["key"])
        ids["topic"] = self.clone.client("sns").create_topic(Name="on-call")["TopicArn"]
        s3 = self.clone.client("s3")
        s3.create_bucket(Bucket=LOGS, CreateBucketConfiguration={"LocationConstraint": REGION})
        # Not S3's default, but required of a bucket for CloudFront's logs.
        controls = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
        s3.put_bucket_ownership_controls(Bucket=LOGS, OwnershipControls=controls)
        ids["certificate"] = self.clone.client("acm").request_certificate(DomainName=NAME)["CertificateArn"]
        ids.update(issuer=f"{self.issuer.url}/", logs=LOGS, name=NAME)
        self.publish()
        self.write()

    def write(self, **changed: Any) -> None:
        """Write the tfvars with some values changed."""
        known = {**self.ids, **changed}
        known["subnets"] = json.dumps(known["subnet_ids"])
        environments = self.clone.folder / "environments"
        (environments / "company.tfvars").write_text(VARIABLES.format(**known))
        backend = (environments / "dev.s3.tfbackend").read_text().replace("trestle/dev.tfstate", "company.tfstate")
        (environments / "company.s3.tfbackend").write_text(backend)

    def subnet(self, vpc: str, cidr: str, zone: str) -> str:
        ec2 = self.clone.client("ec2")
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")
        return str(made["Subnet"]["SubnetId"])

    def make_endpoint(self, **more: Any) -> None:
        made = self.clone.client("ec2").create_vpc_endpoint(
            VpcId=self.ids["vpc"], ServiceName=f"com.amazonaws.{REGION}.dynamodb", RouteTableIds=[self.ids["table"]],
            **more,
        )  # fmt: skip
        self.ids["endpoint"] = made["VpcEndpoint"]["VpcEndpointId"]

    def publish(self, keys: Any = KEYS, **known: Any) -> None:
        """Make the issuer publish its discovery document and its keys."""

        def answer(connection: Any, request: Any) -> bool:
            discovery = {"issuer": self.ids["issuer"], "jwks_uri": f"{self.issuer.url}/keys", **known}
            return answers({"keys": keys} if request.path == "/keys" else discovery)(connection, request)

        self.issuer.script = [answer]

    def preflight(self) -> tuple[list[tuple[str, str, str, str]], str]:
        """Run `make preflight`; return its problems (level, subject, text and remedy), and the last sentence."""
        said = self.clone.make("preflight", "ENV=company", code=None, SSL_CERT_FILE=str(self.folder / "root.pem"))
        # Columns of 9 and 16 characters. A remedy is below its finding.
        lines = [(line[:9].strip(), line[9:25].strip(), line[25:]) for line in said.splitlines()]
        rows = [
            (level, subject, text, remedy if below == ["", ""] else "")
            for (level, subject, text), (*below, remedy) in itertools.pairwise([*lines, ("", "", "")])
            if level in ("warning", "stop") and subject not in EXPECTED
        ]
        return rows, "".join(line for line in said.splitlines() if line.startswith(("Nothing prevents", "Stop: ")))


# Findings about the emulator's account, and about any new account.
EXPECTED = ("credentials", "distributions")


@pytest.fixture
def company(clone: Clone, tmp_path: Path) -> Iterator[Company]:
    authority = Authority()
    (tmp_path / "root.pem").write_bytes(authority.pem())
    clone.make("bootstrap", "WRITE=1", "ARGS=-auto-approve -no-color")
    with Server(tls=authority.context(tmp_path)) as issuer:
        yield Company(clone, issuer, tmp_path)


def statement_of(remedy: str) -> dict[str, Any]:
    """Return the policy statement in a remedy."""
    found: dict[str, Any] = json.JSONDecoder().raw_decode(remedy[remedy.index("{") :])[0]
    return found


@dataclass(frozen=True)
class Fault:
    """A fault: how to cause and remove it, and preflight's message."""

    level: str
    subject: str
    text: str  # how it starts
    remedy: str  # contained in it
    make: Callable[[], Any]
    mend: Callable[[], Any]


def faults(company: Company) -> Iterator[Fault]:
    """Yield the possible faults of each resource of the company."""
    ids, clone = company.ids, company.clone
    ec2, kms, sns, s3 = (clone.client(service) for service in ("ec2", "kms", "sns", "s3"))
    vpc, key, issuer = ids["vpc"], ids["key"], ids["issuer"]

    def written(level: str, subject: str, text: str, remedy: str, **changed: Any) -> Fault:
        return Fault(level, subject, text, remedy, lambda: company.write(**changed), company.write)

    def issued(level: str, text: str, remedy: str, keys: Any = KEYS, **known: Any) -> Fault:
        return Fault(level, "issuer", text, remedy, lambda: company.publish(keys, **known), company.publish)

    def set_dns(value: bool) -> None:
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": value})

    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "arn:aws:dynamodb:::table/x"}
    narrow_policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def remove_endpoint() -> None:
        ec2.delete_vpc_endpoints(VpcEndpointIds=[ids["endpoint"]])

    def narrow_endpoint() -> None:
        remove_endpoint()
        company.make_endpoint(PolicyDocument=narrow_policy)

    def widen_endpoint() -> None:
        remove_endpoint()
        company.make_endpoint()

    def set_topic(name: str, value: str) -> None:
        sns.set_topic_attributes(TopicArn=ids["topic"], AttributeName=name, AttributeValue=value)

    def set_encryption(algorithm: str) -> None:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
        s3.put_bucket_encryption(Bucket=LOGS, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def set_ownership(value: str) -> None:
        s3.put_bucket_ownership_controls(Bucket=LOGS, OwnershipControls={"Rules": [{"ObjectOwnership": value}]})

    # The VPC.
    elsewhere = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    stray = company.subnet(elsewhere, "10.30.0.0/24", "b")
    first = ids["subnet_ids"][0]
    none = f"{', '.join(ids['subnet_ids'])} have no route to DynamoDB."
    yield Fault("stop", "vpc", none, "aws ec2 create-vpc-endpoint", remove_endpoint, company.make_endpoint)
    yield Fault("stop", "vpc", "The policy of vpce-", "Ask its owner to allow", narrow_endpoint, widen_endpoint)
    yield Fault("stop", "vpc", f"{vpc} has no DNS", "--enable-dns-support",
                lambda: set_dns(False), lambda: set_dns(True))  # fmt: skip
    yield written("stop", "vpc", f"{stray} belongs to {elsewhere}, not to {vpc}.", "network.subnet_ids",
                  subnet_ids=[first, stray])  # fmt: skip
    yield written("stop", "vpc", "Not all subnets exist: ", "network.subnet_ids", subnet_ids=[first, "subnet-0a1b2c3d"])
    yield written("stop", "vpc", "There is no VPC vpc-0a1b2c3d in us-west-2.", "network.vpc_id", vpc="vpc-0a1b2c3d")
    yield written("warning", "vpc", "All subnets are in us-west-2a", "another zone", subnet_ids=[first])
    # The key.
    yield Fault("stop", "key", f"{key} is Disabled.", f"aws kms enable-key --key-id {key}",
                lambda: kms.disable_key(KeyId=key), lambda: kms.enable_key(KeyId=key))  # fmt: skip
    gone = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
    yield written("stop", "key", f"{gone} does not exist.", "encryption.key_arn", key=gone)
    # The topic.
    gone = f"arn:aws:sns:{REGION}:{ACCOUNT}:of-call"
    yield written("stop", "topic", f"{gone}, in alarms.topic_arn, does not exist.", "Correct the ARN.", topic=gone)
    topic = ids["topic"]
    open_policy = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    yield Fault("warning", "topic", f"The policy of {topic} does not allow AlarmsPublish.", '"sns:Publish"',
                lambda: set_topic("Policy", narrow_policy), lambda: set_topic("Policy", open_policy))  # fmt: skip
    by_key = "KmsMasterKeyId"
    yield Fault("stop", "topic", f"{topic} is encrypted with AWS's key", "a customer managed key",
                lambda: set_topic(by_key, "alias/aws/sns"), lambda: set_topic(by_key, ""))  # fmt: skip
    # The bucket.
    yield written("stop", "log bucket", "The bucket company-lgos does not exist.", "log_bucket", logs="company-lgos")
    yield Fault("stop", "log bucket", f"The bucket {LOGS} encrypts with KMS", "AES256",
                lambda: set_encryption("aws:kms"), lambda: set_encryption("AES256"))  # fmt: skip
    enforced, preferred = "BucketOwnerEnforced", "BucketOwnerPreferred"
    yield Fault("stop", "log bucket", f"The bucket {LOGS} has ACLs disabled", preferred,
                lambda: set_ownership(enforced), lambda: set_ownership(preferred))  # fmt: skip
    # The issuer.
    refused = f"The authorizer would refuse every token of {issuer}. "
    yield issued("stop", f"{refused}The discovery document belongs to another issuer.", "exactly",
                 issuer=issuer.removesuffix("/"))  # fmt: skip
    yield issued("stop", f"{issuer} publishes no key for RS256 or ES256.", "HS256", keys=[{"kty": "oct", "k": "AA"}])
    closed = "https://127.0.0.1:9/"
    yield written("warning", "issuer", f"{closed} cannot be read from here.", "from the internet", issuer=closed)
    yield written("stop", "tfvars", f'jwt.issuer: "{issuer.replace("https", "http")}" does not begin with https://',
                  "Correct the file", issuer=issuer.replace("https", "http"))  # fmt: skip
    # The domain.
    other = "shop.example.com"
    yield written("stop", "certificate", f"The certificate is for {NAME}, not for {other}.", other, name=other)
    gone = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
    yield written("stop", "certificate", f"{gone}, for {NAME}, does not exist.", "certificate_arn", certificate=gone)
    gateway = clone.client("apigateway")
    yield Fault("stop", "domain", f"API Gateway in {REGION} already has a domain {NAME}", "Choose another name",
                lambda: gateway.create_domain_name(domainName=NAME, regionalCertificateArn=ids["certificate"]),
                lambda: gateway.delete_domain_name(domainName=NAME))  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_guests_preflight(company: Company) -> None:
    """First everything is in order, then one fault at a time: each is one finding with a remedy."""
    ids = company.ids
    kms, s3 = (company.clone.client(service) for service in ("kms", "s3"))

    # The policies of key and bucket do not know the guest yet. Each lacks one statement, which
    # preflight prints. A topic allows the alarms of its own account by default.
    found, last = company.preflight()
    statements = {(level, subject, text): statement_of(remedy) for level, subject, text, remedy in found}
    for_logs = ("stop", "key", f"The policy of {ids['key']} does not allow LogGroups.")
    for_access_logs = ("warning", "log bucket", f"The policy of {LOGS} does not allow AccessLogs.")
    assert statements.keys() == {for_logs, for_access_logs}
    assert last.startswith("Stop: fix the stops before an apply (1, ")
    policy = json.loads(kms.get_key_policy(KeyId=ids["key"], PolicyName="default")["Policy"])
    policy["Statement"].append(statements[for_logs])
    kms.put_key_policy(KeyId=ids["key"], PolicyName="default", Policy=json.dumps(policy))
    policy["Statement"] = [statements[for_access_logs]]
    s3.put_bucket_policy(Bucket=LOGS, Policy=json.dumps(policy))
    found, last = company.preflight()
    assert found == []
    assert last.startswith("Nothing prevents an apply")

    wrong = []
    for fault in faults(company):
        fault.make()
        found, last = company.preflight()
        fault.mend()
        said = [(level, subject) for level, subject, *_ in found if subject != "not checked"]
        is_right = said == [(fault.level, fault.subject)] and found[0][2].startswith(fault.text)
        if not is_right or fault.remedy not in found[0][3] or last.startswith("Stop") != (fault.level == "stop"):
            wrong.append(f"{fault.subject}: {fault.text}\n  {found}\n  {last}")
    assert not wrong, "\n".join(wrong)
    assert company.preflight()[0] == [], "all faults are fixed"
