"""Check variables by the rules of modules/service without the AWS provider, in 0.4 s instead of 5.

The rules are the validations of the variables and the preconditions of `terraform_data.build`. test_build.py shows that
such a precondition stops the plan of a whole system.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.terraform import OF_VARIABLES, ROOT, SERVICE, find_terraform, link

# The values that build.tf reads from other files and from AWS.
ELSEWHERE = {
    "${path.module}/../..": "${path.module}",
    "data.aws_caller_identity.current.account_id": '"123456789012"',
    "data.aws_region.current.id": "var.region",
}
RULES = {"Invalid value for variable", "Resource precondition failed"}


def validations(folder: Path) -> Path:
    """Copy the variables of modules/service and the values derived from them to a folder, and return it."""
    return link(folder, (ROOT / name for name in OF_VARIABLES))


def preconditions(folder: Path) -> Path:
    """Copy the same and `terraform_data.build`. The folder links to schemas/ and dist/, which tests replace."""
    validations(folder)
    text = (ROOT / SERVICE / "build.tf").read_text()
    for ours, here in ELSEWHERE.items():
        assert ours in text
        text = text.replace(ours, here)
    (folder / "build.tf").write_text(text)
    return folder


def rule_errors(folder: Path, values: Mapping[str, object]) -> list[str]:
    """Return a message for each rule in the folder that the variables break."""
    (folder / "values.tfvars.json").write_text(json.dumps(values))
    command = [str(find_terraform()), "plan", "-json", "-input=false", "-lock=false", "-var-file=values.tfvars.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    errors = [e["diagnostic"] for e in events if e["type"] == "diagnostic" and e["diagnostic"]["severity"] == "error"]
    assert {each["summary"] for each in errors} <= {"Invalid value for variable", "Resource precondition failed"}, (
        errors
    )
    assert done.returncode == bool(errors), done.stderr
    return [each["detail"].partition("\n\nThis was checked")[0] for each in errors]
