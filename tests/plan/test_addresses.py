"""The API's addresses: at its own domain or inside VPCs, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.conftest import CERTIFICATES, VPC_ENDPOINTS
from tests.plan.planner import UNKNOWN, Plan, Planner, TerraformError
from tests.plan.test_modules import make_other_root

pytestmark = pytest.mark.xdist_group("plan")  # one worker makes the plans these tests share

ZONE = "Z0123456789ABCDEFGHIJ"


@pytest.fixture(scope="module")
def domain(systems: dict[str, Plan]) -> Plan:
    return systems["at_domain"]


# --- The internet, by default ---


def test_by_default_the_stage_answers_at_api_gateways_own_address(plan: Plan) -> None:
    api = plan.one("aws_api_gateway_rest_api")
    assert api["disable_execute_api_endpoint"] is False
    assert (api["endpoint_configuration"][0]["types"], plan.outputs["api_url"]) == (["REGIONAL"], UNKNOWN)
    assert not [kind for kind in plan.counts if kind.startswith(("aws_acm", "aws_api_gateway_domain", "aws_route53"))]
    assert plan.counts["aws_api_gateway_rest_api_policy"] == 0
    assert (plan.outputs["domain_target"], plan.outputs["private_urls"]) == (None, {})


# --- A domain ---


def test_the_stage_answers_at_the_root_of_the_domain_and_nowhere_else(domain: Plan) -> None:
    name = domain.one("aws_api_gateway_domain_name")
    assert (name["domain_name"], name["security_policy"]) == ("api.example.com", "TLS_1_2")
    assert name["endpoint_configuration"] == [{"ip_address_type": "dualstack", "types": ["REGIONAL"]}]
    assert name["mutual_tls_authentication"] == []
    mapping = domain.one("aws_api_gateway_base_path_mapping")
    assert (mapping["base_path"], mapping["domain_name"], mapping["stage_name"]) == (None, "api.example.com", "test")
    assert domain.one("aws_api_gateway_rest_api")["disable_execute_api_endpoint"] is True


def test_with_a_zone_certificate_and_records_are_made(domain: Plan) -> None:
    certificate = domain.one("aws_acm_certificate")
    assert (certificate["domain_name"], certificate["validation_method"]) == ("api.example.com", "DNS")
    records = domain.all("aws_route53_record")
    assert {record["zone_id"] for record in records.values()} == {ZONE}
    aliases = [record for address, record in records.items() if ".alias[" in address]
    assert {record["type"]: record["name"] for record in aliases} == dict.fromkeys(("A", "AAAA"), "api.example.com")
    (proof,) = (record for address, record in records.items() if ".validation[" in address)
    assert (proof["allow_overwrite"], proof["ttl"], proof["name"]) == (True, 300, UNKNOWN)
    assert len(domain.all("aws_acm_certificate_validation")) == 1
    assert domain.one("aws_api_gateway_domain_name")["regional_certificate_arn"] == UNKNOWN, "once it is issued"


def test_with_a_certificate_dns_is_the_users_and_told_in_an_output(systems: dict[str, Plan]) -> None:
    plan = systems["at_domain_with_mutual_tls"]
    assert not [kind for kind in plan.counts if kind.startswith(("aws_acm", "aws_route53"))]
    name = plan.one("aws_api_gateway_domain_name")
    assert name["regional_certificate_arn"] == f"{CERTIFICATES}/0a-1b"
    target = {"name": UNKNOWN, "zone_id": UNKNOWN}
    assert plan.outputs["domain_target"] in (target, UNKNOWN)


def test_a_truststore_asks_callers_for_certificates(systems: dict[str, Plan]) -> None:
    name = systems["at_domain_with_mutual_tls"].one("aws_api_gateway_domain_name")
    (mutual,) = name["mutual_tls_authentication"]
    assert mutual == {"truststore_uri": "s3://example-truststore/clients.pem", "truststore_version": "v1"}
    assert name["ownership_verification_certificate_arn"] == f"{CERTIFICATES}/2c-3d"


def test_outputs_have_the_domain(systems: dict[str, Plan]) -> None:
    for system in ("at_domain", "at_domain_with_mutual_tls"):
        outputs = systems[system].outputs
        assert outputs["api_url"] == "https://api.example.com"
        assert outputs["openapi_url"] == "https://api.example.com/openapi.json"


def test_the_document_names_the_host_of_each_request(domain: Plan) -> None:
    """At a domain its path has no stage, so the template that serves the default address serves it too."""
    (template,) = (
        response["response_templates"]["application/json"]
        for address, response in domain.all("aws_api_gateway_integration_response").items()
        if '"GET /openapi.json"' in address
    )
    assert "https://$context.domainName$context.path.replace('/openapi.json','')" in template


def test_the_console_reaches_the_api_at_its_domain(domain: Plan) -> None:
    """The default address is disabled for CloudFront, too."""
    origins = {origin["origin_id"]: origin for origin in domain.one("aws_cloudfront_distribution")["origin"]}
    assert (origins["api"]["domain_name"], origins["api"]["origin_path"]) == ("api.example.com", "")


def test_an_address_is_closed_and_opened_by_a_deployment(systems: dict[str, Plan]) -> None:
    """API Gateway does not change until the API is deployed again."""
    (at_domain,) = systems["at_domain_with_mutual_tls"].one("aws_api_gateway_deployment")["triggers"].values()
    (inside,) = systems["inside_vpc_without_iam"].one("aws_api_gateway_deployment")["triggers"].values()
    (plain,) = systems["bounded"].one("aws_api_gateway_deployment")["triggers"].values()
    assert len({at_domain, inside, plain}) == 3


SAME_APPLY = """
provider "aws" {
  region = "us-west-2"
}

resource "aws_route53_zone" "own" {
  name = "example.com"
}

resource "aws_acm_certificate" "own" {
  domain_name       = "b.example.com"
  validation_method = "DNS"
}

resource "aws_vpc_endpoint" "own" {
  service_name      = "com.amazonaws.us-west-2.execute-api"
  vpc_endpoint_type = "Interface"
  vpc_id            = "vpc-1"
}

module "api" {
  source      = "./modules/service"
  for_each    = {
    zone        = { domain = { name = "a.example.com", zone_id = aws_route53_zone.own.zone_id } }
    certificate = { domain = { name = "b.example.com", certificate_arn = coalesce(aws_acm_certificate.own.arn) } }
    private     = { private = { vpc_endpoint_ids = [aws_vpc_endpoint.own.id] } }
  }
  project     = path.root
  name        = each.key
  environment = "test"
  network     = null
  domain      = lookup(each.value, "domain", null)
  private     = lookup(each.value, "private", null)
  entities    = { todos = { operations = ["get"] } }
}
"""


@pytest.mark.slow
def test_zone_certificate_and_endpoint_may_come_of_the_same_apply(planner: Planner, tmp_path: Path) -> None:
    root = make_other_root(planner, tmp_path / "root", main=SAME_APPLY)
    plan = Plan(planner.make_plan(root, "addresses-of-the-same-apply", (), {}), prefix="")
    made = [address for address in plan.resources if "aws_acm" in address or "aws_route53_record" in address]
    assert len([address for address in made if address.startswith('module.api["zone"]')]) == 5
    assert made.count("aws_acm_certificate.own") == 1
    assert not [address for address in made if address.startswith('module.api["certificate"]')]
    private = plan.resources['module.api["private"].module.api.aws_api_gateway_rest_api.this']
    assert private["endpoint_configuration"][0]["types"] == ["PRIVATE"]

    plain = SAME_APPLY.replace("coalesce(aws_acm_certificate.own.arn)", "aws_acm_certificate.own.arn")
    with pytest.raises(TerraformError, match=r"certificate_arn = coalesce\(aws_acm_certificate.NAME.arn\)"):
        planner.make_plan(make_other_root(planner, tmp_path / "plain", main=plain), "addresses-plain", (), {})


# --- Inside VPCs ---


def test_a_private_api_is_for_its_endpoints(systems: dict[str, Plan]) -> None:
    """tests/terraform checks the policy's text, which contains the API's id and so is known only after an apply."""
    (endpoint,) = systems["inside_vpc"].one("aws_api_gateway_rest_api")["endpoint_configuration"]
    assert (endpoint["types"], sorted(endpoint["vpc_endpoint_ids"])) == (["PRIVATE"], sorted(VPC_ENDPOINTS))
    assert systems["inside_vpc"].counts["aws_api_gateway_rest_api_policy"] == 1
    assert systems["inside_vpc"].outputs["api_url"] == UNKNOWN
