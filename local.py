"""Run the API on this machine: `python local.py up`, and `python local.py --help` for the rest."""

import sys
from pathlib import Path

FILE = Path(__file__).resolve()

if sys.version_info < (3, 11):  # noqa: UP036 - who runs this may have any Python
    sys.exit("Python 3.11 or newer is needed, this is {}.{}.".format(*sys.version_info))
# The package `tools` is beside this file, where Python does not look with PYTHONSAFEPATH.
sys.path[:0] = [] if str(FILE.parent) in sys.path else [str(FILE.parent)]

from tools import commands  # noqa: E402 - it does not import on an older Python

if __name__ == "__main__":
    sys.exit(commands.main("local.py", FILE, commands.LAPTOP, sys.argv[1:]))
