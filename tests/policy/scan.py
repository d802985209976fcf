"""Scan the Terraform and the plans of every var-file with checkov: `make check`.

The scan of the HCL covers every module and bootstrap/, but no values; the scan of a plan covers the values of
one var-file. A finding may be skipped beside its resource, with the reason, or a var-file may explicitly
request it, such as open methods: see `declared_failures`. Any other finding makes the exit code 1.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.plan import inventory
from tests.plan.planner import ROOT, Plan, Values, start_planner

CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
SARIF = ROOT / "reports" / "checkov.sarif"

INDEX = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')
SKIP = re.compile(r"#\s*checkov:skip=(\w+):?(.*)")
CALL = re.compile(r'^module "(\w+)" {\n  source += "\.\./([\w-]+)"$', re.MULTILINE)
BLOCK = re.compile(r'^(?:resource|data) "(\w+)" "(\w+)"')


class CheckovMissingError(Exception):
    """checkov is not installed."""


@dataclass(frozen=True, order=True)
class Finding:
    """A check that failed or was skipped on one resource."""

    check: str
    resource: str  # its address, in a plan with the keys of for_each
    folder: str  # where its block is: "modules/table", "bootstrap"; "." is the root
    reason: str = ""

    @property
    def block(self) -> tuple[str, str, str]:
        """The check and the block, whichever resource of the block it failed on."""
        return self.check, self.folder, ".".join(INDEX.sub("", self.resource).split(".")[-2:])


@dataclass(frozen=True)
class Report:
    """The result of one of checkov's scans."""

    passed: tuple[Finding, ...]
    failed: frozenset[Finding]
    skipped: frozenset[Finding]


def scan_hcl(root: Path, sarif: Path | None = None) -> Report:
    """Scan the configuration below a folder."""
    with_sarif = ["-o", "sarif", "--output-file-path", f"console,{sarif}"] if sarif else []
    results = run_checkov("-d", str(root), "--framework", "terraform", "-o", "json", *with_sarif)
    return read_report(results.get("", {}))


def scan_plans(plans: Mapping[str, Plan], root: Path = ROOT) -> dict[str, Report]:
    """Scan plans, with the skips in the configuration below the folder."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for name, plan in plans.items():
            file = Path(folder) / f"{name}.json"
            file.write_text(json.dumps(with_placeholders(plan.data)))
            arguments += ["-f", str(file)]
        options = (
            "--framework",
            "terraform_plan",
            "-o",
            "json",
            "--repo-root-for-plan-enrichment",
            str(root),
        )
        results = run_checkov(*arguments, *options)
    return {name: read_report(results.get(name, {})) for name in plans}


def run_checkov(*arguments: str) -> dict[str, dict[str, list[Values]]]:
    """Run checkov; return its records by plan ("" for HCL) and by "passed", "failed" and "skipped"."""
    if not CHECKOV.exists():
        raise CheckovMissingError("checkov is missing: run `python -m tools setup checkov`, as `make check` does.")
    command = [str(CHECKOV), "--config-file", str(ROOT / ".checkov.yaml"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    text, _, _ = done.stdout.partition("\n--- OUTPUT DELIMITER ---\n")
    assert done.returncode in (0, 1), done.stderr
    document = json.loads(text)
    assert document["summary"]["parsing_errors"] == 0, document["results"]["parsing_errors"]
    sorted_out: dict[str, dict[str, list[Values]]] = {}
    for result in ("passed", "failed", "skipped"):
        for record in document["results"][f"{result}_checks"]:
            file = Path(record["file_abs_path"])
            name = file.stem if file.suffix == ".json" else ""
            sorted_out.setdefault(name, {}).setdefault(result, []).append(record)
    return sorted_out


def read_report(records: Mapping[str, list[Values]]) -> Report:
    """Return the findings among checkov's records."""
    return Report(
        passed=tuple(read_finding(r) for r in records.get("passed", [])),
        failed=frozenset(read_finding(r) for r in records.get("failed", [])),
        skipped=frozenset(read_finding(r) for r in records.get("skipped", [])),
    )


def read_finding(record: Values) -> Finding:
    """Return one of checkov's records as a finding."""
    # Only for resources of another root, the file identifies the block.
    *modules, _, _ = INDEX.sub("", record["resource"]).split(".")
    folder = (
        f"modules/{module_folders().get(modules[-1], modules[-1])}"
        if modules
        else str(Path(record["file_path"].lstrip("/")).parent)
    )
    reason = record["check_result"].get("suppress_comment", "")
    return Finding(record["check_id"], record["resource"], folder, reason)


@functools.cache
def module_folders() -> dict[str, str]:
    """Return the folders of the modules that modules/service calls, by the names of the calls."""
    texts = (file.read_text() for file in (ROOT / "modules" / "service").glob("*.tf"))
    return {call: folder for text in texts for call, folder in CALL.findall(text)}


def with_placeholders(document: Values) -> Values:
    """Return a plan with a text in place of each configured value that is unknown before the apply.

    checkov treats unknown values as missing. Its own option for this, EVAL_TF_PLAN_AFTER_UNKNOWN, also treats
    attributes that AWS sets as configured.
    """
    document = json.loads(json.dumps(document))
    unknown = {
        r["address"]: (r["change"]["after_unknown"], expressions(document, r)) for r in document["resource_changes"]
    }
    for resource in planned_resources(document["planned_values"]["root_module"]):
        fill_unknown(resource["values"], *unknown[resource["address"]])
    return document


def planned_resources(module: Values) -> Iterator[Values]:
    """Yield the planned resources of a module and its child modules."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from planned_resources(child)


def expressions(document: Values, resource: Values) -> Values:
    """Return the arguments of a resource that the configuration sets."""
    module = document["configuration"]["root_module"]
    for name in INDEX.sub("", resource.get("module_address", "")).split(".")[1::2]:
        module = module["module_calls"][name]["module"]
    found = (r for r in module["resources"] if all(r[k] == resource[k] for k in ("mode", "type", "name")))
    configured: Values = next(found).get("expressions", {})
    return configured


def fill_unknown(values: Any, unknown: Any, configured: Any) -> None:
    """Put a text into planned values that the configuration sets but that are unknown."""
    for key, what in unknown.items() if isinstance(unknown, dict) else enumerate(unknown):
        # The configuration's expressions do not contain dynamic blocks, so their content counts as
        # set.
        below = configured.get(key) if isinstance(configured, dict) else None
        if what is True and (configured is None or below is not None):
            values[key] = "known after apply"
        elif isinstance(what, dict | list) and isinstance(values, dict) and values.get(key):
            for i, part in enumerate(what if isinstance(what, list) else []):
                if isinstance(part, dict):
                    fill_unknown(values[key][i], part, below[i] if isinstance(below, list) and i < len(below) else None)


def configured_skips(root: Path = ROOT) -> dict[tuple[str, str, str], str]:
    """Return the reasons of the configuration's skips, by check, folder and block."""
    found = {}
    for file in configuration_files(root):
        block = ""
        for line in file.read_text().splitlines():
            if begins := BLOCK.match(line):
                block = f"{begins[1]}.{begins[2]}"
            if skip := SKIP.search(line):
                found[skip[1], str(file.parent.relative_to(root)), block] = skip[2].strip()
    return found


def configuration_files(root: Path = ROOT) -> list[Path]:
    """Return the project's Terraform files."""
    return [
        f
        for pattern in ("*.tf", "modules/*/*.tf", "bootstrap/*.tf", "examples/*/*.tf")
        for f in sorted(root.glob(pattern))
    ]


def copy_without_skips(folder: Path) -> Path:
    """Copy the configuration to the folder with its skips blanked, on the same lines; return the folder."""
    for file in configuration_files():
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(SKIP.sub("#", file.read_text()))
    return folder


def declared_failures(plan: Plan) -> dict[tuple[str, str], str]:
    """Return the failures that a var-file requests, by check and address, each with the setting."""
    variables = plan.variables
    groups, functions, tables = (
        plan.all(kind) for kind in ("aws_cloudwatch_log_group", "aws_lambda_function", "aws_dynamodb_table")
    )
    found: dict[tuple[str, str], str] = {}

    def ask(why: str, check: str, addresses: Iterable[str]) -> None:
        found.update({(check, f"{plan.prefix}{address}"): why for address in addresses})

    if not variables["encryption"].get("customer_key", True):
        ask("encryption.customer_key = false", "CKV_AWS_119", tables)
        ask("encryption.customer_key = false", "CKV_AWS_158", groups)
        ask("encryption.customer_key = false", "CKV_AWS_297", plan.all("aws_scheduler_schedule"))
    if (days := variables["log_retention_days"]) < 365:
        ask(f"log_retention_days = {days}", "CKV_AWS_338", groups)
    if variables["network"] is None:
        ask("network = null", "CKV_AWS_117", functions)
    if variables["jwt"] is not None:
        ask("jwt", "CKV_AWS_117", [address for address in functions if address.startswith("module.authorizer[")])
    route_access = {
        route: each.get("access")
        for function in variables["functions"].values()
        for route, each in (function.get("routes") or {}).items()
    }
    for address in plan.all("aws_api_gateway_method"):
        if route := re.search(r'\.route\["(\S+ .+)"\]$', address):
            access = route_access[route[1]]
        elif operation := re.search(r'\.route\["([^.]+)\.(\w+)"\]$', address):
            entity = variables["entities"][operation[1]].get("access", {})
            access = entity.get(operation[2], entity.get("default"))
        else:
            continue
        if access == "open":
            ask("access = open", "CKV_AWS_59", [address])
    return found


def count_line(name: str, result: Report, asked: Mapping[tuple[str, str], str]) -> str:
    """Return a scan's counts on one line."""
    own = [f for f in result.failed if (f.check, f.resource) in asked]
    numbers = {"passed": result.passed, "failed": result.failed - set(own), "skipped": result.skipped}
    counts = " ".join(f"{len(found):4} {kind}" for kind, found in numbers.items())
    why = sorted({asked[f.check, f.resource] for f in own})
    return f"{name:34} {counts}" + (f" {len(own):3} asked for by {', '.join(why)}" if own else "")


def main() -> int:
    """Scan everything, write the SARIF report, print counts, skips and failures; return the exit code."""
    SARIF.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, start_planner(Path(folder)) as planner:
        hcl = scan_hcl(ROOT, SARIF)
        plans = {name: planner(file) for name, file in inventory.VAR_FILES.items()}
        reports = scan_plans(plans)
        asked = {name: declared_failures(plan) for name, plan in plans.items()}

    print(count_line("HCL", hcl, {}))
    for name, result in reports.items():
        print(count_line(inventory.VAR_FILES[name], result, asked[name]))
    print("\nSkipped, beside the resource:")
    for (check, place, block), reason in sorted(configured_skips().items()):
        print(f"{check:12} {place}, {block}: {reason}")
    failed = [("HCL", f) for f in sorted(hcl.failed)]
    failed += [(n, f) for n, r in reports.items() for f in sorted(r.failed) if (f.check, f.resource) not in asked[n]]
    if failed:
        print("\nFailed:")
        for name, found in failed:
            print(f"{found.check:12} {name}: {found.resource}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CheckovMissingError as error:
        sys.exit(str(error))
