"""checkov finds only failures that are skipped with a reason or requested by a var-file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.plan import inventory
from tests.plan.conftest import CODE, ENTITIES, FUNCTIONS, NETWORK, SMALL, with_code
from tests.plan.planner import ROOT, Plan, Planner, plan_as_module, project_of
from tests.policy import scan
from tests.policy.scan import Finding, Report

pytestmark = [
    pytest.mark.timeout(900),  # whichever comes first waits for all plans and scans
    pytest.mark.xdist_group("environments"),  # one worker makes the plans these tests share
]

# `make test` scans the configuration and these plans. `make verify` scans the plan of every
# var-file, as does `make check`, which CI runs beside the tests.
EQUIPPED = "tests/policy/equipped.tfvars"
GUEST = ("examples/tenants.tfvars", "tests/policy/guest.tfvars")
QUICK = ("dev", "guarded", "opened", "prod")


@pytest.fixture(scope="session")
def triggered(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan with every kind of function, with its own code instead of the repository's."""
    folder = tmp_path_factory.mktemp("triggered")
    project, root = project_of(folder, CODE), planner.copy_root(folder / "root")
    for name in ("app", "dist", "schemas"):
        (root / name).unlink()
        (root / name).symlink_to(project / name)
    variables = {**SMALL, "entities": ENTITIES, "functions": with_code(FUNCTIONS), "network": NETWORK}
    return Plan(planner.make_plan(root, "triggered", (), variables))


@pytest.fixture(scope="session")
def plans(planner: Planner) -> dict[str, Plan]:
    """The plans of dev and prod, one with open methods, and one with every feature."""
    access = {"default": "open", "delete": "api_key"}
    opened = planner(**{**SMALL, "entities": {"todos": {"access": access, "operations": ["delete", "get", "list"]}}})
    guarded = planner(
        **{key: value for key, value in SMALL.items() if key not in ("entities", "network")},
        alarms={"emails": ["on-call@example.com"]},
        audit={},
        backup={"monthly_days": 365},
        deletion_protection=True,
        entities={
            "todos": {"access": {"create": "cognito:scope=import", "default": "cognito"}},
            "notes": {"access": {"default": "jwt"}, "operations": ["get"]},
        },
        jwt={"audiences": ["shop"], "issuer": "https://auth.example.com"},
        user_pool={"domain_prefix": "shop-example", "machine_client": True},
        waf={"countries": ["DE"]},
        website={},
    )
    environments = {name: planner(inventory.VAR_FILES[name]) for name in ("dev", "prod")}
    return {**environments, "guarded": guarded, "opened": opened}


@pytest.fixture(scope="session")
def other_plans(planner: Planner, triggered: Plan) -> dict[str, Plan]:
    """The plans of all other var-files, one with every kind of function, and one with existing resources."""
    plans = {name: planner(file) for name, file in inventory.VAR_FILES.items() if name not in QUICK}
    return {**plans, "guest": planner(*GUEST), "triggered": triggered}


@pytest.fixture(scope="session")
def hcl_report() -> Report:
    return scan.scan_hcl(ROOT)


@pytest.fixture(scope="session")
def reports(plans: dict[str, Plan]) -> dict[str, Report]:
    return scan.scan_plans(plans)


@pytest.fixture(scope="session")
def other_reports(other_plans: dict[str, Plan]) -> dict[str, Report]:
    return scan.scan_plans(other_plans)


@pytest.fixture(scope="session")
def unskipped_reports(plans: dict[str, Plan], tmp_path_factory: pytest.TempPathFactory) -> set[Finding]:
    """The failures without skips in the configuration, the fullest plan, and a console for all countries."""
    copy = scan.copy_without_skips(tmp_path_factory.mktemp("without-skips"))
    fullest = {name: plans[name] for name in ("guarded", "prod")}
    reports = [scan.scan_hcl(copy), *scan.scan_plans(fullest, copy).values()]
    return {finding for report in reports for finding in report.failed}


def test_configuration_passes(hcl_report: Report) -> None:
    assert hcl_report.failed == frozenset()
    assert len(hcl_report.passed) > 100


def check_report(plan: Plan, report: Report) -> None:
    """Assert that a scan covered the whole plan and failed only for what the var-file requests."""
    assert {(f.check, f.resource) for f in report.failed} == scan.declared_failures(plan).keys()
    for kind in ("aws_api_gateway_stage", "aws_dynamodb_table", "aws_lambda_function"):
        planned = {plan.prefix + address for address in plan.all(kind)}
        assert planned <= {f.resource for f in report.passed}, "it saw a part"


@pytest.mark.parametrize("name", QUICK)
def test_plan_fails_only_what_its_variables_ask_for(
    plans: dict[str, Plan], reports: dict[str, Report], name: str
) -> None:
    check_report(plans[name], reports[name])


@pytest.mark.slow  # a dozen plans and scans
@pytest.mark.parametrize("name", sorted({*inventory.VAR_FILES, "guest", "triggered"} - set(QUICK)))
def test_plan_of_each_other_var_file_fails_only_what_it_asks_for(
    other_plans: dict[str, Plan], other_reports: dict[str, Report], name: str
) -> None:
    check_report(other_plans[name], other_reports[name])


@pytest.mark.slow  # with the plans and scans above
def test_the_documents_count_what_is_skipped_of_a_guest(other_reports: dict[str, Report]) -> None:
    (outside,) = other_reports["guest"].failed
    assert (outside.check, ".module.authorizer[" in outside.resource) == ("CKV_AWS_117", True), "which jwt asks for"
    text = (ROOT / "docs" / "explanation" / "security.md").read_text()
    (count,) = re.findall(r"^\[A system in a company's VPC\].*? skips\s+(\d+) checks", text, re.MULTILINE | re.DOTALL)
    assert len({f.block for f in other_reports["guest"].skipped}) == int(count)


@pytest.mark.slow  # a plan and a scan of its own
def test_a_root_of_ones_own_fails_only_what_it_asks_for(
    planner: Planner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plan = plan_as_module(planner, tmp_path_factory.mktemp("as-module"))
    report = scan.scan_plans({"as-module": plan})["as-module"]
    opened = [address for address in plan.all("aws_api_gateway_method") if re.search(r'\["tasks\.(?!delete)', address)]
    asked = {("CKV_AWS_59", address) for address in opened}
    asked.add(("CKV_AWS_117", 'module.authorizer["authorizer"].aws_lambda_function.this'))
    assert {(f.check, f.resource.removeprefix(plan.prefix)) for f in report.failed} == asked
    assert len(opened) == 5
    kinds = {"aws_dynamodb_table", "aws_kms_key", "aws_security_group", "aws_vpc_endpoint"}
    assert kinds <= {f.block[2].partition(".")[0] for f in report.passed}, "it saw a part"


def test_everything_that_costs_makes_no_finding(reports: dict[str, Report]) -> None:
    assert {(f.check, f.block[2]) for f in reports["guarded"].failed} == {("CKV_AWS_117", "aws_lambda_function.this")}
    (outside,) = reports["guarded"].failed
    assert ".module.authorizer[" in outside.resource, "the issuer is on the internet"
    kinds = {f.block[1] for f in reports["guarded"].skipped}
    assert "modules/audit" in kinds, "the scan saw the trail"
    assert "modules/website" in kinds, "the scan saw the console"
    seen = {f.resource for f in reports["guarded"].passed}
    assert "module.service.module.backup[0].aws_backup_vault.this" in seen, "the scan saw the vault"


def test_open_methods_are_found(reports: dict[str, Report]) -> None:
    methods = {f.resource for f in reports["opened"].failed if f.check == "CKV_AWS_59"}
    assert methods == {f'module.service.module.api.aws_api_gateway_method.route["todos.{o}"]' for o in ("get", "list")}


def test_skips_have_reasons() -> None:
    assert [skip for skip, why in scan.configured_skips().items() if len(why) <= 20] == []


@pytest.mark.slow  # all is scanned once more
@pytest.mark.parametrize("skip", sorted(scan.configured_skips()), ids=" ".join)
def test_skip_is_needed(unskipped_reports: set[Finding], skip: tuple[str, str, str]) -> None:
    assert skip in {finding.block for finding in unskipped_reports}, "nothing fails without it: remove the skip"


def test_every_skip_is_one_of_the_listed(hcl_report: Report, reports: dict[str, Report]) -> None:
    used = {f.block: f.reason for report in [hcl_report, *reports.values()] for f in report.skipped}
    assert used == scan.configured_skips()


@pytest.fixture(scope="session")
def equipped_report(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The scan without skips of a plan with all features that cost money and existing resources of a security team."""
    copy = scan.copy_without_skips(tmp_path_factory.mktemp("equipped"))
    return scan.scan_plans({"equipped": planner(EQUIPPED)}, copy)["equipped"]


@pytest.mark.slow  # a plan and a scan of its own
def test_existing_resources_need_no_skips(equipped_report: Report) -> None:
    left = {finding.block for finding in equipped_report.failed}
    assert left <= scan.configured_skips().keys()
    gone = {finding.block for finding in equipped_report.passed} & scan.configured_skips().keys() - left
    assert gone >= {
        ("CKV_AWS_18", "modules/audit", "aws_s3_bucket.this"),
        ("CKV_AWS_18", "modules/website", "aws_s3_bucket.page"),
        ("CKV_AWS_272", "modules/function", "aws_lambda_function.this"),
        ("CKV_AWS_68", "modules/website", "aws_cloudfront_distribution.this"),
        ("CKV_AWS_86", "modules/website", "aws_cloudfront_distribution.this"),
    }
    shown, counted = documented_skips()
    assert shown == left, "docs/explanation/security.md shows what is left"
    assert counted == (len(gone) + len(left), len(gone), len(left))


def documented_skips() -> tuple[set[tuple[str, str, str]], tuple[int, ...]]:
    """Return the skips that docs/explanation/security.md lists as remaining, and its counts: total, gone and left."""
    text = (ROOT / "docs" / "explanation" / "security.md").read_text()
    section = text.partition("## Skipped checks of checkov\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (CKV\w+) \| `([\w/-]+)`, `([\w.]+)` \| (.+) \|$", section, re.MULTILINE)
    reasons = scan.configured_skips()
    assert [row for row in rows if reasons[row[0], row[1], row[2]] not in row[3]] == [], "each with its reason"
    (counts,) = re.findall(r"Of the (\d+)\s+skips\s.*?\s+remove\s+(\d+),\s+and (\d+)\s+remain", section, re.DOTALL)
    return {(check, folder, block) for check, folder, block, _ in rows}, tuple(map(int, counts))


def test_the_skips_in_the_documents_are_in_the_code() -> None:
    shown, (all_of_them, gone, left) = documented_skips()
    assert shown <= scan.configured_skips().keys()
    assert len(shown) == left == all_of_them - gone


def test_settings_skip_no_check() -> None:
    settings = (ROOT / ".checkov.yaml").read_text()
    assert not {"skip-check", "check", "soft-fail", "hard-fail-on"} & {k.split(":")[0] for k in settings.splitlines()}


def test_missing_checkov_says_what_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scan, "CHECKOV", tmp_path / "checkov")
    with pytest.raises(scan.CheckovMissingError, match=r"run `python -m tools setup checkov`"):
        scan.scan_hcl(ROOT)
