"""Run terraform fmt, terraform validate, and the tests of the variables' validations."""

from __future__ import annotations

import argparse
import shutil

from tools.dist import build_functions
from tools.terraform import OF_VARIABLES, ROOT, Terraform, link, own_environment


def fmt(options: argparse.Namespace) -> int:
    """Format the Terraform, or with --check only list the unformatted files; return the exit code."""
    return Terraform(ROOT, own_environment()).attend("fmt", "-recursive", *(["-check"] if options.check else []))


def validate(options: argparse.Namespace) -> int:
    """Run both; return the first exit code that is not 0."""
    build_functions(options.progress)
    local = ROOT / ".local"
    whole = Terraform(ROOT, own_environment(TF_DATA_DIR=str(local / "validate")), progress=options.progress)
    whole.init("-backend=false", "-test-directory=tests/terraform")
    accepted = ("test", "-test-directory=tests/terraform", "-filter=tests/terraform/accepted.tftest.hcl")
    if code := whole.attend("validate") or whole.attend(*accepted):
        return code
    # The tests of validations need no provider, whose start takes two seconds per run.
    shutil.rmtree(local / "refused", ignore_errors=True)
    tests = ROOT / "tests" / "terraform" / "refused.tftest.hcl"
    refused = Terraform(
        link(local / "refused", (*(ROOT / name for name in OF_VARIABLES), tests)),
        own_environment(),
        progress=options.progress,
    )
    refused.call("init", "-input=false", "-no-color")
    return refused.attend("test")
