"""Run the build in dist/, and read its manifest. Standard library only, since build.py imports this module, too."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = "manifest.json"


def build_functions(progress: Callable[[str], None], project: Path | None = None, *, is_laptop: bool = False) -> None:
    """Bring dist/ up to date, for another project if given. Raise UserError if the build fails.

    is_laptop: install packages for this machine instead of Lambda.
    """
    progress("Building the functions ...")
    options = ["--project", str(project)] if project else []
    options += ["--platform", "laptop"] if is_laptop else []
    done = subprocess.run([sys.executable, ROOT / "build.py", *options], check=False, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()
        raise UserError(
            f"The build failed: {lines[-1]} Run `{shlex.join(['python', 'build.py', *options])}` to see all of it."
        )


def read_manifest(dist: Path) -> dict[str, Any]:
    """Return dist/manifest.json, or an empty dict if it is missing or damaged."""
    try:
        manifest = json.loads((dist / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
