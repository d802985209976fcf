"""Compare each example's OpenAPI document with its API: 2,000 valid and invalid requests by Schemathesis."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.api import Api
from tests.local.runner import ROOT, Local

SCHEMATHESIS = "schemathesis==4.32.5"
REQUESTS = 2_000
# Statuses that depend on stored items, other requests or a body's size, which no schema can
# express.
DEPENDENT = ["404", "409", "412", "429"]
EXPECTED = {
    "positive_data_acceptance": ["2xx", "304", *DEPENDENT],
    "negative_data_rejection": ["400", "401", "403", "405", "413", "415", "422", *DEPENDENT],
}

# Claims of a token that may call every operation with every parameter.
IDENTITY = {"tenants": ("--claim", "tenant_id=acme", "--group", "support", "--group", "support-lead")}
EXAMPLES = sorted(file.stem for file in (ROOT / "examples").glob("*.tfvars"))


@pytest.fixture(scope="module")
def schemathesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Schemathesis in its own environment; return its command."""
    folder = tmp_path_factory.mktemp("schemathesis")
    python = folder / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", SCHEMATHESIS],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return folder / "bin" / "schemathesis"


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_openapi_document_is_as_strict_as_the_api(schemathesis: Path, tmp_path: Path, example: str) -> None:
    local = Local(tmp_path / "local")
    done = local.up(ROOT / "examples" / f"{example}.tfvars")
    try:
        assert done.returncode == 0, done.stderr
        outputs = local.outputs()
        api = Api(outputs["api_url"], None)
        document = api("GET", "/openapi.json").json
        operations = sum(len(item.keys() - {"parameters"}) for item in document["paths"].values())
        schemes = document["components"]["securitySchemes"]
        headers: list[str] = []
        if "api_key" in schemes:
            headers += ["-H", f"X-Api-Key: {next(iter(outputs['api_keys'].values()))}"]
        if "cognito" in schemes or "jwt" in schemes:
            token = local("token", "--user", "ada", *IDENTITY.get(example, ())).stdout.strip()
            headers += ["-H", f"Authorization: Bearer {token}"]
        settings = tmp_path / "schemathesis.toml"
        settings.write_text(
            "".join(
                f"[checks.{check}]\nexpected-statuses = {json.dumps(statuses)}\n"
                for check, statuses in EXPECTED.items()
            )
        )
        # No base URL, since the document has the API's address. Some operations end before their
        # share.
        command: list[str | Path] = [
            schemathesis, "--config-file", settings, "run", f"{outputs['api_url']}/openapi.json", *headers,
            "--max-examples", str(2 * REQUESTS // operations), "--seed", "1",
            "--continue-on-failure", "--no-color",
        ]  # fmt: skip
        hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(Path(__file__).parent)}
        done = subprocess.run(
            command, cwd=tmp_path, check=False, capture_output=True, text=True, env={**os.environ, **hooks}
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
        generated = re.search(r"(\d[\d,]*) generated", done.stdout)
        assert generated, done.stdout
        assert int(generated[1].replace(",", "")) >= REQUESTS, done.stdout
    finally:
        local("down")
