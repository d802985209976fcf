"""The OpenAPI document of any variables, as Terraform's console writes it: in 0.1 s, without the provider."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.plan.planner import ROOT
from tools import terraform

LINKED = ["contract", "dist", "environments", "modules", "schemas", *terraform.OF_VARIABLES]
SCOPE = """
locals {
  scope = {
    account_id = local.account
    dns_suffix = "amazonaws.com"
    partition  = local.partition
    region     = var.region
  }
}
"""


def folder_for_documents(folder: Path) -> Path:
    """Create a folder for `document` with the variables of modules/service and its module openapi."""
    for path in LINKED:
        (folder / Path(path).name).symlink_to(ROOT / path)
    main = (ROOT / terraform.SERVICE / "main.tf").read_text()
    call = re.search(r'^module "openapi" \{.*?^\}$', main, re.DOTALL | re.MULTILINE)
    assert call
    (folder / "openapi.tf").write_text(call[0].replace("../openapi", "./modules/openapi") + SCOPE)
    run(folder, "init")
    return folder


def document(folder: Path, var_file: Path | None = None, **variables: Any) -> dict[str, Any]:
    """Return the document of an API with the variables of a file, or with these."""
    (folder / "test.tfvars.json").write_text(json.dumps({"name": "shop", "environment": "test", **variables}))
    file = var_file or folder / "test.tfvars.json"
    text = run(folder, "console", f"-var-file={file}", expression="base64encode(module.openapi.document)\n")
    found: dict[str, Any] = json.loads(base64.b64decode(text.strip().strip('"')))
    return found


def run(folder: Path, *arguments: str, expression: str = "") -> str:
    """Run Terraform in the folder and return what it writes."""
    done = subprocess.run(
        [terraform.find_terraform(), *arguments],
        cwd=folder,
        input=expression,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr, done.stderr
    return done.stdout
