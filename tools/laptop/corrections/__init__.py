"""Run MiniStack with the read-backs corrected that would make every next plan show a difference.

The emulator accepts these settings and then does not report them, so Terraform sees drift in a stack that
nobody touched. Each correction names the resources that drift without it. They reach into private functions
and so hold for one version alone: on another the launcher, __main__.py, stops before it serves anything. The
other modules are handed what they correct and import none of it, so that the version is looked at first.
"""

from __future__ import annotations

import base64
from typing import Any

PINNED = "1.5.33"

# Where Terraform keeps its state in the emulator, as whom, and the file beside the emulator's folder that holds the
# password. The emulator reads that file: what is in its environment reaches the functions.
TERRAFORM_PATH, TERRAFORM_USER, TERRAFORM_PASSWORD = "/_trestle/terraform", "trestle", "terraform-password"

Params = dict[str, Any]


def basic_authorization(password: str) -> str:
    """Return the header Authorization of requests for Terraform's state."""
    return f"Basic {base64.b64encode(f'{TERRAFORM_USER}:{password}'.encode()).decode()}"
