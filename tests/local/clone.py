"""A clone of the repository whose `make` uses the emulator in place of AWS."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from tests.local.api import Api


@dataclass
class Clone:
    """A clone in its own folder, whose commands use the emulator."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def make(self, *arguments: str, code: int | None = 0, **environment: str) -> str:
        """Run make; return its output. If `code` is None, any exit code is accepted."""
        # Without the AWS settings of this process and the variables of a calling pytest or make.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_", "MAKE", "MFLAGS"))}
        done = subprocess.run(
            ["make", *arguments, f"PYTHON={sys.executable}"], cwd=self.folder, text=True, check=False,
            env={**kept, **self.variables, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert "Traceback" not in done.stdout
        # make exits with 2 for any failed recipe.
        assert code is None or (done.returncode != 0) == (code != 0), done.stdout
        return done.stdout

    def client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(
            service, endpoint_url=self.variables["AWS_ENDPOINT_URL"], region_name="us-west-2",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def api(self, printed: str) -> Api:
        """Return a client of the items from the output of `make outputs`, with the generated key."""
        url = next(line.split('"')[1] for line in printed.splitlines() if line.startswith("api_url"))
        (key,) = self.client("apigateway").get_api_keys(includeValues=True)["items"]
        return Api(f"{url}/items", key["value"])
