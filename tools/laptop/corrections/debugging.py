"""Let a function's process wait for a debugger, without a timeout, and run the files of the project.

The file FILE in the emulator's folder names the function. tools/laptop/debugger.py writes it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.laptop.corrections import Params
from tools.laptop.corrections.secretsmanager import retire_workers

FILE = "debug.json"

# The environment variable that passes the file's text to the process of the function.
VARIABLE = "TRESTLE_DEBUG"

NO_LIMIT = 86_400  # seconds

# The code that a function's process runs before it imports the function. It imports app/ from the project instead of
# the package, so that the debugger and the editor use the same file names, without a path mapping.
WAIT = f"""
def _wait_for_debugger(code_dir):
    import json, os, shutil, sys
    asked = os.environ.pop({VARIABLE!r}, "")
    if not asked:
        return
    asked = json.loads(asked)
    where = "127.0.0.1:{{}}".format(asked["port"])
    if os.path.isdir(os.path.join(code_dir, "app")):
        shutil.rmtree(os.path.join(code_dir, "app"))
        sys.path.append(os.path.dirname(asked["app"]))
        sys.dont_write_bytecode = True
    import debugpy
    debugpy.configure(subProcess=False)
    try:
        debugpy.listen(("127.0.0.1", asked["port"]), in_process_debug_adapter=True)
    except Exception as error:
        print("This call is not debugged: another one uses " + where + ": " + str(error), file=sys.stderr)
        return
    debugpy.wait_for_client()
"""
BEFORE, AFTER = "    _ms_install_invoke_depth()\n", "    try:\n        mod = importlib.import_module(module_name)\n"


class Debugging:
    """The function to debug, as a file names it now."""

    def __init__(self, file: Path) -> None:
        """Read `file` at each use. If there is no such file, no function is debugged."""
        self.file = file

    def asked(self, function: str) -> str:
        """Return the debugger's settings for a function's process as JSON, or an empty text for any other function."""
        try:
            text = self.file.read_text()
        except OSError:
            return ""
        return text if json.loads(text)["function"] == function else ""


def correct(functions: Any, runtime: Any, debugging: Debugging) -> None:
    """Correct how ministack.services.lambda_svc starts processes of ministack.core.lambda_runtime."""
    script = runtime._PYTHON_WORKER_SCRIPT
    waiting = script.replace(BEFORE + AFTER, f"{BEFORE}    _wait_for_debugger(code_dir)\n{AFTER}")
    runtime._PYTHON_WORKER_SCRIPT = WAIT + waiting
    acquire = functions.acquire_worker

    def acquire_debugged(name: str, config: Params, code: bytes, qualifier: str = "$LATEST", **options: Any) -> Any:
        asked = debugging.asked(name)
        region, account = config["FunctionArn"].split(":")[3:5]
        prefix = f"{account}:{region}:{name}:"

        def is_other(key: str, worker: Any) -> bool:
            known = worker.config.get("Environment", {}).get("Variables", {}).get(VARIABLE, "")
            return bool(known != asked or (asked and key != f"{prefix}{qualifier}"))

        # Only one process can have the port, so end those of earlier versions and of other debugged functions.
        retire_workers(runtime, prefix, is_other)
        if asked:
            variables = {**config.get("Environment", {}).get("Variables", {}), VARIABLE: asked}
            config = config | {"Timeout": NO_LIMIT, "Environment": {"Variables": variables}}
        return acquire(name, config, code, qualifier=qualifier, **options)

    functions.acquire_worker = acquire_debugged
