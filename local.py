"""Run the API on this machine: `python local.py up`, and `python local.py --help` for the rest."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> int:
    """Make sure of the virtual environment, continue in it, and run the command."""
    if sys.version_info < (3, 11):  # noqa: UP036 - who runs this may have any Python
        sys.exit("Python 3.11 or newer is needed, this is {}.{}.".format(*sys.version_info))
    # The package `local` is beside this file, where Python does not look with PYTHONSAFEPATH.
    sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]
    from tools.errors import user_errors  # noqa: PLC0415 - it does not import on an older Python

    return user_errors(run)()


def run() -> int:
    """Run the command in the virtual environment, which is made if need be."""
    from tools import venv  # noqa: PLC0415

    was_ready = venv.is_ready()
    python = venv.ensure()
    if not was_ready or Path(sys.prefix).resolve() != python.parent.parent.resolve():
        kept = {k: v for k, v in os.environ.items() if k not in venv.IMPORTED_FROM}
        environment = {**kept, "PYTHONUTF8": "1"}  # our files are UTF-8, whatever the locale says
        os.execve(python, [str(python), str(ROOT / "local.py"), *sys.argv[1:]], environment)  # noqa: S606
    from tools.laptop import cli  # noqa: PLC0415 - it needs the virtual environment

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
