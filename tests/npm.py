"""Install tests' tools from npm: pinned, and installed once into .local/npm."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def install_packages(*packages: str) -> Path:
    """Return a folder whose node_modules hold these packages, such as "dynalite@4.0.0".

    Without Node.js or a connection the test fails, since no test may be skipped unnoticed.
    """
    npm = shutil.which("npm")
    wanted = ", ".join(packages)
    assert npm, f"These tests need npm for {wanted}: install Node.js 20 or newer."
    name = hashlib.sha256(json.dumps(packages).encode()).hexdigest()[:12]
    folder = ROOT / ".local" / "npm" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            (folder / "package.json").write_text('{"private": true}\n')
            options = ("--no-audit", "--no-fund", "--no-progress", "--ignore-scripts")
            command = [npm, "install", *options, *packages]
            done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
            assert done.returncode == 0, f"npm cannot install {wanted}: {done.stderr}"
            (folder / "complete").touch()
    return folder
