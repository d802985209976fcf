"""Run MiniStack with the read-backs corrected that would make every next plan show a difference.

The emulator accepts these settings and then does not report them, so Terraform sees drift in a stack that
nobody touched. Each correction names the resources that drift without it. They reach into private functions
and so hold for one version alone: on another the launcher, __main__.py, stops before it serves anything. The
other modules are handed what they correct and import none of it, so that the version is looked at first.
"""

from __future__ import annotations

from typing import Any

PINNED = "1.5.33"

Params = dict[str, Any]
