"""Deploy the API once more after an apply that removed routes.

A deployment is a snapshot of the API, and Terraform makes the new one before it deletes the removed routes.
They would answer 500 until the next deployment: see docs/decisions/0003.

`python -m tools.aws.redeploy remember` records the state's routes before an apply.
`python -m tools.aws.redeploy finish ENV` makes the second deployment if one of them is gone. Further arguments,
such as `-var`, go to Terraform. The record stays until then, even if the apply fails. TF_DATA_DIR names the
folder where Terraform is initialised for the environment.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.errors import UserError, user_errors
from tools.terraform import ROOT, find_terraform, first_error

# Where the root had its routes before it called modules/service.
FORMER = "module.api.aws_api_gateway_method."

METHOD = re.compile(
    r'^(?:module\.[\w-]+(?:\[(?:\d+|"[^"]*")\])?\.)*module\.api\.aws_api_gateway_method\.(?:route|mock)\["(.+)"\]$'
)


@dataclass
class Routes:
    """The routes of the root configuration in a folder, and those it had."""

    root: Path = ROOT
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def file(self) -> Path:
        """Where routes are remembered, one address a line."""
        return self.root / self.environment.get("TF_DATA_DIR", ".terraform") / "routes"

    def remember(self) -> None:
        """Add the state's routes to those that are remembered."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text("".join(f"{address}\n" for address in sorted(self._remembered() | self._known())))

    def finish(self, arguments: Sequence[str]) -> list[str]:
        """Deploy the API again if routes are gone, and forget them; return their names."""
        current = self._known()
        removed = route_names(self._remembered() - current)
        # Without any there is no API left to deploy.
        if removed and current:
            print(
                f"Removed from the API: {', '.join(removed)}. Deploying it once more, without them ...",
                flush=True,
            )
            # Apply the whole configuration, which has no other change by now. With -target, Terraform would
            # leave the old deployment to the next apply.
            replaced = [f"-replace={address}" for address in deployments(current)]
            done = self._run("apply", "-input=false", "-auto-approve", *arguments, *replaced)
            if done.returncode:
                raise UserError(
                    f"The second deployment failed, and {', '.join(removed)} may answer 500 until it is made: "
                    f"repeat the command. Terraform said: {first_error(done.stderr or done.stdout)}"
                )
        self.file.unlink(missing_ok=True)
        return removed

    def _remembered(self) -> set[str]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        # An apply that moves routes to another address does not remove them.
        return {f"module.service.{line}" if line.startswith(FORMER) else line for line in lines}

    def _known(self) -> set[str]:
        """Return the addresses of the state's routes; none where there is no state yet."""
        done = self._run("state", "list")
        # A state that cannot be read is not one without routes: those that went would be forgotten.
        if done.returncode and "No state file was found" not in done.stderr:
            raise UserError(
                f"Terraform cannot list the state: {first_error(done.stderr)} Repeat the command; until then "
                "routes that you removed may answer 500."
            )
        return {line for line in done.stdout.splitlines() if METHOD.match(line)}

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [find_terraform(), *arguments], check=False, cwd=self.root, env=self.environment,
            capture_output=True, text=True,
        )  # fmt: skip


def route_names(addresses: Iterable[str]) -> list[str]:
    """Return what the routes are called: "todos.delete", "GET /openapi.json"."""
    return sorted(found[1] for found in map(METHOD.match, addresses) if found)


def deployments(addresses: Iterable[str]) -> list[str]:
    """Return the addresses of the deployments of the APIs that these routes belong to."""
    modules = {address.partition(".aws_api_gateway_method.")[0] for address in addresses}
    return sorted(f"{module}.aws_api_gateway_deployment.this" for module in modules)


def main(command: str, environment: str = "", *arguments: str) -> int:
    """Run one of the two commands."""
    try:
        if command == "remember":
            Routes().remember()
        else:
            Routes().finish([f"-var-file=environments/{environment}.tfvars", *arguments])
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(user_errors(main)(*sys.argv[1:]))
