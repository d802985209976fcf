"""Test the addresses of APIs on the laptop: a domain or VPC endpoints, and no other address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.local.api import POOL
from tests.local.runner import ROOT, Local

pytestmark = pytest.mark.slow

SYSTEM = """
name        = "{name}"
environment = "local"
encryption  = {{ customer_key = false }}
network     = null
entities    = {{ items = {{ access = {{ default = "open", {access} }} }} }}
{address}
"""
ENDPOINT, OTHER = "vpce-0123456789abcdef0", "vpce-1123456789abcdef0"


def status(method: str, url: str, host: str | None = None) -> int:
    """Return a response's status; host is the Host header."""
    return int(POOL.request(method, url, headers={"Host": host} if host else {}, retries=False).status)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    local = Local(tmp_path_factory.mktemp("addresses") / ".local")
    yield local
    local("down", "--purge")


def bring_up(stack: Local, folder: Path, name: str, address: str, access: str = "") -> None:
    file = folder / "system.tfvars"
    file.write_text(SYSTEM.format(name=name, address=address, access=access))
    done = stack.up(file)
    assert done.returncode == 0, done.stderr


def test_an_api_is_served_only_at_its_domain(stack: Local, tmp_path: Path) -> None:
    bring_up(stack, tmp_path, "domain", 'domain = { name = "api.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }')
    endpoint = stack.running().endpoint
    url = f"{endpoint}/_aws/domains/api.example.com"
    assert stack.outputs()["api_url"] == url
    assert f"export URL='{url}'" in stack("env").stdout.splitlines()
    curl = stack.system.request() or ""
    assert curl == f"curl -i -H 'host: api.example.com' {endpoint}/items"
    pasted = subprocess.run(curl, shell=True, check=True, capture_output=True, text=True).stdout
    assert pasted.startswith("HTTP/1.1 200 OK")

    (api,) = stack.client("apigateway").get_rest_apis()["items"]
    assert status("GET", f"{endpoint}/_aws/execute-api/{api['id']}/local/items") == 403, "disabled, as in AWS"
    assert status("GET", f"{endpoint}/items", "other.example.com") == 403
    made = POOL.request("POST", f"{url}/items", json={"a": 1})
    assert (made.status, status("GET", urljoin(f"{url}/items", made.headers["Location"]))) == (201, 200)
    assert POOL.request("GET", f"{url}/openapi.json").json()["servers"] == [{"url": url}]
    # The console's distribution calls the API at its domain.
    assert status("GET", f"http://localhost:{stack.port}/api/items") == 200
    smoke = subprocess.run(
        [sys.executable, ROOT / "tests" / "smoke.py", url], check=False, capture_output=True, text=True
    )
    assert smoke.returncode == 0, smoke.stderr
    assert not stack.system.has_changes(stack.system.var_files)


def test_a_private_api_is_served_only_through_its_endpoints(stack: Local, tmp_path: Path) -> None:
    bring_up(stack, tmp_path, "inside", f'private = {{ vpc_endpoint_ids = ["{ENDPOINT}"] }}', 'list = "iam"')
    url = stack.outputs()["api_url"]
    assert url.endswith(f"-{ENDPOINT}/local")
    assert stack.outputs()["private_urls"] == {ENDPOINT: url}
    assert status("GET", f"{url}/items/none") == 404
    # For `iam`, which the API's policy does not open, the gateway treats an unsigned call as an
    # unknown path.
    assert status("GET", f"{url}/items") == 404
    assert POOL.request("GET", f"{url}/items", headers={"Authorization": "Bearer x"}).status == 403
    for elsewhere in (url.replace(f"-{ENDPOINT}", ""), url.replace(ENDPOINT, OTHER)):
        assert [status(method, f"{elsewhere}/items/none") for method in ("GET", "OPTIONS", "PUT")] == [403, 403, 403]
    assert not stack.outputs().get("website_url"), "CloudFront cannot reach a VPC"
    assert not stack.system.has_changes(stack.system.var_files)
