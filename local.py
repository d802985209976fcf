"""Run the API on this machine: `python local.py up`, and `python local.py --help` for the rest."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> int:
    """Make sure of the virtual environment, continue in it, and run the command."""
    if sys.version_info < (3, 11):  # noqa: UP036 - who runs this may have any Python
        return "Python 3.11 or newer is needed, this is {}.{}.".format(*sys.version_info)
    # `local` is the package beside this file. It does not import on an older Python.
    from local import errors, venv  # noqa: PLC0415

    try:
        python = venv.ensure()
    except errors.UserError as error:
        return str(error)
    if Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), str(ROOT / "local.py"), *sys.argv[1:]])  # noqa: S606 - no shell wanted
    from local import cli  # noqa: PLC0415 - it needs the virtual environment

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
