"""Run a command, in .venv if the command needs it. `python -m tools --help` lists the commands."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

if sys.version_info < (3, 11):  # noqa: UP036 - who runs this may have any Python
    sys.exit("Trestle needs Python 3.11 or newer, and this is Python {}.{}.".format(*sys.version_info))
# Run as a script, as in .venv, this has its own folder there.
sys.path[:] = [str(ROOT), *(path for path in sys.path if path != str(ROOT / "tools"))]

from tools import commands  # noqa: E402 - it does not import on an older Python

if __name__ == "__main__":
    sys.exit(commands.main("python -m tools", Path(__file__).resolve(), commands.TOOLS, sys.argv[1:]))
