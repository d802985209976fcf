"""Deploy the API once more after an apply that removed routes.

A deployment is a snapshot of the API, and Terraform creates the new one before it deletes the
removed routes. They would return 500 until the next deployment: see docs/decisions/0003. A file
keeps the routes from before the apply until the second deployment, even if the apply fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.errors import UserError
from tools.terraform import Terraform, first_error

# The address of routes before the root called modules/service.
FORMER = "module.api.aws_api_gateway_method."

METHOD = re.compile(
    r'^(?:module\.[\w-]+(?:\[(?:\d+|"[^"]*")\])?\.)*module\.api\.aws_api_gateway_method\.(?:route|mock)\["(.+)"\]$'
)


@dataclass
class Routes:
    """The current and the earlier routes of the API in Terraform's state."""

    terraform: Terraform

    @property
    def file(self) -> Path:
        """Return the file that keeps the routes, one address per line."""
        return self.terraform.data_dir / "routes"

    def remember(self) -> None:
        """Add the state's routes to the file."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(
            "".join(f"{address}\n" for address in sorted(self._saved_routes() | self._current_routes()))
        )

    def finish(self, arguments: Sequence[str]) -> list[str]:
        """Deploy the API again if routes were removed, delete the file, and return their names."""
        current = self._current_routes()
        removed = route_names(self._saved_routes() - current)
        # Without routes there is no API left to deploy.
        if removed and current:
            self.terraform.progress(f"Removed from the API: {', '.join(removed)}. Deploying it again without them ...")
            # Apply the whole configuration, which has no other change left. With -target, Terraform
            # would keep the old deployment until the next apply.
            replaced = [f"-replace={address}" for address in deployments(current)]
            done = self.terraform.run(["apply", "-input=false", "-auto-approve", *arguments, *replaced])
            if done.code:
                raise UserError(
                    f"The second deployment failed, and {', '.join(removed)} may return 500 until it succeeds: "
                    f"repeat the command. Terraform reported: {first_error(done.errors or done.output)}"
                )
        self.file.unlink(missing_ok=True)
        return removed

    def _saved_routes(self) -> set[str]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        # An apply that moves routes to another address does not remove them.
        return {f"module.service.{line}" if line.startswith(FORMER) else line for line in lines}

    def _current_routes(self) -> set[str]:
        """Return the addresses of the state's routes; none if there is no state yet."""
        done = self.terraform.run(["state", "list"])
        # An unreadable state must not count as one without routes: the removed routes would be
        # forgotten.
        if done.code and "No state file was found" not in done.errors:
            raise UserError(
                f"Terraform cannot list the state: {first_error(done.errors)} Repeat the command; until then "
                "routes that you removed may return 500."
            )
        return {line for line in done.output.splitlines() if METHOD.match(line)}


def route_names(addresses: Iterable[str]) -> list[str]:
    """Return the names of routes, such as "todos.delete" or "GET /openapi.json"."""
    return sorted(found[1] for found in map(METHOD.match, addresses) if found)


def deployments(addresses: Iterable[str]) -> list[str]:
    """Return the addresses of the deployments of these routes' APIs."""
    modules = {address.partition(".aws_api_gateway_method.")[0] for address in addresses}
    return sorted(f"{module}.aws_api_gateway_deployment.this" for module in modules)
