"""Run the system on this machine: `python local.py up`. `python local.py --help` lists all commands."""

import sys
from pathlib import Path

FILE = Path(__file__).resolve()

if sys.version_info < (3, 11):  # noqa: UP036 - the user may have any Python
    sys.exit("Trestle needs Python 3.11 or newer, and this is Python {}.{}.".format(*sys.version_info))
# With PYTHONSAFEPATH, Python does not look for the package `tools` beside this file.
sys.path[:0] = [] if str(FILE.parent) in sys.path else [str(FILE.parent)]

from tools import commands  # noqa: E402 - an older Python cannot import it

if __name__ == "__main__":
    sys.exit(commands.main("local.py", FILE, commands.LAPTOP, sys.argv[1:]))
