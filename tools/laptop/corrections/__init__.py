"""Run MiniStack with corrections, so that a plan after an apply shows no differences.

The emulator accepts some settings but does not report them, so Terraform sees drift in a system that nobody has
changed. The docstring of each correction names the resource and the emulator's fault. Corrections replace private
functions, so they are valid for one version only: with another one, the launcher, __main__.py, stops before it serves
anything. The other modules receive the modules that they correct as arguments and do not import them, so that the
version is checked first.
"""

from __future__ import annotations

import base64
from typing import Any

PINNED = "1.5.33"

# The path of Terraform's state in the emulator, the user, and the file beside the emulator's folder that holds the
# password. The emulator reads the file, because functions would see a variable of its environment.
TERRAFORM_PATH, TERRAFORM_USER, TERRAFORM_PASSWORD = "/_trestle/terraform", "trestle", "terraform-password"

Params = dict[str, Any]


def basic_authorization(password: str) -> str:
    """Return the Authorization header of requests for Terraform's state."""
    return f"Basic {base64.b64encode(f'{TERRAFORM_USER}:{password}'.encode()).decode()}"
